"""The page of exclusion rules: for administrators only, lossless, and in force at once."""

import html
import re

import pytest

from diagnosis.store.keys import SCOPES
from tests.api.console.test_console import HOSTILE, Person, diagnosed


@pytest.fixture(scope="module")
def admin(client):
    return Person(client, *SCOPES)


def given(page, name):
    """Return what the form holds in a field, in order."""
    return [html.unescape(value) for value in re.findall(f'name="{name}"[^>]*value="([^"]*)"', page.text)]


def test_only_an_administrator_sees_or_changes_rules(client) -> None:
    agent = Person(client, "diagnose", "feedback", "knowledge")
    assert "/console/rules" not in agent.get("/").text
    assert agent.get("/console/rules").status_code == 403
    assert agent.post("/console/rules", {"name": "x"}).status_code == 403
    assert agent.post("/console/rules/x/off").status_code == 403


def test_a_rule_is_saved_holds_and_comes_back_as_it_was(client, admin) -> None:
    rule = {"name": f"ours {HOSTILE}", "text": "zebra", "target": "category", "value": "", "action": "never_predict"}
    page = admin.post("/console/rules", {**rule, "field": ["contact_type", "service"], "pattern": ["pager*", "*"]})
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    (saved,) = [one for one in client.get("/v1/rules").json()["items"] if one["name"] == rule["name"].strip()]
    assert saved == {**rule, "id": saved["id"], "fields": {"contact_type": "pager*", "service": "*"}}
    said = diagnosed(client, "RULE-1", "a zebra on the line", contact_type="pager-7")
    assert said["predictions"]["category"]["decision"] == "abstained"
    gone = admin.post(f"/console/rules/{saved['id']}/off")
    assert diagnosed(client, "RULE-1", "a zebra on the line", contact_type="pager-7")["predictions"]["category"][
        "value"
    ]
    assert given(gone, "name") == [rule["name"].strip()]
    assert given(gone, "pattern") == ["pager*", "*", "", ""]
    assert [one["action"] for one in client.get("/v1/audit").json()["items"][:2]] == ["rule.delete", "rule.add"]
    assert admin.post(f"/console/rules/{saved['id']}/off").status_code == 404


def test_a_rule_without_a_condition_is_asked_about_before_it_stops_all_automation(client, admin) -> None:
    rule = {"name": "everything", "action": "never_automatic"}
    page = admin.post("/console/rules", rule)
    assert page.status_code == 409
    assert "it would apply to every incident" in page.text
    assert given(page, "name") == ["everything"]
    assert "everything" not in [saved["name"] for saved in client.get("/v1/rules").json()["items"]]
    admin.post("/console/rules", {**rule, "confirmed": "everything"})
    (saved,) = [saved for saved in client.get("/v1/rules").json()["items"] if saved["name"] == "everything"]
    admin.post(f"/console/rules/{saved['id']}/off")


def test_a_rule_without_a_name_is_not_saved_and_nothing_typed_is_lost(client, admin) -> None:
    page = admin.post("/console/rules", {"name": " ", "text": "kept words", "action": "never_automatic"})
    assert page.status_code == 422
    assert given(page, "text") == ["kept words"]
    assert admin.post("/console/rules", {"name": "x", "action": "anything"}).status_code == 422
