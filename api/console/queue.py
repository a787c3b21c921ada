"""The queue: each incident once, by its newest diagnosis, with what was decided and what people said of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal
from urllib.parse import urlencode

from api.console.clocks import ShownClock, service_clocks, urgency
from api.console.incident_view import TARGETS, prediction_view, target_rank
from api.service import Service
from diagnosis.findings import AnswerKind, SurgeMark
from diagnosis.incident import IncidentBatch
from diagnosis.service_levels.clocks import ClockTimes
from diagnosis.store.feedback import Feedback, standing
from diagnosis.store.records import Record
from diagnosis.times import utc_now

WINDOW = 300  # newest diagnoses that filters, sorting and counts look at; older ones are a link away
MOST_BESIDE = 50  # older diagnoses of incidents at risk
PAGE_SIZE = 25  # some three screens of a phone

State = Literal["all", "open", "decided", "resolved"]
STATES: tuple[State, ...] = ("open", "decided", "resolved")
Decision = Literal["all", "automatic", "suggested", "decided", "not_sure"]
Order = Literal["urgent", "newest", "oldest", "risk", "least_sure"]


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One incident of the queue."""

    diagnosis: Mapping[str, Any]
    title: str
    predictions: Mapping[str, Mapping[str, Any]]
    risk: float | None
    judgements: Mapping[str, Feedback]
    resolved: bool
    surge: SurgeMark | None = None
    clock: ShownClock | None = None

    @property
    def state(self) -> State:
        """Resolved, decided by a person, or open."""
        if self.resolved:
            return "resolved"
        return "decided" if self.decided else "open"

    @property
    def decided(self) -> bool:
        """Whether a person has judged the first target."""
        return any(target in self.judgements for target in list(self.predictions)[:1] or self.judgements)

    @property
    def value(self) -> str:
        """The value of the first target that holds now, a person's before the prediction; ``""`` for none."""
        for target, prediction in self.predictions.items():
            entry = self.judgements.get(target)
            return str((entry and entry.value) or (prediction["value"] if prediction["sure"] else None) or "")
        return ""

    @property
    def decision(self) -> Decision:
        """How the first target was decided."""
        for prediction in self.predictions.values():
            kind: AnswerKind = prediction["kind"]
            return kind
        return "not_sure"


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows of the queue are shown, in what order."""

    state: State = "all"
    decision: Decision = "all"
    value: str = ""
    order: Order = "urgent"
    page: int = 1
    before: str | None = None

    @property
    def query(self) -> str:
        """The query of an address that keeps filters and order, ``""`` for the queue as it comes."""
        usual = Selection()
        names = ("state", "decision", "value", "order", "before")
        return urlencode({name: value for name in names if (value := getattr(self, name)) != getattr(usual, name)})


@dataclass(frozen=True, slots=True)
class QueuePage:
    """One page of the queue, and the counts beside its filters: each of what the other filters leave.

    ``targets`` are those that any row of the page has, ``window`` how many diagnoses were looked at where there are
    more.
    """

    rows: Sequence[QueueRow]
    targets: Sequence[str]
    window: int | None
    is_empty: bool
    counts: Mapping[str, int]
    values: Sequence[tuple[str, int]]
    n_pages: int
    older: str | None


def queue_page(service: Service, selection: Selection) -> QueuePage:
    """Return a page of the queue.

    What was only tried out, and so is no incident of the store, is not in it.
    """
    rows, older = queue_rows(service, selection.before)
    in_decision = [row for row in rows if selection.decision in ("all", row.decision)]
    in_every_state = [row for row in in_decision if _matches(row, selection)]
    selected = [row for row in in_every_state if selection.state in ("all", row.state)]
    ordered = _ordered(selected, selection.order)
    start = PAGE_SIZE * (selection.page - 1)
    page_rows = ordered[start : start + PAGE_SIZE]
    states = Counter(row.state for row in in_every_state)
    values = Counter(row.value for row in in_decision if selection.state in ("all", row.state))
    values[selection.value] += 0  # what is chosen stays in the list, though no row has it now
    return QueuePage(
        rows=page_rows,
        targets=sorted(dict.fromkeys(target for row in page_rows for target in row.predictions), key=target_rank),
        window=WINDOW if older or selection.before else None,
        is_empty=not rows,
        counts={"all": len(in_every_state), **{state: states[state] for state in STATES}},
        values=sorted((value, count) for value, count in values.items() if value),
        n_pages=max(1, -(-len(ordered) // PAGE_SIZE)),
        older=older,
    )


def next_open(service: Service, current: str, selection: Selection) -> str | None:
    """Return the id of the open diagnosis that follows one in the queue as it is filtered and sorted.

    After the last comes the first. None if none is open.
    """
    rows, _ = queue_rows(service, selection.before)
    ids = [str(row.diagnosis["id"]) for row in _ordered(rows, selection.order)]
    place = ids.index(current) + 1 if current in ids else 0
    is_open = {str(row.diagnosis["id"]) for row in rows if row.state == "open" and _matches(row, selection)} - {current}
    return next((identifier for identifier in [*ids[place:], *ids[:place]] if identifier in is_open), None)


def _matches(row: QueueRow, selection: Selection) -> bool:
    """Whether a row has the decision and the value that are asked for."""
    return selection.decision in ("all", row.decision) and selection.value in ("", row.value)


def queue_rows(service: Service, before: str | None = None) -> tuple[list[QueueRow], str | None]:
    """Return the rows of the newest diagnoses, newest first, and the id where older ones start."""
    diagnoses = service.diagnoses.page(WINDOW, None, before)
    older = diagnoses[-1]["id"] if len(diagnoses) == WINDOW else None
    newest: dict[str, Mapping[str, Any]] = {}
    for diagnosis in diagnoses:
        newest.setdefault(diagnosis["incident"], diagnosis)
    clocks = service_clocks(service)
    if before is None:  # what is at risk is shown however long ago it was diagnosed
        beside = [number for number in clocks.at_risk() if number not in newest][:MOST_BESIDE]
        older_ones = [last for number in beside if (last := service.diagnoses.newest(number)) is not None]
        newest |= {diagnosis["incident"]: diagnosis for diagnosis in older_ones}
    records = service.incidents.stored(list(newest))
    feedback: dict[str, list[Feedback]] = {}
    for entry in service.feedback.on(*newest):
        feedback.setdefault(entry.incident, []).append(entry)
    marks = service.surges.marks_of(list(newest))
    closed = _closed(records)
    unread = {name: record.body for name, record in records.items() if name not in closed and name not in clocks}
    clocks = clocks.beside(service.service_levels.of_records(unread))
    rows = [
        replace(
            _row(diagnosis, records[number].body, feedback.get(number, []), resolved=number in closed),
            surge=marks.get(number),
            clock=None if number in closed else clocks.most_urgent(number),
        )
        for number, diagnosis in newest.items()
        if number in records
    ]
    return rows, older


def _closed(records: Mapping[str, Record]) -> set[str]:
    """Return which incidents are closed, as their clocks are read: one that was reopened is not."""
    batch = IncidentBatch.from_rows([record.body for record in records.values()])
    is_closed = ClockTimes.of(batch).at(utc_now().timestamp()).is_closed
    return {number for number, closed in zip(records, is_closed.tolist(), strict=True) if closed}


def _row(
    diagnosis: Mapping[str, Any], record: Mapping[str, Any], feedback: Sequence[Feedback], *, resolved: bool
) -> QueueRow:
    predictions = diagnosis["predictions"]
    targets = [target for target in TARGETS if target in predictions] or list(predictions)[:2]
    judgements = standing(feedback)
    return QueueRow(
        diagnosis=diagnosis,
        title=str(record.get("short_description") or record.get("description", ""))[:300],
        predictions={target: prediction_view(predictions[target], judgements.get(target)) for target in targets},
        risk=_risk(diagnosis["recurrence"]),
        judgements=judgements,
        resolved=resolved,
    )


def _risk(recurrence: Mapping[str, Any] | None) -> float | None:
    if not recurrence:
        return None
    horizons = recurrence["horizons"]
    probability: float = horizons[min(1, len(horizons) - 1)]["probability"]
    return probability


def _ordered(rows: list[QueueRow], order: Order) -> list[QueueRow]:
    if order == "urgent":
        return sorted(rows, key=lambda row: urgency(row.clock))
    if order == "oldest":
        return rows[::-1]
    if order == "risk":
        return sorted(rows, key=lambda row: -(row.risk or 0.0))
    if order == "least_sure":
        return sorted(rows, key=_probability)
    return rows


def _probability(row: QueueRow) -> float:
    for prediction in row.predictions.values():
        return 1.0 if prediction["kind"] == "decided" else float(prediction["probability"] or 0.0)
    return 0.0
