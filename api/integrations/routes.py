"""One thin route for each dialect: prove, parse, diagnose, answer in its form."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from api.dependencies import Served
from api.http.problems import problems
from api.http.security import MayDiagnose
from api.integrations import alertmanager, examples, glpi, jira, servicenow, zammad
from api.integrations import predictive_intelligence as prediction
from api.integrations.faults import Faults
from api.integrations.intake import Intake
from api.integrations.payload import parse
from api.integrations.proof import PREFIX, once, proven_body
from api.integrations.report import Report
from api.integrations.settings import Integrations
from api.service import Service


def _intake(request: Request) -> Intake:
    intake: Intake = request.app.state.systems.intake
    return intake


Received = Annotated[Intake, Depends(_intake)]


router = APIRouter(tags=["integrations"])


def _post(path: str, example: Mapping[str, Any]) -> Callable[..., Any]:
    schema = {"type": "object", "title": path, "example": example}
    body = {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}
    responses = {202: {"description": "Taken; nothing to answer, or the answer follows by write-back"}, **problems(409)}
    return router.post(f"{PREFIX}/{path}", response_model=dict[str, Any], responses=responses, openapi_extra=body)


@_post("servicenow", examples.SERVICENOW)
async def from_servicenow(request: Request, intake: Received) -> Response:
    """Take a row of ServiceNow's incident table, or several; answer work notes and certified values."""
    body = await proven_body(request, "servicenow", intake.settings)
    rows = parse(servicenow.Rows, body).result
    reports = [servicenow.incident_of(row, intake.settings.servicenow.fields) for row in rows]
    diagnoses = await asyncio.gather(*[intake.diagnose("servicenow", report) for report in reports])
    answers = [servicenow.reply(report, diagnosis) for report, diagnosis in zip(reports, diagnoses, strict=True)]
    return JSONResponse({"result": answers if len(answers) > 1 else answers[0]})


@_post("jira", examples.JIRA)
async def from_jira(request: Request, intake: Received, service: Served) -> Response:
    """Take an issue from Jira Automation or a platform webhook; answer a comment, as text and as a document."""
    body = await proven_body(request, "jira", intake.settings)
    event = parse(jira.Event, body)
    if not jira.is_diagnosed(event):
        return _ignored(f"event {event.webhook_event}")
    report = jira.incident_of(event, intake.settings.jira.fields)
    async with once(service.store.inbox, "jira", request, body):
        return JSONResponse(jira.reply(report, await intake.diagnose("jira", report)))


@_post("zammad", examples.ZAMMAD)
async def from_zammad(request: Request, intake: Received, service: Served) -> Response:
    """Take a ticket from a Zammad trigger; answer a note. The signature is checked before anything is parsed."""
    body = await proven_body(request, "zammad", intake.settings)
    trigger = parse(zammad.Trigger, body)
    async with once(service.store.inbox, "zammad", request, body):
        report = zammad.incident_of(trigger, intake.settings.zammad.fields)
        if trigger.article is not None and trigger.article.internal:  # agents' notes, ours among them
            await intake.remember(report)
            return _ignored("internal article")
        return JSONResponse(zammad.reply(report, await intake.diagnose("zammad", report)))


@_post("glpi", examples.GLPI)
async def from_glpi(request: Request, intake: Received, service: Served) -> Response:
    """Take a ticket from a GLPI webhook; answer within its five seconds, or 202 and write the diagnosis back."""
    body = await proven_body(request, "glpi", intake.settings)
    event = parse(glpi.Event, body)
    async with once(service.store.inbox, "glpi", request, body):
        if event.event == "delete":
            return _ignored("event delete")
        return await _glpi_answer(intake, glpi.incident_of(event, intake.settings.glpi.fields))


async def _glpi_answer(intake: Intake, report: Report) -> Response:
    try:
        async with asyncio.timeout(intake.settings.glpi.answer_seconds):
            diagnosis = await intake.diagnose("glpi", report)
    except TimeoutError:
        await intake.later("glpi", report)
        return JSONResponse({"status": "accepted", "tickets_id": report.record}, 202)
    return JSONResponse(glpi.reply(report, diagnosis))


@_post("alertmanager", examples.ALERTMANAGER)
async def from_alertmanager(request: Request, intake: Received, service: Served) -> Response:
    """Take a notification (version 4): firing opens or updates its fingerprint's incident, resolved resolves it."""
    body = await proven_body(request, "alertmanager", intake.settings)
    notification = parse(alertmanager.Notification, body)
    faults = Faults(service.store.inbox, timedelta(minutes=intake.settings.alertmanager.reopen_minutes))
    reports = [await run_in_threadpool(faults.report, alert) for alert in notification.alerts]
    # A group is diagnosed together: the service makes a batch of what waits.
    answers = await asyncio.gather(
        *[_alert_answer(alert, report, intake) for alert, report in zip(notification.alerts, reports, strict=True)]
    )
    return JSONResponse(alertmanager.reply(notification, answers))


@router.get("/api/now/agent_intelligence/solution/prediction", response_model=dict[str, Any], responses=problems(404))
@router.get("/api/now/v1/agent_intelligence/solution/prediction", include_in_schema=False)
async def predict(
    _principal: MayDiagnose,
    service: Served,
    intake: Received,
    input_maps: Annotated[
        str,
        Query(
            max_length=1_000_000,
            description="JSON array of records",
            examples=['[{"sys_id":"0ef47232db801300864adfea5e961912","short_description":"VPN is down"}]'],
        ),
    ],
    solution_names: Annotated[
        str, Query(max_length=2000, description="Names, separated by commas", examples=["ml_incident_assignment"])
    ],
    options: Annotated[
        str,
        Query(
            max_length=2000,
            description="JSON object: top_n, apply_threshold",
            examples=['{"top_n":5,"apply_threshold":false}'],
        ),
    ] = "{}",
) -> Response:
    """Answer as ServiceNow Predictive Intelligence does; nothing is stored."""
    return JSONResponse(await _predictions(service, intake.settings, input_maps, solution_names, options))


async def _alert_answer(
    alert: alertmanager.Alert, report: Report, intake: Intake
) -> tuple[alertmanager.Alert, str, Mapping[str, Any] | None]:
    if alert.status == "resolved":
        await intake.remember(report)
        return alert, report.incident.number, None
    return alert, report.incident.number, await intake.diagnose_if_new("alertmanager", report)


async def _predictions(
    service: Service, settings: Integrations, input_maps: str, solution_names: str, options: str
) -> dict[str, Any]:
    routers = service.serving.current.diagnoser.parts.routers
    names = settings.servicenow
    question = prediction.question(input_maps, solution_names, options, names.solutions, names.fields, list(routers))
    predicted = await service.diagnoses.predict([report.incident for _, report in question.records])

    def threshold(target: str, value: str) -> float | None:
        certificates = routers[target].certificates_
        certificate = certificates.classes.get(value) if certificates else None
        if certificates is None or certificate is None:
            return None
        overall, own_class = certificates.overall.threshold, certificate.threshold
        return None if overall is None or own_class is None else max(overall, own_class)

    return prediction.results(question, [diagnosis.predictions for diagnosis in predicted], threshold)


def _ignored(reason: str) -> Response:
    return JSONResponse({"status": "ignored", "reason": reason}, 202)
