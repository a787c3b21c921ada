"""One ticket through each door: what a system exports, what its API answers and what its webhook sends are one."""

import csv
import json
from datetime import UTC, datetime

import pytest

from api.integrations import glpi, jira, rt, servicenow, zammad
from api.integrations.payload import parse
from diagnosis.incident import FIELDS
from training.records import load_incidents
from training.records.tickets import translate_tickets

OPENED = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)

SERVICENOW_ROW = {
    "sys_id": "b" * 32,
    "number": "INC0042",
    "short_description": "Scanner offline",
    "description": "<p>Since 9&nbsp;h</p>",
    "opened_at": "2026-03-02 09:30:00",
    "priority": "2",
    "state": "2",
    "impact": "2",
    "contact_type": "phone",
    "category": "Hardware",
    "assignment_group": {"display_value": "Field", "link": "x"},
    "caller_id": {"display_value": "Ann", "link": "x"},
    "resolved_at": "2026-03-03 10:00:00",
}
SERVICENOW_CSV = {
    "Number": "INC0042",
    "Short description": "Scanner offline",
    "Description": "Since 9 h",
    "Opened": "2026-03-02 09:30:00",
    "Priority": "2 - High",
    "State": "In Progress",
    "Impact": "2 - Medium",
    "Channel": "Phone",
    "Category": "Hardware",
    "Assignment group": "Field",
    "Caller": "Ann",
    "Resolved": "2026-03-03 10:00:00",
}
JIRA_ISSUE = {
    "id": "9",
    "key": "OPS-7",
    "fields": {
        "summary": "Scanner offline",
        "description": "{color:red}Since 9 h{color}",
        "created": "2026-03-02T17:30:00.000+0800",
        "priority": {"name": "High"},
        "status": {"name": "Reopened", "statusCategory": {"key": "new"}},
        "issuetype": {"name": "Service Request"},
        "project": {"name": "Ops"},
        "reporter": {"displayName": "Ann"},
        "components": [{"name": "Scanner"}, {"name": "Office"}],
        "resolutiondate": "2026-03-03T10:00:00.000+0000",
    },
}
JIRA_CSV = [
    ("Issue key", "OPS-7"),
    ("Summary", "Scanner offline"),
    ("Description", "{color:red}Since 9 h{color}"),
    ("Created", "02/Mar/26 9:30 AM"),
    ("Priority", "High"),
    ("Status", "Reopened"),
    ("Issue Type", "Service Request"),
    ("Project name", "Ops"),
    ("Reporter", "Ann"),
    ("Component/s", "Scanner"),
    ("Component/s", "Office"),
    ("Resolved", "03/Mar/26 10:00 AM"),
]
ZAMMAD_TICKET = {
    "id": 5,
    "number": "70005",
    "title": "Scanner offline",
    "group": {"name": "Field"},
    "priority": {"name": "2 normal"},
    "state": "open",
    "created_at": "2026-03-02T09:30:00Z",
    "owner": "-",
    "customer": {"email": "ann@example.com"},
    "create_article_type": "phone",
    "close_at": "2026-03-03T10:00:00Z",
    "article_count": 1,
}
ZAMMAD_CSV = {
    "#": "70005",
    "Title": "Scanner offline",
    "State": "open",
    "Priority": "2 normal",
    "Group": "Field",
    "Owner": "-",
    "Customer": "ann@example.com",
    "Create Channel": "phone",
    "created_at": "2026-03-02 09:30:00",
    "Closed At": "2026-03-03 10:00:00",
    "body": "Since 9 h",
}
GLPI_ITEM = {
    "id": 3300,
    "name": "Scanner offline",
    "content": "&lt;p&gt;Since 9 h&lt;/p&gt;",
    "date": "2026-03-02 09:30:00",
    "priority": 4,
    "status": 2,
    "type": 2,
    "category": {"id": 1, "name": "Scan", "completename": "Office > Print > Scan"},
    "entity": {"name": "Lyon", "completename": "Root > Lyon"},
    "location": {"name": "A", "completename": "HQ > A"},
    "request_type": {"name": "Phone"},
    "date_solve": "2026-03-03 10:00:00",
    "team": [
        {"role": "requester", "type": "User", "name": "ann"},
        {"role": "assigned", "type": "Group", "name": "Field"},
    ],
}
GLPI_CSV = {
    "ID": "3 300",
    "Title": "Scanner offline (3 300)",
    "Description": "<p>Since 9 h</p>",
    "Opening date": "2026-03-02 09:30",
    "Priority": "High",
    "Status": "Processing (assigned)",
    "Type": "Request",
    "Category": "Office > Print > Scan",
    "Entity": "Root > Lyon",
    "Location": "HQ > A",
    "Request source": "Phone",
    "Requester - Requester": "ann (12)",
    "Assigned to - Technician group": "Field",
    "Resolution date": "2026-03-03 10:00",
}
RT_TICKET = {
    "type": "ticket",
    "_url": "https://rt.example.com/REST/2.0/ticket/12",
    "id": 12,
    "Subject": "Scanner offline",
    "Content": "<p>Since 9&nbsp;h</p>",
    "Status": "open",
    "Priority": "60",
    "Queue": {"id": "3", "type": "queue", "Name": "Field"},
    "Owner": {"id": "Nobody", "type": "user", "Name": "Nobody"},
    "Requestor": [{"id": "ann", "Name": "ann", "RealName": "Ann", "EmailAddress": "ann@example.com"}],
    "Created": "2026-03-02T09:30:00Z",
    "Started": "1970-01-01T00:00:00Z",
    "Resolved": "2026-03-03T10:00:00Z",
    "CustomFields": [{"id": "2", "name": "Category", "values": ["Scanner"]}, {"id": "3", "name": "Site", "values": []}],
}
RT_TSV = {
    "id": "12",
    "Subject": "Scanner offline",
    "Content": "Since 9 h",
    "Status": "open",
    "QueueName": "Field",
    "OwnerName": "Nobody in particular",
    "Priority": "Medium",
    "Requestors": "Ann <ann@example.com>",
    "Created": "Mon Mar 02 09:30:00 2026",
    "Resolved": "Tue Mar 03 10:00:00 2026",
    "CustomField.{Category}": "Scanner",
}

DOORS = {
    "servicenow": (SERVICENOW_CSV, SERVICENOW_ROW, SERVICENOW_ROW),
    "jira": (JIRA_CSV, JIRA_ISSUE, {"webhookEvent": "jira:issue_updated", "issue": JIRA_ISSUE}),
    "zammad": (
        ZAMMAD_CSV,
        {**ZAMMAD_TICKET, "article": {"body": "Since 9 h"}},
        {"ticket": ZAMMAD_TICKET, "article": {"body": "<p>Since 9 h</p>", "content_type": "text/html"}},
    ),
    "glpi": (GLPI_CSV, GLPI_ITEM, {"event": "update", "item": GLPI_ITEM}),
    "rt": (RT_TSV, RT_TICKET, {"event": "create", "ticket": RT_TICKET, "transaction": {"id": 40, "type": "Create"}}),
}
READERS = {
    "servicenow": lambda body: servicenow.incident_of(parse(servicenow.Rows, body).result[0], {}),
    "jira": lambda body: jira.incident_of(parse(jira.JiraEvent, body), {}),
    "zammad": lambda body: zammad.incident_of(parse(zammad.Trigger, body), {}),
    "glpi": lambda body: glpi.incident_of(parse(glpi.GlpiEvent, body), {}),
    "rt": lambda body: rt.incident_of(parse(rt.RtEvent, body), {}),
}


def known(values):
    """Return the fields that say something; an incident is the type of a ticket that says none."""
    fields = {name: value for name, value in values.items() if name in FIELDS and value not in ("", None)}
    return {"type": "incident"} | fields


@pytest.mark.parametrize("system", DOORS)
def test_one_ticket_is_the_same_through_each_door(system, tmp_path):
    export, api_record, payload = DOORS[system]
    cells = list(export.items()) if isinstance(export, dict) else export
    path = tmp_path / "export.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([[name for name, _ in cells], [value for _, value in cells]])
    row = load_incidents(path, preset=system).frame.astype(object).iloc[0].to_dict()
    from_file = known({name: None if value != value else value for name, value in row.items()})  # noqa: PLR0124 - NaN
    columns = translate_tickets(system, [api_record]).columns
    from_api = known({name: column[0] for name, column in columns.items()})
    incident = READERS[system](json.dumps(payload).encode()).incident
    from_webhook = known({name: getattr(incident, name) for name in FIELDS})
    assert from_file == from_api == from_webhook
    assert from_file["opened_at"] == OPENED
    assert from_file["description"] == "Since 9 h"
    assert "resolved_at" not in from_file, "a ticket that is open again is not resolved"


def test_a_ticket_that_was_reopened_loses_its_resolution_and_a_closed_one_keeps_it():
    closed = {**SERVICENOW_ROW, "state": "7"}
    incident = servicenow.incident_of(parse(servicenow.Rows, json.dumps(closed).encode()).result[0], {}).incident
    assert incident.resolved_at == datetime(2026, 3, 3, 10, tzinfo=UTC)
    assert (incident.state, incident.priority) == ("Closed", "2 - High")
