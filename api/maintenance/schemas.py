"""Maintenance windows as they come and as they are shown."""

from __future__ import annotations

from typing import Any, Self

from pydantic import ConfigDict, Field, model_validator

from api.http.fields import Moment, Out, Strict, Text, Word
from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.surges.scope import FIELDS

_EXAMPLE: dict[str, Any] = {
    "starts_at": "2026-12-05T20:00:00Z",
    "ends_at": "2026-12-06T02:00:00Z",
    "scope": {"service": "Mail*"},
    "note": "Patch day",
}


class WindowIn(Strict):
    """What is silenced, and when."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    starts_at: Moment = Field(description="When the work starts")
    ends_at: Moment = Field(description="When it ends; not in it")
    scope: dict[str, Word] = Field(
        default_factory=dict,
        max_length=4,
        description="service, cmdb_ci, location or category to a shell-style pattern; all must match, none covers all",
    )
    note: Text = Field("", max_length=2000, description="What is done")

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        unknown = sorted(set(self.scope) - set(FIELDS))
        if unknown:
            raise InputError(Phrase("scope_unknown", {"names": tuple(FIELDS), "value": unknown[0]}))
        if self.ends_at <= self.starts_at:
            raise InputError(Phrase("maintenance_ends_before"))
        return self


class WindowOut(Out):
    """A maintenance window."""

    id: str = Field(description="ULID", examples=["01KAP5YQ7H0T9GQ4M6W3Z2X1CV"])
    starts_at: str = Field(description="When the work starts", examples=[_EXAMPLE["starts_at"]])
    ends_at: str = Field(description="When it ends", examples=[_EXAMPLE["ends_at"]])
    scope: dict[str, str] = Field(description="What it covers; empty for everything", examples=[_EXAMPLE["scope"]])
    note: str = Field(description="What is done", examples=["Patch day"])
    created_at: str = Field(description="When it was entered", examples=["2026-12-01T09:00:00Z"])
    created_by: str = Field(description="By whom", examples=["key:01KAP5YQ7H0T9GQ4M6W3Z2X1CV"])


class WindowList(Out):
    """The windows that are not over, in order of their start."""

    items: list[WindowOut] = Field(description="The windows")
