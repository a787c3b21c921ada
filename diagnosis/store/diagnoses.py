"""Diagnoses as they were given, and the answers kept for repeated requests (Idempotency-Key)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from diagnosis.phrases import Phrase
from diagnosis.store import tables
from diagnosis.store.database import Database, RecordNotFoundError, chunks, upsert
from diagnosis.store.observations import ReleaseAnswer, is_resolved, observe
from diagnosis.store.records import Records
from diagnosis.times import as_utc, utc_now

# A claim that was never answered (its process was killed) may be taken over after this long.
CLAIM_LASTS = timedelta(seconds=60)
ANSWERS_KEPT = timedelta(hours=48)


@dataclass(frozen=True, slots=True)
class Claim:
    """A request that must be answered once: who holds the key, the key, and the SHA-256 of what was asked."""

    holder: str
    key: str
    request: bytes


@dataclass(frozen=True, slots=True)
class DiagnosisEntry:
    """One diagnosis to keep: the contract's object, and the incident as logged if it is to be remembered.

    ``seconds`` is what one diagnosis of its batch took.
    """

    diagnosis: Mapping[str, Any]
    created_at: datetime
    incident: Mapping[str, Any] | None = None
    claim: Claim | None = None
    seconds: float | None = None


class DiagnosisRecords:
    """What was said, by which release."""

    def __init__(self, database: Database, incidents: Records) -> None:
        self.database = database
        self.incidents = incidents

    def add(self, entries: Sequence[DiagnosisEntry]) -> None:
        """Store diagnoses, the incidents not yet known and the answers to their claims, in one commit."""
        with self.database.write() as connection:
            connection.execute(sa.insert(tables.diagnoses), [_row(entry) for entry in entries])
            stored = self.incidents.by_number(connection, [entry.diagnosis["incident"] for entry in entries])
            unresolved = [entry for entry in entries if not is_resolved(stored.get(entry.diagnosis["incident"]))]
            observe(connection, [_answer_of(entry) for entry in unresolved])
            joining = {entry.diagnosis["incident"]: entry.incident for entry in entries if entry.incident is not None}
            new = {number: body for number, body in joining.items() if number not in stored}
            self.incidents.write(connection, new)
            for entry in entries:
                if entry.claim is not None:
                    _keep_response(connection, entry.claim, 200, entry.diagnosis)

    def get(self, diagnosis: str) -> dict[str, Any]:
        """Return one diagnosis.

        Raises
        ------
        RecordNotFoundError
            If there is none of that id.
        """
        statement = sa.select(tables.diagnoses.c.body).where(tables.diagnoses.c.id == diagnosis)
        with self.database.read() as connection:
            body: dict[str, Any] | None = connection.execute(statement).scalar_one_or_none()
        if body is None:
            raise RecordNotFoundError(Phrase("no_diagnosis", {"id": diagnosis}))
        return body

    def page(self, limit: int, incident: str | None = None, older_than: str | None = None) -> list[dict[str, Any]]:
        """Return up to `limit` diagnoses, newest first, of one incident or of all, those older than an id."""
        t = tables.diagnoses
        statement = sa.select(t.c.body).order_by(t.c.id.desc()).limit(limit)
        if incident is not None:
            statement = statement.where(t.c.incident == incident)
        if older_than is not None:
            statement = statement.where(t.c.id < older_than)
        with self.database.read() as connection:
            return list(connection.execute(statement).scalars())

    def diagnosed(self, incidents: Sequence[str]) -> set[str]:
        """Return those of these incidents that have a diagnosis."""
        t = tables.diagnoses
        numbers: set[str] = set()
        with self.database.read() as connection:
            for chosen in chunks(incidents):
                statement = sa.select(t.c.incident).distinct().where(t.c.incident.in_(chosen))
                numbers.update(connection.execute(statement).scalars())
        return numbers

    def first_diagnosed_at(self) -> dict[str, datetime]:
        """Return when each incident was diagnosed first."""
        t = tables.diagnoses
        statement = sa.select(t.c.incident, sa.func.min(t.c.created_at)).group_by(t.c.incident)
        with self.database.read() as connection:
            return {number: as_utc(moment) for number, moment in connection.execute(statement)}

    def predictions_since(self, moment: datetime) -> Iterator[tuple[datetime, dict[str, Any]]]:
        """Yield time and predictions of the newest diagnosis of each incident that was diagnosed since a moment."""
        t = tables.diagnoses
        newest = sa.select(sa.func.max(t.c.id)).where(t.c.created_at >= moment).group_by(t.c.incident)
        predictions = t.c.body["predictions"].label("predictions")  # only what is counted is read
        statement = sa.select(t.c.created_at, predictions).where(t.c.id.in_(newest))
        with self.database.read() as connection:
            for row in connection.execution_options(yield_per=1_000).execute(statement):
                yield as_utc(row.created_at), row.predictions


class IdempotentResponses:
    """Responses kept so that a repeated request is not done twice."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def claim(self, claim: Claim) -> tuple[bytes, int | None, Any] | None:
        """Claim a key for one request.

        Returns
        -------
        None if the key is now this request's, else what it is taken by: the SHA-256 of that request, and its status
        and answer, which are ``None`` while it is in flight.
        """
        t, moment = tables.idempotency, utc_now()
        mine = (t.c.holder == claim.holder, t.c.key == claim.key)
        with self.database.write() as connection:
            connection.execute(sa.delete(t).where(t.c.claimed_at < moment - ANSWERS_KEPT))
            connection.execute(sa.delete(t).where(*mine, t.c.status.is_(None), t.c.claimed_at < moment - CLAIM_LASTS))
            existing = connection.execute(sa.select(t.c.request, t.c.status, t.c.answer).where(*mine)).one_or_none()
            if existing is None:
                row = {"holder": claim.holder, "key": claim.key, "request": claim.request, "claimed_at": moment}
                connection.execute(sa.insert(t).values(row))
                return None
        return existing.request, existing.status, existing.answer

    def keep(self, claim: Claim, status: int, answer: Any) -> None:  # noqa: ANN401 - any JSON value
        """Store the answer to a claimed request."""
        with self.database.write() as connection:
            _keep_response(connection, claim, status, answer)

    def release(self, claim: Claim) -> None:
        """Give a claim back: the request came to nothing and may be sent again."""
        t = tables.idempotency
        mine = (t.c.holder == claim.holder, t.c.key == claim.key, t.c.status.is_(None))
        with self.database.write() as connection:
            connection.execute(sa.delete(t).where(*mine))


def _row(entry: DiagnosisEntry) -> dict[str, Any]:
    diagnosis = entry.diagnosis
    return {
        "id": diagnosis["id"],
        "incident": diagnosis["incident"],
        "release": diagnosis["release"],
        "created_at": entry.created_at,
        "body": dict(diagnosis),
    }


def _answer_of(entry: DiagnosisEntry) -> ReleaseAnswer:
    diagnosis = entry.diagnosis
    predictions = diagnosis.get("predictions", {})
    return ReleaseAnswer(diagnosis["incident"], diagnosis["release"], entry.created_at, predictions, entry.seconds)


def _keep_response(connection: Connection, claim: Claim, status: int, answer: Any) -> None:  # noqa: ANN401
    row = {
        "holder": claim.holder,
        "key": claim.key,
        "request": claim.request,
        "claimed_at": utc_now(),
        "status": status,
        "answer": answer,
    }
    upsert(tables.idempotency, connection, [row])
