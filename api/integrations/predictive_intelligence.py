"""ServiceNow Predictive Intelligence: its prediction routes' arguments in, its answers' shapes out.

`GET /api/now/agent_intelligence/solution/prediction` answers for several solutions and records, grouped by solution and
sys_id, and `…/solution/{solution_name}/prediction` for one record, as ServiceNow's REST API reference describes them.
Confidence and threshold go from 0 to 100, and a class without a threshold has -1. Both take `POST` too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi.exceptions import RequestValidationError
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    TypeAdapter,
    ValidationError,
)

from api.integrations.report import Report
from api.integrations.servicenow import MAX_ROWS, IncidentRow, incident_of
from diagnosis.findings import Alternative, Prediction
from diagnosis.phrases import Phrase
from diagnosis.store.database import RecordNotFoundError

NO_THRESHOLD = -1

# What ServiceNow's own and customary solution names end in, and the field that they predict.
_CUSTOMARY = {
    "assignment": "assignment_group",
    "assignment_group": "assignment_group",
    "routing": "assignment_group",
    "category": "category",
    "categorization": "category",
    "subcategory": "subcategory",
    "service": "service",
    "business_service": "service",
    "ci": "cmdb_ci",
    "cmdb_ci": "cmdb_ci",
    "priority": "priority",
    "impact": "impact",
    "urgency": "urgency",
}
# Before it stand the kind, the application's scope (of several words at times), and ``global`` once or twice.
_DECORATION = re.compile(
    r"^(?:ml_)?(?:(?:x|sn|u)_\w+?_(?=global_|incident_)|(?:x|sn|u)_[a-z0-9]+_)?(?:global_)*(?:incident_)?"
)

Threshold = Callable[[str, str], float | None]


class Options(BaseModel):
    """The argument ``options``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    top_n: StrictInt = Field(default=1, ge=1, le=100)
    apply_threshold: StrictBool = True
    custom_results_filter: str = ""


def _from_text(value: object) -> object:
    """Return the value of an argument that is JSON inside a string, as scripts build it for an address."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return value


def _names(value: object) -> object:
    """Return solution names as a list: they come separated by commas."""
    if isinstance(value, str):
        value = value.split(",")
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return [name.strip() for name in value if name.strip()]
    return value


Rows = Annotated[list[IncidentRow], Field(min_length=1, max_length=MAX_ROWS)]
SolutionNames = Annotated[list[str], BeforeValidator(_names), Field(min_length=1, max_length=100)]
_ROWS: TypeAdapter[list[IncidentRow]] = TypeAdapter(Rows)
_NAMES: TypeAdapter[list[str]] = TypeAdapter(SolutionNames)
_OPTIONS = TypeAdapter(Options)


class PostedQuestion(BaseModel):
    """The same arguments as JSON in the body of a POST, each as a value or as the string that an address has."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input_maps: Annotated[Rows, BeforeValidator(_from_text)] = Field(
        description="Records", examples=[[{"sys_id": "0ef47232db801300864adfea5e961912", "short_description": "VPN"}]]
    )
    solution_names: SolutionNames = Field(
        description="Names, as a list or separated by commas", examples=[["ml_incident_assignment"]]
    )
    options: Annotated[Options, BeforeValidator(_from_text)] = Options()


@dataclass(frozen=True, slots=True)
class PredictionRequest:
    """What a script asks.

    Attributes
    ----------
    records : tuple of (str, Report)
        Key of the answer (the sys_id, else the position) and the incident.
    targets : mapping of str to str
        Solution name to the target that answers for it.
    """

    records: tuple[tuple[str, Report], ...]
    targets: Mapping[str, str]
    options: Options


def posted_question(input_maps: str, solution_names: str, options: str) -> PostedQuestion:
    """Read the arguments as they stand in an address.

    Raises
    ------
    RequestValidationError
        If an argument is not of its documented form.
    """
    return PostedQuestion.model_construct(
        input_maps=_validated("input_maps", input_maps, _ROWS.validate_json),
        options=_validated("options", options or "{}", _OPTIONS.validate_json),
        solution_names=_validated("solution_names", solution_names, _NAMES.validate_python),
    )


def question(
    posted: PostedQuestion, solutions: Mapping[str, str], fields: Mapping[str, str], available: Sequence[str]
) -> PredictionRequest:
    """Return what is asked of the release in service.

    Parameters
    ----------
    solutions : mapping of str to str
        Solution name to target, from the settings; it goes before the customary names.
    fields : mapping of str to str
        The organisation's own fields to ours.
    available : sequence of str
        Targets of the release in service.

    Raises
    ------
    RecordNotFoundError
        If no target answers for a solution.
    """
    keys = _keys(posted.input_maps)
    records = tuple(
        (key, incident_of(row, fields, number=key if row.sys_id == key else f"input {place}"))
        for place, (key, row) in enumerate(zip(keys, posted.input_maps, strict=True))
    )
    targets = {name: target_of(name, solutions, available) for name in posted.solution_names}
    return PredictionRequest(records, targets, posted.options)


def _keys(rows: Sequence[IncidentRow]) -> list[str]:
    """Return the key of each record's answer: its sys_id, or its position where it has none or an earlier one's."""
    taken = {row.sys_id for row in rows}
    keys: list[str] = []
    seen: set[str] = set()
    for place, row in enumerate(rows):
        key = row.sys_id
        if not key or key in seen:
            key = str(place) if str(place) not in taken else f"input {place}"
        seen.add(key)
        keys.append(key)
    return keys


def target_of(solution: str, solutions: Mapping[str, str], available: Sequence[str]) -> str:
    """Return the target that answers for a solution: by the settings, by its own name, or by customary names.

    Raises
    ------
    RecordNotFoundError
        If the release in service has no such target.
    """
    bare = _DECORATION.sub("", solution.lower())
    for target in (solutions.get(solution), solution, bare, _CUSTOMARY.get(bare)):
        if target in available:
            return str(target)
    targets = tuple(available) or Phrase("for_nothing")
    raise RecordNotFoundError(Phrase("no_solution", {"id": solution, "available": targets}))


def results(
    question: PredictionRequest, predictions: Sequence[Mapping[str, Prediction]], threshold: Threshold
) -> dict[str, Any]:
    """Return the answer: ``{"result": {solution: {sys_id: [prediction, …]}}}``.

    Parameters
    ----------
    predictions : sequence of mapping
        For each record, by target.
    threshold : callable
        Certified threshold (a probability) of a target's value, None where nothing is certified.
    """
    answer: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for solution, target in question.targets.items():
        answer[solution] = {
            key: _entries(by_target[target], target, question.options, threshold) if target in by_target else []
            for (key, _), by_target in zip(question.records, predictions, strict=True)
        }
    return {"result": answer}


def single_result(
    solution: str, row: IncidentRow, target: str, predicted: Mapping[str, Prediction], threshold: Threshold
) -> dict[str, Any]:
    """Return the answer for one record and one solution: the record, and an outcome that is empty unless certified."""
    entries = _entries(predicted[target], target, Options(), threshold) if target in predicted else []
    output = (
        {
            "outcome": entries[0]["predictedValue"],
            "confidence": entries[0]["confidence"],
            "threshold": entries[0]["threshold"],
        }
        if entries
        else {"outcome": "", "confidence": 0.0, "threshold": NO_THRESHOLD}
    )
    fields = {name: value for name, value in row.ticket.items() if value not in ("", None)}
    return {"result": {"input": fields, "output": output, "solution": solution}}


def _entries(predicted: Prediction, target: str, options: Options, threshold: Threshold) -> list[dict[str, Any]]:
    entries = []
    automatic = predicted.decision == "automatic" and predicted.value is not None
    candidates = list(predicted.alternatives)
    # A parent class stands above the candidates.
    if automatic and all(candidate.value != predicted.value for candidate in candidates):
        candidates.insert(0, Alternative(str(predicted.value), predicted.probability or 0.0))
    for candidate in candidates[: options.top_n]:
        certified = threshold(target, candidate.value)
        # The threshold alone does not make a value automatic: a person's rule or decision may stand against it.
        if options.apply_threshold and not (automatic and predicted.value == candidate.value):
            continue
        entries.append(
            {
                "confidence": round(100 * candidate.probability, 6),
                "threshold": NO_THRESHOLD if certified is None else round(100 * certified, 6),
                "predictedValue": candidate.value,
                "predictedSysId": "",
            }
        )
    return entries


def _validated(name: str, text: str, read: Callable[[str], Any]) -> Any:  # noqa: ANN401 - what is read
    try:
        return read(text)
    except ValidationError as error:
        faults = error.errors(include_url=False)
        raise RequestValidationError(
            [{**fault, "type": _typed(fault["type"]), "loc": ("query", name, *fault["loc"])} for fault in faults]
        ) from error


def _typed(kind: str) -> str:
    """Return the kind of an error in an argument: one that is no JSON does not make the request malformed."""
    return "value_error" if kind == "json_invalid" else kind
