"""Subscriptions to events, and the calls that are owed to other systems: for administrators."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Literal

import httpx
from fastapi import APIRouter, Query, Request, Response

from api.dependencies import Served
from api.http.cursors import Cursor, Limit, decode, next_of
from api.http.fields import plain_time
from api.http.problems import problems
from api.http.security import MayAdminister
from api.outgoing.addresses import resolve
from api.webhooks.delivery import new_secret
from api.webhooks.schemas import (
    CallOut,
    CallPage,
    NewSubscriptionOut,
    SubscriptionIn,
    SubscriptionList,
    SubscriptionOut,
)
from diagnosis.errors import InputError
from diagnosis.store.outbox import OutgoingCall
from diagnosis.store.subscriptions import Subscription
from diagnosis.web import check_url

router = APIRouter(prefix="/v1", tags=["webhooks"])


@router.post("/subscriptions", response_model=NewSubscriptionOut, status_code=201, responses=problems())
def subscribe(
    subscription_in: SubscriptionIn, request: Request, principal: MayAdminister, service: Served
) -> NewSubscriptionOut:
    """Subscribe a URL to events; the secret that signs them is in this answer and nowhere else."""
    url = _checked(request, subscription_in.url)
    added = service.store.subscriptions.add(url, subscription_in.events, new_secret(), principal.id)
    service.audit.note(principal.id, "subscription.add", added.id, events=list(added.events))
    return NewSubscriptionOut(**_subscription_out(added).model_dump(), secret=added.secret)


@router.get("/subscriptions", response_model=SubscriptionList, responses=problems())
def list_subscriptions(_principal: MayAdminister, service: Served) -> SubscriptionList:
    """Return every subscription, oldest first."""
    return SubscriptionList(items=[_subscription_out(entry) for entry in service.store.subscriptions.all()])


@router.get("/subscriptions/{subscription}", response_model=SubscriptionOut, responses=problems(404))
def get_subscription(subscription: str, _principal: MayAdminister, service: Served) -> SubscriptionOut:
    """Return one subscription."""
    return _subscription_out(service.store.subscriptions.get(subscription))


@router.put("/subscriptions/{subscription}", response_model=SubscriptionOut, responses=problems(404))
def change_subscription(
    subscription: str, subscription_in: SubscriptionIn, request: Request, principal: MayAdminister, service: Served
) -> SubscriptionOut:
    """Change where and of what it is told, or switch it off and on."""
    url = _checked(request, subscription_in.url)
    changed = service.store.subscriptions.change(subscription, url, subscription_in.events, subscription_in.enabled)
    service.audit.note(
        principal.id, "subscription.change", subscription, events=list(changed.events), enabled=changed.enabled
    )
    return _subscription_out(changed)


@router.post("/subscriptions/{subscription}/secret", response_model=NewSubscriptionOut, responses=problems(404))
def rotate_secret(subscription: str, principal: MayAdminister, service: Served) -> NewSubscriptionOut:
    """Sign with a new secret; for 24 hours the present one signs beside it, so that nothing fails in between."""
    changed = service.store.subscriptions.rotate(subscription, new_secret())
    service.audit.note(principal.id, "subscription.rotate", subscription)
    return NewSubscriptionOut(**_subscription_out(changed).model_dump(), secret=changed.secret)


@router.delete("/subscriptions/{subscription}", status_code=204, responses=problems(404))
def unsubscribe(subscription: str, principal: MayAdminister, service: Served) -> Response:
    """Remove a subscription and what is still owed to it."""
    service.store.subscriptions.delete(subscription)
    service.audit.note(principal.id, "subscription.delete", subscription)
    return Response(status_code=204)


@router.get("/outbox", response_model=CallPage, responses=problems())
def list_calls(
    _principal: MayAdminister,
    service: Served,
    state: Annotated[Literal["waiting", "done", "dead"] | None, Query(description="dead: what was given up")] = None,
    destination: Annotated[str | None, Query(max_length=255, description="A subscription's id, or a system")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> CallPage:
    """Return calls to other systems, newest first: events and write-backs."""
    calls = service.store.outbox.page(limit, state, destination, decode(cursor))
    items = [_call_out(call) for call in calls]
    return CallPage(items=items, next=next_of(items, limit, lambda call: call.id))


@router.post("/outbox/{call}/again", response_model=CallOut, responses=problems(404))
def repeat_call(call: str, request: Request, principal: MayAdminister, service: Served) -> CallOut:
    """Try a call again that was given up."""
    repeated = service.store.outbox.again(call)
    service.audit.note(principal.id, "outbox.again", call)
    request.app.state.systems.courier.wake()
    return _call_out(repeated)


def _checked(request: Request, url: str) -> str:
    allow_private = request.app.state.settings.allow_private_addresses
    parsed = httpx.URL(check_url(url))
    if parsed.scheme != "https" and not allow_private:
        raise InputError(f"expected https, as events cross a network that is not ours; found {parsed.scheme}")
    try:
        resolve(parsed.host, parsed.port or 443, allow_private)
    except httpx.ConnectError as error:
        raise InputError(str(error)) from error
    return url


def _subscription_out(subscription: Subscription) -> SubscriptionOut:
    return SubscriptionOut(
        id=subscription.id,
        url=subscription.url,
        events=list(subscription.events),
        enabled=subscription.enabled,
        reason=subscription.reason,
        created_at=plain_time(subscription.created_at),
        created_by=subscription.created_by,
    )


def _call_out(call: OutgoingCall) -> CallOut:
    values = {name: value for name, value in asdict(call).items() if name != "key"}
    assert call.created_at is not None  # every stored call has both times
    assert call.due_at is not None
    return CallOut.model_validate(
        {**values, "created_at": plain_time(call.created_at), "due_at": plain_time(call.due_at)}
    )
