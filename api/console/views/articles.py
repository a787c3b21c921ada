"""Articles written: begun from an incident that was resolved or from the draft of a gap, and edited."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from ulid import ULID

from api.console.pages import in_path, page
from api.console.session import Acting, Agent, Reading
from api.dependencies import Served
from api.records.schemas import ArticleIn
from api.service import Service
from diagnosis.errors import InputError
from diagnosis.knowledge import AUDIENCES, KnowledgeArticle
from diagnosis.store.database import RecordNotFoundError
from diagnosis.text import language

router = APIRouter()
_FIELDS = ("title", "symptoms", "cause", "resolution", "service", "keywords", "audience", "owner", "review_at")
_EMPTY = dict.fromkeys(_FIELDS, "")


@router.get("/console/articles/new")
def begin(
    request: Request,
    service: Served,
    agent: Reading,
    incident: Annotated[str, Query(max_length=255)] = "",
    gap: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """Show the form, filled from an incident or from the draft of a gap."""
    try:
        if gap:
            return _from_gap(request, service, agent, gap)
        record = service.incidents.look_up(incident)
    except RecordNotFoundError:
        return page(request, "message.html", 404, notice="not_found", agent=agent)
    form = _EMPTY | {
        "title": record.get("short_description", ""),
        "symptoms": record.get("description", ""),
        "resolution": record.get("close_notes", ""),
        "service": record.get("service", ""),
        "keywords": record.get("cmdb_ci", ""),
        "audience": "internal",
    }
    return page(request, "article.html", agent=agent, incident=incident, form=form, audiences=AUDIENCES)


@router.get("/console/articles/edit")
def edit(request: Request, service: Served, agent: Reading, number: Annotated[str, Query(max_length=255)]) -> Response:
    """Show the form, filled from an article."""
    try:
        record = service.articles.look_up(number)
    except RecordNotFoundError:
        return page(request, "message.html", 404, notice="not_found", agent=agent)
    form = {name: _shown(record.get(name, "")) for name in _FIELDS}
    return page(request, "article.html", agent=agent, number=number, incident="", form=form, audiences=AUDIENCES)


@router.post("/console/articles/edit")
async def save_edited(request: Request, service: Served, agent: Acting) -> Response:
    """Save what was changed of an article; search finds it so within a second."""
    submitted = await request.form()
    number = str(submitted.get("number", ""))
    form = {name: str(submitted.get(name, "")).strip() for name in _FIELDS}
    variables: dict[str, Any] = {"number": number, "incident": "", "form": form, "audiences": AUDIENCES}
    if not (form["title"] and form["resolution"]):
        return page(request, "article.html", 422, notice="article_incomplete", agent=agent, **variables)
    try:
        changes = form | {"review_at": form["review_at"] or None}
        await run_in_threadpool(service.knowledge.edit, agent.id, number, changes)
    except InputError:
        return page(request, "article.html", 422, notice="article_incomplete", agent=agent, **variables)
    except RecordNotFoundError:
        return page(request, "message.html", 404, notice="not_found", agent=agent)
    return RedirectResponse(f"/console/records/knowledge/{in_path(number)}?saved=1", 303)


def _from_gap(request: Request, service: Service, agent: Agent, name: str) -> Response:
    """Show the form, filled from what the best resolved incidents of a gap say."""
    gap = service.knowledge.gap(name)
    draft = gap.draft or KnowledgeArticle("", title=gap.title)
    form = _EMPTY | {field: str(getattr(draft, field) or "") for field in _FIELDS}
    form |= {"audience": draft.audience or "internal"}
    variables: dict[str, Any] = {"incident": gap.numbers[0], "n_incidents": gap.incidents}
    return page(request, "article.html", agent=agent, form=form, audiences=AUDIENCES, **variables)


def _shown(value: Any) -> str:  # noqa: ANN401 - text or a time
    """Return a value of a record as its form shows it: a time by its day."""
    return value.strftime("%Y-%m-%d") if hasattr(value, "strftime") else str(value or "")


@router.post("/console/articles")
async def save(request: Request, service: Served, agent: Acting) -> Response:
    """Save the article; search finds it within a second."""
    submitted = await request.form()
    form = {name: str(submitted.get(name, "")).strip() for name in _FIELDS}
    incident, number = str(submitted.get("incident", "")), f"KB-{ULID()}"
    variables: dict[str, Any] = {"incident": incident, "form": form, "audiences": AUDIENCES}
    article_language = language(f"{form['title']} {form['resolution']}")
    try:
        article = ArticleIn.model_validate(
            {
                **form,
                "number": number,
                "language": article_language,
                "incident": incident,
                "review_at": form["review_at"] or None,
            }
        )
    except ValidationError:
        return page(request, "article.html", 422, notice="article_incomplete", agent=agent, **variables)
    if not (article.title and article.resolution):
        return page(request, "article.html", 422, notice="article_incomplete", agent=agent, **variables)
    await run_in_threadpool(service.articles.write, agent.id, article, incident)
    return RedirectResponse(f"/console/records/knowledge/{in_path(number)}?saved=1", 303)
