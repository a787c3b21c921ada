"""What Prometheus is told of live quality, revoked certificates, drift and the shadow."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge

from diagnosis.live.drift import Drift
from diagnosis.live.quality import TargetQuality


class LiveMetrics:
    """Instruments in the service's registry; no label holds a class's name."""

    def __init__(self, registry: CollectorRegistry) -> None:
        newest: dict[str, Any] = {"registry": registry, "multiprocess_mode": "mostrecent"}
        self.precision = Gauge(
            "faultwise_live_precision",
            "Right automatic answers among those of which it is known",
            ("target",),
            **newest,
        )
        self.settled = Gauge(
            "faultwise_live_settled", "Automatic answers of which it is known whether they were right", ("target",),
            **newest,
        )  # fmt: skip
        self.coverage = Gauge(
            "faultwise_live_coverage", "Automatic answers among all of the release in service", ("target",), **newest
        )
        self.revoked = Gauge(
            "faultwise_certificates_revoked", "Certificates of the release in service that live data took back",
            ("target",), **newest,
        )  # fmt: skip
        self.revocations = Counter(
            "faultwise_revocations_total", "Certificates that this replica took back", ("target",), registry=registry
        )
        self.drift = Gauge(
            "faultwise_incident_drift",
            "Distance of recent incidents from those learned from, above what chance explains: population stability "
            "index of a field, Jensen-Shannon divergence of the words",
            ("of",), **newest,
        )  # fmt: skip
        self.shadow = Counter(
            "faultwise_shadow_incidents_total", "Incidents by what the shadow made of them", ("outcome",),
            registry=registry,
        )  # fmt: skip

    def seen(self, targets: Iterable[TargetQuality], revoked: dict[str, frozenset[str]]) -> None:
        """Tell how the release in service fares."""
        for one in targets:
            precision = one.all.precision
            self.settled.labels(one.target).set(precision.n)
            self.precision.labels(one.target).set(float("nan") if precision.share is None else precision.share)
            self.coverage.labels(one.target).set(one.all.automatic.share or 0.0)
            self.revoked.labels(one.target).set(len(revoked.get(one.target, ())))

    def drifted(self, found: Iterable[Drift]) -> None:
        """Tell how far incidents have moved; what chance explains is 0."""
        for one in found:
            self.drift.labels(one.name).set(0.0 if one.verdict == "none" else one.drift)
