"""KeyService: API keys are made, listed and revoked."""

from __future__ import annotations

from api.audit.service import AuditService
from api.keys.schemas import KeyIn
from diagnosis.store import Store
from diagnosis.store.keys import ApiKey


class KeyService:
    """Makes and revokes keys, each with its audit entry in one transaction.

    Parameters
    ----------
    store : Store
    audit : AuditService
    """

    def __init__(self, store: Store, audit: AuditService) -> None:
        self._store = store
        self._audit = audit

    def all(self) -> list[ApiKey]:
        """Return every key, oldest first, revoked ones too."""
        return self._store.keys.all()

    def create(self, actor: str, body: KeyIn) -> tuple[ApiKey, str]:
        """Make a key and return it with its secret form, which cannot be shown again."""
        with self._store.transaction():
            key, secret = self._store.keys.create(body.name, body.scopes, body.expires_at)
            self._audit.note(actor, "key.create", key.id, name=key.name, scopes=sorted(key.scopes))
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
