"""`/v1/service-levels`: what is late, what is at risk, and what to take first."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.dependencies import Served
from api.http.problems import problems
from api.http.security import MayRead
from api.service_levels.schemas import ServiceLevelsOut, Standing

router = APIRouter(prefix="/v1/service-levels", tags=["service levels"])


@router.get("", response_model=ServiceLevelsOut, responses=problems())
def list_service_levels(
    _principal: MayRead,
    service: Served,
    standing: Annotated[list[Standing] | None, Query(description="Default: at_risk and missed")] = None,
    assignment_group: Annotated[str, Query(description="Only those of this group", max_length=255)] = "",
    limit: Annotated[int, Query(ge=1, le=5000)] = 200,
) -> ServiceLevelsOut:
    """Return clocks of open incidents, those that can still be saved first."""
    return service.service_levels.listed(standing or ["at_risk", "missed"], assignment_group, limit)
