"""Clients that are signed in: one of a system's REST API, and a session of GLPI."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from api.integrations.settings import Glpi, System
from api.integrations.writing.order import call
from api.outgoing.addresses import client
from training.sources.credentials import authorization

TIMEOUT = 60.0  # s, for all requests of one write-back; below the courier's lease


@contextmanager
def signed_in(system: str, settings: System, allow_private: bool) -> Iterator[httpx.Client]:
    """Yield a client of a system's REST API."""
    with client(allow_private, TIMEOUT) as http:
        http.base_url = httpx.URL(settings.url)
        http.headers["Accept"] = "application/json"
        if (signed := authorization(system, settings.user, settings.token.get_secret_value())) is not None:
            http.headers["Authorization"] = signed
        yield http


@contextmanager
def glpi_session(http: httpx.Client, settings: Glpi) -> Iterator[None]:
    """Keep a session of GLPI open, which every other call needs."""
    if app_token := settings.app_token.get_secret_value():
        http.headers["App-Token"] = app_token
    by_token = {"Authorization": f"user_token {settings.token.get_secret_value()}"}
    http.headers["Session-Token"] = call(http, "GET", "/apirest.php/initSession", headers=by_token)["session_token"]
    try:
        yield
    finally:
        http.get("/apirest.php/killSession")
