"""What changed since: how a replica hears of what the others stored."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from diagnosis.store import tables
from diagnosis.store.database import Database
from diagnosis.store.feedback import Feedback, FeedbackLog
from diagnosis.store.records import Record, Records


@dataclass(frozen=True, slots=True)
class Changes:
    """Everything stored after one point of the sequence up to another, each kind in order.

    ``upto`` is where the next question starts; ``complete`` is false if more is waiting already.
    """

    incidents: list[Record]
    articles: list[Record]
    feedback: list[Feedback]
    upto: int
    complete: bool


class ChangeFeed:
    """Reads the sequence of changes; every replica remembers for itself how far it has come."""

    def __init__(self, database: Database, incidents: Records, articles: Records, feedback: FeedbackLog) -> None:
        self.database = database
        self.sources = (incidents, articles, feedback)

    def last(self) -> int:
        """Return the number of the latest change."""
        with self.database.read() as connection:
            return int(connection.execute(_LAST).scalar_one())

    def since(self, after: int, limit: int = 2000) -> Changes:
        """Return what changed after a point, at most `limit` of each kind."""
        incidents, articles, feedback = self.sources
        with self.database.read() as connection:
            # Read first: every change up to here is committed, whatever is written while the tables are read.
            last = int(connection.execute(_LAST).scalar_one())
            if last <= after:
                return Changes([], [], [], after, complete=True)
            kinds = (
                incidents.between(connection, after, last, limit),
                articles.between(connection, after, last, limit),
                feedback.between(connection, after, last, limit),
            )
        # A kind that filled its page may have more: stop where the first such page stops.
        upto = min([last, *(kind[-1].sequence for kind in kinds if len(kind) == limit)])
        kept = tuple([one for one in kind if one.sequence <= upto] for kind in kinds)
        return Changes(*kept, upto=upto, complete=upto == last)  # type: ignore[misc, arg-type]


_LAST = sa.select(tables.counters.c.value).where(tables.counters.c.name == "changes")
