"""Actions as they come and as they are shown."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from api.actions.external_records import ExternalRecord, RecordState
from api.http.fields import Day, Line, Name, Out, Strict, Time, Word, check_extra
from diagnosis.actions import Action, ActionKind, ActionSource, ActionStatus
from diagnosis.review.definitions import BY_NAME
from diagnosis.times import format_utc

Title = Annotated[Line, StringConstraints(min_length=1, max_length=500)]
Owner = Annotated[Line, StringConstraints(max_length=255)]
Facts = Annotated[dict[Name, Any], Field(max_length=50), AfterValidator(check_extra)]


def key_figure(name: str) -> str:
    """Return the name of a key figure, or nothing, as it is.

    Raises
    ------
    ValueError
        If there is none of that name: no later review could say what the action achieved.
    """
    if name and name not in BY_NAME:
        raise ValueError(f"expected one of {', '.join(BY_NAME)}; found {name!r}")
    return name


KeyFigure = Annotated[Word, AfterValidator(key_figure)]
_EXAMPLE: dict[str, Any] = {
    "title": "Renew the certificate of vpn-gw-2 before it expires",
    "kind": "fix",
    "source_kind": "problem",
    "source": "P62490386118b",
    "owner": "Network Operations",
    "due": "2026-12-31",
    "expected_effect": {"preventable_hours": 21.7, "days": 90},
}


class ActionIn(Strict):
    """What is to be done, and why."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    title: Title = Field(description="What is to be done, in a sentence")
    kind: ActionKind = Field("fix", description="What sort of action it is")
    source_kind: ActionSource = Field("person", description="What asks for it")
    source: Owner = Field("", description="Its id: of a problem, a quarter such as 2026Q3, the number of an article")
    evidence: list[Facts] = Field(default_factory=list, max_length=100, description="What it rests on")
    owner: Owner = Field("", description="Who has it; empty until somebody does")
    due: Day | None = Field(None, description="Until when")
    measure: KeyFigure = Field(
        "", description="Key figure by which it is judged; empty for the problem's own incidents"
    )
    expected_effect: Facts = Field(default_factory=dict, description="What it should achieve")
    status: ActionStatus = Field("proposed", description="How far it is")
    done_at: Time = Field(None, description="From when it works; with status done and none, now")


class ActionChange(Strict):
    """What changes; what is left out stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "done", "done_at": "2026-10-20T09:00:00Z"}]})

    title: Title = Field("-", description="What is to be done, in a sentence")
    kind: ActionKind = Field("fix", description="What sort of action it is")
    owner: Owner = Field("", description="Who has it")
    due: Day | None = Field(None, description="Until when; null takes the date away")
    measure: KeyFigure = Field("", description="Key figure by which it is judged")
    expected_effect: Facts = Field(default_factory=dict, description="What it should achieve")
    status: ActionStatus = Field("proposed", description="How far it is")
    done_at: Time = Field(None, description="From when it works; with status done and none, now")


class ActionRecordIn(Strict):
    """Which system makes a record of an action."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"system": "jira", "language": "en"}]})

    system: Annotated[Line, StringConstraints(min_length=1, max_length=32)] = Field(
        description="A connected system with write-back"
    )
    language: Literal["en", "zh"] = Field("en", description="Of the record's text, beside the action's own title")


class ExternalRecordOut(Out):
    """The record that a connected system holds of a problem or an action."""

    system: str = Field(description="Which system", examples=["servicenow"])
    number: str | None = Field(
        description="Its number there; null until the system has answered", examples=["PRB0040012"]
    )
    state: RecordState = Field(
        description="Whether it is being made, was made, or was given up and may be asked for anew", examples=["made"]
    )
    error: str = Field(description="Why it was given up, as long as that is kept", examples=[""])


class ActionOut(Out):
    """An action and what came of it."""

    id: str = Field(description="ULID", examples=["01KAP5YQ7H0T9GQ4M6W3Z2X1CV"])
    title: str = Field(description="What is to be done", examples=[_EXAMPLE["title"]])
    kind: ActionKind = Field(description="What sort of action it is")
    source_kind: ActionSource = Field(description="What asks for it")
    source: str = Field(description="Its id", examples=["P62490386118b"])
    evidence: list[dict[str, Any]] = Field(description="What it rests on", examples=[[{"incident": "INC0010023"}]])
    owner: str = Field(description="Who has it; empty until somebody does", examples=["Network Operations"])
    due: date | None = Field(description="Until when", examples=["2026-12-31"])
    measure: str = Field(description="Key figure by which it is judged", examples=["recurrence"])
    expected_effect: dict[str, Any] = Field(
        description="What it should achieve", examples=[{"preventable_hours": 21.7}]
    )
    status: ActionStatus = Field(description="How far it is")
    done_at: str | None = Field(description="From when it works", examples=["2026-10-20T09:00:00Z"])
    result: dict[str, Any] | None = Field(description="What it has achieved, as last counted", examples=[None])
    external_record: ExternalRecordOut | None = Field(description="What a connected system made of it")
    created_at: str = Field(description="When it was made", examples=["2026-11-22T10:20:00Z"])
    created_by: str = Field(description="Who made it", examples=["key:01KAP5YQ7H0T9GQ4M6W3Z2X1CV"])
    updated_at: str = Field(description="When it last changed", examples=["2026-11-22T10:20:00Z"])


class ActionPage(Out):
    """A page of actions, the newest first."""

    items: list[ActionOut] = Field(description="The newest first")
    next: str | None = Field(description="Cursor of the page after this", examples=[None])


def action_out(action: Action, record: ExternalRecord | None = None) -> ActionOut:
    """Return an action as it is shown, with what a connected system made of it."""
    values = {name: getattr(action, name) for name in ActionOut.model_fields if name != "external_record"}
    values["external_record"] = None if record is None else ExternalRecordOut(**asdict(record))
    for name in ("done_at", "created_at", "updated_at"):
        values[name] = None if values[name] is None else format_utc(values[name])
    return ActionOut(**values | {"evidence": [dict(item) for item in action.evidence]})
