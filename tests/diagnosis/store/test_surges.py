"""Surges, the watch's state, alerts, changes and windows as they are kept."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from diagnosis.store import Store
from diagnosis.store.database import RecordNotFoundError
from diagnosis.store.monitoring import Place, StoredAlert, StoredChange, StoredWindow
from diagnosis.store.surges import StoredSurge

AT = datetime(2026, 3, 2, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)


def surge(identifier: str, at: datetime = AT, value: str = "mail", over: datetime | None = None) -> StoredSurge:
    return StoredSurge(identifier, "surge", "service", value, at, at - HOUR, at, over, 5, 0.4, 3600.0)


def test_a_surge_is_new_once_and_what_people_decided_stays(store: Store) -> None:
    assert store.surges.write([surge("S1")]) == ["S1"]
    store.surges.decide("S1", declared_at=AT, declared_by="key:1", answer="We are on it.")
    assert store.surges.write([surge("S1", over=AT + HOUR), surge("S2", AT + HOUR)]) == ["S2"]
    stored = store.surges.get("S1")
    assert (stored.over_at, stored.declared_by, stored.answer) == (AT + HOUR, "key:1", "We are on it.")
    assert [item.id for item in store.surges.page(5)] == ["S2", "S1"]
    assert [item.id for item in store.surges.page(5, store.surges.get("S2").sequence)] == ["S1"]
    assert [item.id for item in store.surges.lasting()] == ["S2"]
    with pytest.raises(RecordNotFoundError):
        store.surges.decide("S9", note="x")


def test_an_incident_points_to_the_latest_surge_that_was_not_dismissed(store: Store) -> None:
    store.surges.write([surge("S1"), surge("S2", AT + HOUR)])
    for identifier in ("S1", "S2"):
        store.surges.join(identifier, [("INC1", False), ("INC1", False), ("A1", True)])
    assert store.surges.members("S2") == (["INC1"], ["A1"])
    assert store.surges.counts(["S1", "S2", "S9"]) == {"S1": (1, 1), "S2": (1, 1), "S9": (0, 0)}
    assert store.surges.of_incidents(["INC1", "INC2"])["INC1"].id == "S2"
    store.surges.decide("S2", dismissed_at=AT, dismissed_by="key:1")
    assert store.surges.of_incidents(["INC1"])["INC1"].id == "S1"
    assert [item.id for item in store.surges.of_scope("service", "mail", 1_000_000, 5)] == ["S1"]
    assert [item.id for item in store.surges.page(5, state="dismissed")] == ["S2"]


def test_an_alert_that_people_put_to_an_incident_is_one_of_its_surge_until_they_take_it_back(store: Store) -> None:
    store.surges.write([surge("S1"), surge("S2")])
    store.surges.join("S1", [("INC1", False), ("A1", True)])
    for alert in ("A1", "A2", "A3"):
        store.alert_verdicts.say(alert, "INC1", alert != "A3", "key:1")
    assert store.surges.members("S1") == (["INC1"], ["A1", "A2"])
    assert store.surges.counts(["S1", "S2"]) == {"S1": (1, 2), "S2": (0, 0)}
    store.alert_verdicts.say("A2", "INC1", False, "key:2")
    assert store.alert_verdicts.of_incident("INC1")["A2"].by == "key:2"
    assert store.surges.members("S1")[1] == ["A1"]
    store.alert_verdicts.take_back("A2", "INC1")
    with pytest.raises(RecordNotFoundError):
        store.alert_verdicts.take_back("A2", "INC1")


def test_one_process_holds_the_watch_at_a_time(store: Store) -> None:
    states = store.watch_states
    assert states.hold("surges", "a", 60)
    assert states.hold("surges", "a", 60)
    assert not states.hold("surges", "b", 60)
    states.save("surges", "b", 3, b"of another")
    assert states.load("surges") is None
    states.save("surges", "a", 7, b"state")
    assert states.load("surges")[::2] == (7, b"state")
    states.let_go("surges", "a")
    assert states.hold("surges", "b", 60)


def test_an_alert_storm_is_one_alert_and_kept_up_with(store: Store) -> None:
    storm = [StoredAlert(str(i), AT + timedelta(seconds=i), name="disk full", cmdb_ci="db-1") for i in range(5000)]
    began = time.process_time()
    for start in range(0, len(storm), 1000):
        assert set(store.alerts.put(storm[start : start + 1000])) == {"0"}
    assert time.process_time() - began < 5
    kept = store.alerts.get("0")
    assert (kept.repeats, kept.latest_at, kept.ended_at) == (5000, AT + timedelta(seconds=4999), None)
    assert store.alerts.put([StoredAlert("late", AT + timedelta(days=3), name="disk full", cmdb_ci="db-1")]) == ["late"]


def test_an_alert_that_comes_late_out_of_order_or_ends_before_it_began_is_kept(store: Store) -> None:
    alerts = [
        StoredAlert("b", AT + HOUR, name="x", cmdb_ci="y"),
        StoredAlert("a", AT, name="x", cmdb_ci="y"),
        StoredAlert("c", AT, AT - HOUR, name="z"),
    ]
    assert store.alerts.put(alerts) == ["b", "b", "c"]
    assert store.alerts.get("b").started_at == AT
    assert store.alerts.get("c").ended_at is None
    store.alerts.put([StoredAlert("b", AT, AT + 2 * HOUR, name="x", cmdb_ci="y")])
    resolved = store.alerts.get("b")
    assert (resolved.ended_at, resolved.repeats) == (AT + 2 * HOUR, 2)
    assert [alert.id for alert in store.alerts.page(5)] == ["c", "b"]
    assert [alert.id for alert in store.alerts.started_between(AT, AT + HOUR, 9)] == ["b", "c"]


def test_changes_are_found_by_item_or_service_and_time(store: Store) -> None:
    changes = [
        StoredChange("C1", AT, "db-1", "", AT, {"risk": "high"}),
        StoredChange("C2", AT + HOUR, "db-2", "mail", AT, {}),
        StoredChange("C3", None, "db-1", "mail", AT, {}),
    ]
    store.change_records.put(changes)
    assert [change.number for change in store.change_records.on(["db-1"], ["mail"])] == ["C2", "C1"]
    assert [change.number for change in store.change_records.on(["db-1"], [], AT + HOUR)] == []
    assert store.change_records.get("C1").body == {"risk": "high"}
    assert [change.number for change in store.change_records.page(2, "C1")] == ["C2", "C3"]
    store.change_records.delete("C1")
    with pytest.raises(RecordNotFoundError):
        store.change_records.delete("C1")


def test_a_service_map_with_a_cycle_and_a_window_are_kept(store: Store) -> None:
    links = [("a", "b", ""), ("b", "a", "runs on"), ("a", "b", "hosts")]
    assert store.service_links.replace(links) == 2
    assert store.service_links.all() == [("a", "b", "hosts"), ("b", "a", "runs on")]
    assert store.service_links.replace([]) == 0
    window = store.maintenance.add(StoredWindow(AT, AT + HOUR, {"service": "mail"}, "patch day"), "key:1")
    assert store.maintenance.since(AT) == [window]
    assert store.maintenance.since(AT + HOUR) == []
    store.maintenance.delete(window.id)
    with pytest.raises(RecordNotFoundError):
        store.maintenance.delete(window.id)


def test_changes_of_many_places_are_read_together_as_one_by_one(store: Store) -> None:
    changes = [
        StoredChange(f"C{place:02}", AT + place * HOUR, f"db-{place % 3}", "mail" if place % 2 else "", AT, {})
        for place in range(24)
    ]
    store.change_records.put(changes)
    places = [
        Place(["db-1"], [], AT, AT + 5 * HOUR),
        Place([], [], AT, AT + 24 * HOUR),
        Place(["db-2"], ["mail"], AT + 3 * HOUR, AT + 9 * HOUR),
        Place([], ["mail"], AT + 20 * HOUR, AT + 30 * HOUR),
    ]
    alone = [store.change_records.on(place.items, place.services, place.start, place.end) for place in places]
    assert store.change_records.on_each(places) == alone
    assert [len(each) for each in alone] == [2, 0, 5, 2]
    assert store.change_records.on_each([]) == []
