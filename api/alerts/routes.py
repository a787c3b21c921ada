"""`/v1/alerts` and `/v1/service-map`: what monitoring says, which incidents it explains, and the month's review."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Response
from fastapi.responses import JSONResponse
from pydantic import WithJsonSchema

from api.alerts.schemas import (
    EXAMPLE,
    AlertIn,
    AlertLinks,
    AlertOut,
    AlertPage,
    AlertResults,
    AlertVerdictIn,
    AlertVerdictOut,
    AlertVerdictPage,
    MonitoringReviewOut,
    ServiceMapIn,
    ServiceMapOut,
)
from api.alerts.service import alert_out, verdict_out
from api.dependencies import Served
from api.http.cursors import Cursor, Limit, decode_number, next_of
from api.http.problems import problems
from api.http.rows import rows_of
from api.http.security import MayGiveFeedback, MayRead, MayWrite

router = APIRouter(tags=["alerts"])

_ITEM = AlertIn.model_json_schema()
Alerts = Annotated[
    Any, WithJsonSchema({"anyOf": [_ITEM, {"type": "array", "items": _ITEM, "minItems": 1, "maxItems": 1000}]})
]
_ALERTS: Any = Body(examples=[EXAMPLE, [EXAMPLE]])


@router.post("/v1/alerts", response_model=AlertResults, responses=problems())
def put_alerts(_principal: MayWrite, service: Served, body: Alerts = _ALERTS) -> Response:
    """Take in one alert or up to 1,000; one that repeats another while that lasts is counted with it."""
    rows = rows_of(AlertIn, body)
    kept = iter(service.alerts.take_in([row for row in rows if isinstance(row, AlertIn)]))
    results: list[dict[str, Any]] = [
        {"index": index, "alert": next(kept), "error": None}
        if isinstance(row, AlertIn)
        else {"index": index, "alert": None, "error": row.detail}
        for index, row in enumerate(rows)
    ]
    return JSONResponse({"stored": sum(item["error"] is None for item in results), "results": results})


@router.get("/v1/alerts", response_model=AlertPage, responses=problems())
def list_alerts(_principal: MayRead, service: Served, limit: Limit = 50, cursor: Cursor = None) -> AlertPage:
    """Return alerts, those that came last first."""
    alerts = service.alerts.page(limit, decode_number(cursor))
    return AlertPage(
        items=[alert_out(alert) for alert in alerts], next=next_of(alerts, limit, lambda alert: str(alert.sequence))
    )


@router.get("/v1/alerts/explaining", response_model=AlertLinks, responses=problems(404))
def explaining(
    _principal: MayRead,
    service: Served,
    incident: Annotated[str, Query(min_length=1, max_length=255, description="Its number", examples=["INC0010023"])],
) -> AlertLinks:
    """Return the alerts that may explain an incident, the likeliest first."""
    return AlertLinks(items=service.alerts.explaining(service.incidents.look_up(incident)))


@router.get("/v1/alerts/verdicts", response_model=AlertVerdictPage, responses=problems())
def list_verdicts(_principal: MayRead, service: Served, limit: Limit = 50, cursor: Cursor = None) -> AlertVerdictPage:
    """Return what people said of alerts and incidents, the latest first."""
    verdicts = service.alerts.verdicts(limit, decode_number(cursor))
    return AlertVerdictPage(
        items=[verdict_out(verdict) for verdict in verdicts],
        next=next_of(verdicts, limit, lambda verdict: str(verdict.sequence)),
    )


@router.post("/v1/alerts/verdicts", response_model=AlertVerdictOut, responses=problems(404))
def teach(body: AlertVerdictIn, principal: MayGiveFeedback, service: Served) -> AlertVerdictOut:
    """Say whether an alert belongs to an incident; the latest word on the two counts."""
    return service.alerts.teach(principal.id, body.alert, body.incident, body.belongs)


@router.delete("/v1/alerts/verdicts", status_code=204, responses=problems(404))
def take_back(
    principal: MayGiveFeedback,
    service: Served,
    alert: Annotated[str, Query(min_length=1, max_length=255, description="Id of the alert")],
    incident: Annotated[str, Query(min_length=1, max_length=255, description="Number of the incident")],
) -> Response:
    """Take back what was said of an alert and an incident."""
    service.alerts.take_back(principal.id, alert, incident)
    return Response(status_code=204)


@router.get("/v1/alerts/review", response_model=MonitoringReviewOut, responses=problems())
def review(
    _principal: MayRead,
    service: Served,
    month: Annotated[
        str, Query(max_length=7, description="The last whole month unless named", examples=["2026-10"])
    ] = "",
) -> MonitoringReviewOut:
    """Return which alerts came before incidents, which never did, and which incidents no alert announced."""
    return service.alerts.review(month)


@router.get("/v1/alerts/{alert:path}", response_model=AlertOut, responses=problems(404))
def get_alert(alert: str, _principal: MayRead, service: Served) -> AlertOut:
    """Return one alert."""
    return service.alerts.get(alert)


@router.get("/v1/service-map", response_model=ServiceMapOut, responses=problems())
def get_service_map(_principal: MayRead, service: Served) -> ServiceMapOut:
    """Return which item needs which."""
    return _map(service.alerts.links())


@router.put("/v1/service-map", response_model=ServiceMapOut, responses=problems())
def put_service_map(body: ServiceMapIn, principal: MayWrite, service: Served) -> ServiceMapOut:
    """Put another service map in place of the one there is."""
    return _map(service.alerts.replace_links(principal.id, body.links))


def _map(links: list[tuple[str, str, str]]) -> ServiceMapOut:
    return ServiceMapOut(links=[{"from": item, "to": needs, "kind": kind} for item, needs, kind in links])
