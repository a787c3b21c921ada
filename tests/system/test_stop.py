"""A stop that a client holds back takes no longer than docs/operations.md says."""

import signal
import socket
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.serving import Process

pytestmark = pytest.mark.system


def test_a_slow_client_holds_a_stop_back_for_twenty_seconds_at_most(models: Path, tmp_path: Path) -> None:
    service = Process(f"sqlite:///{tmp_path / 'faultwise.db'}", models, body_seconds=300).start()
    key = service.headers["Authorization"]
    head = f"POST /v1/diagnoses HTTP/1.1\r\nHost: x\r\nAuthorization: {key}\r\nContent-Length: 1000\r\n\r\n"
    with closing(service.process.stderr), socket.create_connection(("127.0.0.1", service.port)) as client:
        client.sendall(head.encode() + b"{")
        time.sleep(0.5)
        began = time.monotonic()
        service.process.send_signal(signal.SIGTERM)
        service.process.wait(60)
        assert 15 < time.monotonic() - began < 30
