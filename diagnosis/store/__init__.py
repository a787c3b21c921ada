"""Store: incidents, articles, diagnoses, feedback, rules, actions, keys and the audit log in SQLite or PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager

import sqlalchemy as sa

from diagnosis.decisions import HumanDecisions
from diagnosis.ids import begin_after
from diagnosis.store import tables
from diagnosis.store.actions import Actions
from diagnosis.store.alert_verdicts import AlertVerdicts
from diagnosis.store.audit import AuditLog
from diagnosis.store.changes import ChangeFeed
from diagnosis.store.clocks import ClockRecords
from diagnosis.store.database import Database
from diagnosis.store.diagnoses import DiagnosisRecords, IdempotentResponses
from diagnosis.store.feedback import FeedbackLog, decisions_on
from diagnosis.store.inbox import Inbox
from diagnosis.store.keys import ApiKeys
from diagnosis.store.monitoring import Alerts, ChangeRecords, MaintenanceWindows, ServiceLinks
from diagnosis.store.observations import Observations
from diagnosis.store.outbox import Outbox
from diagnosis.store.problems import Problems
from diagnosis.store.questions import Questions
from diagnosis.store.records import Records
from diagnosis.store.reviews import Reviews, SurveyAnswers
from diagnosis.store.revocations import Revocations, revoked_of
from diagnosis.store.rules import Rules, rules_in_force
from diagnosis.store.sessions import Sessions
from diagnosis.store.subscriptions import Subscriptions
from diagnosis.store.surges import Surges, WatchStates
from diagnosis.store.use import Use

_IN_ORDER_OF_IDS = (
    tables.diagnoses,
    tables.rules,
    tables.actions,
    tables.problem_decisions,
    tables.reviews,
    tables.revocations,
    tables.outbox,
    tables.subscriptions,
    tables.api_keys,
)

__all__ = ["Store"]


class Store:
    """Everything that is kept, in one database. What returned was committed.

    Parameters
    ----------
    url : str
        ``sqlite:///var/faultwise.db`` or ``postgresql://user@host/name``.
    """

    def __init__(self, url: str) -> None:
        self.database = Database(url)
        self.incidents = Records(self.database, tables.incidents)
        self.articles = Records(self.database, tables.articles)
        self.diagnoses = DiagnosisRecords(self.database, self.incidents)
        self.responses = IdempotentResponses(self.database)
        self.observations = Observations(self.database, self.incidents)
        self.revocations = Revocations(self.database)
        self.feedback = FeedbackLog(self.database)
        self.rules = Rules(self.database)
        self.actions = Actions(self.database)
        self.problems = Problems(self.database)
        self.reviews = Reviews(self.database)
        self.survey_answers = SurveyAnswers(self.database)
        self.keys = ApiKeys(self.database)
        self.sessions = Sessions(self.database)
        self.use = Use(self.database)
        self.audit = AuditLog(self.database)
        self.questions = Questions(self.audit)
        self.outbox = Outbox(self.database)
        self.inbox = Inbox(self.database)
        self.subscriptions = Subscriptions(self.database)
        self.surges = Surges(self.database)
        self.clocks = ClockRecords(self.database)
        self.watch_states = WatchStates(self.database)
        self.alerts = Alerts(self.database)
        self.alert_verdicts = AlertVerdicts(self.database)
        self.change_records = ChangeRecords(self.database)
        self.service_links = ServiceLinks(self.database)
        self.maintenance = MaintenanceWindows(self.database)
        self.changes = ChangeFeed(self.database, self.incidents, self.articles, self.feedback)

    @classmethod
    def open(cls, url: str) -> Store:
        """Return the store at `url`, its tables brought up to date."""
        store = cls(url)
        store.database.migrate()
        store.changes.introduce()
        store._go_on_counting()
        return store

    def decisions(self, incidents: Sequence[str], release: str = "") -> list[HumanDecisions]:
        """Return what people have decided on each incident, as it stands now.

        Rules are among it, and what live data took back of the certificates of the release that is to answer.
        """
        with self.database.read() as connection:
            revoked = tuple(revocation.as_rule() for revocation in revoked_of(connection, release)) if release else ()
            return decisions_on(connection, incidents, rules_in_force(connection) + revoked)

    def _go_on_counting(self) -> None:
        """Let new ids be above those that are stored: the clock may have been set back since."""
        newest = [sa.select(sa.func.max(table.c.id).label("id")) for table in _IN_ORDER_OF_IDS]
        with self.database.read() as connection:
            for stored in connection.execute(sa.union_all(*newest)).scalars():
                begin_after(stored or "")

    def transaction(self) -> AbstractContextManager[None]:
        """Return a block whose reads and writes in this thread are committed together, all or none."""
        return self.database.transaction()

    def close(self) -> None:
        """Give every connection back."""
        self.database.close()
