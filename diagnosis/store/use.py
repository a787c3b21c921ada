"""How often each key was used in the last minutes by all processes together: what shared limits are reckoned from."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import sqlalchemy as sa

from diagnosis.store import tables
from diagnosis.store.database import Database
from diagnosis.times import utc_now

_LIFETIME = timedelta(minutes=2)
_ALL_PROCESSES = ""  # one row a key counts for all


class Use:
    """One count a key, to which every process adds.

    Parameters
    ----------
    database : Database
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def add(self, counts: Mapping[str, int]) -> dict[str, int]:
        """Add requests that were let through here, and return the count of every key used in the last minutes."""
        t, moment = tables.key_use, utc_now()
        if counts:  # a process whose keys rest writes nothing
            with self.database.write() as connection:
                connection.execute(sa.delete(t).where(t.c.at < moment - _LIFETIME))
                for key, count in sorted(counts.items()):  # in one order, so that two processes never wait crosswise
                    row = (t.c.process == _ALL_PROCESSES, t.c.key == key)
                    if connection.execute(sa.update(t).where(*row).values(used=t.c.used + count, at=moment)).rowcount:
                        continue
                    new = {"process": _ALL_PROCESSES, "key": key, "used": count, "at": moment}
                    connection.execute(sa.insert(t).values(new))
        recent = sa.select(t.c.key, t.c.used).where(t.c.process == _ALL_PROCESSES, t.c.at >= moment - _LIFETIME)
        with self.database.read() as connection:
            return {row.key: row.used for row in connection.execute(recent)}
