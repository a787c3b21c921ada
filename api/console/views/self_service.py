"""The self-service page: an end user describes the trouble and gets fixes meant for everyone, or a prepared ticket."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response

from api.console.pages import page
from api.console.session import check_origin
from api.console.text_layout import split_steps
from api.dependencies import Served
from api.errors import RateLimitedError
from api.http.ratelimit import RateLimiter
from api.service import Service
from diagnosis.search.index.metadata import Filters
from diagnosis.times import utc_now

MAX_ARTICLES = 3
MIN_SIMILARITY = 0.3  # of an article and the words; below, "no fix known" is the honest answer
MIN_SHARE = 0.5  # of the score of the article, of any audience, that is nearest to the words
_MAX_CANDIDATES = 100  # of every audience
_PER_MINUTE = 600
_EVERYBODY = "self-service"
_LONGEST_QUESTION = 400  # of the name of one, signed
_limiter = RateLimiter(_PER_MINUTE)  # nobody signs in here, so that all share one allowance


def open_to_all(request: Request) -> None:
    """Let anybody in where the setting opens the page, not more often than the service can bear."""
    if not request.app.state.settings.self_service:
        raise HTTPException(404, "there is no self-service page here")
    if request.method == "POST":
        check_origin(request)
        if retry := _limiter.take(_EVERYBODY).retry_after:
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
    question = service.self_service.ask()
    articles = _articles(service, text)
    return page(request, "help.html", text=text, state="answer", question=question, articles=articles)


@router.post("/help/helped")
def helped(request: Request, service: Served, question: Annotated[str, Form(max_length=_LONGEST_QUESTION)]) -> Response:
    """Count that no ticket was needed."""
    service.self_service.solve(question)
    return page(request, "help.html", text="", state="solved")


@router.post("/help/ticket")
def ticket(request: Request, text: Text, tried: Annotated[list[str], Form()] = []) -> Response:  # noqa: B006 - FastAPI copies it
    """Show a prepared ticket: the words, and what was tried already."""
    titles = [title[:300] for title in tried[:MAX_ARTICLES]]
    return page(request, "help.html", text=text, state="ticket", tried=titles)


def _articles(service: Service, text: str) -> list[dict[str, Any]]:
    answer = service.search.answer(text, "knowledge", _MAX_CANDIDATES, Filters(valid_at=utc_now()))
    if not answer.hits or answer.is_guess:
        return []
    floor = MIN_SHARE * answer.hits[0].score
    numbers = [hit.number for hit in answer.hits if hit.score >= floor and hit.similarity >= MIN_SIMILARITY]
    records = service.articles.find(numbers)
    articles = [records[n] for n in numbers if records.get(n, {}).get("audience") == "self_service"]
    return [
        {
            "number": article["number"],
            "title": article.get("title") or article["number"],
            "steps": split_steps(str(article.get("resolution", ""))),
        }
        for article in articles[:MAX_ARTICLES]
    ]
