"""ReviewService: a quarter is reviewed, finished, and its proposals are taken or dropped by a person."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pandas as pd

from api.actions.schemas import ActionIn
from api.actions.service import ActionService
from api.audit.service import AuditService
from api.errors import NothingPublishedError
from api.reviews.computing import compute_review
from api.reviews.reminders import Reminders
from api.reviews.schemas import ReviewProposalIn
from api.reviews.settings import ReviewOptions
from api.serving import Serving
from api.turns import Turns
from api.webhooks.events import Events
from diagnosis.actions import Action
from diagnosis.errors import InputError
from diagnosis.knowledge_health.gaps import Gap
from diagnosis.phrases import Phrase
from diagnosis.processes import in_own_process
from diagnosis.redact import Redactor
from diagnosis.review import Quarter, Words, last_complete_quarter, plain_action, plain_gaps
from diagnosis.review.programme import SOURCE as PROGRAMME
from diagnosis.review.programme import programme_actions
from diagnosis.review.quarters import zone_of
from diagnosis.review.summary import action_title
from diagnosis.service_levels import ServiceLevelRules
from diagnosis.store import Store
from diagnosis.store.database import ConflictError, RecordNotFoundError
from diagnosis.store.reviews import FrozenReview
from diagnosis.times import utc_now
from training.records.stored import read_stored
from training.records.stored_facts import facts_marker, facts_of_store
from training.reports.review.tables import review_csv

Content = Mapping[str, Any]
LARGE = 5_000  # records from which a process of its own pays: it takes two seconds to start, and counting as long


class ReviewService:
    """Reviews quarters and keeps those that are finished.

    Parameters
    ----------
    store : Store
    serving : Serving
        Its release judges which incidents an article answers.
    redactor : Redactor
        Masks personal data in notes.
    events : Events
        Reminds of actions that are due.
    audit : AuditService
    actions : ActionService
    options : ReviewOptions
    holidays : str
        Country whose public holidays the expected workload knows.

    Attributes
    ----------
    find_gaps : callable
        Returns the gaps of the knowledge base; set where the service knows them.
    find_rules : callable
        Returns the service levels' rules; set where the service knows them.
    """

    def __init__(
        self,
        store: Store,
        serving: Serving,
        redactor: Redactor,
        events: Events,
        audit: AuditService,
        actions: ActionService,
        options: ReviewOptions,
        holidays: str = "",
    ) -> None:
        self._store = store
        self._serving = serving
        self._redactor = redactor
        self._audit = audit
        self._actions = actions
        self.options = options
        self._holidays = holidays
        self.reminders = Reminders(store, events, options.remind_days, options.zone)
        self.find_gaps: Callable[[], Sequence[Gap]] = tuple
        self.find_rules: Callable[[], ServiceLevelRules | Mapping[str, Any] | None] = lambda: None
        self._turns = Turns()
        self._drafts: dict[str, tuple[tuple[object, ...], dict[str, Any]]] = {}

    def default_quarter(self) -> str:
        """Return the last complete quarter in the organisation's zone."""
        return str(last_complete_quarter(utc_now(), self.options.zone))

    def target(self, measure: str) -> float | None:
        """Return the target of a key figure, as set or the programme's; None where there is none."""
        return self.options.review().target(measure)

    def draft(self, quarter: str = "") -> dict[str, Any]:
        """Return the review of a quarter as it stands now, with what was decided on its proposals.

        Raises
        ------
        InputError
            If the quarter has not begun, or no record was opened in it.
        ComputingError
            If the knowledge base is still being judged for the first time, or more wait for reviews than a service can
            hold.
        InterruptedComputationError
            If the process that counted it was killed.
        """
        wanted = Quarter.parse(quarter or self.default_quarter())
        moment = utc_now()
        state = self._state(moment)
        cached = self._drafts.get(str(wanted))
        if cached is None or cached[0] != state:
            with self._turns.take():  # one at a time: it takes seconds and much memory
                cached = self._drafts.get(str(wanted))
                if cached is None or cached[0] != state:
                    cached = (state, self._review(wanted, moment))
                    self._drafts = {str(wanted): cached}
        return self._with_decisions(cached[1])

    def freeze(self, actor: str, quarter: str, note: str = "") -> FrozenReview:
        """Finish the review of a quarter: it is kept as it is now, with the hash of its records.

        Raises
        ------
        InputError
            If the quarter is not over, or has no records.
        """
        content = self.draft(quarter)
        if not content["complete"]:
            raise InputError(Phrase("quarter_not_over", {"quarter": content["quarter"]}))
        with self._store.transaction():
            frozen = self._store.reviews.freeze(content["quarter"], content, self._redactor.redact(note), actor)
            self._audit.note(actor, "review.freeze", frozen.id, quarter=frozen.quarter, data_hash=frozen.data_hash)
        return frozen

    def get(self, review: str) -> FrozenReview:
        """Return a review as it was finished.

        Raises
        ------
        RecordNotFoundError
            If there is none of that id.
        """
        return self._store.reviews.get(review)

    def all(self, quarter: str = "") -> list[FrozenReview]:
        """Return finished reviews, the newest first."""
        return self._store.reviews.all(quarter)

    def report(self, review: str, kind: str, language: str) -> bytes:
        """Return a finished review, or the draft of a quarter, as ``html``, ``docx`` or ``csv``.

        Raises
        ------
        RecordNotFoundError
            If there is no finished review of that id.
        InputError
            If a quarter is named of which there can be no review.
        """
        # Plots are heavy; a service that is asked for none does not load them.
        from training.reports.review.document import review_document  # noqa: PLC0415
        from training.reports.review.page import review_page  # noqa: PLC0415

        content = self.draft(review) if len(review) == 6 else self.get(review).content
        if kind == "docx":
            return review_document(content, language)
        text = review_csv(content) if kind == "csv" else review_page(content, language)
        return text.encode("utf-8")

    def take(self, actor: str, quarter: str, proposal: str, body: ReviewProposalIn) -> Action:
        """Make an action of a proposal, as a person edited it.

        Raises
        ------
        RecordNotFoundError
            If the quarter's review proposes nothing of that id.
        ConflictError
            If somebody has decided on it before.
        """
        entry = self._proposal(quarter, proposal)
        title = body.title or action_title(entry, Words(body.language))
        values = {
            "title": title,
            "kind": entry["kind"],
            "source_kind": "problem" if entry["source"] else "review",
            "source": entry["source"] or quarter,
            "evidence": [dict(item) for item in entry["evidence"]],
            "owner": body.owner,
            "due": body.due or entry["due"],
            "measure": body.measure or entry["measure"],
            "expected_effect": entry["expected_effect"],
            "status": "open",
        }
        with self._store.transaction():
            action = self._actions.add(actor, ActionIn.model_validate(values))
            self._store.reviews.decide(quarter, proposal, "taken", action.id, actor)
        return action

    def drop(self, actor: str, quarter: str, proposal: str) -> None:
        """Leave a proposal be; it is not proposed again for this quarter.

        Raises
        ------
        RecordNotFoundError
            If the quarter's review proposes nothing of that id.
        ConflictError
            If somebody has decided on it before.
        """
        self._proposal(quarter, proposal)
        with self._store.transaction():
            self._store.reviews.decide(quarter, proposal, "dropped", None, actor)
            self._audit.note(actor, "review.drop", f"{quarter} {proposal}")

    def start_programme(self, actor: str, quarter: str, language: str) -> list[Action]:
        """Take the programme's timetable of four quarters as actions, from a quarter on.

        Raises
        ------
        ConflictError
            If one that was taken before runs in that quarter still.
        """
        first = Quarter.parse(quarter)
        planned = programme_actions(first, language)
        with self._store.transaction():  # the whole plan, or nothing of it
            until = self._programme_end()
            if until is not None and until >= first.first_day:
                values = {"until": str(until), "quarter": str(first)}
                raise ConflictError(Phrase("programme_runs", values))
            return [self._actions.add(actor, ActionIn.model_validate(entry)) for entry in planned]

    def programme_start(self) -> Quarter | None:
        """Return the next quarter if the programme's timetable can be taken from it on; None while one runs in it."""
        start = Quarter.parse(self.default_quarter()).following.following
        until = self._programme_end()
        return start if until is None or until < start.first_day else None

    def _programme_end(self) -> date | None:
        taken = self._store.actions.all(source_kind="review", source=PROGRAMME)
        return max((action.due for action in taken if action.due), default=None)

    def _proposal(self, quarter: str, proposal: str) -> Content:
        draft = self.draft(quarter)
        listed: list[dict[str, Any]] = draft["proposals"]
        entry = next((entry for entry in listed if entry["id"] == proposal), None)
        if entry is None:
            raise RecordNotFoundError(Phrase("no_proposal", {"id": proposal, "quarter": quarter}))
        if entry["decision"] is not None:
            raise ConflictError(Phrase("proposal_decided", {"proposal": proposal, "quarter": quarter}))
        return entry

    def _state(self, moment: datetime) -> tuple[object, ...]:
        """Return what differs once a review would say something else: records, and what is in none of them."""
        today = moment.astimezone(zone_of(self.options.zone)).date()
        try:
            release = self._serving.current.release  # judges what an article answers
        except NothingPublishedError:
            release = None
        return today, release, self._store.changes.last(), facts_marker(self._store)

    def _with_decisions(self, content: dict[str, Any]) -> dict[str, Any]:
        decided = self._store.reviews.decisions(content["quarter"])
        listed = [{**entry, "decision": decided.get(entry["id"], (None, None))[0]} for entry in content["proposals"]]
        accepted = [action for action in self._store.actions.all() if action.status != "proposed"]
        accepted.sort(key=_soonest_due)
        actions = [plain_action(action) for action in accepted]
        return {**content, "proposals": listed, "actions": actions}

    def _review(self, quarter: Quarter, moment: datetime) -> dict[str, Any]:
        gaps = self._gaps()  # first: where they are not known yet, nothing else is counted in vain
        facts = facts_of_store(self._store)
        frame = read_stored(self._store).incidents
        if (coverage := self._coverage(frame, quarter)) is not None:
            facts = replace(facts, by_number={**facts.by_number, "coverage": coverage})
        arguments = (
            frame,
            facts,
            quarter,
            moment,
            self.options.review(self._holidays),
            self.find_rules(),
            gaps,
            self.options.minutes_saved,
        )
        return in_own_process(compute_review, *arguments) if len(frame) >= LARGE else compute_review(*arguments)

    def _gaps(self) -> list[dict[str, Any]] | None:
        """Return what no article answers; None without a release that could say."""
        try:
            gaps = self.find_gaps()
        except (NothingPublishedError, InputError):
            return None
        return plain_gaps(gaps)

    def _coverage(self, frame: pd.DataFrame, quarter: Quarter) -> pd.Series | None:
        """Return by number how probably an article answers an incident; None without a release."""
        try:
            diagnoser = self._serving.current.diagnoser
        except NothingPublishedError:
            return None
        from training.reports.review.coverage import coverage_of  # noqa: PLC0415 - learned parts are heavy

        return coverage_of(diagnoser, frame, quarter, self.options.zone)


def _soonest_due(action: Action) -> tuple[bool, date]:
    return action.status != "open", action.due or date.max
