"""Sign in and out, and the language and theme that a person chose."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from api.console.pages import LANGUAGE_COOKIE, THEME_COOKIE, THEMES, local, page
from api.console.session import Text, Token, check_csrf, check_origin
from api.console.words import chosen
from api.errors import ScopeError, kind_of
from api.routes.shared import Served
from api.security import SESSION_COOKIE
from diagnosis.store.keys import ApiKey, KeyRefusedError

router = APIRouter()
_YEAR = 365 * 86_400


@router.get("/console/sign-in")
def form(request: Request, next: str = "/") -> Response:  # noqa: A002 - the name in the address
    """Ask for a key."""
    return page(request, "sign_in.html", next=local(next))


@router.post("/console/sign-in")
def sign_in(request: Request, service: Served, key: Text, next: Text = "/") -> Response:  # noqa: A002
    """Open a session with a key that may diagnose."""
    check_origin(request)
    try:
        holder = service.store.keys.check(key.strip())
        _check_scope(holder)
    except (KeyRefusedError, ScopeError) as error:
        return page(request, "sign_in.html", kind_of(error).status, notice="refused", next=local(next))
    answer = RedirectResponse(local(next), 303)
    open_session(request, service, holder, answer)
    return answer


def open_session(request: Request, service: Served, holder: ApiKey, answer: Response) -> None:
    """Open a session for the holder of a key, and put its cookie on the answer."""
    lasts = timedelta(hours=request.app.state.settings.session_hours)
    answer.set_cookie(
        SESSION_COOKIE, service.store.keys.open_session(holder, lasts), max_age=int(lasts.total_seconds()),
        httponly=True, samesite="strict", secure=request.url.scheme == "https",
    )  # fmt: skip
    service.note(f"key:{holder.id}", "session.open", holder.id)


@router.post("/console/sign-out")
def sign_out(service: Served, csrf: Text, token: Token = "") -> Response:
    """End the session."""
    check_csrf(token, csrf)
    service.store.keys.close_session(token)
    answer = RedirectResponse("/console/sign-in", 303)
    answer.delete_cookie(SESSION_COOKIE)
    return answer


@router.post("/console/language")
def language(request: Request, to: Text, back: Text = "/") -> Response:
    """Remember the language that a person chose."""
    check_origin(request)
    answer = RedirectResponse(local(back), 303)
    answer.set_cookie(LANGUAGE_COOKIE, chosen(to, ""), max_age=_YEAR, httponly=True, samesite="strict")
    return answer


@router.post("/console/theme")
def theme(request: Request, to: Text, back: Text = "/") -> Response:
    """Remember whether a person wants it light or dark."""
    check_origin(request)
    answer = RedirectResponse(local(back), 303)
    answer.set_cookie(
        THEME_COOKIE, to if to in THEMES else "", max_age=_YEAR, httponly=True, samesite="strict"
    )  # fmt: skip
    return answer


def _check_scope(key: ApiKey) -> None:
    if "diagnose" not in key.scopes:
        raise ScopeError("expected a key with scope diagnose")
