"""What docs/operations.md and docs/threat-model.md promise of the service that is shipped, and no other test tries."""

import json
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import httpx
import pytest

from tests.serving import Process

SEND_SECONDS = 2
SESSION_SECONDS = 4


@pytest.fixture(scope="module")
def service(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    folder = tmp_path_factory.mktemp("operations")
    settings = {"send_seconds": SEND_SECONDS, "session_hours": SESSION_SECONDS / 3600}
    process = Process(f"sqlite:///{folder / 'faultwise.db'}", models, **settings).start()
    yield process
    process.stop()


def key_of(service: Process) -> str:
    return service.headers["Authorization"].removeprefix("Bearer ")


def sign_in(service: Process) -> httpx.Response:
    form = {"key": key_of(service)}
    return httpx.post(f"{service.base}/console/sign-in", data=form, headers={"Origin": service.base})


def test_a_stop_answers_the_requests_under_way(models: Path, tmp_path: Path) -> None:
    service = Process(f"sqlite:///{tmp_path / 'faultwise.db'}", models).start()
    rows = [{"number": f"S{i}", "short_description": f"VPN {i} 断线"} for i in range(200)]
    with ThreadPoolExecutor(1) as pool, closing(service.process.stderr):
        asked = pool.submit(
            httpx.post, f"{service.base}/v1/diagnoses/batch", json=rows, headers=service.headers, timeout=60
        )
        time.sleep(0.3)
        service.process.send_signal(signal.SIGTERM)
        answer = asked.result()
        assert answer.status_code == 200
        assert [row["error"] for row in answer.json()["results"]] == [None] * len(rows)
        assert service.process.wait(30) in (0, -signal.SIGTERM)


def test_a_client_that_leaves_its_answer_unread_is_left(service: Process) -> None:
    with socket.create_connection(("127.0.0.1", service.port), timeout=20) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 60)
        client.recv(1)
        time.sleep(2 * SEND_SECONDS)
        received = 0
        with suppress(ConnectionResetError):
            while chunk := client.recv(1_000_000):
                received += len(chunk)
    whole = len(httpx.get(f"{service.base}/openapi.json").content)
    assert received < 60 * whole


def test_a_session_of_the_console_ends_after_its_hours(service: Process) -> None:
    cookie = {"Cookie": sign_in(service).headers["set-cookie"].partition(";")[0]}
    page = f"{service.base}/console/new"
    began = time.monotonic()
    assert httpx.get(page, headers=cookie, follow_redirects=True).url.path == "/console/new"
    time.sleep(max(0.0, SESSION_SECONDS + 0.5 - (time.monotonic() - began)))
    assert httpx.get(page, headers=cookie, follow_redirects=True).url.path == "/console/sign-in"


def test_who_reads_the_database_finds_no_key_and_no_session(service: Process) -> None:
    made = httpx.post(f"{service.base}/v1/keys", json={"name": "n", "scopes": ["admin"]}, headers=service.headers)
    session = sign_in(service).headers["set-cookie"].partition(";")[0].partition("=")[2]
    file = Path(service.database.removeprefix("sqlite:///"))
    stored = b"".join(path.read_bytes() for path in file.parent.glob(f"{file.name}*"))
    assert b"tests" in stored  # the name of a key
    for secret in (key_of(service), made.json()["key"], session):
        assert len(secret) >= 43  # 256 random bits in base64
        random = secret.split("_", 2)[-1] if secret.startswith("fw_") else secret  # behind the id of a key
        assert random.encode() not in stored


def test_what_a_request_says_stands_in_no_log(models: Path, tmp_path: Path) -> None:
    service = Process(f"sqlite:///{tmp_path / 'faultwise.db'}", models, log_level="DEBUG").start()
    words = "unmistakable"
    asks = {"headers": service.headers, "timeout": 60}
    httpx.post(f"{service.base}/v1/diagnoses", json={"number": words, "short_description": words}, **asks)
    httpx.get(f"{service.base}/v1/search", params={"q": words}, **asks)
    httpx.get(f"{service.base}/v1/incidents/{words}", **asks)
    httpx.get(f"{service.base}/{words}", **asks)
    with ExitStack() as stack:
        stack.enter_context(closing(service.process.stderr))
        service.process.send_signal(signal.SIGTERM)
        lines = service.process.stderr.read().decode().splitlines()
        service.process.wait(30)
    assert any(json.loads(line).get("route") == "/v1/search" for line in lines if line.startswith("{"))
    assert [line for line in lines if words in line] == []
    assert [line for line in lines if key_of(service) in line] == []
