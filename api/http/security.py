"""Who asks, and whether they may: keys or OpenID Connect tokens, scopes, and how often."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPBearer
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import Scope

from api.errors import RateLimitedError, ScopeError
from api.http.oidc import TokenVerifier
from api.http.ratelimit import Allowance, RateLimiter
from api.http.wrong_keys import WrongKeys
from diagnosis.phrases import Phrase, either
from diagnosis.store.keys import ApiKeys, KeyRefusedError


def address_of(scope: Scope) -> str:
    """Return the address that a request came from, as the server or its trusted proxy says; empty if unknown."""
    client = scope.get("client")
    return str(client[0]) if client else ""


SESSION_COOKIE = "faultwise_session"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a request comes from: the holder of a key or of a token."""

    id: str
    name: str
    scopes: frozenset[str]


class Authenticator:
    """Turns what a request carries into a `Principal`.

    Parameters
    ----------
    keys : ApiKeys
    tokens : TokenVerifier or None
        None where no OpenID Connect issuer is set.
    wrong_keys : WrongKeys
        Slows who tries key after key.
    """

    def __init__(self, keys: ApiKeys, tokens: TokenVerifier | None, wrong_keys: WrongKeys) -> None:
        self.keys = keys
        self.tokens = tokens
        self.wrong_keys = wrong_keys

    async def principal(self, headers: Headers, address: str) -> Principal:
        """Return who sent these headers from an address.

        Raises
        ------
        KeyRefusedError
            If they carry no key, or one that is not valid.
        RateLimitedError
            If too many keys from that address were wrong.
        """
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        secret = bearer.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "") or _password(headers)
        if not secret:
            raise KeyRefusedError(Phrase("key_expected"))
        with self.wrong_keys.counted(address, secret):
            if self.tokens is not None and secret.count(".") == 2:
                return await run_in_threadpool(self._of_token, secret)
            return await run_in_threadpool(self._of_key, secret)

    def _of_key(self, secret: str) -> Principal:
        key = self.keys.check(secret)
        return Principal(f"key:{key.id}", key.name, key.scopes)

    def _of_token(self, token: str) -> Principal:
        assert self.tokens is not None
        subject, scopes = self.tokens.verify(token)
        return Principal(f"oidc:{subject}", subject, scopes)


def take_allowance(limiter: RateLimiter, principal: str) -> Allowance:
    """Take one request from a principal's allowance.

    Raises
    ------
    RateLimitedError
        If nothing is left of it.
    """
    allowance = limiter.take(principal)
    if allowance.retry_after:
        values = {"limit": allowance.limit, "seconds": allowance.retry_after}
        raise RateLimitedError(Phrase("too_many_requests", values), allowance.headers)
    return allowance


_BEARER = HTTPBearer(
    auto_error=False, description="A key, or a token of the OpenID Connect issuer", scheme_name="Bearer"
)
_HEADER = APIKeyHeader(name="X-API-Key", auto_error=False, description="A key", scheme_name="ApiKey")


def _password(headers: Headers) -> str:
    # Scripts written for ServiceNow and webhooks of several systems know user and password only.
    scheme, _, pair = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(pair.strip(), validate=True).decode().partition(":")[2]
    except ValueError:
        raise KeyRefusedError(Phrase("basic_expected")) from None


def needs(*scopes: str) -> Callable[..., Awaitable[Principal]]:
    """Return a dependency that lets those pass who hold one of the scopes, and returns who it is."""

    async def check(
        request: Request, _bearer: Annotated[object, Security(_BEARER)], _key: Annotated[object, Security(_HEADER)]
    ) -> Principal:
        principal: Principal = request.state.principal  # set before the body was read, by `api.http.middleware.Gate`
        if principal.scopes.isdisjoint(scopes):
            values = {"scopes": either(scopes), "found": tuple(sorted(principal.scopes)) or Phrase("none_found")}
            raise ScopeError(Phrase("scope_needed", values))
        return principal

    return check


MayDiagnose = Annotated[Principal, Depends(needs("diagnose"))]
MayGiveFeedback = Annotated[Principal, Depends(needs("feedback"))]
MayRead = Annotated[Principal, Depends(needs("diagnose", "knowledge"))]
MayWrite = Annotated[Principal, Depends(needs("knowledge"))]
MayAdminister = Annotated[Principal, Depends(needs("admin"))]
