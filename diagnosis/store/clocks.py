"""Open incidents as clocks read them, and what was announced of their clocks."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from diagnosis.store import tables
from diagnosis.store.database import Database, chunks, insert_new
from diagnosis.times import utc_now

Announced = tuple[str, str, str]


class ClockRecords:
    """Which incidents wait, and which of their clocks were announced; `announce` belongs in a transaction."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def waiting(self) -> list[dict[str, Any]]:
        """Return the fields of incidents without a resolution, and of those that were reopened."""
        t = tables.incidents
        ended = sa.func.coalesce(t.c.body["resolved_at"].as_string(), t.c.body["closed_at"].as_string(), "")
        reopened = sa.func.coalesce(t.c.body["reopened_at"].as_string(), "")
        statement = sa.select(t.c.body).where(t.c.deleted.is_(False), (ended == "") | (reopened != ""))
        with self.database.read() as connection:
            return [dict(row.body) for row in connection.execute(statement)]

    def of_period(self, opened_from: datetime, ended_from: datetime) -> list[dict[str, Any]]:
        """Return the incidents that were opened or that ended since these days, that are open, or were reopened."""
        t = tables.incidents
        opened, resolved, closed, reopened = (
            sa.func.coalesce(t.c.body[name].as_string(), "")
            for name in ("opened_at", "resolved_at", "closed_at", "reopened_at")
        )
        # Times are kept as UTC in ISO 8601, so that their days can be compared as text.
        opened_day, ended_day = (f"{moment:%Y-%m-%d}" for moment in (opened_from, ended_from))
        is_open = (resolved == "") & (closed == "")
        inside = (opened >= opened_day) | (resolved >= ended_day) | (closed >= ended_day) | is_open | (reopened != "")
        statement = sa.select(t.c.number, t.c.body).where(t.c.deleted.is_(False), inside)
        with self.database.read() as connection:
            return [{**row.body, "number": row.number} for row in connection.execute(statement)]

    def priorities(self) -> list[str]:
        """Return the priorities that incidents have, each once, of closed ones too."""
        t = tables.incidents
        priority = sa.func.coalesce(t.c.body["priority"].as_string(), "")
        with self.database.read() as connection:
            rows = connection.execute(sa.select(priority).where(t.c.deleted.is_(False)).distinct())
            return [str(value) for value in rows.scalars()]

    def courses(self) -> list[dict[str, Any]]:
        """Return number, group, state and times of every incident, for who counts them by day."""
        t = tables.incidents
        fields = ("assignment_group", "state", "opened_at", "resolved_at", "closed_at", "reopened_at")
        columns = [t.c.body[name].as_string().label(name) for name in fields]
        with self.database.read() as connection:
            rows = connection.execute(sa.select(t.c.number, *columns).where(t.c.deleted.is_(False)))
            return [dict(row._mapping) for row in rows]

    def missed(self, numbers: Collection[str]) -> set[tuple[str, str]]:
        """Return which clocks of these incidents were announced, or written down, as missed: number and clock."""
        t = tables.clock_announcements
        pairs: set[tuple[str, str]] = set()
        with self.database.read() as connection:
            for chosen in chunks(sorted(numbers)):
                of_chosen = (t.c.standing == "missed") & t.c.incident.in_(chosen)
                rows = connection.execute(sa.select(t.c.incident, t.c.clock).where(of_chosen))
                pairs.update((row.incident, row.clock) for row in rows)
        return pairs

    def announce(self, clocks: Iterable[Announced]) -> list[Announced]:
        """Write down that clocks (incident, clock, standing) were announced; return those that were not before."""
        moment = utc_now()
        fresh = []
        with self.database.write() as connection:
            for incident, clock, standing in clocks:
                row = {"incident": incident, "clock": clock, "standing": standing, "at": moment}
                if insert_new(tables.clock_announcements, connection, [row]):
                    fresh.append((incident, clock, standing))
        return fresh
