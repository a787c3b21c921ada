"""The doors of the service: wrong keys are slowed, methods are right, and OpenAPI says what is asked for."""

import hmac
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import jwt
import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.settings import Settings
from tests.serving import Process, Serving

SECRETS = {"jira": "a shared secret", "zammad": "another secret"}
PANEL_SECRET = "a secret of thirty-two characters or more"
WRONG = {"Authorization": "Bearer fw_01KAP5YQ7H0T9GQ4M6W3Z2X1CV_wrong"}


@pytest.fixture(scope="module")
def service(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    database = tmp_path_factory.mktemp("doors") / "faultwise.db"
    signed = {f"integrations__{name}__secret": secret for name, secret in SECRETS.items()}
    process = Process(
        f"sqlite:///{database}",
        models,
        wrong_keys_per_minute=5,
        rate_per_minute=60,
        panel_secret=PANEL_SECRET,
        survey_secret=PANEL_SECRET,
        **signed,
    ).start()
    yield process
    process.stop()


def test_wrong_keys_are_slowed_by_address_and_a_right_one_from_there_goes_on(service: Process) -> None:
    assert httpx.get(f"{service.base}/v1/rules", headers=service.headers).status_code == 200
    elsewhere = {"X-Forwarded-For": "203.0.113.7"}
    answers = [httpx.get(f"{service.base}/v1/rules", headers=WRONG) for _ in range(8)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429] * 3
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
    assert answers[-1].json()["type"] == "urn:faultwise:problem:rate-limited"
    assert httpx.get(f"{service.base}/v1/rules", headers=service.headers).status_code == 200
    assert httpx.get(f"{service.base}/v1/rules", headers=WRONG | elsewhere).status_code == 401
    # The sign-in of the console takes from the same allowance.
    form = {"key": "fw_wrong", "next": "/"}
    origin = {"Origin": service.base}
    assert httpx.post(f"{service.base}/console/sign-in", data=form, headers=origin).status_code == 429
    assert httpx.post(f"{service.base}/console/sign-in", data=form, headers=origin | elsewhere).status_code == 401


def signed_by(
    secret: str, body: bytes = b'{"webhookEvent":"comment_created","issue":{"key":"A-1","fields":{}}}'
) -> dict:
    digest = hmac.new(secret.encode(), body, "sha256").hexdigest()
    return {"content": body, "headers": {"X-Hub-Signature": f"sha256={digest}"}}


def panel_token(secret: str, **more: object) -> str:
    moment = datetime.now(UTC)
    claims = {"aud": "faultwise-panel", "sub": "e.chan", "incident": "P-1", "scope": "diagnose", "iat": moment}
    return jwt.encode({**claims, "exp": moment + timedelta(minutes=5), **more}, secret, "HS256")


TRIES = {
    "signature": lambda n: ("POST", "/v1/integrations/jira", signed_by(f"wrong {n}")),
    "panel": lambda n: ("GET", "/panel", {"params": {"token": panel_token(f"wrong {n}" * 8)}}),
    "panel form": lambda n: (
        "POST",
        "/panel/diagnoses/x/feedback",
        {"data": {"csrf": panel_token(f"wrong {n}" * 8), "kind": "confirmed"}},
    ),
    "survey": lambda n: ("GET", f"/survey/{panel_token(f'wrong {n}' * 8, aud='faultwise-survey')}", {}),
    "session": lambda n: ("GET", "/console/new", {"headers": {"Cookie": f"faultwise_session=wrong{n}"}}),
    "session in the bar": lambda n: ("GET", "/console/none", {"headers": {"Cookie": f"faultwise_session=wrong{n}"}}),
    "session of a large form": lambda n: (
        "POST",
        "/console/new",
        {"headers": {"Cookie": f"faultwise_session=wrong{n}"}, "content": b"x" * 300_000},
    ),
}


@pytest.mark.parametrize("kind", TRIES)
def test_whatever_is_tried_and_wrong_counts_against_the_address_as_a_wrong_key_does(service: Process, kind) -> None:
    address, another = (f"{network}.{list(TRIES).index(kind)}" for network in ("192.0.2", "198.51.100"))
    with httpx.Client(base_url=service.base) as client:
        for n in range(6):
            method, path, given = TRIES[kind](n)
            given["headers"] = {**given.get("headers", {}), "X-Forwarded-For": address}
            client.request(method, path, **given)
        refused = client.get("/v1/rules", headers=WRONG | {"X-Forwarded-For": address})
        assert refused.status_code == 429, "they take from one allowance"
        elsewhere = client.get("/v1/rules", headers=WRONG | {"X-Forwarded-For": another})
        assert elsewhere.status_code == 401


def test_who_was_right_from_an_address_goes_on_beside_wrong_signatures_and_no_others_body_is_read(service) -> None:
    with httpx.Client(base_url=service.base, headers={"X-Forwarded-For": "203.0.113.50"}) as client:
        right = signed_by(SECRETS["jira"])
        assert client.post("/v1/integrations/jira", **right).status_code == 202
        statuses = [client.post("/v1/integrations/jira", **signed_by(f"wrong {n}")).status_code for n in range(7)]
        assert statuses == [401] * 7, "one that was right is listened to"
        assert client.post("/v1/integrations/jira", **right).status_code == 202
        assert client.post("/v1/integrations/zammad", **right).status_code == 429
    request = (
        b"POST /v1/integrations/zammad HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 203.0.113.50\r\n"
        b"Content-Length: 5000000\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as door:
        door.sendall(request)  # and no body
        assert door.recv(1000).startswith(b"HTTP/1.1 429")


def test_a_token_that_is_over_is_no_try_and_a_cookie_that_opens_nothing_is_let_go_of(service: Process) -> None:
    with httpx.Client(base_url=service.base, headers={"X-Forwarded-For": "203.0.113.51"}) as client:
        past = datetime.now(UTC) - timedelta(minutes=10)
        over = panel_token(PANEL_SECRET, iat=past, exp=past + timedelta(minutes=5))
        assert [client.get("/panel", params={"token": over}).status_code for _ in range(8)] == [401] * 8
        assert client.get("/v1/rules", headers=WRONG).status_code == 401
        sent = client.get("/console/new", headers={"Cookie": "faultwise_session=gone"})
        assert sent.status_code == 303
        assert "faultwise_session=; Max-Age=0" in sent.headers["set-cookie"]


def test_what_is_signed_has_the_rate_of_a_key(service: Process) -> None:
    with httpx.Client(base_url=service.base, headers={"X-Forwarded-For": "203.0.113.52"}) as client:
        deliveries = [client.post("/v1/integrations/jira", **signed_by(SECRETS["jira"])).status_code for _ in range(90)]
        assert set(deliveries[:40]) == {202}
        assert deliveries[-1] == 429
        shown = [client.get("/panel", params={"token": panel_token(PANEL_SECRET)}).status_code for _ in range(90)]
        assert set(shown[:40]) == {200}
        assert shown[-1] == 429


def test_each_ipv4_client_is_one_of_its_own_where_both_kinds_of_addresses_are_listened_on(
    models: Path, tmp_path: Path
) -> None:
    process = Process(f"sqlite:///{tmp_path / 'f.db'}", models, wrong_keys_per_minute=5, host="::").start()
    try:
        attacker = httpx.Client(transport=httpx.HTTPTransport(local_address="127.0.0.2"))
        with attacker:
            answers = [attacker.get(f"{process.base}/v1/rules", headers=WRONG).status_code for _ in range(8)]
        assert answers == [401] * 5 + [429] * 3
        assert httpx.get(f"{process.base}/v1/rules", headers=WRONG).status_code == 401
    finally:
        process.stop()


def test_pages_of_the_console_count_towards_the_rate_of_the_key(models: Path, tmp_path: Path) -> None:
    settings = Settings(database=f"sqlite:///{tmp_path / 'f.db'}", models=models, rate_per_minute=20)
    with Serving(settings) as client:
        key = client.headers.pop("Authorization").removeprefix("Bearer ")
        headers = {"Origin": str(client.base_url)}
        signed = client.post("/console/sign-in", data={"key": key}, headers=headers, follow_redirects=False)
        assert signed.status_code == 303
        pages = [client.get("/console/new").status_code for _ in range(25)]
        assert pages[:15] == [200] * 15
        assert pages[-1] == 429
        refused = client.get("/v1/rules", headers={"Authorization": f"Bearer {key}"})
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) >= 1


@pytest.mark.parametrize(
    "path", ["/v1/diagnoses", "/v1/incidents", "/openapi.json", "/health/ready", "/console/sign-in"]
)
def test_head_is_answered_as_get_without_the_body(service: Process, path: str) -> None:
    head = httpx.head(f"{service.base}{path}", headers=service.headers)
    get = httpx.get(f"{service.base}{path}", headers=service.headers)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == get.headers["content-type"]
    assert head.headers["content-length"] == get.headers["content-length"]


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/v1/incidents", "GET, HEAD, POST"),
        ("POST", "/v1/incidents/INC1", "GET, HEAD, DELETE"),
        ("GET", "/v1/diagnoses/x/feedback/y", "DELETE"),
        ("HEAD", "/v1/diagnoses/x/feedback/y", "DELETE"),
        ("PUT", "/v1/diagnoses/batch", "POST"),
        ("PATCH", "/v1/rules/x", "GET, HEAD, PUT, DELETE"),
    ],
)
def test_a_method_that_is_not_taken_is_answered_with_all_that_are(client, method, path, allow) -> None:
    answer = client.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allow)


def test_browsers_are_told_to_keep_to_tls_where_it_is_used(client) -> None:
    assert "strict-transport-security" not in client.get("/health/live").headers
    secure = TestClient(client.app, base_url="https://testserver")
    assert secure.get("/health/live").headers["strict-transport-security"] == "max-age=31536000"


def test_every_operation_says_what_it_asks_for(models: Path, tmp_path: Path) -> None:
    signed = {"zammad": {"secret": "0123456789abcdef"}}
    settings = Settings(database=f"sqlite:///{tmp_path / 'f.db'}", models=models, integrations=signed)
    described = create_app(settings).openapi()
    schemes = described["components"]["securitySchemes"]
    client = TestClient(create_app(settings), raise_server_exceptions=False)
    with client:
        for path, operations in described["paths"].items():
            for method, operation in operations.items():
                names = {name for choice in operation["security"] for name in choice}
                assert names <= schemes.keys()
                answered = client.request(method, path.replace("{", "").replace("}", "")).status_code
                assert (answered == 401) == bool(names), (method, path, answered)
    assert described["paths"]["/v1/integrations/zammad"]["post"]["security"] == [{"Signature": []}]
    assert described["paths"]["/health/live"]["get"]["security"] == []
