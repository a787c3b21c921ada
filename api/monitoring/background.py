"""Monitoring: what runs in the background of one process, the watch over quality and the shadow release."""

from __future__ import annotations

from api.monitoring.metrics import MonitoringMetrics
from api.monitoring.shadow import ShadowRunner
from api.monitoring.watch import QualityWatch
from api.service import Service
from api.settings import Settings


class Monitoring:
    """Watch and shadow of one process.

    Parameters
    ----------
    service : Service
    settings : Settings
    """

    def __init__(self, service: Service, settings: Settings) -> None:
        serving, metrics = service.serving, MonitoringMetrics(service.metrics.registry)
        self.watch = QualityWatch(
            service.store, serving, service.events, metrics, settings.revocation_risk, settings.watch_seconds
        )
        self.shadow = ShadowRunner(service.store, serving.releases, serving.load, metrics)
        service.diagnoses.on_diagnosis = self.shadow.offer

    def start(self) -> None:
        """Begin."""
        self.watch.start()
        self.shadow.start()

    def stop(self) -> None:
        """End."""
        self.watch.stop()
        self.shadow.stop()
