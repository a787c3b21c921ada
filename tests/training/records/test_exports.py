"""An export of each supported version, in the form its users write; names of fields as documented, rows invented."""

import csv
import io
import json
from datetime import UTC, datetime

import pytest

from training.records import load_incidents

OPENED = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SOLVED = datetime(2026, 3, 3, 10, 0, tzinfo=UTC)

SERVICENOW = {
    "list as Excel, labels": {
        "Number": "INC1",
        "Opened": "2026-03-02 09:30:00",
        "Short description": "Scanner offline",
        "Caller": "Ann",
        "Priority": "2 - High",
        "State": "Resolved",
        "Category": "Hardware",
        "Assignment group": "Field",
        "Assigned to": "Beth",
        "Updated": "2026-03-03 10:00:00",
        "Updated by": "beth",
        "Channel": "Phone",
        "Resolved": "2026-03-03 10:00:00",
        "Resolution code": "Solution provided",
        "Resolution notes": "cable",
    },
    "list as CSV, field names": {
        "number": "INC1",
        "opened_at": "2026-03-02 09:30:00",
        "short_description": "Scanner offline",
        "caller_id": "Ann",
        "priority": "2 - High",
        "state": "Resolved",
        "category": "Hardware",
        "assignment_group": "Field",
        "assigned_to": "Beth",
        "sys_updated_on": "2026-03-03 10:00:00",
        "contact_type": "Phone",
        "resolved_at": "2026-03-03 10:00:00",
        "close_code": "Solution provided",
        "close_notes": "cable",
    },
    "labels before Madrid": {
        "Number": "INC1",
        "Opened": "2026-03-02 09:30:00",
        "Short description": "Scanner offline",
        "Caller": "Ann",
        "Priority": "2 - High",
        "Incident state": "Resolved",
        "Category": "Hardware",
        "Assignment group": "Field",
        "Assigned to": "Beth",
        "Contact type": "Phone",
        "Resolved": "2026-03-03 10:00:00",
        "Close code": "Solution provided",
        "Close notes": "cable",
    },
    "Table API, display values": {
        "sys_id": "b" * 32,
        "number": "INC1",
        "opened_at": "2026-03-02 09:30:00",
        "short_description": "Scanner offline",
        "caller_id": {"display_value": "Ann", "link": "https://x/1"},
        "priority": "2 - High",
        "state": "Resolved",
        "category": "Hardware",
        "assignment_group": {"display_value": "Field", "link": "https://x/2"},
        "assigned_to": {"display_value": "Beth", "link": "https://x/3"},
        "contact_type": "Phone",
        "resolved_at": "2026-03-03 10:00:00",
        "close_code": "Solution provided",
        "close_notes": "cable",
    },
}
JIRA = {
    "Server and Data Center, CSV of all fields": {
        "Summary": "Scanner offline",
        "Issue key": "OPS-7",
        "Issue id": "11",
        "Issue Type": "Incident",
        "Status": "Done",
        "Project key": "OPS",
        "Project name": "Ops",
        "Priority": "High",
        "Resolution": "Fixed",
        "Assignee": "beth",
        "Reporter": "Ann",
        "Created": "02/Mar/26 9:30 AM",
        "Resolved": "03/Mar/26 10:00 AM",
        "Component/s": "Scanner",
        "Custom field (Team)": "Field",
    },
    "Cloud, CSV of all fields": {
        "Summary": "Scanner offline",
        "Issue key": "OPS-7",
        "Issue id": "11",
        "Issue Type": "Incident",
        "Status": "Erledigt",
        "Status Category": "Done",
        "Project key": "OPS",
        "Project name": "Ops",
        "Priority": "High",
        "Resolution": "Fixed",
        "Assignee": "beth",
        "Reporter": "Ann",
        "Created": "02/Mar/26 9:30 AM",
        "Resolved": "03/Mar/26 10:00 AM",
        "Components": "Scanner",
        "Custom field (Assignment group)": "Field",
    },
    "Cloud, times of an American": {
        "Summary": "Scanner offline",
        "Issue key": "OPS-7",
        "Issue Type": "Incident",
        "Status": "Done",
        "Project name": "Ops",
        "Priority": "High",
        "Resolution": "Fixed",
        "Assignee": "beth",
        "Reporter": "Ann",
        "Created": "Mar 2, 2026 9:30 AM",
        "Resolved": "Mar 3, 2026 10:00 AM",
        "Components": "Scanner",
        "Custom field (Team)": "Field",
    },
    "data pipeline": {
        "id": "11",
        "instance_url": "https://jira.example.com",
        "key": "OPS-7",
        "project_key": "OPS",
        "project_name": "Ops",
        "issue_type": "Incident",
        "summary": "Scanner offline",
        "creator_name": "Ann",
        "reporter_name": "Ann",
        "assignee_name": "beth",
        "status": "Done",
        "status_category": "Done",
        "priority_name": "High",
        "resolution": "Fixed",
        "created_date": "2026-03-02T09:30:00Z",
        "resolution_date": "2026-03-03T10:00:00Z",
        "component": "Scanner",
        "Team Name": "Field",
    },
    "REST search, versions 2 and 3": {
        "id": "11",
        "key": "OPS-7",
        "fields": {
            "summary": "Scanner offline",
            "issuetype": {"name": "Incident"},
            "status": {"name": "Done", "statusCategory": {"key": "done"}},
            "project": {"name": "Ops"},
            "priority": {"name": "High"},
            "resolution": {"name": "Fixed"},
            "assignee": {"displayName": "beth"},
            "reporter": {"displayName": "Ann"},
            "created": "2026-03-02T09:30:00.000+0000",
            "resolutiondate": "2026-03-03T10:00:00.000+0000",
            "components": [{"name": "Scanner"}],
        },
        "Team Name": "Field",  # a custom field of each site, under the name that --map would give
    },
}
ZAMMAD = {
    "report download": {
        "#": "70005",
        "Title": "Scanner offline",
        "State": "closed",
        "Priority": "3 high",
        "Group": "Field",
        "Owner": "Beth",
        "Customer": "Ann",
        "Organization": "HQ",
        "Create Channel": "phone",
        "Sender": "Customer",
        "Tags": "scan",
        "Created At": "2026-03-02 09:30:00",
        "Closed At": "2026-03-03 10:00:00",
    },
    "REST, expanded": {
        "id": 5,
        "number": "70005",
        "title": "Scanner offline",
        "state": "closed",
        "priority": "3 high",
        "group": "Field",
        "group_id": 2,
        "owner": "Beth",
        "customer": "Ann",
        "customer_id": 9,
        "organization": "HQ",
        "create_article_type": "phone",
        "created_at": "2026-03-02T09:30:00.000Z",
        "close_at": "2026-03-03T10:00:00.000Z",
        "article_count": 2,
    },
    "REST, ids of a new installation": {
        "id": 5,
        "number": "70005",
        "title": "Scanner offline",
        "state_id": 4,
        "priority_id": 3,
        "group_id": "Field",
        "owner_id": "Beth",
        "customer_id": "Ann",
        "organization_id": "HQ",
        "create_article_type_id": 5,
        "created_at": "2026-03-02T09:30:00.000Z",
        "last_close_at": "2026-03-03T10:00:00.000Z",
        "article_count": 2,
    },
}
_GLPI_LIST = {
    "Status": "Solved",
    "Opening date": "2026-03-02 09:30",
    "Priority": "High",
    "Requester - Requester": "Ann (12)",
    "Assigned to - Technician": "Beth (3)",
    "Assigned to - Technician group": "Field",
    "Category": "Hardware > Scanner",
    "Resolution date": "2026-03-03 10:00",
    "Last update": "2026-03-03 10:00",
}
GLPI = {
    "9.5, list": {"ID": "3 300", "Title": "Scanner offline", "Entity": "Root", **_GLPI_LIST},
    "10, list with the marks of its icons": {
        "ID": "3300",
        "Title": "Scanner offline (3300)",
        **_GLPI_LIST,
        "Status": "__ Solved",
    },
    "11, list": {
        "ID": "3\u202f300",
        "Title": "Scanner offline",
        "Entity": "Root entity",
        "Solution - Solution": "&lt;p&gt;cable&lt;/p&gt;",
        **_GLPI_LIST,
    },
    "REST, names of dropdowns": {
        "id": 3300,
        "name": "Scanner offline",
        "date": "2026-03-02 09:30:00",
        "status": 5,
        "priority": 4,
        "itilcategories_id": "Hardware > Scanner",
        "users_id_recipient": "Ann",
        "solvedate": "2026-03-03 10:00:00",
        "entities_id": "Root",
        "Technician group": "Field",
        "Technician": "Beth",
        "Requester": "Ann",
    },
    "REST 2": {
        "id": 3300,
        "name": "Scanner offline",
        "content": "",
        "date": "2026-03-02T09:30:00+00:00",
        "status": {"id": 5, "name": "Solved"},
        "priority": 4,
        "category": {"id": 1, "name": "Scanner", "completename": "Hardware > Scanner"},
        "date_solve": "2026-03-03T10:00:00+00:00",
        "team": [
            {"role": "requester", "type": "User", "name": "Ann"},
            {"role": "assigned", "type": "User", "name": "Beth"},
            {"role": "assigned", "type": "Group", "name": "Field"},
        ],
    },
}
EXPECTED = {
    "servicenow": ("INC1", "Resolved", "2 - High", "Hardware", "Beth"),
    "jira": ("OPS-7", None, "High", "Scanner", "beth"),
    "zammad": ("70005", "closed", "3 high", "", "Beth"),
    "glpi": ("3300", "Solved", "High", "Hardware", "Beth"),
}
CASES = [
    (system, name, export)
    for system, exports in {"servicenow": SERVICENOW, "jira": JIRA, "zammad": ZAMMAD, "glpi": GLPI}.items()
    for name, export in exports.items()
]


def written(folder, system, export):
    """Write a record as a system exports it: nested ones as JSON, others as the delimited file that it makes."""
    if any(isinstance(value, dict | list) for value in export.values()) or isinstance(export.get("id"), int):
        wrapper = {"servicenow": "result", "jira": "issues"}.get(system)
        path = folder / "export.json"
        path.write_text(json.dumps({wrapper: [export]} if wrapper else [export]), encoding="utf-8")
        return path
    out = io.StringIO()
    delimiter = ";" if system == "glpi" else ","
    writer = csv.writer(out, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerows([export.keys(), export.values()])
    path = folder / "export.csv"
    path.write_text(out.getvalue(), encoding="utf-8-sig")
    return path


@pytest.mark.parametrize(("system", "export"), [(s, e) for s, _, e in CASES], ids=[f"{s}: {n}" for s, n, _ in CASES])
def test_an_export_of_each_version(tmp_path, system, export):
    loaded = load_incidents(written(tmp_path, system, export))
    assert list(loaded.counts.presets.values()) == [system], "found without being told"
    assert (loaded.counts.imported, loaded.counts.blanked) == (1, 0)
    row = loaded.frame.iloc[0]
    number, state, priority, category, assigned_to = EXPECTED[system]
    assert (row["number"], row["short_description"], row["caller"]) == (number, "Scanner offline", "Ann")
    assert (row["priority"], row["assigned_to"], row["assignment_group"]) == (priority, assigned_to, "Field")
    assert row["category"] == category
    assert state is None or row["state"] == state
    assert (row["opened_at"], row["resolved_at"]) == (OPENED, SOLVED)


def test_an_open_issue_in_any_language_has_no_resolution(tmp_path):
    export = {**JIRA["Cloud, CSV of all fields"], "Status": "Wieder geöffnet", "Status Category": "To Do"}
    row = load_incidents(written(tmp_path, "jira", export)).frame.iloc[0]
    assert (row["state"], str(row["resolved_at"])) == ("Wieder geöffnet", "NaT")
