"""`/v1/rules`: which decisions stay with people."""

from __future__ import annotations

from fastapi import APIRouter, Response

from api.dependencies import Served
from api.http.problems import problems
from api.http.security import MayAdminister
from api.rules.schemas import RuleIn, RuleList, RuleOut
from diagnosis.decisions import ExclusionRule

router = APIRouter(prefix="/v1/rules", tags=["rules"])


@router.post("", response_model=RuleOut, status_code=201, responses=problems(409))
def add_rule(rule: RuleIn, principal: MayAdminister, service: Served) -> RuleOut:
    """Save a rule; it holds from this moment, on every replica.

    One that nothing limits would stop all automation: it is asked about (409) unless `confirm` is true.
    """
    saved = service.rules.add(principal.id, rule)
    return _rule(saved)


@router.get("", response_model=RuleList, responses=problems())
def list_rules(_principal: MayAdminister, service: Served) -> RuleList:
    """Return the rules in force, oldest first."""
    return RuleList(items=[_rule(rule) for rule in service.rules.all()])


@router.get("/{rule}", response_model=RuleOut, responses=problems(404))
def get_rule(rule: str, _principal: MayAdminister, service: Served) -> RuleOut:
    """Return one rule."""
    return _rule(service.rules.get(rule))


@router.put("/{rule}", response_model=RuleOut, responses=problems(404, 409))
def change_rule(rule: str, changed: RuleIn, principal: MayAdminister, service: Served) -> RuleOut:
    """Change a rule; the change holds from this moment. What stops all automation is asked about (409)."""
    saved = service.rules.change(principal.id, rule, changed)
    return _rule(saved)


@router.delete("/{rule}", status_code=204, responses=problems(404))
def delete_rule(rule: str, principal: MayAdminister, service: Served) -> Response:
    """Take a rule out of force, from this moment."""
    service.rules.delete(principal.id, rule)
    return Response(status_code=204)


def _rule(rule: ExclusionRule) -> RuleOut:
    return RuleOut(**{name: getattr(rule, name) for name in RuleOut.model_fields})
