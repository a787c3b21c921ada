"""How the release in service fares, and the release that answers unseen beside it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Depends, Request

from api.dependencies import Served
from api.http.problems import problems
from api.http.security import MayAdminister, MayDiagnose
from api.monitoring.background import Monitoring
from api.monitoring.schemas import QualityOut, ShadowIn, ShadowOut, ShadowTargetOut
from api.service import Service
from diagnosis.monitoring.shadow import compare_shadow
from diagnosis.store.database import RecordNotFoundError

router = APIRouter(prefix="/v1", tags=["live"])


def monitoring_of(request: Request) -> Monitoring:
    """Return what runs beside the answers of this app."""
    monitoring: Monitoring = request.app.state.monitoring
    return monitoring


Watched = Annotated[Monitoring, Depends(monitoring_of)]


@router.get("/quality", response_model=QualityOut, responses=problems(503))
def get_quality(_principal: MayDiagnose, monitoring: Watched) -> QualityOut:
    """Return how the first answers of the release in service fared, what has drifted, and what was revoked."""
    return QualityOut.model_validate(monitoring.watch.report().to_dict())


@router.get("/shadow", response_model=ShadowOut, responses=problems(409))
def get_shadow(_principal: MayDiagnose, service: Served, monitoring: Watched) -> ShadowOut:
    """Return how the release in shadow compares with the one in service on the same incidents, so far."""
    return _shadow_out(service, monitoring)


@router.put("/shadow", response_model=ShadowOut, responses=problems(404, 409))
def set_shadow(body: ShadowIn, principal: MayAdminister, service: Served, monitoring: Watched) -> ShadowOut:
    """Let a release answer unseen beside the one in service; every replica follows within seconds."""
    releases = service.serving.releases
    if body.release not in [summary.release for summary in releases.summaries()]:
        raise RecordNotFoundError(f"no release {body.release!r}")
    releases.set_shadow(body.release)
    service.audit.note(principal.id, "shadow.set", body.release)
    return _shadow_out(service, monitoring)


@router.delete("/shadow", response_model=ShadowOut, responses=problems(409))
def end_shadow(principal: MayAdminister, service: Served, monitoring: Watched) -> ShadowOut:
    """End the shadow; what it answered stays in the store."""
    releases = service.serving.releases
    previous = releases.shadow()
    releases.set_shadow(None)
    service.audit.note(principal.id, "shadow.end", previous or "")
    return _shadow_out(service, monitoring)


def _shadow_out(service: Service, monitoring: Monitoring) -> ShadowOut:
    release = service.serving.releases.shadow()
    loaded = monitoring.shadow.diagnoser
    answering = loaded is not None and loaded.release == release
    pairs = service.store.observations.pairs(release) if release is not None else []
    published = service.serving.current.diagnoser.parts.routers
    shadow = loaded.parts.routers if loaded is not None and answering else {}
    return ShadowOut(
        release=release,
        answering=answering,
        error=monitoring.shadow.error if release is not None else "",
        incidents=len({answer.incident for answer, _ in pairs}),
        targets=[ShadowTargetOut.model_validate(asdict(target)) for target in compare_shadow(pairs, published, shadow)],
    )
