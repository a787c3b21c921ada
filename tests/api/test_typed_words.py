"""What people type beside reports: a mail address and a telephone number stand nowhere in the store in clear."""

import sqlite3

import pytest

from api.settings import Settings
from tests.serving import Serving

MAIL, PHONE = "li.lei@example.com", "13812345678"
CONTACT = f"{MAIL} {PHONE}"
REPORT = {"number": "T1", "short_description": "VPN drops", "caller": MAIL}


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    return tmp_path_factory.mktemp("typed") / "faultwise.db"


@pytest.fixture(scope="module")
def client(database, models):
    with Serving(Settings(database=f"sqlite:///{database}", models=models)) as one:
        yield one


@pytest.fixture(scope="module")
def diagnosis(client):
    return client.post("/v1/diagnoses", json=REPORT).json()


def assert_masked(database, kept="<EMAIL>"):
    with sqlite3.connect(database) as store:
        stored = "\n".join(store.iterdump())
    assert kept in stored
    assert [row for row in stored.splitlines() if MAIL in row or PHONE in row] == []


def test_a_rule(client, database) -> None:
    rule = {"name": f"ask {CONTACT}", "fields": {"caller": MAIL}, "value": f"team of {CONTACT}"}
    assert client.post("/v1/rules", json=rule).json()["name"] == "ask <EMAIL> <PHONE>"
    assert_masked(database, "ask <EMAIL> <PHONE>")


def test_a_rule_for_a_caller_finds_the_caller(client, diagnosis) -> None:
    target = next(iter(diagnosis["predictions"]))
    rule = {"name": "of one caller", "fields": {"caller": MAIL}, "target": target}
    saved = client.post("/v1/rules", json=rule).json()
    answers = [
        client.post("/v1/diagnoses", json={**REPORT, "number": number, "caller": caller}).json()
        for number, caller in (("T2", MAIL), ("T3", "han.meimei@example.com"))
    ]
    client.delete(f"/v1/rules/{saved['id']}")
    assert ["of one caller" in answer["predictions"][target]["reason"] for answer in answers] == [True, False]


@pytest.mark.parametrize(
    "condition", [{"text": f"call {MAIL}"}, {"fields": {"caller": f"*{MAIL}"}}, {"fields": {"u_contact": MAIL}}]
)
def test_a_rule_that_no_masked_report_could_match_is_refused(client, condition) -> None:
    answer = client.post("/v1/rules", json={"name": "x", **condition})
    assert answer.status_code == 422
    assert MAIL not in answer.text
    assert "x" not in [rule["name"] for rule in client.get("/v1/rules").json()["items"]]


def test_the_value_of_feedback(client, database, diagnosis) -> None:
    target = next(iter(diagnosis["predictions"]))
    body = {"kind": "overridden", "target": target, "value": f"team of {CONTACT}", "comment": CONTACT}
    asked = client.post(f"/v1/diagnoses/{diagnosis['id']}/feedback", json=body)
    assert asked.status_code == 409
    assert MAIL not in asked.text
    assert client.post(f"/v1/diagnoses/{diagnosis['id']}/feedback", json={**body, "confirm": True}).status_code == 201
    assert_masked(database, "team of <EMAIL> <PHONE>")


def test_an_action(client, database) -> None:
    body = {"title": f"call {CONTACT}", "evidence": [{"said": CONTACT}], "expected_effect": {"note": [CONTACT]}}
    made = client.post("/v1/actions", json={**body, "source": f"mail of {MAIL}", "owner": MAIL}).json()
    assert made["evidence"] == [{"said": "<EMAIL> <PHONE>"}]
    assert_masked(database, "call <EMAIL> <PHONE>")
    owned = client.get("/v1/actions", params={"owner": MAIL}).json()["items"]
    assert [action["id"] for action in owned] == [made["id"]]
    changed = client.patch(f"/v1/actions/{made['id']}", json={"owner": "Li Lei", "expected_effect": {"of": PHONE}})
    assert changed.json()["owner"] == "Li Lei"
    assert_masked(database)


def test_a_maintenance_window(client, database) -> None:
    window = {"starts_at": "2026-12-05T20:00:00Z", "ends_at": "2026-12-06T02:00:00Z"}
    body = {**window, "scope": {"cmdb_ci": f"laptop of {CONTACT}", "service": "Mail*"}, "note": CONTACT}
    made = client.post("/v1/maintenance", json=body)
    assert made.json()["scope"]["service"] == "Mail*"
    assert_masked(database, "laptop of <EMAIL> <PHONE>")


def test_the_audit_log_of_a_key(client) -> None:
    client.post("/v1/keys", json={"name": f"of {CONTACT}", "scopes": ["diagnose"]})
    [entry, *_] = client.get("/v1/audit").json()["items"]
    assert entry["detail"]["name"] == "of <EMAIL> <PHONE>"
