"""The quarter's review: what was measured, what is proposed, and what was decided on it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from api.actions.external_records import ExternalRecord
from api.actions.schemas import ActionChange
from api.console.pages import computing_page, in_path, language_of, page
from api.console.session import Acting, Agent, Reading
from api.dependencies import Served
from api.errors import ComputingError
from api.reviews.report import MEDIA_TYPES, report_response
from api.reviews.schemas import ReviewProposalIn
from api.service import Service
from diagnosis.errors import InputError
from diagnosis.review import Quarter, Words
from diagnosis.review.definitions import BY_NAME
from diagnosis.review.summary import action_title
from diagnosis.store.database import ConflictError, RecordNotFoundError
from training.reports.review.layout import effect, sections

router = APIRouter()
QUARTERS = 8  # that can be chosen
SHOWN = ("drivers", "outcomes", "voice", "needs", "gaps")  # sections of the report that the page has too
Text = Annotated[str, Form(max_length=2000)]


@router.get("/console/review")
def draft(
    request: Request, service: Served, agent: Reading, quarter: Annotated[str, Query(max_length=10)] = ""
) -> Response:
    """Show the review of a quarter as it stands now, by default the last that is over."""
    return _draft(request, service, agent, quarter)


@router.get("/console/review/{review}")
def finished(request: Request, service: Served, agent: Reading, review: str) -> Response:
    """Show a review as it was finished."""
    try:
        frozen = service.reviews.get(review)
    except RecordNotFoundError:
        return page(request, "message.html", 404, notice="not_found", agent=agent)
    return _page(request, service, agent, dict(frozen.content), frozen=frozen)


@router.get("/console/review/{review}/report")
def report(
    request: Request, service: Served, agent: Reading, review: str, kind: Annotated[str, Query()] = "html"
) -> Response:
    """Return a review as a page that stands alone, as a Word document or as a table."""
    try:
        data = service.reviews.report(review, kind, language_of(request)) if kind in MEDIA_TYPES else None
    except (RecordNotFoundError, InputError):
        data = None
    except ComputingError:
        return computing_page(request, agent)
    if data is None:
        return page(request, "message.html", 404, notice="not_found", agent=agent)
    return report_response(data, review, kind)


class ProposalForm:
    """What a person made of a proposal."""

    def __init__(self, decision: Text, title: Text = "", owner: Text = "", due: Text = "", measure: Text = "") -> None:
        self.decision = decision
        self.values = {"title": title, "owner": owner, "due": due or None, "measure": measure}


@router.post("/console/review/{quarter}/proposals/{proposal}")
def decide(
    request: Request,
    service: Served,
    agent: Acting,
    quarter: str,
    proposal: str,
    form: Annotated[ProposalForm, Depends()],
) -> Response:
    """Take a proposal as an action, as it was edited, or drop it."""
    try:
        if form.decision == "take":
            service.reviews.take(
                agent.id,
                quarter,
                proposal,
                ReviewProposalIn.model_validate(form.values | {"language": language_of(request)}),
            )
        else:
            service.reviews.drop(agent.id, quarter, proposal)
    except ConflictError:
        return _draft(request, service, agent, quarter, 409, "review_decided")
    except RecordNotFoundError:
        return _draft(request, service, agent, quarter, 409, "review_changed")
    except ValidationError:
        return _draft(request, service, agent, quarter, 422, "form_wrong")
    except ComputingError:
        return computing_page(request, agent, _address(quarter))
    return RedirectResponse(f"/console/review?quarter={quarter}#proposals", 303)


@router.post("/console/review/actions/{action}")
async def change_action(request: Request, service: Served, agent: Acting, action: str) -> Response:
    """Say how far an action is, or edit it; what the form leaves out stays."""
    form = await request.form()
    values = {name: str(form[name]).strip() for name in ("status", "title", "owner", "due", "measure") if name in form}
    try:
        change = ActionChange.model_validate(values | ({"due": values["due"] or None} if "due" in values else {}))
    except ValidationError:
        return page(request, "message.html", 422, notice="form_wrong", agent=agent)
    await run_in_threadpool(service.actions.change, agent.id, action, change)
    return RedirectResponse(f"{_address(str(form.get('quarter', '')))}#actions", 303)


@router.post("/console/review/actions/{action}/record")
def write_record(
    request: Request, service: Served, agent: Acting, action: str, system: Text, quarter: Text = ""
) -> Response:
    """Have a connected system make a record of an action."""
    try:
        service.actions.write_record(agent.id, action, system, language_of(request))
    except ConflictError:
        return page(request, "message.html", 409, notice="review_decided", agent=agent)
    except InputError:
        return page(request, "message.html", 422, notice="form_wrong", agent=agent)
    return RedirectResponse(f"{_address(quarter)}#actions", 303)


@router.post("/console/review/programme")
def programme(request: Request, service: Served, agent: Acting) -> Response:
    """Take the programme's timetable as actions, from the quarter after the reviewed one on."""
    start = service.reviews.programme_start()
    if start is None:
        return _draft(request, service, agent, "", 409, "review_decided")
    try:
        service.reviews.start_programme(agent.id, str(start), language_of(request))
    except ConflictError:
        return _draft(request, service, agent, "", 409, "review_decided")
    return RedirectResponse("/console/review#actions", 303)


@router.post("/console/review/{quarter}/finish")
def finish(request: Request, service: Served, agent: Acting, quarter: str, note: Text = "") -> Response:
    """Keep the review of a quarter as it is now."""
    try:
        frozen = service.reviews.freeze(agent.id, quarter, note.strip())
    except InputError:
        return _draft(request, service, agent, quarter, 422, "review_not_over")  # an empty one says so itself
    except ComputingError:
        return computing_page(request, agent, _address(quarter))
    return RedirectResponse(f"/console/review/{frozen.id}", 303)


def _draft(
    request: Request, service: Service, agent: Agent, quarter: str, status: int = 200, notice: str = ""
) -> Response:
    try:
        content = service.reviews.draft(quarter)
    except InputError:
        return _page(request, service, agent, None, 200 if not quarter else 404, "review_empty")
    except ComputingError:
        return computing_page(request, agent, _address(quarter) if quarter else "/console/review")
    return _page(request, service, agent, content, status, notice)


def _page(
    request: Request,
    service: Service,
    agent: Agent,
    content: dict[str, Any] | None,
    status: int = 200,
    notice: str = "",
    frozen: Any = None,  # noqa: ANN401 - a finished review, or nothing
) -> Response:
    words = Words(language_of(request))
    parts = {part.key: part for part in sections(content, words)} if content else {}
    proposals = [] if content is None else _proposals(content, words)
    return page(
        request,
        "review.html",
        status,
        notice=notice,
        agent=agent,
        content=content,
        may_start_programme=service.reviews.programme_start() is not None,
        frozen=frozen,
        review=frozen.id if frozen else content["quarter"] if content else "",
        parts=parts,
        shown=[parts[key] for key in SHOWN if key in parts],
        proposals=proposals,
        records=_records(service),
        systems=service.actions.systems,
        words=words,
        key_figures=BY_NAME,
        quarters=_quarters(service),
        finished=service.reviews.all(),
    )


def _address(quarter: str) -> str:
    return f"/console/review?quarter={in_path(quarter)}"


def _proposals(content: dict[str, Any], words: Words) -> list[dict[str, Any]]:
    return [
        {**entry, "title": action_title(entry, words), "effect": effect(entry, content, words)}
        for entry in content["proposals"]
    ]


def _records(service: Service) -> dict[str, ExternalRecord]:
    """Return what connected systems made of actions, or are to make, by action."""
    actions = [action for action in service.actions.all() if action.record is not None]
    return {action.id: record for action in actions if (record := service.actions.external_record(action))}


def _quarters(service: Service) -> list[str]:
    quarters = [Quarter.parse(service.reviews.default_quarter()).following]
    for _ in range(QUARTERS):
        quarters.append(quarters[-1].previous)
    return [str(quarter) for quarter in quarters]
