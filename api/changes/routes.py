"""`/v1/changes`: what was changed, and whether incidents follow."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Response
from fastapi.responses import JSONResponse
from pydantic import WithJsonSchema

from api.changes.schemas import EXAMPLE, ChangeEffectOut, ChangeIn, ChangeOut, ChangePage, ChangeResults
from api.changes.service import change_out
from api.dependencies import Served
from api.http.cursors import Cursor, Limit, decode, next_of
from api.http.problems import problems
from api.http.rows import results_of, rows_of
from api.http.security import MayRead, MayWrite

router = APIRouter(prefix="/v1/changes", tags=["changes"])

_ITEM = ChangeIn.model_json_schema()
Changes = Annotated[
    Any, WithJsonSchema({"anyOf": [_ITEM, {"type": "array", "items": _ITEM, "minItems": 1, "maxItems": 1000}]})
]
_CHANGES: Any = Body(examples=[EXAMPLE, [EXAMPLE]])


@router.post("", response_model=ChangeResults, responses=problems())
def put_changes(principal: MayWrite, service: Served, body: Changes = _CHANGES) -> Response:
    """Insert or replace one change or up to 1,000; in a list each row answers for itself."""
    rows = rows_of(ChangeIn, body)
    service.changes.upsert(principal.id, [row for row in rows if isinstance(row, ChangeIn)])
    return JSONResponse(results_of(rows, lambda row: row.number))


@router.get("", response_model=ChangePage, responses=problems())
def list_changes(_principal: MayRead, service: Served, limit: Limit = 50, cursor: Cursor = None) -> ChangePage:
    """Return changes in order of number."""
    changes = service.changes.page(limit, decode(cursor))
    return ChangePage(
        items=[change_out(change) for change in changes], next=next_of(changes, limit, lambda item: item.number)
    )


@router.get("/effect", response_model=ChangeEffectOut, responses=problems())
def effect(
    _principal: MayRead,
    service: Served,
    cmdb_ci: Annotated[str, Query(max_length=255, description="Configuration item", examples=["vpn-gw-2"])] = "",
    of_service: Annotated[str, Query(alias="service", max_length=255, description="Service, in place of an item")] = "",
    days: Annotated[int, Query(ge=1, le=3650, description="Days that are looked at, up to now")] = 365,
) -> ChangeEffectOut:
    """Return how much more often incidents follow a change of an item or service than they come otherwise."""
    return service.changes.effect(cmdb_ci, of_service, days)


@router.get("/{number:path}", response_model=ChangeOut, responses=problems(404))
def get_change(number: str, _principal: MayRead, service: Served) -> ChangeOut:
    """Return one change."""
    return change_out(service.changes.get(number))


@router.delete("/{number:path}", status_code=204, responses=problems(404))
def delete_change(number: str, principal: MayWrite, service: Served) -> Response:
    """Delete one change."""
    service.changes.delete(principal.id, number)
    return Response(status_code=204)
