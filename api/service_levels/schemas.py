"""Clocks of open incidents as they are shown."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from api.http.fields import Out

Standing = Literal["at_risk", "missed", "running", "paused"]


class HoursToWaitOut(Out):
    """How long incidents that have waited as long still wait, from now."""

    p50: float | None = Field(description="Hours within which half end; null beyond 90 days", examples=[1.9])
    p80: float | None = Field(description="Hours within which four of five end", examples=[7.2])


class OpenClockOut(Out):
    """A clock of an open incident that nobody has stopped yet."""

    number: str = Field(description="Of the incident", examples=["INC0010023"])
    clock: Literal["response", "restoration"] = Field(description="Which", examples=["restoration"])
    standing: Standing = Field(description="paused: the caller is waited for", examples=["at_risk"])
    due_at: str = Field(description="When it is due", examples=["2026-11-22T14:20:00Z"])
    hours_left: float = Field(description="Hours of its calendar; negative once it is missed", examples=[1.4])
    probability_missed: float | None = Field(description="1 once missed; null where not known", examples=[0.71])
    gain: float | None = Field(
        description="By how much that falls if it is taken now, before all others", examples=[0.34]
    )
    hours: HoursToWaitOut | None = Field(
        description="From now until half, and four of five, of those that have waited as long end; null where not known"
    )
    type: str = Field(description="incident, request or complaint", examples=["incident"])
    priority: str = Field(description="As recorded", examples=["1 - Critical"])
    assignment_group: str = Field(description="Who has it", examples=["Network Operations"])
    short_description: str = Field(description="One line", examples=["VPN drops every hour"])


class CountsOut(Out):
    """How many clocks stand how."""

    at_risk: int = Field(description="Likely to be missed", examples=[3])
    missed: int = Field(description="Past their due time", examples=[1])
    running: int = Field(description="Neither", examples=[40])
    paused: int = Field(description="On hold", examples=[5])


class ServiceLevelsOut(Out):
    """The clocks of open incidents, as they were at most a minute ago."""

    as_of: str = Field(description="When they were read", examples=["2026-11-22T13:00:00Z"])
    counts: CountsOut = Field(description="How many clocks stand how")
    take_first: str | None = Field(description="The incident that gains most by being taken first", examples=["INC1"])
    take_first_clock: Literal["response", "restoration"] | None = Field(
        description="Which of its clocks", examples=["restoration"]
    )
    take_first_gain: float | None = Field(description="By how much its risk falls then", examples=[0.34])
    rules: list[str] = Field(
        description="What is promised, the first that fits an incident counting",
        examples=[["type incident, priority 1: response 2 h, restoration 4 h"]],
    )
    items: list[OpenClockOut] = Field(description="At risk first, the one that gains most before the others")
