"""What monitoring and changes say: alerts with their repetitions, changes, the service map, maintenance windows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from diagnosis.ids import new_id
from diagnosis.phrases import Phrase
from diagnosis.store import tables
from diagnosis.store.database import Database, RecordNotFoundError, chunks, insert_unknown, take_sequences, upsert
from diagnosis.times import as_utc, utc_now

LASTS = timedelta(days=1)  # an alert that nobody ended, from its latest repetition


@dataclass(frozen=True, slots=True)
class StoredAlert:
    """An alert of a monitoring system, its repetitions while it lasts counted and not kept.

    Attributes
    ----------
    incident : str
        The incident that it was made into, if there is one.
    body : mapping
        What else came with it: severity, description, labels, group.
    """

    id: str
    started_at: datetime
    ended_at: datetime | None = None
    name: str = ""
    cmdb_ci: str = ""
    service: str = ""
    incident: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)
    latest_at: datetime | None = None
    repeats: int = 1
    sequence: int = 0

    @property
    def fault(self) -> tuple[str, str, str]:
        """What makes two alerts the same while one lasts."""
        return self.name, self.cmdb_ci, self.service


class Alerts:
    """Alerts by id."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def put(self, alerts: Sequence[StoredAlert]) -> list[str]:
        """Take in alerts, and return for each the id under which it is kept: another's, where it repeats that one."""
        ids: list[str] = []
        changed: dict[str, StoredAlert] = {}
        with self.database.write() as connection:
            by_id = self._by_id(connection, [alert.id for alert in alerts])
            lasting: dict[tuple[str, str, str], StoredAlert | None] = {}
            for alert in alerts:
                earlier = changed.get(alert.id) or by_id.get(alert.id) or self._repeated(connection, alert, lasting)
                stored = _fresh(alert) if earlier is None else _repetition(earlier, alert)
                changed[stored.id] = lasting[stored.fault] = stored
                ids.append(stored.id)
            new = [alert for alert in changed.values() if not alert.sequence]
            first = take_sequences(connection, len(new)) if new else 0
            numbered = [replace(alert, sequence=first + place) for place, alert in enumerate(new)]
            rows = [_alert_row(alert) for alert in [*numbered, *(a for a in changed.values() if a.sequence)]]
            upsert(tables.alerts, connection, rows)
        return ids

    def get(self, alert: str) -> StoredAlert:
        """Return one alert.

        Raises
        ------
        RecordNotFoundError
            If there is none of that id.
        """
        with self.database.read() as connection:
            earlier = self._by_id(connection, [alert])
        if alert not in earlier:
            raise RecordNotFoundError(Phrase("no_alert", {"id": alert}))
        return earlier[alert]

    def find(self, alerts: Sequence[str]) -> dict[str, StoredAlert]:
        """Return those of these alerts that there are, by id."""
        with self.database.read() as connection:
            return self._by_id(connection, alerts)

    def page(self, limit: int, before: int | None = None) -> list[StoredAlert]:
        """Return up to `limit` alerts, those that came last first, those before a sequence.

        Not by when they say that they began: one from a machine whose clock is a year ahead would stand first for a
        year.
        """
        t = tables.alerts
        statement = sa.select(t).order_by(t.c.sequence.desc()).limit(limit)
        if before is not None:
            statement = statement.where(t.c.sequence < before)
        with self.database.read() as connection:
            return [alert_of(row) for row in connection.execute(statement)]

    def started_between(self, start: datetime, end: datetime, limit: int) -> list[StoredAlert]:
        """Return the latest alerts that started within a time, up to `limit`, the earliest of them first."""
        t = tables.alerts
        statement = sa.select(t).where(t.c.started_at >= start, t.c.started_at < end).order_by(t.c.started_at.desc())
        with self.database.read() as connection:
            return [alert_of(row) for row in connection.execute(statement.limit(limit))][::-1]

    def first_started(self) -> datetime | None:
        """Return when the earliest alert started; None without any."""
        t = tables.alerts
        statement = sa.select(t.c.started_at).order_by(t.c.started_at).limit(1)
        with self.database.read() as connection:
            moment: datetime | None = connection.execute(statement).scalar_one_or_none()
        return None if moment is None else as_utc(moment)

    def between(self, after: int, upto: int, limit: int) -> list[StoredAlert]:
        """Return up to `limit` alerts with ``after < sequence <= upto``, in order."""
        t = tables.alerts
        statement = sa.select(t).where(t.c.sequence > after, t.c.sequence <= upto).order_by(t.c.sequence).limit(limit)
        with self.database.read() as connection:
            return [alert_of(row) for row in connection.execute(statement)]

    def marker(self) -> tuple[object, ...]:
        """Return a value that differs after an alert came."""
        t = tables.alerts
        with self.database.read() as connection:
            return tuple(connection.execute(sa.select(sa.func.count(), sa.func.max(t.c.sequence)).select_from(t)).one())

    def _by_id(self, connection: Connection, ids: Sequence[str]) -> dict[str, StoredAlert]:
        t = tables.alerts
        alerts: dict[str, StoredAlert] = {}
        for chosen in chunks(ids):
            rows = connection.execute(sa.select(t).where(t.c.id.in_(chosen)))
            alerts |= {row.id: alert_of(row) for row in rows}
        return alerts

    def _repeated(
        self, connection: Connection, alert: StoredAlert, lasting: dict[tuple[str, str, str], StoredAlert | None]
    ) -> StoredAlert | None:
        """Return the alert that lasts and that this one repeats, if there is one."""
        if alert.fault not in lasting:
            t = tables.alerts
            same = (t.c.name == alert.name, t.c.cmdb_ci == alert.cmdb_ci, t.c.service == alert.service)
            statement = sa.select(t).where(*same).order_by(t.c.latest_at.desc()).limit(1)
            row = connection.execute(statement).one_or_none()
            lasting[alert.fault] = None if row is None else alert_of(row)
        earlier = lasting[alert.fault]
        if earlier is None or alert.started_at < earlier.started_at - LASTS:
            return None
        until = earlier.ended_at or (earlier.latest_at or earlier.started_at) + LASTS
        return earlier if alert.started_at <= until else None


def _fresh(alert: StoredAlert) -> StoredAlert:
    return replace(alert, ended_at=_end(alert), latest_at=alert.started_at, repeats=1, sequence=0)


def _end(alert: StoredAlert) -> datetime | None:
    """Return when an alert ended; an end before its start says nothing."""
    return alert.ended_at if alert.ended_at is not None and alert.ended_at >= alert.started_at else None


def _repetition(earlier: StoredAlert, alert: StoredAlert) -> StoredAlert:
    """Return an alert that lasts with what its repetition, or its end, says."""
    latest = max(earlier.latest_at or earlier.started_at, alert.started_at)
    ended = _end(alert)
    is_end = ended is not None and alert.id == earlier.id
    if (
        ended is None
        and earlier.ended_at is not None
        and alert.id == earlier.id
        and alert.started_at <= earlier.ended_at
    ):
        ended = earlier.ended_at  # what began before the end and came after it: the order on the way is not promised
    if ended is not None and earlier.ended_at is not None:
        ended = max(ended, earlier.ended_at)
    return replace(
        earlier,
        started_at=min(earlier.started_at, alert.started_at),
        latest_at=latest,
        ended_at=ended,
        repeats=earlier.repeats + (not is_end),
        incident=alert.incident or earlier.incident,
    )


@dataclass(frozen=True, slots=True)
class StoredChange:
    """A change; ``at`` is when it started, or was opened where that is not known."""

    number: str
    at: datetime | None
    cmdb_ci: str
    service: str
    updated_at: datetime
    body: Mapping[str, Any]


class ChangeRecords:
    """Changes of configuration items and services, by number."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def put(self, changes: Sequence[StoredChange]) -> None:
        """Insert or replace changes, all or none."""
        rows = {change.number: {**_change_row(change), "updated_at": utc_now()} for change in changes}
        with self.database.write() as connection:
            upsert(tables.change_records, connection, list(rows.values()))

    def get(self, number: str) -> StoredChange:
        """Return one change.

        Raises
        ------
        RecordNotFoundError
            If there is none of that number.
        """
        t = tables.change_records
        with self.database.read() as connection:
            row = connection.execute(sa.select(t).where(t.c.number == number)).one_or_none()
        if row is None:
            raise RecordNotFoundError(Phrase("no_change", {"id": number}))
        return _change(row)

    def delete(self, number: str) -> None:
        """Remove one change.

        Raises
        ------
        RecordNotFoundError
            If there is none of that number.
        """
        t = tables.change_records
        with self.database.write() as connection:
            if not connection.execute(sa.delete(t).where(t.c.number == number)).rowcount:
                raise RecordNotFoundError(Phrase("no_change", {"id": number}))

    def page(self, limit: int, after: str | None = None) -> list[StoredChange]:
        """Return up to `limit` changes in order of number, those after the given number."""
        t = tables.change_records
        statement = sa.select(t).order_by(t.c.number).limit(limit)
        if after is not None:
            statement = statement.where(t.c.number > after)
        with self.database.read() as connection:
            return [_change(row) for row in connection.execute(statement)]

    def marker(self) -> tuple[object, ...]:
        """Return a value that differs after a change was stored or deleted."""
        t = tables.change_records
        with self.database.read() as connection:
            return tuple(
                connection.execute(sa.select(sa.func.count(), sa.func.max(t.c.updated_at)).select_from(t)).one()
            )

    def on(
        self,
        items: Sequence[str],
        services: Sequence[str],
        start: datetime | None = None,
        end: datetime | None = None,
        limit: int = 10_000,
    ) -> list[StoredChange]:
        """Return up to `limit` changes on any of these items or services within a time, the latest first."""
        t = tables.change_records
        places = sa.or_(t.c.cmdb_ci.in_(items), t.c.service.in_(services))
        statement = sa.select(t).where(places, t.c.at.is_not(None)).order_by(t.c.at.desc()).limit(limit)
        if start is not None:
            statement = statement.where(t.c.at >= start)
        if end is not None:
            statement = statement.where(t.c.at <= end)
        with self.database.read() as connection:
            return [_change(row) for row in connection.execute(statement)]

    def on_each(self, places: Sequence[Place], limit: int = 10_000) -> list[list[StoredChange]]:
        """Return, for each place, the changes on any of its items or services within its time, the latest first.

        Parameters
        ----------
        places : sequence of Place
        limit : int
            Changes that are read for all of them together, the latest ones.
        """
        asked = [place for place in places if place.items or place.services]
        if not asked:
            return [[] for _ in places]
        t = tables.change_records
        items = sorted({item for place in asked for item in place.items})
        services = sorted({service for place in asked for service in place.services})
        times = [sa.and_(t.c.at >= start, t.c.at <= end) for start, end in _joined([(p.start, p.end) for p in asked])]
        named = sa.or_(t.c.cmdb_ci.in_(items), t.c.service.in_(services))
        statement = sa.select(t).where(named, sa.or_(*times)).order_by(t.c.at.desc()).limit(limit)
        with self.database.read() as connection:
            changes = [_change(row) for row in connection.execute(statement)]
        return [[change for change in changes if place.covers(change)] for place in places]


@dataclass(frozen=True, slots=True)
class Place:
    """Items and services within a time."""

    items: Sequence[str]
    services: Sequence[str]
    start: datetime
    end: datetime

    def covers(self, change: StoredChange) -> bool:
        """Return whether a change was made there then."""
        is_here = change.cmdb_ci in self.items or change.service in self.services
        return is_here and change.at is not None and self.start <= change.at <= self.end


def _joined(times: Sequence[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """Return times of which none overlap, that hold what these do."""
    joined: list[tuple[datetime, datetime]] = []
    for start, end in sorted(times):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined


class ServiceLinks:
    """Which item needs which: the service map."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def replace(self, links: Iterable[tuple[str, str, str]]) -> int:
        """Put another map in place of the one there was, and return how many links it has."""
        rows = list(
            {(item, needs): {"item": item, "needs": needs, "kind": kind} for item, needs, kind in links}.values()
        )
        with self.database.write() as connection:
            connection.execute(sa.delete(tables.service_map))
            insert_unknown(tables.service_map, connection, rows)
        return len(rows)

    def all(self) -> list[tuple[str, str, str]]:
        """Return every link: item, what it needs, and the kind of link."""
        t = tables.service_map
        with self.database.read() as connection:
            return [
                (row.item, row.needs, row.kind) for row in connection.execute(sa.select(t).order_by(*t.primary_key))
            ]


@dataclass(frozen=True, slots=True)
class StoredWindow:
    """A maintenance window."""

    starts_at: datetime
    ends_at: datetime
    scope: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    id: str = ""
    created_at: datetime | None = None
    created_by: str = ""


class MaintenanceWindows:
    """Maintenance windows by id."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def add(self, window: StoredWindow, actor: str) -> StoredWindow:
        """Save a new window, under an id of its own, and return it."""
        saved = replace(window, id=new_id(), created_at=utc_now(), created_by=actor)
        row = {column.name: getattr(saved, column.name) for column in tables.maintenance_windows.columns}
        with self.database.write() as connection:
            connection.execute(sa.insert(tables.maintenance_windows).values({**row, "scope": dict(saved.scope)}))
        return saved

    def delete(self, window: str) -> None:
        """Take a window away.

        Raises
        ------
        RecordNotFoundError
            If there is none of that id.
        """
        t = tables.maintenance_windows
        with self.database.write() as connection:
            if not connection.execute(sa.delete(t).where(t.c.id == window)).rowcount:
                raise RecordNotFoundError(Phrase("no_maintenance_window", {"id": window}))

    def since(self, moment: datetime) -> list[StoredWindow]:
        """Return the windows that end after a moment, in order of their start."""
        t = tables.maintenance_windows
        with self.database.read() as connection:
            rows = list(connection.execute(sa.select(t).where(t.c.ends_at > moment).order_by(t.c.starts_at, t.c.id)))
        return [
            StoredWindow(
                as_utc(row.starts_at),
                as_utc(row.ends_at),
                row.scope,
                row.note,
                row.id,
                as_utc(row.created_at),
                row.created_by,
            )
            for row in rows
        ]


def _alert_row(alert: StoredAlert) -> dict[str, Any]:
    row = {column.name: getattr(alert, column.name) for column in tables.alerts.columns}
    return row | {"body": dict(alert.body)}


def alert_of(row: sa.Row[Any]) -> StoredAlert:
    """Return a row of the table of alerts as an alert."""
    values = {column.name: getattr(row, column.name) for column in tables.alerts.columns}
    times = {
        name: None if values[name] is None else as_utc(values[name]) for name in ("started_at", "ended_at", "latest_at")
    }
    return StoredAlert(**{**values, **times})


def _change_row(change: StoredChange) -> dict[str, Any]:
    row = {column.name: getattr(change, column.name) for column in tables.change_records.columns}
    return row | {"body": dict(change.body)}


def _change(row: sa.Row[Any]) -> StoredChange:
    at = None if row.at is None else as_utc(row.at)
    return StoredChange(row.number, at, row.cmdb_ci, row.service, as_utc(row.updated_at), row.body)
