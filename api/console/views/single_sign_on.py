"""Sign-in with OpenID Connect: to the issuer and back."""

from __future__ import annotations

import logging

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from api.console.navigation import landing
from api.console.pages import local_path, page
from api.console.session import keep_session, session_lifetime
from api.console.single_sign_on import Attempt, SignOn
from api.console.views.sign_in import sign_in_page
from api.dependencies import Served
from api.errors import RateLimitedError, ScopeError, kind_of
from api.http.oidc import IssuerUnreachableError
from api.http.security import address_of
from diagnosis.errors import FaultwiseError
from diagnosis.store.keys import KeyRefusedError

log = logging.getLogger(__name__)
router = APIRouter()

_COOKIE = "faultwise_sign_on"
_PATH = "/console/sign-on"
_SECONDS = 600  # to sign in at the issuer


@router.get(_PATH)
def begin(request: Request, next: str = "/") -> Response:  # noqa: A002 - the name in the address
    """Send the browser to the issuer."""
    try:
        url, attempt = _sign_on(request).begin(_redirect_uri(request), local_path(next))
    except IssuerUnreachableError as error:
        return _refused(request, error, local_path(next))
    response = RedirectResponse(url, 303)
    # Lax: the issuer's page sends the browser back to us, and a strict cookie would stay at home.
    response.set_cookie(
        _COOKIE,
        attempt.sealed(),
        max_age=_SECONDS,
        path=_PATH,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return response


@router.get(f"{_PATH}/back")
def finish(request: Request, service: Served) -> Response:
    """Open a session for whom the issuer lets in, if they may diagnose."""
    sign_on = _sign_on(request)
    cookie = request.cookies.get(_COOKIE, "")
    try:
        with request.app.state.wrong_keys.counted(address_of(request.scope), cookie):
            attempt = Attempt.opened(cookie)
            visitor = sign_on.finish(attempt, request.query_params, _redirect_uri(request))
        token = service.sessions.open_for(visitor, session_lifetime(request))
    except (KeyRefusedError, RateLimitedError, ScopeError, IssuerUnreachableError) as error:
        return _refused(request, error)
    # A page and no redirect: this request came from the issuer's site, and along a redirect of it the browser would not
    # send the strict cookie that is being set here.
    response = page(request, "signed_in.html", next=landing(local_path(attempt.next), visitor.scopes))
    keep_session(request, response, token)
    response.delete_cookie(_COOKIE, path=_PATH)
    return response


def _sign_on(request: Request) -> SignOn:
    sign_on: SignOn | None = request.app.state.sign_on
    if sign_on is None:
        raise HTTPException(404, "sign-in with OpenID Connect is not set up here")
    return sign_on


def _redirect_uri(request: Request) -> str:
    return str(request.url.replace(path=f"{_PATH}/back", query=""))


def _refused(request: Request, error: FaultwiseError, next_page: str = "/") -> Response:
    log.warning("sign-in refused: %s", error)
    notice = "issuer_away" if isinstance(error, IssuerUnreachableError) else "issuer_refused"
    return sign_in_page(request, next_page, kind_of(error).status, notice)
