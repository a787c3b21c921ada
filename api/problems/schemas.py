"""The chronic faults of the history, as `/v1/problems` answers."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from api.actions.schemas import ActionOut, ExternalRecordOut, Owner, Title
from api.http.fields import Day, Line, Number, Out, Strict
from diagnosis.actions import ActionKind
from diagnosis.errors import InputError
from diagnosis.phrases import Phrase

Status = Literal["found", "proposed", "watched", "held", "returned", "dismissed"]


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
    first: str = Field(description="When it was first logged", examples=["2026-03-02T08:15:00Z"])
    last: str = Field(description="When it was last logged", examples=["2026-10-30T10:02:00Z"])
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
    may_be_one_with: list[str] = Field(
        description="Problems that seem to be the same fault, in another language or without the item: a person "
        "decides",
        examples=[["P0a1b2c3d4e5f"]],
    )
    status: Status = Field(description="Whether anything was proposed, and what became of the newest action")
    basis: dict[str, Any] = Field(description="How each figure came about", examples=[{"trend": {"ratio": 3.1}}])


class ProblemsOut(Out):
    """The chronic faults, those with the most preventable hours first."""

    as_of: str = Field(description="When the history was looked at", examples=["2026-11-01T00:00:00Z"])
    horizon_days: int = Field(description="Days that are forecast", examples=[90])
    signature: list[str] = Field(description="Fields that say 'the same fault'", examples=[["cmdb_ci", "category"]])
    incidents: int = Field(description="Incidents of the history", examples=[3967])
    without_signature: int = Field(description="Those that lack a field and belong to no problem", examples=[808])
    is_current: bool = Field(
        description="False if people decided since it was counted: figures of what was merged or split are provisional",
        examples=[True],
    )
    problems: list[ProblemOut] = Field(description="At most as many as were asked for")


class MonthOut(Out):
    """What was logged of a problem in a month."""

    month: str = Field(description="Year and month", examples=["2026-10"])
    incidents: int = Field(description="Records", examples=[6])
    episodes: int = Field(description="Occurrences", examples=[4])


class ArticleUseOut(Out):
    """An article that was used on a problem."""

    number: str = Field(description="Its number", examples=["KB0000042"])
    title: str = Field(description="Its title; empty if it is not stored", examples=["VPN certificate expired"])
    incidents: int = Field(description="On how many incidents", examples=[12])


class ChangeOnItemOut(Out):
    """A change on an item of a problem."""

    number: str = Field(description="Its number", examples=["CHG0000042"])
    at: str | None = Field(description="When it started", examples=["2026-06-20T18:00:00Z"])
    title: str = Field(description="Its short description", examples=["New certificate on vpn-gw-2"])


class DecisionOut(Out):
    """What a person decided on a problem."""

    id: str = Field(description="ULID", examples=["01KAP5YQ7H0T9GQ4M6W3Z2X1CV"])
    kind: str = Field(description="rename, merge, split, dismiss or restore", examples=["rename"])
    problem: str = Field(description="On which problem", examples=["P62490386118b"])
    value: str = Field(description="Title, problem or reason", examples=["VPN certificates"])
    actor: str = Field(description="Who", examples=["key:01KAP5YQ7H0T9GQ4M6W3Z2X1CV"])
    created_at: str = Field(description="When", examples=["2026-11-22T10:20:00Z"])


class ProblemDetailOut(ProblemOut):
    """A problem with its timeline, what fixed it, and what is done about it."""

    is_current: bool = Field(
        description="False if people decided since it was counted: figures of what was merged or split are provisional",
        examples=[True],
    )
    timeline: list[MonthOut] = Field(description="The newest months")
    expected_per_month: float = Field(description="Incidents expected in 30 days", examples=[4.1])
    articles: list[ArticleUseOut] = Field(description="Used on it, the most often first")
    changes: list[ChangeOnItemOut] = Field(description="On its items, the latest first")
    actions: list[ActionOut] = Field(description="What it asks for, the newest first")
    external_record: ExternalRecordOut | None = Field(description="What a connected system made of it")
    merged: list[str] = Field(description="Problems that were merged into it", examples=[["P0a1b2c3d4e5f"]])
    split_from: str | None = Field(description="Problem that it came from", examples=[None])
    decisions: list[DecisionOut] = Field(description="What people decided on it, the oldest first")
    dismissed: str | None = Field(description="Why it was dismissed; null where it was not", examples=[None])


class ProblemDecisionIn(Strict):
    """What a person decides on a problem; it holds as incidents come, until it is taken back."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"kind": "rename", "value": "VPN certificates"}]})

    kind: Literal["rename", "merge", "split", "dismiss", "restore"] = Field(description="What is decided")
    value: Line = Field("", description="The title, the problem that it joins, or the reason")
    numbers: list[Number] = Field(
        default_factory=list, max_length=10_000, description="Incidents that a split takes out"
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.kind in ("rename", "merge") and not self.value.strip():
            raise InputError(Phrase("decision_without_value", {"kind": self.kind}))
        if self.kind == "split" and not self.numbers:
            raise InputError(Phrase("split_without_numbers"))
        return self


class ProblemProposalIn(Strict):
    """A problem put forward: who has it, until when, and what is to be done."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"owner": "Network Operations", "due": "2026-12-31", "kind": "fix"}]}
    )

    title: Title | None = Field(None, description="What is to be done; by default the problem's title")
    kind: ActionKind = Field("fix", description="What sort of action it is")
    owner: Owner = Field("", description="Who has it")
    due: Day | None = Field(None, description="Until when")
    system: Literal["", "servicenow", "jira", "glpi", "zammad", "rt"] = Field(
        "", description="Where a Problem record is made; empty for none"
    )
    language: Literal["", "en", "zh"] = Field(
        "", description="Of the record's text, beside its title; empty for that of the incidents"
    )
