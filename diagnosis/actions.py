"""Action: what a problem, a review or a gap asks for, by whom, until when, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal, get_args

ActionKind = Literal["fix", "article", "training", "replacement", "staffing", "process", "monitoring", "other"]
ActionSource = Literal["problem", "review", "knowledge", "surge", "service_level", "person"]
ActionStatus = Literal["proposed", "open", "done", "dropped"]
ACTION_KINDS: tuple[str, ...] = get_args(ActionKind)


@dataclass(frozen=True, slots=True)
class Action:
    """Something to be done about what was found.

    Attributes
    ----------
    kind : str
        What sort of action it is, of `ActionKind`.
    source_kind, source : str
        What asks for it, of `ActionSource`, and its id: of a problem, of a quarter (``2026Q3``), of an article.
    evidence : sequence of mapping
        What it rests on, such as ``{"kind": "incident", "number": "INC0010023"}`` or ``{"text": "…"}``.
    owner : str
        Empty until somebody has it.
    measure : str
        The key figure by which it is judged, such as ``recurrence``; empty for the problem's own incidents.
    expected_effect : mapping
        What it should achieve, such as ``{"preventable_hours": 21.7, "days": 90}``.
    done_at : datetime or None
        From when it works: what came before and after is compared.
    result : mapping or None
        What it has achieved, as it was last counted.
    record : mapping or None
        What a connected system was to make of it, such as ``{"system": "jira", "number": "OPS-7"}``; the number is None
        until the system has answered.
    """

    title: str
    kind: ActionKind = "fix"
    source_kind: ActionSource = "person"
    source: str = ""
    evidence: Sequence[Mapping[str, Any]] = ()
    owner: str = ""
    due: date | None = None
    measure: str = ""
    expected_effect: Mapping[str, Any] = field(default_factory=dict)
    status: ActionStatus = "proposed"
    done_at: datetime | None = None
    result: Mapping[str, Any] | None = None
    record: Mapping[str, Any] | None = None
    id: str = ""
    created_at: datetime | None = None
    created_by: str = ""
    updated_at: datetime | None = None
