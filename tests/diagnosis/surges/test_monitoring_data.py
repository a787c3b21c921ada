"""Alerts that repeat, changes before a surge, and what items have in common."""

from __future__ import annotations

from diagnosis.surges.monitoring_data import Alert, Change, ServiceMap, collapse, likely_change

HOUR = 3600.0


def test_a_repeated_alert_counts_once_while_it_lasts() -> None:
    alerts = [Alert(str(i), i * HOUR, None, "disk full", "db-1") for i in range(30)]
    assert [alert.id for alert in collapse(alerts)] == ["0"]
    ended = [Alert("a", 0.0, HOUR, "disk full", "db-1"), Alert("b", 2 * HOUR, None, "disk full", "db-1")]
    assert [alert.id for alert in collapse(ended[::-1])] == ["a", "b"]
    other = [*ended, Alert("c", 0.5 * HOUR, None, "disk full", "db-2")]
    assert [alert.id for alert in collapse(other)] == ["a", "c", "b"]


def test_an_alert_that_ends_before_it_began_lasts_a_day() -> None:
    alerts = [Alert("a", 10 * HOUR, HOUR, "x", "y"), Alert("b", 20 * HOUR, None, "x", "y")]
    assert [alert.id for alert in collapse(alerts)] == ["a"]


def test_the_latest_change_on_the_item_comes_before_one_on_the_service() -> None:
    changes = [
        Change("C1", 0.0, "db-1"),
        Change("C2", 20 * HOUR, "db-1"),
        Change("C3", 23 * HOUR, "", "mail"),
        Change("C4", 25 * HOUR, "db-1"),
    ]
    found = likely_change(changes, 23.5 * HOUR, 24 * HOUR, {"db-1": 5}, {"mail": 5})
    assert found is not None
    assert found.number == "C2"
    assert likely_change(changes, 23.5 * HOUR, 24 * HOUR, {}, {"mail": 5}) == changes[2]
    assert likely_change(changes, 23.5 * HOUR, 24 * HOUR, {"other": 1}, {}) is None


def test_items_that_need_the_same_have_it_in_common_whatever_cycles_there_are() -> None:
    pairs = [("web-1", "db"), ("web-2", "db"), ("db", "storage"), ("storage", "web-1"), ("printer", "lan")]
    service_map = ServiceMap.from_pairs(pairs)
    assert service_map.common_item({"web-1": 3, "web-2": 4}) == "db"
    assert service_map.common_item({"printer": 5}) is None
    assert service_map.common_item({}) is None
