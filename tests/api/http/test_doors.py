"""The doors of the service: wrong keys are slowed, methods are right, and OpenAPI says what is asked for."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.settings import Settings
from tests.serving import Process, Serving

WRONG = {"Authorization": "Bearer fw_01KAP5YQ7H0T9GQ4M6W3Z2X1CV_wrong"}


@pytest.fixture(scope="module")
def service(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    database = tmp_path_factory.mktemp("doors") / "faultwise.db"
    process = Process(f"sqlite:///{database}", models, wrong_keys_per_minute=5, rate_per_minute=60).start()
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
