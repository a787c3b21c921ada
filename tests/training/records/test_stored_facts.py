"""What a store holds for a review besides its records: outages are said only of times in which somebody watched."""

from dataclasses import replace
from datetime import timedelta

import pandas as pd
import pytest
from ulid import ULID

from diagnosis.incident import Incident, as_frame
from diagnosis.store import Store
from diagnosis.store.monitoring import StoredAlert, StoredChange
from diagnosis.store.surges import StoredSurge
from diagnosis.times import utc_now
from training.records.stored_facts import facts_marker, facts_of_store, outages_of

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


def test_a_surge_between_the_first_alert_and_the_latest_was_watched(store):
    now = utc_now()
    keep_surge(store, now - 10 * DAY)
    alert = StoredAlert("A0", now - 30 * DAY, now - 29 * DAY, name="disk full", service="CRM")
    store.alerts.put([alert, replace(alert, id="A1", started_at=now - HOUR, ended_at=None)])
    facts = facts_of_store(store)
    assert [outage.warned for outage in facts.outages] == [False]
    assert facts.events["warnings"].met.tolist() == [False]
    assert [spot["service"] for spot in facts.blind_spots(now - 20 * DAY, now)] == ["CRM"]


def test_an_alert_that_was_made_into_an_incident_has_warned_of_what_people_reported_after_it(store):
    since = utc_now() - 10 * DAY
    keep_surge(store, since)
    store.incidents.put(
        {"AM1": {"number": "AM1", "opened_at": (since - HOUR / 6).isoformat(), "contact_type": "monitoring"}}
    )
    store.surges.join("S1", [("AM1", False)])
    store.alerts.put([StoredAlert("A0", since - 30 * DAY, since - 29 * DAY, name="disk full", incident="AM0")])
    [outage] = facts_of_store(store).outages
    assert (outage.warned, outage.alerts) == (False, 0)
    store.alerts.put([StoredAlert("A1", since - HOUR / 6, name="down", cmdb_ci="crm-1", incident="AM1")])
    [outage] = facts_of_store(store).outages
    assert (outage.warned, outage.alerts) == (True, 1)


@pytest.mark.parametrize(("contact", "warned"), [("monitoring", True), ("phone", False)])
def test_in_a_replay_too_an_alert_before_the_first_report_of_a_person_has_warned(contact, warned):
    since = pd.Timestamp("2026-10-01T08:00Z")
    frame = as_frame(
        [
            Incident("AM1", opened_at=(since - HOUR / 2).to_pydatetime(), contact_type=contact, service="CRM"),
            Incident("INC1", opened_at=since.to_pydatetime(), service="CRM"),
        ]
    )
    surge = {"kind": "surge", "scope": {"service": "CRM"}, "since": since, "at": since + HOUR, "likely_change": None}
    surges = [{**surge, "numbers": ["AM1", "INC1"], "alerts": ["A1"]}]
    started = {"A0": 0.0, "A1": (since - HOUR / 4).timestamp()}
    assert [outage.warned for outage in outages_of(surges, frame, started)] == [warned]
    only = [{**surge, "numbers": ["AM1"], "alerts": ["A1"]}]
    assert [outage.warned for outage in outages_of(only, frame, started)] == [warned]


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


def test_a_review_is_counted_anew_after_anything_that_it_says_changed(store):
    now = utc_now()
    keep_surge(store, now - 10 * DAY)
    times = {"at": now - DAY, "since": now - DAY, "latest": now - DAY, "over_at": now - DAY / 2}
    newest = StoredSurge("S2", "surge", "service", "ERP", **times, count=9, expected=0.2, window=1200.0)
    store.surges.write([newest])
    changes = [
        lambda: store.surges.decide("S1", dismissed_at=now, dismissed_by="somebody"),  # not the newest one
        lambda: store.surges.join("S2", [("INC1", False)]),
        lambda: store.surges.write([replace(newest, count=10)]),
        lambda: store.change_records.put([StoredChange("C1", now - DAY, "", "CRM", now, {})]),
        lambda: store.change_records.delete("C1"),
        lambda: store.alerts.put([StoredAlert("A1", now - 10 * DAY, name="disk full", service="CRM")]),
        lambda: store.audit.add("self-service", "help.asked", str(ULID()), "", {}),
    ]
    for change in changes:
        before = facts_marker(store)
        assert facts_marker(store) == before
        change()
        assert facts_marker(store) != before
