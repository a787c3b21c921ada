"""What changed since: how a replica learns what the others stored."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import sqlalchemy as sa

from diagnosis.store import tables
from diagnosis.store.database import Database, insert_new
from diagnosis.store.feedback import Feedback, FeedbackLog
from diagnosis.store.records import Record, Records
from diagnosis.times import as_utc, format_utc


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


@dataclass(frozen=True, slots=True)
class ChangeCursor:
    """How far the changes of a store were read: which store, up to which change, and when the newest was made."""

    store: int
    upto: int
    at: datetime

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {"store": self.store, "upto": self.upto, "at": format_utc(self.at)}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Self:
        """Return what `to_dict` gave."""
        return cls(plain["store"], plain["upto"], datetime.fromisoformat(plain["at"]))


class ChangeFeed:
    """Reads the sequence of changes; every replica remembers for itself how far it has come."""

    def __init__(self, database: Database, incidents: Records, articles: Records, feedback: FeedbackLog) -> None:
        self.database = database
        self.sources = (incidents, articles, feedback)

    def last(self) -> int:
        """Return the number of the latest change."""
        with self.database.read() as connection:
            return int(connection.execute(_LAST).scalar_one())

    def introduce(self) -> None:
        """Give the store a number of its own, by which what was made from it knows it again."""
        name = {"name": _IDENTITY, "value": secrets.randbits(62)}
        with self.database.write() as connection:
            insert_new(tables.counters, connection, [name])

    def store(self) -> int | None:
        """Return the number by which the store is known; None before `introduce`."""
        with self.database.read() as connection:
            number: int | None = connection.execute(_counter(_IDENTITY)).scalar_one_or_none()
        return number

    def cursor(self) -> ChangeCursor | None:
        """Return how far the store has come; None of a store without a number, or an empty one."""
        with self.database.read() as connection:
            store = connection.execute(_counter(_IDENTITY)).scalar_one_or_none()
            upto = int(connection.execute(_LAST).scalar_one())
            moments = [
                connection.execute(sa.select(sa.func.max(changed_at))).scalar_one() for _, changed_at in _CHANGED
            ]
        made_at = [as_utc(moment) for moment in moments if moment is not None]
        return ChangeCursor(int(store), upto, max(made_at)) if store is not None and made_at else None

    def resume(self, cursor: ChangeCursor) -> int:
        """Return the change after which one who has heard so much goes on: the first, if it was another store.

        A store that was set back to a backup counts its changes anew: what lies up to the same number may be others.
        """
        with self.database.read() as connection:
            if connection.execute(_counter(_IDENTITY)).scalar_one_or_none() != cursor.store:
                return 0
            if int(connection.execute(_LAST).scalar_one()) < cursor.upto:
                return 0
            newer = [
                sa.select(sa.literal(1)).where(sequence <= cursor.upto, made_at > cursor.at).limit(1)
                for sequence, made_at in _CHANGED
            ]
            anew = any(connection.execute(statement).first() is not None for statement in newer)
        return 0 if anew else cursor.upto

    def removed_since(self, sequence: int) -> bool:
        """Return whether an incident or an article was deleted after a point."""
        with self.database.read() as connection:
            return any(
                connection.execute(
                    sa.select(sa.literal(1)).where(table.c.deleted, table.c.sequence > sequence).limit(1)
                ).first()
                is not None
                for table in (tables.incidents, tables.articles)
            )

    def since(self, sequence: int, limit: int = 2000) -> Changes:
        """Return what changed after a point, at most `limit` of each kind."""
        incidents, articles, feedback = self.sources
        with self.database.read() as connection:
            # Read first: every change up to here is committed, whatever is written while the tables are read.
            last = int(connection.execute(_LAST).scalar_one())
            if last <= sequence:
                return Changes([], [], [], sequence, complete=True)
            kinds = (
                incidents.between(connection, sequence, last, limit),
                articles.between(connection, sequence, last, limit),
                feedback.between(connection, sequence, last, limit),
            )
        # A kind that filled its page may have more: stop where the first such page stops.
        upto = min([last, *(kind[-1].sequence for kind in kinds if len(kind) == limit)])
        complete = tuple([change for change in kind if change.sequence <= upto] for kind in kinds)
        return Changes(*complete, upto=upto, complete=upto == last)  # type: ignore[misc, arg-type]


_IDENTITY = "identity"
# Where each kind of change keeps its place in the sequence and its moment.
_CHANGED = (
    (tables.incidents.c.sequence, tables.incidents.c.updated_at),
    (tables.articles.c.sequence, tables.articles.c.updated_at),
    (tables.feedback.c.sequence, sa.func.coalesce(tables.feedback.c.undone_at, tables.feedback.c.created_at)),
)


def _counter(name: str) -> sa.Select[Any]:
    return sa.select(tables.counters.c.value).where(tables.counters.c.name == name)


_LAST = _counter("changes")
