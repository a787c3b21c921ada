"""Problems that stay: ids, people's decisions over recomputation and restart, proposals, measures that are followed."""

import threading
import time
from datetime import timedelta

import pandas as pd
import pytest

from api.problems.board import HORIZON
from api.settings import Settings
from diagnosis.times import format_utc
from tests.serving import Serving


@pytest.fixture
def settings(models, tmp_path):
    return Settings(database=f"sqlite:///{tmp_path / 'f.db'}", models=models, problem_seconds=3600)


@pytest.fixture
def own(settings):
    with Serving(settings) as client:
        yield client


def board(client):
    return client.app.state.service.problems.board


def first(client, count=1):
    return [problem["id"] for problem in client.get("/v1/problems", params={"top": count}).json()["problems"]]


def send(client, rows):
    answer = client.post("/v1/incidents", json=rows)
    assert answer.json()["stored"] == len(rows)
    applied = client.app.state.service.serving
    for _ in range(200):
        if applied.current.applied >= client.app.state.service.store.changes.last():
            return
        applied.store_changed()
        time.sleep(0.02)


def action_time(moment):
    return format_utc(pd.Timestamp(moment).to_pydatetime())


def latest(client):
    return pd.Timestamp(client.get("/v1/problems").json()["as_of"])


def test_a_problem_keeps_its_id_and_counts_what_comes(own) -> None:
    (name,) = first(own)
    before = own.get(f"/v1/problems/{name}").json()
    sample = own.get(f"/v1/incidents/{before['numbers'][0]}")
    fields = before["signature"] if sample.status_code == 404 else {}
    moment = (latest(own) + timedelta(hours=1)).isoformat()
    row = {
        "number": "NEW-1",
        "opened_at": moment,
        "short_description": before["title"],
        **before["signature"],
        **fields,
    }
    send(own, [row])
    board(own).refresh()
    after = own.get(f"/v1/problems/{name}").json()
    assert (after["incidents"], after["numbers"][0]) == (before["incidents"] + 1, "NEW-1")
    assert sum(month["incidents"] for month in after["timeline"]) <= after["incidents"]
    own.delete("/v1/incidents/NEW-1")


def test_people_s_decisions_hold_over_recomputation_and_restart(settings) -> None:
    with Serving(settings) as client:
        a, b, c = first(client, 3)
        counts = {name: client.get(f"/v1/problems/{name}").json()["incidents"] for name in (a, b, c)}
        renamed = client.post(f"/v1/problems/{a}/decisions", json={"kind": "rename", "value": "Ours; 13800138000"})
        assert renamed.status_code == 201
        assert "13800138000" not in renamed.json()["title"]
        merged = client.post(f"/v1/problems/{b}/decisions", json={"kind": "merge", "value": a}).json()
        assert (merged["id"], merged["incidents"], merged["merged"]) == (a, counts[a] + counts[b], [b])
        numbers = client.get(f"/v1/problems/{c}").json()["numbers"][:2]
        split = client.post(f"/v1/problems/{c}/decisions", json={"kind": "split", "numbers": numbers}).json()
        assert (sorted(split["numbers"]), split["split_from"], split["joined_by"]) == (sorted(numbers), c, "person")
        client.post(f"/v1/problems/{split['id']}/decisions", json={"kind": "dismiss", "value": "a test"})
    with Serving(settings) as client:
        assert client.get(f"/v1/problems/{b}").json()["id"] == a  # a merged id leads to where its incidents are
        assert client.get(f"/v1/problems/{a}").json()["title"].startswith("Ours")
        assert client.get(f"/v1/problems/{c}").json()["incidents"] == counts[c] - 2
        assert split["id"] not in [p["id"] for p in client.get("/v1/problems", params={"top": 1000}).json()["problems"]]
        (dismissed,) = client.get("/v1/problems", params={"status": "dismissed"}).json()["problems"]
        assert dismissed["id"] == split["id"]
        decisions = client.get(f"/v1/problems/{a}").json()["decisions"]
        assert [entry["kind"] for entry in decisions] == ["rename", "merge"]
        assert client.delete(f"/v1/problems/{c}/decisions/{decisions[1]['id']}").status_code == 404
        assert client.delete(f"/v1/problems/{b}/decisions/{decisions[1]['id']}").status_code == 204
        assert client.get(f"/v1/problems/{b}").json()["incidents"] == counts[b]
        acts = [entry["action"] for entry in client.get("/v1/audit").json()["items"]]
        assert acts[:5] == ["problem.undo", "problem.dismiss", "problem.split", "problem.merge", "problem.rename"]


def test_a_problem_whose_incidents_were_deleted_is_gone_and_its_measures_do_no_harm(own) -> None:
    moment = (latest(own) - timedelta(days=1)).isoformat()
    plain = {"cmdb_ci": "gone-1", "category": "gone", "subcategory": "gone", "caller": "gone", "service": "gone"}
    rows = [{"number": f"GONE-{i}", "opened_at": moment, "short_description": "it hums", **plain} for i in range(3)]
    send(own, rows)
    board(own).refresh()
    problems = own.get("/v1/problems", params={"top": 1000}).json()["problems"]
    name = next(problem["id"] for problem in problems if "GONE-0" in problem["numbers"])
    action = own.post(f"/v1/problems/{name}/proposal", json={}).json()
    own.patch(f"/v1/actions/{action['id']}", json={"status": "done", "done_at": moment})
    for row in rows:
        own.delete(f"/v1/incidents/{row['number']}")
    send(own, [{"number": "LEFT-1", "opened_at": moment, "short_description": "left"}])
    board(own).refresh()
    assert own.get(f"/v1/problems/{name}").status_code == 404
    assert own.post(f"/v1/problems/{name}/proposal", json={}).status_code == 404
    assert name not in [p["id"] for p in own.get("/v1/problems", params={"top": 1000}).json()["problems"]]
    send(own, rows)
    board(own).refresh()
    assert own.get(f"/v1/problems/{name}").json()["incidents"] == 3  # the same again, under the same id


def test_what_cannot_be_decided_is_refused(own) -> None:
    a, b = first(own, 2)
    foreign = own.get(f"/v1/problems/{b}").json()["numbers"][:1]
    every = own.get(f"/v1/problems/{a}").json()
    for body in (
        {"kind": "merge", "value": a},
        {"kind": "split", "numbers": foreign},
        {"kind": "split", "numbers": []},
        {"kind": "split", "numbers": every["numbers"]},
        {"kind": "rename", "value": " "},
        {"kind": "rename", "value": "\u202e\u200b"},
        {"kind": "rename", "value": "x" * 100_000},
        {"kind": "burn"},
    ):
        assert own.post(f"/v1/problems/{a}/decisions", json=body).status_code == 422, body
    assert own.post(f"/v1/problems/{a}/decisions", json={"kind": "merge", "value": "Pnone"}).status_code == 404
    assert own.get("/v1/problems/Pnone").status_code == 404
    assert own.get(f"/v1/problems/{a}").json()["decisions"] == every["decisions"] == []
    for due in ("0001-01-01", "9999-12-31", "2026-02-30", 20261231):
        assert own.post(f"/v1/problems/{a}/proposal", json={"due": due}).status_code == 422, due
    renamed = own.post(f"/v1/problems/{a}/decisions", json={"kind": "rename", "value": "to\u202e be\r\nreplaced"})
    assert renamed.json()["title"] == "to be replaced"


def test_of_two_people_who_merge_both_ways_at_once_one_is_followed_and_both_ids_lead_there(own) -> None:
    a, b = first(own, 2)
    total = sum(own.get(f"/v1/problems/{name}").json()["incidents"] for name in (a, b))
    merging = [
        threading.Thread(target=own.post, args=(f"/v1/problems/{x}/decisions",), kwargs={"json": body})
        for x, body in ((a, {"kind": "merge", "value": b}), (b, {"kind": "merge", "value": a}))
    ]
    for thread in merging:
        thread.start()
    for thread in merging:
        thread.join()
    board(own).refresh()
    one, other = (own.get(f"/v1/problems/{name}").json() for name in (a, b))
    assert one["id"] == other["id"]
    assert one["incidents"] == total


def test_a_dismissed_problem_stays_dismissed_as_incidents_come_and_is_listed_again_once_restored(own) -> None:
    (name,) = first(own)
    dismissed = own.post(f"/v1/problems/{name}/decisions", json={"kind": "dismiss", "value": "accepted"}).json()
    moment = latest(own) + timedelta(hours=1)
    row = {"opened_at": moment.isoformat(), "short_description": dismissed["title"], **dismissed["signature"]}
    send(own, [{**row, "number": f"BACK-{i}"} for i in range(3)])
    board(own).refresh()
    again = own.get(f"/v1/problems/{name}").json()
    assert (again["status"], again["incidents"]) == ("dismissed", dismissed["incidents"] + 3)
    assert name not in first(own, 100)
    own.post(f"/v1/problems/{name}/decisions", json={"kind": "restore"})
    assert name in first(own, 100)


def test_a_decision_holds_after_its_problem_was_merged_by_what_came(settings) -> None:
    with Serving(settings) as own:
        moment = latest(own) - timedelta(days=9)

        def record(item, i, of_item=None):
            fields = {"cmdb_ci": of_item or item, "category": f"c-{of_item or item}", "service": "hall"}
            opened = (moment + timedelta(hours=i)).isoformat()
            return {"number": f"{item}-{i}", "opened_at": opened, "short_description": "the lamp hums", **fields}

        send(
            own,
            [record(item, i) for item, count in (("lamp-a", 2), ("lamp-b", 5), ("lamp-c", 3)) for i in range(count)],
        )
        board(own).refresh()
        id_of = {number: problem.id for problem in board(own).latest.by_id.values() for number in problem.numbers}
        a, b, c = (id_of[f"lamp-{name}-0"] for name in "abc")
        assert len({a, b, c}) == 3
        own.post(f"/v1/problems/{a}/decisions", json={"kind": "merge", "value": c})
        send(own, [record("lamp-a", i, of_item="lamp-b") for i in range(2)])
        for _ in range(3):
            board(own)._snapshot = None
            board(own).refresh()
            assert own.get(f"/v1/problems/{b}").json()["id"] == c
            assert own.get(f"/v1/problems/{c}").json()["incidents"] == 10
        (decision,) = own.get(f"/v1/problems/{c}").json()["decisions"]
        own.delete(f"/v1/problems/{c}/decisions/{decision['id']}")
        board(own).refresh()
        assert [own.get(f"/v1/problems/{name}").json()["incidents"] for name in (a, b, c)] == [7, 7, 3]


def test_a_proposal_is_followed_and_one_that_did_not_hold_is_told(own) -> None:
    store = own.app.state.service.store
    store.subscriptions.add("http://127.0.0.1:9/", ["problem.proposed", "problem.returned"], "whsec_AAAA", "tests")
    problems = own.get("/v1/problems", params={"top": 1000}).json()["problems"]
    busiest = max(problems, key=lambda problem: problem["episodes"])
    proposal = {"owner": "Network Operations", "due": "2026-12-31", "kind": "replacement"}
    action = own.post(f"/v1/problems/{busiest['id']}/proposal", json=proposal).json()
    assert (action["status"], action["source"], action["kind"]) == ("open", busiest["id"], "replacement")
    effect = action["expected_effect"]
    assert effect["expected_incidents"] == busiest["expected_incidents"]
    assert effect["preventable_hours"] == pytest.approx(
        effect["preventable_share"] * busiest["expected_hours"], abs=0.01
    )
    assert own.get("/v1/problems", params={"status": "proposed"}).json()["problems"][0]["id"] == busiest["id"]
    middle = own.get(f"/v1/problems/{busiest['id']}").json()["numbers"][busiest["incidents"] // 2]
    frame = own.app.state.service.serving.current.diagnoser.parts.history.frame().set_index("number")
    done_at = frame.loc[middle, "opened_at"].isoformat()
    own.patch(f"/v1/actions/{action['id']}", json={"status": "done", "done_at": done_at})
    board(own).refresh()
    followed = own.get(f"/v1/actions/{action['id']}").json()["result"]
    assert followed["verdict"] in ("did not hold", "cannot tell yet")
    assert followed["incidents"]["happened"] >= busiest["incidents"] // 2
    assert followed["hours"]["saved"] == pytest.approx(
        followed["hours"]["expected"] - followed["hours"]["lost"], abs=0.2
    )
    detail = own.get(f"/v1/problems/{busiest['id']}").json()
    assert detail["status"] == {"did not hold": "returned"}.get(followed["verdict"], "watched")
    same_day = (pd.Timestamp(busiest["first"]) + timedelta(hours=20)).isoformat()
    for senseless, words in (
        ("2199-01-01", "up to now"),
        (busiest["first"], "after the problem's first incident"),
        (same_day, "after the problem's first incident"),  # it would be followed for ever, and nothing be said of it
    ):
        refused = own.patch(f"/v1/actions/{action['id']}", json={"status": "done", "done_at": senseless})
        assert refused.status_code == 422
        assert words in refused.json()["detail"]
    same = pd.Timestamp(done_at).tz_convert("Asia/Shanghai").isoformat()
    assert own.patch(f"/v1/actions/{action['id']}", json={"done_at": same}).json()["done_at"] == action_time(done_at)
    own.patch(f"/v1/actions/{action['id']}", json={"done_at": (latest(own) + timedelta(days=1)).isoformat()})
    board(own).refresh()
    assert own.get(f"/v1/actions/{action['id']}").json()["result"] is None  # after the records: nothing to judge by yet
    told = [call.body["type"] for call in store.outbox.page(20)]
    assert told.count("problem.proposed") == 1
    assert told.count("problem.returned") == (followed["verdict"] == "did not hold")


def test_an_effect_that_somebody_wrote_breaks_neither_the_page_nor_what_follows(own) -> None:
    problems = own.get("/v1/problems", params={"top": 1000}).json()["problems"]
    busiest = max(problems, key=lambda problem: problem["episodes"])
    middle = own.get(f"/v1/problems/{busiest['id']}").json()["numbers"][busiest["incidents"] // 2]
    frame = own.app.state.service.serving.current.diagnoser.parts.history.frame().set_index("number")
    done = {"status": "done", "done_at": frame.loc[middle, "opened_at"].isoformat()}
    foreign = (
        {"expected_incidents": 3},
        {"expected_incidents": 3, "as_of": "soon", "horizon_days": "x"},
        {"expected_incidents": 3, "as_of": "2026-01-01", "horizon_days": 90},
    )
    plain = {"title": "Replace it", "source_kind": "problem", "source": busiest["id"]}
    for effect in foreign:
        assert own.post("/v1/actions", json={**plain, "expected_effect": effect}).status_code == 201
    own.cookies.clear()
    _, key = own.app.state.service.store.keys.create("manager", ("diagnose", "feedback", "admin"))
    own.post("/console/sign-in", data={"key": key})
    assert own.get(f"/console/problems/{busiest['id']}").status_code == 200
    ids = [own.post("/v1/actions", json={**plain, "expected_effect": e, **done}).json()["id"] for e in (*foreign, {})]
    board(own).refresh()
    assert all(own.get(f"/v1/actions/{name}").json()["result"]["incidents"]["happened"] for name in ids)


def test_a_system_that_is_not_written_to_is_refused(own) -> None:
    (name,) = first(own)
    assert own.post(f"/v1/problems/{name}/proposal", json={"system": "servicenow"}).status_code == 422


def test_filters_pick_problems_by_service_group_and_trend(own) -> None:
    everything = own.get("/v1/problems", params={"top": 1000}).json()["problems"]
    group = next(iter(next(p for p in everything if p["groups"])["groups"]))
    picked = own.get("/v1/problems", params={"top": 1000, "group": group}).json()["problems"]
    assert picked == [problem for problem in everything if group in problem["groups"]]
    for trend in ("rising", "steady", "falling"):
        picked = own.get("/v1/problems", params={"top": 1000, "trend": trend}).json()["problems"]
        assert picked == [problem for problem in everything if problem["trend"] == trend]
    assert own.get("/v1/problems", params={"trend": "up"}).status_code == 422


def test_a_diagnosis_names_the_problem_and_one_without_an_item_is_judged_by_it(own) -> None:
    end, words = latest(own), ["projector", "scanner", "badge", "kettle", "lamp", "lift", "door", "chair"]
    rows = [
        {
            "number": f"PHONE-{i}-{j}",
            "short_description": f"{word} {word}room out of order",
            "service": word,
            "opened_at": (end - timedelta(days=200 - j * (5 if i % 2 else 95) - i)).isoformat(),
        }
        for i, word in enumerate(words)
        for j in range(3 + 9 * (i % 2))
    ]
    send(own, [row for row in rows if row["opened_at"] < end.isoformat()])
    board(own).refresh()
    problems = own.get("/v1/problems", params={"top": 1000}).json()["problems"]
    by_text = next(problem for problem in problems if problem["joined_by"] == "text")
    fields = {name: value for name, value in by_text["signature"].items() if name != "text"}
    incident_by_text = {"number": "CALL-1", "short_description": by_text["signature"]["text"], **fields}
    diagnosis = own.post("/v1/diagnoses", json=incident_by_text).json()
    assert diagnosis["problem"] == {"id": by_text["id"], "title": by_text["title"]}
    assert diagnosis["recurrence"] is not None
    assert "recurrence_by_problem" in [phrase["code"] for phrase in diagnosis["warning_phrases"]]
    by_fields = next(problem for problem in problems if problem["joined_by"] == "fields")
    incident = {"number": "CALL-2", "short_description": "again", **by_fields["signature"]}
    assert own.post("/v1/diagnoses", json=incident).json()["problem"]["id"] == by_fields["id"]
    assert (
        own.post("/v1/diagnoses", json={"number": "CALL-3", "short_description": "a zebra"}).json()["problem"] is None
    )

    # What people dismissed is named no more, and comes back as often as before.
    decision = {"kind": "dismiss", "value": "it is meant so"}
    assert own.post(f"/v1/problems/{by_text['id']}/decisions", json=decision).status_code in (200, 201)
    again = own.post("/v1/diagnoses", json={**incident_by_text, "number": "CALL-4"}).json()
    assert again["problem"] is None
    assert again["recurrence"]["horizons"] == diagnosis["recurrence"]["horizons"]
    assert by_text["title"] not in " ".join(again["warnings"])
    assert "recurrence_by_like_incidents" in [phrase["code"] for phrase in again["warning_phrases"]]


def test_changes_on_its_items_are_linked(own) -> None:
    problems = own.get("/v1/problems", params={"top": 1000}).json()["problems"]
    problem = next(problem for problem in problems if problem["items"])
    item = next(iter(problem["items"]))
    change = {"number": "CHG-P1", "cmdb_ci": item, "started_at": "2026-01-02T03:04:05Z", "short_description": "renewed"}
    assert own.post("/v1/changes", json=change).status_code in (200, 201)
    own.post("/v1/changes", json={**change, "number": "CHG-P2", "cmdb_ci": "elsewhere"})
    linked = own.get(f"/v1/problems/{problem['id']}").json()["changes"]
    assert linked == [{"number": "CHG-P1", "at": "2026-01-02T03:04:05Z", "title": "renewed"}]


def test_a_large_history_is_looked_through_by_a_process_of_its_own_with_the_same_outcome(own, monkeypatch) -> None:
    in_threads = own.get("/v1/problems").json()
    monkeypatch.setattr("api.problems.computing.LARGE", 0)
    finder = board(own)
    computed = finder.find(None, HORIZON, None)
    assert [problem.id for problem in computed.problems] == [problem["id"] for problem in in_threads["problems"]]
    finder._snapshot = None
    assert own.get("/v1/problems").json() == in_threads


def test_a_decision_shows_at_once_while_the_problems_of_a_large_history_are_found(settings, monkeypatch) -> None:
    with Serving(settings) as client:
        a, b, c = first(client, 3)
        before = {name: client.get(f"/v1/problems/{name}").json() for name in (a, b, c)}
        may_go_on, find = threading.Event(), board(client)._find

        def slowly(state):
            may_go_on.wait(60)
            return find(state)

        monkeypatch.setattr(board(client), "_find", slowly)
        monkeypatch.setattr("api.problems.board.CATCH_UP", 0.1)
        decide = lambda name, **body: client.post(f"/v1/problems/{name}/decisions", json=body).json()  # noqa: E731
        try:
            renamed = decide(a, kind="rename", value="Ours")
            assert (renamed["title"], renamed["is_current"]) == ("Ours", False)
            merged = decide(b, kind="merge", value=a)
            assert (merged["id"], merged["merged"], merged["title"]) == (a, [b], "Ours")
            split = decide(c, kind="split", numbers=before[c]["numbers"][:2])
            decide(split["id"], kind="dismiss", value="known")
            listed = client.get("/v1/problems", params={"top": 1000}).json()
            assert not listed["is_current"]
            assert {b, split["id"]}.isdisjoint(problem["id"] for problem in listed["problems"])
            provisional = {name: client.get(f"/v1/problems/{name}").json() for name in (a, c, split["id"])}
        finally:
            may_go_on.set()
        for _ in range(600):
            if client.get(f"/v1/problems/{a}").json()["is_current"]:
                break
            time.sleep(0.05)
        for name, early in provisional.items():
            exact = client.get(f"/v1/problems/{name}").json()
            for key in (
                "title",
                "incidents",
                "numbers",
                "first",
                "last",
                "split_from",
                "merged",
                "dismissed",
                "status",
            ):
                assert early[key] == exact[key], key
        assert provisional[a]["incidents"] == before[a]["incidents"] + before[b]["incidents"]


def test_the_first_problems_are_waited_for_and_then_said_to_be_computed(settings, monkeypatch) -> None:
    with Serving(settings) as client:
        may_go_on, find = threading.Event(), board(client)._find
        monkeypatch.setattr(board(client), "_find", lambda state: may_go_on.wait(60) and find(state))
        monkeypatch.setattr("api.problems.board.FIRST_WAIT", 0.1)
        answer = client.get("/v1/problems")
        assert (answer.status_code, answer.json()["type"]) == (503, "urn:faultwise:problem:computing")
        may_go_on.set()
        monkeypatch.setattr("api.problems.board.FIRST_WAIT", 60.0)
        assert client.get("/v1/problems").json()["problems"]
