"""One key must not keep the others waiting: real requests by several keys to the service that is shipped."""

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.serving import Process
from tests.waiting import soon

PLACES = 10
ROWS = 200
CONNECTIONS = 64 + 3 * PLACES  # what is diagnosed together, and more than may wait


@pytest.fixture
def service(models: Path, tmp_path: Path) -> Iterator[Process]:
    process = Process(f"sqlite:///{tmp_path / 'faultwise.db'}", models, max_waiting=PLACES).start()
    yield process
    process.stop()


def other_key(service: Process) -> dict[str, str]:
    body = {"name": "other", "scopes": ["diagnose"]}
    made = httpx.post(f"{service.base}/v1/keys", json=body, headers=service.headers)
    return {"Authorization": f"Bearer {made.json()['key']}"}


def rows(name: str, count: int) -> list[dict[str, str]]:
    return [{"number": f"{name}-{i}", "short_description": f"VPN {name} {i} 断线"} for i in range(count)]


def post_batch(service: Process, headers: dict[str, str], name: str, count: int) -> tuple[float, int]:
    """Return when a batch was answered, and how many of its rows were diagnosed."""
    answer = httpx.post(f"{service.base}/v1/diagnoses/batch", json=rows(name, count), headers=headers, timeout=120)
    assert answer.status_code == 200
    return time.monotonic(), sum(row["diagnosis"] is not None for row in answer.json()["results"])


def test_batches_of_one_key_leave_another_its_turn_and_its_places(service: Process) -> None:
    other = other_key(service)
    with ThreadPoolExecutor(3) as pool:
        greedy = [pool.submit(post_batch, service, service.headers, f"G{i}", ROWS) for i in range(3)]
        time.sleep(0.5)  # the queue of a hundred places is full by then
        answered, diagnosed = post_batch(service, other, "O", 20)
        outcomes = [batch.result() for batch in greedy]
    assert diagnosed == 20
    assert answered < max(moment for moment, _ in outcomes)
    assert sum(count for _, count in outcomes) < 3 * ROWS


def test_one_prediction_does_not_wait_behind_batches(service: Process) -> None:
    path = f"{service.base}/api/now/agent_intelligence/solution/ml_incident_assignment/prediction"
    with ThreadPoolExecutor(1) as pool:
        batch = pool.submit(post_batch, service, service.headers, "G", ROWS)
        time.sleep(0.5)
        began = time.monotonic()
        answer = httpx.get(path, params={"short_description": "VPN"}, headers=service.headers, timeout=120)
        seconds = time.monotonic() - began
    assert answer.status_code == 200
    assert seconds < (batch.result()[0] - began) / 2


async def ask_on_many_connections(service: Process, going_on: threading.Event, refused: list[int]) -> None:
    """Ask without a pause on more connections than there are places, and keep what is refused."""

    async def ask(client: httpx.AsyncClient, place: int) -> None:
        count = 0
        while not going_on.is_set():
            body = {"number": f"G{place}-{(count := count + 1)}", "short_description": "VPN 断线"}
            answer = await client.post(f"{service.base}/v1/diagnoses", json=body)
            if answer.status_code == 503:
                refused.append(place)
                await asyncio.sleep(0.05)

    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(headers=service.headers, timeout=120, limits=limits) as client:
        await asyncio.gather(*(ask(client, place) for place in range(CONNECTIONS)))


def test_one_key_on_many_connections_leaves_places_in_the_queue_of_those_that_come_alone(service: Process) -> None:
    other, going_on, refused = other_key(service), threading.Event(), []
    with ThreadPoolExecutor(1) as pool, httpx.Client(headers=other, timeout=120) as client:
        asked = pool.submit(asyncio.run, ask_on_many_connections(service, going_on, refused))
        try:
            assert soon(lambda: len(refused) > 20)  # the queue is full
            for i in range(5):
                body = {"number": f"O-{i}", "short_description": "VPN 断线"}
                assert client.post(f"{service.base}/v1/diagnoses", json=body).status_code == 200
        finally:
            going_on.set()
        asked.result()
