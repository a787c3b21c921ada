"""Incidents and knowledge: upsert one or many, get, list, delete; found within a second here, soon on every replica."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Body, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, WithJsonSchema

from api.dependencies import Served
from api.http.cursors import Cursor, Limit, decode, next_of
from api.http.problems import problems
from api.http.rows import RowError, results_of, rows_of
from api.http.security import MayRead, MayWrite
from api.records.schemas import ARTICLE_EXAMPLE, EXAMPLE, ArticleIn, IncidentIn, RecordOut, RecordPage, RecordResults
from api.records.service import RecordService
from diagnosis.incident import COUNT_FIELDS, FIELDS, TIME_FIELDS
from diagnosis.knowledge import KNOWLEDGE_FIELDS, KNOWLEDGE_TIMES
from diagnosis.store.records import Record
from diagnosis.times import format_utc

router = APIRouter()

Row = TypeVar("Row", IncidentIn, ArticleIn)

_NULLS = frozenset({*COUNT_FIELDS, *TIME_FIELDS, *KNOWLEDGE_TIMES})


def _one_or_many(model: type[BaseModel]) -> WithJsonSchema:
    item = model.model_json_schema()
    return WithJsonSchema({"anyOf": [item, {"type": "array", "items": item, "minItems": 1, "maxItems": 1000}]})


Incidents = Annotated[Any, _one_or_many(IncidentIn)]
Articles = Annotated[Any, _one_or_many(ArticleIn)]
# As defaults: inside Annotated, pydantic takes FastAPI's alias for a mistake of ours and warns.
_INCIDENTS: Any = Body(examples=[EXAMPLE, [EXAMPLE]])
_ARTICLES: Any = Body(examples=[ARTICLE_EXAMPLE, [ARTICLE_EXAMPLE]])


@router.post("/v1/incidents", response_model=RecordResults, tags=["incidents"], responses=problems())
def put_incidents(principal: MayWrite, service: Served, body: Incidents = _INCIDENTS) -> Response:
    """Insert or replace one incident or up to 1,000; in a list each row answers for itself."""
    return JSONResponse(_put(IncidentIn, body, service.incidents, principal.id))


@router.get("/v1/incidents", response_model=RecordPage, tags=["incidents"], responses=problems())
def list_incidents(_principal: MayRead, service: Served, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """Return incidents in order of number."""
    return _page(service.incidents.page(limit, decode(cursor)), limit, FIELDS)


@router.get("/v1/incidents/{number:path}", response_model=RecordOut, tags=["incidents"], responses=problems(404))
def get_incident(number: str, _principal: MayRead, service: Served) -> Response:
    """Return one incident."""
    return JSONResponse(_out(service.incidents.get(number), FIELDS))


@router.delete("/v1/incidents/{number:path}", status_code=204, tags=["incidents"], responses=problems(404))
def delete_incident(number: str, principal: MayWrite, service: Served) -> Response:
    """Delete one incident; what it said is erased and it is found no more."""
    service.incidents.delete(principal.id, number)
    return Response(status_code=204)


@router.post("/v1/knowledge", response_model=RecordResults, tags=["knowledge"], responses=problems())
def put_articles(principal: MayWrite, service: Served, body: Articles = _ARTICLES) -> Response:
    """Insert or replace one article or up to 1,000; in a list each row answers for itself."""
    return JSONResponse(_put(ArticleIn, body, service.articles, principal.id))


@router.get("/v1/knowledge", response_model=RecordPage, tags=["knowledge"], responses=problems())
def list_articles(_principal: MayRead, service: Served, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """Return articles in order of number."""
    return _page(service.articles.page(limit, decode(cursor)), limit, KNOWLEDGE_FIELDS)


@router.get("/v1/knowledge/{number:path}", response_model=RecordOut, tags=["knowledge"], responses=problems(404))
def get_article(number: str, _principal: MayRead, service: Served) -> Response:
    """Return one article."""
    return JSONResponse(_out(service.articles.get(number), KNOWLEDGE_FIELDS))


@router.delete("/v1/knowledge/{number:path}", status_code=204, tags=["knowledge"], responses=problems(404))
def delete_article(number: str, principal: MayWrite, service: Served) -> Response:
    """Delete one article; it is suggested no more."""
    service.articles.delete(principal.id, number)
    return Response(status_code=204)


def _put(model: type[Row], body: Any, records: RecordService[Row], actor: str) -> dict[str, Any]:  # noqa: ANN401
    rows = rows_of(model, body)
    records.upsert(actor, [row for row in rows if not isinstance(row, RowError)])
    return results_of(rows, lambda row: row.number)


def _page(records: list[Record], limit: int, fields: Sequence[str]) -> Response:
    items = [_out(item, fields) for item in records]
    return JSONResponse({"items": items, "next": next_of(records, limit, lambda item: item.number)})


def _out(record: Record, fields: Sequence[str]) -> dict[str, Any]:
    values = {name: record.body.get(name, None if name in _NULLS else "") for name in fields}
    return {**values, **record.body, "updated_at": format_utc(record.updated_at)}
