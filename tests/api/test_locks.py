"""Tables that another session of PostgreSQL holds: routes say so in time, however many ask, and work afterwards."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from api.settings import Settings
from diagnosis.store import Store, tables
from diagnosis.times import utc_now
from tests.serving import Serving

LOCK_SECONDS = 0.5  # in place of ten
ALERT = {"id": "A1", "started_at": "2026-11-20T08:00:00Z", "name": "disk full", "cmdb_ci": "db-1"}
CHANGE = {"number": "CHG1", "started_at": "2026-11-20T08:00:00Z", "ended_at": "2026-11-20T09:00:00Z"}
ROUTES: tuple[tuple[str, str, Any], ...] = (
    ("GET", "/v1/problems", None),
    ("POST", "/v1/problems/P1/decisions", {"kind": "dismiss"}),
    ("GET", "/v1/surges", None),
    ("POST", "/v1/surges/S1/declare", {}),
    ("GET", "/v1/reviews", None),
    ("GET", "/v1/reviews/draft", None),
    ("GET", "/v1/knowledge", None),
    ("GET", "/v1/knowledge/KB1", None),
    ("POST", "/v1/knowledge", {"number": "KB1", "title": "disk full"}),
    ("GET", "/v1/service-levels", None),
    ("GET", "/v1/workload", None),
    ("GET", "/v1/alerts", None),
    ("POST", "/v1/alerts", ALERT),
    ("POST", "/v1/alerts/verdicts", {"alert": "A1", "incident": "INC1", "belongs": True}),
    ("GET", "/v1/alerts/review", None),
    ("GET", "/v1/service-map", None),
    ("PUT", "/v1/service-map", {"links": []}),
    ("GET", "/v1/changes", None),
    ("POST", "/v1/changes", CHANGE),
    ("POST", "/v1/surveys", {"incident": "INC1"}),
    ("GET", "/v1/surveys", None),
    ("GET", "/v1/quality", None),
    ("GET", "/v1/actions", None),
)


@pytest.fixture(scope="module")
def locked_url(postgres: str) -> str:
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("CREATE DATABASE locks")
    return postgres.replace("/postgres?", "/locks?")


@pytest.fixture(scope="module")
def client(locked_url: str, models: Path) -> Iterator[TestClient]:
    settings = Settings(database=locked_url, models=models, survey_secret="s" * 40)
    with Serving(settings) as client:
        incident = {"number": "INC1", "opened_at": utc_now().isoformat(), "short_description": "disk full"}
        assert client.post("/v1/incidents", json=incident).is_success
        assert client.post("/v1/alerts", json=ALERT).is_success
        store: Store = client.app.state.service.store

        def wait_less(connection: Any, _record: object) -> None:
            connection.execute(f"SET lock_timeout = {int(LOCK_SECONDS * 1000)}")
            connection.commit()

        sa.event.listen(store.database.engine, "connect", wait_less)
        store.database.engine.dispose()
        yield client


@pytest.fixture
def held(locked_url: str, client: TestClient) -> Iterator[psycopg.Connection[Any]]:
    names = [table.name for table in tables.metadata.sorted_tables if table.name != "api_keys"]
    with psycopg.connect(locked_url) as connection:
        connection.execute(f"LOCK TABLE {', '.join(names)} IN ACCESS EXCLUSIVE MODE")
        yield connection
        connection.rollback()


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
def test_a_route_whose_tables_are_held_says_so_in_time(client: TestClient, method: str, path: str, body: Any) -> None:
    began = time.monotonic()
    answer = client.request(method, path, json=body)
    assert time.monotonic() - began < 10 * LOCK_SECONDS
    assert answer.status_code == 503, answer.text
    assert answer.json()["type"] in ("urn:faultwise:problem:store-unavailable", "urn:faultwise:problem:computing")
    assert "retry-after" in answer.headers


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize("path", ["/v1/service-levels", "/v1/quality", "/v1/problems", "/v1/reviews/draft"])
def test_those_who_ask_together_wait_no_longer_than_one(client: TestClient, path: str) -> None:
    began = time.monotonic()
    with ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(lambda _: client.get(path).status_code, range(12)))
    assert answers == [503] * 12
    assert time.monotonic() - began < 6 * LOCK_SECONDS


def test_everything_works_once_the_tables_are_let_go_of(client: TestClient) -> None:
    for method, path, body in ROUTES:
        answer = client.request(method, path, json=body)
        assert answer.status_code < 500 or answer.json()["type"] == "urn:faultwise:problem:computing", (path, answer)
