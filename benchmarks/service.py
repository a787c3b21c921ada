"""The service over HTTP: latency beside an echo, throughput and its knee, start, memory, and what SIGKILL loses.

    python -m benchmarks.service --incidents 100000

Training the release (`benchmarks.large_release`) takes minutes: `--models` takes one that was made before.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import count, islice
from pathlib import Path

from benchmarks.large_release import incidents, large_release
from benchmarks.recombined import clauses_by_topic
from diagnosis.history import History
from diagnosis.releases import Releases

ROOT = Path(__file__).parents[1]
ECHO = """
import sys, uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import Response
app = FastAPI()
@app.post("/v1/diagnoses")
async def echo(request: Request) -> Response:
    return Response(await request.body(), media_type="application/json")
@app.get("/health/ready")
def ready() -> dict: return {}
uvicorn.run(app, port=int(sys.argv[1]), log_level="error")
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--incidents", type=int, default=10_000, help="incidents in the index (default: 10000)")
    parser.add_argument("--requests", type=int, default=200, help="requests at one client (default: 200)")
    parser.add_argument("--seconds", type=float, default=5, help="seconds for each number of clients (default: 5)")
    parser.add_argument("--models", type=Path, help="folder of releases; trained and grown if not given")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="faultwise-bench-") as folder:
        models = args.models or Path(folder) / "models"
        if not args.models:
            large_release(models, args.incidents)
        _measure(models, Path(folder), args)


def _measure(models: Path, folder: Path, args: argparse.Namespace) -> None:
    database = f"sqlite:///{folder / 'faultwise.db'}"
    with _echo() as echo, _service(models, database) as (service, key, ready_seconds, pid):
        asked = list(islice(bodies(), args.requests))
        latency = _latencies(service, key, asked)
        answer = _post(_connect(service), key, asked[0])
        echoed = _latencies(echo, "", [answer] * args.requests)
        print("| measure | value | target |\n|---|---:|---:|")
        print(f"| incidents in the index | {_size(models):,} | 100,000 |")
        print(f"| p50 of one diagnosis, one client | {_p(latency, 50):.1f} ms | 12 ms |")
        print(f"| p99 | {_p(latency, 99):.1f} ms | 50 ms |")
        print(f"| p50 of a FastAPI echo of the answer | {_p(echoed, 50):.2f} ms | |")
        print(f"| p50 over the echo's | {_p(latency, 50) / _p(echoed, 50):.1f} | |")
        print(f"| start to ready | {ready_seconds:.1f} s | 5 s |")
        print(f"| memory after start and requests (RSS) | {_memory(pid, 'VmRSS'):.0f} MB | 700 MB |")
        print(f"| of it not shared with other processes (anonymous) | {_memory(pid, 'RssAnon'):.0f} MB | |")
        print("\n| clients | diagnoses a second | p50 ms | p99 ms |\n|---:|---:|---:|---:|")
        for clients in (1, 2, 4, 8, 16, 32, 64):
            rate, times = _throughput(service, key, clients, args.seconds)
            print(f"| {clients} | {rate:.0f} | {_p(times, 50):.1f} | {_p(times, 99):.1f} |")
    print("\n| SIGKILL under load | acknowledged | lost |\n|---|---:|---:|")
    acknowledged, lost = _killed(models, f"sqlite:///{folder}/killed.db")
    print(f"| SQLite | {acknowledged} | {lost} |")


@contextlib.contextmanager
def _service(models: Path, database: str) -> Iterator[tuple[int, str, float, int]]:
    from diagnosis.store import Store
    from diagnosis.store.keys import SCOPES

    store = Store.open(database)
    key = store.keys.create("benchmark", SCOPES)[1]
    store.close()
    port = _free_port()
    environment = os.environ | {
        "FAULTWISE_DATABASE": database, "FAULTWISE_MODELS": str(models), "FAULTWISE_PORT": str(port),
        "FAULTWISE_LOG_LEVEL": "ERROR", "FAULTWISE_RATE_PER_MINUTE": "10000000",
    }  # fmt: skip
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "api.cli", "serve"], env=environment, cwd=ROOT)
    try:
        _wait(port)
        yield port, key, time.perf_counter() - started, process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


@contextlib.contextmanager
def _echo() -> Iterator[int]:
    port = _free_port()
    process = subprocess.Popen([sys.executable, "-c", ECHO, str(port)])
    try:
        _wait(port)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _killed(models: Path, database: str) -> tuple[int, int]:
    """Kill the service under load; return how many diagnoses were acknowledged and how many of them are not there."""
    from diagnosis.store import Store

    acknowledged: list[str] = []

    def ask(thread: int) -> None:
        connection = _connect(port)
        for body in bodies(f"K{thread}-"):
            try:
                acknowledged.append(json.loads(_post(connection, key, body))["id"])
            except (OSError, http.client.HTTPException):
                return

    with contextlib.ExitStack() as stack:
        port, key, _, pid = stack.enter_context(_service(models, database))
        threads = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
        for one in threads:
            one.start()
        time.sleep(5)
        os.kill(pid, signal.SIGKILL)
        for one in threads:
            one.join()
    store = Store.open(database)
    with store.database.read() as connection:
        there = set(connection.exec_driver_sql("SELECT id FROM diagnoses").scalars())
    store.close()
    return len(acknowledged), len(set(acknowledged) - there)


def _throughput(port: int, key: str, clients: int, seconds: float) -> tuple[float, list[float]]:
    until = time.perf_counter() + seconds

    def ask(client: int) -> list[float]:
        connection, times = _connect(port), []
        for body in bodies(f"T{clients}-{client}-"):
            started = time.perf_counter()
            if started > until:
                break
            _post(connection, key, body)
            times.append((time.perf_counter() - started) * 1000)
        return times

    with ThreadPoolExecutor(clients) as threads:
        times = [one for each in threads.map(ask, range(clients)) for one in each]
    return len(times) / seconds, times


def _latencies(port: int, key: str, asked: list[bytes]) -> list[float]:
    connection, times = _connect(port), []
    for body in asked[:20] + asked:
        started = time.perf_counter()
        _post(connection, key, body)
        times.append((time.perf_counter() - started) * 1000)
    return times[20:]


def bodies(prefix: str = "B") -> Iterator[bytes]:
    """Yield requests without end, each of an incident of its own."""
    for i in count():
        yield json.dumps({"number": f"{prefix}{i}", **_rows()[i % len(_rows())]}).encode()


@cache
def _rows() -> list[dict[str, str]]:
    fields = ["opened_at", "short_description", "description", "caller", "cmdb_ci", "category"]
    rows = incidents(400, clauses_by_topic(), seed=7)[fields].assign(opened_at="2026-11-01T09:00:00Z")
    return [{str(name): str(value) for name, value in row.items()} for row in rows.to_dict("records")]


def _post(connection: http.client.HTTPConnection, key: str, body: bytes) -> bytes:
    headers = {"Content-Type": "application/json", "X-API-Key": key}
    connection.request("POST", "/v1/diagnoses", body, headers)
    answer = connection.getresponse()
    read = answer.read()
    if answer.status != 200:
        raise SystemExit(f"expected 200; found {answer.status}: {read[:300]!r}")
    return read


def _connect(port: int) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", port, timeout=60)


def _wait(port: int) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = _connect(port)
            connection.request("GET", "/health/ready")
            if connection.getresponse().status == 200:
                return
        time.sleep(0.02)
    raise SystemExit("the service was not ready within 120 s")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _memory(pid: int, name: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    raise SystemExit(f"no {name}; this measure needs Linux")


def _size(models: Path) -> int:
    releases = Releases(models)
    published = releases.published()
    if published is None:
        raise SystemExit(f"expected a published release in {models}; found none")
    return len(History.load(releases.path(published) / "history"))


def _p(times: list[float], percent: int) -> float:
    return statistics.quantiles(times, n=100)[percent - 1] if len(times) > 1 else times[0]


if __name__ == "__main__":
    main()
