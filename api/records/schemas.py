"""An incident and a knowledge article as they come and as they are shown."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import ConfigDict, Field, JsonValue, model_validator

from api.http.fields import Count, In, Kind, Number, Out, Satisfaction, Text, Time, Word, check_extra
from api.http.rows import RowError
from diagnosis.incident import FIELDS, Incident

EXAMPLE: dict[str, JsonValue] = {
    "number": "INC0010023",
    "opened_at": "2026-03-02T08:15:00Z",
    "short_description": "VPN 无法连接，提示证书过期",
    "description": "The client says 'certificate expired' since this morning.",
    "caller": "u2041",
    "cmdb_ci": "vpn-gw-2",
    "category": "network",
}
ARTICLE_EXAMPLE: dict[str, JsonValue] = {
    "number": "KB0000042",
    "title": "VPN certificate expired",
    "symptoms": "The client says 'certificate expired'.",
    "cause": "The gateway's certificate was not renewed.",
    "resolution": "Renew the certificate on the gateway and restart the service.",
    "service": "Remote access",
    "audience": "internal",
    "language": "en",
}


class IncidentIn(In):
    """One incident; only ``number`` is required, and any field that is not named here is kept as it is."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [EXAMPLE]})

    number: Number
    type: Kind = Field("incident", description="incident, request or complaint")
    opened_at: Time = Field(None, description="When it was logged: ISO 8601 or as files write it; UTC without a zone")
    short_description: Text = Field("", description="One line of what is wrong")
    description: Text = Field("", description="The whole report")
    caller: Word = Field("", description="Who reported it")
    opened_by: Word = Field("", description="Who logged it")
    location: Word = Field("", description="Where")
    contact_type: Word = Field("", description="phone, email, chat, web, wechat, monitoring, …")
    service: Word = Field("", description="The service that suffers")
    cmdb_ci: Word = Field("", description="The configuration item that suffers")
    symptom: Word = Field("", description="Coded symptom")
    category: Word = Field("", description="Category as logged")
    subcategory: Word = Field("", description="Subcategory as logged")
    impact: Word = Field("", description="How much suffers")
    urgency: Word = Field("", description="How soon it hurts")
    priority: Word = Field("", description="Impact and urgency together")
    state: Word = Field("", description="State as its system names it; no prediction sees it")
    responded_at: Time = Field(None, description="When the first response of substance was given")
    on_hold_minutes: Count = Field(None, description="How long it waited for somebody outside")
    assignment_group: Word = Field("", description="Who solved it or is to; no prediction sees it")
    assigned_to: Word = Field("", description="The person; no prediction sees it")
    reassignment_count: Count = Field(None, description="How often the group changed")
    resolved_at: Time = Field(None, description="When it was resolved")
    closed_at: Time = Field(None, description="When it was closed")
    reopened_at: Time = Field(None, description="When it was last reopened")
    reopen_count: Count = Field(None, description="How often it was reopened")
    close_code: Word = Field("", description="How it was closed")
    close_notes: Text = Field("", description="The resolution")
    knowledge: Word = Field("", description="Number of the article that helped")
    problem: Word = Field("", description="Number of the problem that it belongs to")
    satisfaction: Satisfaction = Field(None, description="What the caller thought of it, from 1 to 5")

    @model_validator(mode="after")
    def _extra(self) -> Self:
        check_extra(self.model_extra)
        return self

    def to_incident(self) -> Incident:
        """Return the incident of the domain."""
        return Incident(**{name: getattr(self, name) for name in FIELDS}, extra=dict(self.model_extra or {}))


class ArticleIn(In):
    """One knowledge article; only ``number`` is required, and any field that is not named here is kept as it is."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [ARTICLE_EXAMPLE]})

    number: Number
    title: Text = Field("", description="One line")
    symptoms: Text = Field("", description="How it shows")
    cause: Text = Field("", description="Why it happens")
    resolution: Text = Field("", description="What helps")
    service: Word = Field("", description="The service that it is about")
    audience: Literal["", "internal", "self_service"] = Field("", description="Who may read it")
    language: Word = Field("", description="Language, such as zh or en")
    translation_of: Word = Field("", description="Number of the article that it translates")
    keywords: Text = Field("", description="Words to find it by")
    owner: Word = Field("", description="Who keeps it true")
    review_at: Time = Field(None, description="When it is to be read again")
    valid_to: Time = Field(None, description="When it stops being true")

    @model_validator(mode="after")
    def _extra(self) -> Self:
        check_extra(self.model_extra)
        return self


class RecordOut(Out):
    """A stored record: every field of the import format, and whatever else came with it; personal data is masked."""

    model_config = ConfigDict(extra="allow")

    number: str = Field(description="Unique number", examples=["INC0010023"])
    updated_at: str = Field(description="When it was stored last", examples=["2026-03-02T08:15:01Z"])


class RecordPage(Out):
    """One page of records in order of number."""

    items: list[RecordOut] = Field(description="The records")
    next: str | None = Field(
        description="Cursor of the page that follows; null at the end", examples=["eyJhIjoiSU5DMSJ9"]
    )


class RecordResult(Out):
    """What became of one row."""

    index: int = Field(description="Position in what was sent", examples=[0])
    number: str | None = Field(
        description="Number of the record; null if it could not be read", examples=["INC0010023"]
    )
    error: RowError | None = Field(description="Null if it was stored")


class RecordResults(Out):
    """What became of each row."""

    stored: int = Field(description="Rows stored", examples=[1])
    results: list[RecordResult] = Field(description="One for each row, in order")


def body_of(record: IncidentIn | ArticleIn) -> dict[str, Any]:
    """Return a record as it is stored: what is known of it, as JSON, and its extra fields."""
    plain: dict[str, Any] = record.model_dump(mode="json")
    return {name: value for name, value in plain.items() if value not in ("", None)}
