"""What people say of a diagnosis, in one click, and its undoing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from api.console.incident_view import News, news_of, standing, suggestion_view
from api.console.pages import is_part, page
from api.console.session import Acting, Agent, Reading, Text, needs
from api.dependencies import Served
from api.feedback.schemas import FeedbackIn
from api.service import Service
from diagnosis.errors import InputError
from diagnosis.store.feedback import Feedback

router = APIRouter()
Long = Annotated[str, Form(max_length=1000)]
Word = Annotated[str, Query(max_length=32)]


@router.post("/console/diagnoses/{diagnosis}/feedback")
def give(
    request: Request, service: Served, agent: Acting, diagnosis: str, kind: Text,
    target: Long = "", value: Long = "", suggestion: Long = "",
) -> Response:  # fmt: skip
    """Say that a prediction is right, wrong or something else, or whether a suggestion helped."""
    needs(agent, "feedback")
    say(service, agent.id, diagnosis, {"kind": kind, "target": target, "value": value, "suggestion": suggestion})
    return part(request, service, agent, diagnosis, target, suggestion)


@router.post("/console/diagnoses/{diagnosis}/feedback/{feedback}/undo")
def undo(request: Request, service: Served, agent: Acting, diagnosis: str, feedback: str) -> Response:
    """Take it back."""
    needs(agent, "feedback")
    undone = take_back(service, agent.id, diagnosis, feedback)
    return part(request, service, agent, diagnosis, undone.target, undone.suggestion or "")


def say(service: Service, actor: str, diagnosis: str, said: dict[str, str]) -> None:
    """Store what a person said, and note it in the audit log."""
    try:
        checked = FeedbackIn.model_validate(said)
    except ValidationError as error:
        raise InputError(f"expected feedback on a prediction or a suggestion; found {said['kind']!r}") from error
    saved = service.give_feedback(diagnosis, checked.model_dump(), actor)
    service.note(actor, f"feedback.{saved.kind}", diagnosis, feedback=saved.id)


def take_back(service: Service, actor: str, diagnosis: str, feedback: str) -> Feedback:
    """Undo what a person said, and note it in the audit log."""
    undone = service.store.feedback.undo(feedback, diagnosis)
    service.serving.heard()
    service.note(actor, "feedback.undo", diagnosis, feedback=feedback)
    return undone


def part(
    request: Request, service: Service, agent: Agent, diagnosis: str, target: str, suggestion: str,
    actions: str = "/console",
) -> Response:  # fmt: skip
    """Return the card that was spoken of, as it is now; without scripts, the way back to the whole page."""
    if not is_part(request):
        back = f"/panel?token={agent.csrf}" if actions == "/panel" else f"/console/diagnoses/{diagnosis}"
        return RedirectResponse(back, 303)
    said = service.store.diagnoses.get(diagnosis)
    given = service.store.feedback.of(diagnosis)
    place, one = _place(said, suggestion)
    return page(
        request, "card.html", agent=agent, said=said, voices=standing(given), news=news_of(service, said, given),
        actions=actions, fresh=True, target=target, place=place, one=said["predictions"].get(target),
        item=suggestion_view(one) if one else None,
    )  # fmt: skip


@router.get("/console/diagnoses/{diagnosis}/news")
def news(
    request: Request, service: Served, agent: Reading, diagnosis: str, seen: int, newer: Word = ""
) -> Response:  # fmt: skip
    """Return the cards that others judged since a page was shown, and whether the diagnosis is still the newest."""
    said = service.store.diagnoses.get(diagnosis)
    given = service.store.feedback.of(diagnosis)
    now = news_of(service, said, given)
    if now == News(seen, newer):
        return Response(status_code=204)
    spoken_of = dict.fromkeys((one.target, one.suggestion) for one in given if one.sequence > seen)
    cards = [_card(said, target, suggestion or "") for target, suggestion in spoken_of]
    return page(request, "news.html", agent=agent, said=said, voices=standing(given), news=now, cards=cards)


def _card(said: Mapping[str, Any], target: str, suggestion: str) -> tuple[str, Any, int]:
    place, one = _place(said, suggestion)
    return target, suggestion_view(one) if one else None, place


def _place(said: Mapping[str, Any], suggestion: str) -> tuple[int, Mapping[str, Any] | None]:
    """Return where a suggestion stands in a diagnosis, and the suggestion; none where a target was spoken of."""
    return next(((i, s) for i, s in enumerate(said["suggestions"], 1) if s["id"] == suggestion), (0, None))
