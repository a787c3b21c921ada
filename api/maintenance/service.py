"""MaintenanceService: windows of planned work are entered, shown and taken away."""

from __future__ import annotations

from datetime import datetime

from api.audit.service import AuditService
from api.maintenance.schemas import WindowIn
from diagnosis.redact import Redactor
from diagnosis.redact.records import mask_labels
from diagnosis.store import Store
from diagnosis.store.monitoring import StoredWindow
from diagnosis.times import format_utc, utc_now


class MaintenanceService:
    """Maintenance windows, each change with its audit entry in one transaction.

    Parameters
    ----------
    store : Store
    redactor : Redactor
        Masks personal data in notes and scopes.
    audit : AuditService
    """

    def __init__(self, store: Store, redactor: Redactor, audit: AuditService) -> None:
        self._store = store
        self._redactor = redactor
        self._audit = audit

    def add(self, actor: str, window: WindowIn) -> StoredWindow:
        """Enter a window; it holds from this moment, on every replica."""
        # As the fields themselves are masked, so that it still covers what it names.
        scope = mask_labels({name: pattern for name, pattern in window.scope.items() if pattern}, self._redactor)
        with self._store.transaction():
            note = self._redactor.redact(window.note)
            saved = self._store.maintenance.add(StoredWindow(window.starts_at, window.ends_at, scope, note), actor)
            self._audit.note(actor, "maintenance.add", saved.id, scope=scope, until=format_utc(window.ends_at))
        return saved

    def delete(self, actor: str, window: str) -> None:
        """Take a window away.

        Raises
        ------
        RecordNotFoundError
            If there is none of that id.
        """
        with self._store.transaction():
            self._store.maintenance.delete(window)
            self._audit.note(actor, "maintenance.delete", window)

    def since(self, moment: datetime | None = None) -> list[StoredWindow]:
        """Return the windows that end after a moment, now unless one is named, in order of their start."""
        return self._store.maintenance.since(moment or utc_now())
