"""Changes as they come and as they are shown."""

from __future__ import annotations

from typing import Self

from pydantic import ConfigDict, Field, JsonValue, model_validator

from api.http.fields import In, Number, Out, Text, Time, Word, check_extra
from api.http.rows import RowError

EXAMPLE: dict[str, JsonValue] = {
    "number": "CHG0030001",
    "started_at": "2026-03-02T07:00:00Z",
    "ended_at": "2026-03-02T07:30:00Z",
    "cmdb_ci": "vpn-gw-2",
    "service": "Remote Access",
    "type": "standard",
    "risk": "low",
    "state": "closed",
    "short_description": "Renew the certificate",
}


class ChangeIn(In):
    """One change; only ``number`` is required, and any field that is not named here is kept as it is."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [EXAMPLE]})

    number: Number
    opened_at: Time = Field(None, description="When it was asked for")
    started_at: Time = Field(None, description="When the work started; where it is missing, opened_at counts")
    ended_at: Time = Field(None, description="When it ended")
    cmdb_ci: Word = Field("", description="The configuration item that is changed")
    service: Word = Field("", description="The service that is changed")
    type: Word = Field("", description="standard, normal, emergency, …")
    risk: Word = Field("", description="As its system names it")
    state: Word = Field("", description="As its system names it")
    short_description: Text = Field("", description="One line of what is changed")

    @model_validator(mode="after")
    def _extra(self) -> Self:
        check_extra(self.model_extra)
        return self


class ChangeOut(Out):
    """A stored change with whatever else came with it; personal data is masked."""

    model_config = ConfigDict(extra="allow")

    number: str = Field(description="Unique number", examples=["CHG0030001"])
    opened_at: str | None = Field(description="When it was asked for", examples=[None])
    started_at: str | None = Field(description="When the work started", examples=[EXAMPLE["started_at"]])
    ended_at: str | None = Field(description="When it ended", examples=[EXAMPLE["ended_at"]])
    cmdb_ci: str = Field(description="Configuration item", examples=["vpn-gw-2"])
    service: str = Field(description="Service", examples=["Remote Access"])
    short_description: str = Field(description="One line", examples=["Renew the certificate"])
    updated_at: str = Field(description="When it was stored last", examples=["2026-03-02T08:15:01Z"])


class ChangePage(Out):
    """One page of changes in order of number."""

    items: list[ChangeOut] = Field(description="The changes")
    next: str | None = Field(description="Cursor of the page that follows; null at the end", examples=[None])


class ChangeResult(Out):
    """What became of one row."""

    index: int = Field(description="Position in what was sent", examples=[0])
    number: str | None = Field(description="Its number; null if it could not be read", examples=["CHG0030001"])
    error: RowError | None = Field(description="Null if it was stored")


class ChangeResults(Out):
    """What became of each row."""

    stored: int = Field(description="Rows stored", examples=[1])
    results: list[ChangeResult] = Field(description="One for each row, in order")


class ChangeEffectOut(Out):
    """Whether incidents follow the changes of an item or a service."""

    cmdb_ci: str = Field(description="Item that was asked for; else empty", examples=["vpn-gw-2"])
    service: str = Field(description="Service that was asked for; else empty", examples=[""])
    days: int = Field(description="Days that were looked at", examples=[365])
    changes: int = Field(description="Changes in that time", examples=[14])
    last_24_hours: int = Field(description="Those of the last 24 hours", examples=[3])
    episodes: int = Field(description="Incidents; those within an hour of the one before count once", examples=[31])
    after_a_change: int = Field(description="Those within 24 hours after a change", examples=[11])
    ratio: float | None = Field(description="Rate after a change over the rate otherwise", examples=[4.1])
    interval: list[float] | None = Field(description="Its exact 95 % interval", examples=[[2.1, 7.9]])
    verdict: str = Field(description="more, less, not shown or too few", examples=["more"])
    statement: dict[str, str] = Field(
        description="The same in words, in English and Chinese",
        examples=[{"en": "incidents follow a change here 4.1 times as often", "zh": "…"}],
    )
    latest: list[ChangeOut] = Field(description="The changes of the last 24 hours, the latest first")
