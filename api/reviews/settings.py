"""The settings of reviews, read from the environment (``FAULTWISE_REVIEW__…``)."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from diagnosis.review import ReviewSettings


class ReviewOptions(BaseModel):
    """Zone, limits and targets of a review."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    zone: str = Field(default="UTC", description="Where quarters begin, such as Asia/Shanghai")
    recurrence_days: float = Field(default=30.0, description="Days within which a fault counts as come back")
    restoration_hours: float | None = Field(
        default=None,
        description="Hours within which an incident should be restored; empty for what the service levels promise",
    )
    request_hours: float | None = Field(default=None, description="The same for the answer to a service request")
    complaint_hours: float | None = Field(default=None, description="The same for the answer to a complaint")
    closure_days: float = Field(default=30.0, description="Days within which a record should be closed")
    satisfied: int = Field(default=4, description="Rating from which on a caller counts as satisfied")
    fewest: int = Field(default=10, description="Records below which a breakdown's row is not judged")
    targets: dict[str, float] = Field(default_factory=dict, description="Targets by key figure")
    hours_per_record: float | dict[str, float] | None = Field(
        default=None, description="Hours of work that one record takes, or by group"
    )
    hours_available: dict[str, float] = Field(default_factory=dict, description="Hours a week that each group has")
    minutes_saved: float = Field(
        default=3.0, ge=0, le=480, description="Minutes of work that one automatic routing spares"
    )
    remind_days: int = Field(
        default=7, ge=0, le=365, description="Days before an action is due that its owner is reminded"
    )

    @model_validator(mode="after")
    def _can_be_used(self) -> Self:
        self.review()
        return self

    def review(self, holidays: str = "") -> ReviewSettings:
        """Return the settings that the review itself takes."""
        values = self.model_dump(exclude={"minutes_saved", "remind_days"})
        return ReviewSettings.from_mapping({**values, "holidays": holidays})
