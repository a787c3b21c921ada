"""The manager's page."""

from __future__ import annotations

import time
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from api.console.pages import page
from api.console.release_quality import verdict
from api.console.service_report import DAYS, DECISIONS, ServiceReport, service_report
from api.console.session import Reading
from api.dependencies import Served
from api.service import Service
from diagnosis.times import utc_now

router = APIRouter()
# A report is served for so many times as long as it took to make: open pages cost at most a twentieth of a core.
_REUSE_FACTOR = 20


@dataclass(frozen=True, slots=True)
class _CachedReport:
    report: ServiceReport
    marker: tuple[object, ...]
    made_at: float
    seconds: float


@router.get("/console/report")
def show(request: Request, service: Served, agent: Reading, version: str = "") -> Response:
    """Show the key figures of the last days, as soon as anything has changed; nothing where the page has them."""
    cached = _cached_report(request, service)
    current = f"{cached.made_at:.3f}"
    if version == current:
        return Response(status_code=204)
    return page(
        request,
        "service_report.html",
        agent=agent,
        report=cached.report,
        report_version=current,
        span=DAYS,
        decisions=DECISIONS,
        verdict=verdict,
    )


@router.get("/console/outcome")
def former_address() -> RedirectResponse:
    """Lead bookmarks of the page's former address to where it is."""
    return RedirectResponse("/console/report", 308)


def _cached_report(request: Request, service: Service) -> _CachedReport:
    cached: _CachedReport | None = getattr(request.app.state, "service_report", None)
    moment = utc_now()
    marker = report_marker(service, f"{moment:%Y-%m-%d}")
    if cached is not None:
        age = time.monotonic() - cached.made_at
        if marker == cached.marker or age < _REUSE_FACTOR * cached.seconds:
            return cached
    start = time.monotonic()
    report = service_report(service, moment)
    end = time.monotonic()
    request.app.state.service_report = fresh = _CachedReport(report, marker, end, end - start)
    return fresh


def report_marker(service: Service, day: str) -> tuple[object, ...]:
    """Return a value that differs whenever the report may."""
    return day, *service.monitoring.quality_marker(), *service.monitoring.change_marker()
