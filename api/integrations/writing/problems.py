"""Problem records: what a system makes of a chronic fault that was proposed.

ServiceNow and GLPI have records of problems, Jira an issue of that type, Request Tracker a ticket in a queue for them
that refers to the incidents; Zammad has none, so the incidents get a tag.
"""

from __future__ import annotations

from urllib.parse import quote

import httpx

from api.integrations.settings import Glpi, Integrations, Jira, RequestTracker, System
from api.integrations.writing.order import call
from api.integrations.writing.records import (
    RecordMade,
    RecordMaker,
    RecordOrder,
    glpi_item,
    jira_issue,
    record_writers,
    request_tracker_ticket,
    required,
    servicenow_record,
    zammad_tickets,
)
from api.outgoing.courier import Maker
from api.problems.service import WRITE_BACK


def problem_writers(settings: Integrations, allow_private: bool, record_made: RecordMade) -> dict[str, Maker]:
    """Return a maker for each system that is written to.

    Parameters
    ----------
    record_made : callable
        Called with the problem, the system and the record's number.
    """
    return record_writers(WRITE_BACK, "problem", _MAKERS, settings, allow_private, record_made)


def _servicenow(client: httpx.Client, _settings: System, order: RecordOrder) -> str:
    return servicenow_record(client, "problem", order)


def _jira(client: httpx.Client, settings: System, order: RecordOrder) -> str:
    assert isinstance(settings, Jira)
    project = required(settings.problem_project, "JIRA__PROBLEM_PROJECT", "the project of the issue")
    return jira_issue(client, settings, project, settings.problem_type, order)


def _glpi(client: httpx.Client, settings: System, order: RecordOrder) -> str:
    assert isinstance(settings, Glpi)
    return glpi_item(client, settings, "Problem", order)


def _request_tracker(client: httpx.Client, settings: System, order: RecordOrder) -> str:
    assert isinstance(settings, RequestTracker)
    queue = required(settings.problem_queue, "RT__PROBLEM_QUEUE", "the queue of the ticket")
    return request_tracker_ticket(client, queue, order)


def _zammad(client: httpx.Client, _settings: System, order: RecordOrder) -> str:
    tag = f"problem-{order.marker}"
    for number in order.numbers:
        query = {"query": f"number:{quote(number, safe='')}", "limit": "1"}
        tickets = zammad_tickets(call(client, "GET", "/api/v1/tickets/search", params=query))
        if tickets:
            body = {"item": tag, "object": "Ticket", "o_id": int(tickets[0]["id"])}
            call(client, "POST", "/api/v1/tags/add", json=body)  # Zammad adds a tag once
    return tag


_MAKERS: dict[str, RecordMaker] = {
    "servicenow": _servicenow,
    "jira": _jira,
    "glpi": _glpi,
    "zammad": _zammad,
    "rt": _request_tracker,
}
