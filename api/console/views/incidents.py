"""The queue, one incident, a new incident, and a record as it stands."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from ulid import ULID

from api.console.incident_view import TRIED_OUT, view_of
from api.console.pages import in_path, page, spoken_to
from api.console.queue import rows
from api.console.records import Kind, get
from api.console.session import Acting, Reading
from api.dependencies import Served
from api.errors import kind_of
from api.records.schemas import IncidentIn
from diagnosis.errors import FaultwiseError
from diagnosis.store.database import RecordNotFoundError

router = APIRouter()

_CODED = ("service", "cmdb_ci", "category", "caller")
_GIVEN = dict.fromkeys(("number", "short_description", "description", *_CODED), "")
Before = Annotated[str | None, Query(max_length=32)]


@router.get("/")
def queue(request: Request, service: Served, agent: Reading, before: Before = None) -> Response:
    """Show the queue."""
    shown, older = rows(service, before)
    return page(request, "queue.html", agent=agent, rows=shown, older=older, newest=before is None)


@router.get("/console/queue/rows")
def queue_rows(request: Request, service: Served, _agent: Reading) -> Response:
    """Return the rows of the queue alone, as they are now."""
    shown, older = rows(service)
    return page(request, "queue_rows.html", rows=shown, older=older, newest=True)


@router.get("/console/diagnoses/{diagnosis}")
def incident(request: Request, service: Served, agent: Reading, diagnosis: str) -> Response:
    """Show one incident and what was said of it."""
    try:
        said = service.store.diagnoses.get(diagnosis)
    except RecordNotFoundError:
        return page(request, "message.html", 404, notice="not_found", agent=agent)
    return page(request, "incident.html", agent=agent, **view_of(service, said, spoken_to(request)))


@router.post("/console/diagnoses/{diagnosis}/again")
async def again(service: Served, _agent: Acting, diagnosis: str) -> Response:
    """Diagnose an incident of the store anew: a release or people's decisions may have changed since."""
    said = await run_in_threadpool(service.store.diagnoses.get, diagnosis)
    record = await run_in_threadpool(service.store.incidents.get, said["incident"])
    fresh = await service.diagnose(IncidentIn.model_validate({**record.body, "number": record.number}))
    return RedirectResponse(f"/console/diagnoses/{fresh['id']}", 303)


@router.get("/console/new")
def new(request: Request, agent: Reading) -> Response:
    """Show the form for an incident."""
    return page(request, "new.html", agent=agent, fields=_CODED, given=_GIVEN)


@router.post("/console/diagnose")
async def diagnose(request: Request, service: Served, agent: Acting) -> Response:
    """Diagnose what was typed: with a number it joins the history, without one it is kept as a diagnosis alone."""
    form = await request.form()
    given = {name: str(form.get(name, "")).strip() for name in _GIVEN}
    shown: dict[str, Any] = {"agent": agent, "fields": _CODED, "given": given}
    if not (given["short_description"] or given["description"]):
        return page(request, "new.html", 422, notice="too_little", **shown)
    number = given["number"] or f"{TRIED_OUT}{ULID()}"
    try:
        incident = IncidentIn.model_validate({**given, "number": number})
        said = await service.diagnose(incident, remember=bool(given["number"]))
    except ValidationError:
        return page(request, "new.html", 422, notice="too_little", **shown)
    except FaultwiseError as error:
        return page(request, "new.html", kind_of(error).status, notice="unavailable", **shown)
    if given["number"]:
        return RedirectResponse(f"/console/diagnoses/{said['id']}", 303)
    view = await run_in_threadpool(view_of, service, said, spoken_to(request), given)
    return page(request, "incident.html", agent=agent, **view)


@router.get("/console/records/{kind}/{number:path}")
def record(request: Request, service: Served, agent: Reading, kind: Kind, number: str) -> Response:
    """Show a past incident or an article; an incident that was diagnosed is shown with its newest diagnosis."""
    try:
        found = get(service, kind, number)
    except RecordNotFoundError:
        return page(request, "message.html", 404, notice="not_found", agent=agent)
    newest = service.store.diagnoses.page(1, number) if kind == "incidents" else []
    return page(
        request, "record.html", agent=agent, kind=kind, record=found,
        diagnosis=f"/console/diagnoses/{in_path(newest[0]['id'])}" if newest else None,
    )  # fmt: skip
