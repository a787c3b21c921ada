"""Which paths are open, and how OpenAPI says what each operation asks for."""

from __future__ import annotations

from typing import Any

from api.integrations.proof import signers
from api.settings import Settings

# Whatever is not listed needs a key.
_OPEN = frozenset(
    {"/", "/panel", "/help", "/health/live", "/health/ready", "/openapi.json", "/docs", "/redoc", "/console"}
)
_SCHEMES: dict[str, dict[str, str]] = {
    "Basic": {
        "type": "http",
        "scheme": "basic",
        "description": "A key as the password, for scripts that know user and password only",
    },
    "Signature": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Hub-Signature",
        "description": "HMAC of the body with the shared secret; GLPI names it X-GLPI-Signature",
    },
}
_WITH_KEY: list[dict[str, list[str]]] = [{"Bearer": []}, {"ApiKey": []}, {"Basic": []}]


def open_paths(settings: Settings) -> frozenset[str]:
    """Return the paths that need no key: open to all, or with a proof of their own."""
    metrics = frozenset() if settings.metrics_key else frozenset({"/metrics"})
    return _OPEN | signers(settings.integrations).keys() | metrics


def describe_security(described: dict[str, Any], settings: Settings) -> None:
    """Give every operation of an OpenAPI description its ``security``: a key, a signature, or none."""
    described["components"].setdefault("securitySchemes", {}).update(_SCHEMES)
    signed, unlocked = signers(settings.integrations), open_paths(settings)
    for path, operations in described["paths"].items():
        for operation in operations.values():
            if path in signed:
                operation["security"] = [{"Signature": []}]
            else:
                operation["security"] = [] if path in unlocked else _WITH_KEY
