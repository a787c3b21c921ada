"""ShadowRunner: a second release answers the same incidents beside the published one; no request waits for it."""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from api.monitoring.metrics import MonitoringMetrics
from diagnosis.background import BackgroundLoop
from diagnosis.diagnoser import Diagnoser
from diagnosis.errors import FaultwiseError
from diagnosis.incident import Incident
from diagnosis.releases import Releases
from diagnosis.store import Store
from diagnosis.store.observations import ReleaseAnswer

log = logging.getLogger(__name__)

MAX_WAITING = 1000  # incidents that may wait for the shadow; more are left out, so that a slow one costs no memory
_BATCH_SIZE = 64
_POLL_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class DiagnosedIncident:
    """An incident that the published release diagnosed, when, and how long one diagnosis of its batch took."""

    incident: Incident
    at: datetime
    seconds: float


class ShadowRunner:
    """Follows the pointer to the shadow release and diagnoses each incident with it too, in a thread of its own.

    Parameters
    ----------
    store : Store
    releases : Releases
    load : callable
        Loads a release folder.
    metrics : MonitoringMetrics

    Attributes
    ----------
    error : str
        Why the shadow that is set does not answer; ``""`` if it does, or none is set.
    """

    def __init__(
        self, store: Store, releases: Releases, load: Callable[[Path], Diagnoser], metrics: MonitoringMetrics
    ) -> None:
        self.store = store
        self.releases = releases
        self.load = load
        self.metrics = metrics
        self.error = ""
        self._shadow: Diagnoser | None = None
        self._attempted: str | None = None
        self._queue: queue.Queue[DiagnosedIncident] = queue.Queue(MAX_WAITING)
        self._checked_at = float("-inf")
        self._loop = BackgroundLoop("shadow", self._turn, 0.0)  # a turn waits for incidents itself

    @property
    def diagnoser(self) -> Diagnoser | None:
        """The release in shadow, once it is loaded."""
        return self._shadow

    def start(self) -> None:
        """Begin."""
        self._loop.start()

    def stop(self) -> None:
        """End; what waits is left out."""
        self._loop.stop()

    def offer(self, incident: Incident, at: datetime, seconds: float) -> None:
        """Hand over an incident that was answered; returns at once."""
        if self._shadow is None:
            return
        try:
            self._queue.put_nowait(DiagnosedIncident(incident, at, seconds))
        except queue.Full:
            self.metrics.shadow.labels("left_out").inc()

    def _turn(self) -> None:
        if time.monotonic() - self._checked_at > _POLL_SECONDS:
            self._follow_pointer()
            self._checked_at = time.monotonic()
        batch = self._next_batch()
        if batch and self._shadow is not None:
            self._answer(self._shadow, batch)

    def _follow_pointer(self) -> None:
        try:
            release = self.releases.shadow()
            if release == self._attempted:
                return
            self._attempted, self._shadow, self.error = release, None, ""
            if release is not None:
                self._shadow = self.load(self.releases.path(release))
                log.info("release in shadow", extra={"fields": {"release": release}})
        except Exception as error:  # noqa: BLE001 - a release is data from outside: whatever it breaks, service goes on
            self.error = str(error) if isinstance(error, FaultwiseError) else type(error).__name__
            self.metrics.shadow.labels("not_loaded").inc()
            log.error("shadow not loaded: %s", self.error)  # noqa: TRY400 - the message says it all

    def _next_batch(self) -> list[DiagnosedIncident]:
        batch: list[DiagnosedIncident] = []
        with suppress(queue.Empty):
            batch.append(self._queue.get(timeout=0.2))
            while len(batch) < _BATCH_SIZE:
                batch.append(self._queue.get_nowait())
        return batch

    def _answer(self, shadow: Diagnoser, batch: list[DiagnosedIncident]) -> None:
        try:
            numbers = [entry.incident.number for entry in batch]
            decisions = self.store.decisions(numbers, shadow.release)
            began = time.perf_counter()
            diagnoses = shadow.diagnose_batch([entry.incident for entry in batch], decisions)
            seconds = (time.perf_counter() - began) / len(batch)
            answers = [
                ReleaseAnswer(
                    entry.incident.number,
                    shadow.release,
                    entry.at,
                    diagnosis.to_dict()["predictions"],
                    seconds,
                    entry.seconds,
                    shadow.release,
                )
                for entry, diagnosis in zip(batch, diagnoses, strict=True)
            ]
            self.store.observations.add(answers)
        except Exception as error:  # noqa: BLE001 - nobody waits for this answer
            self.error = str(error) if isinstance(error, FaultwiseError) else type(error).__name__
            self.metrics.shadow.labels("failed").inc(len(batch))
            log.warning("shadow did not answer: %s", self.error)
        else:
            self.error = ""
            self.metrics.shadow.labels("answered").inc(len(batch))
