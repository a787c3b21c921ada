"""Who sends a report: a signature where a secret is shared, else a key; and that it is not a replay."""

from __future__ import annotations

import hashlib

from fastapi import Request

from api.errors import ScopeError
from api.http.security import Principal, address_of, take_allowance
from api.integrations.settings import Integrations
from api.integrations.signatures import check_glpi_signature, check_hub_signature
from api.telemetry import principal_id
from diagnosis.phrases import Phrase

CHANGES = "/changes"  # behind a system's address: where its changes go
PREFIX = "/v1/integrations"
_DELIVERY_IDS = ("x-zammad-delivery", "x-atlassian-webhook-identifier")


def signers(settings: Integrations) -> dict[str, str]:
    """Return the paths of systems that sign what they send, and so need no key: each with whom it speaks for."""
    signed = ("zammad", "glpi", "jira", "rt")
    names = [name for name in signed if getattr(settings, name).secret.get_secret_value()]
    return {f"{PREFIX}/{name}{kind}": _signer(name) for name in names for kind in ("", CHANGES)}


async def proven_body(request: Request, system: str, settings: Integrations) -> bytes:
    """Return the body, once it is proven who sent it; nothing of it is parsed before.

    Raises
    ------
    SignatureError
        If the system shares a secret and this is not signed with it.
    ScopeError
        If it does not, and the key may not diagnose.
    RateLimitedError
        If too many signatures from that address were wrong, or the system sends more than its rate.
    """
    body = await request.body()
    signer = signers(settings).get(request.url.path)
    if signer is None:
        _check_scope(request)
        return body
    state = request.app.state
    with state.wrong_keys.counted(address_of(request.scope), signer, is_secret=False):
        _check_signature(request, body, system, settings)
    take_allowance(state.limiter, signer)
    request.state.principal = Principal(signer, system, frozenset({"diagnose"}))
    principal_id.set(signer)  # of this request's task
    return body


def delivery_names(system: str, request: Request, body: bytes) -> list[str]:
    """Return what a delivery is known by: its id and, where it is signed, its content.

    The id alone is not signed: whoever caught a delivery could send it again under another.
    """
    ids = [request.headers.get(header, "")[:128] for header in _DELIVERY_IDS]
    names = [f"id:{value}" for value in ids if value]
    if request.state.principal.id == _signer(system):
        signed = request.headers.get("x-glpi-timestamp", "").encode() + body
        names.append(f"content:{hashlib.sha256(signed).hexdigest()}")
    return names


def _signer(system: str) -> str:
    return f"system:{system}"


def _check_signature(request: Request, body: bytes, system: str, settings: Integrations) -> None:
    secret, headers = getattr(settings, system).secret.get_secret_value(), request.headers
    if system == "glpi":
        signature, timestamp = headers.get("x-glpi-signature"), headers.get("x-glpi-timestamp")
        check_glpi_signature(body, signature, timestamp, secret, settings.glpi.window_seconds)
    else:
        algorithm = "sha1" if system == "zammad" else "sha256"
        check_hub_signature(body, headers.get("x-hub-signature"), secret, algorithm)


def _check_scope(request: Request) -> None:
    principal: Principal = request.state.principal
    if "diagnose" not in principal.scopes:
        values = {"scopes": "diagnose", "found": tuple(sorted(principal.scopes)) or Phrase("none_found")}
        raise ScopeError(Phrase("scope_needed", values))
