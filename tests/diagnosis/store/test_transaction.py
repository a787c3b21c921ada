"""Several changes in one transaction: all or none, on both databases."""

import threading

import pytest

from diagnosis.store import Store
from diagnosis.store.database import RecordNotFoundError


def test_changes_in_one_transaction_are_seen_inside_it_and_committed_together(store: Store) -> None:
    with store.transaction():
        store.incidents.put({"INC1": {"number": "INC1"}})
        assert store.incidents.get("INC1").number == "INC1"
        store.audit.add("key:a", "incidents.upsert", "INC1", "", {})
    assert store.incidents.get("INC1").number == "INC1"
    assert [entry.action for entry in store.audit.page(10)] == ["incidents.upsert"]


def test_what_fails_in_a_transaction_takes_everything_before_it_back(store: Store) -> None:
    def put_one_and_delete_another() -> None:
        with store.transaction():
            store.incidents.put({"INC1": {"number": "INC1"}})
            store.incidents.delete("INC2")

    with pytest.raises(RecordNotFoundError):
        put_one_and_delete_another()
    with pytest.raises(RecordNotFoundError):
        store.incidents.get("INC1")
    store.incidents.put({"INC1": {"number": "INC1"}})  # the connection is free again
    assert store.incidents.get("INC1").number == "INC1"


def test_another_thread_sees_nothing_of_a_transaction_before_its_end(store: Store) -> None:
    seen: list[int] = []
    with store.transaction():
        store.incidents.put({"INC1": {"number": "INC1"}})
        reader = threading.Thread(target=lambda: seen.append(store.incidents.count()))
        reader.start()
        reader.join()
    assert seen == [0]
    assert store.incidents.count() == 1
