"""GLPI webhooks: a ticket in; a private follow-up and the group back.

Events and signature: `src/Webhook.php` of GLPI 11; fields: its high-level API's schema ``Ticket``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from api.integrations.note import Diagnosis, note_text
from api.integrations.payload import Number, Payload
from api.integrations.report import Report, report_of_ticket

SYSTEM = "glpi"


class Item(Payload):
    """A GLPI ticket, in the names of the high-level API or of the database; read by the system's table."""

    id: Number


class GlpiEvent(Payload):
    """One call of a GLPI webhook."""

    event: Literal["new", "update", "delete"]
    item: Item


def incident_of(event: GlpiEvent, fields: Mapping[str, str]) -> Report:
    """Return the ticket as an incident; its number is GLPI's id."""
    return report_of_ticket(SYSTEM, event.item.extra_fields | {"id": event.item.id}, event.item.id, fields)


def reply(report: Report, diagnosis: Diagnosis, zone: str = "UTC") -> dict[str, Any]:
    """Return what GLPI logs with its queued webhook: the note, and the diagnosis."""
    return {
        "tickets_id": report.record,
        "followup": note_text(diagnosis, zone),
        "diagnosis": diagnosis,
        "warnings": list(report.warnings),
    }
