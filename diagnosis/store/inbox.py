"""Inbox: which deliveries of other systems were taken, and which incident stands for which monitored fault."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from diagnosis.store import tables
from diagnosis.store.database import ConflictError, Database, upsert
from diagnosis.times import as_utc, utc_now

REMEMBERED = timedelta(days=30)
IN_HAND = timedelta(seconds=60)  # as long as a claim of an Idempotency-Key: a process may be killed in between


class Inbox:
    """What came in from the systems around us.

    Parameters
    ----------
    database : Database
    in_hand : timedelta
        How long a delivery that was taken and neither kept nor released counts as taken.
    """

    def __init__(self, database: Database, in_hand: timedelta = IN_HAND) -> None:
        self.database = database
        self.in_hand = in_hand

    def take(self, system: str, deliveries: Sequence[str]) -> bool:
        """Take a delivery by each of its names, for a while; return False if one of them was taken before."""
        t, moment = tables.received, utc_now()
        lapses = moment - REMEMBERED + self.in_hand  # what is older than the memory is forgotten
        rows = [{"system": system, "delivery": name, "at": lapses} for name in deliveries]
        try:
            with self.database.write() as connection:
                connection.execute(sa.delete(t).where(t.c.at < moment - REMEMBERED))
                connection.execute(sa.insert(t), rows)
        except ConflictError:
            return False
        return True

    def keep(self, system: str, deliveries: Sequence[str]) -> None:
        """Note that a delivery was worked off: it is not taken again while it is remembered."""
        t = tables.received
        with self.database.write() as connection:
            names = sa.and_(t.c.system == system, t.c.delivery.in_(deliveries))
            connection.execute(sa.update(t).where(names).values(at=utc_now()))

    def release(self, system: str, deliveries: Sequence[str]) -> None:
        """Give a delivery back that came to nothing, so that it may be sent again."""
        t = tables.received
        with self.database.write() as connection:
            connection.execute(sa.delete(t).where(t.c.system == system, t.c.delivery.in_(deliveries)))

    def fault(self, fingerprint: str) -> tuple[str, datetime | None] | None:
        """Return the incident that stands for a monitored fault and when it was resolved; None for a new fault."""
        t = tables.monitored
        with self.database.read() as connection:
            row = connection.execute(sa.select(t).where(t.c.fingerprint == fingerprint)).one_or_none()
        return None if row is None else (row.incident, None if row.resolved_at is None else as_utc(row.resolved_at))

    def set_fault(self, fingerprint: str, incident: str, resolved_at: datetime | None) -> None:
        """Note which incident stands for a monitored fault, and when it was resolved."""
        row = {"fingerprint": fingerprint, "incident": incident, "resolved_at": resolved_at}
        with self.database.write() as connection:
            upsert(tables.monitored, connection, [row])
