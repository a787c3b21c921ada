"""Subscriptions to events, and the calls that are owed to other systems: for administrators."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.dependencies import Served
from api.http.cursors import Cursor, Limit, decode, next_of
from api.http.problems import problems
from api.http.security import MayAdminister
from api.webhooks.schemas import (
    CallOut,
    CallPage,
    NewSubscriptionOut,
    SubscriptionIn,
    SubscriptionList,
    SubscriptionOut,
)
from api.webhooks.service import CallState
from diagnosis.store.outbox import OutgoingCall
from diagnosis.store.subscriptions import Subscription
from diagnosis.times import format_utc

router = APIRouter(prefix="/v1", tags=["webhooks"])


@router.post("/subscriptions", response_model=NewSubscriptionOut, status_code=201, responses=problems())
def subscribe(subscription_in: SubscriptionIn, principal: MayAdminister, service: Served) -> NewSubscriptionOut:
    """Subscribe a program, a group chat or an address of mail to events.

    The secret that signs a webhook's events is in this answer and nowhere else.
    """
    added = service.webhooks.subscribe(
        principal.id,
        subscription_in.url,
        subscription_in.events,
        message_format=subscription_in.format,
        language=subscription_in.language,
        secret=subscription_in.secret.get_secret_value(),
    )
    shown = added.secret if added.format == "webhook" else ""  # a robot's is known to who gave it
    return NewSubscriptionOut(**_subscription_out(added).model_dump(), secret=shown)


@router.get("/subscriptions", response_model=SubscriptionList, responses=problems())
def list_subscriptions(_principal: MayAdminister, service: Served) -> SubscriptionList:
    """Return every subscription, oldest first."""
    return SubscriptionList(items=[_subscription_out(entry) for entry in service.webhooks.subscriptions()])


@router.get("/subscriptions/{subscription}", response_model=SubscriptionOut, responses=problems(404))
def get_subscription(subscription: str, _principal: MayAdminister, service: Served) -> SubscriptionOut:
    """Return one subscription."""
    return _subscription_out(service.webhooks.get(subscription))


@router.put("/subscriptions/{subscription}", response_model=SubscriptionOut, responses=problems(404))
def change_subscription(
    subscription: str, subscription_in: SubscriptionIn, principal: MayAdminister, service: Served
) -> SubscriptionOut:
    """Change where and of what it is told, or switch it off and on."""
    changed = service.webhooks.change(
        principal.id, subscription, subscription_in.url, subscription_in.events, enabled=subscription_in.enabled
    )
    return _subscription_out(changed)


@router.post("/subscriptions/{subscription}/secret", response_model=NewSubscriptionOut, responses=problems(404))
def rotate_secret(subscription: str, principal: MayAdminister, service: Served) -> NewSubscriptionOut:
    """Sign with a new secret; for 24 hours the present one signs beside it, so that nothing fails in between."""
    changed = service.webhooks.rotate_secret(principal.id, subscription)
    return NewSubscriptionOut(**_subscription_out(changed).model_dump(), secret=changed.secret)


@router.delete("/subscriptions/{subscription}", status_code=204, responses=problems(404))
def unsubscribe(subscription: str, principal: MayAdminister, service: Served) -> Response:
    """Remove a subscription and what is still owed to it."""
    service.webhooks.unsubscribe(principal.id, subscription)
    return Response(status_code=204)


@router.get("/outbox", response_model=CallPage, responses=problems())
def list_calls(
    _principal: MayAdminister,
    service: Served,
    state: Annotated[CallState | None, Query(description="dead: what was given up")] = None,
    destination: Annotated[str | None, Query(max_length=255, description="A subscription's id, or a system")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> CallPage:
    """Return calls to other systems, newest first: events and write-backs."""
    items = [_call_out(call) for call in service.webhooks.calls(limit, state, destination, decode(cursor))]
    return CallPage(items=items, next=next_of(items, limit, lambda call: call.id))


@router.post("/outbox/{call}/again", response_model=CallOut, responses=problems(404))
def repeat_call(call: str, principal: MayAdminister, service: Served) -> CallOut:
    """Try a call again that was given up."""
    return _call_out(service.webhooks.repeat_call(principal.id, call))


def _subscription_out(subscription: Subscription) -> SubscriptionOut:
    return SubscriptionOut(
        id=subscription.id,
        url=subscription.url,
        events=list(subscription.events),
        format=subscription.format,
        language=subscription.language,
        enabled=subscription.enabled,
        reason=subscription.reason,
        created_at=format_utc(subscription.created_at),
        created_by=subscription.created_by,
    )


def _call_out(call: OutgoingCall) -> CallOut:
    values = {name: value for name, value in asdict(call).items() if name not in {"key", "trace"}}
    assert call.created_at is not None  # every stored call has both times
    assert call.due_at is not None
    return CallOut.model_validate(
        {**values, "created_at": format_utc(call.created_at), "due_at": format_utc(call.due_at)}
    )
