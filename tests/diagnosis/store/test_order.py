"""What was stored last is the newest, whatever the clock does."""

import time
from dataclasses import replace
from datetime import timedelta

import pytest

from diagnosis import ids
from diagnosis.actions import Action
from diagnosis.store import Store
from diagnosis.store.diagnoses import DiagnosisEntry
from diagnosis.store.feedback import Feedback, standing
from diagnosis.store.monitoring import StoredAlert
from diagnosis.store.outbox import OutgoingCall
from diagnosis.store.surges import StoredSurge
from diagnosis.times import utc_now

HOUR = 3_600_000_000_000  # ns


@pytest.fixture
def clock_set_back(monkeypatch):
    """A clock that can be set back by an hour."""
    right = time.time_ns
    return lambda: monkeypatch.setattr(time, "time_ns", lambda: right() - HOUR)


def begin_new_process(monkeypatch, url):
    monkeypatch.setattr(ids, "_source", ids.IdSource())
    return Store.open(url)


def write_all(store, name):
    """Store one of each thing whose order is that of its ids."""
    diagnosis = {"id": ids.new_id(), "incident": "P1", "release": "r", "predictions": {}, "name": name}
    store.diagnoses.add([DiagnosisEntry(diagnosis, utc_now())])
    store.actions.add(Action(title=name), "key:1")
    store.problems.decide("key:1", "rename", "P0", name)
    store.outbox.add([OutgoingCall("webhook", "S1", name, {})])


def newest_first(store):
    return {
        "diagnoses": [entry["name"] for entry in store.diagnoses.page(10)],
        "actions": [action.title for action in store.actions.page(10, None)],
        "decisions": [decision.value for decision in store.problems.decisions()][::-1],
        "outbox": [call.key for call in store.outbox.page(10)],
    }


def test_what_comes_after_a_clock_was_set_back_is_the_newest(store, clock_set_back):
    write_all(store, "first")
    clock_set_back()
    write_all(store, "second")
    write_all(store, "third")
    assert set(map(tuple, newest_first(store).values())) == {("third", "second", "first")}


def announced(identifier, at):
    return StoredSurge(identifier, "surge", "service", "mail", at, at, at, None, 5, 0.4, 3600.0)


def test_surges_alerts_and_verdicts_are_newest_as_they_came_and_not_by_a_clock(store):
    moment = utc_now()
    for place, ahead in enumerate((0, 300, -1)):  # the second by a clock that is most of a year ahead
        at = moment + timedelta(days=ahead)
        store.surges.write([announced(f"S{place}", at)])
        store.surges.join(f"S{place}", [("P1", False)])
        store.alerts.put([StoredAlert(f"A{place}", at, name=f"disk {place}")])
    assert [surge.id for surge in store.surges.page(10)] == ["S2", "S1", "S0"]
    assert [surge.id for surge in store.surges.lasting()] == ["S2", "S1", "S0"]
    assert store.surges.of_incidents(["P1"])["P1"].id == "S2"
    [second] = store.surges.page(10, store.surges.page(1)[0].sequence)[:1]
    assert second.id == "S1"
    assert [surge.id for surge in store.surges.of_scope("service", "mail", second.sequence, 9)] == ["S0"]
    assert [alert.id for alert in store.alerts.page(10)] == ["A2", "A1", "A0"]
    store.surges.write([announced("S0", moment)])
    assert [surge.id for surge in store.surges.page(10)] == ["S2", "S1", "S0"], "one that grows stays where it is"


def test_the_last_verdict_is_the_newest_after_a_clock_was_set_back(store, monkeypatch):
    store.incidents.put({"P1": {"short_description": "x"}})
    store.alerts.put([StoredAlert(f"A{place}", utc_now(), name=f"disk {place}") for place in range(3)])
    ahead = utc_now() + timedelta(days=300)
    store.alert_verdicts.say("A0", "P1", True, "key:1")
    with monkeypatch.context() as wrong:
        wrong.setattr("diagnosis.store.alert_verdicts.utc_now", lambda: ahead)
        store.alert_verdicts.say("A1", "P1", True, "key:1")
    before = store.alert_verdicts.version()
    store.alert_verdicts.say("A2", "P1", True, "key:1")
    assert [verdict.alert for verdict in store.alert_verdicts.page(10)] == ["A2", "A1", "A0"]
    assert [verdict.alert for verdict in store.alert_verdicts.of_alerts(["A0", "A1", "A2"])] == ["A2", "A1", "A0"]
    assert [pair.alert.id for pair in store.alert_verdicts.judged(1)] == ["A2"]
    unchanged = store.alert_verdicts.version()
    assert unchanged != before
    store.alert_verdicts.say("A2", "P1", False, "key:1")
    assert store.alert_verdicts.version() != unchanged, "what is learned of verdicts is learned anew"


def test_a_process_that_starts_with_a_clock_behind_goes_on_after_what_is_stored(
    store, database_url, clock_set_back, monkeypatch
):
    write_all(store, "first")
    clock_set_back()
    other = begin_new_process(monkeypatch, database_url)
    write_all(other, "second")
    assert set(map(tuple, newest_first(other).values())) == {("second", "first")}
    other.close()


def test_a_decision_comes_after_one_that_another_process_stored_meanwhile(
    store, database_url, clock_set_back, monkeypatch
):
    other = begin_new_process(monkeypatch, database_url)
    store.problems.decide("key:1", "rename", "P0", "first")
    monkeypatch.setattr(ids, "_source", ids.IdSource())
    clock_set_back()
    other.problems.decide("key:2", "rename", "P0", "second")
    assert [decision.value for decision in store.problems.decisions()] == ["first", "second"]
    other.close()


def test_the_last_feedback_stands_after_a_clock_was_set_back(store, clock_set_back):
    write_all(store, "first")
    diagnosis = store.diagnoses.page(1)[0]["id"]
    first = Feedback(diagnosis, "P1", "overridden", target="assignment_group", value="Network")
    store.feedback.add(first)
    clock_set_back()
    last = store.feedback.add(replace(first, value="Mail"))
    assert standing(store.feedback.of(diagnosis))["assignment_group"].id == last.id
    assert [entry.value for entry in store.feedback.all()] == ["Network", "Mail"]
    assert [entry.value for entry in store.feedback.since(utc_now() - timedelta(days=1))] == ["Network", "Mail"]
