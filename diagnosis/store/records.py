"""Incidents and knowledge articles: numbered records, written with a sequence so that every replica hears of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from diagnosis.phrases import Phrase
from diagnosis.store import tables
from diagnosis.store.database import Database, RecordNotFoundError, chunks, take_sequences, upsert
from diagnosis.times import as_utc, utc_now


@dataclass(frozen=True, slots=True)
class Record:
    """A stored incident or article: its fields as JSON, and where it stands in the sequence of changes."""

    number: str
    sequence: int
    created_at: datetime
    updated_at: datetime
    deleted: bool
    body: Mapping[str, Any]


class Records:
    """One kind of numbered record.

    Parameters
    ----------
    database : Database
    table : Table
        `tables.incidents` or `tables.articles`.
    """

    def __init__(self, database: Database, table: sa.Table) -> None:
        self.database = database
        self.table = table
        numbered = table.c.number.in_(sa.bindparam("numbers", expanding=True))
        self._numbered = sa.select(table).where(numbered)

    def put(self, bodies: Mapping[str, Mapping[str, Any]]) -> list[Record]:
        """Insert or replace records by number, all or none, and return them as stored, in order."""
        if not bodies:
            return []
        with self.database.write() as connection:
            self.write(connection, bodies)
            stored = self.by_number(connection, list(bodies))
        return [stored[number] for number in bodies]

    def put_new(self, bodies: Mapping[str, Mapping[str, Any]]) -> None:
        """Insert those records whose number was never stored; one that was deleted stays deleted."""
        with self.database.write() as connection:
            take_sequences(connection, 0)  # whoever writes records meanwhile waits, so that what is read here holds
            stored = self.by_number(connection, list(bodies))
            self.write(connection, {number: body for number, body in bodies.items() if number not in stored})

    def change(self, numbers: Sequence[str], change: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> None:
        """Change records from what they are at this moment; one that is deleted by now stays deleted.

        Parameters
        ----------
        numbers : sequence of str
        change : callable
            From a body to the new one, or to the same object if nothing changes.
        """
        with self.database.write() as connection:
            take_sequences(connection, 0)
            stored = self.by_number(connection, numbers)
            bodies = {number: change(record.body) for number, record in stored.items() if not record.deleted}
            changed = {number: body for number, body in bodies.items() if body is not stored[number].body}
            self.write(connection, changed)

    def write(self, connection: Connection, bodies: Mapping[str, Mapping[str, Any]], deleted: bool = False) -> None:
        """Insert or replace records inside a transaction that the caller has begun."""
        if not bodies:
            return
        first, moment = take_sequences(connection, len(bodies)), utc_now()
        rows = [
            {
                "number": number,
                "sequence": first + i,
                "created_at": moment,
                "updated_at": moment,
                "deleted": deleted,
                "body": dict(body),
            }
            for i, (number, body) in enumerate(bodies.items())
        ]
        upsert(self.table, connection, rows, keep=("created_at",))
        if deleted and self.table is tables.incidents:
            _forget_beside(connection, list(bodies))

    def get(self, number: str) -> Record:
        """Return one record.

        Raises
        ------
        RecordNotFoundError
            If there is none of that number, or it was deleted.
        """
        with self.database.read() as connection:
            record = self.by_number(connection, [number]).get(number)
        if record is None or record.deleted:
            raise RecordNotFoundError(Phrase("no_record", {"id": number, "records": self.table.name}))
        return record

    def find(self, numbers: Sequence[str]) -> dict[str, Record]:
        """Return those of these records that there are, by number."""
        with self.database.read() as connection:
            records = self.by_number(connection, numbers)
        return {number: record for number, record in records.items() if not record.deleted}

    def page(self, limit: int, beyond: str | None = None) -> list[Record]:
        """Return up to `limit` records in order of number, those after the given number: stable under inserts."""
        t = self.table
        statement = sa.select(t).where(t.c.deleted.is_(False)).order_by(t.c.number).limit(limit)
        if beyond is not None:
            statement = statement.where(t.c.number > beyond)
        with self.database.read() as connection:
            return [_record(row) for row in connection.execute(statement)]

    def newest(self, limit: int) -> list[Record]:
        """Return up to `limit` records, those that were stored last first."""
        t = self.table
        statement = sa.select(t).where(t.c.deleted.is_(False)).order_by(t.c.sequence.desc()).limit(limit)
        with self.database.read() as connection:
            return [_record(row) for row in connection.execute(statement)]

    def delete(self, number: str) -> None:
        """Remove one record; what it said is gone, its number stays behind for the replicas to hear of.

        Raises
        ------
        RecordNotFoundError
            If there is none of that number.
        """
        with self.database.write() as connection:
            record = self.by_number(connection, [number]).get(number)
            if record is None or record.deleted:
                raise RecordNotFoundError(Phrase("no_record", {"id": number, "records": self.table.name}))
            self.write(connection, {number: {}}, deleted=True)

    def count(self) -> int:
        """Return how many records there are."""
        statement = sa.select(sa.func.count()).select_from(self.table).where(self.table.c.deleted.is_(False))
        with self.database.read() as connection:
            return int(connection.execute(statement).scalar_one())

    def between(self, connection: Connection, above: int, upto: int, limit: int) -> list[Record]:
        """Return up to `limit` records with ``above < sequence <= upto``, in order, deleted ones too."""
        t = self.table
        statement = sa.select(t).where(t.c.sequence > above, t.c.sequence <= upto).order_by(t.c.sequence).limit(limit)
        return [_record(row) for row in connection.execute(statement)]

    def by_number(self, connection: Connection, numbers: Sequence[str]) -> dict[str, Record]:
        """Return those of these records that there are, deleted ones too, by number."""
        records: dict[str, Record] = {}
        for chosen in chunks(numbers):
            rows = connection.execute(self._numbered, {"numbers": chosen})
            records |= {row.number: _record(row) for row in rows}
        return records


def _forget_beside(connection: Connection, incidents: Sequence[str]) -> None:
    """Delete what people and monitoring said of incidents that are gone, beside diagnoses, which stay as they were."""
    for table in (tables.survey_answers, tables.alert_verdicts, tables.alerts):
        for numbers in chunks(incidents):
            connection.execute(sa.delete(table).where(table.c.incident.in_(numbers)))


def _record(row: sa.Row[Any]) -> Record:
    return Record(row.number, row.sequence, as_utc(row.created_at), as_utc(row.updated_at), row.deleted, row.body)
