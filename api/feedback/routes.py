"""`/v1/diagnoses/{id}/feedback`: what people say of a diagnosis."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from api.dependencies import Served
from api.feedback.schemas import FeedbackIn, FeedbackList, FeedbackOut
from api.http.problems import problems
from api.http.security import MayGiveFeedback
from diagnosis.store.feedback import Feedback
from diagnosis.times import format_utc

router = APIRouter(prefix="/v1/diagnoses", tags=["diagnoses"])


_STANDS = {"model": FeedbackOut, "description": "Somebody else's that says the same; nothing was stored"}


@router.post(
    "/{diagnosis}/feedback",
    response_model=FeedbackOut,
    status_code=201,
    responses={200: _STANDS, **problems(404, 409)},
)
def give_feedback(diagnosis: str, body: FeedbackIn, principal: MayGiveFeedback, service: Served) -> Response:
    """Say whether a prediction was right or a suggestion worked; it holds from this moment.

    Another's judgement stays unless `replaces` names it, and a value that nothing here knows is asked about (409).
    """
    current = service.feedback.give(principal.id, diagnosis, body)
    return JSONResponse(_feedback(current), 201 if current.actor == principal.id else 200)


@router.get("/{diagnosis}/feedback", response_model=FeedbackList, responses=problems(404))
def list_feedback(diagnosis: str, _principal: MayGiveFeedback, service: Served) -> Response:
    """Return what people said of a diagnosis, oldest first."""
    service.diagnoses.get(diagnosis)
    return JSONResponse({"items": [_feedback(feedback) for feedback in service.feedback.of(diagnosis)]})


@router.delete("/{diagnosis}/feedback/{feedback}", response_model=FeedbackOut, responses=problems(404))
def undo_feedback(diagnosis: str, feedback: str, principal: MayGiveFeedback, service: Served) -> Response:
    """Take feedback back; it binds no later diagnosis any more."""
    return JSONResponse(_feedback(service.feedback.undo(principal.id, diagnosis, feedback)))


def _feedback(feedback: Feedback) -> dict[str, Any]:
    values = {name: getattr(feedback, name) for name in FeedbackOut.model_fields}
    return {name: format_utc(value) if isinstance(value, datetime) else value for name, value in values.items()}
