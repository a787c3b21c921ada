"""HealthService: whether the service can do its work, and its metrics."""

from __future__ import annotations

from api.metrics import Metrics
from api.serving import Serving
from diagnosis.store import Store


class HealthService:
    """Asks the release in service and the database.

    Parameters
    ----------
    store : Store
    serving : Serving
    metrics : Metrics
    """

    def __init__(self, store: Store, serving: Serving, metrics: Metrics) -> None:
        self._store = store
        self._serving = serving
        self._metrics = metrics

    def ready(self) -> str:
        """Return the release in service, if a diagnosis would be made and stored now.

        Raises
        ------
        NothingPublishedError
            If no release is in service.
        StoreError
            If the database does not answer.
        """
        release = self._serving.current.release
        self._store.database.ping()
        return release

    def metrics(self) -> bytes:
        """Return what Prometheus reads."""
        return self._metrics.text()
