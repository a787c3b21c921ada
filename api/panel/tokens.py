"""Short-lived tokens that open one incident: the tool's server or ours signs them."""

from __future__ import annotations

from datetime import timedelta

from api.console.session import Agent
from api.http.signed_tokens import read_token, sign_token
from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.store.keys import KeyRefusedError

AUDIENCE = "faultwise-panel"
LONGEST = timedelta(minutes=15)
_SCOPES = frozenset({"diagnose", "feedback"})
_LEEWAY_SECONDS = 30


def sign(secret: str, incident: str, person: str, scopes: frozenset[str]) -> str:
    """Return a token that opens one incident for one person, for as long as any may last.

    Raises
    ------
    InputError
        If no secret is set.
    """
    if not secret:
        raise InputError(Phrase("panel_secret_missing"))
    claims = {"sub": person, "incident": incident, "scope": " ".join(sorted(scopes & _SCOPES))}
    return sign_token(secret, AUDIENCE, claims, LONGEST)[0]


def read(secret: str, token: str) -> tuple[Agent, str]:
    """Return who a token speaks for, and the incident that it opens.

    Raises
    ------
    KeyRefusedError
        If it is not signed with our secret, over, valid for too long, or not for the panel.
    """
    if not secret:
        raise KeyRefusedError(Phrase("no_panel_here"))
    claims = read_token(secret, token, AUDIENCE, ("sub", "incident"), leeway_seconds=_LEEWAY_SECONDS)
    lasts = float(claims["exp"]) - float(claims["iat"])
    if lasts > LONGEST.total_seconds():
        raise KeyRefusedError(Phrase("token_lasts_too_long", {"most": LONGEST.total_seconds(), "found": lasts}))
    person = str(claims["sub"])[:200]
    scopes = frozenset(str(claims.get("scope", "")).split()) & _SCOPES
    # A form of the panel proves itself with the token: there is no cookie that another site could make use of.
    return Agent(f"panel:{person}", person, scopes, token), str(claims["incident"])
