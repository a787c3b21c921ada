"""`/v1/workload`: what each group will get and close, and what becomes of its backlog."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.dependencies import Served
from api.http.problems import problems
from api.http.security import MayRead
from api.workload.schemas import WorkloadForecastOut
from diagnosis.workload.report import HORIZON, LONGEST

router = APIRouter(prefix="/v1/workload", tags=["service levels"])


@router.get("", response_model=WorkloadForecastOut, responses=problems(422))
def workload(
    _principal: MayRead,
    service: Served,
    horizon: Annotated[int, Query(ge=1, le=LONGEST, description="Days ahead")] = HORIZON,
    assignment_group: Annotated[str, Query(description="Only this group", max_length=255)] = "",
) -> WorkloadForecastOut:
    """Return the forecast of the desk and its groups, by day and week, each number with its 80 % interval."""
    content = service.workload.forecast(horizon).to_dict()
    if assignment_group:
        content["groups"] = [g for g in content["groups"] if g["assignment_group"] == assignment_group]
    return WorkloadForecastOut.model_validate(content)
