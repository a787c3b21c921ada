"""Watch: reads off what was right, and takes certificates back that live data contradict."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import asdict

from api.errors import NothingPublishedError
from api.monitoring.metrics import LiveMetrics
from api.serving import Serving
from api.webhooks.events import Events
from diagnosis.diagnoser import Diagnoser
from diagnosis.errors import FaultwiseError
from diagnosis.live.answered import answered
from diagnosis.live.contradiction import disproved
from diagnosis.live.drift import drift
from diagnosis.live.quality import live_quality
from diagnosis.live.report import LiveReport, live_report, recent_incidents, revoked_values
from diagnosis.store import Store

log = logging.getLogger(__name__)

_JUDGED = 200_000  # newest answers of a release that are held against its promises
_DRIFT_EVERY = 600.0  # s
_REST = 20  # times as long as judging took, before it is done again: a long life costs a twentieth of a core
_KEPT = 30.0  # s for which a report is not made anew


class Watch:
    """Follows what becomes of the answers, in a thread of its own.

    Every replica watches; each change is settled by one of them, and a certificate is taken back once.

    Parameters
    ----------
    store : Store
    serving : Serving
    events : Events
        Told of each certificate that is taken back.
    metrics : LiveMetrics
    risk : float
        Chance for each target, over the whole life of a release, that a certificate is taken back although it holds.
    seconds : float
        How often to look.
    """

    def __init__(
        self, store: Store, serving: Serving, events: Events, metrics: LiveMetrics, risk: float, seconds: float
    ) -> None:
        self.store = store
        self.serving = serving
        self.events = events
        self.metrics = metrics
        self.risk = risk
        self.seconds = seconds
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._work, name="watch", daemon=True)
        self._seen: tuple[str, int] | None = None  # release and last change that were looked at
        self._measured = self._rested = float("-inf")
        self._report: tuple[float, LiveReport] | None = None
        self._reporting = threading.Lock()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._end.set()
        if self._thread.is_alive():
            self._thread.join()

    def turn(self) -> None:
        """Look once: settle, judge the release in service, and measure drift now and then."""
        complete = False
        while not complete and not self._end.is_set():
            _, complete = self.store.observations.settle()
        try:
            diagnoser = self.serving.current.diagnoser
        except NothingPublishedError:
            return
        place = (diagnoser.release, self.store.observations.settled_upto())
        began = time.monotonic()
        if place != self._seen and began >= self._rested:
            self._judge(diagnoser)
            self._seen, self._rested = place, time.monotonic() + _REST * (time.monotonic() - began)
        if time.monotonic() - self._measured > _DRIFT_EVERY:
            seen = self.store.observations.rows(diagnoser.release)
            self.metrics.drifted(drift(diagnoser.parts.reference, recent_incidents(self.store, seen)))
            self._measured = time.monotonic()

    def report(self) -> LiveReport:
        """Return how the release in service fares, as known half a minute ago or later.

        Raises
        ------
        NothingPublishedError
            If none is.
        """
        diagnoser = self.serving.current.diagnoser
        with self._reporting:
            if self._report is not None and self._report[1].release == diagnoser.release:
                made, report = self._report
                if time.monotonic() - made < _KEPT and report.revocations == tuple(
                    self.store.revocations.of(diagnoser.release)
                ):
                    return report
            report = live_report(self.store, diagnoser)
            self._report = (time.monotonic(), report)
        return report

    def _judge(self, diagnoser: Diagnoser) -> None:
        release, routers = diagnoser.release, diagnoser.parts.routers
        seen = self.store.observations.rows(release, limit=_JUDGED)
        revoked = revoked_values(self.store.revocations.of(release))
        for target, router in routers.items():
            gone = revoked.get(target, frozenset())
            for one in disproved(answered(seen, target, router), router, self.risk, sorted(gone)):
                detail = {"promised": one.promised, "of_all": one.of_all, **asdict(one.why)}
                made = self.store.revocations.add(release, target, one.value, detail)
                if made is None:  # another replica was quicker
                    continue
                self.metrics.revocations.labels(target).inc()
                data = {"release": release, "target": target, "value": one.value, **detail}
                self.events.emit("certificate.revoked", [(made.id, data)])
                log.warning("certificate revoked", extra={"fields": {"release": release, "target": target}})
        revoked = revoked_values(self.store.revocations.of(release))
        self.metrics.seen(live_quality(seen, routers, revoked), revoked)

    def _work(self) -> None:
        while not self._end.wait(self.seconds):
            try:
                self.turn()
            except FaultwiseError as error:  # the database is away: look again at the next turn
                log.warning("answers not watched: %s", type(error).__name__)
            except Exception:  # what goes wrong here must not end the watch
                log.exception("answers not watched")
