"""Diagnoses and what people say of them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Header, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import WithJsonSchema

from api.dependencies import Served
from api.diagnoses.schemas import DiagnosisOut, DiagnosisPage, DiagnosisResults
from api.http.cursors import Cursor, Limit, decode, next_of
from api.http.problems import problems
from api.http.rows import LARGEST_BATCH, RowError, read_rows, row_error
from api.http.security import MayDiagnose, Principal
from api.records.schemas import EXAMPLE, IncidentIn
from api.service import Replayed, Service
from diagnosis.errors import InputError
from diagnosis.store.diagnoses import Claim

router = APIRouter(prefix="/v1/diagnoses", tags=["diagnoses"])

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key", min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$",
        description="Any text of yours: the same request with it is done once and answered the same for 48 hours",
    ),
]  # fmt: skip


_ROWS = {"type": "array", "items": IncidentIn.model_json_schema(), "minItems": 1, "maxItems": LARGEST_BATCH}
_NAMED = {
    "type": "object",
    "properties": {"incidents": _ROWS},
    "required": ["incidents"],
    "additionalProperties": False,
}
# Rows are read one by one, so that one that cannot be read does not take the others with it.
Batch = Annotated[Any, WithJsonSchema({"anyOf": [_NAMED, _ROWS]})]
_BATCH: Any = Body(examples=[{"incidents": [EXAMPLE]}])


@router.post("", response_model=DiagnosisOut, responses=problems(409))
async def diagnose(
    request: Request, incident: IncidentIn, who: MayDiagnose, service: Served, idempotency_key: IdempotencyKey = None
) -> Response:
    """Diagnose one incident; the diagnosis is stored before it is answered."""
    claim = await _claim(request, who, service, idempotency_key)
    if isinstance(claim, Replayed):
        return _replayed(claim)
    try:
        said = await service.diagnose(incident, claim)
    except BaseException:
        if claim is not None:
            await service.give_up(claim)
        raise
    return JSONResponse(said, headers={"Location": f"/v1/diagnoses/{said['id']}"})


@router.post("/batch", response_model=DiagnosisResults, responses=problems(409))
async def diagnose_batch(
    request: Request, who: MayDiagnose, service: Served, batch: Batch = _BATCH, idempotency_key: IdempotencyKey = None
) -> Response:
    """Diagnose up to 1,000 incidents; each row answers for itself."""
    read = _read(batch)
    claim = await _claim(request, who, service, idempotency_key)
    if isinstance(claim, Replayed):
        return _replayed(claim)
    try:
        answer = {"results": await _results(read, service)}
        if claim is not None:
            await service.keep_answer(claim, answer)
    except BaseException:
        if claim is not None:
            await service.give_up(claim)
        raise
    return JSONResponse(answer)


@router.get("/{diagnosis}", response_model=DiagnosisOut, responses=problems(404))
def get_diagnosis(diagnosis: str, _who: MayDiagnose, service: Served) -> Response:
    """Return what was said, by which release."""
    return JSONResponse(service.store.diagnoses.get(diagnosis))


@router.get("", response_model=DiagnosisPage, responses=problems())
def list_diagnoses(
    _who: MayDiagnose,
    service: Served,
    incident: Annotated[str | None, Query(max_length=255, description="Number of the incident")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """Return what was said of one incident or of all, newest first."""
    items = service.store.diagnoses.page(limit, incident, decode(cursor))
    return JSONResponse({"items": items, "next": next_of(items, limit, lambda one: str(one["id"]))})


async def _claim(request: Request, who: Principal, service: Service, key: str | None) -> Claim | Replayed | None:
    if key is None:
        return None
    return await service.once(who.id, key, request.url.path.encode() + b"\n" + await request.body())


def _read(batch: Any) -> list[IncidentIn | RowError]:  # noqa: ANN401 - any JSON value
    if isinstance(batch, list):
        return read_rows(IncidentIn, batch)
    if isinstance(batch, dict) and isinstance(batch.get("incidents"), list):
        return read_rows(IncidentIn, batch["incidents"], ["incidents"])
    raise InputError("expected a list of incidents, or an object with the list 'incidents'; found neither")


def _replayed(answer: Replayed) -> Response:
    return JSONResponse(answer.answer, answer.status, {"Idempotency-Replayed": "true"})


async def _results(read: list[IncidentIn | RowError], service: Service) -> list[dict[str, Any]]:
    good = [row for row in read if isinstance(row, IncidentIn)]
    said = iter(await service.diagnose_many(good))
    results = []
    for index, row in enumerate(read):
        one = row if isinstance(row, RowError) else next(said)
        error = one if isinstance(one, RowError) else None if isinstance(one, dict) else row_error(one)
        diagnosis = one if isinstance(one, dict) else None
        results.append({"index": index, "diagnosis": diagnosis, "error": error.model_dump() if error else None})
    return results
