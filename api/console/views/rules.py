"""Exclusion rules: what may not be decided, for which incidents; each holds from the moment it is saved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from api.console.pages import page
from api.console.session import Acting, Agent, Reading
from api.dependencies import Served
from api.errors import ConfirmationNeededError
from api.rules.schemas import RuleIn
from api.service import Service
from diagnosis.errors import InputError
from diagnosis.incident import CODED_FIELDS
from diagnosis.store.database import RecordNotFoundError

router = APIRouter()
_TEXT_FIELDS = ("name", "text", "target", "value", "action")
_EMPTY_FORM: Mapping[str, Any] = {**dict.fromkeys(_TEXT_FIELDS, ""), "action": "never_automatic", "fields": {}}


@router.get("/console/rules")
def rules(request: Request, service: Served, agent: Reading) -> Response:
    """Show the rules in force, and the form for another."""
    return _page(request, service, agent)


@router.post("/console/rules")
async def add(request: Request, service: Served, agent: Acting) -> Response:
    """Save a rule; it holds from this moment, on every replica.

    A rule without a condition holds for every incident, and needs a confirmation.
    """
    submitted = await request.form()
    pairs = zip(map(str, submitted.getlist("field")), map(str, submitted.getlist("pattern")), strict=False)
    form: dict[str, Any] = {name: str(submitted.get(name, "")).strip() for name in _TEXT_FIELDS}
    form["fields"] = {field: pattern.strip() for field, pattern in pairs if field and pattern.strip()}
    try:
        rule = RuleIn.model_validate({**form, "confirm": submitted.get("confirmed") == "everything"})
    except ValidationError:
        return await run_in_threadpool(_page, request, service, agent, 422, "rule_incomplete", form=form)
    try:
        saved = await run_in_threadpool(service.rules.add, agent.id, rule)
    except ConfirmationNeededError:
        return await run_in_threadpool(_page, request, service, agent, 409, form=form, unconditional=True)
    except InputError:
        return await run_in_threadpool(_page, request, service, agent, 422, "rule_personal", form=form)
    return await run_in_threadpool(_page, request, service, agent, saved=saved.name)


@router.post("/console/rules/{rule}/off")
def switch_off(request: Request, service: Served, agent: Acting, rule: str) -> Response:
    """Take a rule out of force, and offer it again as it was."""
    try:
        deleted = service.rules.delete(agent.id, rule)
    except RecordNotFoundError:
        return _page(request, service, agent, 404, "not_found")
    form = {name: getattr(deleted, name) for name in _EMPTY_FORM}
    return _page(request, service, agent, deleted=deleted.name, form=form)


def _page(
    request: Request,
    service: Service,
    agent: Agent,
    status: int = 200,
    notice: str = "",
    **variables: Any,  # noqa: ANN401
) -> Response:
    context = {"saved": "", "deleted": "", "form": _EMPTY_FORM, "unconditional": False, **variables}
    return page(
        request,
        "rules.html",
        status,
        notice=notice,
        agent=agent,
        rules=service.rules.all(),
        targets=service.releases.targets(),
        fields=CODED_FIELDS,
        **context,
    )
