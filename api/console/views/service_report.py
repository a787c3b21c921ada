"""The manager's page."""

from __future__ import annotations

import time
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from api.console.change_notifier import change_marker
from api.console.pages import page
from api.console.release_quality import verdict
from api.console.service_report import DAYS, DECISIONS, ServiceReport, service_report
from api.console.session import Reading
from api.dependencies import Served
from api.errors import NothingPublishedError
from api.service import Service
from diagnosis.store.database import now

router = APIRouter()
# An outcome is kept for so many times as long as it took to count: pages that are open cost a twentieth of a core.
_KEPT_TIMES = 20


@dataclass(frozen=True, slots=True)
class _Counted:
    outcome: ServiceReport
    state: tuple[object, ...]
    at: float
    seconds: float


@router.get("/console/outcome")
def outcome(request: Request, service: Served, agent: Reading, seen: str = "") -> Response:
    """Show the outcome of the last days, as soon as anything has changed; nothing where that has been `seen`."""
    counted = _counted(request, service)
    version = f"{counted.at:.3f}"
    if seen == version:
        return Response(status_code=204)
    return page(
        request,
        "service_report.html",
        agent=agent,
        outcome=counted.outcome,
        counted=version,
        span=DAYS,
        decisions=DECISIONS,
        verdict=verdict,
    )


def _counted(request: Request, service: Service) -> _Counted:
    kept: _Counted | None = getattr(request.app.state, "outcome", None)
    moment = now()
    at_work = state(service, f"{moment:%Y-%m-%d}")
    if kept is not None and (at_work == kept.state or time.monotonic() - kept.at < _KEPT_TIMES * kept.seconds):
        return kept
    start = time.monotonic()
    found = service_report(service, moment)
    end = time.monotonic()
    request.app.state.outcome = counted = _Counted(found, at_work, end, end - start)
    return counted


def state(service: Service, day: str) -> tuple[object, ...]:
    """Return what is another whenever the outcome may be."""
    try:
        release = service.serving.current.diagnoser.release
    except NothingPublishedError:
        release = ""
    settled, revoked = service.store.observations.settled_upto(), len(service.store.revocations.of(release))
    return day, release, settled, revoked, *change_marker(service.store)
