"""QualityWatch: reads off what was right, and takes certificates back that live data contradict."""

from __future__ import annotations

import logging
import time
from dataclasses import asdict

from api.errors import NothingPublishedError
from api.monitoring.metrics import MonitoringMetrics
from api.serving import Serving
from api.turns import SharedComputation
from api.webhooks.events import Events
from diagnosis.background import BackgroundLoop
from diagnosis.diagnoser import Diagnoser
from diagnosis.monitoring.answers import target_answers
from diagnosis.monitoring.contradiction import disproved_promises
from diagnosis.monitoring.drift import drift
from diagnosis.monitoring.quality import live_quality
from diagnosis.monitoring.report import LiveReport, live_report, recent_incidents, revoked_values
from diagnosis.store import Store
from diagnosis.store.observations import REPORTED_ANSWERS

log = logging.getLogger(__name__)

_MAX_ANSWERS = 200_000  # newest answers of a release that are tested against its certificates
_DRIFT_SECONDS = 600.0  # s
_PAUSE_FACTOR = 20  # the pause after judging, in times of what judging took: at most a twentieth of a core
_REPORT_SECONDS = 30.0  # how long a report is served before it is made anew


class QualityWatch:
    """Follows what becomes of the answers, in a thread of its own.

    Every replica watches; each change is settled by one of them, and a certificate is taken back once.

    Parameters
    ----------
    store : Store
    serving : Serving
    events : Events
        Publishes each certificate that is taken back.
    metrics : MonitoringMetrics
    risk : float
        Chance for each target, over the whole life of a release, that a certificate is taken back although it holds.
    seconds : float
        How often to look.
    """

    def __init__(
        self, store: Store, serving: Serving, events: Events, metrics: MonitoringMetrics, risk: float, seconds: float
    ) -> None:
        self.store = store
        self.serving = serving
        self.events = events
        self.metrics = metrics
        self.risk = risk
        self.seconds = seconds
        self._loop = BackgroundLoop("quality watch", self.run_once, seconds)
        self._judged_state: tuple[str, int] | None = None  # release and last change that were looked at
        self._drift_at = self._judge_after = float("-inf")
        self._report: tuple[float, LiveReport] | None = None
        self._shared_report = SharedComputation(self._report_anew)

    def start(self) -> None:
        """Begin."""
        self._loop.start()

    def stop(self) -> None:
        """End."""
        self._loop.stop()

    def run_once(self) -> None:
        """Settle what is known by now, test the certificates in service, and measure drift every ten minutes."""
        complete = False
        while not complete and not self._loop.is_stopping:
            _, complete = self.store.observations.settle()
        try:
            diagnoser = self.serving.current.diagnoser
        except NothingPublishedError:
            return
        state = (diagnoser.release, self.store.observations.settled_upto())
        began = time.monotonic()
        if state != self._judged_state and began >= self._judge_after:
            self._judge(diagnoser)
            self._judged_state, self._judge_after = state, time.monotonic() + _PAUSE_FACTOR * (time.monotonic() - began)
        if time.monotonic() - self._drift_at > _DRIFT_SECONDS:
            answers = self.store.observations.rows(diagnoser.release)
            incidents = recent_incidents(self.store, answers)
            self.metrics.set_drift(drift(diagnoser.parts.reference, incidents))
            self._drift_at = time.monotonic()

    def report(self) -> LiveReport:
        """Return how the release in service fares, as known half a minute ago or later.

        Raises
        ------
        NothingPublishedError
            If none is.
        """
        return self._shared_report.result()

    def _report_anew(self) -> LiveReport:
        """Return the last report, or one made anew where that is old, of another release, or lacks a revocation."""
        diagnoser = self.serving.current.diagnoser
        if self._report is not None and self._report[1].release == diagnoser.release:
            made_at, report = self._report
            revocations = tuple(self.store.revocations.of(diagnoser.release))
            if time.monotonic() - made_at < _REPORT_SECONDS and report.revocations == revocations:
                return report
        report = live_report(self.store, diagnoser)
        self._report = (time.monotonic(), report)
        return report

    def _judge(self, diagnoser: Diagnoser) -> None:
        release, routers = diagnoser.release, diagnoser.parts.routers
        answers = self.store.observations.rows(release, limit=_MAX_ANSWERS)
        revoked = revoked_values(self.store.revocations.of(release))
        for target, router in routers.items():
            withdrawn = sorted(revoked.get(target, frozenset()))
            of_target = target_answers(answers, target, router)
            for promise in disproved_promises(of_target, router, self.risk, withdrawn):
                value = promise.value
                detail = {"promised": promise.promised, "of_all": promise.of_all, **asdict(promise.evidence)}
                revocation = self.store.revocations.add(release, target, value, detail)
                if revocation is None:  # another replica was quicker
                    continue
                self.metrics.revocations.labels(target).inc()
                data = {"release": release, "target": target, "value": value, **detail}
                self.events.emit("certificate.revoked", [(revocation.id, data)])
                log.warning("certificate revoked", extra={"fields": {"release": release, "target": target}})
        revoked = revoked_values(self.store.revocations.of(release))
        reported = answers[-REPORTED_ANSWERS:]  # as many as GET /v1/quality counts
        self.metrics.set_quality(live_quality(reported, routers, revoked), revoked)
