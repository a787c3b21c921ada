"""SessionService: people sign in to the console with a key or through an issuer, and sign out."""

from __future__ import annotations

from datetime import timedelta

from api.audit.service import AuditService
from api.errors import ScopeError
from diagnosis.phrases import Phrase
from diagnosis.store import Store
from diagnosis.store.sessions import Visitor

SCOPE = "diagnose"  # opens the console


class SessionService:
    """Opens, checks and closes sessions.

    Parameters
    ----------
    store : Store
    audit : AuditService
    """

    def __init__(self, store: Store, audit: AuditService) -> None:
        self._store = store
        self._audit = audit

    def open_with_key(self, secret: str, lasts: timedelta) -> str:
        """Open a session that ends with its key, and return its token.

        Raises
        ------
        KeyRefusedError
            If the key is not valid.
        ScopeError
            If it does not open the console.
        """
        key = self._store.keys.check(secret)
        _check(key.scopes)
        with self._store.transaction():
            token = self._store.sessions.open_with_key(key, lasts)
            self._audit.note(f"key:{key.id}", "session.open", key.id)
        return token

    def open_for(self, visitor: Visitor, lasts: timedelta) -> str:
        """Open a session for a person whom an issuer knows, and return its token.

        Raises
        ------
        ScopeError
            If the person may not open the console.
        """
        _check(visitor.scopes)
        with self._store.transaction():
            token = self._store.sessions.open_for(visitor, lasts)
            self._audit.note(visitor.id, "session.open", visitor.id)
        return token

    def check(self, token: str) -> Visitor:
        """Return who opened a session.

        Raises
        ------
        KeyRefusedError
            If it is unknown or over, or its key no longer valid.
        """
        return self._store.sessions.check(token)

    def close(self, token: str) -> None:
        """End a session; one that is not there is ended already."""
        self._store.sessions.close(token)


def _check(scopes: frozenset[str]) -> None:
    if SCOPE not in scopes:
        values = {"scope": SCOPE, "found": tuple(sorted(scopes)) or Phrase("none_found")}
        raise ScopeError(Phrase("session_scope_needed", values))
