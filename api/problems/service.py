"""ProblemService: the chronic faults, what people decide on them, and what is proposed about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd
from ulid import ULID

from api.actions.external_records import ExternalRecord, external_record
from api.actions.schemas import ActionChange
from api.actions.service import ActionService, no_write_back
from api.audit.service import AuditService
from api.problems.board import HORIZON, RETURNED, ProblemBoard, ProblemSnapshot
from api.problems.schemas import ProblemDecisionIn, ProblemProposalIn, Status
from api.serving import Serving
from api.telemetry import current_trace
from api.webhooks.events import Events
from diagnosis.actions import Action
from diagnosis.errors import InputError
from diagnosis.phrases import Language, Phrase, in_words
from diagnosis.problems import Problem, ProblemReport
from diagnosis.recurrence import Signature
from diagnosis.redact import Redactor
from diagnosis.redact.records import mask_code
from diagnosis.store import Store
from diagnosis.store.database import ConflictError, RecordNotFoundError
from diagnosis.store.monitoring import StoredChange
from diagnosis.store.outbox import OutgoingCall
from diagnosis.store.problems import ProblemRow, StoredDecision
from diagnosis.text import language
from diagnosis.times import format_utc, utc_now

MOST_NUMBERS = 100  # of the incidents of one problem
WRITE_BACK = "problem:"  # begins the kind of the call that makes a record of a problem
MOST_NAMED = 20  # the newest, in the text of a record
MOST_CHANGES = 10  # the latest on its items
MOST_TAGGED = 50  # incidents that are tagged where a system has no records of problems


@dataclass(frozen=True)
class ListedProblem:
    """A problem as it stands: found, proposed, watched, held, returned or dismissed, and what it may be one with."""

    problem: Problem
    status: Status
    may_be_one_with: Sequence[str]


@dataclass(frozen=True)
class ProblemView:
    """A problem with everything that is shown of it."""

    problem: Problem
    status: Status
    timeline: Sequence[tuple[str, int, int]]
    expected_per_month: float
    articles: Sequence[tuple[str, str, int]]
    actions: Sequence[Action]
    record: ExternalRecord | None
    merged: Sequence[str]
    split_from: str | None
    decisions: Sequence[StoredDecision]
    dismissed: str | None
    changes: Sequence[StoredChange]
    may_be_one_with: Sequence[Problem]
    is_current: bool


class ProblemService:
    """Problems over the history of the release in service.

    Parameters
    ----------
    store : Store
    serving : Serving
    redactor : Redactor
        Masks personal data in titles and reasons.
    events : Events
    audit : AuditService
    actions : ActionService
    board : ProblemBoard
    systems : sequence of str
        Connected systems that may be written to.
    """

    def __init__(
        self,
        store: Store,
        serving: Serving,
        redactor: Redactor,
        events: Events,
        audit: AuditService,
        actions: ActionService,
        board: ProblemBoard,
        systems: Sequence[str] = (),
    ) -> None:
        self._store = store
        self._serving = serving
        self._redactor = redactor
        self._events = events
        self._audit = audit
        self._actions = actions
        self.board = board
        self.systems = tuple(systems)

    def start(self) -> None:
        """Begin to keep problems up with incidents."""
        self.board.start()

    def stop(self) -> None:
        """End."""
        self.board.stop()

    def report(self, fields: Sequence[str], horizon: int, as_of: datetime | None) -> ProblemReport:
        """Return the problems worth most to prevent.

        Parameters
        ----------
        fields : sequence of str
            The signature; empty takes the release's, and texts where fields do not say it.
        horizon : int
            Days.
        as_of : datetime or None
            When the history is looked at; None takes the latest time there is.

        Raises
        ------
        InputError
            If no incident has a date, or none belongs to a fault.
        """
        if not fields and horizon == HORIZON and as_of is None:
            return self.board.current().report
        moment = None if as_of is None else pd.Timestamp(as_of)
        return self.board.find(Signature(tuple(fields)) if fields else None, horizon, moment)

    def is_current(self) -> bool:
        """Return whether the problems were found with all that people decided."""
        return self.board.current().is_current

    def listed(self, report: ProblemReport, filters: Mapping[str, str] | None = None) -> list[ListedProblem]:
        """Return the problems of a report with their status, those that pass the filters.

        Parameters
        ----------
        filters : mapping of str to str
            ``service``, ``group``, ``trend`` and ``status``; dismissed ones are listed only if they are asked for.
        """
        filters = filters or {}
        actions = self._by_problem()
        dismissed = report.lineage.dismissed
        names = {problem.id for problem in report.problems} - dismissed.keys()
        listed = [
            ListedProblem(
                problem,
                _status(actions.get(problem.id, ()), problem.id in dismissed),
                [name for name in problem.may_be_one_with if name in names],
            )
            for problem in report.problems
        ]
        return [entry for entry in listed if _passes(entry, filters)]

    def view(self, problem: str) -> ProblemView:
        """Return one problem; an id that was merged gives the problem that it was merged into.

        Raises
        ------
        RecordNotFoundError
            If there is none of that id, or its incidents were deleted.
        """
        snapshot = self.board.current()
        entry = self._find(snapshot, problem)
        actions = self._by_problem().get(entry.id, [])
        lineage, rows = snapshot.report.lineage, self._store.problems.rows()
        row = rows.get(entry.id)
        articles = self._serving.current.diagnoser.parts.knowledge.records(entry.fixes, ("number", "title"))
        uses = [
            (number, articles[number]["title"], count) for number, count in entry.fixes.items() if number in articles
        ]
        merged = sorted(name for name in snapshot.merged if snapshot.resolve(name) == entry.id)
        concerned = {entry.id, *merged}
        return ProblemView(
            entry,
            _status(actions, entry.id in lineage.dismissed),
            snapshot.history.by_month(entry.numbers),
            entry.expected_incidents * 30.0 / snapshot.report.horizon_days,
            uses,
            actions,
            self._record([rows[name] for name in (entry.id, *merged) if name in rows]),
            merged,
            lineage.split.get(entry.id) or (row.split_from if row else None),
            [decision for decision in self._store.problems.decisions() if decision.problem in concerned],
            lineage.dismissed.get(entry.id),
            self._store.change_records.on(list(entry.items), [], limit=MOST_CHANGES) if entry.items else (),
            self.may_be_one_with(snapshot, entry),
            snapshot.is_current,
        )

    @staticmethod
    def may_be_one_with(snapshot: ProblemSnapshot, problem: Problem) -> list[Problem]:
        """Return the problems that seem to be the same fault, without those that were merged or dismissed since."""
        ids = dict.fromkeys(map(snapshot.resolve, problem.may_be_one_with))
        dismissed = snapshot.report.lineage.dismissed
        return [snapshot.by_id[name] for name in ids if name in snapshot.by_id and name not in {problem.id, *dismissed}]

    def decide(self, actor: str, problem: str, body: ProblemDecisionIn) -> str:
        """Store what a person decided, and return the id under which the problem is to be seen now.

        Raises
        ------
        RecordNotFoundError
            If there is no such problem.
        InputError
            If it cannot be done to this problem.
        """
        snapshot = self.board.current()
        entry = self._find(snapshot, problem)
        value, numbers, outcome = self._redactor.redact(body.value.strip()), tuple(body.numbers), entry.id
        if body.kind == "merge":
            value = outcome = self._find(snapshot, value).id
            if value == entry.id:
                raise InputError(Phrase("merged_into_itself"))
        elif body.kind == "split":
            if foreign := [number for number in numbers if number not in set(entry.numbers)]:
                raise InputError(Phrase("incidents_not_of_problem", {"numbers": tuple(foreign[:5])}))
            if len(set(numbers)) == entry.incidents:
                raise InputError(Phrase("split_of_everything"))
            value = outcome = f"P{str(ULID()).lower()[-20:]}"
        with self._store.transaction():
            decision = self._store.problems.decide(actor, body.kind, entry.id, value, numbers)
            self._audit.note(actor, f"problem.{body.kind}", entry.id, decision=decision.id, value=value)
        self.board.catch_up()
        return outcome

    def take_back(self, actor: str, problem: str, decision: str) -> None:
        """Take a decision back.

        Raises
        ------
        RecordNotFoundError
            If there is none of that id on the problem.
        """
        snapshot = self.board.current()
        with self._store.transaction():
            undone = self._store.problems.undo(decision)
            if snapshot.resolve(undone.problem) != snapshot.resolve(problem):
                raise RecordNotFoundError(Phrase("no_decision_on_problem", {"id": decision, "problem": problem}))
            self._audit.note(actor, "problem.undo", undone.problem, decision=decision, kind=undone.kind)
        self.board.catch_up()

    def propose(self, actor: str, problem: str, body: ProblemProposalIn) -> Action:
        """Put a problem forward: an action with what is expected of it, and a Problem record where a system has them.

        Raises
        ------
        RecordNotFoundError
            If there is no such problem.
        InputError
            If nothing may be written to the system.
        ConflictError
            If a record of it is there already, or being made; one that was given up may be proposed anew.
        """
        snapshot = self.board.current()
        entry = self._find(snapshot, problem)
        if body.system and body.system not in self.systems:
            raise InputError(no_write_back(self.systems, body.system))
        record = self.view(entry.id).record if body.system else None
        if record is not None and record.state != "failed":
            raise ConflictError(Phrase("problem_has_record", {"problem": entry.id, "system": record.system}))
        title = self._redactor.redact(body.title or entry.title)
        written_in = body.language or self._language_of(entry, title)
        action = Action(
            title=title,
            kind=body.kind,
            source_kind="problem",
            source=entry.id,
            evidence=[{"kind": "incident", "number": number} for number in entry.numbers[:10]],
            owner=mask_code(body.owner, self._redactor)[:255],
            due=body.due,
            expected_effect=_expected_effect(snapshot.report, entry, body.kind),
            status="open" if body.owner else "proposed",
        )
        with self._store.transaction():
            stored = self._store.actions.add(action, actor)
            if body.system:
                self._store.problems.set_record(entry.id, {"system": body.system, "number": None})
                self._store.outbox.add(
                    [_record_call(body.system, entry, stored, snapshot.report.horizon_days, written_in)]
                )
            data = {"problem": entry.id, "title": entry.title, "action": stored.id, "system": body.system or None}
            self._events.emit("problem.proposed", [(stored.id, data)])
            self._audit.note(actor, "problem.propose", entry.id, proposal=stored.id, system=body.system)
        self._events.outbox_changed()
        return stored

    def change_action(self, actor: str, action: str, body: ActionChange) -> Action:
        """Change an action of a problem, and count what it achieved.

        Raises
        ------
        RecordNotFoundError
            If there is none of that id.
        InputError
            If it is done in the future, or within the problem's first episode.
        """
        self.check_date(action, body)
        changed = self._actions.change(actor, action, body)
        self.board.measures_changed()
        return changed

    def check_date(self, action: str, body: ActionChange) -> None:
        """Check that a problem's measure begins to work when there was something to prevent, as far as that is known.

        Raises
        ------
        RecordNotFoundError
            If there is no action of that id.
        InputError
            If it does not.
        """
        measure, snapshot = self._actions.get(action), self.board.latest
        done_at = body.done_at
        if done_at is None and body.status == "done" and measure.done_at is None:
            done_at = utc_now()  # as it is kept where nobody says when
        if measure.source_kind != "problem" or done_at is None or snapshot is None:
            return
        problem = snapshot.by_id.get(snapshot.resolve(measure.source))
        if problem is None:
            return
        since = snapshot.history.watched_since(problem, pd.Timestamp(done_at))
        if done_at <= since:
            days = {"since": f"{since:%Y-%m-%d %H:%M}", "day": f"{done_at:%Y-%m-%d %H:%M}"}
            raise InputError(Phrase("action_done_before_problem", days))

    def record_made(self, problem: str, system: str, number: str) -> None:
        """Keep the number of the record that a system made of a problem."""
        self._store.problems.set_record(problem, {"system": system, "number": number})

    def _record(self, rows: Sequence[ProblemRow]) -> ExternalRecord | None:
        """Return the record of a problem and of what was merged into it: one that was made before any other."""
        records = [
            external_record(self._store.outbox, row.record, _call_key(row.record["system"], row.id))
            for row in rows
            if row.record is not None
        ]
        return min(records, key=lambda record: ("made", "waiting", "failed").index(record.state), default=None)

    def _language_of(self, problem: Problem, title: str) -> Language:
        """Return the language of a record: Chinese where its title or its newest incidents are, else English."""
        history = self._serving.current.diagnoser.parts.history
        records = history.records(problem.numbers[:MOST_NAMED], ("short_description",))
        texts = "\n".join(str(record["short_description"]) for record in records.values())
        return "zh" if "zh" in (language(title), language(texts)) else "en"

    def _by_problem(self) -> dict[str, list[Action]]:
        snapshot = self.board.current()
        by_problem: dict[str, list[Action]] = {}
        for action in self._actions.all("problem"):
            by_problem.setdefault(snapshot.resolve(action.source), []).append(action)
        return by_problem

    def _find(self, snapshot: ProblemSnapshot, problem: str) -> Problem:
        entry = snapshot.by_id.get(snapshot.resolve(problem))
        if entry is None:
            raise RecordNotFoundError(Phrase("no_problem", {"id": problem}))
        return entry


def _status(actions: Sequence[Action], is_dismissed: bool) -> Status:
    if is_dismissed:
        return "dismissed"
    finished = [action for action in actions if action.status == "done"]
    if finished:
        verdict = (max(finished, key=lambda action: str(action.done_at)).result or {}).get("verdict")
        return "held" if verdict == "held" else "returned" if verdict == RETURNED else "watched"
    return "proposed" if any(action.status in ("proposed", "open") for action in actions) else "found"


def _passes(entry: ListedProblem, filters: Mapping[str, str]) -> bool:
    problem, status = entry.problem, filters.get("status", "")
    return (
        (entry.status == status if status else entry.status != "dismissed")
        and (not filters.get("service") or filters["service"] in problem.services)
        and (not filters.get("group") or filters["group"] in problem.groups)
        and (not filters.get("trend") or filters["trend"] == problem.trend)
    )


def _expected_effect(report: ProblemReport, problem: Problem, kind: str) -> dict[str, Any]:
    share, hours = round(report.shares.of(kind).share, 3), problem.expected_hours
    return {
        "as_of": format_utc(report.as_of),
        "horizon_days": report.horizon_days,
        "expected_incidents": problem.expected_incidents,
        "interval": list(problem.interval),
        "spread": problem.basis["expected"]["spread"],
        "hours_per_incident": problem.basis["hours"]["per_incident"] if problem.expected_hours is not None else None,
        "expected_hours": problem.expected_hours,
        "preventable_share": share,
        "preventable_hours": None if hours is None else round(share * hours, 2),
    }


def _record_call(system: str, problem: Problem, action: Action, horizon: int, written_in: Language) -> OutgoingCall:
    low, high = problem.interval
    counts = {name: getattr(problem, name) for name in ("incidents", "episodes", "callers")}
    expected = {"days": horizon, "expected": problem.expected_incidents, "low": low, "high": high}
    hours, due = problem.preventable_hours, action.due
    phrases = [
        Phrase("problem_record_counts", {**counts, "date": problem.first[:10]}),
        Phrase("problem_record_expected", expected),
        None if hours is None else Phrase("problem_record_preventable", {"hours": hours}),
        Phrase("problem_record_incidents", {"numbers": ", ".join(problem.numbers[:MOST_NAMED])}),
        Phrase("problem_record_owner", {"owner": action.owner}) if action.owner else None,
        None if due is None else Phrase("problem_record_due", {"due": due.isoformat()}),
    ]
    text = "\n".join([*(in_words(phrase, written_in) for phrase in phrases if phrase), f"Faultwise {problem.id}"])
    body = {
        "problem": problem.id,
        "title": action.title,
        "text": text,
        "group": next(iter(problem.groups), ""),
        "numbers": list(problem.numbers[:MOST_TAGGED]),
    }
    return OutgoingCall(
        f"{WRITE_BACK}{system}", system, f"{_call_key(system, problem.id)}{action.id}", body, trace=current_trace()
    )


def _call_key(system: str, problem: str) -> str:
    """Return how the key of each call that is to make a record of a problem begins."""
    return f"{WRITE_BACK}{system}:{problem}:"
