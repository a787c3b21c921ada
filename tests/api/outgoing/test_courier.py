"""The outbox and its courier on real databases: once for each key, again after a failure, nothing lost."""

import threading
import time
from datetime import timedelta

import httpx
import pytest

from api.outgoing.courier import Courier, GivenUpError
from diagnosis.store import Store
from diagnosis.store.database import RecordNotFoundError
from diagnosis.store.outbox import OutgoingCall
from diagnosis.times import utc_now
from tests.waiting import soon


@pytest.fixture
def store(database_url):
    opened = Store.open(database_url)
    yield opened
    opened.close()


def failing(status, headers=None):
    response = httpx.Response(status, headers=headers, request=httpx.Request("POST", "http://x/"))
    return httpx.HTTPStatusError("no", request=response.request, response=response)


def run_until(courier, condition, seconds=10):
    courier.start()
    try:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it did not happen"
            time.sleep(0.02)
    finally:
        courier.stop()


def test_a_key_is_owed_once(store):
    assert (
        store.outbox.add(
            [OutgoingCall("k", "d", "a", {}), OutgoingCall("k", "d", "a", {}), OutgoingCall("k", "d", "b", {})]
        )
        == 2
    )
    assert store.outbox.add([OutgoingCall("k", "d", "a", {"changed": 1})]) == 0
    assert [one.body for one in store.outbox.page(10)] == [{}, {}]


def test_a_taken_call_is_nobody_elses_until_the_lease_ends(store):
    store.outbox.add([OutgoingCall("k", "d", str(i), {"i": i}) for i in range(3)])
    first = store.outbox.take(2, timedelta(seconds=1.5))
    assert [one.body["i"] for one in first] == [0, 1]
    assert [one.body["i"] for one in store.outbox.take(5, timedelta(minutes=5))] == [2]
    assert store.outbox.take(5, timedelta(minutes=5)) == []
    time.sleep(1.6)  # the taker was killed: what it held is due again
    again = store.outbox.take(5, timedelta(minutes=5))
    assert [(one.body["i"], one.attempts) for one in again] == [(0, 2), (1, 2)]


def test_takers_at_once_never_share_a_call(store):
    store.outbox.add([OutgoingCall("k", "d", str(i), {}) for i in range(60)])
    taken, lock = [], threading.Lock()

    def take():
        while calls := store.outbox.take(3, timedelta(minutes=5)):
            with lock:
                taken.extend(one.id for one in calls)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(set(taken))
    assert len(taken) == 60


def test_failures_are_tried_again_then_done(store):
    tries = []

    def make(call):
        tries.append(call.attempts)
        if len(tries) < 3:
            raise failing(503)

    store.outbox.add([OutgoingCall("k", "d", "a", {})])
    courier = Courier(store.outbox, {"k": make}, 0.02, (timedelta(milliseconds=10),) * 4)
    run_until(courier, lambda: store.outbox.page(1)[0].state == "done")
    assert tries == [1, 2, 3]


def test_a_call_that_meets_what_another_wrote_at_that_moment_is_tried_again(store):
    tries = []

    def make(call):
        tries.append(call.id)
        if len(tries) == 1:  # as the database says it, of a key that was inserted meanwhile
            with store.database.write() as connection:
                connection.exec_driver_sql("INSERT INTO counters (name, value) VALUES ('changes', 0)")

    store.outbox.add([OutgoingCall("k", "d", "a", {})])
    run_until(Courier(store.outbox, {"k": make}, 0.02, (timedelta(milliseconds=5),)), lambda: len(tries) == 2)
    assert store.outbox.page(1)[0].state == "done"


def test_after_the_last_delay_a_call_is_dead_visible_and_can_be_owed_again(store):
    def make(_call):
        raise failing(500)

    store.outbox.add([OutgoingCall("k", "d", "a", {})])
    courier = Courier(store.outbox, {"k": make}, 0.02, (timedelta(milliseconds=5),) * 2)
    run_until(courier, lambda: store.outbox.page(1, state="dead"))
    [dead] = store.outbox.page(10, state="dead", destination="d")
    assert dead.attempts == 3
    assert dead.error == "answered 500 Internal Server Error"
    assert store.outbox.again(dead.id).state == "waiting"
    with pytest.raises(RecordNotFoundError):
        store.outbox.again(dead.id)


def test_what_cannot_pass_is_not_tried_again(store):
    tries = []

    def make(call):
        tries.append(call.id)
        raise GivenUpError("the receiver answered 410 Gone")

    store.outbox.add([OutgoingCall("k", "d", "a", {}), OutgoingCall("unknown", "d", "b", {})])
    run_until(Courier(store.outbox, {"k": make}, 0.02), lambda: len(store.outbox.page(9, state="dead")) == 2)
    assert len(tries) == 1
    assert {one.error for one in store.outbox.page(9)} == {
        "the receiver answered 410 Gone",
        "nothing makes calls of kind 'unknown': it is not switched on",
    }


@pytest.mark.parametrize(("seconds", "least", "most"), [("120", 119, 125), ("1", 3.9, 6.5), ("99999999", 86000, 86500)])
def test_a_wait_is_what_the_receiver_asks_for_but_never_sooner_than_planned(store, seconds, least, most):
    def make(_call):
        raise failing(429, {"Retry-After": seconds})

    store.outbox.add([OutgoingCall("k", "d", "a", {})])
    start = utc_now()
    run_until(Courier(store.outbox, {"k": make}, 0.02), lambda: store.outbox.page(1)[0].error)
    waits = (store.outbox.page(1)[0].due_at - start).total_seconds()
    assert least < waits < most


def test_delays_grow_and_are_spread(store):
    courier = Courier(store.outbox, {})
    for attempt, planned in ((1, 5), (3, 300), (10, 86400)):
        seen = [courier._delay(attempt, failing(500)).total_seconds() for _ in range(50)]
        assert 0.8 * planned <= min(seen) < max(seen) <= 1.2 * planned
    assert courier._delay(11, failing(500)) is None


def test_slow_receivers_with_many_calls_owed_do_not_hold_the_others(store):
    end, made = threading.Event(), []

    def make(call):
        if call.body["slow"]:
            end.wait(10)
        made.append(call.key)

    for slow in ("s1", "s2"):
        store.outbox.add([OutgoingCall("k", slow, f"{slow}-{i}", {"slow": True}) for i in range(30)])
    store.outbox.add([OutgoingCall("k", "d", str(i), {"slow": False}) for i in range(12)])
    courier = Courier(store.outbox, {"k": make}, 0.02)
    courier.start()
    try:
        deadline = time.monotonic() + 8
        while len(made) < 12 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert sorted(made) == sorted(map(str, range(12)))
    finally:
        end.set()
        courier.stop()


def test_destinations_behind_one_receiver_have_one_share(store):
    going_on = threading.Event()

    def make(call):
        if call.destination != "d":
            going_on.wait(20)

    for destination in ("m1", "m2", "m3", "m4", "d"):
        store.outbox.add([OutgoingCall("k", destination, f"{destination}-{i}", {}) for i in range(4)])
    receivers = dict.fromkeys(("m1", "m2", "m3", "m4"), "mail")
    courier = Courier(store.outbox, {"k": make}, 0.02, receivers=lambda: receivers)
    courier.start()
    try:
        assert soon(lambda: len(store.outbox.page(9, state="done", destination="d")) == 4)
        assert soon(lambda: len(courier._busy) == 2)  # what is done is let go of at the next turn
    finally:
        going_on.set()
        courier.stop()


def test_a_taker_makes_its_share_of_calls_to_a_destination(store):
    store.outbox.add([OutgoingCall("k", "a", f"a{i}", {}) for i in range(5)])
    store.outbox.add([OutgoingCall("k", "b", f"b{i}", {}) for i in range(5)])
    first = store.outbox.take(8, timedelta(minutes=5), share=2)
    assert sorted(call.key for call in first) == ["a0", "a1", "b0", "b1"]
    assert store.outbox.take(8, timedelta(minutes=5), share=2, in_hand=first) == []
    second = store.outbox.take(8, timedelta(minutes=5), share=2, in_hand=[first[0]])
    assert sorted(call.destination for call in second) == ["a", "b", "b"]
