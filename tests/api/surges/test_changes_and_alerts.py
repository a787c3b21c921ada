"""Changes with what follows them, alerts with what they explain, the review of monitoring, contingency pages."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
from fastapi.testclient import TestClient

from api.settings import Settings
from api.surges.contingency import contingency_pages
from diagnosis.times import utc_now
from tests.serving import Serving
from tests.waiting import soon


def iso(**age: float) -> str:
    return (utc_now() - timedelta(**age)).isoformat()


def test_incidents_that_follow_changes_are_counted_with_an_interval(client: TestClient) -> None:
    item = "fw-change-1"
    changes = [{"number": f"FW{i}", "started_at": iso(days=30 * i + 1), "cmdb_ci": item} for i in range(1, 9)]
    changes.append({"number": "FW0", "started_at": iso(hours=3), "cmdb_ci": item, "short_description": "Patch"})
    assert client.post("/v1/changes", json=changes).json()["stored"] == 9
    incidents = [
        {"number": f"FWI{i}", "opened_at": iso(days=30 * i + 0.5), "short_description": "down", "cmdb_ci": item}
        for i in range(1, 9)
    ]
    incidents += [
        {"number": f"FWO{i}", "opened_at": iso(days=30 * i + 12), "short_description": "down", "cmdb_ci": item}
        for i in range(1, 4)
    ]
    client.post("/v1/incidents", json=incidents)
    client.get("/v1/search", params={"q": "down", "in": "incidents"})
    watch = client.app.state.service.serving
    watch.store_changed()
    for _ in range(100):
        effect = client.get("/v1/changes/effect", params={"cmdb_ci": item}).json()
        if effect["episodes"] == 11:
            break
    assert (effect["changes"], effect["last_24_hours"], effect["episodes"], effect["after_a_change"]) == (9, 1, 11, 8)
    assert effect["verdict"] == "more"
    assert effect["interval"][0] > 1 < effect["ratio"] < effect["interval"][1]
    assert "times as often" in effect["statement"]["en"]
    assert "变更" in effect["statement"]["zh"]
    assert [change["number"] for change in effect["latest"]] == ["FW0"]
    assert client.get("/v1/changes/effect").status_code == 422
    few = client.get("/v1/changes/effect", params={"cmdb_ci": "nothing"}).json()
    assert (few["verdict"], few["ratio"]) == ("too few", None)
    assert client.get("/v1/changes/FW1").json()["cmdb_ci"] == item
    assert client.delete("/v1/changes/FW1").status_code == 204
    assert client.get("/v1/changes/FW1").status_code == 404
    assert len(client.get("/v1/changes", params={"limit": 3}).json()["items"]) == 3


def test_a_year_of_which_a_month_is_known_teaches_nothing_of_the_rest(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    rng = np.random.default_rng(0)
    settings = Settings(database=f"sqlite:///{tmp_path / 'f.db'}", models=tmp_path / "models")
    with Serving(settings) as client:
        changes, incidents = [], []
        for item in range(20):
            name = f"item {item}"
            changes += [
                {"number": f"C{item}-{i}", "started_at": iso(days=day), "cmdb_ci": name}
                for i, day in enumerate([*rng.uniform(1, 28, 6), 200.0])
            ]
            incidents += [
                {"number": f"I{item}-{i}", "opened_at": iso(days=day), "short_description": "x", "cmdb_ci": name}
                for i, day in enumerate(rng.uniform(0, 30, 20))
            ]
        client.post("/v1/incidents", json=incidents)
        client.post("/v1/changes", json=changes)
        service = client.app.state.service
        soon(lambda: len(service.serving.incidents(("number",))) == len(incidents), 20)
        effects = [client.get("/v1/changes/effect", params={"cmdb_ci": f"item {i}"}).json() for i in range(20)]
    assert {effect["changes"] for effect in effects} == {6}, "one of before the first incident says nothing"
    assert sum(effect["verdict"] == "more" for effect in effects) <= 3


def test_an_alert_that_ended_stays_so_when_its_beginning_comes_after_its_end(client: TestClient) -> None:
    fired = {"id": "LATE1", "started_at": iso(hours=3), "name": "FanLate", "cmdb_ci": "sw-late"}
    client.post("/v1/alerts", json={**fired, "ended_at": iso(hours=2)})
    client.post("/v1/alerts", json=fired)
    assert client.get("/v1/alerts/LATE1").json()["ended_at"]
    client.post("/v1/alerts", json={**fired, "id": "LATE2", "started_at": iso(hours=1)})
    assert client.get("/v1/alerts/LATE2").status_code == 200, "the next one of the fault is another"


def test_a_servicenow_and_a_glpi_change_come_in_by_their_own_payload(client: TestClient) -> None:
    row = {
        "sys_id": "1ef47232db801300864adfea5e961913",
        "number": "CHG77",
        "cmdb_ci": {"display_value": "vpn-gw-9", "link": "https://example.service-now.com/x"},
        "work_start": "2026-01-31 07:00:00",
        "assignment_group": "",
        "state": "3",
    }
    assert client.post("/v1/integrations/servicenow/changes", json={"result": [row]}).json() == {"stored": 1}
    change = client.get("/v1/changes/CHG77").json()
    assert (change["cmdb_ci"], change["started_at"]) == ("vpn-gw-9", "2026-01-31T07:00:00Z")
    item = {"id": 4711, "name": "更换证书", "date": "2026-01-31 07:00:00", "status": {"id": 1, "name": "New"}}
    assert client.post("/v1/integrations/glpi/changes", json={"event": "new", "item": item}).json() == {"stored": 1}
    assert client.get("/v1/changes/4711").json()["short_description"] == "更换证书"
    assert client.post("/v1/integrations/servicenow/changes", json={"cmdb_ci": "x"}).status_code == 422


def test_of_several_changes_each_answers_for_itself(client: TestClient) -> None:
    path = "/v1/integrations/servicenow/changes"
    right = [{"number": f"CHG88{n}", "work_start": "2026-01-31 07:00:00", "cmdb_ci": "vpn-gw-9"} for n in range(2)]
    wrong = [
        {"cmdb_ci": "without a number"},
        "no row",
        {"number": "CHG889", "work_start": "2026-01-31 07:00:00", "type": "x" * 5_000},
    ]
    answer = client.post(path, json={"result": [right[0], *wrong, right[1]]})
    assert answer.status_code == 200
    told = answer.json()
    assert told["stored"] == 2
    assert [entry["index"] for entry in told["refused"]] == [1, 2, 3]
    assert all(entry["error"] for entry in told["refused"])
    assert [client.get(f"/v1/changes/CHG88{n}").status_code for n in (0, 1, 9)] == [200, 200, 404]
    assert client.post(path, json={"result": wrong}).status_code == 422


def test_alerts_that_explain_an_incident_are_ranked_and_storms_are_one(client: TestClient) -> None:
    moment = utc_now() - timedelta(minutes=5)
    links = [{"from": "web-77", "to": "db-77"}, {"from": "db-77", "to": "web-77", "kind": "cycle"}]
    assert len(client.put("/v1/service-map", json={"links": links}).json()["links"]) == 2
    storm = [
        {"id": f"ST{i}", "started_at": moment.isoformat(), "name": "DiskFull", "cmdb_ci": "db-77"} for i in range(900)
    ]
    stored = client.post("/v1/alerts", json=storm).json()
    assert {row["alert"] for row in stored["results"]} == {"ST0"}
    assert client.get("/v1/alerts/ST0").json()["repeats"] == 900
    rack = {"started_at": moment.isoformat(), "group": "rack 77"}
    client.post("/v1/alerts", json=[{"id": "G1", "name": "Power", "cmdb_ci": "web-77", **rack}])
    client.post("/v1/alerts", json=[{"id": "G2", "name": "Door", "cmdb_ci": "rack-77", **rack}])
    others = [
        {"id": "OTHER", "started_at": moment.isoformat(), "name": "Fan", "cmdb_ci": "printer-1"},
        {"id": "", "started_at": "soon"},
    ]
    assert [row["error"] is None for row in client.post("/v1/alerts", json=others).json()["results"]] == [True, False]
    body = {
        "number": "EXPL1",
        "short_description": "shop is down",
        "cmdb_ci": "web-77",
        "opened_at": utc_now().isoformat(),
    }
    client.post("/v1/incidents", json=body)
    found = client.get("/v1/alerts/explaining", params={"incident": "EXPL1"}).json()["items"]
    reasons = [("G1", ["same_item"]), ("ST0", ["related_item"]), ("G2", ["same_group"])]
    assert [(link["alert"]["id"], link["reasons"]) for link in found] == reasons
    assert 4 < found[0]["minutes"] < 7


def test_alerts_and_changes_are_masked_as_incidents_are_and_still_found_for_them(client: TestClient) -> None:
    item, words = "10.78.0.9", "ask li.lei@example.com"
    change = {"number": "MASK1", "started_at": iso(hours=3), "cmdb_ci": item, "short_description": words, "plan": words}
    assert client.post("/v1/changes", json=change).json()["stored"] == 1
    alert = {"id": "MASK1", "started_at": iso(minutes=5), "name": "Down", "cmdb_ci": item, "summary": words}
    client.post("/v1/alerts", json=[alert, {**alert, "id": "MASK2", "cmdb_ci": "mask-78", "name": "Slow"}])
    links = client.get("/v1/service-map").json()["links"]
    client.put("/v1/service-map", json={"links": [*links, {"from": item, "to": "mask-78"}]})
    body = {"number": "MASK1", "short_description": "down", "cmdb_ci": item, "opened_at": utc_now().isoformat()}
    client.post("/v1/incidents", json=body)
    found = client.get("/v1/alerts/explaining", params={"incident": "MASK1"}).json()["items"]
    reasons = {link["alert"]["id"]: link["reasons"] for link in found}
    assert reasons == {"MASK1": ["same_item"], "MASK2": ["related_item"]}
    assert client.get("/v1/changes/effect", params={"cmdb_ci": item}).json()["changes"] == 1
    stored = client.app.state.service.store
    kept = [stored.alerts.get("MASK1").body, stored.change_records.get("MASK1").body, client.get("/v1/alerts").json()]
    assert "<EMAIL>" in str(kept[0])
    assert not [text for text in map(str, kept) if "example.com" in text or item in text]


def test_what_people_say_of_an_alert_goes_before_the_rules_and_ranks_the_like_of_it(client: TestClient) -> None:
    item = "mbx-78"
    alerts = [
        {"id": "TQ1", "started_at": iso(hours=30), "name": "QueueFull78", "cmdb_ci": "relay-78"},
        {"id": "TQ2", "started_at": iso(minutes=20), "name": "QueueFull78", "cmdb_ci": "relay-79"},
        {"id": "TC2", "started_at": iso(minutes=5), "name": "Clock78", "cmdb_ci": item},
    ]
    client.post("/v1/alerts", json=alerts)
    text = {"short_description": "mails wait", "cmdb_ci": item}
    client.post("/v1/incidents", json={"number": "TQI1", "opened_at": iso(hours=2), **text})
    client.post("/v1/incidents", json={"number": "TQI2", "opened_at": iso(minutes=1), **text})

    def explaining(incident: str) -> list[tuple[str, list[str]]]:
        items = client.get("/v1/alerts/explaining", params={"incident": incident}).json()["items"]
        return [(link["alert"]["id"], link["reasons"]) for link in items]

    assert explaining("TQI2") == [("TC2", ["same_item"])]
    said = client.post("/v1/alerts/verdicts", json={"alert": "TQ1", "incident": "TQI1"})
    assert (said.status_code, said.json()["belongs"]) == (200, True)
    assert explaining("TQI1")[0] == ("TQ1", ["taught"]), "whenever it was"
    assert ("TQ2", ["judged_alike"]) in explaining("TQI2"), "alerts of its name count on incidents of the same item"
    client.post("/v1/alerts/verdicts", json={"alert": "TC2", "incident": "TQI2", "belongs": False})
    assert explaining("TQI2") == [("TQ2", ["judged_alike"])]
    listed = client.get("/v1/alerts/verdicts", params={"limit": 1}).json()
    assert [(item["alert"], item["belongs"]) for item in listed["items"]] == [("TC2", False)]
    older = client.get("/v1/alerts/verdicts", params={"limit": 1, "cursor": listed["next"]}).json()
    assert [item["alert"] for item in older["items"]] == ["TQ1"]
    for alert, incident in (("TC2", "TQI2"), ("TQ1", "TQI1")):
        assert client.delete("/v1/alerts/verdicts", params={"alert": alert, "incident": incident}).status_code == 204
    assert explaining("TQI2") == [("TC2", ["same_item"])]
    gone = client.delete("/v1/alerts/verdicts", params={"alert": "TQ1", "incident": "TQI1"})
    assert gone.status_code == 404
    for wrong in ({"alert": "TQ1", "incident": "nothing"}, {"alert": "nothing", "incident": "TQI1"}):
        assert client.post("/v1/alerts/verdicts", json=wrong).status_code == 404
    actions = {entry["action"] for entry in client.get("/v1/audit").json()["items"]}
    assert {"alert.verdict", "alert.verdict.undo"} <= actions


def test_what_many_judgements_have_in_common_explains_incidents_that_share_nothing_with_the_alert(
    client: TestClient,
) -> None:
    alerts = [
        {"id": f"TL{i}", "started_at": iso(days=i), "name": "LagHigh79", "cmdb_ci": f"relay-{790 + i}"}
        for i in range(1, 13)
    ]
    alerts += [
        {"id": "TLnew", "started_at": iso(minutes=30), "name": "LagHigh79", "cmdb_ci": "relay-789"},
        {"id": "TLother", "started_at": iso(minutes=2), "name": "FanStopped79", "cmdb_ci": "rack-789"},
    ]
    client.post("/v1/alerts", json=alerts)
    text = {"short_description": "orders arrive late in the shop79", "category": "Shop79"}
    incidents = [
        {"number": f"TLI{i}", "opened_at": iso(days=i - 0.02), "cmdb_ci": f"till-{790 + i}", **text}
        for i in range(1, 13)
    ]
    incidents.append({"number": "TLInew", "opened_at": iso(minutes=1), "cmdb_ci": "till-789", **text})
    client.post("/v1/incidents", json=incidents)

    def explaining() -> list[str]:
        items = client.get("/v1/alerts/explaining", params={"incident": "TLInew"}).json()["items"]
        return [link["alert"]["id"] for link in items if link["reasons"] == ["judged_alike"]]

    assert explaining() == []
    pairs = [{"alert": f"TL{i}", "incident": f"TLI{i}"} for i in range(1, 13)]
    for pair in pairs:
        client.post("/v1/alerts/verdicts", json=pair)
    assert soon(lambda: explaining() == ["TLnew"], 30)
    for pair in pairs:
        client.delete("/v1/alerts/verdicts", params=pair)
    assert soon(lambda: explaining() == [], 30)


def test_the_month_s_review_says_what_came_before_incidents_and_what_never_did(client: TestClient) -> None:
    month = f"{utc_now().replace(day=1) - timedelta(days=1):%Y-%m}"
    alerts, incidents = [], []
    for day in range(2, 22, 2):
        date = f"{month}-{day:02}"
        uplink = {"id": f"UP{day}", "name": "UplinkDown", "cmdb_ci": "sw-77"}
        clock = {"id": f"CK{day}", "name": "Clock77", "cmdb_ci": "ntp-77"}
        alerts.append({**uplink, "started_at": f"{date}T08:00:00Z", "ended_at": f"{date}T08:30:00Z"})
        alerts.append({**clock, "started_at": f"{date}T15:00:00Z", "ended_at": f"{date}T15:10:00Z"})
        network = {"short_description": "no network", "cmdb_ci": "sw-77", "service": "LAN77"}
        incidents.append({"number": f"MR{day}", "opened_at": f"{date}T08:20:00Z", **network})
    slow = {"short_description": "slow", "cmdb_ci": "sw-78", "service": "LAN78"}
    incidents.append({"number": "MR99", "opened_at": f"{month}-25T08:20:00Z", **slow})
    client.post("/v1/alerts", json=alerts)
    client.post("/v1/incidents", json=incidents)
    for _ in range(100):
        review = client.get("/v1/alerts/review", params={"month": month}).json()
        if {"MR99"} <= set(review["numbers"]):
            break
    rows = {row["name"]: row for row in review["alerts"]}
    assert (rows["UplinkDown"]["before"], rows["UplinkDown"]["verdict"]) == (10, "announces")
    assert rows["UplinkDown"]["lead_minutes"] == 20
    assert (rows["Clock77"]["before"], rows["Clock77"]["verdict"]) == (0, "never")
    assert "MR99" in review["numbers"]
    assert {"service": "LAN78", "incidents": 1} in review["unannounced"]
    assert client.get("/v1/alerts/review", params={"month": "soon"}).status_code == 422


def test_a_zero_date_is_no_time_of_an_alert_and_a_month_beyond_the_calendar_none_of_a_review(
    client: TestClient,
) -> None:
    zero = client.post("/v1/alerts", json={"id": "ZERO", "started_at": "0001-01-01T00:00:00Z", "name": "Fan"})
    assert zero.status_code == 422
    assert "expected a time" in zero.text
    for month in ("9999-12", "0001-01", "2026-13"):
        assert client.get("/v1/alerts/review", params={"month": month}).status_code == 422


def test_without_a_release_the_review_counts_what_the_store_holds(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    alerts = [
        {"id": f"U{day}", "started_at": f"2025-03-{day:02}T08:00:00Z", "name": "UplinkDown", "cmdb_ci": "sw-1"}
        | {"ended_at": f"2025-03-{day:02}T08:30:00Z"}
        for day in range(1, 21)
    ]
    settings = Settings(database=f"sqlite:///{tmp_path / 'f.db'}", models=tmp_path / "models")
    with Serving(settings) as client:
        client.post("/v1/alerts", json=alerts)
        nothing = client.get("/v1/alerts/review", params={"month": "2025-03"}).json()
        assert [(row["alerts"], row["verdict"]) for row in nothing["alerts"]] == [(20, "too few")]
        incidents = [
            {"number": f"M{day}", "opened_at": f"2025-03-{day:02}T08:20:00Z", "short_description": "no network"}
            | {"cmdb_ci": "sw-1"}
            for day in range(1, 21)
        ]
        client.post("/v1/incidents", json=incidents)
        review = client.get("/v1/alerts/review", params={"month": "2025-03"}).json()
    assert (review["incidents"], review["announced"]) == (20, 20)
    assert [(row["before"], row["lead_minutes"]) for row in review["alerts"]] == [(20, 20.0)]


def test_a_contingency_page_is_an_article_with_that_keyword() -> None:
    plan = {"number": "KB1", "title": "VPN", "keywords": "vpn；应急预案", "service": "Remote"}
    general = {"number": "KB2", "keywords": "mail, contingency", "service": "", "resolution": "See below"}
    other = {"number": "KB3", "keywords": "mail", "service": "Mail"}
    pages = contingency_pages([{**plan, "resolution": "切换网关\n电话：8000"}, {**general, "owner": "Desk"}, other])
    contacts = [(page.number, page.service, page.contact) for page in pages]
    assert contacts == [("KB2", "", "Desk"), ("KB1", "Remote", "8000")]


def test_whom_to_call_stays_readable_in_a_contingency_page_and_nowhere_else(client: TestClient) -> None:
    number = "+86 138 0013 8000"
    words = "Switch over. Caller li@example.com, +86 138 0013 8001.\nCall: +86 138 0013 8002"
    plan = {"keywords": "contingency", "service": "Masks", "contact": f"Network on call, {number}", "resolution": words}
    lines = {"keywords": "应急预案", "service": "掩码", "resolution": "切换网关\n电话：13800138003\n报障人 13800138004"}
    other = {"keywords": "masks", "contact": number, "resolution": words, "service": "Masks"}
    articles = [{"number": f"MASK{n}", "title": "x", **fields} for n, fields in enumerate((plan, lines, other))]
    client.post("/v1/knowledge", json=articles)

    def pages() -> dict[str, dict[str, str]]:
        return {page["number"]: page for page in client.get("/v1/surges/contingency").json()["items"]}

    assert soon(lambda: {"MASK0", "MASK1"} <= pages().keys())
    shown = pages()
    assert shown["MASK0"]["contact"] == f"Network on call, {number}"
    assert "8002" in shown["MASK0"]["steps"]
    assert "8001" not in shown["MASK0"]["steps"]
    assert "li@" not in shown["MASK0"]["steps"]
    assert shown["MASK1"]["contact"] == "13800138003"
    assert "13800138004" not in shown["MASK1"]["steps"]
    stored = client.get("/v1/knowledge/MASK2").json()
    assert "138 0013" not in str(stored)


def test_an_alert_of_alertmanager_is_kept_with_its_incident(client: TestClient) -> None:
    alert = {
        "status": "firing",
        "labels": {"alertname": "NodeDown77", "instance": "node-77", "job": "nodes"},
        "annotations": {},
        "startsAt": iso(minutes=5),
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "",
        "fingerprint": "fp77",
    }
    body = {"version": "4", "groupKey": "", "status": "firing", "alerts": [alert]}
    for _ in range(3):
        assert client.post("/v1/integrations/alertmanager", json=body).status_code == 200
    kept = [item for item in client.get("/v1/alerts").json()["items"] if item["name"] == "NodeDown77"]
    assert [(item["incident"], item["cmdb_ci"], item["repeats"]) for item in kept] == [("fp77", "node-77", 3)]
