"""A running service says what is breaking: once, whatever is restarted, and people decide on it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from threading import current_thread, get_ident
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr
from sqlalchemy import event

from api.integrations.settings import Integrations, Zammad
from api.settings import Settings
from api.surges import watch
from api.surges.learning import LearnedHistory, learn_history
from api.surges.settings import SurgeSettings
from diagnosis.processes import InterruptedComputationError
from diagnosis.store import Store
from diagnosis.store.monitoring import StoredAlert, StoredChange
from diagnosis.store.surges import StoredSurge
from diagnosis.surges import Arrival
from diagnosis.times import utc_now
from tests.serving import Serving
from tests.waiting import soon

SCOPE = {"service": "badge readers"}


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store that holds five weeks with some twenty incidents a day, up to now."""
    path = tmp_path_factory.mktemp("surges") / "faultwise.db"
    store = Store.open(f"sqlite:///{path}")
    store.incidents.put(usual_incidents(utc_now()))
    store.close()
    return path


def usual_incidents(until: datetime) -> dict[str, dict[str, Any]]:
    rng = np.random.default_rng(0)
    return {
        f"OLD{place:04}": {
            "number": f"OLD{place:04}",
            "opened_at": (until - timedelta(days=float(age))).isoformat(),
            "short_description": "Printer jams",
            "caller": f"u{rng.integers(300)}",
            "service": f"service {rng.integers(5)}",
        }
        for place, age in enumerate(sorted(rng.uniform(0.02, 35, 700), reverse=True))
    }


def wave(began: datetime) -> dict[str, dict[str, Any]]:
    return {
        f"PAST{place}": {
            "number": f"PAST{place}",
            "opened_at": (began + timedelta(minutes=3 * place)).isoformat(),
            "short_description": "大楼门禁刷卡无反应",
            "caller": f"someone {place}",
            **SCOPE,
        }
        for place in range(15)
    }


@pytest.fixture
def settings(history: Path, models: Path, tmp_path: Path) -> Settings:
    target = tmp_path / "faultwise.db"
    target.write_bytes(history.read_bytes())
    return Settings(
        database=f"sqlite:///{target}", models=models, allow_private_addresses=True, surges=SurgeSettings(seconds=0.05)
    )


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with Serving(settings) as client:
        watched(client)
        yield client


def watched(client: TestClient) -> None:
    """Wait until everything that is stored was seen."""
    its_watch = client.app.state.service.surges.watch
    soon(lambda: its_watch.is_watching and its_watch.watched_upto == client.app.state.service.store.changes.last(), 30)


def send(client: TestClient, count: int, prefix: str = "WAVE", **fields: Any) -> None:
    rows = [
        {
            "number": f"{prefix}{place}",
            "short_description": "大楼门禁刷卡无反应",
            "caller": f"{prefix} someone {place}",
            **SCOPE,
            **fields,
        }
        for place in range(count)
    ]
    assert client.post("/v1/incidents", json=rows).json()["stored"] == count
    watched(client)


def open_surges(client: TestClient) -> list[dict[str, Any]]:
    return client.get("/v1/surges", params={"state": "open"}).json()["items"]


def subscribe(client: TestClient, *events: str) -> Callable[[], list[dict[str, Any]]]:
    body = {"url": "http://127.0.0.1:9/hook", "events": list(events)}
    assert client.post("/v1/subscriptions", json=body).status_code == 201
    store = client.app.state.service.store
    return lambda: [dict(call.body) for call in store.outbox.page(100) if call.kind == "webhook"]


def test_a_wave_is_announced_with_what_it_joins_and_each_incident_points_to_it(client: TestClient) -> None:
    calls = subscribe(client, "surge.started")
    client.post("/v1/changes", json={"number": "CHG1", "started_at": utc_now().isoformat(), **SCOPE})
    send(client, 15, cmdb_ci="reader-7")
    [surge] = open_surges(client)
    assert surge["scope"] in (SCOPE, {"cmdb_ci": "reader-7"})
    assert (surge["kind"], surge["state"], surge["incidents"]) == ("major_incident", "open", 15)
    assert surge["expected"] < 1 <= surge["found"]
    assert surge["likely_item"] == "reader-7"
    assert surge["services"] == [SCOPE["service"]]
    detail = client.get(f"/v1/surges/{surge['id']}").json()
    assert sorted(detail["numbers"]) == sorted(f"WAVE{place}" for place in range(15))
    assert sum(step["count"] for step in detail["course"]) == 15
    [call] = calls()
    assert (call["type"], call["data"]["id"]) == ("surge.started", surge["id"])
    answer = client.post(
        "/v1/diagnoses", json={"number": "WAVE99", "short_description": "门禁", **SCOPE, "cmdb_ci": "reader-7"}
    )
    assert answer.json()["surge"] == {"id": surge["id"], "scope": surge["scope"], "since": surge["since"]}
    other = client.post(
        "/v1/diagnoses", json={"number": "X1", "short_description": "Printer jams", "service": "service 1"}
    )
    assert other.json()["surge"] is None


def test_after_a_restart_nothing_is_announced_twice(settings: Settings) -> None:
    with Serving(settings) as client:
        watched(client)
        calls = subscribe(client, "surge.started")
        send(client, 15)
        first = open_surges(client)
        assert len(first) == len(calls()) == 1
    for _ in range(2):  # the state was saved at the stop; then as if it had been lost with a crash
        with Serving(settings) as client:
            watched(client)
            send(client, 3, "MORE")
            [surge] = open_surges(client)
            assert surge["id"] == first[0]["id"]
            calls = client.app.state.service.store.outbox.page(100)
            assert sum(call.body.get("type") == "surge.started" for call in calls) == 1
        store = Store.open(settings.database)
        with store.database.write() as connection:
            connection.exec_driver_sql("UPDATE watch_states SET state = NULL")
        store.close()


def test_of_two_processes_one_watches_and_both_know_what_is_open(settings: Settings) -> None:
    with Serving(settings) as first:
        watched(first)
        with Serving(settings) as second:
            calls = subscribe(second, "surge.started")
            rows = [{"number": f"W{i}", "short_description": "门禁", "caller": f"c{i}", **SCOPE} for i in range(15)]
            assert second.post("/v1/incidents", json=rows).status_code == 200
            watched(first)
            soon(lambda: second.app.state.service.surges.watch.mark_of(SCOPE) is not None, 10)
            assert not second.app.state.service.surges.watch.is_watching
            assert len(calls()) == len(open_surges(second)) == 1
        send(first, 2, "LATER")
        assert open_surges(first)[0]["incidents"] == 17


def test_a_process_that_learns_for_longer_than_it_holds_the_watch_keeps_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    learners: list[str] = []

    def learn_slowly(
        arrivals: Sequence[Arrival], options: SurgeSettings, holidays: str, is_stopping: Callable[[], bool]
    ) -> LearnedHistory:
        learners.append(current_thread().name)
        until = time.monotonic() + 5.0
        while time.monotonic() < until:
            if is_stopping():
                raise InterruptedComputationError("learning was stopped")
            time.sleep(0.1)
        return learn_history(arrivals, options, holidays, is_stopping)

    monkeypatch.setattr(watch, "_HOLD", 2.0)
    monkeypatch.setattr(watch, "_RENEW", 0.4)
    monkeypatch.setattr(watch, "learn_history", learn_slowly)
    with Serving(settings) as first, Serving(settings) as second:
        watches = [client.app.state.service.surges.watch for client in (first, second)]
        assert soon(lambda: any(one.is_watching for one in watches), 30)
        assert len(learners) == 1, "the other process did not take it meanwhile"


def test_a_person_declares_it_answers_for_all_and_ends_it(client: TestClient) -> None:
    calls = subscribe(client, "major_incident.declared", "surge.ended")
    send(client, 15)
    [surge] = open_surges(client)
    address = f"/v1/surges/{surge['id']}"
    declared = client.post(f"{address}/declare", json={"note": "Doors do not open"}).json()
    assert declared["kind"] == "major_incident"
    assert declared["declared_by"].startswith("key:")
    answered = client.post(f"{address}/answer", json={"answer": "We are on it. Use the side door."}).json()
    assert answered["answer"] == "We are on it. Use the side door."
    assert client.post(f"{address}/answer", json={"answer": " "}).status_code == 422
    ended = client.post(f"{address}/end", json={"note": "Controller restarted"}).json()
    assert (ended["state"], ended["note"]) == ("ended", "Controller restarted")
    assert client.post(f"{address}/end", json={}).status_code == 409
    assert client.post(f"{address}/declare", json={}).status_code == 409
    assert [call["type"] for call in reversed(calls())] == ["major_incident.declared", "surge.ended"]
    actions = {entry["action"] for entry in client.get("/v1/audit").json()["items"]}
    assert {"major_incident.declare", "surge.answer", "surge.end"} <= actions
    watched(client)
    time.sleep(0.3)
    assert open_surges(client) == []
    assert client.post("/v1/surges/nothing/end", json={}).status_code == 404


def test_a_page_of_surges_takes_as_many_queries_as_one_surge(client: TestClient) -> None:
    store = client.app.state.service.store
    moment = utc_now()
    members = {"cmdb_ci": {"reader-7": 5}, "service": {"badge readers": 5}}
    store.change_records.put([StoredChange("CHG1", moment, "reader-7", "", moment, {})])

    def written(count: int) -> list[StoredSurge]:
        times = [moment - timedelta(days=place) for place in range(count)]
        return [
            StoredSurge(f"{place:016}", "surge", "service", "badge readers", at, at, at, at, 5, 0.4, 3600.0, members)
            for place, at in enumerate(times)
        ]

    def queries() -> int:
        statements: list[str] = []
        engine = store.database.engine
        reader = get_ident()

        def note(*arguments: object) -> None:
            if get_ident() == reader:  # other threads read too, of what changed
                statements.append(str(arguments[2]))

        event.listen(engine, "before_cursor_execute", note)
        try:
            surges = client.app.state.service.surges.summaries(client.app.state.service.surges.page(100))
        finally:
            event.remove(engine, "before_cursor_execute", note)
        assert Counter(surge.likely_change for surge in surges) == Counter(["CHG1"] + [None] * (len(surges) - 1))
        return sum("FROM" in statement and "watch_states" not in statement for statement in statements)

    client.app.state.service.surges.watch.stop()
    store.surges.write(written(1))
    one = queries()
    store.surges.write(written(60))
    assert queries() == one


def test_what_is_dismissed_is_not_announced_again_so_soon(client: TestClient) -> None:
    send(client, 6)
    [surge] = open_surges(client)
    dismissed = client.post(f"/v1/surges/{surge['id']}/dismiss", json={"note": "Exercise"}).json()
    assert dismissed["state"] == "dismissed"
    assert client.post(f"/v1/surges/{surge['id']}/answer", json={"answer": "We are on it"}).status_code == 409
    assert client.get(f"/v1/surges/{surge['id']}").json()["answer"] == ""
    service = client.app.state.service
    soon(lambda: service.surges.watch.mark_of(SCOPE) is None, 10)
    send(client, 4, "MORE")
    assert open_surges(client) == []
    assert service.surges.marks_of(["WAVE1"]) == {}


def test_an_outage_after_a_wave_that_was_dismissed_is_announced(client: TestClient) -> None:
    calls = subscribe(client, "surge.started")
    send(client, 6)
    [surge] = open_surges(client)
    client.post(f"/v1/surges/{surge['id']}/dismiss", json={"note": "Exercise"})
    soon(lambda: client.app.state.service.store.surges.get(surge["id"]).over_at is not None, 10)
    send(client, 40, "MORE")
    [outage] = open_surges(client)
    assert (outage["scope"], outage["kind"], outage["incidents"]) == (SCOPE, "major_incident", 40)
    dismissed = client.get(f"/v1/surges/{surge['id']}").json()
    assert (dismissed["state"], dismissed["incidents"]) == ("dismissed", 6)
    assert {call["data"]["id"] for call in calls()} == {surge["id"], outage["id"]}


def test_a_second_outage_after_a_person_ended_the_first_is_announced(client: TestClient) -> None:
    calls = subscribe(client, "surge.started")
    send(client, 15)
    [first] = open_surges(client)
    client.post(f"/v1/surges/{first['id']}/end", json={"note": "Restarted"})
    time.sleep(1.2)  # until the watch has read what people decided
    send(client, 2, "AFTER")
    assert open_surges(client) == []
    send(client, 20, "AGAIN")
    [second] = open_surges(client)
    assert second["id"] != first["id"]
    assert second["incidents"] == 22
    assert client.get(f"/v1/surges/{first['id']}").json()["incidents"] == 15
    assert len(calls()) == 2


def test_what_came_in_another_order_before_a_crash_is_not_announced_again(settings: Settings) -> None:
    with Serving(settings) as client:
        watched(client)
        send(client, 8)
        send(client, 7, "LATE", opened_at=(utc_now() - timedelta(minutes=20)).isoformat())
        [before] = open_surges(client)
    store = Store.open(settings.database)
    with store.database.write() as connection:
        connection.exec_driver_sql("UPDATE watch_states SET state = NULL")
    store.close()
    with Serving(settings) as client:  # which now learns from incidents in order of their opening
        watched(client)
        soon(lambda: client.app.state.service.surges.watch.is_watching, 10)
        [after] = open_surges(client)
        calls = client.app.state.service.store.outbox.page(100)
    assert after["id"] == before["id"]
    assert after["incidents"] == 15
    assert not [call for call in calls if call.body.get("type") == "surge.ended"]


def test_a_surge_that_was_lost_with_a_crash_ends(settings: Settings) -> None:
    store = Store.open(settings.database)
    moment = utc_now() - timedelta(hours=13)
    lost = StoredSurge("lost", "surge", "service", "gone", moment, moment, moment, None, 5, 0.1, 1200.0)
    store.surges.write([lost])
    store.close()
    with Serving(settings) as client:
        watched(client)
        soon(lambda: client.get("/v1/surges/lost").json()["state"] == "ended", 10)
        assert client.app.state.service.surges.watch.mark_of({"service": "gone"}) is None


def test_planned_work_is_no_surge(client: TestClient) -> None:
    window = {
        "starts_at": (utc_now() - timedelta(hours=1)).isoformat(),
        "ends_at": (utc_now() + timedelta(hours=1)).isoformat(),
        "scope": {"service": "badge*"},
        "note": "New readers",
    }
    saved = client.post("/v1/maintenance", json=window)
    assert saved.status_code == 201
    time.sleep(1.2)
    send(client, 15)
    assert open_surges(client) == []
    assert [item["note"] for item in client.get("/v1/maintenance").json()["items"]] == ["New readers"]
    assert client.delete(f"/v1/maintenance/{saved.json()['id']}").status_code == 204
    wrong = {**window, "ends_at": window["starts_at"]}
    assert client.post("/v1/maintenance", json=wrong).status_code == 422
    assert client.post("/v1/maintenance", json={**window, "scope": {"colour": "red"}}).status_code == 422


def test_requests_repeated_reports_late_ones_and_clocks_ahead_are_no_surge(client: TestClient) -> None:
    send(client, 20, "REQ", type="request")
    send(client, 20, "OLD-", opened_at=(utc_now() - timedelta(days=3)).isoformat())
    ahead = (utc_now() + timedelta(days=400)).isoformat()
    send(client, 1, "AHEAD", service="service 1", short_description="Mail", opened_at=ahead)
    for _ in range(5):
        send(client, 2, "SAME", service="service 2")
    assert open_surges(client) == []
    send(client, 15)  # a clock ahead has not blinded it
    assert len(open_surges(client)) == 1


def test_a_clock_that_went_back_does_not_blind_it(client: TestClient) -> None:
    detector = client.app.state.service.surges.watch._detector
    detector.add(Arrival("AHEAD", (utc_now() + timedelta(days=400)).timestamp()))  # as a wrong clock had it
    soon(lambda: client.app.state.service.surges.watch._detector.latest < utc_now().timestamp() + 3600, 20)
    send(client, 15)
    assert len(open_surges(client)) == 1


def test_a_stream_of_fifty_a_second_is_kept_up_with(client: TestClient) -> None:
    began = time.monotonic()
    for batch in range(3):
        send(client, 500, f"S{batch}-", service=f"service {batch}")
    assert time.monotonic() - began < 1500 / 50


def test_an_answer_is_owed_to_every_joined_ticket_and_to_those_that_join_later(settings: Settings) -> None:
    zammad = Zammad(write_back=True, url="http://127.0.0.1:9", token=SecretStr("t"))
    with Serving(settings.model_copy(update={"integrations": Integrations(zammad=zammad)})) as client:
        watched(client)
        ticket = {"source": "zammad", **SCOPE}
        rows = [
            {"number": f"Z{i}", "short_description": "门禁", "caller": f"c{i}", "record": str(i), **ticket}
            for i in range(12)
        ]
        client.post("/v1/incidents", json=rows[:10])
        watched(client)
        [surge] = open_surges(client)
        client.post(f"/v1/surges/{surge['id']}/answer", json={"answer": "正在处理，请走侧门。"})
        client.post("/v1/incidents", json=rows[10:])
        watched(client)
        calls = [call for call in client.app.state.service.store.outbox.page(100) if call.kind == "zammad"]
        assert sorted(int(call.body["record"]) for call in calls) == list(range(12))
        assert all("正在处理，请走侧门。" in call.body["note"] for call in calls)
        assert all(call.body["marker"] in call.body["note"] for call in calls)


def test_an_earlier_surge_of_its_service_is_shown_though_it_was_announced_by_something_else(
    client: TestClient,
) -> None:
    store = client.app.state.service.store
    began = utc_now() - timedelta(days=40)
    times = {"at": began, "since": began, "latest": began, "over_at": began + timedelta(hours=2)}
    members = {"service": {SCOPE["service"]: 9}, "category": {"Access": 9}}
    figures = {"count": 9, "expected": 0.2, "window": 1200.0}
    earlier = StoredSurge("EARLIER", "surge", "category", "Access", **times, **figures, members=members)
    other = StoredSurge("OTHER", "surge", "category", "Mail", **times, **figures, members={"service": {"Mail": 9}})
    store.surges.write([earlier, other])
    store.surges.decide("EARLIER", note="new fuse", ended_by="somebody")
    send(client, 15, cmdb_ci="reader-7")
    [surge] = open_surges(client)
    past = client.get(f"/v1/surges/{surge['id']}").json()["past"]
    assert [(entry["id"], entry["ended_with"]) for entry in past] == [("EARLIER", "new fuse")]


def test_a_surge_of_the_history_that_is_learned_from_has_its_course_and_its_alerts_too(settings: Settings) -> None:
    began = utc_now() - timedelta(days=10)
    store = Store.open(settings.database)
    store.incidents.put(wave(began))
    store.alerts.put([StoredAlert("READER", began - timedelta(minutes=2), name="reader down", **SCOPE)])
    store.close()
    with Serving(settings) as client:
        watched(client)
        [surge] = [item for item in client.get("/v1/surges").json()["items"] if item["scope"] == SCOPE]
        detail = client.get(f"/v1/surges/{surge['id']}").json()
    assert (surge["state"], len(detail["numbers"])) == ("ended", 15)
    assert detail["alert_ids"] == ["READER"], "what monitoring said is of the history as the incidents are"
    assert sum(step["count"] for step in detail["course"]) == 16, "nothing that came is drawn as nothing"


def test_a_surge_at_the_end_of_a_history_that_stopped_long_ago_is_over(models: Path, tmp_path: Path) -> None:
    began = utc_now() - timedelta(hours=20)
    settings = Settings(
        database=f"sqlite:///{tmp_path / 'faultwise.db'}", models=models, surges=SurgeSettings(seconds=0.05)
    )
    store = Store.open(settings.database)
    store.incidents.put({**usual_incidents(began), **wave(began)})
    store.close()
    with Serving(settings) as client:
        watched(client)
        [surge] = [item for item in client.get("/v1/surges").json()["items"] if item["scope"] == SCOPE]
    assert surge["state"] == "ended"
