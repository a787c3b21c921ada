"""Bearer tokens of an OpenID Connect issuer, verified by PyJWT against the issuer's published keys."""

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
_LEEWAY_SECONDS = 30


class IssuerUnreachableError(StoreError):
    """The issuer's keys could not be fetched, so no token can be judged."""


class TokenVerifier:
    """Verifies signature, issuer, audience and times of a token.

    Parameters
    ----------
    issuer, audience : str
        What ``iss`` and ``aud`` must say.
    jwks_url : str
        Where the issuer's keys are; ``""`` finds them by OpenID Connect Discovery.
    scope_claim : str
        Claim that lists the scopes, as a string with spaces or a list; ``faultwise:`` before a scope is taken off.
    """

    def __init__(self, issuer: str, audience: str, jwks_url: str, scope_claim: str) -> None:
        self.issuer = issuer
        self.audience = audience
        self.jwks_url = jwks_url
        self.scope_claim = scope_claim
        self._keys: jwt.PyJWKClient | None = None
        self._lock = threading.Lock()

    def verify(self, token: str) -> tuple[str, frozenset[str]]:
        """Return subject and scopes of a token.

        Raises
        ------
        KeyRefusedError
            If it is not the issuer's, not for us, or not valid now.
        IssuerUnreachableError
            If the issuer's keys cannot be had.
        """
        try:
            key = self._client().get_signing_key_from_jwt(token)
            claims: dict[str, Any] = jwt.decode(
                token, key.key, algorithms=list(ALGORITHMS), issuer=self.issuer, audience=self.audience,
                leeway=_LEEWAY_SECONDS, options={"require": ["exp", "iss", "aud", "sub"]},
            )  # fmt: skip
        except jwt.PyJWKClientConnectionError as error:
            raise IssuerUnreachableError("the issuer's keys could not be fetched") from error
        except (jwt.PyJWTError, ValueError) as error:
            raise KeyRefusedError(f"the token is not valid: {type(error).__name__}") from error
        return str(claims["sub"])[:200], self._scopes(claims.get(self.scope_claim))

    def _client(self) -> jwt.PyJWKClient:
        with self._lock:
            if self._keys is None:
                self._keys = jwt.PyJWKClient(self.jwks_url or self._discover(), lifespan=300, timeout=5)
            return self._keys

    def _discover(self) -> str:
        # https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig
        try:
            answer = httpx.get(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration", timeout=5)
            return str(answer.raise_for_status().json()["jwks_uri"])
        except (httpx.HTTPError, ValueError, KeyError) as error:
            raise IssuerUnreachableError("the issuer's configuration could not be fetched") from error

    def _scopes(self, claim: object) -> frozenset[str]:
        found = re.split(r"\s+", claim) if isinstance(claim, str) else claim if isinstance(claim, list) else []
        return frozenset(str(one).removeprefix("faultwise:") for one in found) & frozenset(SCOPES)
