"""What the tools answer: less than the API does, as an agent pays for every word that it reads."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

TEXT = 400  # characters of a resolution or description


class PredictionFound(BaseModel):
    """What one target should be."""

    decision: str = Field(description="automatic (proven precision), suggested or abstained")
    value: str | None
    probability: float | None = Field(description="Calibrated")
    reason: str | None = Field(description="Why it is not automatic")
    alternatives: list[dict[str, Any]] = Field(description="Values and probabilities of the next classes")


class SuggestionFound(BaseModel):
    """Something to try."""

    id: str = Field(description="For give_feedback")
    source: str
    number: str
    title: str
    resolution: str
    score: float = Field(description="Only ranks")


class SimilarFound(BaseModel):
    """A past incident like this one."""

    number: str
    similarity: float = Field(description="Cosine")
    short_description: str
    resolution: str


class DiagnosisFound(BaseModel):
    """A diagnosis."""

    id: str = Field(description="For give_feedback; empty if nothing was stored")
    incident: str
    release: str
    language: str
    predictions: dict[str, PredictionFound]
    recurrence: list[dict[str, Any]] = Field(description="Probability that the fault comes back, by days")
    suggestions: list[SuggestionFound]
    similar_incidents: list[SimilarFound]
    warnings: list[str]


class HitFound(BaseModel):
    """An article or a past incident."""

    number: str
    score: float = Field(description="Only ranks")
    title: str
    excerpt: str = Field(description="The beginning of its resolution")


class SearchFound(BaseModel):
    """What was found, best first."""

    hits: list[HitFound]


class IncidentFound(BaseModel):
    """A stored incident, personal data masked, and the last diagnosis of it."""

    number: str
    fields: dict[str, Any]
    diagnosis: str | None = Field(description="Id of the last diagnosis")


class FeedbackTaken(BaseModel):
    """Feedback as it was stored; it binds every later diagnosis of that incident at once."""

    id: str
    diagnosis: str
    kind: str


def found(said: dict[str, Any], stored: bool, suggestions: int, similar: int, alternatives: int) -> DiagnosisFound:
    """Return the contract's diagnosis as the tool answers it."""
    predictions = {
        target: PredictionFound(**{**one, "alternatives": one["alternatives"][:alternatives]})
        for target, one in said["predictions"].items()
    }
    fixes = [{**one, "resolution": short(one["resolution"])} for one in said["suggestions"][:suggestions]]
    alike = [{**one, "resolution": short(one["resolution"])} for one in said["similar_incidents"][:similar]]
    return DiagnosisFound(
        id=said["id"] if stored else "", incident=said["incident"] if stored else "", release=said["release"],
        language=said["language"], predictions=predictions,
        recurrence=said["recurrence"]["horizons"] if said["recurrence"] else [],
        suggestions=[SuggestionFound(**one) for one in fixes],
        similar_incidents=[SimilarFound(**one) for one in alike],
        warnings=said["warnings"],
    )  # fmt: skip


def short(text: str) -> str:
    """Return text cut to `TEXT` characters."""
    return text if len(text) <= TEXT else text[: TEXT - 1].rstrip() + "…"
