"""ProblemBoard: the problems of every incident the service knows, snapshot anew in the background as incidents come."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pandas as pd

from api.errors import ComputingError, NothingPublishedError
from api.problems.computing import compute_problems
from api.problems.provisional import with_decisions
from api.serving import Serving
from api.turns import Turns
from api.webhooks.events import Events
from diagnosis.actions import Action
from diagnosis.background import BackgroundLoop
from diagnosis.calendars import holidays_of
from diagnosis.errors import FaultwiseError, InputError
from diagnosis.phrases import Phrase
from diagnosis.problems import MeasureEffect, Problem, ProblemContext, ProblemDecision, ProblemReport
from diagnosis.problems.follow_up import FollowUp, measure_effect
from diagnosis.problems.history import ProblemHistory
from diagnosis.problems.identity import resolve_id
from diagnosis.problems.index import ProblemIndex
from diagnosis.recurrence import Signature
from diagnosis.store import Store
from diagnosis.store.problems import StoredDecision
from diagnosis.times import format_utc, now_text

log = logging.getLogger(__name__)

HORIZON = 90  # days
_PAUSE_FACTOR = 20  # the pause after finding, in times of what it took: at most a twentieth of a core
RETURNED = "did not hold"
FIRST_WAIT = 20.0  # seconds that a request waits for the first problems
CATCH_UP = 2.0  # seconds that a decision waits for what follows from it


@dataclass(frozen=True)
class ProblemSnapshot:
    """Problems as they were at a moment, and the state of the service at that moment.

    Attributes
    ----------
    decided : frozenset of str
        Ids of the decisions that it was found with.
    is_current : bool
        False if people decided since, or another release is in service: it is being found anew.
    """

    report: ProblemReport
    history: ProblemHistory
    by_id: Mapping[str, Problem]
    state: tuple[object, ...]
    merged: Mapping[str, str] = field(default_factory=dict)
    decided: frozenset[str] = frozenset()
    is_current: bool = True

    def resolve(self, problem: str) -> str:
        """Return the id under which a problem goes on: its own, or of the one that it was merged into."""
        return problem if problem in self.by_id else resolve_id(problem, self.merged)


class ProblemBoard:
    """Finds problems, keeps their ids in the store, and follows what became of measures.

    Every replica finds them from the same history and the same earlier ids, so that all say the same.

    Parameters
    ----------
    store : Store
    serving : Serving
    events : Events
        Publishes each problem whose measure did not hold.
    seconds : float
        How often to look whether something changed.
    holidays : str
        Country whose holidays to come are quiet; empty for none.
    """

    def __init__(self, store: Store, serving: Serving, events: Events, seconds: float, holidays: str = "") -> None:
        self._store = store
        self._serving = serving
        self._events = events
        self._calendar = holidays_of(holidays) if holidays else None
        self._loop = BackgroundLoop("problems", self._turn, seconds)
        self._snapshot: ProblemSnapshot | None = None
        self._finding = threading.Lock()
        self._turns = Turns()
        self._found = threading.Condition()
        self._failure: FaultwiseError | None = None
        self._is_urgent = False
        self._next_at = float("-inf")

    def start(self) -> None:
        """Begin; the first look is after the first pause."""
        self._loop.start()

    def stop(self) -> None:
        """End."""
        self._loop.stop()

    def current(self) -> ProblemSnapshot:
        """Return the problems as last found, with what people decided since; then they are found anew beside requests.

        Raises
        ------
        InputError
            If no incident has a date, or none belongs to a fault.
        NothingPublishedError
            If no release is in service.
        ComputingError
            If they have not been found yet, and are not within `FIRST_WAIT`.
        """
        state, snapshot = self._state(), self._snapshot
        if snapshot is None:
            snapshot = self._first()
        if snapshot.state[:2] == state[:2]:
            return snapshot
        self._hasten()
        return self._with_decisions(snapshot)

    @property
    def latest(self) -> ProblemSnapshot | None:
        """The problems as last found, without waiting; None before the first time."""
        return self._snapshot

    def catch_up(self) -> None:
        """Find the problems anew beside the request, and wait some seconds: a small history takes no longer."""
        if not self._loop.is_running:
            self.refresh()
            return
        self._hasten()
        state = self._state()[:2]
        with self._found:
            self._found.wait_for(lambda: self._snapshot is not None and self._snapshot.state[:2] == state, CATCH_UP)

    def measures_changed(self) -> None:
        """Count what measures achieved; what follows from it for all problems is found beside the request."""
        self._follow(self.current())
        self._hasten()

    def _first(self) -> ProblemSnapshot:
        if not self._loop.is_running:
            return self.refresh()
        with self._found:
            self._failure = None
            self._hasten()
            self._found.wait_for(lambda: self._snapshot is not None or self._failure is not None, FIRST_WAIT)
            if self._snapshot is not None:
                return self._snapshot
            raise self._failure or ComputingError(Phrase("problems_being_found"))

    def _hasten(self) -> None:
        self._is_urgent = True
        self._loop.wake()

    def _with_decisions(self, snapshot: ProblemSnapshot) -> ProblemSnapshot:
        stored = self._store.problems.decisions()
        new = [decision_of(decision) for decision in stored if decision.id not in snapshot.decided]
        decisions = [decision_of(decision) for decision in stored]
        report, merged = with_decisions(snapshot.report, snapshot.history, snapshot.merged, decisions, new)
        by_id = {problem.id: problem for problem in report.problems}
        return replace(snapshot, report=report, by_id=by_id, merged=merged, is_current=False)

    def refresh(self) -> ProblemSnapshot:
        """Find the problems anew, keep their ids, and count what measures achieved."""
        with self._finding:
            state = self._state()
            if self._snapshot is not None and self._snapshot.state == state:
                return self._snapshot
            began = time.monotonic()
            snapshot, index = self._find(state)
            with self._found:
                self._snapshot = snapshot
                self._found.notify_all()
            self._serving.current.diagnoser.parts.problems = index
            self._next_at = time.monotonic() + _PAUSE_FACTOR * (time.monotonic() - began)
            self._follow(snapshot)
        return snapshot

    def find(self, signature: Signature | None, horizon: int, as_of: pd.Timestamp | None) -> ProblemReport:
        """Return the problems by another signature or horizon, or of another moment; nothing is kept of them.

        Raises
        ------
        InputError
            If no incident has a date, or none belongs to a fault.
        ComputingError
            If more wait for such problems than a service can hold: each may take a minute and a gigabyte.
        """
        parts = self._serving.current.diagnoser.parts
        context = ProblemContext(self._calendar) if signature is not None else self._context()
        with self._turns.take():
            return compute_problems(
                parts.history,
                signature or self._signature(),
                horizon,
                context,
                self._is_stopping,
                texts=signature is None,
                as_of=as_of,
            ).report

    def _turn(self) -> None:
        try:
            state = self._state()
        except NothingPublishedError:
            return
        is_changed = self._snapshot is None or self._snapshot.state != state
        is_urgent, self._is_urgent = self._is_urgent, False
        if not is_changed or (time.monotonic() < self._next_at and not is_urgent):
            return
        try:
            self.refresh()
        except FaultwiseError as error:
            with self._found:
                self._failure = error
                self._found.notify_all()
            if not isinstance(error, InputError):
                raise
            self._next_at = time.monotonic() + 60.0  # a history without dates or faults has no problems
            log.info("no problems: %s", error)

    def _state(self) -> tuple[object, ...]:
        current = self._serving.current
        measures = tuple((a.id, a.status, a.done_at) for a in self._actions())
        return current.release, self._store.problems.state(), current.applied, measures

    def _find(self, state: tuple[object, ...]) -> tuple[ProblemSnapshot, ProblemIndex | None]:
        history, decided = self._serving.current.diagnoser.parts.history, self._store.problems.decisions()
        context = self._context()
        computed = compute_problems(history, self._signature(), HORIZON, context, self._is_stopping)
        report = computed.report
        lineage = report.lineage
        self._store.problems.save(lineage.members, lineage.ended, lineage.split)
        by_id = {problem.id: problem for problem in report.problems}
        ids = frozenset(decision.id for decision in decided)
        return ProblemSnapshot(report, computed.history, by_id, state, lineage.merged, ids), computed.index

    def _context(self) -> ProblemContext:
        decisions = tuple(map(decision_of, self._store.problems.decisions()))
        ended = {name: row.merged_into for name, row in self._store.problems.rows().items() if row.merged_into}
        return ProblemContext(self._calendar, self._effects(), self._store.problems.members(), decisions, ended)

    def _signature(self) -> Signature | None:
        recurrence = self._serving.current.diagnoser.parts.recurrence
        return None if recurrence is None else recurrence.signature_

    def _is_stopping(self) -> bool:
        return self._loop.is_stopping

    def _actions(self) -> Sequence[Action]:
        return self._store.actions.all(source_kind="problem")

    def _effects(self) -> list[MeasureEffect]:
        """Return what measures achieved, as it was last counted."""
        effects = (measure_effect(action.kind, action.result or {}) for action in self._actions())
        return [effect for effect in effects if effect is not None]

    def _follow(self, snapshot: ProblemSnapshot) -> None:
        """Count what each measure that is done achieved, and say which did not hold."""
        for action in self._actions():
            try:
                self._follow_one(snapshot, action)
            except Exception:  # whatever one of them holds, the others are followed
                log.exception("action not followed", extra={"fields": {"action": action.id}})

    def _follow_one(self, snapshot: ProblemSnapshot, action: Action) -> None:
        followed = self.follow(snapshot, action) if action.status == "done" else None
        if followed is None:
            if action.result and snapshot.resolve(action.source) in snapshot.by_id:
                self._store.actions.change(action.id, result=None)  # of a date that it has no more
            return
        result = followed.to_dict(now_text())
        earlier = dict(action.result or {})
        if {**earlier, "counted_at": ""} == {**result, "counted_at": ""}:
            return
        with self._store.transaction():
            self._store.actions.change(action.id, result=result)
            if action.done_at is not None and result["verdict"] == RETURNED != earlier.get("verdict"):
                problem = snapshot.resolve(action.source)
                data = {
                    "problem": problem,
                    "title": snapshot.by_id[problem].title,
                    "action": action.id,
                    "ratio": result["ratio"],
                    "since": format_utc(action.done_at),
                }
                self._events.emit("problem.returned", [(f"{problem}:{action.id}", data)])
        self._events.outbox_changed()

    def follow(self, snapshot: ProblemSnapshot, action: Action) -> FollowUp | None:
        """Return what became of a measure since it was done; None where its problem or its date lies outside."""
        problem = snapshot.by_id.get(snapshot.resolve(action.source))
        if problem is None:
            return None
        return snapshot.history.follow(problem, action)


def decision_of(stored: StoredDecision) -> ProblemDecision:
    """Return a stored decision as problems are settled by."""
    kind, at = stored.kind, stored.created_at
    return ProblemDecision(kind, stored.problem, stored.value, stored.numbers, at)  # type: ignore[arg-type]
