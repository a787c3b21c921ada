"""Zammad triggers: a ticket and its article in; a note, tags and the group back.

Payload: https://admin-docs.zammad.org/en/latest/manage/webhook/payload.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.integrations.note import Diagnosis, note_text
from api.integrations.payload import Moment, Number, Payload, Prose, Words
from api.integrations.report import Report, report
from diagnosis.incident import Incident

SYSTEM = "zammad"
INTAKE_GROUPS = ("Users",)  # the group that a new installation puts every ticket into

# Zammad's article types are what ITSM calls the contact type.
_CONTACT = {"phone": "phone", "email": "email", "web": "web", "chat": "chat", "sms": "sms", "note": ""}
_RESOLVED = frozenset({"closed", "merged"})


class Ticket(Payload):
    """The ticket of a trigger."""

    id: Number
    number: Number
    title: Words
    group: Words
    priority: Words
    state: Words
    customer: Words
    owner: Words
    created_by: Words
    create_article_type: Words
    article_count: int = 1
    created_at: Moment
    close_at: Moment
    last_close_at: Moment


class Article(Payload):
    """The article that made the trigger fire."""

    body: Prose
    internal: bool = False
    type: Words
    sender: Words


class Trigger(Payload):
    """One call of a Zammad webhook."""

    ticket: Ticket
    article: Article | None = None


def incident_of(trigger: Trigger, fields: Mapping[str, str]) -> Report:
    """Return the ticket as an incident.

    Only the first article, from outside, describes the incident; a later or internal one (ours too) leaves the
    description unknown, so that what is stored stays.
    """
    ticket, article = trigger.ticket, trigger.article
    first = article is not None and not article.internal and ticket.article_count <= 1
    kind = ticket.create_article_type or (article.type if article else "")
    resolved = ticket.last_close_at or ticket.close_at
    incident = Incident(
        number=ticket.number,
        opened_at=ticket.created_at,
        short_description=ticket.title,
        description=article.body if first and article else "",
        caller=ticket.customer,
        opened_by=ticket.created_by,
        contact_type=_CONTACT.get(kind, kind),
        priority=ticket.priority,
        assignment_group=ticket.group,
        assigned_to="" if ticket.owner in {"-", "1"} else ticket.owner,  # Zammad's word for nobody
        resolved_at=resolved if ticket.state in _RESOLVED else None,
    )
    return report(SYSTEM, ticket.id, incident, ticket.others, fields)


def reply(found: Report, diagnosis: Diagnosis) -> dict[str, Any]:
    """Return what the trigger gets: the note to show, and the diagnosis."""
    return {"ticket_id": found.record, "number": found.incident.number, "note": note_text(diagnosis),
            "diagnosis": diagnosis}  # fmt: skip
