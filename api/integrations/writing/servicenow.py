"""ServiceNow: one PATCH of the Table API sets work notes and certified fields together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from api.integrations.servicenow import checked_number, is_sys_id
from api.integrations.settings import ServiceNow
from api.integrations.writing.order import Order, call
from api.outgoing.courier import GivenUpError

_TABLE = "/api/now/table/incident"
_FIELDS = {"service": "business_service", "caller": "caller_id"}  # ours to ServiceNow's, where they differ


def write(client: httpx.Client, settings: ServiceNow, order: Order) -> None:
    """Carry out one order."""
    path = f"{_TABLE}/{_sys_id(client, order)}"
    theirs = _FIELDS | {ours: name for name, ours in settings.fields.items()}
    names = {target: theirs.get(target, target) for target in order.values}
    parameters = {
        "sysparm_fields": ",".join(["work_notes", "assigned_to", *names.values()]),
        "sysparm_display_value": "all",
    }
    row = call(client, "GET", path, params=parameters)["result"]
    changes = {
        name: order.values[target] for target, name in names.items() if _still(row, name, order.previous[target])
    }
    if any(_display_and_value(row.get("assigned_to"))):  # who takes an incident has decided who works on it
        changes.pop(names.get("assignment_group", ""), None)
    if order.marker not in _display_and_value(row.get("work_notes"))[0]:
        changes["work_notes"] = order.note
    if changes:
        # Values learned from exports are names; ServiceNow looks their references up.
        call(
            client,
            "PATCH",
            path,
            json=changes,
            params={"sysparm_input_display_value": "true", "sysparm_fields": "sys_id"},
        )


def _sys_id(client: httpx.Client, order: Order) -> str:
    if is_sys_id(order.record):
        return order.record
    parameters = {
        "sysparm_query": f"number={checked_number(order.number)}",
        "sysparm_fields": "sys_id",
        "sysparm_limit": "1",
    }
    rows = call(client, "GET", _TABLE, params=parameters)["result"]
    if not rows:
        raise GivenUpError(f"expected an incident {order.number} in ServiceNow; found none")
    sys_id: str = rows[0]["sys_id"]
    return sys_id


def _still(row: Mapping[str, Any], name: str, previous: str) -> bool:
    return previous in _display_and_value(row.get(name))


def _display_and_value(value: object) -> tuple[str, str]:
    if isinstance(value, dict):
        return str(value.get("display_value") or ""), str(value.get("value") or "")
    return str(value or ""), str(value or "")
