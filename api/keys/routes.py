"""`/v1/keys`: keys are made, listed and revoked."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter

from api.dependencies import Served
from api.http.problems import problems
from api.http.security import MayAdminister
from api.keys.schemas import KeyIn, KeyList, KeyOut, NewKeyOut
from diagnosis.store.keys import ApiKey

router = APIRouter(prefix="/v1/keys", tags=["keys"])


@router.post("", response_model=NewKeyOut, status_code=201, responses=problems())
def create_key(body: KeyIn, principal: MayAdminister, service: Served) -> NewKeyOut:
    """Make a key; its secret form is in this answer and nowhere else."""
    key, secret = service.keys.create(principal.id, body)
    return NewKeyOut(**_key(key).model_dump(), key=secret)


@router.get("", response_model=KeyList, responses=problems())
def list_keys(_principal: MayAdminister, service: Served) -> KeyList:
    """Return every key without its secret, oldest first."""
    return KeyList(items=[_key(key) for key in service.keys.all()])


@router.delete("/{key}", response_model=KeyOut, responses=problems(404))
def revoke_key(key: str, principal: MayAdminister, service: Served) -> KeyOut:
    """Revoke a key; it opens nothing from this moment, on any replica."""
    return _key(service.keys.revoke(principal.id, key))


def _key(key: ApiKey) -> KeyOut:
    return KeyOut.model_validate({**asdict(key), "scopes": sorted(key.scopes)})
