"""DiagnosisService: an incident goes straight through: decisions → diagnosis → store → answer."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from starlette.concurrency import run_in_threadpool

from api.diagnoses.batching import Stage
from api.errors import KeyReusedError, RequestInFlightError
from api.http.rows import RowError, row_error
from api.joining import LoadedRelease
from api.metrics import Metrics
from api.records.numbers import spellings, warning_of
from api.records.schemas import IncidentIn
from api.serving import Serving
from api.telemetry import current_trace
from api.webhooks.events import Events
from diagnosis.corrections import apply_corrections, near_duplicates
from diagnosis.errors import FaultwiseError
from diagnosis.findings import Diagnosis, SurgeMark, with_warning
from diagnosis.incident import LOGGED_FIELDS, Incident, IncidentBatch
from diagnosis.phrases import Phrase
from diagnosis.prepared import PreparedIncidents
from diagnosis.redact import Redactor
from diagnosis.redact.records import mask_incidents
from diagnosis.store import Store
from diagnosis.store.bodies import record_of
from diagnosis.store.diagnoses import Claim, DiagnosisEntry

log = logging.getLogger(__name__)

LARGEST_BATCH = 64
_BATCH_PLACES = 10  # that batches have in the queue, for each place of incidents that come alone


@dataclass(frozen=True, slots=True)
class Response:
    """The answer to a request, and whether it was given before to the same request."""

    body: Any
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Diagnosed:
    """A diagnosis, and what it was made from.

    Attributes
    ----------
    body : mapping
        The diagnosis as it is answered and stored.
    release : LoadedRelease
        What made it.
    prepared : PreparedIncidents
        The batch of which the incident is one ``row``.
    record : mapping
        The incident as logged, as it is stored: personal data masked.
    seconds : float
        Time that one diagnosis of the batch took.
    """

    diagnosis: Diagnosis
    body: dict[str, Any]
    release: LoadedRelease
    prepared: PreparedIncidents
    row: int
    record: Mapping[str, Any]
    seconds: float


@dataclass(frozen=True, slots=True)
class _Unstored:
    """A diagnosis on its way into the store; with ``remember`` its incident joins the history."""

    diagnosed: Diagnosed
    claim: Claim | None
    remember: bool
    trace: str

    def entry(self) -> DiagnosisEntry:
        diagnosed = self.diagnosed
        record = diagnosed.record if self.remember else None
        return DiagnosisEntry(diagnosed.body, diagnosed.diagnosis.created_at, record, self.claim, diagnosed.seconds)


class DiagnosisService:
    """Diagnoses incidents in batches of what arrived together, and keeps every diagnosis.

    Parameters
    ----------
    store : Store
    serving : Serving
    redactor : Redactor
        Masks personal data in what is stored.
    metrics : Metrics
    events : Events
        Sends an event for what was stored, in the same transaction.
    max_waiting : int
        Incidents that come alone and may wait for diagnosis; ten times as many of batches may.

    Attributes
    ----------
    on_diagnosis : callable
        Called with each incident that was diagnosed, when, and what one diagnosis of its batch took in seconds; must
        return at once.
    find_incidents : callable
        Returns the fields of those of some incidents that are known, by number.
    surge_of : callable
        Returns the surge that an incident, as it is stored, is part of; must return at once.
    """

    def __init__(
        self,
        store: Store,
        serving: Serving,
        redactor: Redactor,
        metrics: Metrics,
        events: Events,
        max_waiting: int,
    ) -> None:
        self._store = store
        self._serving = serving
        self._redactor = redactor
        self._metrics = metrics
        self._events = events
        self.on_diagnosis: Callable[[Incident, datetime, float], None] = lambda _incident, _at, _seconds: None
        self.find_incidents: Callable[[Sequence[str]], Mapping[str, Mapping[str, Any]]] = lambda _numbers: {}
        self.surge_of: Callable[[Mapping[str, Any]], SurgeMark | None] = lambda _record: None
        self._single: Stage[Incident, Diagnosed] = Stage("diagnosis", self._diagnose, LARGEST_BATCH, max_waiting)
        of_batches = _BATCH_PLACES * max_waiting
        self._bulk: Stage[Incident, Diagnosed] = Stage("bulk-diagnosis", self._diagnose, LARGEST_BATCH, of_batches)
        self._storing: Stage[_Unstored, None] = Stage("storing", self._keep, 4 * LARGEST_BATCH, 2 * of_batches)

    async def diagnose(
        self, incident: IncidentIn, claim: Claim | None = None, *, remember: bool = True, in_bulk: bool = False
    ) -> dict[str, Any]:
        """Diagnose one incident, store the diagnosis, and return it.

        Parameters
        ----------
        incident : IncidentIn
        claim : Claim, optional
            An Idempotency-Key, whose answer this is.
        remember : bool
            Whether the incident joins the history, as it was logged, if it is not known yet.
        in_bulk : bool
            Whether it is one of many, which are not to hold up incidents that come alone.
        """
        return await self._diagnose_one(incident, self._bulk if in_bulk else self._single, claim, remember)

    async def diagnose_again(self, diagnosis: str) -> dict[str, Any]:
        """Diagnose the stored incident of a diagnosis anew: a release or people's decisions may have changed since.

        Raises
        ------
        RecordNotFoundError
            If there is no such diagnosis, or its incident is not stored.
        """
        previous = await run_in_threadpool(self.get, diagnosis)
        record = await run_in_threadpool(self._store.incidents.get, previous["incident"])
        return await self.diagnose(IncidentIn.model_validate({**record.body, "number": record.number}))

    async def diagnose_batch(self, rows: Sequence[IncidentIn | RowError]) -> list[dict[str, Any]]:
        """Diagnose many incidents, each for itself; a row that could not be read keeps its error.

        Returns
        -------
        list of dict
            ``index``, ``diagnosis`` or None, ``error`` or None for each row, in order.
        """
        tasks = [self._row(row) for row in rows]
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        results = []
        for index, outcome in enumerate(outcomes):
            if isinstance(outcome, BaseException):
                raise outcome
            error = outcome.model_dump() if isinstance(outcome, RowError) else None
            results.append({"index": index, "diagnosis": None if error else outcome, "error": error})
        return results

    async def predict(self, incidents: Sequence[Incident]) -> list[Diagnosis]:
        """Diagnose records that are not saved yet: nothing is stored, and no event is sent. One alone goes first."""
        stage = self._single if len(incidents) == 1 else self._bulk
        diagnosed = await asyncio.gather(*[stage.put(incident.as_logged()) for incident in incidents])
        return [item.diagnosis for item in diagnosed]

    async def once(
        self,
        holder: str,
        key: str | None,
        request: bytes,
        work: Callable[[Claim | None], Awaitable[Any]],
    ) -> Response:
        """Do the work of a request with an Idempotency-Key once; the same request later gets the same answer.

        Parameters
        ----------
        holder : str
            Whose key it is.
        key : str or None
            The Idempotency-Key; without one the work is simply done.
        request : bytes
            What makes the request the same.
        work : callable
            Takes the claim and returns the answer.

        Raises
        ------
        KeyReusedError
            If the key came with another request.
        RequestInFlightError
            If the same request is being answered now.
        """
        if key is None:
            return Response(await work(None))
        claim = Claim(holder, key, hashlib.sha256(request).digest())
        existing = await run_in_threadpool(self._store.responses.claim, claim)
        if existing is not None:
            return _replayed(claim, *existing)
        try:
            return Response(await work(claim))
        except BaseException:
            await self._release(claim)
            raise

    async def keep_answer(self, claim: Claim | None, answer: Any) -> None:  # noqa: ANN401 - any JSON value
        """Store the answer to a claimed request."""
        if claim is not None:
            await run_in_threadpool(self._store.responses.keep, claim, 200, answer)

    def get(self, diagnosis: str) -> dict[str, Any]:
        """Return one diagnosis.

        Raises
        ------
        RecordNotFoundError
            If there is none of that id.
        """
        return self._store.diagnoses.get(diagnosis)

    def page(self, limit: int, incident: str | None = None, older_than: str | None = None) -> list[dict[str, Any]]:
        """Return up to `limit` diagnoses, newest first, of one incident or of all, those older than an id."""
        return self._store.diagnoses.page(limit, incident, older_than)

    def newest(self, incident: str) -> dict[str, Any] | None:
        """Return the newest diagnosis of an incident, None where there is none."""
        return next(iter(self.page(1, incident)), None)

    def diagnosed(self, incidents: Sequence[str]) -> set[str]:
        """Return those of these incidents that have a diagnosis."""
        return self._store.diagnoses.diagnosed(incidents)

    def predictions_since(self, moment: datetime) -> Iterator[tuple[datetime, dict[str, Any]]]:
        """Yield time and predictions of the newest diagnosis of each incident that was diagnosed since a moment."""
        return self._store.diagnoses.predictions_since(moment)

    async def close(self) -> None:
        """Finish what waits and take nothing more."""
        for stage in (self._single, self._bulk, self._storing):
            await stage.close()

    async def _row(self, row: IncidentIn | RowError) -> dict[str, Any] | RowError:
        if isinstance(row, RowError):
            return row
        try:
            return await self._diagnose_one(row, self._bulk)
        except FaultwiseError as error:
            return row_error(error)

    async def _diagnose_one(
        self,
        incident: IncidentIn,
        stage: Stage[Incident, Diagnosed],
        claim: Claim | None = None,
        remember: bool = True,
    ) -> dict[str, Any]:
        reported = incident.to_incident()
        diagnosed = await stage.put(reported)
        await self._storing.put(_Unstored(diagnosed, claim, remember, current_trace()))
        self._metrics.diagnosed(diagnosed.body)
        self.on_diagnosis(reported.as_logged(), diagnosed.diagnosis.created_at, diagnosed.seconds)
        return diagnosed.body

    def _diagnose(self, incidents: list[Incident]) -> list[Diagnosed]:
        current = self._serving.current  # one release for decisions and answers: what was revoked belongs to it
        with self._metrics.stage("decisions"):
            decisions = self._store.decisions([incident.number for incident in incidents], current.release)
        start = time.perf_counter()
        with self._metrics.stage("diagnosis"):
            masked = mask_incidents(IncidentBatch.from_incidents(incidents), self._redactor)
            batch = current.diagnoser.prepare(masked, masked=self._redactor.kinds)
            diagnoses = self._corrected(current.diagnoser.diagnose_batch(batch, decisions))
            diagnoses = current.diagnoser.resolve_batch(diagnoses, batch)
        seconds = (time.perf_counter() - start) / len(incidents)
        self._metrics.batch_size.observe(len(incidents))
        records = [record_of(masked, row, LOGGED_FIELDS) for row in range(len(masked))]
        diagnoses = [
            diagnosis if (mark := self.surge_of(record)) is None else replace(diagnosis, surge=mark)
            for diagnosis, record in zip(self._with_warnings(diagnoses, records), records, strict=True)
        ]
        # Made plain here, where a processor has it at hand, and not on the event loop, which all requests share.
        return [
            Diagnosed(diagnosis, diagnosis.to_dict(), current, batch, row, record, seconds)
            for row, (diagnosis, record) in enumerate(zip(diagnoses, records, strict=True))
        ]

    def _with_warnings(self, diagnoses: Sequence[Diagnosis], records: Sequence[Mapping[str, Any]]) -> list[Diagnosis]:
        """Return the diagnoses, with a warning where a number is known in another case or with other words."""
        spelled = {diagnosis.incident: spellings(diagnosis.incident) for diagnosis in diagnoses}
        stored = self.find_incidents(list({number for numbers in spelled.values() for number in numbers}))
        warned: list[Diagnosis] = []
        for diagnosis, record in zip(diagnoses, records, strict=True):
            number = diagnosis.incident
            phrase = warning_of(record, number, {name: stored[name] for name in spelled[number] if name in stored})
            warned.append(diagnosis if phrase is None else with_warning(diagnosis, phrase))
        return warned

    def _corrected(self, diagnoses: list[Diagnosis]) -> list[Diagnosis]:
        """Return the diagnoses without automatic answers that people took back on nearly the same incidents."""
        numbers = sorted({number for diagnosis in diagnoses for number in near_duplicates(diagnosis)})
        if not numbers:
            return diagnoses
        people = dict(zip(numbers, self._store.decisions(numbers), strict=True))
        return [apply_corrections(diagnosis, people) for diagnosis in diagnoses]

    def _keep(self, items: list[_Unstored]) -> list[None]:
        for item in items:
            if item.remember:  # before it is stored: the change feed may bring it at once
                item.diagnosed.release.expect(item.diagnosed.record, item.diagnosed.prepared, item.diagnosed.row)
        with self._metrics.stage("storing"), self._store.transaction():
            self._store.diagnoses.add([item.entry() for item in items])
            bodies, traces = [item.diagnosed.body for item in items], [item.trace for item in items]
            is_owed = self._events.diagnosed(bodies, traces)
        self._serving.store_changed()
        if is_owed:
            self._events.outbox_changed()
        return [None] * len(items)

    async def _release(self, claim: Claim) -> None:
        try:
            await run_in_threadpool(self._store.responses.release, claim)
        except FaultwiseError:  # the claim lapses by itself
            log.warning("claim not released")


def _replayed(claim: Claim, request: bytes, status: int | None, body: Any) -> Response:  # noqa: ANN401
    if request != claim.request:
        raise KeyReusedError(Phrase("idempotency_key_reused"))
    if status is None:
        raise RequestInFlightError(Phrase("request_in_flight"))
    return Response(body, replayed=True)
