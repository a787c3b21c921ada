"""Request Tracker: what the scrip of `examples/request-tracker` sends in; a comment, queue and custom fields back.

The ticket is written as REST2 answers it, so that one table reads it through each door.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Literal

from api.integrations.note import Diagnosis, certified_values, note_text
from api.integrations.payload import Number, Payload, Prose, Words
from api.integrations.report import Report, report_of_ticket
from diagnosis.text.cleaning import clean
from training.sources.own_fields import own_fields

SYSTEM = "rt"
INTAKE_GROUPS = ("General",)  # the queue that a new installation has


class RtTicket(Payload):
    """A ticket as REST2 answers it; read by the system's table."""

    id: Number


class Transaction(Payload):
    """What happened to the ticket."""

    id: Number
    type: Words
    content: Prose


class RtEvent(Payload):
    """One call of the scrip.

    ``create`` asks for a diagnosis; after the others the ticket is remembered as it is.
    """

    event: Literal["create", "status", "queue", "update"]
    ticket: RtTicket
    transaction: Transaction | None = None


def incident_of(event: RtEvent, fields: Mapping[str, str]) -> Report:
    """Return the ticket as an incident; its number is RT's id.

    Own fields may be named with or without the form in which RT searches for them: ``Category``, ``CF.{Category}``.
    """
    ticket = event.ticket.extra_fields | {"id": event.ticket.id, "type": "ticket", "_url": ""}
    if answer := ticket.get("Resolution"):
        ticket["Resolution"] = clean(str(answer))
    return report_of_ticket(SYSTEM, ticket, event.ticket.id, own_fields(SYSTEM, fields))


def is_in_queue(ticket: Mapping[str, Any], names: Collection[str]) -> bool:
    """Return whether a ticket as REST2 writes it is in a queue of these names; in none of an empty name."""
    queue = ticket.get("Queue")
    name = queue.get("Name") if isinstance(queue, Mapping) else None
    return bool(name) and name in names


def reply(report: Report, diagnosis: Diagnosis, zone: str = "UTC") -> dict[str, Any]:
    """Return what the scrip gets: the note to show, and the diagnosis."""
    return {
        "id": report.record,
        "comment": note_text(diagnosis, zone),
        "certified": certified_values(diagnosis),
        "diagnosis": diagnosis,
        "warnings": list(report.warnings),
    }
