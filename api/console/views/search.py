"""Search over articles and past fixes as one types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from api.console.pages import is_part, page
from api.console.records import Kind, find
from api.console.session import Reading
from api.console.text_layout import shared
from api.dependencies import Served
from api.errors import kind_of
from api.service import Service
from diagnosis.errors import FaultwiseError

router = APIRouter()
FOUND = 15
_EXCERPT = 240


@router.get("/console/search")
def search(
    request: Request,
    service: Served,
    agent: Reading,
    q: Annotated[str, Query(max_length=10_000)] = "",
    corpus: Annotated[Kind, Query(alias="in")] = "knowledge",
) -> Response:
    """Show what the words find, or for htmx the list alone."""
    name, status, notice = ("search_hits.html" if is_part(request) else "search.html"), 200, ""
    hits: list[dict[str, Any]] = []
    try:
        hits = _hits(service, q.strip(), corpus) if q.strip() else []
    except FaultwiseError as error:
        status, notice = kind_of(error).status, "unavailable"
    return page(request, name, status, notice=notice, agent=agent, q=q, corpus=corpus, hits=hits)


def _hits(service: Service, q: str, corpus: Kind) -> list[dict[str, Any]]:
    numbers = [number for number, _ in service.search(q, corpus, FOUND)]
    known = find(service, corpus, numbers)
    return [_hit(number, known[number], q) for number in numbers if number in known]


def _hit(number: str, record: Mapping[str, Any], q: str) -> dict[str, Any]:
    title = str(record.get("title") or record.get("short_description") or number)[:300]
    body = str(record.get("resolution") or record.get("close_notes") or "")
    if len(body) > _EXCERPT:
        body = f"{body[:_EXCERPT].rstrip()}…"
    return {"number": number, "title": shared(title, q), "excerpt": shared(body, q), "record": record}
