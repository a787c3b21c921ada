"""Health and metrics."""

from __future__ import annotations

from fastapi import APIRouter, Response

from api.dependencies import Served
from api.errors import ProblemResponse, kind_of, problem, retry_after_header
from api.health.schemas import LiveOut, ReadyOut
from diagnosis.errors import FaultwiseError

router = APIRouter(tags=["health"])


@router.get("/health/live", response_model=LiveOut)
async def live() -> LiveOut:
    """Answer whether the process is alive; it is to be restarted if not."""
    return LiveOut(status="live")


@router.get("/health/ready", response_model=ReadyOut, responses={503: {"description": "Not ready, and why"}})
def ready(service: Served) -> ReadyOut | Response:
    """Answer whether a diagnosis would be given and stored now."""
    try:
        release = service.health.ready()
    except FaultwiseError as error:
        kind = kind_of(error)
        return ProblemResponse(problem(kind, kind.title), 503, retry_after_header())
    return ReadyOut(status="ready", release=release)


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics(service: Served) -> Response:
    """Return what Prometheus reads."""
    return Response(service.health.metrics(), media_type="text/plain; version=0.0.4; charset=utf-8")
