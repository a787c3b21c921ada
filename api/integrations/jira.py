"""Jira: Automation's issue, bare or in an envelope, and the platform's own webhooks in; a comment and fields back.

Payloads: https://developer.atlassian.com/cloud/jira/platform/webhooks/ and Automation's "Send web request".
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from pydantic import Field, model_validator

from api.integrations.note import Diagnosis, certified_values, note_text
from api.integrations.payload import Number, Payload
from api.integrations.report import Report, report_of_ticket
from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.text.atlassian import text_document

SYSTEM = "jira"
OWN_LABEL = "faultwise-"  # begins the label of an issue that we make of a problem or an action
_DIAGNOSED = frozenset({"", "jira:issue_created", "jira:issue_updated"})
# Events of an issue with nothing to diagnose; an event that is neither is refused, so that a wrong set-up shows.
_IGNORED = (
    "jira:issue_deleted",
    "jira:worklog_",
    "comment_",
    "issue_property_",
    "issuelink_",
    "worklog_",
    "attachment_",
)


class Issue(Payload):
    """An issue; ``key`` is what people call it. Its fields are read by the system's table."""

    key: Number
    fields: dict[str, Any]


class JiraEvent(Payload):
    """One call from Jira."""

    webhook_event: str = Field(default="", alias="webhookEvent", max_length=100)
    issue: Issue

    @model_validator(mode="before")
    @classmethod
    def _in_an_envelope(cls, value: object) -> object:
        """Automation's "issue data" is the issue itself."""
        bare = isinstance(value, dict) and "issue" not in value and "webhookEvent" not in value
        return {"issue": value} if bare else value


def is_own_record(fields: Mapping[str, Any], tags: Collection[str]) -> bool:
    """Return whether an issue was made of a problem or an action: a label of ours that is no tag of incidents."""
    labels = [label for label in fields.get("labels") or () if isinstance(label, str)]
    return any(label.startswith(OWN_LABEL) and label not in tags for label in labels)


def is_diagnosed(event: JiraEvent) -> bool:
    """Return whether an event calls for a diagnosis.

    Raises
    ------
    InputError
        If it is not an event of issues at all.
    """
    if event.webhook_event in _DIAGNOSED:
        return True
    if event.webhook_event.startswith(_IGNORED):
        return False
    raise InputError(Phrase("jira_event_unknown", {"value": event.webhook_event}))


def incident_of(event: JiraEvent, fields: Mapping[str, str]) -> Report:
    """Return the issue as an incident.

    Jira has no assignment group of its own: `fields` says which custom field holds it
    (``{"customfield_10050": "assignment_group"}``).
    """
    issue = event.issue
    ticket = issue.extra_fields | {"key": issue.key, "fields": issue.fields}
    return report_of_ticket(SYSTEM, ticket, issue.key, fields, prefix="fields.")


def reply(report: Report, diagnosis: Diagnosis, zone: str = "UTC") -> dict[str, Any]:
    """Return what Automation reads as ``{{webhookResponse.body}}``: a comment as text and as a document, and values."""
    text = note_text(diagnosis, zone)
    return {
        "key": report.record,
        "comment": text,
        "body": text_document(text),
        "certified": certified_values(diagnosis),
        "diagnosis": diagnosis,
        "warnings": list(report.warnings),
    }
