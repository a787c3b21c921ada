"""`/v1/reviews`: the quarter's review, as it stands or as it was finished, and what becomes of its proposals."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Response

from api.actions.schemas import ActionOut, action_out
from api.dependencies import Served
from api.http.problems import problems
from api.http.security import MayRead, MayWrite
from api.reviews.report import report_response
from api.reviews.schemas import (
    FreezeIn,
    Language,
    ProgrammeIn,
    QuarterName,
    ReviewOut,
    ReviewProposalIn,
    ReviewsOut,
    ReviewSummaryOut,
)
from diagnosis.review import Words, summary
from diagnosis.store.reviews import FrozenReview
from diagnosis.times import format_utc

router = APIRouter(prefix="/v1/reviews", tags=["reviews"])
Kind = Literal["html", "docx", "csv"]


@router.get("", response_model=ReviewsOut, responses=problems())
def list_reviews(
    _principal: MayRead, service: Served, quarter: Annotated[QuarterName | None, Query(description="Only its")] = None
) -> ReviewsOut:
    """Return finished reviews, the newest first."""
    return ReviewsOut(items=[_summary(review) for review in service.reviews.all(quarter or "")])


@router.get("/draft", response_model=ReviewOut, responses=problems())
def draft(
    _principal: MayRead,
    service: Served,
    quarter: Annotated[
        QuarterName | None, Query(description="By default the last complete one", examples=["2026Q3"])
    ] = None,
    language: Annotated[Language, Query(description="Of the summary")] = "en",
) -> ReviewOut:
    """Return the review of a quarter as it stands now; nothing is kept of it."""
    return _out(None, service.reviews.draft(quarter or ""), language)


@router.post("", response_model=ReviewSummaryOut, status_code=201, responses=problems())
def freeze(body: FreezeIn, principal: MayWrite, service: Served) -> ReviewSummaryOut:
    """Finish the review of a quarter: it is kept as it is now and never changes."""
    return _summary(service.reviews.freeze(principal.id, body.quarter, body.note))


@router.post("/programme", response_model=list[ActionOut], status_code=201, responses=problems(409))
def start_programme(body: ProgrammeIn, principal: MayWrite, service: Served) -> list[ActionOut]:
    """Take the programme's timetable of four quarters as actions."""
    return [action_out(action) for action in service.reviews.start_programme(principal.id, body.quarter, body.language)]


@router.post("/{quarter}/proposals/{proposal}", response_model=ActionOut, status_code=201, responses=problems(404, 409))
def take(
    quarter: Annotated[QuarterName, Path(description="Of the review")],
    proposal: str,
    body: ReviewProposalIn,
    principal: MayWrite,
    service: Served,
) -> ActionOut:
    """Make an action of a proposal, as a person edited it."""
    return action_out(service.reviews.take(principal.id, quarter, proposal, body))


@router.delete("/{quarter}/proposals/{proposal}", status_code=204, responses=problems(404, 409))
def drop(
    quarter: Annotated[QuarterName, Path(description="Of the review")],
    proposal: str,
    principal: MayWrite,
    service: Served,
) -> None:
    """Drop a proposal."""
    service.reviews.drop(principal.id, quarter, proposal)


@router.get("/{review}", response_model=ReviewOut, responses=problems(404))
def get(
    review: str,
    _principal: MayRead,
    service: Served,
    language: Annotated[Language, Query(description="Of the summary")] = "en",
) -> ReviewOut:
    """Return a finished review, unchanged."""
    frozen = service.reviews.get(review)
    return _out(frozen.id, dict(frozen.content), language)


@router.get("/{review}/report", response_class=Response, responses=problems(404))
def report(
    review: Annotated[str, Path(description="Id of a finished review, or a quarter such as 2026Q3 for its draft")],
    _principal: MayRead,
    service: Served,
    kind: Annotated[Kind, Query(description="A page, a Word document or a table")] = "html",
    language: Annotated[Language, Query(description="Of the report")] = "en",
) -> Response:
    """Return a review as a page that stands alone, as a Word document or as a table."""
    return report_response(service.reviews.report(review, kind, language), review, kind)


def _summary(review: FrozenReview) -> ReviewSummaryOut:
    names = ("id", "quarter", "data_hash", "content_hash", "note", "created_by")
    values = {name: getattr(review, name) for name in names}
    return ReviewSummaryOut(**values, created_at=format_utc(review.created_at, timespec="seconds"))


def _out(review: str | None, content: dict[str, object], language: str) -> ReviewOut:
    names = ("quarter", "complete", "data_hash", "measures", "problems", "voice", "needs", "proposals", "actions")
    values = {name: content[name] for name in (*names, "outcomes")}
    return ReviewOut.model_validate(
        {**values, "id": review, "content": content, "summary": summary(content, Words(language))}
    )
