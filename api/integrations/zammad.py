"""Zammad triggers: a ticket and its article in; a note, tags and the group back.

Payload: https://admin-docs.zammad.org/en/latest/manage/webhook/payload.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.integrations.note import Diagnosis, note_text
from api.integrations.payload import Number, Payload, Prose, Words, words
from api.integrations.report import Report, report_of_ticket
from diagnosis.text.cleaning import clean
from training.sources.zammad import CLOSED, OURS

SYSTEM = "zammad"
INTAKE_GROUPS = ("Users",)  # the group that a new installation puts every ticket into


class ZammadTicket(Payload):
    """The ticket of a trigger."""

    id: Number
    number: Number
    article_count: int = 1


class Article(Payload):
    """The article that made the trigger fire."""

    body: Prose
    internal: bool = False
    type: Words
    sender: Words
    subject: Words


class Trigger(Payload):
    """One call of a Zammad webhook."""

    ticket: ZammadTicket
    article: Article | None = None


def incident_of(trigger: Trigger, fields: Mapping[str, str]) -> Report:
    """Return the ticket as an incident.

    Only the first article, from outside, describes the incident; a later or internal one (ours too) leaves the
    description unknown, so that what is stored stays. What an agent writes when the ticket is closed is its resolution.
    """
    ticket, article = trigger.ticket, trigger.article
    first = article is not None and not article.internal and ticket.article_count <= 1
    record = ticket.extra_fields | {"id": ticket.id, "number": ticket.number}
    record["article"] = {"body": article.body if first and article else "", "type": article.type if article else ""}
    if article and not first and _state(ticket) in CLOSED and article.sender == "Agent" and article.subject != OURS:
        record["close_notes"] = clean(article.body)
    return report_of_ticket(SYSTEM, record, ticket.id, fields)


def _state(ticket: ZammadTicket) -> str:
    return str(words(ticket.extra_fields.get("state"))).casefold()


def is_in_group(ticket: Mapping[str, Any], name: str) -> bool:
    """Return whether a ticket of a trigger or of the API is in the group of a name; in none of an empty name."""
    group = ticket.get("group")
    return bool(name) and (group.get("name") if isinstance(group, Mapping) else group) == name


def reply(report: Report, diagnosis: Diagnosis, zone: str = "UTC") -> dict[str, Any]:
    """Return what the trigger gets: the note to show, and the diagnosis."""
    return {
        "ticket_id": report.record,
        "number": report.incident.number,
        "note": note_text(diagnosis, zone),
        "diagnosis": diagnosis,
        "warnings": list(report.warnings),
    }
