"""Surges: warnings as announced, what they join, what people decided on them, and the state of who watches."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa

from diagnosis.phrases import Phrase
from diagnosis.store import tables
from diagnosis.store.database import (
    Database,
    RecordNotFoundError,
    chunks,
    insert_new,
    insert_unknown,
    take_sequences,
    upsert,
)
from diagnosis.times import as_utc, utc_now

SurgeState = Literal["open", "ended", "dismissed"]
_TIMES = ("at", "since", "latest", "over_at", "declared_at", "dismissed_at", "answered_at")
_DECIDED = (
    "declared_at",
    "declared_by",
    "dismissed_at",
    "dismissed_by",
    "ended_by",
    "note",
    "answer",
    "answered_at",
    "answered_by",
)


@dataclass(frozen=True, slots=True)
class StoredSurge:
    """One warning.

    Attributes
    ----------
    at, since, latest, over_at : datetime
        When it was announced, when its first and its latest incident came, and when it was over; None while it lasts.
    count, expected, window : int, float, float
        Incidents in the window (seconds) in which it was seen, and how many are usual.
    members : mapping of str to mapping of str to int
        Its incidents by field and value, the most frequent values.
    course : sequence of (str, int, float)
        Time, count and what is usual, in steps.
    note : str
        What a person wrote who dismissed or ended it.
    answer : str
        What all joined incidents are told.
    sequence : int
        Above that of every surge that was stored before it.
    """

    id: str
    kind: str
    scope_kind: str
    scope_value: str
    at: datetime
    since: datetime
    latest: datetime
    over_at: datetime | None
    count: int
    expected: float
    window: float
    members: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    course: Sequence[Sequence[Any]] = ()
    declared_at: datetime | None = None
    declared_by: str = ""
    dismissed_at: datetime | None = None
    dismissed_by: str = ""
    ended_by: str = ""
    note: str = ""
    answer: str = ""
    answered_at: datetime | None = None
    answered_by: str = ""
    sequence: int = 0

    @property
    def state(self) -> SurgeState:
        """Whether it lasts, is over, or was no surge as people say."""
        if self.dismissed_at is not None:
            return "dismissed"
        return "open" if self.over_at is None else "ended"

    @property
    def scope(self) -> dict[str, str]:
        """What its incidents share, as the contract shows it: empty for everything."""
        return {} if self.scope_kind == "all" else {self.scope_kind: self.scope_value}


class Surges:
    """Warnings by id, and the incidents and alerts that each joins."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def write(self, surges: Sequence[StoredSurge]) -> list[str]:
        """Insert or bring up to date what the watch says of surges, and return the ids of the new ones.

        What people decided stays.
        """
        t = tables.surges
        rows = {surge.id: _row(surge) for surge in surges}
        with self.database.write() as connection:
            statement = sa.select(t.c.id).where(t.c.id.in_(list(rows)))
            stored = set(connection.execute(statement).scalars())
            unknown = sorted((row for row in rows.values() if row["id"] not in stored), key=lambda row: row["at"])
            first = take_sequences(connection, len(unknown)) if unknown else 0
            numbered = [{**row, "sequence": first + place} for place, row in enumerate(unknown)]
            new = [row["id"] for row in numbered if insert_new(t, connection, [row])]
            existing = [row for row in rows.values() if row["id"] not in new]
            upsert(t, connection, existing, keep=(*_DECIDED, "sequence"))
        return new

    def join(self, surge: str, numbers: Sequence[tuple[str, bool]]) -> None:
        """Join incidents to a surge; each with whether it is an alert of a monitoring system."""
        unique = dict(numbers)
        rows = [{"surge": surge, "number": number, "is_alert": is_alert} for number, is_alert in unique.items()]
        with self.database.write() as connection:
            insert_unknown(tables.surge_incidents, connection, rows)

    def decide(self, surge: str, **changes: Any) -> StoredSurge:  # noqa: ANN401 - fields of a surge
        """Write down what a person decided, and return the surge as it is then.

        Raises
        ------
        RecordNotFoundError
            If there is none of that id.
        """
        with self.database.transaction():
            decided = replace(self.get(surge), **changes)
            with self.database.write() as connection:
                connection.execute(sa.update(tables.surges).where(tables.surges.c.id == surge).values(**changes))
        return decided

    def get(self, surge: str) -> StoredSurge:
        """Return one surge.

        Raises
        ------
        RecordNotFoundError
            If there is none of that id.
        """
        t = tables.surges
        with self.database.read() as connection:
            row = connection.execute(sa.select(t).where(t.c.id == surge)).one_or_none()
        if row is None:
            raise RecordNotFoundError(Phrase("no_surge", {"id": surge}))
        return _surge(row)

    def find(self, surges: Sequence[str]) -> list[StoredSurge]:
        """Return those of these surges that there are."""
        t = tables.surges
        stored: list[StoredSurge] = []
        with self.database.read() as connection:
            for chosen in chunks(surges):
                rows = connection.execute(sa.select(t).where(t.c.id.in_(chosen)))
                stored += [_surge(row) for row in rows]
        return stored

    def empty(self, surge: str) -> None:
        """Let go of the incidents that a surge joins."""
        t = tables.surge_incidents
        with self.database.write() as connection:
            connection.execute(sa.delete(t).where(t.c.surge == surge))

    def page(self, limit: int, before: int | None = None, state: str = "") -> list[StoredSurge]:
        """Return up to `limit` surges, the latest announced first, those before a sequence."""
        t = tables.surges
        statement = sa.select(t).order_by(t.c.sequence.desc()).limit(limit)
        if before is not None:
            statement = statement.where(t.c.sequence < before)
        if state == "dismissed":
            statement = statement.where(t.c.dismissed_at.is_not(None))
        elif state:
            over = t.c.over_at.is_(None) if state == "open" else t.c.over_at.is_not(None)
            statement = statement.where(t.c.dismissed_at.is_(None), over)
        with self.database.read() as connection:
            return [_surge(row) for row in connection.execute(statement)]

    def marker(self) -> tuple[object, ...]:
        """Return a value that differs after a surge began, grew, ended or was dismissed."""
        t = tables.surges
        of_people = sa.func.count(t.c.dismissed_at), sa.func.max(t.c.dismissed_at)
        counts = sa.func.count(), sa.func.sum(t.c.count), sa.func.count(t.c.over_at), sa.func.max(t.c.over_at)
        members = sa.select(sa.func.count()).select_from(tables.surge_incidents).scalar_subquery()
        with self.database.read() as connection:
            return tuple(connection.execute(sa.select(*counts, *of_people, members).select_from(t)).one())

    def lasting(self) -> list[StoredSurge]:
        """Return the surges that are not over, dismissed ones too, the latest announced first."""
        t = tables.surges
        with self.database.read() as connection:
            rows = connection.execute(sa.select(t).where(t.c.over_at.is_(None)).order_by(t.c.sequence.desc()))
            return [_surge(row) for row in rows]

    def ended_by_people(self, since: datetime) -> list[StoredSurge]:
        """Return the surges that people ended since a moment."""
        t = tables.surges
        with self.database.read() as connection:
            rows = connection.execute(sa.select(t).where(t.c.ended_by != "", t.c.over_at >= since))
            return [_surge(row) for row in rows]

    def dismissed(self, since: datetime) -> list[StoredSurge]:
        """Return the surges that people dismissed since a moment."""
        t = tables.surges
        with self.database.read() as connection:
            return [_surge(row) for row in connection.execute(sa.select(t).where(t.c.dismissed_at >= since))]

    def of_scope(self, scope_kind: str, scope_value: str, before: int, limit: int) -> list[StoredSurge]:
        """Return up to `limit` surges of one scope that were announced before a sequence, the latest first."""
        t = tables.surges
        statement = (
            sa.select(t)
            .where(t.c.scope_kind == scope_kind, t.c.scope_value == scope_value, t.c.sequence < before)
            .where(t.c.kind != "silence", t.c.dismissed_at.is_(None))
            .order_by(t.c.sequence.desc())
            .limit(limit)
        )
        with self.database.read() as connection:
            return [_surge(row) for row in connection.execute(statement)]

    def members(self, surge: str) -> tuple[list[str], list[str]]:
        """Return the incidents and the alerts that a surge joins, by number and by id.

        Alerts that people said belong to one of its incidents are among them.
        """
        t = tables.surge_incidents
        incidents = sa.select(t.c.number).where(t.c.surge == surge, t.c.is_alert.is_(False)).order_by(t.c.number)
        alerts = _alerts_of([surge])
        with self.database.read() as connection:
            return (
                list(connection.execute(incidents).scalars()),
                list(connection.execute(sa.select(alerts.c.alert).order_by(alerts.c.alert)).scalars()),
            )

    def counts(self, surges: Sequence[str]) -> dict[str, tuple[int, int]]:
        """Return how many incidents and alerts each of these surges joins."""
        t = tables.surge_incidents
        counts: dict[str, tuple[int, int]] = dict.fromkeys(surges, (0, 0))
        statement = sa.select(t.c.surge, sa.func.count()).where(t.c.is_alert.is_(False)).group_by(t.c.surge)
        with self.database.read() as connection:
            for chosen in chunks(surges):
                incidents = {row[0]: int(row[1]) for row in connection.execute(statement.where(t.c.surge.in_(chosen)))}
                joined = _alerts_of(chosen)
                counted = sa.select(joined.c.surge, sa.func.count()).group_by(joined.c.surge)
                alerts = {row[0]: int(row[1]) for row in connection.execute(counted)}
                counts |= {surge: (incidents.get(surge, 0), alerts.get(surge, 0)) for surge in chosen}
        return counts

    def of_incidents(self, numbers: Sequence[str]) -> dict[str, StoredSurge]:
        """Return, by incident, the latest surge that joins it and was not dismissed."""
        t, joined = tables.surges, tables.surge_incidents
        statement = (
            sa.select(joined.c.number, t)
            .join(t, t.c.id == joined.c.surge)
            .where(t.c.dismissed_at.is_(None))
            .order_by(t.c.sequence)
        )
        surges: dict[str, StoredSurge] = {}
        with self.database.read() as connection:
            for chosen in chunks(numbers):
                for row in connection.execute(statement.where(joined.c.number.in_(chosen))):
                    surges[row.number] = _surge(row)
        return surges


class WatchStates:
    """Who watches, how far it has come, and what it knew then: one holder at a time among all processes.

    What they share as a secret is kept beside it.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def hold(self, name: str, holder: str, seconds: float) -> bool:
        """Take the watch, or keep it, for some seconds; return whether it is the holder's now."""
        t, moment = tables.watch_states, utc_now()
        until = moment + timedelta(seconds=seconds)
        with self.database.write() as connection:
            mine = sa.or_(t.c.holder == holder, t.c.until < moment)
            changed = connection.execute(
                sa.update(t).where(t.c.name == name, mine).values(holder=holder, until=until)
            ).rowcount
            if changed:
                return True
            row = {"name": name, "holder": holder, "until": until, "sequence": 0, "saved_at": None, "state": None}
            return bool(insert_new(t, connection, [row]))

    def let_go(self, name: str, holder: str) -> None:
        """Let another process take the watch at once."""
        t = tables.watch_states
        with self.database.write() as connection:
            connection.execute(
                sa.update(t).where(t.c.name == name, t.c.holder == holder).values(until=utc_now() - timedelta(days=1))
            )

    def load(self, name: str) -> tuple[int, datetime, bytes] | None:
        """Return the change up to which was watched, when that was saved, and the state; None before the first."""
        t = tables.watch_states
        with self.database.read() as connection:
            row = connection.execute(sa.select(t).where(t.c.name == name)).one_or_none()
        if row is None or row.state is None:
            return None
        return int(row.sequence), as_utc(row.saved_at), bytes(row.state)

    def secret(self, name: str) -> bytes:
        """Return 32 random bytes that all processes share, made by the first that asks."""
        t, moment, secret = tables.watch_states, utc_now(), secrets.token_bytes(32)
        row = {"name": name, "holder": "", "until": moment, "sequence": 0, "saved_at": moment, "state": secret}
        with self.database.write() as connection:
            insert_new(t, connection, [row])
            return bytes(connection.execute(sa.select(t.c.state).where(t.c.name == name)).scalar_one())

    def save(self, name: str, holder: str, sequence: int, state: bytes) -> None:
        """Keep the state of who holds the watch."""
        t = tables.watch_states
        with self.database.write() as connection:
            connection.execute(
                sa.update(t)
                .where(t.c.name == name, t.c.holder == holder)
                .values(sequence=sequence, state=state, saved_at=utc_now())
            )


def _alerts_of(surges: Sequence[str]) -> sa.Subquery:
    """Return the alerts of surges: those that the watch joined, and those that people said belong to an incident."""
    t, verdicts = tables.surge_incidents, tables.alert_verdicts
    joined = sa.select(t.c.surge, t.c.number.label("alert")).where(t.c.surge.in_(surges), t.c.is_alert.is_(True))
    of_people = (
        sa.select(t.c.surge, verdicts.c.alert)
        .join(verdicts, verdicts.c.incident == t.c.number)
        .where(t.c.surge.in_(surges), t.c.is_alert.is_(False), verdicts.c.belongs.is_(True))
    )
    return sa.union(joined, of_people).subquery()


def _row(surge: StoredSurge) -> dict[str, Any]:
    row = {column.name: getattr(surge, column.name) for column in tables.surges.columns}
    members = {kind: dict(values) for kind, values in surge.members.items()}
    return row | {"members": members, "course": [list(step) for step in surge.course]}


def _surge(row: sa.Row[Any]) -> StoredSurge:
    values = {column.name: getattr(row, column.name) for column in tables.surges.columns}
    times = {name: None if values[name] is None else as_utc(values[name]) for name in _TIMES}
    return StoredSurge(**{**values, **times})
