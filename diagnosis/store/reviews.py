"""Reviews as they were frozen, what became of their proposals, and callers' answers to the survey."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from diagnosis.errors import StoreError
from diagnosis.ids import new_id
from diagnosis.phrases import Phrase
from diagnosis.store import tables
from diagnosis.store.database import ConflictError, Database, RecordNotFoundError
from diagnosis.times import as_utc, utc_now

ProposalDecision = Literal["taken", "dropped"]


@dataclass(frozen=True, slots=True)
class FrozenReview:
    """A review as it was finished; it never changes.

    Attributes
    ----------
    data_hash, content_hash : str
        SHA-256 of the records that it was made of, and of its own text.
    """

    id: str
    quarter: str
    data_hash: str
    content_hash: str
    content: Mapping[str, Any]
    note: str
    created_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True)
class SurveyAnswer:
    """What a caller answered: a rating of 1 to 5, and words if they wished."""

    incident: str
    rating: int
    comment: str
    language: str
    answered_at: datetime


class Reviews:
    """Frozen reviews by id."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def freeze(self, quarter: str, content: Mapping[str, Any], note: str, actor: str) -> FrozenReview:
        """Keep a review as it is now, and return it."""
        text = json.dumps(content, ensure_ascii=False, sort_keys=True)
        values = {
            "id": new_id(),
            "quarter": quarter,
            "data_hash": str(content["data_hash"]),
            "content_hash": hashlib.sha256(text.encode()).hexdigest(),
            "content": text,
            "note": note,
            "created_at": utc_now(),
            "created_by": actor,
        }
        with self.database.write() as connection:
            connection.execute(sa.insert(tables.reviews).values(values))
        return self.get(str(values["id"]))

    def get(self, review: str) -> FrozenReview:
        """Return a review as it was frozen.

        Raises
        ------
        RecordNotFoundError
            If there is none of that id.
        StoreError
            If its text is no longer what was frozen.
        """
        t = tables.reviews
        with self.database.read() as connection:
            row = connection.execute(sa.select(t).where(t.c.id == review)).one_or_none()
        if row is None:
            raise RecordNotFoundError(Phrase("no_review", {"id": review}))
        if hashlib.sha256(row.content.encode()).hexdigest() != row.content_hash:
            raise StoreError(Phrase("review_altered", {"id": review}))
        return _review(row)

    def all(self, quarter: str = "", limit: int = 100) -> list[FrozenReview]:
        """Return frozen reviews, of one quarter or all, the newest first."""
        t = tables.reviews
        statement = sa.select(t).order_by(t.c.id.desc()).limit(limit)
        if quarter:
            statement = statement.where(t.c.quarter == quarter)
        with self.database.read() as connection:
            return [_review(row) for row in connection.execute(statement)]

    def decide(self, quarter: str, proposal: str, decision: ProposalDecision, action: str | None, actor: str) -> None:
        """Keep what a person decided on a proposal.

        Raises
        ------
        ConflictError
            If somebody has decided on it before.
        """
        values = {
            "quarter": quarter,
            "proposal": proposal,
            "decision": decision,
            "action": action,
            "at": utc_now(),
            "by": actor,
        }
        if proposal in self.decisions(quarter):
            raise ConflictError(Phrase("proposal_decided", {"proposal": proposal, "quarter": quarter}))
        with self.database.write() as connection:  # the key keeps out whoever decides at the same moment
            connection.execute(sa.insert(tables.review_decisions).values(values))

    def decisions(self, quarter: str) -> dict[str, tuple[ProposalDecision, str | None]]:
        """Return the decisions on a quarter's proposals, each with the action that came of it."""
        t = tables.review_decisions
        with self.database.read() as connection:
            rows = connection.execute(sa.select(t).where(t.c.quarter == quarter)).all()
        return {row.proposal: (row.decision, row.action) for row in rows}


class SurveyAnswers:
    """Callers' answers, at most one an incident."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def add(self, incident: str, rating: int, comment: str, language: str) -> None:
        """Keep an answer.

        Raises
        ------
        ConflictError
            If this incident has been answered for.
        """
        values = {
            "incident": incident,
            "rating": rating,
            "comment": comment,
            "language": language,
            "answered_at": utc_now(),
        }
        if self.of(incident) is not None:
            raise ConflictError(Phrase("survey_answered", {"incident": incident}))
        with self.database.write() as connection:  # the key keeps out whoever answers at the same moment
            connection.execute(sa.insert(tables.survey_answers).values(values))

    def of(self, incident: str) -> SurveyAnswer | None:
        """Return the answer for one incident; None where there is none."""
        t = tables.survey_answers
        with self.database.read() as connection:
            row = connection.execute(sa.select(t).where(t.c.incident == incident)).one_or_none()
        return None if row is None else _answer(row)

    def all(self) -> list[SurveyAnswer]:
        """Return every answer, the oldest first."""
        t = tables.survey_answers
        with self.database.read() as connection:
            return [_answer(row) for row in connection.execute(sa.select(t).order_by(t.c.answered_at))]


def _review(row: sa.Row[Any]) -> FrozenReview:
    values = dict(row._mapping) | {"content": json.loads(row.content), "created_at": as_utc(row.created_at)}
    return FrozenReview(**values)


def _answer(row: sa.Row[Any]) -> SurveyAnswer:
    return SurveyAnswer(**dict(row._mapping) | {"answered_at": as_utc(row.answered_at)})
