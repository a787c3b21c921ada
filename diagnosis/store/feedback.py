"""Feedback: what people said of a diagnosis, and the decisions that follow from it at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from diagnosis.decisions import ExclusionRule, HumanDecisions
from diagnosis.ids import new_id
from diagnosis.phrases import Phrase
from diagnosis.store import tables
from diagnosis.store.database import Database, RecordNotFoundError, take_sequences
from diagnosis.times import as_utc, utc_now

Kind = Literal["accepted", "overridden", "reverted", "suggestion_worked", "suggestion_failed"]


@dataclass(frozen=True, slots=True)
class Feedback:
    """One thing that a person said of a diagnosis.

    Attributes
    ----------
    target, predicted, value : str
        For accepted, overridden and reverted: which target, what had been predicted, what is right.
    suggestion : str or None
        For suggestion_worked and suggestion_failed: the id of the suggestion.
    actor : str
        Who said it.
    undone_at : datetime or None
        When it was taken back.
    """

    diagnosis: str
    incident: str
    kind: Kind
    target: str = ""
    predicted: str | None = None
    value: str | None = None
    suggestion: str | None = None
    comment: str = ""
    actor: str = ""
    id: str = ""
    created_at: datetime | None = None
    undone_at: datetime | None = None
    sequence: int = 0


class FeedbackLog:
    """Feedback in the order in which it was given; nothing is erased, only undone."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def add(self, feedback: Feedback) -> Feedback:
        """Store one piece of feedback and return it with its id."""
        columns = ("diagnosis", "incident", "kind", "target", "predicted", "value", "suggestion", "comment", "actor")
        row = {name: getattr(feedback, name) for name in columns}
        with self.database.write() as connection:
            row |= {"id": new_id(), "created_at": utc_now(), "sequence": take_sequences(connection, 1)}
            connection.execute(sa.insert(tables.feedback).values(row))
        return Feedback(**row)

    def lock(self, incident: str) -> None:
        """Let nobody else judge an incident until the transaction around this ends."""
        with self.database.write() as connection:
            if not self.database.is_sqlite:  # on SQLite the write transaction itself keeps the others out
                connection.execute(
                    sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:incident, 0))"), {"incident": incident}
                )

    def undo(self, feedback: str, diagnosis: str) -> Feedback:
        """Take one piece of feedback back; to undo twice changes nothing.

        Raises
        ------
        RecordNotFoundError
            If that diagnosis has no such feedback.
        """
        t = tables.feedback
        mine = (t.c.id == feedback, t.c.diagnosis == diagnosis)
        with self.database.write() as connection:
            row = connection.execute(sa.select(t).where(*mine)).one_or_none()
            if row is None:
                raise RecordNotFoundError(Phrase("no_feedback", {"id": feedback, "diagnosis": diagnosis}))
            if row.undone_at is None:
                values = {"undone_at": utc_now(), "sequence": take_sequences(connection, 1)}
                connection.execute(sa.update(t).where(*mine).values(values))
                row = connection.execute(sa.select(t).where(*mine)).one()
        return _feedback(row)

    def of(self, *diagnoses: str) -> list[Feedback]:
        """Return what was said of one diagnosis or some, oldest first, undone entries too, at their undoing."""
        t = tables.feedback
        with self.database.read() as connection:
            rows = connection.execute(sa.select(t).where(t.c.diagnosis.in_(diagnoses)).order_by(t.c.sequence))
            return [_feedback(row) for row in rows]

    def on(self, incidents: Sequence[str]) -> list[Feedback]:
        """Return what was said of every diagnosis of some incidents, as `of` does."""
        t = tables.feedback
        with self.database.read() as connection:
            rows = connection.execute(sa.select(t).where(t.c.incident.in_(incidents)).order_by(t.c.sequence))
            return [_feedback(row) for row in rows]

    def since(self, moment: datetime) -> list[Feedback]:
        """Return what people said since a moment and did not take back, oldest first."""
        t = tables.feedback
        statement = sa.select(t).where(t.c.created_at >= moment, t.c.undone_at.is_(None)).order_by(t.c.sequence)
        with self.database.read() as connection:
            return [_feedback(row) for row in connection.execute(statement)]

    def all(self) -> list[Feedback]:
        """Return everything that people said and did not take back, oldest first."""
        t = tables.feedback
        with self.database.read() as connection:
            rows = connection.execute(sa.select(t).where(t.c.undone_at.is_(None)).order_by(t.c.sequence))
            return [_feedback(row) for row in rows]

    def values(self, target: str) -> list[str]:
        """Return the values that people gave a target of any incident and did not take back."""
        t = tables.feedback
        in_force = (t.c.target == target, t.c.kind == "overridden", t.c.undone_at.is_(None))
        with self.database.read() as connection:
            return list(connection.execute(sa.select(t.c.value).distinct().where(*in_force)).scalars())

    def decisions(self) -> dict[str, HumanDecisions]:
        """Return what people have decided, by incident, rules aside; incidents of which nobody spoke are not in it."""
        with self.database.read() as connection:
            return {number: _decisions_from(rows, ()) for number, rows in _feedback_rows(connection).items()}

    def between(self, connection: Connection, above: int, upto: int, limit: int) -> list[Feedback]:
        """Return up to `limit` entries with ``above < sequence <= upto``, in order."""
        t = tables.feedback
        statement = sa.select(t).where(t.c.sequence > above, t.c.sequence <= upto).order_by(t.c.sequence).limit(limit)
        return [_feedback(row) for row in connection.execute(statement)]


def standing(feedback: Iterable[Feedback]) -> dict[str, Feedback]:
    """Return the last feedback that was not undone, by target or by suggestion."""
    return {entry.target or entry.suggestion or "": entry for entry in feedback if entry.undone_at is None}


def decisions_on(
    connection: Connection, incidents: Sequence[str], rules: tuple[ExclusionRule, ...]
) -> list[HumanDecisions]:
    """Return what people have decided on each incident, as it stands in this transaction."""
    by_incident = _feedback_rows(connection, tables.feedback.c.incident.in_(set(incidents)))
    return [_decisions_from(by_incident.get(incident, ()), rules) for incident in incidents]


def _feedback_rows(connection: Connection, *conditions: sa.ColumnElement[bool]) -> dict[str, list[sa.Row[Any]]]:
    """Return the feedback on predictions that was not undone, by incident, in order."""
    t = tables.feedback
    in_force = (*conditions, t.c.undone_at.is_(None), t.c.target != "")
    by_incident: dict[str, list[sa.Row[Any]]] = defaultdict(list)
    for row in connection.execute(sa.select(t).where(*in_force).order_by(t.c.sequence)):
        by_incident[row.incident].append(row)
    return by_incident


def _decisions_from(rows: Iterable[sa.Row[Any]], rules: tuple[ExclusionRule, ...]) -> HumanDecisions:
    reverted: dict[str, set[str]] = defaultdict(set)
    decided: dict[str, str] = {}
    for row in rows:
        if row.kind in ("overridden", "reverted"):
            if row.predicted is not None and row.predicted != row.value:
                reverted[row.target].add(row.predicted)
            decided.pop(row.target, None)
        if row.kind in ("accepted", "overridden") and row.value is not None:
            decided[row.target] = row.value
            reverted[row.target].discard(row.value)
    return HumanDecisions(rules, {t: frozenset(v) for t, v in reverted.items() if v}, decided)


def _feedback(row: sa.Row[Any]) -> Feedback:
    values = dict(row._mapping)
    values["created_at"] = as_utc(row.created_at)
    values["undone_at"] = as_utc(row.undone_at) if row.undone_at is not None else None
    return Feedback(**values)
