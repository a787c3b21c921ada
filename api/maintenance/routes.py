"""`/v1/maintenance`: planned work that is no surge."""

from __future__ import annotations

from fastapi import APIRouter, Response

from api.dependencies import Served
from api.http.problems import problems
from api.http.security import MayRead, MayWrite
from api.maintenance.schemas import WindowIn, WindowList, WindowOut
from diagnosis.store.monitoring import StoredWindow
from diagnosis.times import format_utc

router = APIRouter(prefix="/v1/maintenance", tags=["maintenance"])


@router.post("", response_model=WindowOut, status_code=201, responses=problems())
def add_window(window: WindowIn, principal: MayWrite, service: Served) -> WindowOut:
    """Enter a window; what it covers is no surge, from this moment."""
    return _out(service.maintenance.add(principal.id, window))


@router.get("", response_model=WindowList, responses=problems())
def list_windows(_principal: MayRead, service: Served) -> WindowList:
    """Return the windows that are not over, in order of their start."""
    return WindowList(items=[_out(window) for window in service.maintenance.since()])


@router.delete("/{window}", status_code=204, responses=problems(404))
def delete_window(window: str, principal: MayWrite, service: Served) -> Response:
    """Take a window away."""
    service.maintenance.delete(principal.id, window)
    return Response(status_code=204)


def _out(window: StoredWindow) -> WindowOut:
    return WindowOut(
        id=window.id,
        starts_at=format_utc(window.starts_at),
        ends_at=format_utc(window.ends_at),
        scope=dict(window.scope),
        note=window.note,
        created_at=format_utc(window.created_at) if window.created_at else "",
        created_by=window.created_by,
    )
