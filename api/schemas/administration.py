"""Releases, exclusion rules, keys and the audit log."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from api.schemas.values import Out, Strict, Time, Word

Scope = Literal["diagnose", "feedback", "knowledge", "admin"]
Name = Annotated[Word, StringConstraints(min_length=1, max_length=255)]


def _ahead(value: datetime | None) -> datetime | None:
    if value is not None and value <= datetime.now(UTC):
        raise ValueError(f"expected a time that is still to come; found {value.isoformat()}")
    return value


class ReleaseOut(Out):
    """One release."""

    release: str = Field(description="Its name", examples=["2026-11-22T10-15-00Z-3f2a"])
    created_at: str = Field(description="When it was trained", examples=["2026-11-22T10:15:00Z"])
    published: bool = Field(description="Whether the pointer names it", examples=[True])
    in_service: bool = Field(description="Whether this replica answers with it", examples=[True])


class ReleaseList(Out):
    """Every release, newest first."""

    items: list[ReleaseOut] = Field(description="Newest first")


class PublishedOut(Out):
    """What is in service from now on."""

    release: str = Field(description="The release in service", examples=["2026-11-22T10-15-00Z-3f2a"])


class RuleIn(Strict):
    """What may not be decided, for which incidents."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Monitoring is triaged by people",
                    "fields": {"contact_type": "monitoring*"},
                    "target": "assignment_group",
                    "action": "never_automatic",
                }
            ]
        }
    )

    name: Name = Field(description="Shown in the answer's reason")
    fields: dict[Word, Word] = Field(
        default_factory=dict, max_length=30, description="Field to shell-style pattern; all must match, ignoring case"
    )
    text: Word = Field("", description="Words that must stand in the report; empty matches any")
    target: Annotated[Word, StringConstraints(max_length=255)] = Field("", description="Empty is every target")
    value: Word = Field("", description="Empty is every value")
    action: Literal["never_automatic", "never_predict"] = Field(
        "never_automatic", description="Leave the decision to a person, or take the value out of the answer"
    )


class RuleOut(Out):
    """A rule in force."""

    id: str = Field(description="ULID", examples=["01KAP5YQ7H0T9GQ4M6W3Z2X1CV"])
    name: str = Field(description="Shown in the answer's reason", examples=["Monitoring is triaged by people"])
    fields: dict[str, str] = Field(description="Field to pattern", examples=[{"contact_type": "monitoring*"}])
    text: str = Field(description="Words that must stand in the report", examples=[""])
    target: str = Field(description="Empty is every target", examples=["assignment_group"])
    value: str = Field(description="Empty is every value", examples=[""])
    action: Literal["never_automatic", "never_predict"] = Field(description="What it forbids")


class RuleList(Out):
    """Every rule in force, oldest first."""

    items: list[RuleOut] = Field(description="Oldest first")


class KeyIn(Strict):
    """A key to make."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "ServiceNow", "scopes": ["diagnose", "feedback"]}]}
    )

    name: Name = Field(description="What it is for")
    scopes: list[Scope] = Field(min_length=1, max_length=4, description="What it allows")
    expires_at: Annotated[Time, AfterValidator(_ahead)] = Field(
        None, description="When it stops working, which lies ahead; never unless set"
    )


class KeyOut(Out):
    """A key, without its secret."""

    id: str = Field(description="ULID", examples=["01KAP5YQ7H0T9GQ4M6W3Z2X1CV"])
    name: str = Field(description="What it is for", examples=["ServiceNow"])
    scopes: list[Scope] = Field(description="What it allows")
    created_at: datetime = Field(description="When it was made")
    expires_at: datetime | None = Field(description="When it stops working")
    revoked_at: datetime | None = Field(description="When it was revoked")


class NewKeyOut(KeyOut):
    """A key that was just made."""

    key: str = Field(description="The secret form: shown now and never again", examples=["fw_01KAP…_…"])


class KeyList(Out):
    """Every key, oldest first, revoked ones too."""

    items: list[KeyOut] = Field(description="Oldest first")


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
