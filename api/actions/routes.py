"""`/v1/actions`: what is to be done about problems, missed targets and gaps."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.actions.schemas import ActionChange, ActionIn, ActionOut, ActionPage, action_out
from api.dependencies import Served
from api.http.cursors import Cursor, Limit, decode, next_of
from api.http.problems import problems
from api.http.security import MayRead, MayWrite
from diagnosis.actions import ActionSource, ActionStatus

router = APIRouter(prefix="/v1/actions", tags=["actions"])


@router.post("", response_model=ActionOut, status_code=201, responses=problems())
def add_action(action: ActionIn, principal: MayWrite, service: Served) -> ActionOut:
    """Store a new action."""
    return action_out(service.actions.add(principal.id, action))


@router.get("", response_model=ActionPage, responses=problems())
def list_actions(
    _principal: MayRead,
    service: Served,
    source_kind: Annotated[ActionSource | None, Query(description="What asks for it")] = None,
    source: Annotated[str, Query(max_length=255, description="Its id")] = "",
    status: Annotated[ActionStatus | None, Query(description="How far it is")] = None,
    owner: Annotated[str, Query(max_length=255, description="Who has it")] = "",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> ActionPage:
    """Return actions, the newest first."""
    filters = {"source_kind": source_kind or "", "source": source, "status": status or "", "owner": owner}
    actions = service.actions.page(limit, decode(cursor), **filters)
    return ActionPage(
        items=[action_out(action) for action in actions], next=next_of(actions, limit, lambda item: item.id)
    )


@router.get("/{action}", response_model=ActionOut, responses=problems(404))
def get_action(action: str, _principal: MayRead, service: Served) -> ActionOut:
    """Return one action."""
    return action_out(service.actions.get(action))


@router.patch("/{action}", response_model=ActionOut, responses=problems(404))
def change_action(action: str, changes: ActionChange, principal: MayWrite, service: Served) -> ActionOut:
    """Change the fields that are sent; the others stay."""
    service.problems.check_date(action, changes)
    return action_out(service.actions.change(principal.id, action, changes))
