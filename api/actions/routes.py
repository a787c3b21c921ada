"""`/v1/actions`: what is to be done about problems, missed targets and gaps."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.actions.schemas import ActionChange, ActionIn, ActionOut, ActionPage, ActionRecordIn, action_out
from api.actions.service import ActionService
from api.dependencies import Served
from api.http.cursors import Cursor, Limit, decode, next_of
from api.http.problems import problems
from api.http.security import MayRead, MayWrite
from diagnosis.actions import Action, ActionSource, ActionStatus

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
        items=[_with_record(action, service.actions) for action in actions],
        next=next_of(actions, limit, lambda item: item.id),
    )


@router.get("/{action}", response_model=ActionOut, responses=problems(404))
def get_action(action: str, _principal: MayRead, service: Served) -> ActionOut:
    """Return one action."""
    return _with_record(service.actions.get(action), service.actions)


@router.patch("/{action}", response_model=ActionOut, responses=problems(404))
def change_action(action: str, changes: ActionChange, principal: MayWrite, service: Served) -> ActionOut:
    """Change the fields that are sent; the others stay."""
    service.problems.check_date(action, changes)
    return _with_record(service.actions.change(principal.id, action, changes), service.actions)


@router.post("/{action}/record", response_model=ActionOut, status_code=201, responses=problems(404, 409))
def write_record(action: str, record: ActionRecordIn, principal: MayWrite, service: Served) -> ActionOut:
    """Have a connected system make a record of an open action; its number follows once the system has answered."""
    return _with_record(
        service.actions.write_record(principal.id, action, record.system, record.language), service.actions
    )


def _with_record(action: Action, actions: ActionService) -> ActionOut:
    return action_out(action, actions.external_record(action))
