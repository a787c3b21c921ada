"""Events out: verified with the Standard Webhooks package's own receiver, against a real server."""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from api.outgoing.courier import Courier
from api.webhooks.delivery import Delivery, headers, new_secret
from api.webhooks.events import KIND, MAX_BYTES, Events, encode, thin
from diagnosis.store import Store
from tests.api.remote import Remote


@pytest.fixture
def store(tmp_path):
    opened = Store.open(f"sqlite:///{tmp_path / 'x.db'}")
    yield opened
    opened.close()


def deliver(store, *, until=lambda calls: all(one.state != "waiting" for one in calls), delays=4, allow_private=True):
    delivery = Delivery(store.subscriptions, allow_private)
    courier = Courier(store.outbox, {KIND: delivery}, 0.02, (timedelta(0),) * delays)
    courier.start()
    try:
        end = time.monotonic() + 10
        while not until(store.outbox.page(100)):
            assert time.monotonic() < end
            time.sleep(0.01)
    finally:
        courier.stop()


def subscribe(store, url, *events):
    return store.subscriptions.add(f"{url}/hook", events or ("incident.updated",), new_secret(), "key:1")


def test_a_receiver_with_the_secret_verifies_what_it_gets(store):
    with Remote() as remote:
        one = subscribe(store, remote.url)
        Events(store).updated(["INC1", "事件 2"])
        deliver(store)
        got = remote.requests
    assert len(got) == 2
    bodies = [Webhook(one.secret).verify(request.body, request.headers) for request in got]
    assert {body["data"]["number"] for body in bodies} == {"INC1", "事件 2"}
    assert all(body["type"] == "incident.updated" and body["timestamp"].endswith("Z") for body in bodies)
    assert len({request.headers["webhook-id"] for request in got}) == 2
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(got[0].body, got[0].headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(one.secret).verify(got[0].body + b" ", got[0].headers)


def test_the_signature_is_that_of_the_specification():
    """The example of the Standard Webhooks specification's reference libraries."""
    from diagnosis.store.subscriptions import Subscription

    secret, moment = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", datetime.fromtimestamp(1614265330, UTC)
    one = Subscription("s", "u", (), secret, None, None, True, "", moment, "")
    signed = headers(one, "msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', moment)
    assert signed["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert signed["webhook-timestamp"] == "1614265330"


def test_both_secrets_sign_while_one_rotates(store):
    with Remote() as remote:
        before = subscribe(store, remote.url)
        after = store.subscriptions.rotate(before.id, new_secret())
        Events(store).updated(["INC1"])
        deliver(store)
        [got] = remote.requests
    assert got.headers["webhook-signature"].count("v1,") == 2
    for secret in (before.secret, after.secret):
        Webhook(secret).verify(got.body, got.headers)
    later = after.previous_until + timedelta(seconds=1)
    assert after.secrets(later) == [after.secret]


def test_a_repetition_has_the_same_id_and_a_time_of_its_own(store):
    with Remote(failures=[(500, {}), (429, {}, {"Retry-After": "1"})]) as remote:
        subscribe(store, remote.url)
        Events(store).updated(["INC1"])
        deliver(store)
        got = remote.requests
    assert len(got) == 3
    assert len({request.headers["webhook-id"] for request in got}) == 1
    assert int(got[2].headers["webhook-timestamp"]) > int(got[0].headers["webhook-timestamp"])


def test_410_switches_the_subscription_off(store):
    with Remote(failures=[(410, {})]) as remote:
        one = subscribe(store, remote.url)
        Events(store).updated(["INC1"])
        deliver(store)
        Events(store).updated(["INC2"])
        deliver(store)
        assert len(remote.requests) == 1
    off = store.subscriptions.get(one.id)
    assert (off.enabled, off.reason) == (False, "the receiver answered 410 Gone")
    assert [call.state for call in store.outbox.page(9)] == ["dead"]


def test_what_fails_for_days_is_dead_and_visible(store):
    with Remote(lambda _request: (503, {})) as remote:
        one = subscribe(store, remote.url)
        Events(store).updated(["INC1"])
        deliver(store)
        assert len(remote.requests) == 5
    [dead] = store.outbox.page(9, state="dead", destination=one.id)
    assert (dead.attempts, dead.error) == (5, "answered 503 Service Unavailable")


def test_redirects_are_failures_and_private_addresses_are_refused(store):
    with Remote() as inner, Remote(lambda _request: (307, None, {"Location": inner.url})) as remote:
        subscribe(store, remote.url)
        Events(store).updated(["INC1"])
        deliver(store)
        assert inner.requests == []
        before = len(remote.requests)
        Events(store).updated(["INC2"])
        deliver(store, allow_private=False)
        assert len(remote.requests) == before
    assert "expected a public address" in store.outbox.page(1)[0].error


def test_only_those_who_subscribed_are_told_and_nobody_twice(store):
    a = subscribe(store, "http://a.test", "diagnosis.created")
    b = subscribe(store, "http://b.test", "release.published", "diagnosis.created")
    off = subscribe(store, "http://c.test", "release.published")
    store.subscriptions.change(off.id, off.url, off.events, enabled=False)
    at = datetime.now(UTC)
    for _ in range(2):  # two replicas notice the same release
        Events(store).published("2026-11-22T10-15-00Z-3f2a", at)
    Events(store).published("of long ago", at - timedelta(days=20))
    assert [(call.destination, call.body["type"]) for call in store.outbox.page(9)] == [(b.id, "release.published")]
    assert a.id != b.id


def test_a_subscription_that_is_deleted_is_owed_nothing(store):
    one = subscribe(store, "http://a.test")
    Events(store).updated(["INC1"])
    store.subscriptions.delete(one.id)
    assert store.outbox.page(9) == []


def test_an_event_is_thin_and_under_20_kb():
    said = {
        "id": "d",
        "incident": "INC1",
        "release": "r",
        "created_at": "t",
        "language": "zh",
        "predictions": {
            "assignment_group": {
                "decision": "suggested",
                "value": "网络",
                "probability": 0.5,
                "certified_precision": None,
                "reason": "x",
                "alternatives": [{"value": "网络", "probability": 0.5}],
                "evidence": [{"kind": "term", "text": "secret", "weight": 1}],
            }
        },
        "recurrence": {
            "signature": {"caller": "Li"},
            "horizons": [{"days": 7, "probability": 0.1}],
            "base_rate": 0.1,
            "factors": [],
        },
        "similar_incidents": [
            {"number": "INC0", "similarity": 0.9, "short_description": "secret", "resolution": "secret"}
        ],
        "suggestions": [
            {"id": "s", "source": "knowledge", "number": "KB1", "title": "secret", "resolution": "s", "score": 1.0}
        ],
        "warnings": [],
    }
    data = thin(said)
    assert data["predictions"]["assignment_group"]["value"] == "网络"
    assert data["suggestions"] == [{"id": "s", "source": "knowledge", "number": "KB1", "score": 1.0}]
    assert "secret" not in json.dumps(data, ensure_ascii=False)
    assert "Li" not in json.dumps(data)
    said["warnings"] = ["长" * 10_000]
    assert thin(said) == {"id": "d", "incident": "INC1", "release": "r", "created_at": "t", "language": "zh"}
    assert len(encode({"type": "diagnosis.created", "timestamp": "t", "data": thin(said)})) < MAX_BYTES


def test_secrets_are_long_and_their_own():
    import base64

    made = {new_secret() for _ in range(50)}
    assert len(made) == 50
    assert all(len(base64.b64decode(one.removeprefix("whsec_"))) == 32 for one in made)
