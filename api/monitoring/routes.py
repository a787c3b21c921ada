"""How the release in service fares, and the release that answers unseen beside it."""

from __future__ import annotations

from fastapi import APIRouter

from api.dependencies import Served
from api.http.problems import problems
from api.http.security import MayAdminister, MayDiagnose
from api.monitoring.schemas import QualityOut, ShadowIn, ShadowOut

router = APIRouter(prefix="/v1", tags=["live"])


@router.get("/quality", response_model=QualityOut, responses=problems(503))
def get_quality(_principal: MayDiagnose, service: Served) -> QualityOut:
    """Return how the first answers of the release in service fared, what has drifted, and what was revoked."""
    return QualityOut.model_validate(service.monitoring.report().to_dict())


@router.get("/shadow", response_model=ShadowOut, responses=problems(409))
def get_shadow(_principal: MayDiagnose, service: Served) -> ShadowOut:
    """Return how the release in shadow compares with the one in service on the same incidents, so far."""
    return service.monitoring.compare_shadow()


@router.put("/shadow", response_model=ShadowOut, responses=problems(404, 409))
def set_shadow(body: ShadowIn, principal: MayAdminister, service: Served) -> ShadowOut:
    """Let a release answer unseen beside the one in service; every replica follows within seconds."""
    return service.monitoring.set_shadow(principal.id, body.release)


@router.delete("/shadow", response_model=ShadowOut, responses=problems(409))
def end_shadow(principal: MayAdminister, service: Served) -> ShadowOut:
    """End the shadow; what it answered stays in the store."""
    return service.monitoring.end_shadow(principal.id)
