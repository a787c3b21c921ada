"""The survey's page: one question to the caller of one incident, by a signed link, without a sign-in."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response

from api.console.pages import language_of, page
from api.console.session import check_origin
from api.dependencies import Served
from api.errors import RateLimitedError
from api.http.addresses import network_of
from api.http.ratelimit import RateLimiter
from api.http.security import address_of
from api.http.wrong_keys import WrongKeys
from diagnosis.store.database import ConflictError
from diagnosis.store.keys import KeyRefusedError

_PER_MINUTE = 60  # of one address; nobody signs in here
_limiter = RateLimiter(_PER_MINUTE)


def open_to_callers(request: Request) -> None:
    """Let in whoever has a link where callers are asked, not more often than a person could."""
    if not request.app.state.settings.survey_secret:
        raise HTTPException(404, "nobody is asked here")
    if retry := _limiter.take(network_of(address_of(request.scope))).retry_after:
        raise RateLimitedError(f"too many requests at once; wait {retry} s")
    if request.method == "POST":
        check_origin(request)


def _as_a_key(request: Request, token: str) -> AbstractContextManager[None]:
    wrong_keys: WrongKeys = request.app.state.wrong_keys
    return wrong_keys.counted(address_of(request.scope), token)


router = APIRouter(dependencies=[Depends(open_to_callers)])


@router.get("/survey/{token}")
def ask(request: Request, service: Served, token: str) -> Response:
    """Ask how satisfied the caller is."""
    try:
        with _as_a_key(request, token):
            incident = service.surveys.incident(token)
    except KeyRefusedError:
        return page(request, "survey.html", 410, state="over", incident="", token="")
    state = "answered" if service.surveys.is_answered(incident) else "ask"
    return page(request, "survey.html", state=state, incident=incident, token=token)


@router.post("/survey/{token}")
def answer(
    request: Request,
    service: Served,
    token: str,
    rating: Annotated[int, Form(ge=1, le=5)],
    comment: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Keep the answer; a second one is not."""
    try:
        with _as_a_key(request, token):
            service.surveys.answer(token, rating, comment.strip(), language_of(request))
    except KeyRefusedError:
        return page(request, "survey.html", 410, state="over", incident="", token="")
    except ConflictError:
        return page(request, "survey.html", 409, state="answered", incident="", token="")
    return page(request, "survey.html", state="thanks", incident="", token="")
