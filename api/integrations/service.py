"""IntegrationService: what every dialect does with a report: remember it, diagnose it, owe the write-back, answer."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool

from api.changes.schemas import ChangeIn
from api.changes.service import ChangeService
from api.diagnoses.service import DiagnosisService
from api.errors import ReplayError
from api.http.rows import read_one
from api.integrations.alertmanager import AlertmanagerAlert
from api.integrations.faults import Faults
from api.integrations.predictive_intelligence import PostedQuestion, question, results, single_result, target_of
from api.integrations.report import ListOutcome, Report, reason_of
from api.integrations.servicenow import IncidentRow, incident_of
from api.integrations.settings import Integrations, System
from api.integrations.writing.order import answer_order, order_for
from api.records.schemas import IncidentIn
from api.records.service import RecordService
from api.releases.service import ReleaseService
from api.service_levels.service import ServiceLevelService
from api.telemetry import current_trace
from api.webhooks.events import Events
from diagnosis.errors import InputError
from diagnosis.incident import FIELDS, TYPES, Incident
from diagnosis.redact import Redactor
from diagnosis.redact.records import mask_code, mask_incident, mask_labels
from diagnosis.store import Store
from diagnosis.store.bodies import stored_body
from diagnosis.store.monitoring import StoredAlert
from diagnosis.store.outbox import OutgoingCall
from diagnosis.store.records import Record
from diagnosis.store.surges import StoredSurge
from diagnosis.times import format_utc, utc_now
from training.records.changes import canonical_change

log = logging.getLogger(__name__)

_ON_ITS_WAY = timedelta(minutes=2)  # as long as a webhook may take
LATER = "diagnosis"  # the kind of call that diagnoses a report whose system could not wait

# A report is the whole state of a record, so what it no longer says of these is over: the incident was reopened.
_STATE = frozenset({"resolved_at", "closed_at"})


class IntegrationService:
    """Takes reports from the systems around us.

    Parameters
    ----------
    store : Store
    diagnoses : DiagnosisService
    incidents : RecordService
    releases : ReleaseService
    service_levels : ServiceLevelService
        Says how the clocks of an incident stand when a note is written.
    events : Events
    redactor : Redactor
        Masks personal data in alerts.
    settings : Integrations

    Attributes
    ----------
    zone : str
        The organisation's, of the times in notes.
    """

    def __init__(
        self,
        store: Store,
        diagnoses: DiagnosisService,
        incidents: RecordService[IncidentIn],
        releases: ReleaseService,
        service_levels: ServiceLevelService,
        events: Events,
        redactor: Redactor,
        settings: Integrations,
    ) -> None:
        self.settings = settings
        self.zone = "UTC"
        self._store = store
        self._diagnoses = diagnoses
        self._incidents = incidents
        self._releases = releases
        self._service_levels = service_levels
        self._events = events
        self._redactor = redactor
        self._faults = Faults(store.inbox, timedelta(minutes=settings.alertmanager.reopen_minutes))

    @asynccontextmanager
    async def once(self, system: str, deliveries: Sequence[str]) -> AsyncIterator[None]:
        """Let a delivery through once, known by several names; one that fails may be sent again.

        So may one whose process was killed before it was worked off, after a minute.

        Raises
        ------
        ReplayError
            If it was taken before.
        """
        if deliveries and not await run_in_threadpool(self._store.inbox.take, system, deliveries):
            raise ReplayError(f"expected a delivery of {system} once; found one that was taken before")
        try:
            yield
        except BaseException:
            if deliveries:
                await run_in_threadpool(self._store.inbox.release, system, deliveries)
            raise
        if deliveries:
            await run_in_threadpool(self._store.inbox.keep, system, deliveries)

    async def report_alerts(self, alerts: Sequence[AlertmanagerAlert], group: str = "") -> list[Report]:
        """Return alerts as reports on the incidents that stand for their faults, and remember which ones those are."""
        return await run_in_threadpool(self._report_alerts, alerts, group)

    @staticmethod
    async def take_change(changes: ChangeService, record: Mapping[str, Any]) -> None:
        """Store a change as its system sends it.

        Raises
        ------
        RequestValidationError
            If it has no number, or holds a value that cannot be used.
        InputError
            If it is nested too deep to be one.
        """
        await run_in_threadpool(changes.take_in, [_change_of(record)])

    @staticmethod
    async def take_changes(
        changes: ChangeService, records: Mapping[int, Mapping[str, Any]]
    ) -> tuple[int, dict[int, str]]:
        """Store those changes of a list that can be used; return how many, and why others cannot, by their places."""
        usable: list[ChangeIn] = []
        refused: dict[int, str] = {}
        for place, record in records.items():
            try:
                usable.append(_change_of(record))
            except (RequestValidationError, InputError) as error:
                refused[place] = reason_of(error)
        await run_in_threadpool(changes.take_in, usable)
        return len(usable), refused

    def write_answer(self, surge: StoredSurge, numbers: Sequence[str]) -> None:
        """Owe the one answer of a surge to the tickets of incidents whose systems are written to."""
        calls = []
        for number, record in self._incidents.stored(numbers).items():
            system, key = str(record.body.get("source", "")), str(record.body.get("record", ""))
            settings = getattr(self.settings, system, None) if system else None
            if isinstance(settings, System) and settings.write_back and key:
                calls.append(answer_order(system, key, number, surge.id, surge.answer))
        if calls:
            self._store.outbox.add(calls)
            self._events.outbox_changed()

    def _report_alerts(self, alerts: Sequence[AlertmanagerAlert], group: str) -> list[Report]:
        with self._store.transaction():
            reports = [self._faults.report(alert) for alert in alerts]
        pairs = zip(alerts, reports, strict=True)
        self._store.alerts.put([self._stored_alert(alert, report, group) for alert, report in pairs])
        return reports

    def _stored_alert(self, alert: AlertmanagerAlert, report: Report, group: str) -> StoredAlert:
        incident = report.incident
        started = alert.starts_at or incident.opened_at or utc_now()
        codes = (incident.symptom, incident.cmdb_ci, incident.service)
        name, item, service = (mask_code(text, self._redactor) for text in codes)
        return StoredAlert(
            f"{alert.fingerprint}@{format_utc(started)}"[:255],
            started,
            incident.resolved_at,
            name[:255],
            item[:255],
            service[:255],
            incident.number,
            mask_labels(
                {"severity": incident.urgency, "description": incident.short_description, "group": group},
                self._redactor,
            ),
        )

    async def predict(self, posted: PostedQuestion) -> dict[str, Any]:
        """Answer as ServiceNow Predictive Intelligence does; nothing is stored.

        Raises
        ------
        RecordNotFoundError
            If no target answers for a solution.
        """
        names = self.settings.servicenow
        query = question(posted, names.solutions, names.fields, self._releases.targets())
        predicted = await self._diagnoses.predict([report.incident for _, report in query.records])
        return results(query, [diagnosis.predictions for diagnosis in predicted], self._releases.threshold)

    async def predict_one(self, solution: str, row: IncidentRow) -> dict[str, Any]:
        """Answer one solution for one record, as `predict` does for several."""
        names = self.settings.servicenow
        target = target_of(solution, names.solutions, self._releases.targets())
        report = incident_of(row, names.fields, number=row.sys_id or "input 0")
        [predicted] = await self._diagnoses.predict([report.incident])
        return single_result(solution, row, target, predicted.predictions, self._releases.threshold)

    async def diagnose(self, system: str, report: Report) -> dict[str, Any]:
        """Remember a report, diagnose it, owe the write-back if that is switched on, and return the diagnosis."""
        incident = await run_in_threadpool(self._remember, report)
        return await self._diagnose(system, report, incident)

    async def diagnose_list(
        self, system: str, reports: Mapping[int, Report], seconds: float, *, only_new: bool = False
    ) -> ListOutcome:
        """Do the same for many: they are remembered together, and single incidents of others go before them.

        A report that says its incident is over is remembered only. One that cannot be used costs the others nothing.

        Parameters
        ----------
        reports : mapping of int to Report
            By their places in what was sent.
        seconds : float
            How long to wait for diagnoses; those that are not there then are owed.
        only_new : bool
            Whether a report that says nothing that was not known gets the last diagnosis instead of a new one.
        """
        incidents, refused = await run_in_threadpool(self._remember_list, reports)
        open_ones = [place for place in sorted(incidents) if not (only_new and reports[place].incident.resolved_at)]
        previous: dict[int, dict[str, Any]] = {}
        if only_new:
            unchanged = {place: incidents[place][0].number for place in open_ones if not incidents[place][1]}
            previous = await run_in_threadpool(self._newest, unchanged)
        places = [place for place in open_ones if place not in previous]
        results = await self._diagnose_in_time([incidents[place][0] for place in places], seconds)
        diagnoses = {
            place: diagnosis for place, diagnosis in zip(places, results, strict=True) if diagnosis is not None
        }
        owed = [place for place in places if place not in diagnoses]
        calls = [self._later(system, reports[place]) for place in owed]
        settings = getattr(self.settings, system)
        if isinstance(settings, System) and settings.write_back:
            noted = await run_in_threadpool(self._with_clocks, diagnoses)
            calls += [order_for(system, settings, reports[place], noted[place], self.zone) for place in noted]
        if calls:
            await self._owe(calls)
        return ListOutcome(previous | diagnoses, refused, owed)

    async def remember(self, report: Report) -> None:
        """Store what a report says of its incident, and keep what it does not speak of."""
        await run_in_threadpool(self._remember, report)

    async def diagnose_in_time(self, system: str, report: Report, seconds: float) -> dict[str, Any] | None:
        """Do as `diagnose`; return None where that takes longer than the system waits.

        Then the diagnosis is owed: it is made, and written back, even if we are stopped now.
        """
        end = asyncio.get_running_loop().time() + seconds
        incident = await run_in_threadpool(self._remember, report)
        try:
            async with asyncio.timeout_at(end):
                return await self._diagnose(system, report, incident)
        except TimeoutError:
            await self._owe([self._later(system, report)])
            return None

    async def diagnose_owed(self, owed: OutgoingCall) -> None:
        """Make a diagnosis that was owed, of what is known of the incident now: its report may be the older one.

        Raises
        ------
        RecordNotFoundError
            If the incident, which was remembered before this was owed, is deleted now.
        """
        system, report = report_of(owed)
        record = await run_in_threadpool(self._incidents.get, report.incident.number)
        incident = read_one(IncidentIn, {**record.body, "number": record.number})
        await self._diagnose(system, replace(report, incident=incident.to_incident()), incident)

    def catch_up(
        self, system: str, reports: Sequence[Report], since: datetime, started_at: datetime, known_to: int
    ) -> int:
        """Remember what a system was read to hold, together, and owe the diagnosis of what was never reported.

        A report that cannot be used costs the others nothing.

        Parameters
        ----------
        since : datetime
            Open incidents that were opened at or after it and have no diagnosis were missed; older ones were there
            before anybody asked for one.
        started_at : datetime
            When this process began: what was opened after it, a moment ago, may be on its way by webhook.
        known_to : int
            The latest change of the store before the system was read: what was stored of an incident after it is newer
            than what was read, and stands.

        Returns
        -------
        int
            How many diagnoses are owed now that were not.
        """
        stored = self._incidents.stored([report.incident.number for report in reports])
        newer = {number for number, record in stored.items() if record.sequence > known_to}
        older = {place: report for place, report in enumerate(reports) if report.incident.number not in newer}
        remembered, refused = self._remember_list(older)
        if refused:  # what is wrong with them may be what a person wrote, and so stands in no log
            log.warning("records that cannot be used", extra={"fields": {"system": system, "refused": len(refused)}})
        moment = utc_now()
        open_ones = {
            reports[place].incident.number: reports[place]
            for place in sorted(remembered)
            if _is_open_since(reports[place].incident, since)
            and not _is_on_its_way(reports[place].incident, max(started_at, moment - _ON_ITS_WAY), moment)
        }
        diagnosed = self._diagnoses.diagnosed(list(open_ones))
        calls = [
            self._later(system, report, f"{LATER}:{system}:missed:{number}")
            for number, report in open_ones.items()
            if number not in diagnosed
        ]
        owed = self._store.outbox.add(calls)
        if owed:
            self._events.outbox_changed()
        return owed

    async def _diagnose(self, system: str, report: Report, incident: IncidentIn) -> dict[str, Any]:
        diagnosis = await self._diagnoses.diagnose(incident)
        settings = getattr(self.settings, system)
        if isinstance(settings, System) and settings.write_back:
            noted = await run_in_threadpool(self._with_clocks, {0: diagnosis})
            await self._owe([order_for(system, settings, report, noted[0], self.zone)])
        return diagnosis

    async def _diagnose_in_time(self, incidents: Sequence[IncidentIn], seconds: float) -> list[dict[str, Any] | None]:
        """Return the diagnosis of each incident, None where it is not there in time; nothing goes on behind it."""
        tasks = [asyncio.create_task(self._diagnoses.diagnose(incident, in_bulk=True)) for incident in incidents]
        if not tasks:
            return []
        try:
            await asyncio.wait(tasks, timeout=seconds)
        finally:
            for task in tasks:
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException) and not isinstance(outcome, asyncio.CancelledError):
                raise outcome
        return [None if isinstance(outcome, BaseException) else outcome for outcome in outcomes]

    def _newest(self, numbers: Mapping[int, str]) -> dict[int, dict[str, Any]]:
        newest = {place: self._diagnoses.newest(number) for place, number in numbers.items()}
        return {place: diagnosis for place, diagnosis in newest.items() if diagnosis is not None}

    def _with_clocks(self, diagnoses: Mapping[int, dict[str, Any]]) -> dict[int, dict[str, Any]]:
        """Return diagnoses as a note tells them: with the open clocks of their incidents as these stand now."""
        records = self._incidents.stored([diagnosis["incident"] for diagnosis in diagnoses.values()])
        clocks = self._service_levels.of_records({number: record.body for number, record in records.items()})
        return {
            place: {**diagnosis, "clocks": [clock.to_dict() for clock in clocks.get(diagnosis["incident"], ())]}
            for place, diagnosis in diagnoses.items()
        }

    def _remember(self, report: Report) -> IncidentIn:
        incident = _merged(report, self._incidents.stored([report.incident.number]).get(report.incident.number))
        self._incidents.take_in([incident])
        return incident

    def _remember_list(
        self, reports: Mapping[int, Report]
    ) -> tuple[dict[int, tuple[IncidentIn, bool]], dict[int, str]]:
        """Return each incident that was stored and whether it is changed, and why others were not, by place."""
        incidents: dict[int, tuple[IncidentIn, bool]] = {}
        refused: dict[int, str] = {}
        left = dict(reports)
        while left:  # once, unless several report on the same incident: each builds on the one before
            first: dict[str, int] = {}
            for place, report in left.items():
                first.setdefault(report.incident.number, place)
            stored = self._incidents.stored(list(first))
            wave: dict[int, IncidentIn] = {}
            for number, place in first.items():
                try:
                    wave[place] = _merged(left.pop(place), stored.get(number))
                except (RequestValidationError, InputError) as error:
                    refused[place] = reason_of(error)
            records = {record.number: record for record in self._incidents.take_in(list(wave.values()))}
            for place, incident in wave.items():
                previous = stored.get(reports[place].incident.number)
                is_changed = previous is None or dict(records[incident.number].body) != dict(previous.body)
                incidents[place] = (incident, is_changed)
        return incidents, refused

    def _later(self, system: str, report: Report, key: str = "") -> OutgoingCall:
        """Return the call that diagnoses a remembered report; without a key of its own, once for what it says."""
        incident = mask_incident(_plain(report.incident), self._redactor)  # owed calls are stored
        body: dict[str, Any] = {"system": system, "record": report.record, "incident": incident}
        if report.has_type:
            body["has_type"] = True
        digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        return OutgoingCall(LATER, system, key or f"{LATER}:{system}:{digest}", body, trace=current_trace())

    async def _owe(self, calls: Sequence[OutgoingCall]) -> None:
        await run_in_threadpool(self._store.outbox.add, calls)
        self._events.outbox_changed()


def report_of(owed: OutgoingCall) -> tuple[str, Report]:
    """Return the system and the report of a call that `IntegrationService.later` owed."""
    incident = IncidentIn.model_validate(owed.body["incident"]).to_incident()
    return owed.body["system"], Report(incident, owed.body["record"], has_type=owed.body.get("has_type", False))


def _change_of(record: Mapping[str, Any]) -> ChangeIn:
    try:
        return read_one(ChangeIn, canonical_change(record))
    except RecursionError as error:
        raise InputError(str(error)) from error


def _merged(report: Report, stored: Record | None) -> IncidentIn:
    """Return an incident as a report leaves it: what it does not speak of is kept."""
    lasting = {name: value for name, value in (stored.body if stored else {}).items() if name not in _STATE}
    values = _plain(report.incident)
    if "opened_at" in lasting:  # when it was first reported; an alert that fires again has a later start
        values.pop("opened_at", None)
    if "type" in lasting and values.get("type") == TYPES[0] and not report.has_type:  # none was named
        del values["type"]
    return read_one(IncidentIn, {**lasting, **values})


def _is_open_since(incident: Incident, since: datetime) -> bool:
    is_over = incident.resolved_at is not None or incident.closed_at is not None
    return not is_over and incident.opened_at is not None and incident.opened_at >= since


def _is_on_its_way(incident: Incident, earliest: datetime, moment: datetime) -> bool:
    return incident.opened_at is not None and earliest < incident.opened_at <= moment


def _plain(incident: Incident) -> dict[str, Any]:
    return stored_body({name: getattr(incident, name) for name in FIELDS} | dict(incident.extra))
