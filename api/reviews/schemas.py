"""Reviews as they come and as they are shown."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints

from api.actions.schemas import KeyFigure
from api.http.fields import Out, Strict, Word

QuarterName = Annotated[str, StringConstraints(pattern=r"^\d{4}Q[1-4]$")]
Language = Literal["en", "zh"]


_EXAMPLE: dict[str, Any] = {"quarter": "2026Q3", "note": "Agreed with the business on 12 October"}


class FreezeIn(Strict):
    """Which quarter's review is finished."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    quarter: QuarterName = Field(description="A quarter that is over", examples=["2026Q3"])
    note: Annotated[Word, StringConstraints(max_length=2000)] = Field("", description="What is to be remembered of it")


class ReviewProposalIn(Strict):
    """How a proposal becomes an action; what is left out stays as proposed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"owner": "Network Operations", "due": "2026-12-31"}]})

    title: Annotated[Word, StringConstraints(max_length=500, strip_whitespace=True)] = Field(
        "", description="What is to be done; empty for the proposal's own words"
    )
    owner: Annotated[Word, StringConstraints(max_length=255, strip_whitespace=True)] = Field(
        "", description="Who has it"
    )
    due: date | None = Field(None, description="Until when; by default the end of the next quarter")
    measure: KeyFigure = Field("", description="Key figure by which it is judged; empty for the proposal's own")
    language: Language = Field("en", description="Of the title, where it is left out")


class ProgrammeIn(Strict):
    """From when the programme's timetable begins."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"quarter": "2027Q1", "language": "en"}]})

    quarter: QuarterName = Field(description="The first of its four quarters", examples=["2027Q1"])
    language: Language = Field("en", description="Of titles and owners")


class ReviewSummaryOut(Out):
    """A finished review, without its content."""

    id: str = Field(description="ULID", examples=["01KAP5YQ7H0T9GQ4M6W3Z2X1CV"])
    quarter: str = Field(description="Its quarter", examples=["2026Q3"])
    data_hash: str = Field(description="SHA-256 of the records that it was made of", examples=["9f86d081884c7d65…"])
    content_hash: str = Field(description="SHA-256 of its own text, checked when it is opened", examples=["60303ae2…"])
    note: str = Field(description="What is to be remembered of it", examples=[_EXAMPLE["note"]])
    created_at: str = Field(description="When it was finished", examples=["2026-10-12T08:00:00Z"])
    created_by: str = Field(description="Who finished it", examples=["key:01KAP5YQ7H0T9GQ4M6W3Z2X1CV"])


class ReviewsOut(Out):
    """Finished reviews, the newest first."""

    items: list[ReviewSummaryOut] = Field(description="The newest first")


class ReviewOut(Out):
    """A review: a draft as it stands now, or one that was finished."""

    id: str | None = Field(description="Of a finished review; null for a draft", examples=[None])
    quarter: str = Field(description="Its quarter", examples=["2026Q3"])
    complete: bool = Field(description="Whether the quarter was over when the records were known")
    data_hash: str = Field(description="SHA-256 of the records", examples=["9f86d081884c7d65…"])
    summary: list[str] = Field(
        description="Sentences that a manager would sign", examples=[["Missed: Recurrence 27 % (22 to 33 %; …)."]]
    )
    measures: list[dict[str, Any]] = Field(
        description="Key figures, each with value, interval, n, target, verdict, previous, and what moved it",
        examples=[[{"name": "recurrence", "value": 0.11, "interval": [0.09, 0.13], "n": 812, "target": 0.05}]],
    )
    problems: list[dict[str, Any]] = Field(description="Chronic faults worth most to prevent", examples=[[]])
    voice: dict[str, Any] = Field(description="Channels compared, complaints and low ratings by topic", examples=[{}])
    needs: list[dict[str, Any]] = Field(description="Training needs by team and topic", examples=[[]])
    proposals: list[dict[str, Any]] = Field(
        description="Proposed actions with evidence and expected effect; `decision` is taken, dropped or null",
        examples=[[{"id": "2026Q3-5d41402abc4b", "code": "prevent", "decision": None}]],
    )
    actions: list[dict[str, Any]] = Field(
        description="Actions as they stand",
        examples=[[{"id": "01KAP5YQ7H0T9GQ4M6W3Z2X1CV", "title": "…", "owner": "", "due": None, "status": "open"}]],
    )
    outcomes: list[dict[str, Any]] = Field(description="What earlier actions achieved", examples=[[]])
    content: dict[str, Any] = Field(description="Everything that page, document and table show", examples=[{}])
