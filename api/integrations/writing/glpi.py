"""GLPI (REST API v1, ``apirest.php``): a private follow-up, and the assigned group where it is certified."""

from __future__ import annotations

import html

import httpx

from api.integrations.settings import Glpi
from api.integrations.writing.order import Order, call
from api.integrations.writing.sessions import glpi_session
from api.outgoing.courier import GivenUpError

_ASSIGNED = 2  # CommonITILActor::ASSIGN
_ALL = {"range": "0-499"}


def write(client: httpx.Client, settings: Glpi, order: Order) -> None:
    """Carry out one order in a session of its own."""
    with glpi_session(client, settings):
        _follow_up(client, order)
        if group := order.values.get("assignment_group"):
            _assign(client, order, group)


def _follow_up(client: httpx.Client, order: Order) -> None:
    follow_ups = call(client, "GET", f"/apirest.php/Ticket/{order.path}/ITILFollowup", params=_ALL)
    if any(order.marker in entry["content"] for entry in follow_ups):
        return
    content = html.escape(order.note, quote=False).replace("\n", "<br>")
    entry = {"itemtype": "Ticket", "items_id": int(order.record), "content": content, "is_private": 1}
    call(client, "POST", "/apirest.php/ITILFollowup", json={"input": entry})


def _assign(client: httpx.Client, order: Order, group: str) -> None:
    assigned = call(client, "GET", f"/apirest.php/Ticket/{order.path}/Group_Ticket", params=_ALL)
    people = call(client, "GET", f"/apirest.php/Ticket/{order.path}/Ticket_User", params=_ALL)
    if any(int(entry["type"]) == _ASSIGNED for entry in (*assigned, *people)):
        return  # somebody has it already
    groups = call(client, "GET", "/apirest.php/Group", params={"searchText[name]": f"^{group}$", **_ALL})
    ids = [entry["id"] for entry in groups if entry["name"] == group]
    if not ids:
        raise GivenUpError(f"expected a group {group!r} in GLPI; found none")
    entry = {"tickets_id": int(order.record), "groups_id": ids[0], "type": _ASSIGNED}
    call(client, "POST", "/apirest.php/Group_Ticket", json={"input": entry})
