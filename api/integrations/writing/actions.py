"""Records of actions: what a system makes of what a review or a person asks for.

ServiceNow gets a row of a table of tasks, Jira an issue, GLPI a Change, Zammad and Request Tracker a ticket in a group
or queue of its own, whose tickets are no incidents.
"""

from __future__ import annotations

import httpx

from api.actions.external_records import WRITE_BACK
from api.integrations.settings import Glpi, Integrations, Jira, RequestTracker, ServiceNow, System, Zammad
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
    zammad_ticket,
)
from api.outgoing.courier import Maker


def action_writers(settings: Integrations, allow_private: bool, record_made: RecordMade) -> dict[str, Maker]:
    """Return a maker for each system that is written to.

    Parameters
    ----------
    record_made : callable
        Called with the action, the system and the record's number.
    """
    return record_writers(WRITE_BACK, "action", _MAKERS, settings, allow_private, record_made)


def _servicenow(client: httpx.Client, settings: System, order: RecordOrder) -> str:
    assert isinstance(settings, ServiceNow)
    return servicenow_record(client, settings.action_table, order)


def _jira(client: httpx.Client, settings: System, order: RecordOrder) -> str:
    assert isinstance(settings, Jira)
    project = required(settings.action_project, "JIRA__ACTION_PROJECT", "the project of the issue")
    return jira_issue(client, settings, project, settings.action_type, order)


def _glpi(client: httpx.Client, settings: System, order: RecordOrder) -> str:
    assert isinstance(settings, Glpi)
    return glpi_item(client, settings, "Change", order)


def _request_tracker(client: httpx.Client, settings: System, order: RecordOrder) -> str:
    assert isinstance(settings, RequestTracker)
    queue = required(settings.action_queue, "RT__ACTION_QUEUE", "the queue of the ticket")
    return request_tracker_ticket(client, queue, order)


def _zammad(client: httpx.Client, settings: System, order: RecordOrder) -> str:
    assert isinstance(settings, Zammad)
    group = required(settings.action_group, "ZAMMAD__ACTION_GROUP", "the group of the ticket")
    return zammad_ticket(client, group, order)


_MAKERS: dict[str, RecordMaker] = {
    "servicenow": _servicenow,
    "jira": _jira,
    "glpi": _glpi,
    "zammad": _zammad,
    "rt": _request_tracker,
}
