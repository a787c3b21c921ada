"""Intake: what every dialect does with a report: remember it, diagnose it, owe the write-back, answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from starlette.concurrency import run_in_threadpool

from api.http.rows import read_one
from api.integrations.report import Report
from api.integrations.settings import Integrations, System
from api.integrations.writing.order import order_for
from api.records.schemas import IncidentIn
from api.service import Service
from diagnosis.incident import FIELDS, TYPES, Incident
from diagnosis.store.database import RecordNotFoundError
from diagnosis.store.outbox import OutgoingCall
from diagnosis.store.records import Record

LATER = "diagnosis"  # the kind of call that diagnoses a report whose system could not wait

# A report is the whole state of a record, so what it no longer says of these is over: the incident was reopened.
_STATE = frozenset({"resolved_at", "closed_at"})


class Intake:
    """Takes reports from the systems around us.

    Parameters
    ----------
    service : Service
    settings : Integrations
    outbox_changed : callable
        Tells the courier to look at the outbox.
    """

    def __init__(self, service: Service, settings: Integrations, outbox_changed: Callable[[], None]) -> None:
        self.service = service
        self.settings = settings
        self.outbox_changed = outbox_changed

    async def diagnose(self, system: str, report: Report) -> dict[str, Any]:
        """Remember a report, diagnose it, owe the write-back if that is switched on, and return the diagnosis."""
        incident, _ = await run_in_threadpool(self._remember, report)
        return await self._diagnose(system, report, incident)

    async def diagnose_if_new(self, system: str, report: Report) -> dict[str, Any]:
        """Do the same, but return the last diagnosis if the report says nothing that was not known."""
        incident, changed = await run_in_threadpool(self._remember, report)
        if not changed:
            diagnoses = await run_in_threadpool(self.service.store.diagnoses.page, 1, incident.number)
            if diagnoses:
                return diagnoses[0]
        return await self._diagnose(system, report, incident)

    async def remember(self, report: Report) -> None:
        """Store what a report says of its incident, and keep what it does not speak of."""
        await run_in_threadpool(self._remember, report)

    async def later(self, system: str, report: Report) -> None:
        """Owe the diagnosis of a report: it is made, and written back, even if we are stopped now."""
        body = {"system": system, "record": report.record, "incident": _plain(report.incident)}
        digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        call = OutgoingCall(LATER, system, f"{LATER}:{system}:{digest}", body)
        await run_in_threadpool(self.service.store.outbox.add, [call])
        self.outbox_changed()

    async def _diagnose(self, system: str, report: Report, incident: IncidentIn) -> dict[str, Any]:
        diagnosis = await self.service.diagnoses.diagnose(incident)
        settings = getattr(self.settings, system)
        if isinstance(settings, System) and settings.write_back:
            await run_in_threadpool(self.service.store.outbox.add, [order_for(system, settings, report, diagnosis)])
            self.outbox_changed()
        return diagnosis

    def _remember(self, report: Report) -> tuple[IncidentIn, bool]:
        previous = self._stored(report.incident.number)
        lasting = {name: value for name, value in previous.items() if name not in _STATE}
        values = _plain(report.incident)
        if "opened_at" in lasting:  # when it was first reported; an alert that fires again has a later start
            values.pop("opened_at", None)
        if "type" in lasting and values.get("type") == TYPES[0]:  # what a payload without a type is taken for
            del values["type"]
        incident = read_one(IncidentIn, {**lasting, **values})
        [record] = self.service.incidents.take_in([incident])
        return incident, dict(record.body) != dict(previous)

    def _stored(self, number: str) -> Mapping[str, Any]:
        try:
            record: Record = self.service.store.incidents.get(number)
        except RecordNotFoundError:
            return {}
        return record.body


def report_of(owed: OutgoingCall) -> tuple[str, Report]:
    """Return the system and the report of a call that `Intake.later` owed."""
    incident = IncidentIn.model_validate(owed.body["incident"]).to_incident()
    return owed.body["system"], Report(incident, owed.body["record"])


def _plain(incident: Incident) -> dict[str, Any]:
    values = {name: getattr(incident, name) for name in FIELDS} | dict(incident.extra)
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in values.items()
        if value not in ("", None)
    }
