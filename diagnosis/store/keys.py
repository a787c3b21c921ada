"""API keys: only hashes are stored, so that who reads the database cannot sign in."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from diagnosis.errors import FaultwiseError
from diagnosis.ids import new_id
from diagnosis.phrases import Phrase
from diagnosis.store import tables
from diagnosis.store.database import Database, RecordNotFoundError
from diagnosis.times import as_utc, utc_now

SCOPES = ("diagnose", "feedback", "knowledge", "admin")
_PREFIX = "fw_"
# 32 random bytes cannot be guessed, so that a plain SHA-256 guards them as well as a slow hash would.
SECRET_BYTES = 32
_NOBODY = bytes(32)


class KeyRefusedError(FaultwiseError):
    """A key or session that is unknown, expired or revoked."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """Who may ask for what; the secret itself is not kept."""

    id: str
    name: str
    scopes: frozenset[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    def is_valid(self, moment: datetime) -> bool:
        """Whether the key is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or moment < self.expires_at)


class ApiKeys:
    """Who may ask for what."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def create(self, name: str, scopes: Iterable[str], expires_at: datetime | None = None) -> tuple[ApiKey, str]:
        """Make a key and return it with its secret form, which cannot be shown again."""
        with self.database.write() as connection:
            return _create(connection, name, scopes, expires_at)

    def create_first(self) -> str | None:
        """Make the first admin key if there is no key at all, and return its secret form."""
        with self.database.write() as connection:
            _lock(connection)
            if connection.execute(sa.select(tables.api_keys.c.id).limit(1)).first() is not None:
                return None
            return _create(connection, "first admin key", SCOPES, None)[1]

    def check(self, secret: str) -> ApiKey:
        """Return the key of a secret form.

        Raises
        ------
        KeyRefusedError
            If it is unknown, expired or revoked; which of them is not said.
        """
        key_id, _, token = secret.removeprefix(_PREFIX).partition("_")
        if not (secret.isascii() and secret.startswith(_PREFIX) and token and len(secret) < 200):
            raise KeyRefusedError(Phrase("key_invalid"))
        with self.database.read() as connection:
            row = connection.execute(sa.select(tables.api_keys).where(tables.api_keys.c.id == key_id)).one_or_none()
        same = hmac.compare_digest(hash_of(token), row.secret_hash if row is not None else _NOBODY)
        if row is None or not same or not key_of(row).is_valid(utc_now()):
            raise KeyRefusedError(Phrase("key_invalid"))
        return key_of(row)

    def all(self) -> list[ApiKey]:
        """Return every key, oldest first, revoked ones too."""
        with self.database.read() as connection:
            return [
                key_of(row) for row in connection.execute(sa.select(tables.api_keys).order_by(tables.api_keys.c.id))
            ]

    def revoke(self, key: str) -> ApiKey:
        """Make a key worthless from now on.

        Raises
        ------
        RecordNotFoundError
            If there is no key of that id.
        """
        t = tables.api_keys
        with self.database.write() as connection:
            connection.execute(sa.update(t).where(t.c.id == key, t.c.revoked_at.is_(None)).values(revoked_at=utc_now()))
            row = connection.execute(sa.select(t).where(t.c.id == key)).one_or_none()
        if row is None:
            raise RecordNotFoundError(Phrase("no_key", {"id": key}))
        return key_of(row)


def _create(
    connection: Connection, name: str, scopes: Iterable[str], expires_at: datetime | None
) -> tuple[ApiKey, str]:
    secret = secrets.token_urlsafe(SECRET_BYTES)
    key = ApiKey(new_id(), name, frozenset(scopes), utc_now(), expires_at, None)
    row = {
        "id": key.id,
        "name": name,
        "secret_hash": hash_of(secret),
        "scopes": sorted(key.scopes),
        "created_at": key.created_at,
        "expires_at": expires_at,
    }
    connection.execute(sa.insert(tables.api_keys).values(row))
    return key, f"{_PREFIX}{key.id}_{secret}"


def _lock(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("LOCK TABLE api_keys IN EXCLUSIVE MODE"))


def hash_of(secret: str) -> bytes:
    """Return what is stored of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def key_of(row: sa.Row[Any]) -> ApiKey:
    """Return the key of a row of `tables.api_keys`."""
    expires, revoked = (None if t is None else as_utc(t) for t in (row.expires_at, row.revoked_at))
    return ApiKey(row.id, row.name, frozenset(row.scopes), as_utc(row.created_at), expires, revoked)
