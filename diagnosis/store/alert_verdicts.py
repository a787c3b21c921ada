"""What people said of alerts and incidents: whether an alert belongs to an incident."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from diagnosis.phrases import Phrase
from diagnosis.store import tables
from diagnosis.store.database import Database, RecordNotFoundError, chunks, take_sequences, upsert
from diagnosis.store.monitoring import StoredAlert, alert_of
from diagnosis.times import as_utc, utc_now

_MOST_NAMES = 400


@dataclass(frozen=True, slots=True)
class AlertVerdict:
    """What a person said of an alert and an incident; its sequence is above that of all that was said before."""

    alert: str
    incident: str
    belongs: bool
    at: datetime
    by: str
    sequence: int


@dataclass(frozen=True, slots=True)
class JudgedPair:
    """An alert and an incident that people judged, as both are stored."""

    alert: StoredAlert
    incident: Mapping[str, Any]
    belongs: bool


class AlertVerdicts:
    """Verdicts by alert and incident; the latest counts."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def say(self, alert: str, incident: str, belongs: bool, actor: str) -> AlertVerdict:
        """Keep what a person said, in place of what was said before of the same two."""
        with self.database.write() as connection:
            verdict = AlertVerdict(alert, incident, belongs, utc_now(), actor, take_sequences(connection, 1))
            upsert(tables.alert_verdicts, connection, [asdict(verdict)])
        return verdict

    def take_back(self, alert: str, incident: str) -> None:
        """Forget what was said of an alert and an incident.

        Raises
        ------
        RecordNotFoundError
            If nothing was said.
        """
        t = tables.alert_verdicts
        with self.database.write() as connection:
            statement = sa.delete(t).where(t.c.alert == alert, t.c.incident == incident)
            if not connection.execute(statement).rowcount:
                raise RecordNotFoundError(Phrase("no_alert_verdict", {"alert": alert, "incident": incident}))

    def of_incident(self, incident: str) -> dict[str, AlertVerdict]:
        """Return what was said of an incident, by alert."""
        t = tables.alert_verdicts
        with self.database.read() as connection:
            rows = connection.execute(sa.select(t).where(t.c.incident == incident))
            return {row.alert: _verdict(row) for row in rows}

    def of_alerts(self, alerts: Sequence[str]) -> list[AlertVerdict]:
        """Return what was said of these alerts, the latest first."""
        t = tables.alert_verdicts
        verdicts: list[AlertVerdict] = []
        with self.database.read() as connection:
            for chosen in chunks(alerts):
                rows = connection.execute(sa.select(t).where(t.c.alert.in_(chosen)))
                verdicts += [_verdict(row) for row in rows]
        return sorted(verdicts, key=lambda verdict: verdict.sequence, reverse=True)

    def page(self, limit: int, before: int | None = None) -> list[AlertVerdict]:
        """Return up to `limit` verdicts, the latest first, those before a sequence."""
        t = tables.alert_verdicts
        statement = sa.select(t).order_by(t.c.sequence.desc()).limit(limit)
        if before is not None:
            statement = statement.where(t.c.sequence < before)
        with self.database.read() as connection:
            return [_verdict(row) for row in connection.execute(statement)]

    def judged(self, limit: int, names: Sequence[str] | None = None) -> list[JudgedPair]:
        """Return up to `limit` judged pairs, the latest first; of alerts with one of these names, if any are given."""
        t, alerts, incidents = tables.alert_verdicts, tables.alerts, tables.incidents
        statement = (
            sa.select(alerts, incidents.c.body.label("logged"), t.c.belongs)
            .join(alerts, alerts.c.id == t.c.alert)
            .join(incidents, incidents.c.number == t.c.incident)
            .where(incidents.c.deleted.is_(False))
            .order_by(t.c.sequence.desc())
            .limit(limit)
        )
        if names is not None:
            statement = statement.where(alerts.c.name.in_(names[:_MOST_NAMES]))
        with self.database.read() as connection:
            rows = connection.execute(statement)
            return [JudgedPair(alert_of(row), row.logged, row.belongs) for row in rows]

    def version(self) -> tuple[int, int | None]:
        """Return how many verdicts there are and the sequence of the latest: another pair after each change."""
        t = tables.alert_verdicts
        statement = sa.select(sa.func.count(), sa.func.max(t.c.sequence)).select_from(t)
        with self.database.read() as connection:
            count, latest = connection.execute(statement).one()
        return int(count), latest


def _verdict(row: sa.Row[Any]) -> AlertVerdict:
    return AlertVerdict(row.alert, row.incident, row.belongs, as_utc(row.at), row.by, row.sequence)
