"""What Faultwise says of an incident. Shapes and names are the public contract (`docs/api.md`).

Three numbers are never mixed: ``similarity`` is a cosine, ``score`` only ranks, ``probability`` is calibrated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any, Literal

from diagnosis.phrases import Phrase, percent
from diagnosis.times import format_utc

if TYPE_CHECKING:
    import pandas as pd

Decision = Literal["automatic", "suggested", "abstained"]
AnswerKind = Literal["automatic", "suggested", "decided", "not_sure"]

SURE_FROM = 0.4  # a suggested value of a lower probability is offered among others, not as the answer


@dataclass(frozen=True, slots=True)
class Alternative:
    """A class that the incident may belong to, by name, with its calibrated probability."""

    value: str
    probability: float


@dataclass(frozen=True, slots=True)
class TermEvidence:
    """A word of the text that spoke for the prediction; ``weight`` is its share of the decision value (log-odds)."""

    text: str
    weight: float
    kind: Literal["term"] = "term"


@dataclass(frozen=True, slots=True)
class FieldEvidence:
    """A field of the incident that spoke for the prediction."""

    field: str
    value: str
    weight: float
    kind: Literal["field"] = "field"


@dataclass(frozen=True, slots=True)
class IncidentEvidence:
    """A past incident that looks like this one (routing), or on which the fix was used (suggestions)."""

    number: str
    similarity: float | None = None
    outcome: str | None = None
    kind: Literal["incident"] = "incident"


Evidence = TermEvidence | FieldEvidence | IncidentEvidence


@dataclass(frozen=True, slots=True)
class Prediction:
    """What one target (category, assignment group, ...) should be, and whether that may happen without a person.

    ``reason`` is an English sentence; ``reason_code`` is its code in the catalogue of phrases (`diagnosis.phrases`) and
    ``reason_values`` what stands in it.
    """

    decision: Decision
    value: str | None
    probability: float | None
    certified_precision: float | None
    reason: str | None
    alternatives: tuple[Alternative, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    reason_code: str | None = None
    reason_values: Mapping[str, Any] = field(default_factory=dict)

    def because(self, reason: Phrase) -> Prediction:
        """Return the same prediction with a reason."""
        return replace(self, reason=str(reason), reason_code=reason.code, reason_values=reason.values)


def answer_kind(prediction: Mapping[str, Any]) -> AnswerKind:
    """Return as what a reader is shown a prediction (the contract's object).

    ``decided`` is a value that a person gave the incident before: it stays, however probable it is. ``not_sure`` is no
    value, or a suggested one below `SURE_FROM`.

    Examples
    --------
    >>> answer_kind({"decision": "suggested", "value": "Hardware", "probability": 0.17})
    'not_sure'
    >>> answer_kind({"decision": "abstained", "value": "Hardware", "probability": 0.17})
    'decided'
    """
    if prediction["value"] is None:
        return "not_sure"
    if prediction["decision"] == "automatic":
        return "automatic"
    if prediction["decision"] == "abstained":  # with a value only where a person had given it
        return "decided"
    probability = prediction["probability"]
    return "suggested" if probability is None or probability >= SURE_FROM else "not_sure"


@dataclass(frozen=True, slots=True)
class HorizonRisk:
    """Calibrated probability that the fault is logged again within ``days``."""

    days: int
    probability: float


@dataclass(frozen=True, slots=True)
class Factor:
    """Something that raised (positive) or lowered the risk, with its effect on the probability.

    ``name`` is in the language of the incident; ``code`` is its code in the catalogue of phrases.
    """

    name: str
    value: float | str
    effect: float
    code: str = ""


@dataclass(frozen=True, slots=True)
class RecurrenceRisk:
    """How likely the fault is to come back; ``signature`` says what "the same fault" means here.

    ``base_rate`` is how often faults came back within the horizon nearest to 30 days; ``definition`` says in words what
    coming back means.
    """

    signature: Mapping[str, str]
    horizons: tuple[HorizonRisk, ...]
    base_rate: float
    factors: tuple[Factor, ...] = ()
    definition: str = ""
    origin: Literal["opened", "resolved"] = "opened"


@dataclass(frozen=True, slots=True)
class WaitHours:
    """Hours within which half, and four of five, of such incidents end; None beyond 90 days after the opening.

    They count from the opening for an incident as it is logged, and from now for one that is open.
    """

    p50: float | None
    p80: float | None


@dataclass(frozen=True, slots=True)
class ClockRisk:
    """When a clock of an incident is due and how likely it is missed; None for both where nothing is promised."""

    due_at: datetime | None
    probability_missed: float | None
    hours: WaitHours | None = None


@dataclass(frozen=True, slots=True)
class ServiceLevelRisk:
    """How likely the response and the restoration of an incident come too late; None where the history cannot tell."""

    response: ClockRisk | None
    restoration: ClockRisk | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happened after a past incident was resolved, as far as it was seen."""

    reopened: bool | None = None
    recurred_within_days: int | None = None
    hours_to_restore: float | None = None


@dataclass(frozen=True, slots=True)
class SimilarIncident:
    """A past incident like this one and how it was resolved."""

    number: str
    similarity: float
    short_description: str
    resolution: str
    opened_at: datetime | None
    outcome: Outcome = field(default_factory=Outcome)


@dataclass(frozen=True, slots=True)
class UseCounts:
    """How often a solution was applied, by what became of it: no return, it failed, or too early to say.

    What agents said of it when it was suggested counts too, as `held` or `failed`.
    """

    held: int
    failed: int
    open: int


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A resolution or workaround to try, from an article or a past incident; ``score`` only ranks.

    ``evidence`` are a few telling uses, ``uses`` counts all of them; None for a reader who sees no past incident.
    """

    id: str
    source: Literal["knowledge", "incident"]
    number: str
    title: str
    resolution: str
    score: float
    evidence: tuple[Evidence, ...] = ()
    uses: UseCounts | None = None


@dataclass(frozen=True, slots=True)
class ProblemMatch:
    """The chronic fault that an incident belongs to, by its id and title."""

    id: str
    title: str


@dataclass(frozen=True, slots=True)
class SurgeMark:
    """The surge that an incident is part of: more incidents than usual in one scope."""

    id: str
    scope: Mapping[str, str]
    since: datetime


@dataclass(frozen=True, slots=True, repr=False)
class Diagnosis:
    """Everything said of one incident by one release.

    ``at_resolution`` is the risk from the moment of resolution on, with what is known by then; None before.
    ``problem`` is the chronic fault that it belongs to, None where there is none or problems were not looked for.
    ``warnings`` are English sentences, ``warning_phrases`` the same as codes with values. ``surge`` is set
    by a running service alone.
    """

    id: str
    incident: str
    release: str
    created_at: datetime
    language: str
    predictions: Mapping[str, Prediction]
    recurrence: RecurrenceRisk | None
    similar_incidents: tuple[SimilarIncident, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()
    warnings: tuple[str, ...] = ()
    at_resolution: RecurrenceRisk | None = None
    warning_phrases: tuple[Phrase, ...] = ()
    problem: ProblemMatch | None = None
    surge: SurgeMark | None = None
    service_levels: ServiceLevelRisk | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the diagnosis as the JSON object of the contract: plain dicts, lists and ISO 8601 times."""
        plain: dict[str, Any] = _plain(self)
        return plain

    def summary(self) -> dict[str, Any]:
        """Return the diagnosis as one flat row: each target with its decision and probability, the risk, the best fix.

        Returns
        -------
        dict
            ``number`` and ``language``; ``<target>``, ``<target>_probability`` and ``<target>_decision``;
            ``recurrence_<days>``; ``suggestion`` (number of the best) and ``similar`` (number of the nearest).
        """
        row: dict[str, Any] = {"number": self.incident, "language": self.language}
        for target, prediction in self.predictions.items():
            row[target], row[f"{target}_probability"] = _best(prediction)
            row[f"{target}_decision"] = prediction.decision
        for horizon in self.recurrence.horizons if self.recurrence is not None else ():
            row[f"recurrence_{horizon.days}"] = horizon.probability
        row["suggestion"] = self.suggestions[0].number if self.suggestions else None
        row["similar"] = self.similar_incidents[0].number if self.similar_incidents else None
        return row

    def to_frame(self) -> pd.DataFrame:
        """Return the `summary` as a frame of one row."""
        return Diagnoses([self]).to_frame()

    def __repr__(self) -> str:
        targets = [f"{target}={_answer(prediction)}" for target, prediction in self.predictions.items()]
        return f"<Diagnosis {' '.join([self.incident or '(no number)', *targets])}>"

    def _repr_html_(self) -> str:
        """Return a table for a notebook."""
        rows = {target: _answer(prediction) for target, prediction in self.predictions.items()}
        if self.recurrence is not None:
            risks = [f"{percent(h.probability)} in {h.days} days" for h in self.recurrence.horizons]
            rows["comes back"] = ", ".join(risks)
        if self.suggestions:
            rows["suggestion"] = f"{self.suggestions[0].number} {self.suggestions[0].title}"
        if self.similar_incidents:
            rows["similar"] = f"{self.similar_incidents[0].number} {self.similar_incidents[0].short_description}"
        cells = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows.items())
        return f"<table><caption>{escape(self.incident)}</caption>{cells}</table>"


def with_warning(diagnosis: Diagnosis, phrase: Phrase) -> Diagnosis:
    """Return a diagnosis with one warning more."""
    warnings, phrases = (*diagnosis.warnings, str(phrase)), (*diagnosis.warning_phrases, phrase)
    return replace(diagnosis, warnings=warnings, warning_phrases=phrases)


class Diagnoses(list[Diagnosis]):
    """Diagnoses in order, with a table of all of them."""

    def to_frame(self) -> pd.DataFrame:
        """Return a row for each diagnosis, shape (n, ...); columns are those of `Diagnosis.summary`."""
        import pandas as pd  # noqa: PLC0415 - who only passes diagnoses on does not need it

        return pd.DataFrame([diagnosis.summary() for diagnosis in self])

    def __repr__(self) -> str:
        first = ", ".join(map(repr, self[:3]))
        return f"<{len(self):,} diagnoses: {first}{', …' if len(self) > 3 else ''}>"

    def _repr_html_(self) -> str:
        """Return a table for a notebook, of at most 20 rows."""
        table: str = self.to_frame().head(20).to_html(index=False)
        return table


def _answer(prediction: Prediction) -> str:
    """Return what is answered in a few words, such as ``Mail Team 83 % (suggested)``."""
    if prediction.decision == "abstained" and prediction.value is not None:
        return f"{prediction.value} (decided by a person)"
    value, probability = _best(prediction)
    share = "" if probability is None else f" {percent(probability)}"
    return f"{value}{share} ({prediction.decision})" if value is not None else prediction.decision


def _best(prediction: Prediction) -> tuple[str | None, float | None]:
    """Return the value with its probability; where it abstained, those of the most probable class."""
    if prediction.value is not None or not prediction.alternatives:
        return prediction.value, prediction.probability
    best = prediction.alternatives[0]
    return best.value, best.probability


# In place of `dataclasses.asdict`, which copies deeply what is never changed, at ten times the cost.
def _plain(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if value is None or isinstance(value, str | float | int):
        return value
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, datetime):
        return format_utc(value)
    return {name: _plain(getattr(value, name)) for name in _names(value.__class__)}


@cache
def _names(finding: type) -> tuple[str, ...]:
    return tuple(member.name for member in fields(finding))
