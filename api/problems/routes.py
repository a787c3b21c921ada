"""`/v1/problems`: the chronic faults, what people decide on them, and what is proposed about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response

from api.actions.schemas import ActionOut, ExternalRecordOut, action_out
from api.actions.service import ActionService
from api.dependencies import Served
from api.http.fields import Time
from api.http.problems import problems as problem_responses
from api.http.security import MayDiagnose, MayWrite
from api.problems.schemas import (
    ArticleUseOut,
    ChangeOnItemOut,
    DecisionOut,
    MonthOut,
    ProblemDecisionIn,
    ProblemDetailOut,
    ProblemOut,
    ProblemProposalIn,
    ProblemsOut,
    Status,
)
from api.problems.service import MOST_NUMBERS, ProblemView
from diagnosis.problems import Problem
from diagnosis.times import format_utc

router = APIRouter(prefix="/v1/problems", tags=["problems"])


class ProblemFilters:
    """Which problems are listed."""

    def __init__(
        self,
        service: Annotated[str, Query(max_length=255, description="Only of this service")] = "",
        group: Annotated[str, Query(max_length=255, description="Only of this assignment group")] = "",
        trend: Annotated[
            Literal["rising", "steady", "falling"] | None, Query(description="Only with this trend")
        ] = None,
        status: Annotated[Status | None, Query(description="Only these; dismissed ones only if asked for")] = None,
    ) -> None:
        self.values = {"service": service, "group": group, "trend": trend or "", "status": status or ""}


@router.get("", response_model=ProblemsOut, responses=problem_responses())
def problems(
    _principal: MayDiagnose,
    service: Served,
    filters: Annotated[ProblemFilters, Depends()],
    signature: Annotated[
        str,
        Query(
            max_length=500,
            description="Fields, with commas, that alone say what one fault is; by default the release's, and texts "
            "where fields do not say it",
            examples=["cmdb_ci,text"],
        ),
    ] = "",
    horizon: Annotated[int, Query(ge=1, le=730, description="Days that are forecast")] = 90,
    top: Annotated[int, Query(ge=1, le=1000, description="How many are listed")] = 20,
    as_of: Annotated[Time, Query(description="When it is looked at; by default the latest time there is")] = None,
) -> ProblemsOut:
    """Return the chronic faults, those with the most hours that a fix would spare first."""
    fields = [name.strip() for name in signature.split(",")] if signature else []
    report = service.problems.report(fields, horizon, as_of)
    listed = service.problems.listed(report, filters.values)
    return ProblemsOut(
        as_of=format_utc(report.as_of),
        horizon_days=horizon,
        signature=list(report.signature.fields),
        incidents=report.incidents,
        without_signature=report.without_signature,
        is_current=bool(fields) or service.problems.is_current(),
        problems=[
            ProblemOut(**_plain(entry.problem, entry.may_be_one_with), status=entry.status) for entry in listed[:top]
        ],
    )


@router.get("/{problem}", response_model=ProblemDetailOut, responses=problem_responses(404))
def get_problem(problem: str, _principal: MayDiagnose, service: Served) -> ProblemDetailOut:
    """Return one problem with its timeline; an id that was merged gives the problem that it was merged into."""
    return _detail(service.problems.view(problem), service.actions)


@router.post("/{problem}/decisions", response_model=ProblemDetailOut, status_code=201, responses=problem_responses(404))
def decide(problem: str, decision: ProblemDecisionIn, principal: MayWrite, service: Served) -> ProblemDetailOut:
    """Rename, merge, split, dismiss or restore a problem; it holds as incidents come, until it is taken back."""
    return _detail(service.problems.view(service.problems.decide(principal.id, problem, decision)), service.actions)


@router.delete("/{problem}/decisions/{decision}", status_code=204, responses=problem_responses(404))
def take_back(problem: str, decision: str, principal: MayWrite, service: Served) -> Response:
    """Take a decision back."""
    service.problems.take_back(principal.id, problem, decision)
    return Response(status_code=204)


@router.post("/{problem}/proposal", response_model=ActionOut, status_code=201, responses=problem_responses(404, 409))
def propose(problem: str, proposal: ProblemProposalIn, principal: MayWrite, service: Served) -> ActionOut:
    """Put a problem forward: an action with owner and due date, and a Problem record in a connected system."""
    return action_out(service.problems.propose(principal.id, problem, proposal))


def _plain(problem: Problem, may_be_one_with: Sequence[str]) -> dict[str, Any]:
    changes = {"numbers": list(problem.numbers[:MOST_NUMBERS]), "may_be_one_with": list(may_be_one_with)}
    return {**problem.to_dict(), **changes}


def _detail(view: ProblemView, actions: ActionService) -> ProblemDetailOut:
    record = view.record
    return ProblemDetailOut(
        **_plain(view.problem, [problem.id for problem in view.may_be_one_with]),
        status=view.status,
        is_current=view.is_current,
        timeline=[MonthOut(month=month, incidents=n, episodes=m) for month, n, m in view.timeline],
        expected_per_month=round(view.expected_per_month, 2),
        articles=[ArticleUseOut(number=number, title=title, incidents=n) for number, title, n in view.articles],
        changes=[
            ChangeOnItemOut(
                number=change.number,
                at=None if change.at is None else format_utc(change.at),
                title=str(change.body.get("short_description") or ""),
            )
            for change in view.changes
        ],
        actions=[action_out(action, actions.external_record(action)) for action in view.actions],
        external_record=None if record is None else ExternalRecordOut(**asdict(record)),
        merged=list(view.merged),
        split_from=view.split_from,
        decisions=[
            DecisionOut(
                **{name: getattr(entry, name) for name in ("id", "kind", "problem", "value", "actor")},
                created_at=format_utc(entry.created_at),
            )
            for entry in view.decisions
        ],
        dismissed=view.dismissed,
    )
