"""Tokens of an OpenID Connect issuer, verified by PyJWT against the issuer's published keys."""

from __future__ import annotations

import re
import threading
from typing import Any

import httpx
import jwt

from diagnosis.errors import StoreError
from diagnosis.store.keys import SCOPES, KeyRefusedError

# Asymmetric only: with HMAC, whoever knows the public key could sign.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
SECONDS = 5  # that the issuer has to answer
_LEEWAY_SECONDS = 30


class IssuerUnreachableError(StoreError):
    """The issuer's keys could not be fetched, so no token can be judged."""


class Issuer:
    """An OpenID Connect issuer: where its endpoints are, and what its tokens say.

    Parameters
    ----------
    url : str
        What ``iss`` must say, and where OpenID Connect Discovery begins.
    jwks_url : str, optional
        Where the issuer's keys are; ``""`` finds them by discovery.
    """

    def __init__(self, url: str, jwks_url: str = "") -> None:
        self.url = url
        self.jwks_url = jwks_url
        self._configuration: dict[str, Any] | None = None
        self._keys: jwt.PyJWKClient | None = None
        self._lock = threading.Lock()

    def endpoint(self, name: str) -> str:
        """Return an address that the issuer publishes, such as ``token_endpoint``.

        Raises
        ------
        IssuerUnreachableError
            If its configuration cannot be had, is another's, or names none.
        """
        with self._lock:
            if self._configuration is None:
                self._configuration = self._discover()
            try:
                return str(self._configuration[name])
            except KeyError as error:
                raise IssuerUnreachableError(f"the issuer's configuration names no {name}") from error

    def claims(self, token: str, audience: str) -> dict[str, Any]:
        """Return what a token says, once its signature, issuer, audience and times are found good.

        Raises
        ------
        KeyRefusedError
            If it is not the issuer's, not for `audience`, or not valid now.
        IssuerUnreachableError
            If the issuer's keys cannot be had.
        """
        try:
            key = self._client().get_signing_key_from_jwt(token)
            claims: dict[str, Any] = jwt.decode(
                token,
                key.key,
                algorithms=list(ALGORITHMS),
                issuer=self.url,
                audience=audience,
                leeway=_LEEWAY_SECONDS,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.PyJWKClientConnectionError as error:
            raise IssuerUnreachableError("the issuer's keys could not be fetched") from error
        except (jwt.PyJWTError, ValueError) as error:
            raise KeyRefusedError(f"the token is not valid: {type(error).__name__}") from error
        return claims

    def _client(self) -> jwt.PyJWKClient:
        url = self.jwks_url or self.endpoint("jwks_uri")
        with self._lock:
            if self._keys is None:
                self._keys = jwt.PyJWKClient(url, lifespan=300, timeout=SECONDS)
            return self._keys

    def _discover(self) -> dict[str, Any]:
        # https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig
        try:
            answer = httpx.get(f"{self.url.rstrip('/')}/.well-known/openid-configuration", timeout=SECONDS)
            configuration: dict[str, Any] = answer.raise_for_status().json()
            issuer = configuration["issuer"]
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            raise IssuerUnreachableError("the issuer's configuration could not be fetched") from error
        if issuer != self.url:
            raise IssuerUnreachableError(f"expected the configuration of {self.url}; found that of {issuer}")
        return configuration


class TokenVerifier:
    """Reads subject and scopes from the bearer tokens of an issuer.

    Parameters
    ----------
    issuer : Issuer
    audience : str
        What ``aud`` must say.
    scope_claim : str
        Claim that lists the scopes.
    """

    def __init__(self, issuer: Issuer, audience: str, scope_claim: str) -> None:
        self.issuer = issuer
        self.audience = audience
        self.scope_claim = scope_claim

    def verify(self, token: str) -> tuple[str, frozenset[str]]:
        """Return subject and scopes of a token.

        Raises
        ------
        KeyRefusedError
            If it is not the issuer's, not for us, or not valid now.
        IssuerUnreachableError
            If the issuer's keys cannot be had.
        """
        claims = self.issuer.claims(token, self.audience)
        return str(claims["sub"])[:200], scopes_of(claims.get(self.scope_claim))


def scopes_of(claim: object) -> frozenset[str]:
    """Return those of our scopes that a claim lists, as a string with spaces or a list, with ``faultwise:`` or not."""
    names = re.split(r"\s+", claim) if isinstance(claim, str) else claim if isinstance(claim, list) else []
    return frozenset(str(scope).removeprefix("faultwise:") for scope in names) & frozenset(SCOPES)
