"""`/v1/surges`: what is breaking now, and what people decide on it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query

from api.dependencies import Served
from api.http.cursors import Cursor, Limit, decode_number, next_of
from api.http.problems import problems
from api.http.security import MayGiveFeedback, MayRead
from api.surges.schemas import (
    AnswerIn,
    ContingencyList,
    ContingencyOut,
    State,
    SurgeDecisionIn,
    SurgeDetailOut,
    SurgePage,
)
from api.surges.service import cursor_of

router = APIRouter(prefix="/v1/surges", tags=["surges"])


@router.get("", response_model=SurgePage, responses=problems())
def list_surges(
    _principal: MayRead,
    service: Served,
    state: Annotated[State | None, Query(description="Only those in this state")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> SurgePage:
    """Return surges, the latest announced first."""
    surges = service.surges.page(limit, decode_number(cursor), state or "")
    return SurgePage(items=service.surges.summaries(surges), next=next_of(surges, limit, cursor_of))


@router.get("/contingency", response_model=ContingencyList, responses=problems())
def list_contingency(_principal: MayRead, service: Served) -> ContingencyList:
    """Return what to do and whom to call when a service fails, from the knowledge base."""
    return ContingencyList(items=[ContingencyOut(**asdict(page)) for page in service.surges.contingency_pages()])


@router.get("/{surge}", response_model=SurgeDetailOut, responses=problems(404))
def get_surge(surge: str, _principal: MayRead, service: Served) -> SurgeDetailOut:
    """Return one surge with its incidents, its course, changes before it and past surges like it."""
    return service.surges.get(surge)


@router.post("/{surge}/declare", response_model=SurgeDetailOut, responses=problems(404, 409))
def declare(surge: str, decision: SurgeDecisionIn, principal: MayGiveFeedback, service: Served) -> SurgeDetailOut:
    """Declare it a major incident; it lasts until a person ends it."""
    return service.surges.declare(principal.id, surge, decision.note)


@router.post("/{surge}/dismiss", response_model=SurgeDetailOut, responses=problems(404))
def dismiss(surge: str, decision: SurgeDecisionIn, principal: MayGiveFeedback, service: Served) -> SurgeDetailOut:
    """Say that it is none; the like of it has to be rarer to be announced again."""
    return service.surges.dismiss(principal.id, surge, decision.note)


@router.post("/{surge}/end", response_model=SurgeDetailOut, responses=problems(404, 409))
def end(surge: str, decision: SurgeDecisionIn, principal: MayGiveFeedback, service: Served) -> SurgeDetailOut:
    """Say that it is over, and what ended it."""
    return service.surges.end(principal.id, surge, decision.note)


@router.post("/{surge}/answer", response_model=SurgeDetailOut, responses=problems(404, 409))
def answer(surge: str, body: AnswerIn, principal: MayGiveFeedback, service: Served) -> SurgeDetailOut:
    """Tell all its incidents the same, those that join later too."""
    return service.surges.answer(principal.id, surge, body.answer)
