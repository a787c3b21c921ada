"""The chronic faults: which are worth most to prevent, one with its timeline, and what is done about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from api.actions.schemas import ActionChange
from api.console.pages import computing_page, in_path, page
from api.console.problem_view import timeline
from api.console.session import Acting, Agent, Reading
from api.dependencies import Served
from api.errors import ComputingError, kind_of
from api.problems.board import HORIZON
from api.problems.schemas import ProblemDecisionIn, ProblemProposalIn
from api.service import Service
from diagnosis.actions import ACTION_KINDS
from diagnosis.errors import FaultwiseError
from diagnosis.store.database import RecordNotFoundError
from diagnosis.times import utc_now

router = APIRouter()
PATH = "/console/problems"
MOST_LISTED = 40  # problems on the page; filters lead to the others
SHOWN = 30  # newest incidents of a problem on its page
TRENDS = ("rising", "steady", "falling")
STATUSES = ("found", "proposed", "watched", "held", "returned", "dismissed")
_FILTERS = ("service", "group", "trend", "status")


@router.get(PATH)
def problems(request: Request, service: Served, agent: Reading) -> Response:
    """Show the problems, those with the most preventable hours first."""
    filters = {name: request.query_params.get(name, "")[:255] for name in _FILTERS}
    try:
        report = service.problems.report((), HORIZON, None)
        listed = service.problems.listed(report, filters)
    except ComputingError:
        return computing_page(request, agent)
    except FaultwiseError as error:
        notice = "problems_none" if kind_of(error).status == 422 else "unavailable"
        return page(request, "message.html", kind_of(error).status, notice=notice, agent=agent)
    choices = {
        "service": sorted({name for problem in report.problems for name in problem.services}),
        "group": sorted({name for problem in report.problems for name in problem.groups}),
    }
    return page(
        request,
        "problems.html",
        agent=agent,
        report=report,
        is_current=service.problems.is_current(),
        listed=listed[:MOST_LISTED],
        n_listed=len(listed),
        filters=filters,
        choices=choices,
        trends=TRENDS,
        statuses=STATUSES,
    )


@router.get(PATH + "/{problem}")
def problem(request: Request, service: Served, agent: Reading, problem: str) -> Response:
    """Show one problem; an id that was merged leads to the problem that it was merged into."""
    try:
        view = service.problems.view(problem)
    except RecordNotFoundError:
        return page(request, "message.html", 404, notice="problem_gone", agent=agent)
    except ComputingError:
        return computing_page(request, agent)
    except FaultwiseError as error:
        return page(request, "message.html", kind_of(error).status, notice="unavailable", agent=agent)
    if view.problem.id != problem:
        return RedirectResponse(f"{PATH}/{in_path(view.problem.id)}", 303)
    return _one(request, service, agent, problem)


@router.post(PATH + "/{problem}/decisions")
async def decide(request: Request, service: Served, agent: Acting, problem: str) -> Response:
    """Keep what a person decided on a problem."""
    form = await request.form()
    values = {
        "kind": str(form.get("kind", "")),
        "value": str(form.get("value", "")),
        "numbers": [str(number) for number in form.getlist("number")],
    }
    act = lambda: service.problems.decide(agent.id, problem, ProblemDecisionIn.model_validate(values))  # noqa: E731
    return await run_in_threadpool(_after, request, service, agent, problem, act)


@router.post(PATH + "/{problem}/decisions/{decision}/undo")
def take_back(request: Request, service: Served, agent: Acting, problem: str, decision: str) -> Response:
    """Take a decision back."""
    return _after(request, service, agent, problem, lambda: service.problems.take_back(agent.id, problem, decision))


@router.post(PATH + "/{problem}/proposal")
async def propose(request: Request, service: Served, agent: Acting, problem: str) -> Response:
    """Put a problem forward."""
    form = await request.form()
    names = ("title", "kind", "owner", "due", "system")
    values: Mapping[str, Any] = {name: value for name in names if (value := str(form.get(name, "")).strip())}
    act = lambda: service.problems.propose(agent.id, problem, ProblemProposalIn.model_validate(values))  # noqa: E731
    return await run_in_threadpool(_after, request, service, agent, problem, act)


@router.post(PATH + "/{problem}/actions/{action}")
async def change_action(request: Request, service: Served, agent: Acting, problem: str, action: str) -> Response:
    """Say that a measure is done, from a day on, or dropped."""
    form = await request.form()
    status, done_at = str(form.get("status", "")), str(form.get("done_at", "")).strip()
    values = {"status": status} | ({"done_at": done_at} if status == "done" and done_at else {})
    act = lambda: service.problems.change_action(agent.id, action, ActionChange.model_validate(values))  # noqa: E731
    return await run_in_threadpool(_after, request, service, agent, problem, act)


def _after(request: Request, service: Service, agent: Agent, problem: str, act: Callable[[], Any]) -> Response:
    """Do something and lead to the problem as it is then; what was refused is said on its page."""
    try:
        outcome = act()
    except RecordNotFoundError:
        return page(request, "message.html", 404, notice="problem_gone", agent=agent)
    except (FaultwiseError, ValidationError) as error:
        status = 422 if isinstance(error, ValidationError) else kind_of(error).status
        return _one(request, service, agent, problem, status, "problem_refused")
    target = outcome if isinstance(outcome, str) else problem
    return RedirectResponse(f"{PATH}/{in_path(target)}", 303)


def _one(
    request: Request, service: Service, agent: Agent, problem: str, status: int = 200, notice: str = ""
) -> Response:
    view = service.problems.view(problem)
    return page(
        request,
        "problem.html",
        status,
        notice=notice,
        agent=agent,
        view=view,
        problem=view.problem,
        months=timeline(view),
        today=f"{utc_now():%Y-%m-%d}",
        titles={number: title for number, title, _ in view.articles},
        incidents=service.incidents.find(view.problem.numbers[:SHOWN]),
        shown_incidents=SHOWN,
        kinds=ACTION_KINDS,
        systems=service.problems.systems,
        records={action.id: service.actions.external_record(action) for action in view.actions if action.record},
    )
