"""The manager's page."""

from __future__ import annotations

import time
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from api.console.live import state_of
from api.console.outcome import DAYS, DECISIONS, Outcome, outcome_of
from api.console.pages import page
from api.console.session import Reading
from api.routes.shared import Served
from api.service import Service
from diagnosis.store.database import now

router = APIRouter()
# An outcome is kept for so many times as long as it took to count: pages that are open cost a twentieth of a core.
_KEPT_TIMES = 20


@dataclass(frozen=True, slots=True)
class _Counted:
    outcome: Outcome
    day: str
    state: tuple[int, str | None]
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
        request, "outcome.html", agent=agent, outcome=counted.outcome, counted=version, span=DAYS, decisions=DECISIONS
    )


def _counted(request: Request, service: Service) -> _Counted:
    kept: _Counted | None = getattr(request.app.state, "outcome", None)
    state, moment = state_of(service.store), now()
    if kept is not None:
        is_news = (state, f"{moment:%Y-%m-%d}") != (kept.state, kept.day)
        if not is_news or time.monotonic() - kept.at < _KEPT_TIMES * kept.seconds:
            return kept
    start = time.monotonic()
    found = outcome_of(service, moment)
    end = time.monotonic()
    request.app.state.outcome = counted = _Counted(found, f"{moment:%Y-%m-%d}", state, end, end - start)
    return counted
