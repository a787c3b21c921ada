"""Surges as they are shown, and what people decide on them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from api.http.fields import Out, Strict, Text

Kind = Literal["surge", "major_incident", "silence"]
State = Literal["open", "ended", "dismissed"]
Note = Annotated[Text, StringConstraints(strip_whitespace=True, max_length=4000)]


class SurgeOut(Out):
    """More incidents than usual in one scope, or none at all where some are usual (silence)."""

    id: str = Field(description="Stays, however often it is seen again", examples=["9f2c51d6a7b0e834"])
    kind: Kind = Field(description="major_incident: so wide, so soon, that a person should look at once")
    state: State = Field(description="open while it lasts; dismissed where people said that it was none")
    scope: dict[str, str] = Field(
        description="What its incidents share; empty for all incidents", examples=[{"service": "Remote Access"}]
    )
    at: str = Field(description="When it was announced", examples=["2026-03-02T08:15:00Z"])
    since: str = Field(description="When its first incident came", examples=["2026-03-02T08:02:00Z"])
    latest: str = Field(description="When its latest incident came", examples=["2026-03-02T09:40:00Z"])
    over_at: str | None = Field(description="When it was over; null while it lasts", examples=[None])
    found: int = Field(description="Incidents in the window in which it was seen", examples=[14])
    expected: float = Field(description="How many are usual there at this hour", examples=[2.1])
    window_minutes: int = Field(description="Length of that window", examples=[60])
    incidents: int = Field(description="Incidents joined so far", examples=[23])
    alerts: int = Field(description="Alerts joined so far", examples=[2])
    services: list[str] = Field(
        description="Services that at least a tenth of its incidents name, the most first", examples=[["Remote Access"]]
    )
    likely_item: str | None = Field(
        description="What at least half of its incidents name, or need by the service map", examples=["vpn-gw-2"]
    )
    likely_change: str | None = Field(
        description="Latest change on its items or services in the day before it", examples=["CHG0030001"]
    )
    declared_at: str | None = Field(description="When a person declared a major incident", examples=[None])
    declared_by: str = Field(description="Who", examples=[""])
    dismissed_at: str | None = Field(description="When a person said that it was none", examples=[None])
    dismissed_by: str = Field(description="Who", examples=[""])
    ended_by: str = Field(description="The person who ended it; empty where it was over by itself", examples=[""])
    note: str = Field(description="What the person wrote", examples=["Certificate of the gateway renewed"])
    answer: str = Field(description="What all joined incidents are told", examples=["We are working on it."])
    answered_at: str | None = Field(description="Since when", examples=[None])
    answered_by: str = Field(description="By whom", examples=[""])


class SurgePage(Out):
    """One page of surges, the latest announced first."""

    items: list[SurgeOut] = Field(description="The surges")
    next: str | None = Field(description="Cursor of the page that follows; null at the end", examples=[None])


class PastSurgeOut(Out):
    """An earlier surge of the same scope, or of the same service."""

    id: str = Field(description="Its id", examples=["1b8e2a90c3d4f567"])
    since: str = Field(description="When it began", examples=["2025-11-02T08:02:00Z"])
    over_at: str | None = Field(description="When it was over", examples=["2025-11-02T10:30:00Z"])
    incidents: int = Field(description="Incidents that it joined", examples=[31])
    ended_with: str = Field(
        description="What a person wrote at its end, else the resolution that most of its incidents have",
        examples=["Renewed the gateway's certificate"],
    )


class ChangeHintOut(Out):
    """A change on an item or service of the surge, in the day before it."""

    number: str = Field(description="Its number", examples=["CHG0030001"])
    at: str = Field(description="When it started", examples=["2026-03-02T07:00:00Z"])
    cmdb_ci: str = Field(description="Its configuration item", examples=["vpn-gw-2"])
    service: str = Field(description="Its service", examples=["Remote Access"])
    short_description: str = Field(description="One line", examples=["Certificate renewal"])


class StepOut(Out):
    """Twenty minutes of a surge's scope."""

    at: str = Field(description="When they began", examples=["2026-03-02T08:00:00Z"])
    count: int = Field(description="How many came", examples=[9])
    expected: float = Field(description="How many are usual", examples=[0.7])


class SurgeDetailOut(SurgeOut):
    """A surge with everything that is known of it."""

    numbers: list[str] = Field(description="Its incidents, at most 1,000", examples=[["INC0010023"]])
    alert_ids: list[str] = Field(description="Its alerts, at most 1,000", examples=[["ALT000001"]])
    members: dict[str, dict[str, int]] = Field(
        description="Its incidents by field and value, the most frequent ones", examples=[{"location": {"Berlin": 9}}]
    )
    course: list[StepOut] = Field(description="Count beside what is usual")
    changes: list[ChangeHintOut] = Field(description="Changes in the day before it, the latest first")
    past: list[PastSurgeOut] = Field(description="Earlier surges of its scope, then of its service, the latest first")
    contingency: str | None = Field(
        description="Number of the article that says what to do and whom to call", examples=["KB0000007"]
    )


class SurgeDecisionIn(Strict):
    """Why a person decides so."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"note": "Planned load test"}]})

    note: Note = Field("", description="In the person's words")


class AnswerIn(Strict):
    """One answer for all joined incidents."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"answer": "Mail is down since 08:02. We expect it back by 10:00."}]}
    )

    answer: Annotated[Note, StringConstraints(min_length=1)] = Field(description="What callers are told")


class ContingencyOut(Out):
    """What to do and whom to call when a service fails, from the knowledge base."""

    number: str = Field(description="Number of the article", examples=["KB0000007"])
    title: str = Field(description="Its title", examples=["Contingency plan: Remote Access"])
    service: str = Field(description="Its service; empty for every one", examples=["Remote Access"])
    steps: str = Field(description="What to do", examples=["1. Switch to the second gateway."])
    contact: str = Field(description="Whom to call", examples=["Network on call, +86 10 5555 0100"])


class ContingencyList(Out):
    """The contingency pages of the knowledge base."""

    items: list[ContingencyOut] = Field(description="By service")
