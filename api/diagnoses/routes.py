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
from api.http.rows import LARGEST_BATCH, RowError, read_rows
from api.http.security import MayDiagnose
from api.records.schemas import EXAMPLE, IncidentIn
from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.store.diagnoses import Claim

router = APIRouter(prefix="/v1/diagnoses", tags=["diagnoses"])

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="Any text of yours: the same request with it is done once and answered the same for 48 hours",
    ),
]


_ROWS = {"type": "array", "items": IncidentIn.model_json_schema(), "minItems": 1, "maxItems": LARGEST_BATCH}
_OBJECT = {
    "type": "object",
    "properties": {"incidents": _ROWS},
    "required": ["incidents"],
    "additionalProperties": False,
}
# Rows are read one by one, so that one that cannot be read does not take the others with it.
Batch = Annotated[Any, WithJsonSchema({"anyOf": [_OBJECT, _ROWS]})]
_REPLAYED = {"Idempotency-Replayed": "true"}
_BATCH: Any = Body(examples=[{"incidents": [EXAMPLE]}])


@router.post("", response_model=DiagnosisOut, responses=problems(409))
async def diagnose(
    request: Request,
    incident: IncidentIn,
    principal: MayDiagnose,
    service: Served,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Diagnose one incident; the diagnosis is stored before it is answered."""
    response = await service.diagnoses.once(
        principal.id,
        idempotency_key,
        await _identity(request),
        lambda claim: service.diagnoses.diagnose(incident, claim),
    )
    location = {"Location": f"/v1/diagnoses/{response.body['id']}"}
    return JSONResponse(response.body, headers=_REPLAYED if response.replayed else location)


@router.post("/batch", response_model=DiagnosisResults, responses=problems(409))
async def diagnose_batch(
    request: Request,
    principal: MayDiagnose,
    service: Served,
    batch: Batch = _BATCH,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Diagnose up to 1,000 incidents; each row answers for itself."""
    rows = _rows(batch)

    async def work(claim: Claim | None) -> dict[str, Any]:
        answer = {"results": await service.diagnoses.diagnose_batch(rows)}
        await service.diagnoses.keep_answer(claim, answer)
        return answer

    response = await service.diagnoses.once(principal.id, idempotency_key, await _identity(request), work)
    return JSONResponse(response.body, headers=_REPLAYED if response.replayed else None)


@router.get("/{diagnosis}", response_model=DiagnosisOut, responses=problems(404))
def get_diagnosis(diagnosis: str, _principal: MayDiagnose, service: Served) -> Response:
    """Return what was said, by which release."""
    return JSONResponse(service.diagnoses.get(diagnosis))


@router.get("", response_model=DiagnosisPage, responses=problems())
def list_diagnoses(
    _principal: MayDiagnose,
    service: Served,
    incident: Annotated[str | None, Query(max_length=255, description="Number of the incident")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """Return what was said of one incident or of all, newest first."""
    items = service.diagnoses.page(limit, incident, decode(cursor))
    return JSONResponse({"items": items, "next": next_of(items, limit, lambda diagnosis: str(diagnosis["id"]))})


async def _identity(request: Request) -> bytes:
    return request.url.path.encode() + b"\n" + await request.body()


def _rows(batch: Any) -> list[IncidentIn | RowError]:  # noqa: ANN401 - any JSON value
    if isinstance(batch, list):
        return read_rows(IncidentIn, batch)
    if isinstance(batch, dict) and isinstance(batch.get("incidents"), list):
        return read_rows(IncidentIn, batch["incidents"], ["incidents"])
    raise InputError(Phrase("incidents_expected"))
