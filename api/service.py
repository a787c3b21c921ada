"""Service: what the routes call. A diagnosis goes straight through: decided → diagnosed → stored → answered."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from starlette.concurrency import run_in_threadpool

from api.diagnoses.batching import Stage
from api.errors import KeyReusedError, RequestInFlightError
from api.metrics import Metrics
from api.records.masking import mask_article, mask_incident
from api.records.schemas import ArticleIn, IncidentIn, body_of
from api.serving import Serving
from api.telemetry import context
from api.webhooks.events import Events
from diagnosis.corrections import apply_corrections, near_duplicates
from diagnosis.errors import FaultwiseError, InputError
from diagnosis.findings import Diagnosis
from diagnosis.incident import LOGGED_FIELDS, Incident
from diagnosis.redact import Redactor
from diagnosis.store import Store
from diagnosis.store.diagnoses import Claim, DiagnosisEntry
from diagnosis.store.feedback import Feedback, Kind
from diagnosis.store.records import Record

log = logging.getLogger(__name__)

LARGEST_BATCH = 64


@dataclass(frozen=True, slots=True)
class Replayed:
    """An answer that was given before to the same request."""

    status: int
    answer: Any


class Service:
    """The work behind the routes; made once by `api.app.build`.

    Parameters
    ----------
    store : Store
    serving : Serving
    redactor : Redactor
        Masks personal data in what is stored.
    metrics : Metrics
    max_waiting : int
        Incidents that may wait for diagnosis.
    events : Events
        Told of what was stored, before it is acknowledged.
    """

    def __init__(
        self, store: Store, serving: Serving, redactor: Redactor, metrics: Metrics, max_waiting: int, events: Events
    ) -> None:
        self.store = store
        self.serving = serving
        self.redactor = redactor
        self.metrics = metrics
        self.events = events
        # Told of each incident that was answered, when, and what one diagnosis of its batch took; must return at once.
        self.answered: Callable[[Incident, datetime, float], None] = lambda _incident, _at, _seconds: None
        self._seconds = 0.0
        self._diagnosing: Stage[Incident, Diagnosis] = Stage("diagnosis", self._diagnose, LARGEST_BATCH, max_waiting)
        self._bulk: Stage[Incident, Diagnosis] = Stage(
            "bulk-diagnosis", self._diagnose, LARGEST_BATCH, 10 * max_waiting
        )
        self._storing: Stage[DiagnosisEntry, None] = Stage("storing", self._keep, 4 * LARGEST_BATCH, 20 * max_waiting)

    async def diagnose(
        self, incident: IncidentIn, claim: Claim | None = None, *, remember: bool = True
    ) -> dict[str, Any]:
        """Diagnose one incident, store what was said, and return it.

        Parameters
        ----------
        incident : IncidentIn
        claim : Claim, optional
            An Idempotency-Key, whose answer this is.
        remember : bool
            Whether the incident joins the history, as it was logged, if it is not known yet.
        """
        return await self._one(incident, self._diagnosing, claim, remember)

    async def diagnose_many(self, incidents: Sequence[IncidentIn]) -> list[dict[str, Any] | FaultwiseError]:
        """Diagnose many incidents, each for itself: a diagnosis or the error of that row, in order."""
        tasks = [self._one(incident, self._bulk) for incident in incidents]
        results = await asyncio.gather(*tasks, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException) and not isinstance(result, FaultwiseError):
                raise result
        return results  # type: ignore[return-value]

    async def predict(self, incidents: Sequence[Incident]) -> list[Diagnosis]:
        """Diagnose records that are not saved yet: nothing is stored, and no event tells of it."""
        return await asyncio.gather(*[self._bulk.put(incident.as_logged()) for incident in incidents])

    async def once(self, holder: str, key: str, request: bytes) -> Claim | Replayed:
        """Claim an Idempotency-Key for a request, or return what was answered to the same request before.

        Raises
        ------
        KeyReusedError
            If the key came with another request.
        RequestInFlightError
            If the same request is being answered now.
        """
        claim = Claim(holder, key, hashlib.sha256(request).digest())
        taken = await run_in_threadpool(self.store.responses.claim, claim)
        if taken is None:
            return claim
        asked, status, answer = taken
        if asked != claim.request:
            raise KeyReusedError("expected the request that this Idempotency-Key came with first; found another")
        if status is None:
            raise RequestInFlightError("the first request with this Idempotency-Key is still being answered")
        return Replayed(status, answer)

    async def keep_answer(self, claim: Claim, answer: Any) -> None:  # noqa: ANN401 - any JSON value
        """Store the answer to a claimed request."""
        await run_in_threadpool(self.store.responses.keep, claim, 200, answer)

    async def give_up(self, claim: Claim) -> None:
        """Release the claim of a request that came to nothing, so that it may be sent again."""
        try:
            await run_in_threadpool(self.store.responses.release, claim)
        except FaultwiseError:  # the claim lapses by itself
            log.warning("claim not released")

    def search(self, query: str, corpus: Literal["knowledge", "incidents"], k: int) -> list[tuple[str, float]]:
        """Return numbers and scores of the records that a query finds, best first."""
        with self.metrics.stage("search"):
            hits = self.serving.current.diagnoser.search([self.redactor.redact(query)], corpus, k)[0]
        return [(hit.number, hit.score) for hit in hits]

    def put_incidents(self, incidents: Sequence[IncidentIn]) -> list[Record]:
        """Store incidents, personal data masked; they are searchable within a second."""
        bodies = {one.number: mask_incident(body_of(one), self.redactor) for one in incidents}
        records = self._put(self.store.incidents.put(bodies))
        self.events.updated(bodies)
        return records

    def put_articles(self, articles: Sequence[ArticleIn]) -> list[Record]:
        """Store articles, personal data masked; they are searchable within a second."""
        bodies = {one.number: mask_article(body_of(one), self.redactor) for one in articles}
        return self._put(self.store.articles.put(bodies))

    def delete(self, kind: Literal["incidents", "articles"], number: str) -> None:
        """Delete a record; it is found no more within a second."""
        (self.store.incidents if kind == "incidents" else self.store.articles).delete(number)
        self.serving.heard()

    def give_feedback(self, diagnosis: str, said: Mapping[str, str], actor: str) -> Feedback:
        """Store what a person said of a diagnosis; it binds every later diagnosis of that incident at once.

        Raises
        ------
        RecordNotFoundError
            If there is no such diagnosis.
        InputError
            If it has no such prediction or suggestion.
        """
        body = self.store.diagnoses.get(diagnosis)
        kind: Kind = said["kind"]  # type: ignore[assignment]
        comment = self.redactor.redact(said["comment"])
        if kind in ("suggestion_worked", "suggestion_failed"):
            _check_named("suggestion", said["suggestion"], [one["id"] for one in body["suggestions"]])
            given = Feedback(
                diagnosis, body["incident"], kind, suggestion=said["suggestion"], comment=comment, actor=actor
            )
        else:
            _check_named("target", said["target"], list(body["predictions"]))
            predicted = _predicted(body["predictions"][said["target"]])
            value = {"accepted": said["value"] or predicted, "overridden": said["value"], "reverted": None}[kind]
            given = Feedback(
                diagnosis, body["incident"], kind, said["target"], predicted, value, comment=comment, actor=actor
            )
        saved = self.store.feedback.add(given)
        self.events.feedback(saved)
        self.metrics.feedback.labels(kind).inc()
        self.serving.heard()
        return saved

    def note(self, actor: str, action: str, object_: str, **detail: Any) -> None:  # noqa: ANN401 - JSON values
        """Write an act into the audit log."""
        here = context.get()
        self.store.audit.add(actor, action, object_[:255], here.request_id if here else "", detail)

    async def close(self) -> None:
        """Finish what waits and let go of everything."""
        for stage in (self._diagnosing, self._bulk, self._storing):
            await stage.close()

    async def _one(
        self,
        incident: IncidentIn,
        stage: Stage[Incident, Diagnosis],
        claim: Claim | None = None,
        remember: bool = True,
    ) -> dict[str, Any]:
        as_logged = incident.to_incident().as_logged()
        diagnosis = await stage.put(as_logged)
        if incident.resolved_at is not None:
            resolve = self.serving.current.diagnoser.resolve
            diagnosis = await run_in_threadpool(resolve, diagnosis, incident.to_incident())
        said = diagnosis.to_dict()
        logged = (
            {name: value for name, value in body_of(incident).items() if name in LOGGED_FIELDS} if remember else None
        )
        masked = None if logged is None else mask_incident(logged, self.redactor)
        await self._storing.put(DiagnosisEntry(said, diagnosis.created_at, masked, claim, self._seconds))
        self.metrics.diagnosed(said)
        self.answered(as_logged, diagnosis.created_at, self._seconds)
        return said

    def _diagnose(self, incidents: list[Incident]) -> list[Diagnosis]:
        current = self.serving.current  # one release for decisions and answers: what was revoked belongs to it
        with self.metrics.stage("decisions"):
            decisions = self.store.decisions([incident.number for incident in incidents], current.release)
        began = time.perf_counter()
        with self.metrics.stage("diagnosis"):
            diagnoses = current.diagnoser.diagnose_batch(incidents, decisions)
            diagnoses = self._heeding(diagnoses)
        self._seconds = (time.perf_counter() - began) / len(incidents)
        self.metrics.batch_size.observe(len(incidents))
        return diagnoses

    def _heeding(self, diagnoses: list[Diagnosis]) -> list[Diagnosis]:
        """Return the diagnoses without automatic answers that people took back on nearly the same incidents."""
        numbers = sorted({number for one in diagnoses for number in near_duplicates(one)})
        if not numbers:
            return diagnoses
        people = dict(zip(numbers, self.store.decisions(numbers), strict=True))
        return [apply_corrections(one, people) for one in diagnoses]

    def _keep(self, given: list[DiagnosisEntry]) -> list[None]:
        with self.metrics.stage("storing"):
            self.store.diagnoses.add(given)
            self.events.diagnosed([one.diagnosis for one in given])
        self.serving.heard()
        return [None] * len(given)

    def _put(self, records: list[Record]) -> list[Record]:
        self.serving.heard()
        return records


def _check_named(what: str, found: str, expected: Sequence[str]) -> None:
    if found not in expected:
        raise InputError(
            f"expected a {what} of this diagnosis, {', '.join(expected) or 'it has none'}; found {found!r}"
        )


def _predicted(prediction: Mapping[str, Any]) -> str | None:
    # What a person took back is what they saw: the value, or the first of the alternatives when it abstained.
    first = prediction["alternatives"][0]["value"] if prediction["alternatives"] else None
    value: str | None = prediction["value"] or first
    return value
