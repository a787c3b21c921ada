"""Which incident stands for a monitored fault, whatever the order in which its notifications come."""

from datetime import UTC, datetime, timedelta

import pytest

from api.integrations.alertmanager import AlertmanagerAlert
from api.integrations.faults import Faults
from diagnosis.store import Store

START = datetime(2026, 1, 31, 8, tzinfo=UTC)


@pytest.fixture
def faults(database_url):
    store = Store.open(database_url)
    yield Faults(store.inbox, timedelta(hours=1))
    store.close()


def seen(faults, status, start=0, end=None):
    times = {"startsAt": (START + timedelta(hours=start)).isoformat()}
    if end is not None:
        times["endsAt"] = (START + timedelta(hours=end)).isoformat()
    incident = faults.report(AlertmanagerAlert.model_validate({"status": status, "fingerprint": "f", **times})).incident
    hours = [
        None if moment is None else (moment - START) / timedelta(hours=1)
        for moment in (incident.opened_at, incident.resolved_at, incident.reopened_at)
    ]
    return incident.number, *hours


def test_repetition_resolution_flapping_and_return(faults):
    assert seen(faults, "firing") == ("f", 0, None, None)
    assert seen(faults, "firing") == ("f", 0, None, None)
    assert seen(faults, "resolved", 0, 2) == ("f", 0, 2, None)
    assert seen(faults, "firing", 2.5) == ("f", 2.5, None, 2.5)
    assert seen(faults, "firing", 2.5) == ("f", 2.5, None, None)
    assert seen(faults, "resolved", 2.5, 3) == ("f", 2.5, 3, None)
    assert seen(faults, "firing", 9) == ("f-20260131T170000", 9, None, None)
    assert seen(faults, "firing", 9) == ("f-20260131T170000", 9, None, None)
    assert seen(faults, "resolved", 9, 10) == ("f-20260131T170000", 9, 10, None)


def test_a_firing_that_was_overtaken_opens_nothing(faults):
    seen(faults, "firing")
    seen(faults, "resolved", 0, 2)
    assert seen(faults, "firing", 0) == ("f", 0, 2, None)
