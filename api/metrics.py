"""What Prometheus is told: latency by stage, decisions, drift of class shares, the release in service."""

from __future__ import annotations

import os
import time
from collections import Counter as Tally
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from diagnosis.findings import answer_kind

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
# Shares of classes are compared over this many diagnoses: enough that chance alone moves them little.
WINDOW = 500
_SEVERAL_WORKERS = "PROMETHEUS_MULTIPROC_DIR" in os.environ  # as prometheus-client asks, once, when it is imported


class Metrics:
    """The service's instruments, in a registry of their own: no label holds personal data or a class's name."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        kwargs: dict[str, Any] = {"registry": self.registry}
        self.requests = Counter(
            "faultwise_requests_total", "Requests answered", ("method", "route", "status"), **kwargs
        )
        self.request_seconds = Histogram(
            "faultwise_request_seconds", "Time to answer", ("route",), buckets=_SECONDS, **kwargs
        )
        self.stage_seconds = Histogram(
            "faultwise_stage_seconds", "Time in one stage of a batch", ("stage",), buckets=_SECONDS, **kwargs
        )
        self.batch_size = Histogram(
            "faultwise_batch_size", "Incidents diagnosed together", buckets=(1, 2, 4, 8, 16, 32, 64, 128), **kwargs
        )
        self.decisions = Counter(
            "faultwise_decisions_total",
            "Predictions by decision: automatic, suggested, abstained, or decided by a person before",
            ("target", "decision"),
            **kwargs,
        )
        self.drift = Gauge(
            "faultwise_class_share_drift",
            f"Total variation between the class shares of the last {WINDOW} predictions and of the {WINDOW} first of "
            "this release; 0 is none, 1 is all",
            ("target",),
            multiprocess_mode="max",
            **kwargs,
        )
        self.release = Gauge(
            "faultwise_release_info", "1 for the release in service", ("release",), multiprocess_mode="max", **kwargs
        )
        self.refused = Counter("faultwise_releases_refused_total", "Releases that could not be loaded", **kwargs)
        self.lag = Gauge(
            "faultwise_changes_waiting",
            "Stored changes that this replica does not search yet",
            multiprocess_mode="max",
            **kwargs,
        )
        self.feedback = Counter("faultwise_feedback_total", "Feedback by kind", ("kind",), **kwargs)
        self._shares: dict[str, _Shares] = {}
        self._release: str | None = None

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time one stage of a batch."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.stage_seconds.labels(name).observe(time.perf_counter() - start)

    def diagnosed(self, diagnosis: Mapping[str, Any]) -> None:
        """Count what one diagnosis (as the contract's object) decided."""
        for target, prediction in diagnosis["predictions"].items():
            by_person = answer_kind(prediction) == "decided"
            self.decisions.labels(target, "decided" if by_person else prediction["decision"]).inc()
            if prediction["alternatives"]:
                shares = self._shares.setdefault(target, _Shares())
                self.drift.labels(target).set(shares.add(prediction["alternatives"][0]["value"]))

    def in_service(self, release: str) -> None:
        """Say which release answers from now on; what it predicts is compared with its own beginning."""
        self.release.labels(release).set(1)
        if self._release not in (None, release):
            self.release.labels(self._release).set(0)
            if not _SEVERAL_WORKERS:  # their files cannot forget a label; there, 0 says that it is gone
                self.release.remove(self._release)
        self._release = release
        self._shares.clear()

    def text(self) -> bytes:
        """Return the exposition, of all workers where there are several."""
        if _SEVERAL_WORKERS:
            together = CollectorRegistry()
            MultiProcessCollector(together)  # type: ignore[no-untyped-call]
            return generate_latest(together)
        return generate_latest(self.registry)


class _Shares:
    """Class counts of the first and of the last `WINDOW` predictions of a release."""

    def __init__(self) -> None:
        self.first: Tally[str] = Tally()
        self.recent: Tally[str] = Tally()
        self.order: deque[str] = deque()

    def add(self, value: str) -> float:
        if self.first.total() < WINDOW:
            self.first[value] += 1
        self.recent[value] += 1
        self.order.append(value)
        if len(self.order) > WINDOW:
            self.recent[self.order.popleft()] -= 1
        if len(self.order) < WINDOW:
            return 0.0
        names = self.first.keys() | self.recent.keys()
        return sum(abs(self.first[name] - self.recent[name]) for name in names) / (2 * WINDOW)
