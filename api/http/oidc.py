"""Tokens of an OpenID Connect issuer, verified by PyJWT against the issuer's published keys."""

from __future__ import annotations

import math
import re
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import jwt

from api.http.deadlines import end_within
from diagnosis.errors import StoreError
from diagnosis.phrases import Phrase
from diagnosis.store.keys import SCOPES, KeyRefusedError

# Asymmetric only: with HMAC, whoever knows the public key could sign.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
SECONDS = 5  # that the issuer has for a whole answer, its name looked up and its last byte sent
KEYS_SECONDS = 300  # for which its keys are believed
_KEY_SECONDS = 30  # after which keys are fetched anew for one that is not among them
_RETRY_SECONDS = 10  # after which an issuer that did not answer is called again
_LEEWAY_SECONDS = 30
_MAX_CALLERS = 4  # requests that call the issuer, or wait for one that does; threads are for others too
_CLAIMS = ["exp", "iss", "aud", "sub"]


class IssuerUnreachableError(StoreError):
    """The issuer's keys could not be fetched, so no token can be judged."""


class Issuer:
    """An OpenID Connect issuer: where its endpoints are, and what its tokens say.

    Anybody can make requests that need the issuer, so that one which is silent must not hold them all: few call it or
    wait for one that does, the others are refused at once, and so are all for a while after it did not answer.

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
        self._keys: tuple[float, list[jwt.PyJWK]] | None = None
        self._failed_at = -math.inf
        self._lock = threading.Lock()
        self._callers = threading.BoundedSemaphore(_MAX_CALLERS)

    def endpoint(self, name: str) -> str:
        """Return an address that the issuer publishes, such as ``token_endpoint``.

        Raises
        ------
        IssuerUnreachableError
            If its configuration cannot be had, is another's, or names none.
        """
        if self._configuration is None:
            with self._calling():
                return self._endpoint(name)
        return self._endpoint(name)

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
            # What cannot be good is refused before anything is fetched for it.
            whose: dict[str, Any] = {"issuer": self.url, "audience": audience, "leeway": _LEEWAY_SECONDS}
            checks = dict.fromkeys(("verify_exp", "verify_nbf", "verify_iss", "verify_aud"), True)
            options: Any = {"verify_signature": False, "require": _CLAIMS, **checks}
            header = jwt.decode_complete(token, options=options, **whose)["header"]
            if header.get("alg") not in ALGORITHMS:
                raise jwt.InvalidAlgorithmError("expected an asymmetric algorithm")
            key = self._key(str(header.get("kid")))
            claims: dict[str, Any] = jwt.decode(
                token,
                key.key,
                algorithms=list(ALGORITHMS),
                options={"require": _CLAIMS},
                **whose,
            )
        except (jwt.PyJWTError, ValueError) as error:
            raise KeyRefusedError(Phrase("token_invalid", {"fault": type(error).__name__})) from error
        return claims

    def _key(self, kid: str) -> jwt.PyJWK:
        """Return one of the issuer's keys, fetched now if need be."""
        if (key := self._known_key(kid)) is None:
            with self._calling():
                if (key := self._known_key(kid)) is None:  # nobody has fetched it meanwhile
                    self._keys = (time.monotonic(), self._fetch_keys())
                    key = self._known_key(kid)
        if key is None:
            raise KeyRefusedError(Phrase("token_of_other_key"))
        return key

    def _known_key(self, kid: str) -> jwt.PyJWK | None:
        """Return a key that was fetched not long ago, None where keys have to be fetched.

        Raises
        ------
        KeyRefusedError
            If it was not among those that were fetched a moment ago.
        """
        fetched_at, keys = self._keys or (-math.inf, [])
        age = time.monotonic() - fetched_at
        key = next((key for key in keys if key.key_id == kid), None) if age < KEYS_SECONDS else None
        if key is None and age < _KEY_SECONDS:
            raise KeyRefusedError(Phrase("token_of_other_key"))
        return key

    @contextmanager
    def _calling(self) -> Iterator[None]:
        """Let few call the issuer, one at a time, and nobody for a while after it did not answer."""
        if not self._callers.acquire(blocking=False):
            raise IssuerUnreachableError("others wait for the issuer to answer")
        try:
            with self._lock:
                if time.monotonic() - self._failed_at < _RETRY_SECONDS:
                    raise IssuerUnreachableError("the issuer did not answer a moment ago")
                try:
                    yield
                except IssuerUnreachableError:
                    self._failed_at = time.monotonic()
                    raise
        finally:
            self._callers.release()

    def _endpoint(self, name: str) -> str:
        if self._configuration is None:
            self._configuration = self._discover()
        try:
            return str(self._configuration[name])
        except KeyError as error:
            raise IssuerUnreachableError(f"the issuer's configuration names no {name}") from error

    def _fetch_keys(self) -> list[jwt.PyJWK]:
        url = self.jwks_url or self._endpoint("jwks_uri")
        try:
            # The authorities of this machine, and where it redirects to: as PyJWKClient, which knows no deadline.
            published = jwt.PyJWKSet.from_dict(_json(url, verify=ssl.create_default_context(), follow_redirects=True))
        except (httpx.HTTPError, jwt.PyJWTError, ValueError, TypeError, AttributeError) as error:
            raise IssuerUnreachableError("the issuer's keys could not be fetched") from error
        keys = [key for key in published.keys if key.public_key_use in ("sig", None) and key.key_id]
        if not keys:
            raise IssuerUnreachableError("the issuer publishes no key that signs")
        return keys

    def _discover(self) -> dict[str, Any]:
        # https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig
        try:
            configuration: dict[str, Any] = _json(f"{self.url.rstrip('/')}/.well-known/openid-configuration")
            issuer = configuration["issuer"]
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            raise IssuerUnreachableError("the issuer's configuration could not be fetched") from error
        if issuer != self.url:
            raise IssuerUnreachableError(f"expected the configuration of {self.url}; found that of {issuer}")
        return configuration


def _json(url: str, **options: Any) -> Any:  # noqa: ANN401 - any JSON value, and options of `httpx.Client`
    with end_within(SECONDS, httpx.Client(timeout=SECONDS, **options)) as http:
        return http.get(url).raise_for_status().json()


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
