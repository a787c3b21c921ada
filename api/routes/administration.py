"""Exclusion rules, keys and the audit log."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter, Response

from api.cursors import Cursor, Limit, decode, next_of
from api.routes.shared import Served, problems
from api.schemas.administration import (
    AuditEntryOut,
    AuditPage,
    KeyIn,
    KeyList,
    KeyOut,
    NewKeyOut,
    RuleIn,
    RuleList,
    RuleOut,
)
from api.security import MayAdminister
from diagnosis.decisions import ExclusionRule
from diagnosis.errors import InputError
from diagnosis.store.keys import ApiKey

router = APIRouter(prefix="/v1")


@router.post("/rules", response_model=RuleOut, status_code=201, tags=["rules"], responses=problems())
def add_rule(rule: RuleIn, who: MayAdminister, service: Served) -> RuleOut:
    """Save a rule; it holds from this moment, on every replica."""
    saved = service.store.rules.add(ExclusionRule("", **rule.model_dump()), who.id)
    service.note(who.id, "rule.add", saved.id, name=saved.name)
    return _rule(saved)


@router.get("/rules", response_model=RuleList, tags=["rules"], responses=problems())
def list_rules(_who: MayAdminister, service: Served) -> RuleList:
    """Return the rules in force, oldest first."""
    return RuleList(items=[_rule(rule) for rule in service.store.rules.all()])


@router.get("/rules/{rule}", response_model=RuleOut, tags=["rules"], responses=problems(404))
def get_rule(rule: str, _who: MayAdminister, service: Served) -> RuleOut:
    """Return one rule."""
    return _rule(service.store.rules.get(rule))


@router.put("/rules/{rule}", response_model=RuleOut, tags=["rules"], responses=problems(404))
def change_rule(rule: str, changed: RuleIn, who: MayAdminister, service: Served) -> RuleOut:
    """Change a rule; the change holds from this moment."""
    saved = service.store.rules.replace(ExclusionRule(rule, **changed.model_dump()))
    service.note(who.id, "rule.change", rule, name=saved.name)
    return _rule(saved)


@router.delete("/rules/{rule}", status_code=204, tags=["rules"], responses=problems(404))
def delete_rule(rule: str, who: MayAdminister, service: Served) -> Response:
    """Take a rule out of force, from this moment."""
    service.store.rules.delete(rule)
    service.note(who.id, "rule.delete", rule)
    return Response(status_code=204)


@router.post("/keys", response_model=NewKeyOut, status_code=201, tags=["keys"], responses=problems())
def create_key(wanted: KeyIn, who: MayAdminister, service: Served) -> NewKeyOut:
    """Make a key; its secret form is in this answer and nowhere else."""
    key, secret = service.store.keys.create(wanted.name, wanted.scopes, wanted.expires_at)
    service.note(who.id, "key.create", key.id, name=key.name, scopes=sorted(key.scopes))
    return NewKeyOut(**_key(key).model_dump(), key=secret)


@router.get("/keys", response_model=KeyList, tags=["keys"], responses=problems())
def list_keys(_who: MayAdminister, service: Served) -> KeyList:
    """Return every key without its secret, oldest first."""
    return KeyList(items=[_key(key) for key in service.store.keys.all()])


@router.delete("/keys/{key}", response_model=KeyOut, tags=["keys"], responses=problems(404))
def revoke_key(key: str, who: MayAdminister, service: Served) -> KeyOut:
    """Revoke a key; it opens nothing from this moment, on any replica."""
    revoked = service.store.keys.revoke(key)
    service.note(who.id, "key.revoke", key)
    return _key(revoked)


@router.get("/audit", response_model=AuditPage, tags=["audit"], responses=problems())
def list_audit(_who: MayAdminister, service: Served, limit: Limit = 50, cursor: Cursor = None) -> AuditPage:
    """Return who did what, newest first."""
    place = decode(cursor)
    if place is not None and not (place.isascii() and place.isdecimal() and len(place) < 19):
        raise InputError("expected the cursor of a page before; found something else")
    entries = service.store.audit.page(limit, int(place) if place is not None else None)
    items = [AuditEntryOut(**asdict(entry)) for entry in entries]
    return AuditPage(items=items, next=next_of(items, limit, lambda one: str(one.id)))


def _rule(rule: ExclusionRule) -> RuleOut:
    return RuleOut(**asdict(rule))


def _key(key: ApiKey) -> KeyOut:
    return KeyOut.model_validate({**asdict(key), "scopes": sorted(key.scopes)})
