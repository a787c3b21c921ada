"""`/v1/surveys`: links that ask callers how satisfied they are, and what they answered."""

from __future__ import annotations

from fastapi import APIRouter

from api.dependencies import Served
from api.http.problems import problems
from api.http.security import MayRead, MayWrite
from api.surveys.schemas import SurveyAnswerOut, SurveyAnswersOut, SurveyIn, SurveyOut
from diagnosis.times import format_utc

router = APIRouter(prefix="/v1/surveys", tags=["surveys"])


@router.post("", response_model=SurveyOut, status_code=201, responses=problems(404))
def make_link(body: SurveyIn, principal: MayWrite, service: Served) -> SurveyOut:
    """Sign a link that asks the caller of one incident; it opens without a sign-in and can be answered once."""
    token, expires = service.surveys.link(principal.id, body.incident)
    return SurveyOut(incident=body.incident, path=f"/survey/{token}", expires_at=format_utc(expires))


@router.get("", response_model=SurveyAnswersOut, responses=problems())
def answers(_principal: MayRead, service: Served) -> SurveyAnswersOut:
    """Return what callers answered."""
    names = ("incident", "rating", "comment", "language")
    items = [
        SurveyAnswerOut(
            **{name: getattr(answer, name) for name in names},
            answered_at=format_utc(answer.answered_at, timespec="seconds"),
        )
        for answer in service.surveys.answers()
    ]
    return SurveyAnswersOut(items=items)
