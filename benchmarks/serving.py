"""A service in a process of its own, and clients that ask it: for `benchmarks.service` and `benchmarks.faults`."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import cache
from itertools import count
from pathlib import Path

from benchmarks.large_release import incidents
from benchmarks.recombined import clauses_by_topic

ROOT = Path(__file__).parents[1]
_PACKAGES = ("api", "training", "diagnosis")


@contextlib.contextmanager
def service(models: Path, database: str, **settings: object) -> Iterator[tuple[int, str, float, int]]:
    """Yield port, key, seconds until it was ready, and process of a service as a user starts it."""
    from diagnosis.store import Store
    from diagnosis.store.keys import SCOPES

    store = Store.open(database)
    key = store.keys.create("benchmark", SCOPES)[1]
    store.close()
    port = free_port()
    environment = os.environ | {
        "FAULTWISE_DATABASE": database,
        "FAULTWISE_MODELS": str(models),
        "FAULTWISE_PORT": str(port),
        "FAULTWISE_LOG_LEVEL": "ERROR",
        "FAULTWISE_RATE_PER_MINUTE": "10000000",
        **{f"FAULTWISE_{name.upper()}": str(value) for name, value in settings.items()},
    }
    # As it is installed: what Python has compiled once is not compiled at each start, whatever this shell says.
    subprocess.run([sys.executable, "-m", "compileall", "-q", *_PACKAGES], cwd=ROOT, check=True)
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "api.cli", "serve"], env=environment, cwd=ROOT)
    try:
        wait_for(port)
        yield port, key, time.perf_counter() - started, process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def bodies(prefix: str = "B") -> Iterator[bytes]:
    """Yield requests without end, each of an incident of its own."""
    for i in count():
        yield json.dumps({"number": f"{prefix}{i}", **_rows()[i % len(_rows())]}).encode()


@cache
def _rows() -> list[dict[str, str]]:
    fields = ["opened_at", "short_description", "description", "caller", "cmdb_ci", "category"]
    rows = incidents(400, clauses_by_topic(), seed=7)[fields].assign(opened_at="2026-11-01T09:00:00Z")
    return [{str(name): str(value) for name, value in row.items()} for row in rows.to_dict("records")]


def post(connection: http.client.HTTPConnection, key: str, body: bytes) -> bytes:
    """Ask for a diagnosis and return the answer; anything but 200 ends the run."""
    headers = {"Content-Type": "application/json", "X-API-Key": key}
    connection.request("POST", "/v1/diagnoses", body, headers)
    answer = connection.getresponse()
    read = answer.read()
    if answer.status != 200:
        raise SystemExit(f"expected 200; found {answer.status}: {read[:300]!r}")
    return read


def connect(port: int) -> http.client.HTTPConnection:
    """Return a connection that stays open."""
    return http.client.HTTPConnection("127.0.0.1", port, timeout=60)


def wait_for(port: int) -> None:
    """Return when the service is ready."""
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = connect(port)
            connection.request("GET", "/health/ready")
            if connection.getresponse().status == 200:
                return
        time.sleep(0.02)
    raise SystemExit("the service was not ready within 600 s")


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def memory(pid: int, name: str) -> float:
    """Return a line of the status of a process (``VmRSS``, ``RssAnon``) in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    raise SystemExit(f"no {name}; this measure needs Linux")


def percentile(times: list[float], percent: int) -> float:
    """Return a percentile of some times."""
    return statistics.quantiles(times, n=100)[percent - 1] if len(times) > 1 else times[0]
