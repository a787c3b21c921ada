"""Retention: what is older than an organisation wants to keep is forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import sqlalchemy as sa

from diagnosis.store import tables
from diagnosis.store.database import Database
from diagnosis.store.records import Record, Records
from diagnosis.times import as_utc, utc_now

_CHUNK = 500
_TIMES = ("closed_at", "resolved_at")  # the first that an incident has is its age


def forget_incidents(database: Database, older_than: timedelta) -> int:
    """Erase incidents that ended longer ago, as deleting each would; return how many.

    An incident is as old as its closure, else its resolution. One that is open is kept.
    """
    records, limit, forgotten, after = Records(database, tables.incidents), utc_now() - older_than, 0, None
    while page := records.page(_CHUNK, after):
        after = page[-1].number
        numbers = [record.number for record in page if (moment := _ended_at(record)) and moment < limit]
        if numbers:
            with database.write() as connection:
                records.write(connection, {number: {} for number in numbers}, deleted=True)
        forgotten += len(numbers)
    return forgotten


def forget_diagnoses(database: Database, older_than: timedelta) -> int:
    """Delete diagnoses that were made longer ago, with what people said of them; return how many.

    What became of the answers is kept: it holds fields and values, no words.
    """
    t, f = tables.diagnoses, tables.feedback
    old = sa.select(t.c.id).where(t.c.created_at < utc_now() - older_than).order_by(t.c.id).limit(_CHUNK)
    forgotten = 0
    while True:
        with database.write() as connection:
            ids = list(connection.execute(old).scalars())
            connection.execute(sa.delete(f).where(f.c.diagnosis.in_(ids)))
            connection.execute(sa.delete(t).where(t.c.id.in_(ids)))
        forgotten += len(ids)
        if len(ids) < _CHUNK:
            return forgotten


def _ended_at(record: Record) -> datetime | None:
    return next((moment for name in _TIMES if (moment := _time(record.body, name))), None)


def _time(body: Mapping[str, object], name: str) -> datetime | None:
    value = body.get(name)
    try:
        return as_utc(datetime.fromisoformat(value)) if isinstance(value, str) and value else None
    except ValueError:  # stored before times were checked
        return None
