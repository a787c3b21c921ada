"""A running service for tests: in this process, or as a process of its own that can be killed."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
from fastapi.testclient import TestClient

from api.app import create_app
from api.settings import Settings
from diagnosis.store import Store
from diagnosis.store.keys import SCOPES

ROOT = Path(__file__).parents[1]


class Serving:
    """An app in this process and a client with a key that has every scope, or those given."""

    def __init__(self, settings: Settings, scopes: tuple[str, ...] = SCOPES) -> None:
        self.app = create_app(settings)
        self.client = TestClient(self.app, raise_server_exceptions=False)
        self.scopes = scopes

    def __enter__(self) -> TestClient:
        self.client.__enter__()
        _, secret = self.app.state.service.store.keys.create("tests", self.scopes)
        self.client.headers["Authorization"] = f"Bearer {secret}"
        return self.client

    def __exit__(self, *error: object) -> None:
        self.client.__exit__(*error)


class Process:
    """The service as a user starts it, on a port of its own; `base` is its address, `headers` hold a key."""

    def __init__(self, database: str, models: Path, **settings: object) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.base = f"http://127.0.0.1:{port}"
        self.port = port
        self.database = database
        given = {"database": database, "models": models, "port": port, "log_level": "ERROR", **settings}
        self.environment = os.environ | {f"FAULTWISE_{name.upper()}": str(value) for name, value in given.items()}
        self.headers: dict[str, str] = {}

    def start(self) -> "Process":
        """Start it and wait until it is ready."""
        command = [sys.executable, "-W", "error", "-m", "api.cli", "serve"]
        self.process = subprocess.Popen(command, cwd=ROOT, env=self.environment, stderr=subprocess.PIPE)
        deadline = time.monotonic() + 180  # a busy machine takes more than one minute
        with httpx.Client(timeout=5) as client:  # one: to make a client for each look takes as long as the start
            while not self._is_ready(client):
                assert self.process.poll() is None, self.process.stderr.read().decode()
                if time.monotonic() > deadline:
                    raise TimeoutError("the service did not become ready")
                time.sleep(0.05)
        if not self.headers:
            store = Store.open(self.database)
            self.headers = {"Authorization": f"Bearer {store.keys.create('tests', SCOPES)[1]}"}
            store.close()
        return self

    def _is_ready(self, client: httpx.Client) -> bool:
        try:
            return client.get(f"{self.base}/health/ready").status_code == 200
        except httpx.TransportError:
            return False

    def kill(self) -> None:
        """Kill it as a power failure would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stderr.close()

    def stop(self) -> None:
        """Stop it as an operator does."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        self.process.stderr.close()
