"""Exclusion rules: what may not be decided, for which incidents; each holds from the moment it is saved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from api.console.pages import page
from api.console.session import Acting, Agent, Reading, needs
from api.dependencies import Served
from api.errors import NothingPublishedError
from api.rules.schemas import RuleIn
from api.service import Service
from diagnosis.decisions import ExclusionRule
from diagnosis.incident import CODED_FIELDS
from diagnosis.store.database import RecordNotFoundError

router = APIRouter()
_PLAIN = ("name", "text", "target", "value", "action")
_EMPTY: Mapping[str, Any] = {**dict.fromkeys(_PLAIN, ""), "action": "never_automatic", "fields": {}}


@router.get("/console/rules")
def rules(request: Request, service: Served, agent: Reading) -> Response:
    """Show the rules in force, and the form for another."""
    if not agent.may("admin"):
        return page(request, "message.html", 403, notice="not_allowed", agent=agent)
    return _shown(request, service, agent)


@router.post("/console/rules")
async def add(request: Request, service: Served, agent: Acting) -> Response:
    """Save a rule; it holds from this moment, on every replica."""
    needs(agent, "admin")
    form = await request.form()
    pairs = zip(map(str, form.getlist("field")), map(str, form.getlist("pattern")), strict=False)
    given: dict[str, Any] = {name: str(form.get(name, "")).strip() for name in _PLAIN}
    given["fields"] = {field: pattern.strip() for field, pattern in pairs if field and pattern.strip()}
    try:
        rule = RuleIn.model_validate(given)
    except ValidationError:
        return await run_in_threadpool(_shown, request, service, agent, 422, "rule_incomplete", given=given)
    saved = await run_in_threadpool(_keep, service, agent, rule)
    return await run_in_threadpool(_shown, request, service, agent, saved=saved.name)


@router.post("/console/rules/{rule}/off")
def switch_off(request: Request, service: Served, agent: Acting, rule: str) -> Response:
    """Take a rule out of force, and offer it again as it was."""
    needs(agent, "admin")
    try:
        gone = service.store.rules.get(rule)
        service.store.rules.delete(rule)
    except RecordNotFoundError:
        return _shown(request, service, agent, 404, "not_found")
    service.note(agent.id, "rule.delete", rule)
    again = {name: getattr(gone, name) for name in _EMPTY}
    return _shown(request, service, agent, gone=gone.name, given=again)


def _keep(service: Service, agent: Agent, rule: RuleIn) -> ExclusionRule:
    saved = service.store.rules.add(ExclusionRule("", **rule.model_dump()), agent.id)
    service.note(agent.id, "rule.add", saved.id, name=saved.name)
    return saved


def _shown(
    request: Request, service: Service, agent: Agent, status: int = 200, notice: str = "", **more: Any  # noqa: ANN401
) -> Response:  # fmt: skip
    shown = {"saved": "", "gone": "", "given": _EMPTY, **more}
    return page(
        request, "rules.html", status, notice=notice, agent=agent, rules=service.store.rules.all(),
        targets=_targets(service), fields=CODED_FIELDS, **shown,
    )  # fmt: skip


def _targets(service: Service) -> list[str]:
    try:
        return list(service.serving.current.diagnoser.parts.routers)
    except NothingPublishedError:
        return []
