"""AuditService: the acts of people and systems, written down with the request they came in."""

from __future__ import annotations

from typing import Any

from api.telemetry import context
from diagnosis.store.audit import AuditEntry, AuditLog

_LONGEST_OBJECT = 255


class AuditService:
    """Writes acts into the audit log and lists them.

    Parameters
    ----------
    log : AuditLog
    """

    def __init__(self, log: AuditLog) -> None:
        self._log = log

    def note(self, actor: str, action: str, object_: str, **detail: Any) -> None:  # noqa: ANN401 - JSON values
        """Write one act down; inside a transaction it is committed with what it speaks of."""
        request = context.get()
        self._log.add(actor, action, object_[:_LONGEST_OBJECT], request.request_id if request else "", detail)

    def page(self, limit: int, older_than: int | None = None) -> list[AuditEntry]:
        """Return up to `limit` acts, newest first, those older than an id."""
        return self._log.page(limit, older_than)
