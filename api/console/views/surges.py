"""What is breaking now: surges, one surge with what people decide on it, and planned work."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from api.console.pages import in_path, language_of, page
from api.console.session import Acting, Agent, Reading
from api.dependencies import Served
from api.http.cursors import decode_number, next_of
from api.maintenance.schemas import WindowIn
from api.service import Service
from api.surges.service import cursor_of
from diagnosis.phrases import in_words
from diagnosis.store.database import ConflictError, RecordNotFoundError
from diagnosis.surges.scope import FIELDS

router = APIRouter()
_PAGE = 30
_MOST_LISTED = 100  # joined incidents on the page of one surge

Text = Annotated[str, Form(max_length=4000)]
Name = Annotated[str, Form(min_length=1, max_length=255)]


@dataclass(frozen=True, slots=True)
class AlertForm:
    """What a person says of an alert and an incident."""

    alert: str
    incident: str
    verdict: str


def alert_form(alert: Name, incident: Name, verdict: Annotated[Literal["belongs", "not", "undo"], Form()]) -> AlertForm:
    """Read the form of an alert."""
    return AlertForm(alert, incident.strip(), verdict)


AlertAnswer = Annotated[AlertForm, Depends(alert_form)]


def teach_alert(service: Service, agent: Agent, form: AlertForm) -> None:
    """Keep what a person says of an alert and an incident, or forget it.

    Raises
    ------
    RecordNotFoundError
        If there is no such alert or incident, or nothing to forget.
    """
    if form.verdict == "undo":
        service.alerts.take_back(agent.id, form.alert, form.incident)
    else:
        service.alerts.teach(agent.id, form.alert, form.incident, form.verdict == "belongs")


@router.get("/console/surges")
def surges(
    request: Request, service: Served, agent: Reading, cursor: Annotated[str | None, Query(max_length=200)] = None
) -> Response:
    """Show what is breaking now, earlier surges, and planned work."""
    return _list(request, service, agent, cursor=cursor)


@router.get("/console/contingency")
def contingency(request: Request, service: Served, agent: Reading) -> Response:
    """Show what to do and whom to call when a service fails."""
    return page(request, "contingency.html", agent=agent, plans=service.surges.contingency_pages())


@router.get("/console/surges/{surge}")
def surge(request: Request, service: Served, agent: Reading, surge: str) -> Response:
    """Show one surge."""
    return _surge(request, service, agent, surge)


@router.post("/console/surges/{surge}")
def decide(
    request: Request,
    service: Served,
    agent: Acting,
    surge: str,
    decision: Annotated[str, Form(max_length=20)],
    note: Text = "",
) -> Response:
    """Declare a major incident, dismiss a surge or end it."""
    decisions = {"declare": service.surges.declare, "dismiss": service.surges.dismiss, "end": service.surges.end}
    if decision not in decisions:
        return page(request, "message.html", 422, notice="not_found", agent=agent)
    try:
        decisions[decision](agent.id, surge, note)
    except ConflictError:
        return _surge(request, service, agent, surge, 409, "surge_refused")
    except RecordNotFoundError:
        return page(request, "message.html", 404, notice="not_found", agent=agent)
    return RedirectResponse(f"/console/surges/{in_path(surge)}", 303)


@router.post("/console/surges/{surge}/answer")
def answer(request: Request, service: Served, agent: Acting, surge: str, answer: Text = "") -> Response:
    """Tell all joined incidents the same."""
    try:
        if answer.strip():
            service.surges.answer(agent.id, surge, answer.strip())
    except RecordNotFoundError:
        return page(request, "message.html", 404, notice="not_found", agent=agent)
    return RedirectResponse(f"/console/surges/{in_path(surge)}", 303)


@router.post("/console/surges/{surge}/alerts")
def teach(request: Request, service: Served, agent: Acting, surge: str, form: AlertAnswer) -> Response:
    """Say whether an alert belongs to an incident, or take that back."""
    try:
        teach_alert(service, agent, form)
    except RecordNotFoundError:
        return _surge(request, service, agent, surge, 404, "alert_unknown")
    return RedirectResponse(f"/console/surges/{in_path(surge)}#surge-members", 303)


@router.post("/console/diagnoses/{diagnosis}/alerts")
def teach_here(request: Request, service: Served, agent: Acting, diagnosis: str, form: AlertAnswer) -> Response:
    """Say on the page of an incident whether an alert belongs to it, or take that back."""
    try:
        teach_alert(service, agent, form)
    except RecordNotFoundError:
        return page(request, "message.html", 404, notice="alert_unknown", agent=agent)
    return RedirectResponse(f"/console/diagnoses/{in_path(diagnosis)}", 303)


@router.post("/console/maintenance")
async def enter_maintenance(request: Request, service: Served, agent: Acting) -> Response:
    """Enter planned work."""
    submitted = await request.form()
    names = ("starts_at", "ends_at", "zone", "note", *FIELDS)
    form: dict[str, str] = {name: str(submitted.get(name, "")).strip() for name in names}
    form["zone"] = form["zone"] or "UTC"
    values: dict[str, Any] = {"note": form["note"]}
    try:
        values |= {name: in_zone(form[name], form["zone"]) for name in ("starts_at", "ends_at")}
        window = WindowIn.model_validate(values | {"scope": {name: form[name] for name in FIELDS if form[name]}})
    except ValueError as error:  # pydantic's is one
        notice = "maintenance_zone_wrong" if isinstance(error, UnknownZoneError) else "maintenance_wrong"
        return await run_in_threadpool(_list, request, service, agent, 422, notice, form=form)
    await run_in_threadpool(service.maintenance.add, agent.id, window)
    return RedirectResponse("/console/surges#maintenance", 303)


class UnknownZoneError(ValueError):
    """A time zone that there is not."""


def in_zone(text: str, zone: str) -> str:
    """Return a time of a form, which has no zone, as one that says its own.

    Raises
    ------
    UnknownZoneError
        If there is no such zone.
    ValueError
        If the time is none.
    """
    try:
        offsets = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # a folder of zones is a name too
        raise UnknownZoneError(f"expected a time zone; found {zone!r}") from error
    return datetime.fromisoformat(text).replace(tzinfo=offsets).isoformat()


@router.post("/console/maintenance/{window}/delete")
def delete_maintenance(request: Request, service: Served, agent: Acting, window: str) -> Response:
    """Take planned work away."""
    try:
        service.maintenance.delete(agent.id, window)
    except RecordNotFoundError:
        return page(request, "message.html", 404, notice="not_found", agent=agent)
    return RedirectResponse("/console/surges#maintenance", 303)


def _list(
    request: Request,
    service: Service,
    agent: Agent,
    status: int = 200,
    notice: str = "",
    cursor: str | None = None,
    form: dict[str, str] | None = None,
) -> Response:
    surges = service.surges.page(_PAGE, decode_number(cursor))
    return page(
        request,
        "surges.html",
        status,
        notice=notice,
        agent=agent,
        rate=service.surges.false_alarms_per_month,
        lasting=service.surges.summaries(service.surges.page(_PAGE, None, "open")),
        over=service.surges.summaries([surge for surge in surges if surge.state != "open"]),
        older=next_of(surges, _PAGE, cursor_of),
        windows=service.maintenance.since(),
        form=form or {},
    )


def _surge(
    request: Request, service: Service, agent: Agent, surge: str, status: int = 200, notice: str = ""
) -> Response:
    try:
        detail, contingency = service.surges.detail(surge)
    except RecordNotFoundError:
        return page(request, "message.html", 404, notice="not_found", agent=agent)
    numbers = detail.numbers[:_MOST_LISTED]
    records = service.incidents.find(numbers)
    incidents = [
        {
            "number": number,
            "title": str(records.get(number, {}).get("short_description") or number)[:200],
            "opened_at": str(records.get(number, {}).get("opened_at", "")),
        }
        for number in numbers
    ]
    incidents.sort(key=lambda row: (not row["opened_at"], row["opened_at"]))
    statement = None
    if detail.changes:
        statement = service.changes.statement(detail.changes[0].cmdb_ci, detail.changes[0].service)
    alert_ids = detail.alert_ids[:_MOST_LISTED]
    return page(
        request,
        "surge.html",
        status,
        notice=notice,
        agent=agent,
        surge=detail,
        incidents=incidents,
        alerts=service.alerts.find(alert_ids),
        verdicts=service.alerts.verdicts_of(alert_ids),
        contingency=contingency,
        change_statement=in_words(statement, language_of(request)) if statement else "",
    )
