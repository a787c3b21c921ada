"""The knowledge base: what no article answers, and which articles are out of date; reviewed and retired here."""

from __future__ import annotations

from collections import Counter

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from api.console.pages import computing_page, language_of, page
from api.console.session import Acting, Reading
from api.dependencies import Served
from api.errors import ComputingError, kind_of
from diagnosis.errors import FaultwiseError
from diagnosis.knowledge_health.form import STANDARD
from diagnosis.store.database import RecordNotFoundError

router = APIRouter()
PATH = "/console/knowledge"
MOST_LISTED = 15  # entries of each list
MOST_INCIDENTS = 20  # of a gap


@router.get(PATH)
def knowledge(request: Request, service: Served, agent: Reading) -> Response:
    """Show the state of the knowledge base."""
    try:
        snapshot = service.knowledge.health()
    except ComputingError:
        return computing_page(request, agent)
    except FaultwiseError as error:
        return page(request, "message.html", kind_of(error).status, notice="unavailable", agent=agent)
    health = snapshot.health
    lacking = Counter(name for fault in health.form for name in fault.lacks)
    return page(
        request,
        "knowledge.html",
        agent=agent,
        health=health,
        snapshot=snapshot,
        titles=snapshot.titles,
        gaps=health.gaps[:MOST_LISTED],
        stale=[(article, article.why(language_of(request))) for article in health.stale[:MOST_LISTED]],
        pairs={"duplicates": health.duplicates[:MOST_LISTED], "contradictions": health.contradictions[:MOST_LISTED]},
        lacking=[(name, lacking[name]) for name in STANDARD if lacking[name]],
        form=[fault for fault in health.form if set(fault.lacks) - {"owner", "review_at"}][:MOST_LISTED],
        listed=MOST_LISTED,
        listed_incidents=MOST_INCIDENTS,
    )


@router.post(PATH + "/{upkeep}")
async def keep_up(request: Request, service: Served, agent: Acting, upkeep: str) -> Response:
    """Say that an article was reviewed, or retire it."""
    form = await request.form()
    number = str(form.get("number", ""))
    act = {"review": service.knowledge.review, "retire": service.knowledge.retire}.get(upkeep)
    if act is None:
        return page(request, "message.html", 404, notice="not_found", agent=agent)
    try:
        await run_in_threadpool(act, agent.id, number)
    except RecordNotFoundError:
        return page(request, "message.html", 404, notice="not_found", agent=agent)
    return RedirectResponse(f"{PATH}?saved={upkeep}", 303)
