"""Exclusion rules: read afresh for every batch, so that one holds on every replica from the moment it is saved."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from diagnosis.decisions import ExclusionRule
from diagnosis.ids import new_id
from diagnosis.phrases import Phrase
from diagnosis.store import tables
from diagnosis.store.database import Database, RecordNotFoundError
from diagnosis.times import utc_now

_COLUMNS = ("id", "name", "fields", "text", "target", "value", "action")


class Rules:
    """The rules in force."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def add(self, rule: ExclusionRule, actor: str) -> ExclusionRule:
        """Save a new rule, under an id of its own, and return it."""
        saved = replace(rule, id=new_id())
        with self.database.write() as connection:
            row = {**_row(saved), "created_at": utc_now(), "created_by": actor}
            connection.execute(sa.insert(tables.rules).values(row))
        return saved

    def replace(self, rule: ExclusionRule) -> ExclusionRule:
        """Change a rule.

        Raises
        ------
        RecordNotFoundError
            If there is no rule of that id.
        """
        with self.database.write() as connection:
            changed = connection.execute(
                sa.update(tables.rules).where(tables.rules.c.id == rule.id).values(_row(rule))
            ).rowcount
        if not changed:
            raise RecordNotFoundError(Phrase("no_rule", {"id": rule.id}))
        return rule

    def get(self, rule: str) -> ExclusionRule:
        """Return one rule.

        Raises
        ------
        RecordNotFoundError
            If there is no rule of that id.
        """
        with self.database.read() as connection:
            row = connection.execute(sa.select(tables.rules).where(tables.rules.c.id == rule)).one_or_none()
        if row is None:
            raise RecordNotFoundError(Phrase("no_rule", {"id": rule}))
        return _rule(row)

    def all(self) -> list[ExclusionRule]:
        """Return every rule, oldest first."""
        with self.database.read() as connection:
            return list(rules_in_force(connection))

    def delete(self, rule: str) -> None:
        """Take a rule out of force.

        Raises
        ------
        RecordNotFoundError
            If there is no rule of that id.
        """
        with self.database.write() as connection:
            if not connection.execute(sa.delete(tables.rules).where(tables.rules.c.id == rule)).rowcount:
                raise RecordNotFoundError(Phrase("no_rule", {"id": rule}))


def rules_in_force(connection: Connection) -> tuple[ExclusionRule, ...]:
    """Return every rule as it stands in this transaction."""
    return tuple(_rule(row) for row in connection.execute(sa.select(tables.rules).order_by(tables.rules.c.id)))


def _row(rule: ExclusionRule) -> dict[str, Any]:
    return {**{name: getattr(rule, name) for name in _COLUMNS}, "fields": dict(rule.fields)}


def _rule(row: sa.Row[Any]) -> ExclusionRule:
    return ExclusionRule(**{name: getattr(row, name) for name in _COLUMNS})
