"""Console sessions: opened with a key, or for a person whom an OpenID Connect issuer knows; only hashes are stored."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from diagnosis.phrases import Phrase
from diagnosis.store import tables
from diagnosis.store.database import Database
from diagnosis.store.keys import SECRET_BYTES, ApiKey, KeyRefusedError, hash_of, key_of
from diagnosis.times import utc_now


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks at the console: named in the audit log as ``id``, shown as ``name``."""

    id: str
    name: str
    scopes: frozenset[str]


class Sessions:
    """Sessions that are open."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def open_with_key(self, key: ApiKey, lasts: timedelta) -> str:
        """Open a session that ends with its key, and return its token."""
        return self._open(lasts, key=key.id)

    def open_for(self, visitor: Visitor, lasts: timedelta) -> str:
        """Open a session for a person of an issuer, and return its token."""
        return self._open(lasts, actor=visitor.id, name=visitor.name, scopes=sorted(visitor.scopes))

    def check(self, token: str) -> Visitor:
        """Return who opened a session.

        Raises
        ------
        KeyRefusedError
            If it is unknown or over, or its key no longer valid.
        """
        s, k = tables.sessions, tables.api_keys
        valid = (s.c.token_hash == hash_of(token), s.c.expires_at > utc_now())
        columns = (s.c.key, s.c.actor, s.c.name.label("person"), s.c.scopes.label("granted"), *k.columns)
        statement = sa.select(*columns).select_from(s.outerjoin(k, s.c.key == k.c.id)).where(*valid)
        with self.database.read() as connection:
            row = connection.execute(statement).one_or_none()
        if row is None:
            raise KeyRefusedError(Phrase("session_over"))
        if row.key is None:
            return Visitor(row.actor, row.person, frozenset(row.granted))
        key = key_of(row)
        if not key.is_valid(utc_now()):
            raise KeyRefusedError(Phrase("session_over"))
        return Visitor(f"key:{key.id}", key.name, key.scopes)

    def close(self, token: str) -> None:
        """End a session; one that is not there is ended already."""
        with self.database.write() as connection:
            connection.execute(sa.delete(tables.sessions).where(tables.sessions.c.token_hash == hash_of(token)))

    def _open(self, lasts: timedelta, **of: object) -> str:
        token = secrets.token_urlsafe(SECRET_BYTES)
        with self.database.write() as connection:
            connection.execute(sa.delete(tables.sessions).where(tables.sessions.c.expires_at < utc_now()))
            row = {"token_hash": hash_of(token), "expires_at": utc_now() + lasts, **of}
            connection.execute(sa.insert(tables.sessions).values(row))
        return token
