"""The chronic faults of the history, as `/v1/problems` answers."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from api.http.fields import Out


class ProblemOut(Out):
    """A chronic fault: what it has cost, what it will cost, and how much of that a fix would spare."""

    id: str = Field(description="Stays as incidents come", examples=["P62490386118b"])
    signature: dict[str, str] = Field(description="The fault, by field", examples=[{"cmdb_ci": "vpn-gw-2"}])
    joined_by: Literal["fields", "text", "person"] = Field(description="What says that it is one fault")
    title: str = Field(description="In the words of its incidents", examples=["VPN 809 after certificate renewal"])
    incidents: int = Field(description="Records", examples=[41])
    episodes: int = Field(description="Occurrences: what is logged within a day of the first is one", examples=[17])
    callers: int = Field(description="Different callers", examples=[33])
    items: dict[str, int] = Field(description="Its items, the most frequent first", examples=[{"vpn-gw-2": 41}])
    services: dict[str, int] = Field(description="Its services", examples=[{"Remote Access": 41}])
    groups: dict[str, int] = Field(description="Its assignment groups", examples=[{"Network Operations": 39}])
    first: str = Field(description="When it was first logged", examples=["2026-03-02T08:15:00+00:00"])
    last: str = Field(description="When it was last logged", examples=["2026-10-30T10:02:00+00:00"])
    hours_lost: float | None = Field(description="Hours to restore so far; null without resolutions", examples=[96.5])
    expected_incidents: float = Field(description="Within the horizon", examples=[12.4])
    interval: tuple[int, int] = Field(description="Their 80 % interval", examples=[[6, 21]])
    expected_hours: float | None = Field(description="Hours that they will cost", examples=[29.0])
    preventable_share: float = Field(description="Share that a fix prevents", examples=[0.5])
    preventable_hours: float | None = Field(description="Hours that a fix would spare; they rank", examples=[14.5])
    preventable_interval: tuple[float, float] | None = Field(description="Their 80 % interval", examples=[[2.1, 33.0]])
    trend: Literal["rising", "steady", "falling"] = Field(description="Of its episodes", examples=["rising"])
    workaround_share: float | None = Field(description="Resolutions that read like a workaround", examples=[0.6])
    fixes: dict[str, int] = Field(description="Close codes and articles", examples=[{"KB0000042": 12}])
    known_fix: str | None = Field(description="The article used most on it", examples=["KB0000042"])
    record: str | None = Field(description="The Problem record that its incidents name most", examples=["PRB0040012"])
    numbers: list[str] = Field(description="Its newest incidents, at most 100", examples=[["INC0010023"]])
    basis: dict[str, Any] = Field(description="How each figure came about", examples=[{"trend": {"ratio": 3.1}}])


class ProblemsOut(Out):
    """The chronic faults, those with the most preventable hours first."""

    as_of: str = Field(description="When the history was looked at", examples=["2026-11-01T00:00:00Z"])
    horizon_days: int = Field(description="Days that are forecast", examples=[90])
    signature: list[str] = Field(description="Fields that say 'the same fault'", examples=[["cmdb_ci", "category"]])
    incidents: int = Field(description="Incidents of the history", examples=[3967])
    without_signature: int = Field(description="Those that lack a field and belong to no problem", examples=[808])
    problems: list[ProblemOut] = Field(description="At most as many as were asked for")
