"""Exports of the systems around us, as those systems write them; the rows are invented."""

import csv
import io
import json

import openpyxl
import pandas as pd
import pytest

from training.records import load_incidents, load_knowledge


def write_csv(path, header, *rows, delimiter=","):
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows([header, *rows])
    path.write_text(out.getvalue(), encoding="utf-8-sig")
    return path


def one(loaded, preset):
    assert loaded.counts.imported == 1
    assert list(loaded.counts.presets.values()) == [preset]
    return loaded.frame.iloc[0].to_dict()


def test_servicenow_list_export(tmp_path):
    path = write_csv(
        tmp_path / "incident.csv",
        [
            "Number",
            "Opened",
            "Short description",
            "Caller",
            "Priority",
            "State",
            "Category",
            "Assignment group",
            "Assigned to",
            "Configuration item",
            "Resolution notes",
            "Resolution code",
            "Resolved",
        ],
        [
            "INC0010001",
            "2026-01-31 08:15:00",
            "邮箱登录失败",
            "Abel Tuter",
            "3 - Moderate",
            "Closed",
            "Software",
            "Service Desk",
            "Beth Anglin",
            "mail-01",
            "reset",
            "Solved (Permanently)",
            "2026-01-31 09:00:00",
        ],
    )
    row = one(load_incidents(path), "servicenow")
    assert row["number"] == "INC0010001"
    assert row["short_description"] == "邮箱登录失败"
    assert row["cmdb_ci"] == "mail-01"
    assert row["assignment_group"] == "Service Desk"
    assert row["close_notes"] == "reset"
    assert row["close_code"] == "Solved (Permanently)"
    assert row["resolved_at"] - row["opened_at"] == pd.Timedelta("45min")
    assert row["state"] == "Closed"


def test_servicenow_table_api_with_references(tmp_path):
    record = {
        "sys_id": "9d385017c611228701d22104cc95c371",
        "number": {"display_value": "INC1", "value": "INC1"},
        "short_description": {"display_value": "VPN 断线", "value": "VPN 断线"},
        "opened_at": {"display_value": "2026-01-31 16:15:00", "value": "2026-01-31 08:15:00"},
        "assignment_group": {"display_value": "Network", "value": "d625dcc", "link": "https://dev.example.com/d625dcc"},
        "caller_id": {"display_value": "Li Lei", "value": "62826"},
        "priority": {"display_value": "3 - Moderate", "value": "3"},
        "cmdb_ci": "",
    }
    path = tmp_path / "incident.json"
    path.write_text(json.dumps({"result": [record]}, indent=2), encoding="utf-8")
    row = one(load_incidents(path), "servicenow")
    assert row["assignment_group"] == "Network"
    assert row["caller"] == "Li Lei"
    assert row["opened_at"] == pd.Timestamp("2026-01-31 08:15", tz="UTC")  # the value is UTC, the display is not
    assert row["cmdb_ci"] == ""


def test_servicenow_dot_walked_fields(tmp_path):
    path = write_csv(
        tmp_path / "incident.csv",
        ["number", "sys_id", "short_description", "assignment_group.name", "cmdb_ci.name", "caller_id.name"],
        ["INC1", "abc", "down", "Network", "vpn-gw-2", "Li Lei"],
    )
    row = one(load_incidents(path), "servicenow")
    assert (row["assignment_group"], row["cmdb_ci"], row["caller"]) == ("Network", "vpn-gw-2", "Li Lei")


def test_servicenow_knowledge(tmp_path):
    path = write_csv(
        tmp_path / "kb_knowledge.csv",
        ["Number", "Short description", "Article body", "Language", "Valid to", "Meta"],
        ["KB0000001", "重置密码", "<p>1. 打开门户</p>", "zh", "2100-01-01", "密码"],
    )
    row = one(load_knowledge(path), "servicenow")
    assert (row["title"], row["language"], row["keywords"]) == ("重置密码", "zh", "密码")
    assert "打开门户" in row["resolution"]


def test_jira_csv_with_repeated_columns(tmp_path):
    path = write_csv(
        tmp_path / "jira.csv",
        [
            "Summary",
            "Issue key",
            "Issue id",
            "Issue Type",
            "Status",
            "Priority",
            "Resolution",
            "Assignee",
            "Reporter",
            "Created",
            "Resolved",
            "Component/s",
            "Component/s",
            "Labels",
            "Labels",
            "Description",
        ],
        [
            "无法打印",
            "IT-53",
            "11111",
            "Incident",
            "Done",
            "High",
            "Fixed",
            "beth",
            "lilei",
            "31/Jan/26 5:20 PM",
            "01/Feb/26 9:00 AM",
            "",
            "Printing",
            "a",
            "b",
            "line 1\nline 2",
        ],
    )
    row = one(load_incidents(path), "jira")
    assert row["number"] == "IT-53"
    assert row["short_description"] == "无法打印"
    assert row["description"] == "line 1\nline 2"
    assert row["category"] == "Printing"
    assert row["subcategory"] == "Incident"
    assert row["close_code"] == "Fixed"
    assert row["opened_at"] == pd.Timestamp("2026-01-31 17:20", tz="UTC")
    assert row["Labels"] == "a; b"


def test_jira_rest_search_with_documents(tmp_path):
    paragraphs = [{"type": "paragraph", "content": [{"type": "text", "text": text}]} for text in ("第一行", "second")]
    issue = {
        "id": "11111",
        "key": "IT-53",
        "fields": {
            "summary": "Mail down",
            "description": {"type": "doc", "version": 1, "content": paragraphs},
            "priority": {"name": "High", "id": "2"},
            "reporter": {"displayName": "Li Lei"},
            "components": [{"id": "1", "name": "Mail"}],
            "created": "2026-01-31T17:20:00.000+0800",
            "resolutiondate": None,
            "issuetype": {"name": "Incident"},
        },
    }
    path = tmp_path / "search.json"
    path.write_text(json.dumps({"startAt": 0, "issues": [issue]}), encoding="utf-8")
    row = one(load_incidents(path), "jira")
    assert row["description"] == "第一行\n\nsecond"
    assert (row["priority"], row["caller"], row["category"]) == ("High", "Li Lei", "Mail")
    assert row["opened_at"] == pd.Timestamp("2026-01-31 09:20", tz="UTC")


def test_zammad_report_with_its_title_and_foot(tmp_path):
    book = openpyxl.Workbook()
    for row in [
        ["2026-1"],
        [],
        [
            "#",
            "Title",
            "State",
            "Priority",
            "Group",
            "Owner",
            "Customer",
            "Organization",
            "Create Channel",
            "Category",
            "Created At",
            "Closed At",
        ],
        [
            "10081",
            "打印机离线",
            "closed",
            "2 normal",
            "Field Support",
            "-",
            "li.lei@example.com",
            "Example",
            "email",
            "Hardware::Printer",
            "2026-01-31 08:15:00",
            "2026-01-31 10:15:00",
        ],
        [],
        ["Timezone: UTC"],
    ]:
        book.active.append(row)
    path = tmp_path / "tickets.xlsx"
    book.save(path)
    row = one(load_incidents(path), "zammad")
    assert row["number"] == "10081"
    assert (row["category"], row["subcategory"]) == ("Hardware", "Printer")
    assert (row["contact_type"], row["assignment_group"]) == ("email", "Field Support")
    assert row["resolved_at"] - row["opened_at"] == pd.Timedelta("2h")


def test_zammad_rest(tmp_path):
    record = {
        "id": 81,
        "number": "10081",
        "title": "Drucker",
        "group": "Users",
        "group_id": 1,
        "customer": "a@example.com",
        "priority": "2 normal",
        "created_at": "2026-01-31T08:15:00.000Z",
        "article_count": 1,
        "article": {"body": "offline", "content_type": "text/plain"},
    }
    path = tmp_path / "tickets.json"
    path.write_text(json.dumps([record]), encoding="utf-8")
    row = one(load_incidents(path), "zammad")
    assert (row["number"], row["description"], row["assignment_group"]) == ("10081", "offline", "Users")


@pytest.mark.parametrize(
    "header",
    [
        [
            "ID",
            "Title",
            "Status",
            "Opening date",
            "Priority",
            "Requester - Requester",
            "Category",
            "Assigned to - Technician group",
            "Description",
        ],
        ["ID", "标题", "状态", "打开日期", "优先度", "请求者 - 请求者", "类别", "分配到 - 技术员组", "描述"],
    ],
)
def test_glpi_search_export(tmp_path, header):
    cells = ["2026", "网络慢", "New", "31-01-2026 08:15", "Medium", "Li Lei", "Network > Wifi > Guest", "Network", "慢"]
    path = write_csv(tmp_path / "glpi.csv", header, cells, delimiter=";")
    row = one(load_incidents(path), "glpi")
    assert (row["category"], row["subcategory"]) == ("Network", "Wifi > Guest")
    assert (row["number"], row["caller"], row["assignment_group"]) == ("2026", "Li Lei", "Network")
    assert row["opened_at"] == pd.Timestamp("2026-01-31 08:15", tz="UTC")


def test_a_mapping_wins_over_the_preset_and_the_displaced_column_is_kept(tmp_path):
    path = write_csv(
        tmp_path / "jira.csv", ["Issue key", "Summary", "Priority", "Severity"], ["IT-1", "slow", "Low", "Critical"]
    )
    row = one(load_incidents(path, mapping={"priority": "Severity"}), "jira")
    assert row["priority"] == "Critical"
    assert "Low" in row.values()


def test_a_canonical_header_needs_no_preset_and_a_named_one_is_used(tmp_path):
    path = write_csv(tmp_path / "a.csv", ["Number", "Short Description", "Category"], ["1", "a", "b"])
    loaded = load_incidents(path)
    assert loaded.counts.presets == {}
    assert loaded.frame["category"].iloc[0] == "b"
    path = write_csv(tmp_path / "b.csv", ["Key", "Summary text", "number"], ["IT-1", "slow", "7"])
    loaded = load_incidents(path, preset="jira", mapping={"short_description": "Summary text"})
    assert list(loaded.frame["number"]) == ["IT-1"]
