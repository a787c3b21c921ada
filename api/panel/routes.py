"""The panel's pages, and the route that signs tokens for them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import FileResponse
from pydantic import Field

from api.console.incident_view import view_of
from api.console.pages import STATIC, language_of, page
from api.console.session import Agent, needs
from api.console.views.feedback import Card, card_page, give_feedback, undo_feedback
from api.dependencies import Served
from api.errors import RateLimitedError, ScopeError, kind_of
from api.http.fields import Number, Out, Strict, Word
from api.http.middleware import PAGE_HEADERS
from api.http.problems import problems
from api.http.security import MayDiagnose, address_of, take_allowance
from api.panel.tokens import LONGEST, read, sign
from diagnosis.phrases import Phrase
from diagnosis.store.keys import KeyRefusedError

router = APIRouter()
Token = Annotated[str, Query(max_length=4000)]
Text = Annotated[str, Form(max_length=4000)]


class PanelTokenIn(Strict):
    """Which incident to open, and for whom."""

    incident: Number
    person: Word = Field("agent", description="Who looks at it; named in the audit log", examples=["e.chan"])


class PanelTokenOut(Out):
    """A token for the panel."""

    token: str = Field(description="JSON Web Token", examples=["eyJhbGciOiJIUzI1NiJ9.e30.c2ln"])
    path: str = Field(description="What to put into the frame", examples=["/panel?token=eyJhbGciOiJIUzI1NiJ9.e30.c2ln"])
    seconds: int = Field(description="How long it is valid", examples=[900])


@router.post("/v1/panel/tokens", response_model=PanelTokenOut, status_code=201, tags=["panel"], responses=problems())
def make_token(body: PanelTokenIn, principal: MayDiagnose, request: Request) -> PanelTokenOut:
    """Sign a token that opens one incident in the panel; it lasts a quarter of an hour."""
    token = sign(request.app.state.settings.panel_secret, body.incident, body.person, principal.scopes)
    return PanelTokenOut(token=token, path=f"/panel?token={token}", seconds=int(LONGEST.total_seconds()))


@router.get("/panel", include_in_schema=False)
def panel(request: Request, service: Served, token: Token = "") -> Response:
    """Show one incident inside another tool."""
    try:
        agent, incident = _shown_to(request, token)
    except (KeyRefusedError, RateLimitedError) as error:
        return _framed(request, page(request, "panel.html", kind_of(error).status, notice="panel_expired"))
    newest = service.diagnoses.newest(incident)
    if newest is None:
        return _framed(request, page(request, "panel.html", notice="panel_none"))
    view = view_of(service, newest, language_of(request))
    return _framed(request, page(request, "panel.html", agent=agent, actions="/panel", **view))


@router.post("/panel/diagnoses/{diagnosis}/feedback", include_in_schema=False)
def give(request: Request, service: Served, diagnosis: str, csrf: Text, form: Card) -> Response:
    """Judge a prediction or a suggestion."""
    agent = _acting(request, service, csrf, diagnosis)
    refusal = give_feedback(service, agent, diagnosis, form)
    card = card_page(request, service, agent, diagnosis, form.target, form.suggestion, "/panel", refusal)
    return _framed(request, card)


@router.post("/panel/diagnoses/{diagnosis}/feedback/{feedback}/undo", include_in_schema=False)
def undo(request: Request, service: Served, diagnosis: str, feedback: str, csrf: Text) -> Response:
    """Undo a judgement."""
    agent = _acting(request, service, csrf, diagnosis)
    undone = undo_feedback(service, agent, diagnosis, feedback)
    card = card_page(request, service, agent, diagnosis, undone.target, undone.suggestion or "", "/panel")
    return _framed(request, card)


@router.get("/panel/embed.js", include_in_schema=False)
def embed() -> Response:
    """Return the script that puts the panel where it stands in another site's page."""
    headers = {"Cache-Control": "max-age=300", "Cross-Origin-Resource-Policy": "cross-origin"}
    return FileResponse(str(STATIC.joinpath("embed.js")), media_type="text/javascript", headers=headers)


def _shown_to(request: Request, token: str) -> tuple[Agent, str]:
    """Return who a token speaks for, within their rate, and its incident; a wrong one counts against the address."""
    state = request.app.state
    with state.wrong_keys.counted(address_of(request.scope), token):
        agent, incident = read(state.settings.panel_secret, token)
    take_allowance(state.limiter, agent.id)
    return agent, incident


def _acting(request: Request, service: Served, token: str, diagnosis: str) -> Agent:
    agent, incident = _shown_to(request, token)
    needs(agent, "feedback")
    if service.diagnoses.get(diagnosis)["incident"] != incident:
        raise ScopeError(Phrase("diagnosis_of_another_incident"))
    return agent


def _framed(request: Request, response: Response) -> Response:
    # The one place that anybody may frame, and only those who are named.
    ancestors = " ".join(request.app.state.settings.panel_ancestors) or "'none'"
    policy = PAGE_HEADERS["Content-Security-Policy"].replace("frame-ancestors 'none'", f"frame-ancestors {ancestors}")
    response.headers["Content-Security-Policy"] = policy
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response
