"""`/v1/reviews` on a service of its own: drafts, finished reviews that stay, proposals, the programme, reminders."""

import csv
import io
import json
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from api.cli import main
from api.reviews.reminders import Reminders
from api.settings import settings_from
from diagnosis.actions import Action
from diagnosis.errors import InputError
from diagnosis.review import Quarter
from diagnosis.store import Store, tables
from diagnosis.store.observations import ReleaseAnswer
from diagnosis.times import utc_now
from tests.api.remote import Remote


def measures(content):
    return {measure["name"]: measure for measure in content["measures"]}


def test_a_draft_shows_what_the_store_holds(client: TestClient, quarter) -> None:
    draft = client.get("/v1/reviews/draft", params={"language": "zh"}).json()
    assert draft["quarter"] == quarter
    assert draft["id"] is None
    assert any("Messaging" in sentence for sentence in draft["summary"])
    found = measures(draft)
    assert found["deflection"]["value"] == 0.5
    assert found["deflection"]["n"] == 40
    assert found["response"]["compared"]["changed"] == "worse"
    assert found["automatic"]["verdict"] == "not recorded"
    gaps = client.get("/v1/knowledge/health").json()["gaps"]
    assert [gap["title"] for gap in draft["content"]["gaps"]] == [gap["title"] for gap in gaps][:10]
    assert not gaps or "write_article" in {entry["code"] for entry in draft["proposals"]}


def test_a_finished_review_stays_while_records_change(client: TestClient, quarter) -> None:
    finished = client.post("/v1/reviews", json={"quarter": quarter, "note": "agreed"}).json()
    before = client.get(f"/v1/reviews/{finished['id']}").json()
    page = client.get(f"/v1/reviews/{finished['id']}/report").text
    start = Quarter.parse(quarter).bounds("UTC")[0]
    extra = {"number": "LATE1", "opened_at": start.isoformat(), "short_description": "came in late", "service": "CRM"}
    assert client.post("/v1/incidents", json=extra).status_code in (200, 201)
    draft = client.get("/v1/reviews/draft").json()
    assert draft["data_hash"] != finished["data_hash"]
    assert client.get(f"/v1/reviews/{finished['id']}").json() == before
    assert client.get(f"/v1/reviews/{finished['id']}/report").text == page
    assert before["data_hash"] == finished["data_hash"]
    listed = client.get("/v1/reviews", params={"quarter": quarter}).json()["items"]
    assert listed[0]["id"] == finished["id"]
    assert listed[0]["note"] == "agreed"


def test_a_review_that_was_changed_in_the_store_is_not_shown(client: TestClient, quarter) -> None:
    finished = client.post("/v1/reviews", json={"quarter": quarter}).json()
    store = Store(client.app.state.settings.database)
    with store.database.write() as connection:
        t = tables.reviews
        row = connection.execute(sa.select(t.c.content).where(t.c.id == finished["id"])).scalar_one()
        changed = json.dumps(json.loads(row) | {"quarter": "1999Q1"})
        connection.execute(sa.update(t).where(t.c.id == finished["id"]).values(content=changed))
    store.close()
    assert client.get(f"/v1/reviews/{finished['id']}").status_code == 503


@pytest.mark.parametrize("kind", ["html", "docx", "csv"])
def test_reports_come_in_each_form(client: TestClient, quarter, kind) -> None:
    answer = client.get(f"/v1/reviews/{quarter}/report", params={"kind": kind, "language": "zh"})
    assert answer.status_code == 200
    assert f"review-{quarter}.{kind}" in answer.headers["content-disposition"]
    if kind == "html":
        assert "用户满意度" in answer.text
        assert "script" not in answer.headers["content-security-policy"].replace("script-src", "")
    elif kind == "docx":
        assert answer.content[:2] == b"PK"
    else:
        rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
        assert {row["quarter"] for row in rows} == {quarter}


def test_a_proposal_is_taken_once_as_it_was_edited(client: TestClient, quarter) -> None:
    proposals = client.get("/v1/reviews/draft").json()["proposals"]
    wanted = next(entry for entry in proposals if entry["code"] == "clock_worse")
    path = f"/v1/reviews/{quarter}/proposals/{wanted['id']}"
    body = {"owner": "Messaging", "due": "2099-01-31", "title": "Bring response back"}
    action = client.post(path, json=body).json()
    assert action["status"] == "open"
    assert action["source_kind"] == "review"
    assert action["source"] == quarter
    assert action["measure"] == "response"
    assert (action["owner"], action["due"], action["title"]) == ("Messaging", "2099-01-31", "Bring response back")
    assert client.post(path, json=body).status_code == 409
    draft = client.get("/v1/reviews/draft").json()
    assert {entry["id"]: entry["decision"] for entry in draft["proposals"]}[wanted["id"]] == "taken"
    assert action["id"] in {entry["id"] for entry in draft["actions"]}
    done = client.patch(f"/v1/actions/{action['id']}", json={"status": "done"})
    assert done.status_code == 200


def test_a_dropped_proposal_is_remembered(client: TestClient, quarter) -> None:
    proposals = client.get("/v1/reviews/draft").json()["proposals"]
    wanted = next(entry for entry in proposals if entry["decision"] is None)
    assert client.delete(f"/v1/reviews/{quarter}/proposals/{wanted['id']}").status_code == 204
    draft = client.get("/v1/reviews/draft").json()
    assert {entry["id"]: entry["decision"] for entry in draft["proposals"]}[wanted["id"]] == "dropped"
    assert client.delete(f"/v1/reviews/{quarter}/proposals/none").status_code == 404


def test_the_programme_is_taken_again_once_its_four_quarters_are_over(client: TestClient) -> None:
    actions = client.post("/v1/reviews/programme", json={"quarter": "2031Q4", "language": "zh"}).json()
    assert len(actions) >= 12
    assert all(action["owner"] and action["due"] and action["status"] == "open" for action in actions)
    assert {action["due"] for action in actions} >= {"2031-10-31", "2032-09-30"}
    refused = client.post("/v1/reviews/programme", json={"quarter": "2032Q3"})
    assert refused.status_code == 409
    assert "2032-09-30" in refused.json()["detail"]
    again = client.post("/v1/reviews/programme", json={"quarter": "2032Q4"})
    assert len(again.json()) == len(actions)
    due = [action["due"] for action in client.get("/v1/reviews/draft").json()["actions"] if action["status"] == "open"]
    assert due == sorted(due, key=lambda day: day or "9999")


@pytest.mark.parametrize(("wanted", "status"), [("2001Q1", 422), ("2999Q1", 422), ("2026Q7", 422), ("soon", 422)])
def test_quarters_that_cannot_be_reviewed_are_refused(client: TestClient, wanted, status) -> None:
    assert client.get("/v1/reviews/draft", params={"quarter": wanted}).status_code == status


def test_a_running_quarter_is_not_finished(client: TestClient) -> None:
    now = str(Quarter.of(utc_now(), "UTC"))
    body = {"number": "NOW1", "opened_at": utc_now().isoformat(), "short_description": "just now"}
    client.post("/v1/incidents", json=body)
    assert client.get("/v1/reviews/draft", params={"quarter": now}).json()["complete"] is False
    assert client.post("/v1/reviews", json={"quarter": now}).status_code == 422


def test_unknown_reviews_are_not_there(client: TestClient) -> None:
    assert client.get("/v1/reviews/none").status_code == 404
    assert client.get("/v1/reviews/none/report").status_code == 404


def test_owners_are_reminded_once_a_day(client: TestClient) -> None:
    reminders = client.app.state.service.reviews.reminders
    soon, later = (utc_now().date() + timedelta(days=days) for days in (3, 60))
    with Remote() as remote:
        subscription = client.post("/v1/subscriptions", json={"url": remote.url, "events": ["action.due"]}).json()
        ids = [
            client.post("/v1/actions", json={"title": "Soon", "due": day.isoformat(), "status": "open"}).json()["id"]
            for day in (soon, later)
        ]
        reminders.remind()
        reminders.remind()
        last = {"title": "Last", "due": soon.isoformat(), "status": "open"}
        marker = client.post("/v1/actions", json=last).json()["id"]
        reminders.remind()
        told = {}
        while not {ids[0], marker} <= told.keys():  # their order is not promised
            events = [request.json for request in remote.wait_for(len(told) + 1)]
            told = {event["data"]["action"]: event for event in events}
        assert len(remote.requests) == len(told)  # each once
        client.delete(f"/v1/subscriptions/{subscription['id']}")
    assert ids[1] not in told
    event = told[ids[0]]
    assert (event["type"], event["data"]["due"], event["data"]["days_left"]) == ("action.due", soon.isoformat(), 3)


def test_days_of_a_reminder_are_those_of_the_organisation(tmp_path) -> None:
    class Recorder:
        """Keeps what would be sent."""

        def emit(self, _kind, events):
            self.events = list(events)

    store, recorder = Store.open(f"sqlite:///{tmp_path / 'x.db'}"), Recorder()
    for zone in ("Pacific/Kiritimati", "Etc/GMT+12"):  # one of them always has another day than UTC
        due = utc_now().astimezone(ZoneInfo(zone)).date()
        store.actions.add(Action("Soon", due=due, status="open"), "key:1")
        Reminders(store, recorder, 0, zone).remind()
        assert {event["due"]: event["days_left"] for _, event in recorder.events}[due.isoformat()] == 0
    store.close()


def test_settings_of_the_review_are_checked(monkeypatch) -> None:
    monkeypatch.setenv("FAULTWISE_REVIEW__ZONE", "Asia/Shanghai")
    monkeypatch.setenv("FAULTWISE_REVIEW__TARGETS", '{"recurrence": 0.1}')
    monkeypatch.setenv("FAULTWISE_REVIEW__HOURS_AVAILABLE", '{"Service Desk": 320}')
    monkeypatch.setenv("FAULTWISE_REVIEW__HOURS_PER_RECORD", "0.5")
    settings = settings_from().review.review("CN")
    assert (settings.hours_available, settings.hours_per_record) == ({"Service Desk": 320}, 0.5)
    assert (settings.zone, settings.target("recurrence")) == ("Asia/Shanghai", 0.1)
    monkeypatch.setenv("FAULTWISE_REVIEW__ZONE", "Atlantis")
    with pytest.raises(InputError, match="Atlantis"):
        settings_from()


def test_the_command_line_has_from_the_store_what_the_service_has(client: TestClient, quarter, capsys) -> None:
    store = Store(client.app.state.settings.database)
    start = Quarter.parse(quarter).bounds("UTC")[0].isoformat()
    bodies = {record.number: dict(record.body) for record in store.incidents.page(2000, None)}
    chosen = [number for number, body in bodies.items() if str(body.get("opened_at")) >= start][:60]
    groups = {number: bodies[number]["assignment_group"] for number in chosen if "assignment_group" in bodies[number]}
    asked = Quarter.parse(quarter).bounds("UTC")[0].to_pydatetime() + timedelta(days=2)
    store.observations.add(
        [
            ReleaseAnswer(number, "r1", asked, {"assignment_group": prediction(group if place % 4 else "Elsewhere")})
            for place, (number, group) in enumerate(groups.items())
        ]
    )
    store.incidents.put({number: bodies[number] | {"location": "Office 5"} for number in groups})
    while not store.observations.settle()[1]:
        pass
    store.close()
    draft = client.get("/v1/reviews/draft").json()
    assert main(["review", "--from-store", client.app.state.settings.database, "--quarter", quarter, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    ours, theirs = measures(printed), measures(draft)
    for name in ("deflection", "automatic", "automatic_right", "requests", "complaints", "satisfaction", "response"):
        assert ours[name]["value"] is not None, name
        assert (ours[name]["value"], ours[name]["n"]) == (theirs[name]["value"], theirs[name]["n"]), name
    assert ours["automatic_right"]["value"] < 1
    assert printed["saved_hours"] == draft["content"]["saved_hours"] > 0
    assert {action["id"] for action in printed["actions"]} == {action["id"] for action in draft["actions"]}


def prediction(group):
    return {"value": group, "decision": "automatic", "probability": 0.97, "alternatives": []}


def test_clocks_of_a_draft_are_those_of_the_service_levels(client: TestClient) -> None:
    rules = client.app.state.service.service_levels.rules()
    assert client.get("/v1/reviews/draft").json()["content"]["rules"] == [rule.to_dict() for rule in rules.rules]


def test_a_large_store_is_reviewed_by_a_process_of_its_own_with_the_same_outcome(
    client: TestClient, quarter, monkeypatch
) -> None:
    reviews = client.app.state.service.reviews
    threads = reviews.draft(quarter)
    monkeypatch.setattr("api.reviews.service.LARGE", 0)
    reviews._drafts = {}
    own = reviews.draft(quarter)
    moment = {"as_of": "", "workload": None, "problems": None}  # is of the moment at which it was looked at
    assert own | moment == threads | moment
    assert [problem["id"] for problem in own["problems"]] == [problem["id"] for problem in threads["problems"]]
    teams = [{row["team"] for row in review["workload"]["teams"]} for review in (own, threads)]
    assert teams[0] == teams[1]  # whose order is of the moment, too
