"""Outbox: calls to other systems that are owed, kept until each was made or given up; nothing is lost on a restart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa

from diagnosis.ids import new_id
from diagnosis.phrases import Phrase
from diagnosis.store import tables
from diagnosis.store.database import Database, RecordNotFoundError, insert_new
from diagnosis.times import as_utc, utc_now

State = Literal["waiting", "done", "dead"]

_TRACE = "traceparent"  # stands in the stored body beside what the maker needs
RETENTION = timedelta(days=14)  # how long a finished call stays visible, and the same call is not owed twice


@dataclass(frozen=True, slots=True)
class OutgoingCall:
    """One call that is owed.

    Attributes
    ----------
    kind : str
        Who makes it: ``webhook``, or the system that is written to.
    destination : str
        A subscription's id, or the system.
    key : str
        What makes it the same call: one is owed once.
    body : mapping
        What its maker needs, as JSON.
    attempts : int
        How often it was tried, the present attempt included.
    trace : str
        The W3C ``traceparent`` of the request that led to it, or ``""``.
    """

    kind: str
    destination: str
    key: str
    body: Mapping[str, Any]
    id: str = ""
    state: State = "waiting"
    attempts: int = 0
    error: str = ""
    created_at: datetime | None = None
    due_at: datetime | None = None
    trace: str = ""


class Outbox:
    """Calls owed, in one table that every replica works off."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def add(self, calls: Sequence[OutgoingCall]) -> int:
        """Owe calls; one whose key is known is left as it is. Returns how many are new."""
        moment = utc_now()
        rows = [
            {
                "id": new_id(),
                "kind": c.kind,
                "destination": c.destination,
                "key": c.key,
                "body": {**c.body, _TRACE: c.trace} if c.trace else dict(c.body),
                "state": "waiting",
                "attempts": 0,
                "error": "",
                "created_at": moment,
                "due_at": moment,
            }
            for c in calls
        ]
        if not rows:
            return 0
        with self.database.write() as connection:
            return insert_new(tables.outbox, connection, rows)

    def take(
        self,
        limit: int,
        lease: timedelta,
        share: int | None = None,
        in_hand: Sequence[OutgoingCall] = (),
        receivers: Callable[[], Mapping[str, str]] = dict,
    ) -> list[OutgoingCall]:
        """Take up to `limit` due calls for `lease`: a taker that dies within it leaves them due again after it.

        Parameters
        ----------
        limit : int
        lease : timedelta
        share : int, optional
            How many calls to one receiver the taker makes at once at most, so that a slow one holds no more than
            these; no limit unless it is set.
        in_hand : sequence of OutgoingCall
            What the taker is making now.
        receivers : callable
            Returns what destinations are behind one another's, by destination: several addresses of mail are one mail
            server. A destination that is not named is a receiver of its own.
        """
        t, moment = tables.outbox, utc_now()
        is_due = sa.and_(t.c.state == "waiting", t.c.due_at <= moment)
        due = sa.select(t.c.id).where(is_due).order_by(t.c.due_at).limit(limit)
        with self.database.read() as connection:  # looking often must not keep writers waiting
            if connection.execute(due).first() is None:
                return []
        if share is not None:
            behind = receivers()
            with self.database.read() as connection:
                ids = _within_share(connection, is_due, limit, share, in_hand, behind)
            if not ids:
                return []
            due = due.where(t.c.id.in_(ids))
        with self.database.write() as connection:
            # Another replica that takes at this moment is passed over (PostgreSQL) or waited for (SQLite).
            ids = list(connection.execute(due.with_for_update(skip_locked=True)).scalars())
            leased = {"due_at": moment + lease, "attempts": t.c.attempts + 1}
            connection.execute(sa.update(t).where(t.c.id.in_(ids)).values(leased))
            rows = connection.execute(sa.select(t).where(t.c.id.in_(ids)).order_by(t.c.created_at, t.c.id)).all()
        return [_owed(row) for row in rows]

    def done(self, call: str) -> None:
        """Note that a call was made."""
        self._set(call, state="done", error="")

    def later(self, call: str, due_at: datetime, error: str) -> None:
        """Note that a call failed and is to be tried again."""
        self._set(call, state="waiting", due_at=due_at, error=error[:2000])

    def dead(self, call: str, error: str) -> None:
        """Note that a call is given up; it stays visible."""
        self._set(call, state="dead", error=error[:2000])

    def again(self, call: str) -> OutgoingCall:
        """Owe a call anew that was given up.

        Raises
        ------
        RecordNotFoundError
            If none of that id was given up.
        """
        t = tables.outbox
        with self.database.write() as connection:
            changed = connection.execute(
                sa.update(t)
                .where(t.c.id == call, t.c.state == "dead")
                .values(state="waiting", attempts=0, due_at=utc_now(), error="")
            )
            if not changed.rowcount:
                raise RecordNotFoundError(Phrase("no_call_given_up", {"id": call}))
            return _owed(connection.execute(sa.select(t).where(t.c.id == call)).one())

    def page(
        self, limit: int, state: State | None = None, destination: str | None = None, older_than: str | None = None
    ) -> list[OutgoingCall]:
        """Return up to `limit` calls, newest first, those older than an id."""
        t = tables.outbox
        statement = sa.select(t).order_by(t.c.id.desc()).limit(limit)
        for column, value in ((t.c.state, state), (t.c.destination, destination)):
            if value is not None:
                statement = statement.where(column == value)
        if older_than is not None:
            statement = statement.where(t.c.id < older_than)
        with self.database.read() as connection:
            return [_owed(row) for row in connection.execute(statement)]

    def newest(self, beginning: str) -> OutgoingCall | None:
        """Return the newest call whose key begins so; None where none is kept."""
        t = tables.outbox
        begins = t.c.key.startswith(beginning, autoescape=True)
        with self.database.read() as connection:
            row = connection.execute(sa.select(t).where(begins).order_by(t.c.id.desc()).limit(1)).one_or_none()
        return None if row is None else _owed(row)

    def forget(self) -> None:
        """Remove what was finished longer ago than `RETENTION`."""
        t = tables.outbox
        with self.database.write() as connection:
            connection.execute(sa.delete(t).where(t.c.state != "waiting", t.c.due_at < utc_now() - RETENTION))

    def _set(self, call: str, **values: Any) -> None:  # noqa: ANN401 - columns
        t = tables.outbox
        with self.database.write() as connection:
            connection.execute(sa.update(t).where(t.c.id == call).values(**values))


def _within_share(
    connection: sa.Connection,
    is_due: sa.ColumnElement[bool],
    limit: int,
    share: int,
    in_hand: Sequence[OutgoingCall],
    receivers: Mapping[str, str],
) -> list[str]:
    """Return the ids of the calls due longest, at most `share` to a receiver with those in hand."""
    t = tables.outbox
    making = Counter(receivers.get(call.destination, call.destination) for call in in_hand)
    place = sa.func.row_number().over(partition_by=t.c.destination, order_by=t.c.due_at).label("place")
    ranked = sa.select(t.c.id, t.c.destination, t.c.due_at, place).where(is_due).subquery()
    first = sa.select(ranked).where(ranked.c.place <= share).order_by(ranked.c.due_at)
    ids = []
    for row in connection.execute(first):
        receiver = receivers.get(row.destination, row.destination)
        if making[receiver] < share:
            making[receiver] += 1
            ids.append(row.id)
    return ids[:limit]


def _owed(row: sa.Row[Any]) -> OutgoingCall:
    body = dict(row.body)
    values = {"body": body, "trace": body.pop(_TRACE, "")}
    times = {"created_at": as_utc(row.created_at), "due_at": as_utc(row.due_at)}
    return OutgoingCall(**{**row._mapping, **values, **times})
