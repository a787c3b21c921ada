"""Subscriptions and the outbox over HTTP, and every event from its cause to a receiver that verifies it."""

import json

import pytest
from standardwebhooks import Webhook

from api.settings import Settings
from tests.api.remote import Remote
from tests.serving import Serving
from tests.waiting import soon

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
EVENTS = ["diagnosis.created", "feedback.recorded", "release.published", "incident.updated"]


@pytest.fixture(scope="module")
def client(models, tmp_path_factory):
    database = tmp_path_factory.mktemp("webhooks") / "faultwise.db"
    settings = Settings(database=f"sqlite:///{database}", models=models, allow_private_addresses=True)
    with Serving(settings) as one:
        yield one


def subscribe(client, url, events=EVENTS):
    made = client.post("/v1/subscriptions", json={"url": f"{url}/hook", "events": events})
    assert made.status_code == 201, made.text
    return made.json()


def test_every_event_from_its_cause_to_a_receiver(client):
    with Remote() as remote:
        made = subscribe(client, remote.url)
        incident = {"number": "WH1", "short_description": "VPN 断线"}
        said = client.post("/v1/diagnoses", json=incident, headers={"traceparent": TRACE}).json()
        target = next(iter(said["predictions"]))
        feedback = {"kind": "overridden", "target": target, "value": "Other", "confirm": True}
        feedback["comment"] = "call Li on 555-1234"
        given = client.post(f"/v1/diagnoses/{said['id']}/feedback", json=feedback)
        assert given.status_code == 201, given.text
        client.post("/v1/incidents", json={"number": "WH2", "short_description": "x"})
        got = {
            body["type"]: body["data"]
            for request in remote.wait_for(3)
            if (body := Webhook(made["secret"]).verify(request.body, request.headers))
        }
        traces = {json.loads(request.body)["type"]: request.headers["traceparent"] for request in remote.requests}
        client.delete(f"/v1/subscriptions/{made['id']}")
    assert traces["diagnosis.created"].split("-")[1] == TRACE.split("-")[1]
    assert traces["feedback.recorded"].split("-")[1] != TRACE.split("-")[1], "of another request"
    assert got["diagnosis.created"]["id"] == said["id"]
    assert got["diagnosis.created"]["predictions"][target]["decision"] == said["predictions"][target]["decision"]
    assert (got["feedback.recorded"]["value"], "comment" in got["feedback.recorded"]) == ("Other", False)
    assert got["incident.updated"] == {"number": "WH2"}


def test_a_release_is_told_once(own_models, tmp_path):
    settings = Settings(database=f"sqlite:///{tmp_path / 'x.db'}", models=own_models, allow_private_addresses=True)
    with Remote() as remote:
        with Serving(settings) as client:
            made = subscribe(client, remote.url, ["release.published"])
            releases = client.get("/v1/releases").json()["items"]
            other = next(one["release"] for one in releases if not one["in_service"])
            assert client.post(f"/v1/releases/{other}/publish?force=a+test").status_code == 200
            [got] = remote.wait_for(1)
        with Serving(settings) as client:  # the next start says nothing new
            assert len(client.get("/v1/outbox", params={"destination": made["id"]}).json()["items"]) == 1
    assert Webhook(made["secret"]).verify(got.body, got.headers)["data"] == {"release": other}


def test_subscriptions_are_kept_changed_rotated_and_removed(client):
    made = subscribe(client, "http://127.0.0.1:9", ["diagnosis.created"])
    path = f"/v1/subscriptions/{made['id']}"
    shown = client.get(path).json()
    assert "secret" not in shown
    assert shown == {name: value for name, value in made.items() if name != "secret"}
    assert shown in client.get("/v1/subscriptions").json()["items"]
    off = client.put(path, json={"url": made["url"], "events": ["incident.updated"], "enabled": False}).json()
    assert (off["enabled"], off["events"], off["reason"]) == (False, ["incident.updated"], "switched off by a person")
    assert client.post(f"{path}/secret").json()["secret"] != made["secret"]
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404
    acts = [one["action"] for one in client.get("/v1/audit").json()["items"]]
    assert acts[:4] == ["subscription.delete", "subscription.rotate", "subscription.change", "subscription.add"]


def test_what_was_given_up_can_be_repeated(client):
    with Remote(failures=[(410, {})]) as remote:
        made = subscribe(client, remote.url, ["incident.updated"])
        client.post("/v1/incidents", json={"number": "WH3"})
        remote.wait_for(1)
        asked = {"state": "dead", "destination": made["id"]}
        assert soon(lambda: client.get("/v1/outbox", params=asked).json()["items"])
        (dead,) = client.get("/v1/outbox", params=asked).json()["items"]
        assert "410 Gone" in dead["error"]
        assert client.get(f"/v1/subscriptions/{made['id']}").json()["reason"] == "the receiver answered 410 Gone"
        client.put(f"/v1/subscriptions/{made['id']}", json={"url": made["url"], "events": made["events"]})
        assert client.post(f"/v1/outbox/{dead['id']}/again").json()["state"] == "waiting"
        assert len(remote.wait_for(2)) == 2
        client.delete(f"/v1/subscriptions/{made['id']}")
    assert client.post("/v1/outbox/unheard-of/again").status_code == 404


@pytest.mark.parametrize(
    "wanted",
    [
        {"url": "ftp://example.com", "events": ["diagnosis.created"]},
        {"url": "http://user:pw@127.0.0.1/", "events": ["diagnosis.created"]},
        {"url": "http://127.0.0.1/", "events": []},
        {"url": "http://127.0.0.1/", "events": ["everything"]},
        {"url": "http://127.0.0.1/", "events": ["diagnosis.created"], "secret": "mine"},
    ],
)
def test_wrong_subscriptions(client, wanted):
    answer = client.post("/v1/subscriptions", json=wanted)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_private_addresses_and_plain_http_are_refused_by_default(models, tmp_path):
    with Serving(Settings(database=f"sqlite:///{tmp_path / 'x.db'}", models=models)) as client:
        for url, expected in (
            ("https://127.0.0.1/", "expected a public address"),
            ("https://169.254.169.254/latest", "expected a public address"),
            ("http://example.com/", "expected https"),
        ):
            answer = client.post("/v1/subscriptions", json={"url": url, "events": ["diagnosis.created"]})
            assert answer.status_code == 422
            assert expected in answer.json()["detail"]


def test_only_administrators(client):
    key = client.post("/v1/keys", json={"name": "d", "scopes": ["diagnose", "feedback", "knowledge"]}).json()["key"]
    for path in ("/v1/subscriptions", "/v1/outbox"):
        assert client.get(path, headers={"Authorization": f"Bearer {key}"}).status_code == 403
        assert client.get(path, headers={"Authorization": ""}).status_code == 401
