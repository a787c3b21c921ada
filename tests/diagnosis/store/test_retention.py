"""What is old is forgotten as it is at that moment, not as it was when it was looked for."""

import threading
import time
from datetime import timedelta

from diagnosis.store import Store
from diagnosis.store.monitoring import StoredAlert
from diagnosis.store.retention import forget_incidents, forget_monitoring
from diagnosis.times import utc_now

_YEAR = timedelta(days=365)


def forgotten_while(store: Store, forget, change) -> int:
    """Return how many were forgotten by who looked before a change was committed, and went on after it."""
    counts: list[int] = []
    thread = threading.Thread(target=lambda: counts.append(forget(store.database, _YEAR)))
    with store.transaction():
        change()
        thread.start()
        time.sleep(1)  # it has looked by now, and waits for this transaction
    thread.join()
    return counts[0]


def test_an_incident_that_is_reopened_while_old_ones_are_looked_for_stays(store: Store) -> None:
    ended = {"closed_at": (utc_now() - 2 * _YEAR).isoformat()}
    store.incidents.put({name: {"number": name, **ended} for name in ("AGAIN", "OLD", "GONE")})

    def change() -> None:
        store.incidents.put({"AGAIN": {"number": "AGAIN"}})
        store.incidents.delete("GONE")

    assert forgotten_while(store, forget_incidents, change) == 1
    assert sorted(store.incidents.find(["AGAIN", "OLD", "GONE"])) == ["AGAIN"]


def test_an_alert_that_fires_again_while_old_ones_are_looked_for_stays(store: Store) -> None:
    long_ago = utc_now() - 2 * _YEAR
    store.alerts.put([StoredAlert(name, long_ago, name=name) for name in ("AGAIN", "OLD")])
    again = StoredAlert("AGAIN", utc_now(), name="AGAIN")
    assert forgotten_while(store, forget_monitoring, lambda: store.alerts.put([again])) == 1
    assert [alert.id for alert in store.alerts.page(10)] == ["AGAIN"]
