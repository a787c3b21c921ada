"""Settings of the watch for surges (``FAULTWISE_SURGES__…``)."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator

from diagnosis.errors import InputError
from diagnosis.phrases import Phrase


class SurgeSettings(BaseModel):
    """How surges are watched for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    false_alarms_per_month: float = Field(
        default=1.0, gt=0, lt=1000, description="Announcements without a surge that are accepted, on average at most"
    )
    zone: str = Field(default="UTC", description="Time zone of the desk, whose hours and weekdays are its rhythm")
    seconds: float = Field(default=1.0, gt=0, le=60, description="How often to look at what was stored")

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise InputError(Phrase("surge_zone_wrong", {"value": value})) from error
        return value
