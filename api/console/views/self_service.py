"""The self-service page: an end user describes the trouble and gets fixes meant for everyone, or a prepared ticket."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response
from ulid import ULID

from api.console.pages import page
from api.console.records import find
from api.console.session import check_origin
from api.console.text_layout import steps
from api.dependencies import Served
from api.errors import RateLimitedError
from api.http.ratelimit import RateLimiter
from api.service import Service
from diagnosis.search.index.metadata import Filters
from diagnosis.store.database import now

FOUND = 3
_LOOKED_AT = 30  # articles of unknown audience are found too, and left out here
_PER_MINUTE = 600
_ASKED, _SOLVED = "help.asked", "help.solved"
_NOBODY = "self-service"
_limiter = RateLimiter(_PER_MINUTE)  # nobody signs in here, so that all share one allowance


def open_to_all(request: Request) -> None:
    """Let anybody in where the setting opens the page, not more often than the service can bear."""
    if not request.app.state.settings.self_service:
        raise HTTPException(404, "there is no self-service page here")
    if request.method == "POST":
        check_origin(request)
        if retry := _limiter.take(_NOBODY).retry_after:
            raise RateLimitedError(f"too many questions at once; wait {retry} s")


router = APIRouter(dependencies=[Depends(open_to_all)])
Text = Annotated[str, Form(max_length=20_000)]


@router.get("/help")
def ask(request: Request) -> Response:
    """Ask what is wrong."""
    return page(request, "help.html", text="", state="ask")


@router.post("/help")
def answer(request: Request, service: Served, text: Text = "") -> Response:
    """Show what has helped others, from articles that are for everyone."""
    if not text.strip():
        return page(request, "help.html", 422, notice="too_little", text="", state="ask")
    asked = str(ULID())
    service.note(_NOBODY, _ASKED, asked)
    return page(request, "help.html", text=text, state="found", asked=asked, articles=_articles(service, text))


@router.post("/help/helped")
def helped(request: Request, service: Served, asked: Annotated[str, Form(max_length=26)]) -> Response:
    """Count that no ticket was needed."""
    service.note(_NOBODY, _SOLVED, asked)
    return page(request, "help.html", text="", state="glad")


@router.post("/help/ticket")
def ticket(request: Request, text: Text, tried: Annotated[list[str], Form()] = []) -> Response:  # noqa: B006 - FastAPI copies it
    """Show a prepared ticket: the words, and what was tried already."""
    return page(request, "help.html", text=text, state="ticket", tried=[one[:300] for one in tried[:FOUND]])


def _articles(service: Service, text: str) -> list[dict[str, Any]]:
    wanted = Filters(audience="self_service", valid_at=now())
    hits = service.serving.current.diagnoser.search([text], "knowledge", _LOOKED_AT, wanted)[0]
    known = find(service, "knowledge", [hit.number for hit in hits])
    meant = [known[hit.number] for hit in hits if known.get(hit.number, {}).get("audience") == "self_service"]
    return [
        {"number": a["number"], "title": a.get("title") or a["number"], "steps": steps(str(a.get("resolution", "")))}
        for a in meant[:FOUND]
    ]
