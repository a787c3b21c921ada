"""Prometheus instruments of live quality, revoked certificates, drift and the shadow."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge

from diagnosis.monitoring.drift import Drift
from diagnosis.monitoring.quality import TargetQuality


class MonitoringMetrics:
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
            "faultwise_live_settled",
            "Automatic answers of which it is known whether they were right",
            ("target",),
            **newest,
        )
        self.coverage = Gauge(
            "faultwise_live_coverage", "Automatic answers among all of the release in service", ("target",), **newest
        )
        self.revoked = Gauge(
            "faultwise_certificates_revoked",
            "Certificates of the release in service that live data took back",
            ("target",),
            **newest,
        )
        self.revocations = Counter(
            "faultwise_revocations_total", "Certificates that this replica took back", ("target",), registry=registry
        )
        self.drift = Gauge(
            "faultwise_incident_drift",
            "Distance of recent incidents from those learned from, above what chance explains: population stability "
            "index of a field, Jensen-Shannon divergence of the words",
            ("of",),
            **newest,
        )
        self.shadow = Counter(
            "faultwise_shadow_incidents_total",
            "Incidents by what the shadow made of them",
            ("outcome",),
            registry=registry,
        )

    def set_quality(self, targets: Iterable[TargetQuality], revoked: dict[str, frozenset[str]]) -> None:
        """Set the gauges to how the release in service fares."""
        for quality in targets:
            target, precision = quality.target, quality.all.precision
            self.settled.labels(target).set(precision.n)
            self.precision.labels(target).set(float("nan") if precision.share is None else precision.share)
            self.coverage.labels(target).set(quality.all.automatic.share or 0.0)
            self.revoked.labels(target).set(len(revoked.get(target, ())))

    def set_drift(self, drifts: Iterable[Drift]) -> None:
        """Set the gauges to how far incidents have moved; what chance explains is 0."""
        for drift in drifts:
            self.drift.labels(drift.name).set(0.0 if drift.verdict == "none" else drift.drift)
