"""Zammad: an internal article, tags, and the group where it is certified."""

from __future__ import annotations

import httpx

from api.integrations.settings import Zammad
from api.integrations.writing.order import Order, call


def write(client: httpx.Client, settings: Zammad, order: Order) -> None:  # noqa: ARG001 - one shape for all writers
    """Carry out one order."""
    articles = call(client, "GET", f"/api/v1/ticket_articles/by_ticket/{order.path}")
    if not any(order.marker in article["body"] for article in articles):
        article = {
            "ticket_id": int(order.record),
            "subject": "Faultwise",
            "body": order.note,
            "content_type": "text/plain",
            "type": "note",
            "internal": True,
        }
        call(client, "POST", "/api/v1/ticket_articles", json=article)
    for tag in order.tags:  # Zammad adds a tag once
        call(client, "POST", "/api/v1/tags/add", json={"item": tag, "object": "Ticket", "o_id": int(order.record)})
    group = order.values.get("assignment_group")
    if group:
        ticket = call(client, "GET", f"/api/v1/tickets/{order.path}", params={"expand": "true"})
        has_owner = ticket.get("owner") not in (None, "", "-")  # who takes a ticket has decided who works on it
        if not has_owner and ticket["group"] == order.previous["assignment_group"]:
            call(client, "PUT", f"/api/v1/tickets/{order.path}", json={"group": group})
