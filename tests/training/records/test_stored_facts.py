"""What a store holds for a review besides its records: outages are said only of times in which somebody watched."""

from datetime import timedelta

import pytest

from diagnosis.store import Store
from diagnosis.store.monitoring import StoredAlert
from diagnosis.store.surges import StoredSurge
from diagnosis.times import utc_now
from training.records.stored_facts import facts_of_store

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def store(tmp_path):
    store = Store.open(f"sqlite:///{tmp_path / 'faultwise.db'}")
    yield store
    store.close()


def test_without_an_alert_nobody_knows_of_outages(store):
    facts = facts_of_store(store)
    assert facts.outages is None
    assert facts.events == {}


def test_once_alerts_come_there_are_no_outages_where_none_was_found_but_before_them_nobody_knows(store):
    now = utc_now()
    store.alerts.put([StoredAlert("A1", now - 10 * DAY, name="disk full", service="CRM")])
    facts = facts_of_store(store)
    assert facts.outages_between(now - 20 * DAY, now) == []
    assert facts.outages_between(now - 40 * DAY, now - 20 * DAY) is None


def keep_surge(store, since):
    """Store a surge of the CRM whose incident came at its beginning."""
    store.incidents.put({"INC1": {"number": "INC1", "opened_at": since.isoformat(), "service": "CRM"}})
    times = {"at": since + HOUR / 6, "since": since, "latest": since + HOUR, "over_at": since + 2 * HOUR}
    store.surges.write([StoredSurge("S1", "surge", "service", "CRM", **times, count=9, expected=0.2, window=1200.0)])
    store.surges.join("S1", [("INC1", False)])


def test_where_no_monitoring_sends_alerts_an_outage_is_known_and_nobody_says_that_none_warned_of_it(store):
    now = utc_now()
    keep_surge(store, now - 10 * DAY)
    facts = facts_of_store(store)
    [outage] = facts.outages_between(now - 20 * DAY, now)
    assert (outage["service"], outage["warned"]) == ("CRM", None)
    assert facts.events == {}
    assert facts.blind_spots(now - 20 * DAY, now) == []


def test_an_alert_of_its_service_that_is_imported_after_a_surge_was_found_has_warned_of_it(store):
    now = utc_now()
    keep_surge(store, now - 10 * DAY)
    store.alerts.put([StoredAlert("A0", now - 30 * DAY, now - 29 * DAY, name="disk full", service="CRM")])
    assert [outage.warned for outage in facts_of_store(store).outages] == [False]
    store.alerts.put([StoredAlert("A1", now - 10 * DAY - HOUR / 4, name="slow", service="ERP")])
    assert [outage.warned for outage in facts_of_store(store).outages] == [False]
    store.alerts.put([StoredAlert("A2", now - 10 * DAY - HOUR / 60, name="slow", service="CRM")])
    assert [outage.warned for outage in facts_of_store(store).outages] == [True]


def test_alerts_of_years_ago_do_not_make_outages_known_before_anybody_watched(store):
    now = utc_now()
    keep_surge(store, now - 10 * DAY)
    store.alerts.put([StoredAlert("A0", now - 300 * DAY, name="disk full", service="CRM")])
    facts = facts_of_store(store)
    assert facts.outages_between(now - 100 * DAY, now - 50 * DAY) is None
    assert facts.outages_known_from(now - 20 * DAY, now) is not None
    assert facts.outages_known_from(now - 5 * DAY, now) is None


def test_a_storm_of_alerts_that_no_incident_followed_is_no_outage_that_was_warned_of(store):
    now = utc_now()
    times = {"at": now - DAY, "since": now - DAY, "latest": now - DAY, "over_at": now - DAY / 2}
    store.alerts.put([StoredAlert("A0", now - DAY, name="disk full", service="CRM")])
    store.surges.write([StoredSurge("S1", "surge", "service", "CRM", **times, count=9, expected=0.2, window=1200.0)])
    store.surges.join("S1", [("A0", True)])
    assert facts_of_store(store).outages == []
