"""Makers of the calls that write back, one for each system that has it switched on."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import httpx

from api.integrations.settings import Integrations, System
from api.integrations.writing import glpi, jira, rt, servicenow, zammad
from api.integrations.writing.order import Order
from api.integrations.writing.sessions import signed_in
from api.outgoing.courier import Maker
from diagnosis.store.outbox import OutgoingCall

Write = Callable[[httpx.Client, Any, Order], None]

_WRITERS: dict[str, Write] = {
    "servicenow": servicenow.write,
    "jira": jira.write,
    "zammad": zammad.write,
    "glpi": glpi.write,
    "rt": rt.write,
}


def writers(settings: Integrations, allow_private: bool) -> dict[str, Maker]:
    """Return a maker for each system that is written to."""
    systems: dict[str, System] = {name: getattr(settings, name) for name in _WRITERS}
    return {name: partial(_write, name, system, allow_private) for name, system in systems.items() if system.write_back}


def _write(system: str, settings: System, allow_private: bool, owed: OutgoingCall) -> None:
    body = dict(owed.body)
    if "before" in body:  # as calls that were owed by an older version name it
        body["previous"] = body.pop("before")
    order = Order(**{**body, "tags": tuple(body["tags"])})
    with signed_in(system, settings, allow_private) as client:
        _WRITERS[system](client, settings, order)
