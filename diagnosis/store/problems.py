"""Problems: which incidents each had the last time, what people decided, and the record that a system made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from diagnosis.ids import begin_after, new_id
from diagnosis.phrases import Phrase
from diagnosis.store import tables
from diagnosis.store.database import Database, RecordNotFoundError, insert_unknown, take_sequences
from diagnosis.times import as_utc, utc_now


@dataclass(frozen=True, slots=True)
class ProblemRow:
    """A problem as it was the last time, without its incidents.

    Attributes
    ----------
    merged_into, split_from : str or None
        Where its incidents are now, and which problem they came from.
    record : mapping or None
        The record made of it: ``system``, ``number`` and, where there is one, ``url``; ``number`` is None until the
        system has answered.
    """

    id: str
    merged_into: str | None
    split_from: str | None
    record: Mapping[str, Any] | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class StoredDecision:
    """What a person decided on a problem; the kinds are those of `diagnosis.problems.ProblemDecision`."""

    id: str
    kind: str
    problem: str
    value: str
    numbers: tuple[str, ...]
    actor: str
    created_at: datetime


class Problems:
    """Problems by id, and people's decisions in order."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def members(self) -> dict[str, tuple[str, ...]]:
        """Return the numbers of each problem that has incidents."""
        t = tables.problems
        with self.database.read() as connection:
            rows = connection.execute(sa.select(t.c.id, t.c.members)).all()
        return {row.id: tuple(row.members) for row in rows if row.members}

    def rows(self) -> dict[str, ProblemRow]:
        """Return every problem, those that ended too, by id."""
        t = tables.problems
        columns = [t.c[name] for name in ("id", "merged_into", "split_from", "record", "created_at", "updated_at")]
        with self.database.read() as connection:
            return {row.id: _problem(row) for row in connection.execute(sa.select(*columns))}

    def save(self, members: Mapping[str, Sequence[str]], merged: Mapping[str, str], split: Mapping[str, str]) -> None:
        """Store the problems of today: new ones, changed ones, and where those that ended went."""
        t, moment = tables.problems, utc_now()
        with self.database.transaction():
            earlier = self.members()
            known = self.rows()
            changes = [
                {"problem": name, "members": list(numbers), "merged_into": None, "updated_at": moment}
                for name, numbers in members.items()
                if name in known and earlier.get(name) != tuple(numbers)
            ]
            ended: list[dict[str, Any]] = [
                {"problem": name, "members": [], "merged_into": merged.get(name), "updated_at": moment}
                for name in known
                if name not in members and name in earlier
            ]
            new = [
                {
                    "id": name,
                    "members": list(numbers),
                    "merged_into": None,
                    "split_from": split.get(name),
                    "record": None,
                    "created_at": moment,
                    "updated_at": moment,
                }
                for name, numbers in members.items()
                if name not in known
            ]
            with self.database.write() as connection:
                if new:
                    insert_unknown(t, connection, new)  # another replica may have found the same
                if changes or ended:
                    bound: dict[str, Any] = {
                        name: sa.bindparam(name) for name in ("members", "merged_into", "updated_at")
                    }
                    connection.execute(
                        sa.update(t).where(t.c.id == sa.bindparam("problem")).values(bound), [*changes, *ended]
                    )

    def set_record(self, problem: str, record: Mapping[str, Any]) -> None:
        """Store the record that a system made, or is to make, of a problem."""
        t, moment = tables.problems, utc_now()
        with self.database.transaction(), self.database.write() as connection:
            changed = connection.execute(
                sa.update(t).where(t.c.id == problem).values(record=dict(record), updated_at=moment)
            ).rowcount
            if not changed:  # one that a person split off, or whose incidents are gone
                row: dict[str, Any] = {
                    "id": problem,
                    "members": [],
                    "merged_into": None,
                    "split_from": None,
                    "record": dict(record),
                }
                connection.execute(sa.insert(t).values({**row, "created_at": moment, "updated_at": moment}))

    def decide(
        self, actor: str, kind: str, problem: str, value: str = "", numbers: Sequence[str] = ()
    ) -> StoredDecision:
        """Store a decision; it holds from now on, and comes after every one that any process stored before it."""
        t = tables.problem_decisions
        with self.database.write() as connection:
            take_sequences(connection, 0)  # whoever decides meanwhile waits, so that the newest is the newest
            begin_after(connection.execute(sa.select(sa.func.max(t.c.id))).scalar_one() or "")
            decision = StoredDecision(new_id(), kind, problem, value, tuple(numbers), actor, utc_now())
            row = {name: getattr(decision, name) for name in ("id", "kind", "problem", "value", "actor", "created_at")}
            connection.execute(sa.insert(t).values({**row, "numbers": list(numbers), "undone_at": None}))
        return decision

    def undo(self, decision: str) -> StoredDecision:
        """Take a decision back and return it.

        Raises
        ------
        RecordNotFoundError
            If there is none of that id, or it was taken back.
        """
        t = tables.problem_decisions
        with self.database.transaction():
            undone = next((entry for entry in self.decisions() if entry.id == decision), None)
            if undone is None:
                raise RecordNotFoundError(Phrase("no_decision", {"id": decision}))
            with self.database.write() as connection:
                connection.execute(sa.update(t).where(t.c.id == decision).values(undone_at=utc_now()))
        return undone

    def decisions(self) -> list[StoredDecision]:
        """Return what people decided and did not take back, the oldest first."""
        t = tables.problem_decisions
        statement = sa.select(t).where(t.c.undone_at.is_(None)).order_by(t.c.id)
        with self.database.read() as connection:
            return [_decision(row) for row in connection.execute(statement)]

    def state(self) -> tuple[int, int]:
        """Return how many decisions were made and taken back: what changes when one is."""
        t = tables.problem_decisions
        statement = sa.select(sa.func.count(t.c.id), sa.func.count(t.c.undone_at))
        with self.database.read() as connection:
            made, undone = connection.execute(statement).one()
        return int(made), int(undone)


def _problem(row: sa.Row[Any]) -> ProblemRow:
    times = {name: as_utc(row._mapping[name]) for name in ("created_at", "updated_at")}
    return ProblemRow(**dict(row._mapping) | times)


def _decision(row: sa.Row[Any]) -> StoredDecision:
    values = {name: row._mapping[name] for name in ("id", "kind", "problem", "value", "actor")}
    return StoredDecision(**values, numbers=tuple(row.numbers), created_at=as_utc(row.created_at))
