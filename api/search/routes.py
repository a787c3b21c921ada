"""Search alone, over knowledge or past incidents."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from api.dependencies import Served
from api.http.problems import problems
from api.http.security import MayDiagnose
from api.search.schemas import HitOut, SearchOut

router = APIRouter(tags=["search"])


@router.get("/v1/search", response_model=SearchOut, responses=problems())
def search(
    _principal: MayDiagnose,
    service: Served,
    q: Annotated[str, Query(min_length=1, max_length=10_000, description="What to look for, in any words")],
    corpus: Annotated[Literal["knowledge", "incidents"], Query(alias="in", description="Where to look")] = "knowledge",
    k: Annotated[int, Query(ge=1, le=100, description="How many to return")] = 10,
) -> SearchOut:
    """Find the articles or past incidents that are nearest to the words."""
    answer = service.search.answer(q, corpus, k)
    hits = [HitOut(number=hit.number, score=hit.score, expired=hit.number in answer.expired) for hit in answer.hits]
    return SearchOut(query=q, hits=hits, covered=answer.covered)
