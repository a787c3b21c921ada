"""The pages of surges: what is breaking now, one surge, what people decide, and planned work."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.console.messages import MESSAGES
from api.settings import Settings
from diagnosis.store import Store
from diagnosis.store.keys import SCOPES
from diagnosis.store.surges import StoredSurge
from diagnosis.times import utc_now
from tests.serving import Serving
from tests.waiting import soon

SURGE = "0123456789abcdef"


@pytest.fixture(scope="module")
def client(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Return a signed-in browser of a service that knows one open surge; nothing watches, so that it stays."""
    database = f"sqlite:///{tmp_path_factory.mktemp('console') / 'faultwise.db'}"
    store = Store.open(database)
    moment = utc_now()
    course = [(moment.isoformat(), 6, 0.4)]
    store.watch_states.hold("surges", "another", 3600)
    store.surges.write(
        [
            StoredSurge(
                SURGE,
                "major_incident",
                "service",
                "Mail <b>",
                moment,
                moment - timedelta(minutes=10),
                moment,
                None,
                6,
                0.4,
                1200.0,
                {"cmdb_ci": {"mbx-1": 6}, "service": {"Mail <b>": 6}},
                course,
            )
        ]
    )
    store.surges.join(SURGE, [("INC1", False), ("A1", True)])
    store.close()
    with Serving(Settings(database=database, models=models)) as client:
        service = client.app.state.service
        client.post(
            "/v1/incidents",
            json={
                "number": "INC1",
                "short_description": "邮件发不出去",
                "service": "Mail <b>",
                "cmdb_ci": "mbx-1",
                "opened_at": utc_now().isoformat(),
            },
        )
        client.post("/v1/alerts", json={"id": "A1", "name": "QueueFull", "started_at": "2026-01-01"})
        _, key = service.store.keys.create("agent", SCOPES)
        client.post("/console/sign-in", data={"key": key})
        yield client


def csrf(page: str) -> str:
    return page.split('name="csrf" value="')[1].split('"', maxsplit=1)[0]


def words(language: str) -> dict[str, str]:
    return {"Accept-Language": language}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_pages_say_what_is_breaking_and_escape_what_people_wrote(client: TestClient, language: str) -> None:
    msg = MESSAGES[language]
    page = client.get("/console/surges", headers=words(language)).text
    assert msg["surge_kind_wide"] in page
    assert "Mail &lt;b&gt;" in page
    assert "<b>" not in page.replace("<b></b>", "")
    one = client.get(f"/console/surges/{SURGE}", headers=words(language)).text
    for text in ("邮件发不出去", "QueueFull", msg["surge_course"], msg["surge_declare"], msg["surge_no_contingency"]):
        assert text in one
    assert client.get("/console/surges/nothing", headers=words(language)).status_code == 404


def test_the_incident_and_the_queue_point_to_it(client: TestClient) -> None:
    record = {"number": "INC1", "short_description": "邮件发不出去", "service": "Mail <b>", "cmdb_ci": "mbx-1"}
    made = client.post("/v1/diagnoses", json=record).json()
    page = client.get(f"/console/diagnoses/{made['id']}", headers=words("en")).text
    assert MESSAGES["en"]["surge_part_likely"] in page
    assert f"/console/surges/{SURGE}" in page
    assert MESSAGES["zh"]["surge_part_likely"] in client.get("/", headers=words("zh")).text


def test_planned_work_is_entered_and_removed(client: TestClient) -> None:
    page = client.get("/console/surges", headers=words("en")).text
    form = {"csrf": csrf(page), "starts_at": "2030-01-01T10:00", "ends_at": "2030-01-01T12:00", "service": "Mail*"}
    wrong = client.post("/console/maintenance", data={**form, "ends_at": "2029-01-01T10:00"}, headers=words("en"))
    assert wrong.status_code == 422
    assert MESSAGES["en"]["maintenance_wrong"] in wrong.text
    assert 'value="Mail*"' in wrong.text
    for zone in ("Mars/Olympus", "America", "../UTC"):
        wrong = client.post("/console/maintenance", data={**form, "zone": zone}, headers=words("zh"))
        assert wrong.status_code == 422
        assert MESSAGES["zh"]["maintenance_zone_wrong"] in wrong.text
    form["zone"] = "Asia/Shanghai"  # the reader's own, as all times are shown
    saved = client.post("/console/maintenance", data=form, headers=words("en")).text
    assert "Mail*" in saved
    [item] = client.get("/v1/maintenance").json()["items"]
    assert (item["starts_at"], item["ends_at"]) == ("2030-01-01T02:00:00Z", "2030-01-01T04:00:00Z")
    window = item["id"]
    left = client.post(f"/console/maintenance/{window}/delete", data={"csrf": csrf(saved)}, headers=words("en")).text
    assert MESSAGES["en"]["maintenance_none"] in left


def test_a_person_answers_for_all_and_ends_it(client: TestClient) -> None:
    address = f"/console/surges/{SURGE}"
    page = client.get(address).text
    assert client.post(address, data={"csrf": "wrong", "decision": "end"}).status_code == 401
    answered = client.post(f"{address}/answer", data={"csrf": csrf(page), "answer": "We are on it."}).text
    assert "We are on it." in answered
    declared = client.post(address, data={"csrf": csrf(page), "decision": "declare"}, headers=words("zh")).text
    assert MESSAGES["zh"]["surge_kind_declared"] in declared
    ended = client.post(
        address, data={"csrf": csrf(page), "decision": "end", "note": "Disk freed"}, headers=words("en")
    )
    assert "Disk freed" in ended.text
    assert MESSAGES["en"]["surge_state_ended"] in ended.text
    again = client.post(address, data={"csrf": csrf(page), "decision": "end"}, headers=words("en"))
    assert again.status_code == 409
    assert MESSAGES["en"]["surge_refused"] in again.text


@pytest.mark.parametrize(
    ("address", "form"),
    [
        (f"/console/surges/{SURGE}", {"decision": "dismiss"}),
        (f"/console/surges/{SURGE}/answer", {"answer": "From another site"}),
        ("/console/maintenance", {"starts_at": "2031-01-01T10:00", "ends_at": "2031-01-01T12:00"}),
        ("/console/maintenance/nothing/delete", {}),
        (f"/console/surges/{SURGE}/alerts", {"alert": "A1", "incident": "INC1", "verdict": "belongs"}),
    ],
)
def test_no_form_does_anything_without_its_page_s_token(client: TestClient, address: str, form: dict[str, str]) -> None:
    before = client.get(f"/v1/surges/{SURGE}").json(), client.get("/v1/maintenance").json()
    assert client.post(address, data={**form, "csrf": "0" * 64}).status_code == 401
    assert client.post(address, data=form).status_code == 422
    assert (client.get(f"/v1/surges/{SURGE}").json(), client.get("/v1/maintenance").json()) == before


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_person_says_which_incident_an_alert_belongs_to_and_takes_it_back(client: TestClient, language: str) -> None:
    msg, address = MESSAGES[language], f"/console/surges/{SURGE}"
    token = csrf(client.get(address).text)
    form = {"csrf": token, "alert": "A1", "incident": "INC1", "verdict": "belongs"}
    page = client.post(f"{address}/alerts", data=form, headers=words(language)).text
    assert msg["alert_belongs"].format("INC1") in page
    [link] = client.get("/v1/alerts/explaining", params={"incident": "INC1"}).json()["items"]
    assert (link["alert"]["id"], link["reasons"]) == ("A1", ["taught"])
    record = {"number": "INC1", "short_description": "邮件发不出去", "service": "Mail <b>", "cmdb_ci": "mbx-1"}
    made = client.post("/v1/diagnoses", json={**record, "opened_at": utc_now().isoformat()}).json()
    shown = client.get(f"/console/diagnoses/{made['id']}", headers=words(language)).text
    assert msg["explain_taught"] in shown
    undone = client.post(
        f"/console/diagnoses/{made['id']}/alerts", data={**form, "verdict": "undo"}, headers=words(language)
    )
    assert undone.status_code == 200
    assert msg["explain_taught"] not in undone.text
    assert client.get("/v1/alerts/verdicts").json()["items"] == []
    again = client.post(f"{address}/alerts", data={**form, "verdict": "undo"}, headers=words(language))
    assert (again.status_code, msg["alert_unknown"] in again.text) == (404, True)
    assert client.post(f"{address}/alerts", data={**form, "verdict": "perhaps"}).status_code == 422


def test_contingency_plans_are_listed_by_service(client: TestClient) -> None:
    page = client.get("/console/contingency", headers=words("en")).text
    assert MESSAGES["en"]["contingency_none"] in page
    plan = {
        "number": "KB-PLAN",
        "title": "Mail plan",
        "keywords": "应急预案",
        "service": "Mail",
        "resolution": "联系人：8000",
    }
    assert client.post("/v1/knowledge", json=plan).status_code == 200
    assert soon(lambda: "Mail plan" in client.get("/console/contingency").text, 10)
    assert "8000" in client.get("/console/contingency", headers=words("zh")).text
    surges = client.app.state.service.surges
    assert surges.contingency_pages() is surges.contingency_pages(), "searched once"
    client.delete("/v1/knowledge/KB-PLAN")
    assert soon(lambda: "Mail plan" not in client.get("/console/contingency").text, 10)
