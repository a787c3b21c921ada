"""`/v1/rules`: which decisions stay with people."""

from __future__ import annotations

from fastapi import APIRouter, Response

from api.dependencies import Served
from api.http.problems import problems
from api.http.security import MayAdminister
from api.rules.schemas import RuleIn, RuleList, RuleOut
from diagnosis.decisions import ExclusionRule

router = APIRouter(prefix="/v1/rules", tags=["rules"])


@router.post("", response_model=RuleOut, status_code=201, responses=problems())
def add_rule(rule: RuleIn, who: MayAdminister, service: Served) -> RuleOut:
    """Save a rule; it holds from this moment, on every replica."""
    saved = service.store.rules.add(ExclusionRule("", **rule.model_dump()), who.id)
    service.note(who.id, "rule.add", saved.id, name=saved.name)
    return _rule(saved)


@router.get("", response_model=RuleList, responses=problems())
def list_rules(_who: MayAdminister, service: Served) -> RuleList:
    """Return the rules in force, oldest first."""
    return RuleList(items=[_rule(rule) for rule in service.store.rules.all()])


@router.get("/{rule}", response_model=RuleOut, responses=problems(404))
def get_rule(rule: str, _who: MayAdminister, service: Served) -> RuleOut:
    """Return one rule."""
    return _rule(service.store.rules.get(rule))


@router.put("/{rule}", response_model=RuleOut, responses=problems(404))
def change_rule(rule: str, changed: RuleIn, who: MayAdminister, service: Served) -> RuleOut:
    """Change a rule; the change holds from this moment."""
    saved = service.store.rules.replace(ExclusionRule(rule, **changed.model_dump()))
    service.note(who.id, "rule.change", rule, name=saved.name)
    return _rule(saved)


@router.delete("/{rule}", status_code=204, responses=problems(404))
def delete_rule(rule: str, who: MayAdminister, service: Served) -> Response:
    """Take a rule out of force, from this moment."""
    service.store.rules.delete(rule)
    service.note(who.id, "rule.delete", rule)
    return Response(status_code=204)


def _rule(rule: ExclusionRule) -> RuleOut:
    return RuleOut(**{name: getattr(rule, name) for name in RuleOut.model_fields})
