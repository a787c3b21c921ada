"""A workload forecast as it is shown."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from api.http.fields import Out


class AmountOut(Out):
    """A number to come."""

    expected: float = Field(description="Its expectation", examples=[61.5])
    interval: tuple[int, int] = Field(description="80 % interval", examples=[(44, 80)])


class AmountsOut(Out):
    """What comes, goes and stays in a time."""

    logged: AmountOut = Field(description="Incidents that are logged")
    closed: AmountOut = Field(description="Incidents that are closed")
    backlog: AmountOut = Field(description="Incidents that are open at its end")


class WorkloadDayOut(AmountsOut):
    """One day; the first is what is left of today."""

    day: str = Field(description="Local date", examples=["2026-11-23"])
    kind: Literal["workday", "weekend", "holiday"] = Field(description="Of the calendar", examples=["workday"])


class WorkloadWeekOut(AmountsOut):
    """Seven whole days."""

    first: str = Field(description="Local date of the first day", examples=["2026-11-23"])
    last: str = Field(description="Local date of the last day", examples=["2026-11-29"])


class WorkloadOut(Out):
    """What comes to the desk."""

    open_now: int = Field(description="Incidents that are open", examples=[26])
    logged_last_28_days: int = Field(description="Incidents logged lately", examples=[204])
    closed_last_28_days: int = Field(description="Incidents closed lately", examples=[177])
    closing_rate: float | None = Field(
        description="Share of the open ones that was closed on a working day of the last 28 days", examples=[0.42]
    )
    working_days_of_backlog: float | None = Field(
        description="Working days that the open ones are worth at that pace; null if none was closed", examples=[3.1]
    )
    trend: Literal["growing", "steady", "shrinking"] = Field(
        description="Whether the backlog is likely (four in five) to grow or shrink by a tenth", examples=["steady"]
    )
    probability_larger: float = Field(description="That more is open at the end than now", examples=[0.21])
    weeks: list[WorkloadWeekOut] = Field(description="Whole weeks from tomorrow on")
    days: list[WorkloadDayOut] = Field(description="Days from today on")


class GroupWorkloadOut(WorkloadOut):
    """What comes to a group."""

    assignment_group: str = Field(description="Its name; empty for none", examples=["Network Operations"])


class PastDayOut(Out):
    """One of the last days."""

    day: str = Field(description="Local date", examples=["2026-11-20"])
    logged: int = Field(description="Incidents that were logged", examples=[14])
    closed: int = Field(description="Incidents that were closed", examples=[12])


class WorkloadForecastOut(Out):
    """The workload of the coming days, at most ten minutes old."""

    as_of: str = Field(description="When it was made", examples=["2026-11-22T13:00:00Z"])
    zone: str = Field(description="Time zone of the days", examples=["Asia/Shanghai"])
    horizon_days: int = Field(description="Whole days ahead", examples=[28])
    incidents: int = Field(description="What it was learned from", examples=[4396])
    without_date: int = Field(description="Incidents without opened_at, left out", examples=[0])
    history_days: int = Field(description="Whole days that were looked at", examples=[547])
    origins: int = Field(
        description="Earlier weeks with whose sequel it was compared; below 8 its intervals are mostly assumed",
        examples=[26],
    )
    past: list[PastDayOut] = Field(description="The last eight weeks")
    desk: WorkloadOut = Field(description="All incidents")
    groups: list[GroupWorkloadOut] = Field(description="Those whose backlog grows most first")
