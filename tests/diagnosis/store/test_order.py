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
from diagnosis.store.outbox import OutgoingCall
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
