"""Who looks at the console: a session cookie that scripts cannot read, and a token in every form that acts."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Cookie, Depends, Form, HTTPException, Request, Response

from api.console.access import check_access
from api.console.navigation import Role, roles_of
from api.console.pages import current_address, in_path
from api.dependencies import Served
from api.errors import ScopeError
from api.http.security import SESSION_COOKIE, address_of, take_allowance
from api.service import Service
from diagnosis.errors import FaultwiseError
from diagnosis.store.keys import KeyRefusedError
from diagnosis.store.sessions import Visitor

Token = Annotated[str, Cookie(alias=SESSION_COOKIE)]
Text = Annotated[str, Form()]


@dataclass(frozen=True, slots=True)
class Agent:
    """The person who is signed in, and what they may do."""

    id: str
    name: str
    scopes: frozenset[str]
    csrf: str

    @property
    def roles(self) -> frozenset[Role]:
        """The roles that their scopes give."""
        return roles_of(self.scopes)

    def may(self, scope: str) -> bool:
        """Whether their key holds a scope."""
        return scope in self.scopes


def visitor_of(request: Request, service: Service, token: str) -> Visitor:
    """Return who opened a session; a token of none counts against the address that it came from, as a wrong key does.

    Raises
    ------
    KeyRefusedError
        If there is no such session, or it is over.
    RateLimitedError
        If too many from there were wrong, and this one was not right before.
    """
    if not token:
        raise KeyRefusedError("nobody is signed in")
    with request.app.state.wrong_keys.counted(address_of(request.scope), token):
        return service.sessions.check(token)


def signed_in(request: Request, service: Served, token: Token = "") -> Agent:
    """Return who is signed in and may open this address; who is not signed in is sent to sign in and back."""
    try:
        visitor = visitor_of(request, service, token)
    except KeyRefusedError:
        target = f"/console/sign-in?next={in_path(return_address(request))}"
        # A cookie that opens nothing is let go of, so that no browser sends it again and again.
        deletion = {"Set-Cookie": f"{SESSION_COOKIE}=; Max-Age=0; Path=/; HttpOnly; SameSite=strict"} if token else {}
        if request.headers.get("hx-request") == "true":
            raise HTTPException(401, headers={"HX-Redirect": target, **deletion}) from None
        raise HTTPException(303, headers={"Location": target, **deletion}) from None
    take_allowance(request.app.state.limiter, visitor.id)  # pages count towards the key's rate
    check_access(request, visitor.scopes)
    return agent_of(visitor, token)


def whoever_is_signed_in(request: Request) -> Agent | None:
    """Return who is signed in, for the bar of a page that anybody may see; None for a visitor, or without a store."""
    token = request.cookies.get(SESSION_COOKIE, "")
    try:
        return agent_of(visitor_of(request, request.app.state.service, token), token)
    except FaultwiseError:
        return None


def return_address(request: Request) -> str:
    """Return the page to come back to after signing in: the page itself, or the one whose form was sent."""
    if request.method == "GET" or request.headers.get("hx-current-url"):
        return current_address(request)
    referer = urlsplit(request.headers.get("referer", ""))
    if referer.netloc != request.url.netloc:
        return "/"
    return referer.path + (f"?{referer.query}" if referer.query else "")


def acting(csrf: Text, agent: Annotated[Agent, Depends(signed_in)], token: Token = "") -> Agent:
    """Return who is signed in, if the form belongs to their session."""
    check_csrf(token, csrf)
    return agent


Reading = Annotated[Agent, Depends(signed_in)]
Acting = Annotated[Agent, Depends(acting)]


def agent_of(visitor: Visitor, token: str) -> Agent:
    """Return the agent that a session stands for."""
    return Agent(visitor.id, visitor.name, visitor.scopes, csrf_of(token))


def session_lifetime(request: Request) -> timedelta:
    """Return how long a session lasts that is opened now."""
    return timedelta(hours=request.app.state.settings.session_hours)


def keep_session(request: Request, response: Response, token: str) -> None:
    """Put a session's cookie on a response."""
    response.set_cookie(
        SESSION_COOKIE,
        token,
        max_age=int(session_lifetime(request).total_seconds()),
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )


def csrf_of(token: str) -> str:
    """Return the token of a session's forms: derived, so that nothing is stored and no other site can know it."""
    return hmac.new(token.encode("utf-8", "surrogateescape"), b"faultwise csrf", hashlib.sha256).hexdigest()


def check_csrf(token: str, csrf: str) -> None:
    """Raise `KeyRefusedError` unless a form belongs to a session."""
    if not token or not hmac.compare_digest(csrf_of(token).encode(), csrf.encode("utf-8", "surrogatepass")):
        raise KeyRefusedError("the form does not belong to this session; load the page again")


def check_origin(request: Request) -> None:
    """Raise `ScopeError` if a form came from another site: it could sign a person in as somebody else."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    ours = f"{request.url.scheme}://{request.url.netloc}"
    if site not in (None, "same-origin", "none") or origin not in (None, ours):
        raise ScopeError("expected a form of this site; found one of another")


def needs(agent: Agent, scope: str) -> None:
    """Raise `ScopeError` unless an agent's key holds a scope."""
    if not agent.may(scope):
        raise ScopeError(f"expected a key with scope {scope}")
