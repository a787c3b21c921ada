"""Entries of the audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from api.http.fields import Out


class AuditEntryOut(Out):
    """One act."""

    id: int = Field(description="Order", examples=[1])
    at: datetime = Field(description="When")
    actor: str = Field(description="Who", examples=["key:01KAP5YQ7H0T9GQ4M6W3Z2X1CV"])
    action: str = Field(description="What", examples=["release.publish"])
    object: str = Field(description="On what", examples=["2026-11-22T10-15-00Z-3f2a"])
    request: str = Field(description="Request id", examples=["01KAP5YQ7H0T9GQ4M6W3Z2X1CV"])
    detail: dict[str, Any] = Field(description="More", examples=[{}])


class AuditPage(Out):
    """One page of acts, newest first."""

    items: list[AuditEntryOut] = Field(description="Newest first")
    next: str | None = Field(description="Cursor of the page that follows; null at the end", examples=[None])
