"""Sign in and out, and the language and theme that a person chose."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from api.console.messages import language_for
from api.console.navigation import landing
from api.console.pages import LANGUAGE_COOKIE, THEME_COOKIE, THEMES, local_path, page
from api.console.session import Text, Token, check_csrf, check_origin, keep_session, session_lifetime
from api.dependencies import Served
from api.errors import RateLimitedError, ScopeError, kind_of
from api.http.security import SESSION_COOKIE, address_of
from diagnosis.store.keys import KeyRefusedError

router = APIRouter()
_YEAR = 365 * 86_400


@router.get("/console/sign-in")
def form(request: Request, next: str = "/") -> Response:  # noqa: A002 - the name in the address
    """Ask for a key, or to sign in elsewhere."""
    return sign_in_page(request, local_path(next))


@router.post("/console/sign-in")
def sign_in(request: Request, service: Served, key: Text, next: Text = "/") -> Response:  # noqa: A002
    """Open a session with a key that may diagnose."""
    check_origin(request)
    try:
        with request.app.state.wrong_keys.counted(address_of(request.scope), key.strip()):
            token = service.sessions.open_with_key(key.strip(), session_lifetime(request))
    except (KeyRefusedError, RateLimitedError, ScopeError) as error:
        return sign_in_page(request, local_path(next), kind_of(error).status, "refused")
    response = RedirectResponse(landing(local_path(next), service.sessions.check(token).scopes), 303)
    keep_session(request, response, token)
    return response


def sign_in_page(request: Request, next_page: str, status: int = 200, notice: str = "") -> Response:
    """Return the page that asks who somebody is."""
    has_issuer = request.app.state.sign_on is not None
    return page(request, "sign_in.html", status, notice=notice, next=next_page, has_issuer=has_issuer)


@router.post("/console/sign-out")
def sign_out(service: Served, csrf: Text, token: Token = "") -> Response:
    """End the session."""
    check_csrf(token, csrf)
    service.sessions.close(token)
    response = RedirectResponse("/console/sign-in", 303)
    response.delete_cookie(SESSION_COOKIE)
    return response


@router.post("/console/language")
def language(request: Request, to: Text, back: Text = "/") -> Response:
    """Remember the language that a person chose."""
    check_origin(request)
    response = RedirectResponse(local_path(back), 303)
    response.set_cookie(LANGUAGE_COOKIE, language_for(to, ""), max_age=_YEAR, httponly=True, samesite="strict")
    return response


@router.post("/console/theme")
def theme(request: Request, to: Text, back: Text = "/") -> Response:
    """Remember whether a person wants it light or dark."""
    check_origin(request)
    response = RedirectResponse(local_path(back), 303)
    chosen = to if to in THEMES else ""
    response.set_cookie(THEME_COOKIE, chosen, max_age=_YEAR, httponly=True, samesite="strict")
    return response
