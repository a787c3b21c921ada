"""No open door: every route asks for a key, every key opens only what it should, and every act is written down."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi.testclient import TestClient

from api.app import create_app
from api.audit.schemas import AuditPage
from api.keys.schemas import KeyList, NewKeyOut
from api.settings import Settings
from tests.api.remote import Dripping
from tests.issuer import Issuer
from tests.serving import Serving
from tests.waiting import soon

OPEN = {"/health/live", "/health/ready", "/metrics"}


def test_every_route_that_is_not_listed_as_open_asks_for_a_key(client) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert len(paths) > 15
    for path, methods in paths.items():
        for method in methods:
            for headers in (
                {"Authorization": ""},
                {"Authorization": "Bearer fw_wrong_key"},
                {"Authorization": "Basic YTpi"},
            ):
                answer = client.request(method, path.replace("{", "").replace("}", ""), headers=headers)
                if path in OPEN:
                    assert answer.status_code == 200
                else:
                    assert answer.status_code == 401, (method, path)
                    assert answer.headers["www-authenticate"] == "Bearer"
                    assert answer.headers["content-type"] == "application/problem+json"
    assert client.get("/no/such/path", headers={"Authorization": ""}).status_code == 401


def key(client: TestClient, *scopes: str, **more: object) -> dict[str, str]:
    made = client.post("/v1/keys", json={"name": "k", "scopes": list(scopes), **more})
    assert made.status_code == 201, made.text
    return {"Authorization": "", "X-API-Key": NewKeyOut.model_validate(made.json()).key}


@pytest.mark.parametrize(
    ("method", "path", "scopes"),
    [
        ("POST", "/v1/diagnoses", {"diagnose"}),
        ("POST", "/v1/diagnoses/batch", {"diagnose"}),
        ("GET", "/v1/diagnoses", {"diagnose"}),
        ("POST", "/v1/diagnoses/x/feedback", {"feedback"}),
        ("GET", "/v1/search?q=x", {"diagnose"}),
        ("POST", "/v1/incidents", {"knowledge"}),
        ("GET", "/v1/incidents", {"diagnose", "knowledge"}),
        ("DELETE", "/v1/knowledge/none", {"knowledge"}),
        ("GET", "/v1/releases", {"admin"}),
        ("POST", "/v1/releases/rollback", {"admin"}),
        ("POST", "/v1/rules", {"admin"}),
        ("POST", "/v1/keys", {"admin"}),
        ("GET", "/v1/audit", {"admin"}),
    ],
)
def test_a_key_opens_what_its_scopes_say(client, method, path, scopes) -> None:
    for scope in ("diagnose", "feedback", "knowledge", "admin"):
        status = client.request(
            method, path, headers=key(client, scope), json={} if method == "POST" else None
        ).status_code
        assert (status == 403) == (scope not in scopes), (scope, status)


def test_a_key_ends_when_it_expires_or_is_revoked(client) -> None:
    ends = (datetime.now(UTC) + timedelta(seconds=2)).isoformat()
    short, long = key(client, "diagnose", expires_at=ends), key(client, "diagnose")
    assert client.get("/v1/diagnoses", headers=short).status_code == 200
    assert soon(lambda: client.get("/v1/diagnoses", headers=short).status_code == 401)
    revoked = client.delete(f"/v1/keys/{long['X-API-Key'].split('_')[1]}")
    assert revoked.json()["revoked_at"] is not None
    assert client.get("/v1/diagnoses", headers=long).status_code == 401
    listed = client.get("/v1/keys")
    assert long["X-API-Key"].split("_", 2)[2] not in listed.text
    assert KeyList.model_validate(listed.json()).items[-1].id == long["X-API-Key"].split("_")[1]
    assert client.delete("/v1/keys/none").status_code == 404
    over = client.post("/v1/keys", json={"name": "x", "scopes": ["diagnose"], "expires_at": "2020-01-01"})
    assert (over.status_code, "still to come" in over.text) == (422, True)


def test_acts_are_written_into_the_audit_log(client) -> None:
    made = client.post(
        "/v1/keys", json={"name": "audited", "scopes": ["admin"]}, headers={"X-Request-ID": "req-7"}
    ).json()
    page = AuditPage.model_validate(client.get("/v1/audit", params={"limit": 1}).json())
    entry = page.items[0]
    assert (entry.action, entry.object, entry.request) == ("key.create", made["id"], "req-7")
    assert entry.actor.startswith("key:")
    assert made["key"] not in client.get("/v1/audit").text
    older = AuditPage.model_validate(client.get("/v1/audit", params={"cursor": page.next}).json())
    assert all(one.id < entry.id for one in older.items)


def test_the_first_start_shows_an_admin_key_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings(database=f"sqlite:///{tmp_path / 'f.db'}", models=tmp_path)
    with TestClient(create_app(settings)) as first:
        (shown,) = [word for word in capsys.readouterr().err.split() if word.startswith("fw_")]
        assert first.get("/v1/keys", headers={"X-API-Key": shown}).status_code == 200
    with TestClient(create_app(settings)) as second:
        assert "fw_" not in capsys.readouterr().err
        assert second.get("/v1/keys", headers={"X-API-Key": shown}).status_code == 200


def test_a_key_that_asks_too_often_waits(tmp_path: Path) -> None:
    settings = Settings(database=f"sqlite:///{tmp_path / 'f.db'}", models=tmp_path, rate_per_minute=5)
    with Serving(settings) as client:
        answers = [client.get("/v1/rules") for _ in range(7)]
        assert [one.status_code for one in answers] == [200] * 5 + [429] * 2
        assert answers[0].headers["ratelimit-policy"] == '"key";q=5;w=60'
        assert answers[0].headers["ratelimit"].startswith('"key";r=4;')
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 13
        assert answers[-1].headers["content-type"] == "application/problem+json"
        other = client.app.state.service.store.keys.create("other", ["admin"])[1]
        assert client.get("/v1/rules", headers={"Authorization": f"Bearer {other}"}).status_code == 200
        assert client.get("/health/live").status_code == 200


def test_pages_of_other_sites_may_not_call_unless_allowed(client, tmp_path: Path) -> None:
    asked = {"Origin": "https://desk.example", "Access-Control-Request-Method": "GET"}
    assert "access-control-allow-origin" not in client.options("/v1/rules", headers=asked).headers
    settings = Settings(database=f"sqlite:///{tmp_path / 'f.db'}", models=tmp_path, cors_origins="https://desk.example")
    with Serving(settings) as allowing:
        assert (
            allowing.options("/v1/rules", headers=asked).headers["access-control-allow-origin"]
            == "https://desk.example"
        )
        other = allowing.options("/v1/rules", headers=asked | {"Origin": "https://evil.example"})
        assert "access-control-allow-origin" not in other.headers


def test_every_answer_carries_the_headers_that_browsers_heed(client) -> None:
    for path in ("/", "/v1/rules", "/no/such", "/health/live"):
        headers = client.get(path).headers
        assert "'unsafe-inline'" not in headers["content-security-policy"]
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"


def test_metrics_can_be_closed(tmp_path: Path) -> None:
    settings = Settings(database=f"sqlite:///{tmp_path / 'f.db'}", models=tmp_path, metrics_key=True)
    with Serving(settings) as client:
        assert client.get("/metrics", headers={"Authorization": ""}).status_code == 401
        assert client.get("/metrics").status_code == 200


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with Issuer() as one:
        yield one


@pytest.fixture(scope="module")
def federated(issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("oidc")
    settings = Settings(
        database=f"sqlite:///{folder / 'f.db'}", models=folder, oidc_issuer=issuer.url, oidc_audience="faultwise"
    )
    with Serving(settings) as client:
        yield client


def status(client: TestClient, token: str, path: str = "/v1/diagnoses") -> int:
    return client.get(path, headers={"Authorization": f"Bearer {token}"}).status_code


def test_a_token_of_the_issuer_opens_what_its_scopes_say(federated, issuer) -> None:
    assert status(federated, issuer.token()) == 200
    assert status(federated, issuer.token(), "/v1/rules") == 403
    assert status(federated, issuer.token(scope=["admin", "root"]), "/v1/rules") == 200
    assert federated.get("/v1/diagnoses").status_code == 200, "keys work beside tokens"


def test_a_token_that_is_not_the_issuers_or_not_for_us_or_not_valid_now_is_refused(federated, issuer) -> None:
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    wrong = {
        "signed by a stranger": issuer.token(key=stranger),
        "unknown key": issuer.token(kid="two", key=stranger),
        "for others": issuer.token(aud="others"),
        "of another issuer": issuer.token(iss="https://evil.example"),
        "expired": issuer.token(exp=long_ago),
        "never expires": issuer.token(exp=None),
        "not yet": issuer.token(nbf=datetime.now(UTC) + timedelta(hours=1)),
        "symmetric": issuer.token(key="x" * 32, algorithm="HS256"),
        "unsigned": jwt.encode({"sub": "ann"}, None, "none"),
        "altered": issuer.token()[:-6] + "AAAAAA",
        "no token": "a.b.c",
    }
    assert {why: status(federated, token) for why, token in wrong.items()} == dict.fromkeys(wrong, 401)


def test_a_silent_issuer_is_called_by_one_request_and_holds_up_no_other(tmp_path: Path, issuer: Issuer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        settings = Settings(
            database=f"sqlite:///{tmp_path / 'f.db'}", models=tmp_path, oidc_issuer=url, oidc_audience="f"
        )
        with Serving(settings) as client, ThreadPoolExecutor(8) as pool:
            wrong = [issuer.token(iss=url), issuer.token(aud="f"), issuer.token(iss=url, aud="f", exp=1), "a.b.c"]
            assert [status(client, token) for token in wrong] == [401] * 4
            right = issuer.token(iss=url, aud="f")
            assert set(pool.map(lambda _: status(client, right), range(8))) == {503}
            assert client.get("/v1/diagnoses").status_code == 200
        silent.setblocking(False)
        calls = 0
        with suppress(BlockingIOError):
            while True:
                silent.accept()[0].close()
                calls += 1
    assert calls == 1


@pytest.mark.parametrize(
    "begin", [b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"], ids=["head", "body"]
)
@pytest.mark.parametrize("what", ["configuration", "keys"])
def test_an_issuer_that_answers_byte_by_byte_is_given_up(tmp_path: Path, issuer: Issuer, what: str, begin) -> None:
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(1))
        dripping = stack.enter_context(Dripping(begin))
        url = dripping if what == "configuration" else issuer.url
        settings = Settings(
            database=f"sqlite:///{tmp_path / 'f.db'}",
            models=tmp_path,
            oidc_issuer=url,
            oidc_audience="f",
            oidc_jwks_url=dripping if what == "keys" else "",
        )
        with Serving(settings) as client:
            asked = pool.submit(status, client, issuer.token(iss=url, aud="f"))
            assert asked.result(timeout=15) == 503


def test_a_key_that_the_issuer_does_not_have_is_looked_for_once_in_a_while(federated, issuer) -> None:
    assert status(federated, issuer.token()) == 200
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    before = issuer.requests.count("/jwks")
    assert {status(federated, issuer.token(kid=f"k{i}", key=stranger)) for i in range(5)} == {401}
    assert issuer.requests.count("/jwks") <= before + 1


def test_an_issuer_that_cannot_be_reached_is_503(tmp_path: Path, issuer: Issuer) -> None:
    settings = Settings(
        database=f"sqlite:///{tmp_path / 'f.db'}", models=tmp_path, oidc_issuer="http://127.0.0.1:9", oidc_audience="f"
    )
    with Serving(settings) as client:
        assert status(client, issuer.token(iss="http://127.0.0.1:9", aud="f")) == 503
        assert client.get("/v1/diagnoses").status_code == 200
