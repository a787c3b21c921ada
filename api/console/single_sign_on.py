"""Sign-in with OpenID Connect: the authorization code flow with PKCE, with Authlib.

OpenID Connect Core 1.0, section 3.1; RFC 7636 (PKCE, S256); RFC 9207 (the issuer's name in its answer).
"""

from __future__ import annotations

import hmac
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import httpx
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from api.http.deadlines import end_within
from api.http.oidc import SECONDS, Issuer, IssuerUnreachableError, scopes_of
from diagnosis.store.keys import KeyRefusedError
from diagnosis.store.sessions import Visitor

_OIDC_SCOPES = "openid profile"
_NAMES = ("name", "preferred_username", "email")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One sign-in under way; the browser that began it keeps it in a cookie, so that no other can end it."""

    state: str
    nonce: str
    verifier: str
    next: str

    def sealed(self) -> str:
        """Return it as the value of a cookie."""
        return urlsafe_b64encode(json.dumps(asdict(self)).encode()).decode()

    @classmethod
    def opened(cls, cookie: str) -> Attempt:
        """Return what `sealed` has made.

        Raises
        ------
        KeyRefusedError
            If this browser has begun no sign-in.
        """
        try:
            attempt = cls(**json.loads(urlsafe_b64decode(cookie)))
        except (ValueError, TypeError) as error:
            raise KeyRefusedError("no sign-in was begun in this browser, or too long ago") from error
        if not all(isinstance(part, str) and part for part in asdict(attempt).values()):
            raise KeyRefusedError("no sign-in was begun in this browser, or too long ago")
        return attempt


class SignOn:
    """Sign-in at an OpenID Connect issuer.

    Parameters
    ----------
    issuer : Issuer
    client_id, client_secret : str
        As the issuer knows us; without a secret we are a public client, and PKCE alone protects the code.
    scope_claim : str
        Claim of the ID token that lists the scopes.
    everyone : frozenset of str
        Scopes of everyone whom the issuer lets in.
    """

    def __init__(
        self, issuer: Issuer, client_id: str, client_secret: str, scope_claim: str, everyone: frozenset[str]
    ) -> None:
        self.issuer = issuer
        self.client_id = client_id
        self.client_secret = client_secret
        self.scope_claim = scope_claim
        self.everyone = everyone

    def begin(self, redirect_uri: str, next_page: str) -> tuple[str, Attempt]:
        """Return where to send the browser, and what it has to bring back.

        Raises
        ------
        IssuerUnreachableError
            If the issuer does not say where.
        """
        state, nonce, verifier = (secrets.token_urlsafe(48) for _ in range(3))
        attempt = Attempt(state, nonce, verifier, next_page)
        authorize = self.issuer.endpoint("authorization_endpoint")
        url = prepare_grant_uri(
            authorize,
            self.client_id,
            "code",
            redirect_uri,
            _OIDC_SCOPES,
            state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        return str(url), attempt

    def finish(self, attempt: Attempt, answer: Mapping[str, str], redirect_uri: str) -> Visitor:
        """Return who the issuer says has signed in.

        Parameters
        ----------
        attempt : Attempt
            From the browser's cookie.
        answer : mapping of str to str
            The query with which the issuer sent the browser back.

        Raises
        ------
        KeyRefusedError
            If the answer is to another attempt, the issuer refused, or its token does not hold.
        IssuerUnreachableError
            If the issuer does not answer.
        """
        if not hmac.compare_digest(answer.get("state", "").encode(), attempt.state.encode()):
            raise KeyRefusedError("the issuer's answer belongs to another sign-in")
        if answer.get("iss", self.issuer.url) != self.issuer.url or "code" not in answer:
            raise KeyRefusedError("the issuer did not let this person in")
        claims = self.issuer.claims(self._redeem(attempt, answer["code"], redirect_uri), self.client_id)
        audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        is_ours = claims.get("azp", self.client_id) == self.client_id and (len(audiences) == 1 or "azp" in claims)
        if not is_ours or not hmac.compare_digest(str(claims.get("nonce", "")).encode(), attempt.nonce.encode()):
            raise KeyRefusedError("the issuer's token belongs to another sign-in")
        name = next((str(claims[key]) for key in _NAMES if claims.get(key)), str(claims["sub"]))
        scopes = scopes_of(claims.get(self.scope_claim)) | self.everyone
        return Visitor(f"oidc:{claims['sub']}"[:255], name[:255], scopes)

    def _redeem(self, attempt: Attempt, code: str, redirect_uri: str) -> str:
        endpoint = self.issuer.endpoint("token_endpoint")
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        form |= {"code_verifier": attempt.verifier, "client_id": self.client_id}
        by_secret = httpx.BasicAuth(self.client_id, self.client_secret) if self.client_secret else None
        try:
            # Not Authlib's client: it takes another HTTP library where one is there, whose calls have no deadline.
            with end_within(SECONDS, httpx.Client(timeout=SECONDS, auth=by_secret)) as client:
                answer = client.post(endpoint, data=form)
            if answer.is_server_error:
                raise IssuerUnreachableError("the issuer did not give a token")
            return str(answer.json()["id_token"])
        except httpx.HTTPError as error:
            raise IssuerUnreachableError("the issuer did not give a token") from error
        except (KeyError, TypeError, ValueError) as error:
            raise KeyRefusedError(f"the issuer gave no token: {type(error).__name__}") from error
