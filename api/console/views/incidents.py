"""The queue, one incident, a new incident, and a record as it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from ulid import ULID

from api.console.incident_view import TRIAL_PREFIX, view_of
from api.console.pages import in_path, language_of, page
from api.console.queue import Decision, Order, Selection, State, next_open, queue_page
from api.console.session import Acting, Reading
from api.console.views.surges import in_zone
from api.dependencies import Served
from api.errors import kind_of
from api.records.schemas import IncidentIn
from api.records.service import Kind
from diagnosis.errors import FaultwiseError
from diagnosis.incident import TYPES
from diagnosis.store.database import RecordNotFoundError
from diagnosis.times import format_utc, utc_now

router = APIRouter()

_CODED_FIELDS = ("service", "cmdb_ci", "category", "caller")
_TIMES = ("opened_at", "responded_at")
_LATER = ("state", "responded_at")  # what a diagnosis does not look at, and the clocks do
_WORDS = ("number", "short_description", "description", "type", "state", "zone", *_CODED_FIELDS, *_TIMES)
_EMPTY_FORM = dict.fromkeys(_WORDS, "") | {"type": TYPES[0]}
_AHEAD = timedelta(minutes=5)  # by which the clock of a reader may be ahead of ours
_FORM: dict[str, Any] = {"fields": _CODED_FIELDS, "kinds": TYPES}


def selection(
    state: State = "all",
    decision: Decision = "all",
    value: Annotated[str, Query(max_length=1000)] = "",
    order: Order = "urgent",
    number: Annotated[int, Query(ge=1, le=1000, alias="page")] = 1,
    before: Annotated[str | None, Query(max_length=32)] = None,
) -> Selection:
    """Read which rows of the queue an address asks for."""
    return Selection(state, decision, value, order, number, before or None)


Selected = Annotated[Selection, Depends(selection)]


@router.get("/")
def queue(request: Request, service: Served, agent: Reading, selection: Selected) -> Response:
    """Show the queue."""
    return page(request, "queue.html", agent=agent, selection=selection, queue=queue_page(service, selection))


@router.get("/console")
@router.get("/console/")
def console() -> RedirectResponse:
    """Lead who types the console's name to its first page."""
    return RedirectResponse("/", 303)


@router.get("/console/queue/rows")
def rows(request: Request, service: Served, _agent: Reading, selection: Selected) -> Response:
    """Return the rows of the queue alone, as they are now."""
    return page(request, "queue_rows.html", selection=selection, queue=queue_page(service, selection))


@router.get("/console/next")
def next_incident(
    service: Served, _agent: Reading, selection: Selected, after: Annotated[str, Query(max_length=32)] = ""
) -> RedirectResponse:
    """Go to the next open incident of the queue as it was filtered and sorted; to the queue where none is open."""
    diagnosis = next_open(service, after, selection)
    if diagnosis is None:
        return RedirectResponse(_with_query("/", replace(selection, state="open")), 303)
    return RedirectResponse(_with_query(f"/console/diagnoses/{diagnosis}", selection), 303)


def _with_query(path: str, selection: Selection) -> str:
    return f"{path}?{selection.query}" if selection.query else path


@router.get("/console/diagnoses/{diagnosis}")
def incident(request: Request, service: Served, agent: Reading, diagnosis: str, selection: Selected) -> Response:
    """Show one incident and its diagnosis; filters and order are those of the queue that led here."""
    try:
        body = service.diagnoses.get(diagnosis)
    except RecordNotFoundError:
        return page(request, "message.html", 404, notice="not_found", agent=agent)
    view = view_of(service, body, language_of(request))
    return page(request, "incident.html", agent=agent, selection=selection, **view)


@router.post("/console/diagnoses/{diagnosis}/again")
async def diagnose_again(service: Served, _agent: Acting, diagnosis: str, selection: Selected) -> Response:
    """Diagnose an incident of the store anew: a release or people's decisions may have changed since."""
    newer = await service.diagnoses.diagnose_again(diagnosis)
    return RedirectResponse(_with_query(f"/console/diagnoses/{newer['id']}", selection), 303)


@router.get("/console/new")
def new(request: Request, agent: Reading) -> Response:
    """Show the form for an incident."""
    return page(request, "new.html", agent=agent, **_FORM, form=_EMPTY_FORM)


@router.post("/console/diagnose")
async def diagnose(request: Request, service: Served, agent: Acting) -> Response:
    """Diagnose what was typed: with a number it joins the history, without one it is kept as a diagnosis alone.

    A number that is taken already needs a confirmation: its incident would get another diagnosis from these words.
    """
    submitted = await request.form()
    form = {name: str(submitted.get(name, "")).strip() for name in _EMPTY_FORM}
    variables: dict[str, Any] = {"agent": agent, **_FORM, "form": form}
    notice = "" if form["short_description"] or form["description"] else "too_little"
    try:
        fields = _fields_of(form)
    except ValueError:
        notice = "new_times_wrong"
    if notice:
        return page(request, "new.html", 422, notice=notice, **variables)
    existing = await run_in_threadpool(service.incidents.known_number, form["number"]) if form["number"] else None
    if existing:
        record = await run_in_threadpool(service.incidents.look_up, existing)
        if submitted.get("confirmed") != existing:
            return page(request, "new.html", 409, existing=record, **variables)
        if not form["opened_at"]:
            fields["opened_at"] = record.get("opened_at") or fields["opened_at"]
    number = existing or form["number"] or f"{TRIAL_PREFIX}{ULID()}"
    try:
        incident = IncidentIn.model_validate({**fields, "number": number})
        diagnosis = await service.diagnoses.diagnose(incident, remember=bool(form["number"]))
    except ValidationError:
        return page(request, "new.html", 422, notice="too_little", **variables)
    except FaultwiseError as error:
        return page(request, "new.html", kind_of(error).status, notice="unavailable", **variables)
    if form["number"]:
        if not existing and any(form[name] for name in _LATER):
            await run_in_threadpool(service.incidents.upsert, agent.id, [incident])
        return RedirectResponse(f"/console/diagnoses/{diagnosis['id']}", 303)
    view = await run_in_threadpool(view_of, service, diagnosis, language_of(request), fields)
    return page(request, "incident.html", agent=agent, **view)


def _fields_of(form: Mapping[str, str]) -> dict[str, str]:
    """Return the fields of an incident that a form holds, its times with a zone; what is not dated is logged now.

    Raises
    ------
    ValueError
        If a time or the zone is none, a time lies in the future, or it was answered before it was logged.
    """
    now = utc_now()
    times = {name: datetime.fromisoformat(in_zone(form[name], form["zone"] or "UTC")) for name in _TIMES if form[name]}
    if any(moment > now + _AHEAD for moment in times.values()):
        raise ValueError(f"expected times before now; found {times}")
    opened = times["opened_at"] = min(times.get("opened_at", now), now)
    if times.get("responded_at", opened) < opened:
        raise ValueError(f"expected a response after the time of logging; found {times}")
    others = {name: value for name, value in form.items() if name not in ("zone", *_TIMES)}
    return others | {name: format_utc(moment) for name, moment in times.items()}


@router.get("/console/records/{kind}/{number:path}")
def record(request: Request, service: Served, agent: Reading, kind: Kind, number: str) -> Response:
    """Show a past incident or an article; an incident that was diagnosed links to its newest diagnosis."""
    try:
        fields = (service.incidents if kind == "incidents" else service.articles).look_up(number)
    except RecordNotFoundError:
        return page(request, "message.html", 404, notice="not_found", agent=agent)
    newest = service.diagnoses.newest(number) if kind == "incidents" else None
    address = f"/console/diagnoses/{in_path(newest['id'])}" if newest else None
    articles = {} if kind == "incidents" else service.articles.in_language([number], language_of(request))
    translation = articles.get(number, fields)
    return page(
        request,
        "record.html",
        agent=agent,
        kind=kind,
        record=fields,
        diagnosis=address,
        translation=translation if translation["number"] != number else None,
    )
