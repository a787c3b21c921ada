"""Makers of the calls that write back, one for each system that has it switched on."""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx

from api.integrations.settings import Glpi, Integrations, System, Zammad
from api.integrations.writing import glpi, jira, servicenow, zammad
from api.integrations.writing.order import Order
from api.outgoing.addresses import client
from api.outgoing.courier import Maker
from diagnosis.store.outbox import Owed

TIMEOUT = 20.0  # s

Write = Callable[[httpx.Client, Any, Order], None]

_WRITERS: dict[str, Write] = {
    "servicenow": servicenow.write, "jira": jira.write, "zammad": zammad.write, "glpi": glpi.write,
}  # fmt: skip


def writers(settings: Integrations, allow_private: bool) -> dict[str, Maker]:
    """Return a maker for each system that is written to."""
    systems: dict[str, System] = {name: getattr(settings, name) for name in _WRITERS}
    return {
        name: partial(_write, _WRITERS[name], system, allow_private)
        for name, system in systems.items()
        if system.write_back
    }


def _write(write: Write, settings: System, allow_private: bool, owed: Owed) -> None:
    order = Order(**{**owed.body, "tags": tuple(owed.body["tags"])})
    with client(allow_private, TIMEOUT) as http:
        http.base_url = httpx.URL(settings.url)
        http.headers["Accept"] = "application/json"
        if (signed := _authorization(settings)) is not None:
            http.headers["Authorization"] = signed
        write(http, settings, order)


def _authorization(settings: System) -> str | None:
    token = settings.token.get_secret_value()
    if isinstance(settings, Glpi):  # it signs in by a session
        return None
    if isinstance(settings, Zammad):
        return f"Token token={token}"
    if settings.user:
        return "Basic " + base64.b64encode(f"{settings.user}:{token}".encode()).decode()
    return f"Bearer {token}"
