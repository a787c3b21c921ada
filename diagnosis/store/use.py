"""How often keys were used, process by process: what limits that hold for all processes are reckoned from."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import sqlalchemy as sa
from ulid import ULID

from diagnosis.store import tables
from diagnosis.store.database import Database, upsert
from diagnosis.times import utc_now

_RETENTION = timedelta(minutes=2)


class Use:
    """What this process tells the others, under a name of its own.

    Parameters
    ----------
    database : Database
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self.process = str(ULID())
        self._told: dict[str, int] = {}

    def exchange(self, used: Mapping[str, int]) -> dict[tuple[str, str], int]:
        """Tell how often each key was used here, and return what others told in the last minutes.

        Parameters
        ----------
        used : mapping of str to int
            Counts that only grow; a key that is left out is forgotten.

        Returns
        -------
        dict of (str, str) to int
            Process and key to count.
        """
        t, moment = tables.key_use, utc_now()
        changed = {key: count for key, count in used.items() if self._told.get(key) != count}
        if changed:  # a process whose keys rest writes nothing
            with self.database.write() as connection:
                connection.execute(sa.delete(t).where(t.c.at < moment - _RETENTION))
                rows = [{"process": self.process, "key": key, "used": n, "at": moment} for key, n in changed.items()]
                upsert(t, connection, rows)
        self._told = dict(used)
        of_others = sa.select(t).where(t.c.process != self.process, t.c.at >= moment - _RETENTION)
        with self.database.read() as connection:
            return {(row.process, row.key): row.used for row in connection.execute(of_others)}
