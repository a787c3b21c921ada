"""ServiceNow Predictive Intelligence: its prediction route's arguments in, its answer's shape out.

`GET /api/now/agent_intelligence/solution/prediction`, as ServiceNow's REST API reference describes it: results are
grouped by solution and sys_id, confidence and threshold go from 0 to 100, and a class without a threshold has -1.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, TypeAdapter, ValidationError

from api.integrations.report import Report
from api.integrations.servicenow import MAX_ROWS, Row, incident_of
from diagnosis.findings import Alternative, Prediction
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
_DECORATION = re.compile(r"^(?:ml_)?(?:x_\w+?_)?(?:global_)?(?:incident_)?")

Threshold = Callable[[str, str], float | None]


class Options(BaseModel):
    """The argument ``options``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    top_n: StrictInt = Field(default=1, ge=1, le=100)
    apply_threshold: StrictBool = True
    custom_results_filter: str = ""


_ROWS: TypeAdapter[list[Row]] = TypeAdapter(Annotated[list[Row], Field(min_length=1, max_length=MAX_ROWS)])
_OPTIONS = TypeAdapter(Options)


@dataclass(frozen=True, slots=True)
class Question:
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


def question(
    input_maps: str,
    solution_names: str,
    options: str,
    solutions: Mapping[str, str],
    fields: Mapping[str, str],
    available: Sequence[str],
) -> Question:
    """Read the arguments.

    Parameters
    ----------
    input_maps, solution_names, options : str
        As they stand in the query.
    solutions : mapping of str to str
        Solution name to target, from the settings; it goes before the customary names.
    available : sequence of str
        Targets of the release in service.

    Raises
    ------
    RequestValidationError
        If an argument is not of its documented form.
    RecordNotFoundError
        If no target answers for a solution.
    """
    rows = _json("input_maps", input_maps, _ROWS)
    parsed = _json("options", options or "{}", _OPTIONS)
    names = [name.strip() for name in solution_names.split(",") if name.strip()]
    if not names:
        raise _invalid("solution_names", "expected one solution name or several, separated by commas; found none")
    records = tuple(
        (row.sys_id or str(place), incident_of(row, fields, number=row.sys_id or f"input {place}"))
        for place, row in enumerate(rows)
    )
    return Question(records, {name: target_of(name, solutions, available) for name in names}, parsed)


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
    raise RecordNotFoundError(
        f"no solution {solution!r}: the release in service answers for {', '.join(available) or 'nothing'}; "
        "name another in the setting integrations.servicenow.solutions"
    )


def results(
    question: Question, predictions: Sequence[Mapping[str, Prediction]], threshold: Threshold
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


def _json(name: str, text: str, adapter: TypeAdapter[Any]) -> Any:  # noqa: ANN401 - what the adapter reads
    try:
        return adapter.validate_json(text)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False)
        raise RequestValidationError(
            [{**fault, "type": _typed(fault["type"]), "loc": ("query", name, *fault["loc"])} for fault in faults]
        ) from error


def _typed(kind: str) -> str:
    """Return the kind of an error in an argument: one that is no JSON does not make the request malformed."""
    return "value_error" if kind == "json_invalid" else kind


def _invalid(name: str, message: str) -> RequestValidationError:
    return RequestValidationError([{"type": "value_error", "loc": ("query", name), "msg": message, "input": None}])
