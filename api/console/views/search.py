"""Search over articles and past incidents as one types; an exact number comes first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from api.console.pages import is_part, language_of, page
from api.console.session import Reading
from api.console.text_layout import mark_shared_terms
from api.dependencies import Served
from api.errors import kind_of
from api.records.service import Kind
from api.search.service import SearchAnswer
from api.service import Service
from diagnosis.errors import FaultwiseError
from diagnosis.knowledge import is_expired
from diagnosis.search.retriever import own_language_first

router = APIRouter()
Corpus = Literal["all", "knowledge", "incidents"]
_MAX_HITS = {1: 15, 2: 8}  # of each kind, where one or both are searched
_MAX_EXCERPT = 240
_KINDS: tuple[Kind, ...] = ("knowledge", "incidents")


@router.get("/console/search")
def search(
    request: Request,
    service: Served,
    agent: Reading,
    q: Annotated[str, Query(max_length=10_000)] = "",
    corpus: Annotated[Corpus, Query(alias="in")] = "all",
) -> Response:
    """Show the hits of a query, or for htmx the list alone."""
    template = "search_hits.html" if is_part(request) else "search.html"
    query, status, notice = q.strip(), 200, ""
    exact: list[dict[str, Any]] = []
    hits: dict[Kind, list[dict[str, Any]]] = {}
    guesses: set[Kind] = set()
    try:
        if query:
            exact = _exact(service, query)
            kinds = () if exact else _KINDS if corpus == "all" else (corpus,)
            answers = {kind: service.search.answer(query, kind, _MAX_HITS[len(kinds)]) for kind in kinds}
            hits = {kind: _hits(service, query, kind, answer, language_of(request)) for kind, answer in answers.items()}
            guesses = {kind for kind, answer in answers.items() if answer.is_guess}
    except FaultwiseError as error:
        status, notice = kind_of(error).status, "unavailable"
    content: dict[str, Any] = {"notice": notice, "agent": agent, "q": q, "corpus": corpus, "exact": exact, "hits": hits}
    return page(request, template, status, **content, guesses=guesses)


def _exact(service: Service, query: str) -> list[dict[str, Any]]:
    """Return the records whose number is the query, in either case."""
    numbers = list(dict.fromkeys([query, query.upper()]))
    return [
        {**_hit(number, record, ""), "kind": kind}
        for kind in _KINDS
        for number, record in _find(service, kind, numbers).items()
    ]


def _hits(service: Service, query: str, kind: Kind, answer: SearchAnswer, reader: str) -> list[dict[str, Any]]:
    """Return the hits as the page shows them: of translations the one in the reader's language first."""
    records = _find(service, kind, [hit.number for hit in answer.hits])
    numbers = [hit.number for hit in own_language_first(answer.hits, records, reader)]
    hits = [_hit(number, records[number], query) for number in numbers if number in records]
    return sorted(hits, key=lambda hit: hit["number"] in answer.expired)  # stable, also once the languages are in order


def _find(service: Service, kind: Kind, numbers: list[str]) -> dict[str, Mapping[str, Any]]:
    return (service.incidents if kind == "incidents" else service.articles).find(numbers)


def _hit(number: str, record: Mapping[str, Any], query: str) -> dict[str, Any]:
    title = str(record.get("title") or record.get("short_description") or number)[:300]
    text = str(record.get("resolution") or record.get("close_notes") or "")
    if len(text) > _MAX_EXCERPT:
        text = f"{text[:_MAX_EXCERPT].rstrip()}…"
    return {
        "number": number,
        "title": mark_shared_terms(title, query),
        "excerpt": mark_shared_terms(text, query),
        "record": record,
        "expired": is_expired(record),
    }
