"""The chronic faults that are worth most to prevent."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.dependencies import Served
from api.http.fields import Time
from api.http.problems import problems as problem_responses
from api.http.security import MayDiagnose
from api.problems.schemas import ProblemsOut

router = APIRouter(prefix="/v1/problems", tags=["problems"])


@router.get("", response_model=ProblemsOut, responses=problem_responses())
def problems(
    _principal: MayDiagnose,
    service: Served,
    signature: Annotated[
        str,
        Query(max_length=500, description="Fields, with commas; by default the release's", examples=["cmdb_ci,text"]),
    ] = "",
    horizon: Annotated[int, Query(ge=1, le=730, description="Days that are forecast")] = 90,
    top: Annotated[int, Query(ge=1, le=1000, description="How many are listed")] = 20,
    as_of: Annotated[Time, Query(description="When it is looked at; by default the latest time there is")] = None,
) -> ProblemsOut:
    """Return the chronic faults, those with the most hours that a fix would spare first."""
    fields = [name.strip() for name in signature.split(",")] if signature else []
    return service.problems.problems(fields, horizon, top, as_of)
