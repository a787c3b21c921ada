"""The manager's page."""

from __future__ import annotations

import time

from fastapi import APIRouter, Request, Response

from api.console.outcome import DAYS, DECISIONS, Outcome, outcome_of
from api.console.pages import page
from api.console.session import Reading
from api.routes.shared import Served
from diagnosis.store.database import now

router = APIRouter()
_FRESH_SECONDS = 60.0


@router.get("/console/outcome")
def outcome(request: Request, service: Served, agent: Reading) -> Response:
    """Show the outcome of the last days, at most a minute old."""
    state = request.app.state
    kept: tuple[float, Outcome] | None = getattr(state, "outcome", None)
    if kept is None or time.monotonic() - kept[0] > _FRESH_SECONDS:
        state.outcome = kept = (time.monotonic(), outcome_of(service, now()))
    return page(request, "outcome.html", agent=agent, outcome=kept[1], span=DAYS, decisions=DECISIONS)
