"""Retention: what is older than an organisation wants to keep is forgotten."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from diagnosis.store import tables
from diagnosis.store.database import Database, take_sequences
from diagnosis.store.records import Record, Records
from diagnosis.times import as_utc, utc_now

_CHUNK = 500
_ENDS = ("resolved_at", "closed_at")


def forget_incidents(database: Database, older_than: timedelta) -> int:
    """Erase incidents that ended longer ago, as deleting each would; return how many.

    An incident is as old as its resolution or closure, whichever came last. One that is open is kept, as is one that
    was reopened since.
    """
    records, limit, forgotten, after = Records(database, tables.incidents), utc_now() - older_than, 0, None
    while page := records.page(_CHUNK, after):
        after = page[-1].number
        if numbers := _ended_before(page, limit):
            with database.write() as connection:
                take_sequences(connection, 0)  # whoever writes records meanwhile waits
                stored = records.by_number(connection, numbers).values()  # one may have been reopened since
                numbers = _ended_before([record for record in stored if not record.deleted], limit)
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


def forget_monitoring(database: Database, older_than: timedelta) -> int:
    """Delete alerts, changes and surges that were over longer ago, with what people said of them; return how many.

    An alert that nobody ended is as old as its last repetition. A surge that is not over is kept.
    """
    alerts, changes, surges, limit = tables.alerts, tables.change_records, tables.surges, utc_now() - older_than
    ends = (
        (alerts.c.id, sa.func.coalesce(alerts.c.ended_at, alerts.c.latest_at), (tables.alert_verdicts.c.alert,)),
        (changes.c.number, sa.func.coalesce(changes.c.at, changes.c.updated_at), ()),
        (surges.c.id, surges.c.over_at, (tables.surge_incidents.c.surge,)),
    )
    return sum(_delete_older(database, key, ended, limit, beside) for key, ended, beside in ends)


def _delete_older(
    database: Database,
    key: sa.Column[str],
    ended: sa.ColumnElement[datetime],
    limit: datetime,
    beside: Sequence[sa.Column[str]],
) -> int:
    old = sa.select(key).where(ended < limit).order_by(key).limit(_CHUNK).with_for_update()  # one may go on meanwhile
    forgotten = 0
    while True:
        with database.write() as connection:
            keys = list(connection.execute(old).scalars())
            for column in (*beside, key):
                connection.execute(sa.delete(column.table).where(column.in_(keys)))
        forgotten += len(keys)
        if len(keys) < _CHUNK:
            return forgotten


def _ended_before(records: Iterable[Record], limit: datetime) -> list[str]:
    return [record.number for record in records if (moment := _ended_at(record)) and moment < limit]


def _ended_at(record: Record) -> datetime | None:
    ended = max((moment for name in _ENDS if (moment := _time(record.body, name))), default=None)
    reopened = _time(record.body, "reopened_at")
    return None if ended and reopened and reopened > ended else ended


def _time(body: Mapping[str, object], name: str) -> datetime | None:
    value = body.get(name)
    try:
        return as_utc(datetime.fromisoformat(value)) if isinstance(value, str) and value else None
    except ValueError:  # stored before times were checked
        return None
