"""Credentials of the systems around us: from the environment, never from a command line that others can list.

The names are those that the service uses to write back: ``FAULTWISE_INTEGRATIONS__<SYSTEM>__USER`` and so on.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from diagnosis.errors import InputError
from diagnosis.phrases import Phrase

PREFIX = "FAULTWISE_INTEGRATIONS__"


@dataclass(frozen=True, slots=True)
class Credentials:
    """How one system is reached.

    Attributes
    ----------
    url : str
        Base URL of its REST API; ``""`` if the environment has none.
    user : str
        ``""`` where a token says who asks.
    token : str
        Password or token.
    app_token : str
        GLPI's token of the API client, if it asks for one.
    """

    url: str
    user: str
    token: str = field(repr=False)
    app_token: str = field(default="", repr=False)

    @classmethod
    def from_environment(cls, system: str, environment: Mapping[str, str] = os.environ) -> Self:
        """Read them.

        Raises
        ------
        InputError
            If there is no token.
        """
        prefix = f"{PREFIX}{system.upper()}__"
        url, user, token, app_token = (
            environment.get(prefix + name, "").strip() for name in ("URL", "USER", "TOKEN", "APP_TOKEN")
        )
        if not token:
            raise InputError(Phrase("token_missing", {"system": system, "variable": f"{prefix}TOKEN"}))
        return cls(url, user, token, app_token)


def authorization(system: str, user: str, token: str) -> str | None:
    """Return the ``Authorization`` header that a system asks for; None for GLPI, which signs in by a session."""
    if system == "glpi":
        return None
    if system == "zammad":
        return f"Token token={token}"
    if system == "rt" and not user:
        return f"token {token}"
    if user:
        return "Basic " + base64.b64encode(f"{user}:{token}".encode()).decode()
    return f"Bearer {token}"
