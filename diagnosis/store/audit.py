"""The audit log: who did what, when. It only grows; the database itself refuses to change or erase a line."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from diagnosis.store import tables
from diagnosis.store.database import Database
from diagnosis.times import as_utc, utc_now


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One act: who (`actor`), what (`action` on `object`), in which request."""

    id: int
    at: datetime
    actor: str
    action: str
    object: str
    request: str
    detail: Mapping[str, Any]


class AuditLog:
    """Acts in the order in which they were done."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def add(self, actor: str, action: str, object_: str, request: str, detail: Mapping[str, Any]) -> None:
        """Write one act down."""
        row = {
            "at": utc_now(),
            "actor": actor,
            "action": action,
            "object": object_,
            "request": request,
            "detail": dict(detail),
        }
        with self.database.write() as connection:
            connection.execute(sa.insert(tables.audit).values(row))

    def objects(self, action: str, since: datetime) -> set[str]:
        """Return what an act was done to since a moment, each once."""
        t = tables.audit
        statement = sa.select(t.c.object).distinct().where(t.c.action == action, t.c.at >= since)
        with self.database.read() as connection:
            return set(connection.execute(statement).scalars())

    def details(self, action: str, since: datetime) -> list[Mapping[str, Any]]:
        """Return the details of such acts since a moment, in order."""
        t = tables.audit
        statement = sa.select(t.c.detail).where(t.c.action == action, t.c.at >= since).order_by(t.c.id)
        with self.database.read() as connection:
            return list(connection.execute(statement).scalars())

    def count(self, actions: Collection[str]) -> int:
        """Return how often such acts were done."""
        t = tables.audit
        statement = sa.select(sa.func.count()).select_from(t).where(t.c.action.in_(actions))
        with self.database.read() as connection:
            return int(connection.execute(statement).scalar_one())

    def page(self, limit: int, older_than: int | None = None) -> list[AuditEntry]:
        """Return up to `limit` acts, newest first, those older than an id."""
        t = tables.audit
        statement = sa.select(t).order_by(t.c.id.desc()).limit(limit)
        if older_than is not None:
            statement = statement.where(t.c.id < older_than)
        with self.database.read() as connection:
            rows = connection.execute(statement).all()
        return [AuditEntry(**{**row._mapping, "at": as_utc(row.at)}) for row in rows]
