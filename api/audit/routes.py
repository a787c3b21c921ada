"""`/v1/audit`: who did what."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter

from api.audit.schemas import AuditEntryOut, AuditPage
from api.dependencies import Served
from api.http.cursors import Cursor, Limit, decode_number, next_of
from api.http.problems import problems
from api.http.security import MayAdminister

router = APIRouter(prefix="/v1/audit", tags=["audit"])


@router.get("", response_model=AuditPage, responses=problems())
def list_audit(_principal: MayAdminister, service: Served, limit: Limit = 50, cursor: Cursor = None) -> AuditPage:
    """Return who did what, newest first."""
    entries = service.audit.page(limit, decode_number(cursor))
    items = [AuditEntryOut(**asdict(entry)) for entry in entries]
    return AuditPage(items=items, next=next_of(items, limit, lambda entry: str(entry.id)))
