"""ShadowRunner: lets a release answer beside the one in service; whatever it does, nobody waits for it."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from api.monitoring.metrics import LiveMetrics
from diagnosis.diagnoser import Diagnoser
from diagnosis.errors import FaultwiseError
from diagnosis.incident import Incident
from diagnosis.releases import Releases
from diagnosis.store import Store
from diagnosis.store.observations import Answer

log = logging.getLogger(__name__)

WAITING = 1000  # incidents that may wait for the shadow; more are left out, so that a slow one costs no memory
_AT_ONCE = 64
_POLL_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Asked:
    """An incident that was answered, when, and what one diagnosis of its batch took."""

    incident: Incident
    at: datetime
    seconds: float


class ShadowRunner:
    """Follows the pointer to the shadow and asks it what the one in service was asked, in a thread of its own.

    Parameters
    ----------
    store : Store
    releases : Releases
    load : callable
        Loads a release folder.
    metrics : LiveMetrics

    Attributes
    ----------
    error : str
        Why the shadow that is set does not answer; ``""`` if it does, or none is set.
    """

    def __init__(
        self, store: Store, releases: Releases, load: Callable[[Path], Diagnoser], metrics: LiveMetrics
    ) -> None:
        self.store = store
        self.releases = releases
        self.load = load
        self.metrics = metrics
        self.error = ""
        self._shadow: Diagnoser | None = None
        self._tried: str | None = None
        self._asked: queue.Queue[Asked] = queue.Queue(WAITING)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._work, name="shadow", daemon=True)

    @property
    def diagnoser(self) -> Diagnoser | None:
        """The release in shadow, once it is loaded."""
        return self._shadow

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; what waits is left out."""
        self._end.set()
        if self._thread.is_alive():
            self._thread.join()

    def offer(self, incident: Incident, at: datetime, seconds: float) -> None:
        """Hand over an incident that was answered; returns at once."""
        if self._shadow is None:
            return
        try:
            self._asked.put_nowait(Asked(incident, at, seconds))
        except queue.Full:
            self.metrics.shadow.labels("left_out").inc()

    def _work(self) -> None:
        looked = float("-inf")
        while not self._end.is_set():
            if time.monotonic() - looked > _POLL_SECONDS:
                self._look()
                looked = time.monotonic()
            batch = self._take()
            if batch and self._shadow is not None:
                self._answer(self._shadow, batch)

    def _look(self) -> None:
        try:
            wanted = self.releases.shadow()
            if wanted == self._tried:
                return
            self._tried, self._shadow, self.error = wanted, None, ""
            if wanted is not None:
                self._shadow = self.load(self.releases.path(wanted))
                log.info("release in shadow", extra={"fields": {"release": wanted}})
        except Exception as error:  # noqa: BLE001 - a release is data from outside: whatever it breaks, service goes on
            self.error = str(error) if isinstance(error, FaultwiseError) else type(error).__name__
            self.metrics.shadow.labels("not_loaded").inc()
            log.error("shadow not loaded: %s", self.error)  # noqa: TRY400 - the message says it all

    def _take(self) -> list[Asked]:
        batch: list[Asked] = []
        with suppress(queue.Empty):
            batch.append(self._asked.get(timeout=0.2))
            while len(batch) < _AT_ONCE:
                batch.append(self._asked.get_nowait())
        return batch

    def _answer(self, shadow: Diagnoser, batch: list[Asked]) -> None:
        try:
            numbers = [one.incident.number for one in batch]
            decisions = self.store.decisions(numbers, shadow.release)
            began = time.perf_counter()
            said = shadow.diagnose_batch([one.incident for one in batch], decisions)
            seconds = (time.perf_counter() - began) / len(batch)
            answers = [
                Answer(
                    asked.incident.number,
                    shadow.release,
                    asked.at,
                    one.to_dict()["predictions"],
                    seconds,
                    asked.seconds,
                    shadow.release,
                )
                for asked, one in zip(batch, said, strict=True)
            ]
            self.store.observations.add(answers)
        except Exception as error:  # noqa: BLE001 - nobody waits for this answer
            self.error = str(error) if isinstance(error, FaultwiseError) else type(error).__name__
            self.metrics.shadow.labels("failed").inc(len(batch))
            log.warning("shadow did not answer: %s", self.error)
        else:
            self.error = ""
            self.metrics.shadow.labels("answered").inc(len(batch))
