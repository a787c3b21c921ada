"""KeyService: API keys are made, listed and revoked."""

from __future__ import annotations

from api.audit.service import AuditService
from api.keys.schemas import KeyIn
from diagnosis.redact import Redactor
from diagnosis.store import Store
from diagnosis.store.keys import ApiKey


class KeyService:
    """Makes and revokes keys, each with its audit entry in one transaction.

    Parameters
    ----------
    store : Store
    redactor : Redactor
        Masks personal data in what the audit log says of a key.
    audit : AuditService
    """

    def __init__(self, store: Store, redactor: Redactor, audit: AuditService) -> None:
        self._store = store
        self._redactor = redactor
        self._audit = audit

    def all(self) -> list[ApiKey]:
        """Return every key, oldest first, revoked ones too."""
        return self._store.keys.all()

    def create(self, actor: str, body: KeyIn) -> tuple[ApiKey, str]:
        """Make a key and return it with its secret form, which cannot be shown again."""
        with self._store.transaction():
            key, secret = self._store.keys.create(body.name, body.scopes, body.expires_at)
            name = self._redactor.redact(key.name)  # the log is for ever
            self._audit.note(actor, "key.create", key.id, name=name, scopes=sorted(key.scopes))
        return key, secret

    def revoke(self, actor: str, key: str) -> ApiKey:
        """Revoke a key; it opens nothing from this moment, on any replica.

        Raises
        ------
        RecordNotFoundError
            If there is none of that id.
        """
        with self._store.transaction():
            revoked = self._store.keys.revoke(key)
            self._audit.note(actor, "key.revoke", key)
        return revoked
