"""One thin route for each dialect: prove, parse, diagnose, answer in its form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse

from api.dependencies import Served
from api.http.problems import problems
from api.http.security import MayDiagnose
from api.integrations import alertmanager, examples, glpi, jira, rt, servicenow, zammad
from api.integrations.payload import parse
from api.integrations.predictive_intelligence import PostedQuestion, posted_question
from api.integrations.proof import PREFIX, delivery_names, proven_body
from api.integrations.report import ListOutcome, Report
from api.integrations.service import IntegrationService

router = APIRouter(tags=["integrations"])


async def _integrations(service: Served) -> IntegrationService:
    return service.integrations


Integrations = Annotated[IntegrationService, Depends(_integrations)]


def _post(path: str, example: Mapping[str, Any]) -> Callable[..., Any]:
    schema = {"type": "object", "title": path, "example": example}
    body = {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}
    responses = {202: {"description": "Taken; nothing to answer, or the answer follows by write-back"}, **problems(409)}
    return router.post(f"{PREFIX}/{path}", response_model=dict[str, Any], responses=responses, openapi_extra=body)


@_post("servicenow", examples.SERVICENOW)
async def from_servicenow(request: Request, integrations: Integrations) -> Response:
    """Take a row of ServiceNow's incident table, or several; answer work notes and certified values."""
    body = await proven_body(request, "servicenow", integrations.settings)
    names = integrations.settings.servicenow
    rows = parse(servicenow.UnreadRows, body).result
    if len(rows) == 1:
        [row] = parse(servicenow.Rows, body).result
        report = servicenow.incident_of(row, names.fields)
        return JSONResponse(
            {"result": servicenow.reply(report, await integrations.diagnose("servicenow", report), integrations.zone)}
        )
    reports, refused = servicenow.reports_of(rows, names.fields)
    outcome = await integrations.diagnose_list("servicenow", reports, names.answer_seconds)
    return JSONResponse(servicenow.list_reply(reports, outcome, refused, integrations.zone), _status(outcome))


@_post("jira", examples.JIRA)
async def from_jira(request: Request, integrations: Integrations) -> Response:
    """Take an issue from Jira Automation or a platform webhook; answer a comment, as text and as a document."""
    body = await proven_body(request, "jira", integrations.settings)
    event = parse(jira.JiraEvent, body)
    if not jira.is_diagnosed(event):
        return _ignored(f"event {event.webhook_event}")
    if jira.is_own_record(event.issue.fields, integrations.settings.jira.tags):
        return _ignored("a problem or an action, and no incident")
    report = jira.incident_of(event, integrations.settings.jira.fields)
    async with integrations.once("jira", delivery_names("jira", request, body)):
        return JSONResponse(jira.reply(report, await integrations.diagnose("jira", report), integrations.zone))


@_post("servicenow/changes", examples.SERVICENOW_CHANGE)
async def changes_from_servicenow(request: Request, service: Served, integrations: Integrations) -> Response:
    """Take a row of ServiceNow's table change_request, or several; of several each answers for itself."""
    body = await proven_body(request, "servicenow", integrations.settings)
    rows = parse(servicenow.UnreadRows, body).result
    if len(rows) == 1:
        [row] = parse(servicenow.Rows, body).result
        await integrations.take_change(service.changes, row.ticket)
        return JSONResponse({"stored": 1})
    records, refused = servicenow.changes_of(rows)
    stored, unusable = await integrations.take_changes(service.changes, records)
    return JSONResponse(servicenow.changes_reply(stored, {**refused, **unusable}))


@_post("glpi/changes", examples.GLPI_CHANGE)
async def changes_from_glpi(request: Request, service: Served, integrations: Integrations) -> Response:
    """Take a change from a GLPI webhook on changes."""
    body = await proven_body(request, "glpi", integrations.settings)
    event = parse(glpi.GlpiEvent, body)
    async with integrations.once("glpi", delivery_names("glpi", request, body)):
        if event.event == "delete":
            return _ignored("event delete")
        item = event.item.extra_fields | {"id": event.item.id}
        await integrations.take_change(service.changes, item)
        return JSONResponse({"stored": 1})


@_post("zammad", examples.ZAMMAD)
async def from_zammad(request: Request, integrations: Integrations) -> Response:
    """Take a ticket from a Zammad trigger; answer a note. The signature is checked before anything is parsed."""
    body = await proven_body(request, "zammad", integrations.settings)
    trigger = parse(zammad.Trigger, body)
    if zammad.is_in_group(trigger.ticket.extra_fields, integrations.settings.zammad.action_group):
        return _ignored("an action, and no incident")
    async with integrations.once("zammad", delivery_names("zammad", request, body)):
        report = zammad.incident_of(trigger, integrations.settings.zammad.fields)
        if trigger.article is not None and trigger.article.internal:  # agents' notes, ours among them
            await integrations.remember(report)
            return _ignored("internal article")
        return JSONResponse(zammad.reply(report, await integrations.diagnose("zammad", report), integrations.zone))


@_post("glpi", examples.GLPI)
async def from_glpi(request: Request, integrations: Integrations) -> Response:
    """Take a ticket from a GLPI webhook; answer within its five seconds, or 202 and write the diagnosis back."""
    body = await proven_body(request, "glpi", integrations.settings)
    event = parse(glpi.GlpiEvent, body)
    async with integrations.once("glpi", delivery_names("glpi", request, body)):
        if event.event == "delete":
            return _ignored("event delete")
        return await _glpi_answer(integrations, glpi.incident_of(event, integrations.settings.glpi.fields))


async def _glpi_answer(integrations: IntegrationService, report: Report) -> Response:
    diagnosis = await integrations.diagnose_in_time("glpi", report, integrations.settings.glpi.answer_seconds)
    if diagnosis is None:
        return JSONResponse({"status": "accepted", "tickets_id": report.record}, 202)
    return JSONResponse(glpi.reply(report, diagnosis, integrations.zone))


@_post("rt", examples.REQUEST_TRACKER)
async def from_request_tracker(request: Request, integrations: Integrations) -> Response:
    """Take a ticket from Request Tracker's scrip; a new one is answered with a comment, a changed one remembered."""
    body = await proven_body(request, "rt", integrations.settings)
    event = parse(rt.RtEvent, body)
    names = integrations.settings.rt
    if rt.is_in_queue(event.ticket.extra_fields, (names.problem_queue, names.action_queue)):
        return JSONResponse({"status": "a problem or an action, and no incident", "id": event.ticket.id}, 202)
    report = rt.incident_of(event, integrations.settings.rt.fields)
    async with integrations.once("rt", delivery_names("rt", request, body)):
        if event.event != "create":
            await integrations.remember(report)
            return JSONResponse({"status": "remembered", "id": report.record}, 202)
        diagnosis = await integrations.diagnose_in_time("rt", report, integrations.settings.rt.answer_seconds)
        if diagnosis is None:
            return JSONResponse({"status": "accepted", "id": report.record}, 202)
        return JSONResponse(rt.reply(report, diagnosis, integrations.zone))


@_post("alertmanager", examples.ALERTMANAGER)
async def from_alertmanager(request: Request, integrations: Integrations) -> Response:
    """Take a notification (version 4): firing opens or updates its fingerprint's incident, resolved resolves it."""
    body = await proven_body(request, "alertmanager", integrations.settings)
    notification = parse(alertmanager.Notification, body)
    reports = await integrations.report_alerts(notification.alerts, notification.group_key)
    seconds = integrations.settings.alertmanager.answer_seconds
    outcome = await integrations.diagnose_list("alertmanager", dict(enumerate(reports)), seconds, only_new=True)
    return JSONResponse(alertmanager.reply(notification, reports, outcome), _status(outcome))


_PREDICTION = "/agent_intelligence/solution/prediction"
_ONE_PREDICTION = "/agent_intelligence/solution/{solution_name}/prediction"
_VERSIONS = ("/api/now", "/api/now/v1", "/api/now/v2")


def _in_every_version(path: str, method: str) -> Callable[..., Any]:
    """Serve a route of Predictive Intelligence at its default address, and at those that name a version."""

    def register(endpoint: Callable[..., Any]) -> Callable[..., Any]:
        for place, base in enumerate(_VERSIONS):
            router.add_api_route(
                base + path,
                endpoint,
                methods=[method],
                response_model=dict[str, Any],
                responses=problems(404),
                include_in_schema=place == 0,
            )
        return endpoint

    return register


@_in_every_version(_PREDICTION, "GET")
async def predict(
    _principal: MayDiagnose,
    integrations: Integrations,
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
    posted = posted_question(input_maps, solution_names, options)
    return JSONResponse(await integrations.predict(posted))


@_in_every_version(_PREDICTION, "POST")
async def predict_posted(_principal: MayDiagnose, integrations: Integrations, posted: PostedQuestion) -> Response:
    """Answer the same arguments in a body: a thousand records are more than an address holds."""
    return JSONResponse(await integrations.predict(posted))


@_in_every_version(_ONE_PREDICTION, "GET")
async def predict_one(
    request: Request, _principal: MayDiagnose, integrations: Integrations, solution_name: str
) -> Response:
    """Answer one solution for one record, whose fields are the arguments; the outcome is empty unless certified."""
    row = servicenow.IncidentRow.model_validate(dict(request.query_params))
    return JSONResponse(await integrations.predict_one(solution_name, row))


@_in_every_version(_ONE_PREDICTION, "POST")
async def predict_one_posted(
    _principal: MayDiagnose, integrations: Integrations, solution_name: str, row: servicenow.IncidentRow
) -> Response:
    """Answer one solution for the record in the body."""
    return JSONResponse(await integrations.predict_one(solution_name, row))


def _status(outcome: ListOutcome) -> int:
    """Return 202 where some diagnoses follow."""
    return 202 if outcome.owed else 200


def _ignored(reason: str) -> Response:
    return JSONResponse({"status": "ignored", "reason": reason}, 202)
