"""One request is one request: what two readers of HTTP could cut at different places is refused on every route."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.serving import Process

ROUTES = (
    "GET /v1/problems",
    "GET /v1/surges",
    "GET /v1/reviews",
    "GET /v1/knowledge/health",
    "GET /v1/service-levels",
    "POST /v1/alerts",
    "POST /v1/alerts/verdicts",
    "POST /v1/changes",
    "POST /v1/surveys",
    "PUT /v1/service-map",
    "POST /survey/nobody",
)
HIDDEN = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
SIZE = str(len(HIDDEN)).encode()
# Each says where its body ends in two ways, or in one that another reader may not take for one.
HEADS = {
    "two lengths": b"Content-Length: 0\r\nContent-Length: " + SIZE,
    "lengths in a list": b"Content-Length: 0, " + SIZE,
    "length and chunks": b"Content-Length: " + SIZE + b"\r\nTransfer-Encoding: chunked",
    "chunks and length": b"Transfer-Encoding: chunked\r\nContent-Length: 0",
    "chunked is not last": b"Transfer-Encoding: chunked, identity\r\nContent-Length: 0",
    "chunked twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\nContent-Length: 0",
    "chunked misspelt": b"Transfer-Encoding: xchunked\r\nContent-Length: 0",
    "a blank before the colon": b"Transfer-Encoding : chunked\r\nContent-Length: 0",
    "a folded line": b"Transfer-Encoding:\r\n chunked\r\nContent-Length: 0",
    "a vertical tab": b"Transfer-Encoding:\x0bchunked\r\nContent-Length: 0",
    "a bare line feed": b"X: 1\nTransfer-Encoding: chunked\r\nContent-Length: 0",
    "a sign": b"Content-Length: +" + SIZE,
    "hexadecimal": b"Content-Length: 0x" + SIZE,
    "digits of another script": "Content-Length: \u0664\u0660".encode(),
    "a length without end": b"Content-Length: " + b"9" * 400,
}
BODIES = {
    "a bare carriage return": b"28\r" + HIDDEN,
    "a chunk without a size": b"\r\n" + HIDDEN,
    "a negative chunk": b"-1\r\n" + HIDDEN,
    "a chunk beyond all sizes": b"F" * 17 + b"\r\n" + HIDDEN,
    "a chunk that is longer than it says": b"1\r\nabc\r\n0\r\n\r\n" + HIDDEN,
}


@pytest.fixture(scope="module")
def service(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    database = tmp_path_factory.mktemp("smuggling") / "faultwise.db"
    process = Process(f"sqlite:///{database}", models, body_seconds=1.0, survey_secret="s" * 40).start()
    yield process
    process.stop()


def answers(service: Process, sent: bytes) -> list[int]:
    """Return the status of every answer that comes on one connection until the service closes it."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=20) as client:
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        received = b""
        while chunk := client.recv(65536):
            received += chunk
    return [int(line[9:12]) for line in received.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]


def head(service: Process, route: str, lines: bytes) -> bytes:
    key = f"Authorization: {service.headers['Authorization']}\r\nContent-Type: application/json\r\n"
    return f"{route} HTTP/1.1\r\nHost: x\r\n{key}".encode() + lines + b"\r\n\r\n"


@pytest.mark.parametrize("route", ROUTES)
def test_a_body_of_two_ends_is_refused_and_what_it_hides_is_no_request(service: Process, route: str) -> None:
    for name, lines in HEADS.items():
        found = answers(service, head(service, route, lines) + HIDDEN)
        assert found in ([400], [413]), name
    for name, body in BODIES.items():
        found = answers(service, head(service, route, b"Transfer-Encoding: chunked") + body)
        assert found[-1] == 400, (name, found)
        assert len(found) <= 2, (name, found)


def test_clients_that_dribble_their_bodies_hold_nobody_up(service: Process) -> None:
    slow = []
    try:
        for route in [route for route in ROUTES if not route.startswith("GET")] * 8:
            client = socket.create_connection(("127.0.0.1", service.port), timeout=15)
            client.sendall(head(service, route, b"Content-Length: 1000") + b"{")
            slow.append((route, client))
        began = time.monotonic()
        for route in ROUTES:
            method, path = route.split()
            answer = httpx.request(method, service.base + path, headers=service.headers, timeout=30)
            assert answer.status_code < 600
        assert httpx.get(f"{service.base}/health/ready", timeout=5).status_code == 200
        assert time.monotonic() - began < 30
        for route, client in slow:
            assert client.recv(200).startswith(b"HTTP/1.1 408 "), route
    finally:
        for _, client in slow:
            client.close()
