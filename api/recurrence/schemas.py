"""How often faults come back, and whether a fix has held, as `/v1/recurrence` answers."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from api.http.fields import Out, Strict, Time, Word


class RateOut(Out):
    """How often the incidents of one group came back within one horizon."""

    by: str = Field(description="What the group is of; 'all' for every incident", examples=["month"])
    group: str = Field(description="The group", examples=["2026-10"])
    days: int = Field(description="The horizon", examples=[30])
    incidents: int = Field(description="How many there are", examples=[412])
    rate: float | None = Field(
        description="Kaplan-Meier corrected; null before any was watched so long", examples=[0.14]
    )
    lower: float | None = Field(description="Of the 95 % band", examples=[0.1])
    upper: float | None = Field(description="Of the 95 % band", examples=[0.18])
    naive: float = Field(description="Share seen to come back so far, which always looks too good", examples=[0.09])
    followed: float = Field(description="Share watched for the whole horizon", examples=[0.55])
    target: float = Field(description="Share to stay below", examples=[0.05])
    verdict: Literal["met", "missed", "not proven"] = Field(
        description="Whether the whole band is below the target, above it, or neither", examples=["missed"]
    )


class RecurrenceRatesOut(Out):
    """How often faults come back."""

    definition: str = Field(
        description="What a recurrence is",
        examples=[
            "the same signature (cmdb_ci, category) logged again within the horizon after the incident was opened"
        ],
    )
    signature: list[str] = Field(description="Fields that say 'the same fault'", examples=[["cmdb_ci", "category"]])
    origin: Literal["opened", "resolved"] = Field(description="Where the time starts", examples=["opened"])
    as_of: str = Field(description="When the outcomes were known", examples=["2026-11-01T00:00:00Z"])
    rates: list[RateOut] = Field(description="All incidents first, then each group, each with every horizon")


class FixIn(Strict):
    """A fault and when it was fixed."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"signature": {"cmdb_ci": "vpn-gw-2", "category": "network"}, "since": "2026-03-01T00:00:00Z"}]
        }
    )

    signature: dict[Word, Word] = Field(min_length=1, max_length=12, description="The fault, by field")
    since: Time = Field(description="When it was fixed: a change, a Problem closed, an article published; required")
    as_of: Time = Field(None, description="When the outcomes were known; by default the latest time of the history")


class FixOut(Out):
    """Whether a fix has held."""

    signature: dict[str, str] = Field(description="The fault", examples=[{"cmdb_ci": "vpn-gw-2"}])
    date: str = Field(description="When it was fixed", examples=["2026-03-01T00:00:00Z"])
    episodes_before: int = Field(description="Occurrences before; what follows within a day is one", examples=[12])
    episodes_after: int = Field(description="Occurrences after", examples=[1])
    days_before: float = Field(description="Days watched before", examples=[180.0])
    days_after: float = Field(description="Days watched after", examples=[60.0])
    hazard_before: float = Field(description="Occurrences a day before", examples=[0.067])
    hazard_after: float = Field(description="Occurrences a day after", examples=[0.017])
    ratio: float | None = Field(description="After over before; null if there was none before", examples=[0.25])
    lower: float = Field(description="Of the ratio's exact 95 % interval", examples=[0.01])
    upper: float | None = Field(description="Of the ratio's exact 95 % interval; null if unbounded", examples=[1.6])
    verdict: Literal["held", "did not hold", "cannot tell yet"] = Field(
        description="held: even the 99 % interval is below 1, and the hazard at least halved",
        examples=["cannot tell yet"],
    )
    days_until_told: int | None = Field(description="More days until a fix that works would be told", examples=[45])
