"""Actions: kept by id, found by what asks for them, by status, owner and due date."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import sqlalchemy as sa

from diagnosis.actions import Action
from diagnosis.ids import new_id
from diagnosis.phrases import Phrase
from diagnosis.store import tables
from diagnosis.store.database import Database, RecordNotFoundError
from diagnosis.times import as_utc, utc_now


class Actions:
    """Actions by id."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def add(self, action: Action, actor: str) -> Action:
        """Store a new action, under an id of its own, and return it."""
        moment = utc_now()
        stored = replace(action, id=new_id(), created_at=moment, created_by=actor, updated_at=moment)
        with self.database.write() as connection:
            connection.execute(sa.insert(tables.actions).values(_row(stored)))
        return stored

    def get(self, action: str) -> Action:
        """Return one action.

        Raises
        ------
        RecordNotFoundError
            If there is none of that id.
        """
        t = tables.actions
        with self.database.read() as connection:
            row = connection.execute(sa.select(t).where(t.c.id == action)).one_or_none()
        if row is None:
            raise RecordNotFoundError(Phrase("no_action", {"id": action}))
        return _action(row)

    def change(self, action: str, **changes: Any) -> Action:  # noqa: ANN401 - fields of an action
        """Change some fields and return the action as it is then.

        Raises
        ------
        RecordNotFoundError
            If there is none of that id.
        """
        with self.database.transaction():
            changes["updated_at"] = utc_now()
            changed = replace(self.get(action), **changes)
            t, row = tables.actions, _row(changed)
            values = {name: row[name] for name in changes}  # what somebody else changes meanwhile stays
            with self.database.write() as connection:
                connection.execute(sa.update(t).where(t.c.id == action).values(values))
        return changed

    def all(
        self, source_kind: str = "", source: str = "", status: str = "", owner: str = "", limit: int | None = None
    ) -> list[Action]:
        """Return the actions of a source, status and owner, the newest first; an empty filter lets every one pass."""
        return self.page(limit, None, source_kind=source_kind, source=source, status=status, owner=owner)

    def page(self, limit: int | None, older_than: str | None, **filters: str) -> list[Action]:
        """Return up to `limit` actions older than an id, the newest first, whose columns have the values asked for."""
        t = tables.actions
        statement = sa.select(t).order_by(t.c.id.desc()).limit(limit)
        statement = statement.where(*(t.c[name] == value for name, value in filters.items() if value))
        if older_than is not None:
            statement = statement.where(t.c.id < older_than)
        with self.database.read() as connection:
            return [_action(row) for row in connection.execute(statement)]

    def due_by(self, day: date) -> list[Action]:
        """Return the actions that are proposed or open and due on that day or before, the earliest first."""
        t = tables.actions
        statement = sa.select(t).where(t.c.status.in_(("proposed", "open")), t.c.due <= day).order_by(t.c.due, t.c.id)
        with self.database.read() as connection:
            return [_action(row) for row in connection.execute(statement)]


def _row(action: Action) -> dict[str, Any]:
    row = {column.name: getattr(action, column.name) for column in tables.actions.columns}
    evidence = [dict(item) for item in action.evidence]
    plain = {
        name: None if (value := getattr(action, name)) is None else dict(value)
        for name in ("expected_effect", "result", "record")
    }
    return row | {"evidence": evidence} | plain


def _action(row: sa.Row[Any]) -> Action:
    times = {name: as_utc(row._mapping[name]) for name in ("created_at", "updated_at")}
    done_at = None if row.done_at is None else as_utc(row.done_at)
    return Action(**dict(row._mapping) | times | {"evidence": tuple(row.evidence), "done_at": done_at})
