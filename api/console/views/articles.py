"""A new article, begun from an incident that was resolved."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from ulid import ULID

from api.console.pages import in_path, page
from api.console.session import Acting, Reading, needs
from api.dependencies import Served
from api.records.schemas import ArticleIn
from diagnosis.knowledge import AUDIENCES
from diagnosis.store.database import RecordNotFoundError
from diagnosis.text import language

router = APIRouter()
_FIELDS = ("title", "symptoms", "cause", "resolution", "service", "keywords", "audience")


@router.get("/console/articles/new")
def begin(
    request: Request, service: Served, agent: Reading, incident: Annotated[str, Query(max_length=255)]
) -> Response:
    """Show the form, filled from an incident."""
    if not agent.may("knowledge"):
        return page(request, "message.html", 403, notice="not_allowed", agent=agent)
    try:
        record = service.incidents.look_up(incident)
    except RecordNotFoundError:
        return page(request, "message.html", 404, notice="not_found", agent=agent)
    form = {
        "title": record.get("short_description", ""),
        "symptoms": record.get("description", ""),
        "cause": "",
        "resolution": record.get("close_notes", ""),
        "service": record.get("service", ""),
        "keywords": record.get("cmdb_ci", ""),
        "audience": "internal",
    }
    return page(request, "article.html", agent=agent, incident=incident, form=form, audiences=AUDIENCES)


@router.post("/console/articles")
async def save(request: Request, service: Served, agent: Acting) -> Response:
    """Save the article; search finds it within a second."""
    needs(agent, "knowledge")
    submitted = await request.form()
    form = {name: str(submitted.get(name, "")).strip() for name in _FIELDS}
    incident, number = str(submitted.get("incident", "")), f"KB-{ULID()}"
    variables: dict[str, Any] = {"incident": incident, "form": form, "audiences": AUDIENCES}
    article_language = language(f"{form['title']} {form['resolution']}")
    try:
        article = ArticleIn.model_validate(
            {**form, "number": number, "language": article_language, "incident": incident}
        )
    except ValidationError:
        return page(request, "article.html", 422, notice="article_incomplete", agent=agent, **variables)
    if not (article.title and article.resolution):
        return page(request, "article.html", 422, notice="article_incomplete", agent=agent, **variables)
    await run_in_threadpool(service.articles.write, agent.id, article, incident)
    return RedirectResponse(f"/console/records/knowledge/{in_path(number)}?saved=1", 303)
