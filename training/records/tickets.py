"""Tickets as APIs and webhooks send them, translated by the same tables as the files that their systems export."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from diagnosis.errors import InputError

from .chunk import Malformed
from .columns import INCIDENTS, draft_plan, plan_columns
from .json_file import chunk_of, flatten
from .translate import Translation, Translator

Ticket = Mapping[str, Any]


def translate_tickets(
    system: str,
    tickets: Sequence[Ticket],
    *,
    mapping: Mapping[str, str] | None = None,
    zone: tzinfo = UTC,
    every_row: bool = False,
) -> Translation:
    """Return tickets as canonical columns, those that can be used; the place of a ticket is counted from 1.

    Parameters
    ----------
    system : {"servicenow", "jira", "zammad", "glpi"}
    tickets : sequence of mapping
        As `as_record` takes them.
    mapping : mapping of str to str, optional
        Canonical field to a field of theirs; wins over the dialect.
    zone : tzinfo
        Of times that name none.
    every_row : bool
        Keep tickets without any text.

    Raises
    ------
    InputError
        If no ticket has a number, or none has any field that tells of a fault.
    """
    rows: dict[int, dict[str, str]] = {}
    malformed: list[Malformed] = []
    for place, ticket in enumerate(tickets, start=1):
        try:
            rows[place] = flatten(as_record(system, ticket))
        except RecursionError as error:
            malformed.append(Malformed(place, str(error)))
    chunk = chunk_of(rows, malformed)
    plan = (draft_plan if every_row else plan_columns)(chunk.header, INCIDENTS, system, mapping, system)
    if "number" not in plan.sources:
        raise InputError(f"expected a number in a ticket of {system}; found none")
    latest = datetime.now(UTC) + timedelta(days=1)
    return Translator(system, INCIDENTS, latest, every_row=every_row, zone=zone).translate(chunk, plan, {})


def as_record(system: str, ticket: Ticket) -> dict[str, Any]:
    """Return a ticket, as a system's API or webhook has it, as a record that its table reads.

    Parameters
    ----------
    system : {"servicenow", "jira", "zammad", "glpi"}
    ticket : mapping
        A row of ServiceNow's Table API; a Jira issue; a Zammad ticket with its first ``article``; a GLPI item.
    """
    arrange = _ARRANGEMENTS.get(system)
    return arrange(ticket) if arrange else dict(ticket)


def _jira(issue: Ticket) -> dict[str, Any]:
    """Leave out the resolution of an issue whose status category, in any language, is not done."""
    fields = issue.get("fields")
    status = fields.get("status") if isinstance(fields, Mapping) else None
    category = status.get("statusCategory") if isinstance(status, Mapping) else None
    is_open = isinstance(category, Mapping) and category.get("key") in ("new", "indeterminate")
    if is_open and isinstance(fields, Mapping):
        return {**issue, "fields": {**fields, "resolutiondate": None}}
    return dict(issue)


def _glpi(item: Ticket) -> dict[str, Any]:
    """Name the people and groups that the high-level API lists as a team as GLPI's search names them."""
    team = item.get("team")
    record = dict(item)
    for role, kind, name in _TEAM:
        members = [
            member.get("display_name") or member.get("name") or ""
            for member in (team if isinstance(team, list) else ())
            if isinstance(member, Mapping) and member.get("role") == role and member.get("type") == kind
        ]
        if members:
            record[name] = members[0]
    record.pop("team", None)
    return record


_TEAM = (
    ("requester", "User", "Requester"),
    ("assigned", "Group", "Technician group"),
    ("assigned", "User", "Technician"),
)
_ARRANGEMENTS: Mapping[str, Callable[[Ticket], dict[str, Any]]] = {"jira": _jira, "glpi": _glpi}
