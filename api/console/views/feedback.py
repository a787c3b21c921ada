"""People's judgement of a diagnosis, in one click, and undoing it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from api.console.incident_view import (
    News,
    judgements_of,
    news_of,
    predictions_of,
    suggestions_of,
)
from api.console.messages import Language
from api.console.pages import is_part, language_of, page
from api.console.session import Acting, Agent, Reading, Text
from api.console.views.incidents import Selected
from api.dependencies import Served
from api.feedback.schemas import FeedbackIn
from api.feedback.service import ColleagueDecidedError, UnknownValueError
from api.service import Service
from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.store.database import RecordNotFoundError
from diagnosis.store.feedback import Feedback

router = APIRouter()
Word = Annotated[str, Query(max_length=32)]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a judgement was not stored: a colleague's stands, or the value needs a confirmation."""

    person: str = ""
    unknown_value: str = ""


@dataclass(frozen=True, slots=True)
class CardForm:
    """What the form of one card sends.

    Attributes
    ----------
    judgement : str
        Id of the judgement that the person saw on the card; ``""`` for none.
    confirmed : str
        A value that the release does not know, once the person has confirmed it.
    """

    kind: str
    target: str = ""
    value: str = ""
    suggestion: str = ""
    judgement: str = ""
    confirmed: str = ""

    @property
    def subject(self) -> str:
        """The target or suggestion that the form judges."""
        return self.target or self.suggestion


def card_form(
    kind: Text,
    target: Annotated[str, Form(max_length=1000)] = "",
    value: Annotated[str, Form(max_length=1000)] = "",
    suggestion: Annotated[str, Form(max_length=1000)] = "",
    judgement: Annotated[str, Form(max_length=64)] = "",
    confirmed: Annotated[str, Form(max_length=1000)] = "",
) -> CardForm:
    """Read the form of a card."""
    return CardForm(kind, target, value, suggestion, judgement, confirmed)


Card = Annotated[CardForm, Depends(card_form)]


@router.post("/console/diagnoses/{diagnosis}/feedback")
def give(request: Request, service: Served, agent: Acting, diagnosis: str, form: Card) -> Response:
    """Judge a prediction right or wrong, set another value, or say whether a suggestion helped."""
    refusal = give_feedback(service, agent, diagnosis, form)
    return card_page(request, service, agent, diagnosis, form.target, form.suggestion, refusal=refusal)


@router.post("/console/diagnoses/{diagnosis}/feedback/{feedback}/undo")
def undo(request: Request, service: Served, agent: Acting, diagnosis: str, feedback: str) -> Response:
    """Undo a judgement."""
    undone = undo_feedback(service, agent, diagnosis, feedback)
    return card_page(request, service, agent, diagnosis, undone.target, undone.suggestion or "")


def give_feedback(service: Service, agent: Agent, diagnosis: str, form: CardForm) -> Refusal | None:
    """Store a judgement and note it in the audit log, unless a colleague's or an unknown value stands against it."""
    value = form.value.strip()
    try:
        body = FeedbackIn.model_validate(
            {
                "kind": form.kind,
                "target": form.target,
                "value": value,
                "suggestion": form.suggestion,
                "replaces": form.judgement,
                "confirm": bool(value) and form.confirmed == value,
            }
        )
    except ValidationError as error:
        raise InputError(f"expected feedback on a prediction or a suggestion; found {form.kind!r}") from error
    try:
        current = service.feedback.give(agent.id, diagnosis, body)
    except UnknownValueError:
        return Refusal(unknown_value=value)
    except ColleagueDecidedError as error:
        current = error.feedback
    return None if current.actor == agent.id else Refusal(person=judgements_of(service, [current])[form.subject].person)


def undo_feedback(service: Service, agent: Agent, diagnosis: str, feedback: str) -> Feedback:
    """Undo a judgement of an incident, of this or an earlier diagnosis, and note it in the audit log.

    Raises
    ------
    RecordNotFoundError
        If the incident has no such feedback.
    """
    entries = {entry.id: entry for entry in service.feedback.on(service.diagnoses.get(diagnosis)["incident"])}
    if feedback not in entries:
        raise RecordNotFoundError(Phrase("no_feedback", {"id": feedback, "diagnosis": diagnosis}))
    return service.feedback.undo(agent.id, entries[feedback].diagnosis, feedback)


def card_page(
    request: Request,
    service: Service,
    agent: Agent,
    diagnosis: str,
    target: str,
    suggestion: str,
    actions: str = "/console",
    refusal: Refusal | None = None,
) -> Response:
    """Return the card that was judged, as it is now; without scripts, the way back to the whole page."""
    if not is_part(request) and refusal is None:
        back = f"/panel?token={agent.csrf}" if actions == "/panel" else f"/console/diagnoses/{diagnosis}"
        return RedirectResponse(back, 303)
    body = service.diagnoses.get(diagnosis)
    feedback = service.feedback.on(body["incident"])
    template = "card.html" if is_part(request) else "card_alone.html"
    return page(
        request,
        template,
        agent=agent,
        diagnosis=body,
        judgements=judgements_of(service, feedback),
        news=news_of(service, body, feedback),
        actions=actions,
        fresh=True,
        refusal=refusal,
        **_card(service, body, feedback, target, suggestion, language_of(request)),
    )


@router.get("/console/diagnoses/{diagnosis}/news")
def news(
    request: Request,
    service: Served,
    agent: Reading,
    diagnosis: str,
    sequence: int,
    selection: Selected,
    newer: Word = "",
) -> Response:
    """Return the cards that others judged since a page was shown, and whether the diagnosis is still the newest."""
    body = service.diagnoses.get(diagnosis)
    feedback = service.feedback.on(body["incident"])
    current = news_of(service, body, feedback)
    if current == News(sequence, newer):
        return Response(status_code=204)
    subjects = dict.fromkeys((entry.target, entry.suggestion or "") for entry in feedback if entry.sequence > sequence)
    return page(
        request,
        "news.html",
        agent=agent,
        diagnosis=body,
        judgements=judgements_of(service, feedback),
        news=current,
        selection=selection,
        cards=[_card(service, body, feedback, *subject, language_of(request)) for subject in subjects],
    )


def _card(
    service: Service,
    diagnosis: Mapping[str, Any],
    feedback: Sequence[Feedback],
    target: str,
    suggestion: str,
    language: Language,
) -> dict[str, Any]:
    """Return the template variables of one card: a prediction, or a suggestion and its place."""
    if target:
        prediction = predictions_of(service, diagnosis, feedback).get(target)
        return {"target": target, "prediction": prediction, "suggestion": None, "place": 0}
    views = enumerate(suggestions_of(service, diagnosis, language), 1)
    place, view = next(((place, view) for place, view in views if view["id"] == suggestion), (0, None))
    return {"target": "", "prediction": None, "suggestion": view, "place": place}
