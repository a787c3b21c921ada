"""What a store holds for a review besides its records: outages are said only of times in which somebody watched."""

from datetime import timedelta

import pytest

from diagnosis.store import Store
from diagnosis.store.monitoring import StoredAlert
from diagnosis.times import utc_now
from training.records.stored_facts import facts_of_store

DAY = timedelta(days=1)


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
