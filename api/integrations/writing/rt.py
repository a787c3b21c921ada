"""Request Tracker (REST2): an internal comment, and queue and custom fields where they are certified.

A ticket's ETag is its last transaction, so that a change which somebody makes meanwhile refuses ours (412): it is then
read again. RT answers 200 to values that it does not take, so what was written is looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from api.integrations.settings import RequestTracker
from api.integrations.writing.order import Order, call
from api.outgoing.courier import GivenUpError

_REST = "/REST/2.0"
_SUBJECT = "Faultwise"
_TRIES = 3  # a ticket that changes at each of them is tried again later
_MOST = 100


def write(client: httpx.Client, settings: RequestTracker, order: Order) -> None:
    """Carry out one order.

    Raises
    ------
    GivenUpError
        If the record is no id of a ticket.
    """
    if not order.record.isascii() or not order.record.isdigit():
        raise GivenUpError(f"expected the id of a ticket; found {order.record[:40]!r}")
    history = _history(client, order)
    if not any(str(entry.get("Data") or "").strip().endswith(order.marker) for entry in history):
        comment = {"Subject": f"{_SUBJECT} {order.marker}", "Content": order.note, "ContentType": "text/plain"}
        call(client, "POST", f"{_REST}/ticket/{order.path}/comment", json=comment)
    if not order.values:
        return
    was_moved = any(entry["Type"] == "Set" and entry["Field"] == "Queue" for entry in history)
    for _ in range(_TRIES):
        if _set(client, settings, order, was_moved):
            return
    raise httpx.RemoteProtocolError(f"ticket {order.record} was changed {_TRIES} times while it was written")


def _history(client: httpx.Client, order: Order) -> list[dict[str, Any]]:
    """Return the comments of a ticket and its moves between queues, in order of time."""
    entries: list[dict[str, Any]] = []
    last = 0
    while True:
        query = (
            f"ObjectType = 'RT::Ticket' AND ObjectId = {int(order.record)} AND id > {last}"
            " AND (Type = 'Comment' OR Type = 'Set')"
        )
        parameters = {
            "query": query,
            "orderby": "id",
            "order": "ASC",
            "per_page": str(_MOST),
            "fields": "Type,Field,Data",
        }
        items = call(client, "GET", f"{_REST}/transactions", params=parameters)["items"]
        if not items:
            return entries
        entries += items
        last = max(int(item["id"]) for item in items)


def _set(client: httpx.Client, settings: RequestTracker, order: Order, was_moved: bool) -> bool:
    """Write the values that nobody decided meanwhile; return False if the ticket changed while we looked at it."""
    path = f"{_REST}/ticket/{order.path}"
    answer = client.get(path, params={"fields[Queue]": "Name"})
    ticket = _content(answer)
    if str(ticket["id"]) != order.record:
        raise GivenUpError(f"ticket {order.record} was merged into {ticket['id']}")
    changes = _changes(ticket, settings, order, was_moved)
    if not changes:
        return True
    etag = answer.headers.get("ETag")
    answer = client.put(path, json=changes, headers={"If-Match": etag} if etag else {})
    if answer.status_code == httpx.codes.PRECONDITION_FAILED:
        return False
    messages = _content(answer)
    ticket = call(client, "GET", path, params={"fields[Queue]": "Name"})
    refused = [name for name, value in _flat(changes).items() if _values(ticket).get(name) != value]
    if refused:
        raise GivenUpError(f"RT did not take {', '.join(refused)}: {'; '.join(map(str, messages))[:300]}")
    return True


def _changes(ticket: Mapping[str, Any], settings: RequestTracker, order: Order, was_moved: bool) -> dict[str, Any]:
    """Return what may be written: fields that are as they were, and the queue if nobody moved or took the ticket."""
    current = _values(ticket)
    own = {ours: _bare(name) for name, ours in settings.fields.items()}
    changes: dict[str, Any] = {}
    for target, value in order.values.items():
        if target == "assignment_group":
            if not was_moved and current["Owner"] == "Nobody" and current["Queue"] == order.previous[target]:
                changes["Queue"] = value
        elif current.get(own.get(target, ""), value) == order.previous[target]:
            changes.setdefault("CustomFields", {})[own[target]] = value
    return changes


def _flat(changes: Mapping[str, Any]) -> dict[str, str]:
    return {name: value for name, value in changes.items() if name != "CustomFields"} | dict(
        changes.get("CustomFields", {})
    )


def _values(ticket: Mapping[str, Any]) -> dict[str, str]:
    """Return queue, owner and custom fields of a ticket; an empty one is ``""``."""
    fields = ticket.get("CustomFields") or []
    values = {str(field["name"]): str((field.get("values") or [""])[0]) for field in fields}
    queue = ticket["Queue"]
    return values | {"Queue": str(queue.get("Name") or queue["id"]), "Owner": str(ticket["Owner"]["id"])}


def _bare(name: str) -> str:
    return name.removeprefix("CF.{").removesuffix("}") if name.startswith("CF.{") else name


def _content(answer: httpx.Response) -> Any:  # noqa: ANN401 - any JSON value
    if answer.status_code in (400, 404, 405, 410, 415, 422):
        raise GivenUpError(f"{answer.request.method} {answer.request.url.path} was answered {answer.status_code}")
    answer.raise_for_status()
    return answer.json()
