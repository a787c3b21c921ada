"""Keys as they are asked for and as they are shown."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field

from api.http.fields import Name, Out, Strict, Time
from diagnosis.errors import InputError
from diagnosis.phrases import Phrase

Scope = Literal["diagnose", "feedback", "knowledge", "admin"]


def _ahead(value: datetime | None) -> datetime | None:
    if value is not None and value <= datetime.now(UTC):
        raise InputError(Phrase("time_to_come_expected", {"value": value.isoformat()}))
    return value


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
