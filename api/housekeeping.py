"""Housekeeping: once an hour what is older than the settings want to keep is forgotten."""

from __future__ import annotations

from datetime import timedelta

from api.audit.service import AuditService
from api.serving import Serving
from api.settings import Settings
from diagnosis.background import BackgroundLoop
from diagnosis.store import Store
from diagnosis.store.retention import forget_diagnoses, forget_incidents, forget_monitoring

_EVERY = 3600.0  # s


class Housekeeping:
    """Forgets in a thread of its own; replicas may do so at once, and the first to come finds what there is.

    Parameters
    ----------
    store : Store
    serving : Serving
    audit : AuditService
    settings : Settings
    """

    def __init__(self, store: Store, serving: Serving, audit: AuditService, settings: Settings) -> None:
        self._store = store
        self._serving = serving
        self._audit = audit
        self._incident_days = settings.retention_incident_days
        self._diagnosis_days = settings.retention_diagnosis_days
        self._monitoring_days = settings.retention_monitoring_days
        self._loop = BackgroundLoop("housekeeping", self.forget, _EVERY)

    def start(self) -> None:
        """Begin, at once; nothing runs where nothing is forgotten."""
        if any((self._incident_days, self._diagnosis_days, self._monitoring_days)):
            self._loop.start()
            self._loop.wake()

    def stop(self) -> None:
        """End."""
        self._loop.stop()

    def forget(self) -> None:
        """Forget what is too old, and write down how much it was."""
        database = self._store.database
        counts: dict[str, int] = {}
        if self._diagnosis_days is not None:
            counts["diagnoses"] = forget_diagnoses(database, timedelta(days=self._diagnosis_days))
        if self._incident_days is not None:
            counts["incidents"] = forget_incidents(database, timedelta(days=self._incident_days))
        if self._monitoring_days is not None:
            counts["monitoring"] = forget_monitoring(database, timedelta(days=self._monitoring_days))
        if any(counts.values()):
            self._audit.note("retention", "records.forget", "store", **counts)
            self._serving.store_changed()
