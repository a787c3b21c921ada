"""GLPI webhooks: a ticket in; a private follow-up and the group back.

Events and signature: `src/Webhook.php` of GLPI 11; fields: its high-level API's schema ``Ticket``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import AliasChoices, Field

from api.integrations.note import Diagnosis, note_text
from api.integrations.payload import Moment, Number, Payload, Prose, Words, words
from api.integrations.report import Report, report
from diagnosis.incident import Incident

SYSTEM = "glpi"


class Item(Payload):
    """A GLPI ticket, in the names of the high-level API or of the database."""

    id: Number
    name: Words
    content: Prose
    category: Words = Field(validation_alias=AliasChoices("category", "itilcategories_id"))
    location: Words = Field(validation_alias=AliasChoices("location", "locations_id"))
    request_type: Words = Field(validation_alias=AliasChoices("request_type", "requesttypes_id"))
    user_recipient: Words = Field(validation_alias=AliasChoices("user_recipient", "users_id_recipient"))
    impact: Words
    urgency: Words
    priority: Words
    date: Moment = Field(validation_alias=AliasChoices("date", "date_creation"))
    date_solve: Moment = Field(validation_alias=AliasChoices("date_solve", "solvedate"))
    date_close: Moment = Field(validation_alias=AliasChoices("date_close", "closedate"))
    team: list[dict[str, Any]] = Field(default_factory=list)


class Event(Payload):
    """One call of a GLPI webhook."""

    event: Literal["new", "update", "delete"]
    item: Item


def incident_of(event: Event, fields: Mapping[str, str]) -> Report:
    """Return the ticket as an incident; its number is GLPI's id."""
    item = event.item
    incident = Incident(
        number=item.id,
        opened_at=item.date,
        short_description=item.name,
        description=item.content,
        caller=_member(item, "requester", "User"),
        opened_by=item.user_recipient,
        location=item.location,
        contact_type=item.request_type.lower(),
        category=item.category,
        impact=item.impact,
        urgency=item.urgency,
        priority=item.priority,
        assignment_group=_member(item, "assigned", "Group"),
        assigned_to=_member(item, "assigned", "User"),
        resolved_at=item.date_solve,
        closed_at=item.date_close,
    )
    return report(SYSTEM, item.id, incident, item.others, fields)


def reply(found: Report, diagnosis: Diagnosis) -> dict[str, Any]:
    """Return what GLPI logs with its queued webhook: the note, and the diagnosis."""
    return {"tickets_id": found.record, "followup": note_text(diagnosis), "diagnosis": diagnosis}


def _member(item: Item, role: str, kind: str) -> str:
    return next((str(words(m)) for m in item.team if m.get("role") == role and m.get("type") == kind), "")
