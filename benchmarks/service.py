"""The service over HTTP: latency beside an echo, throughput and its knee, start, memory, and what SIGKILL loses.

    python -m benchmarks.service --incidents 100000

The history is generated (tests/history.py) and grown to the size asked for by upserting into a trained release, so that
the figures need no data of anybody's.
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
from itertools import count, islice
from pathlib import Path

import pandas as pd

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
        models = args.models or _grown(Path(folder) / "models", args.incidents)
        _measure(models, Path(folder), args)


def _measure(models: Path, folder: Path, args: argparse.Namespace) -> None:
    database = f"sqlite:///{folder / 'faultwise.db'}"
    with _echo() as echo, _service(models, database) as (service, key, ready_seconds, pid):
        bodies = list(islice(_bodies(), args.requests))
        latency = _latencies(service, key, bodies)
        answer = _post(_connect(service), key, bodies[0])
        echoed = _latencies(echo, "", [answer] * args.requests)
        print("| measure | value | target |\n|---|---:|---:|")
        print(f"| incidents in the index | {args.incidents:,} | 100,000 |")
        print(f"| p50 of one diagnosis, one client | {_p(latency, 50):.1f} ms | 12 ms |")
        print(f"| p99 | {_p(latency, 99):.1f} ms | 50 ms |")
        print(f"| p50 of a FastAPI echo of the answer | {_p(echoed, 50):.2f} ms | |")
        print(f"| p50 over the echo's | {_p(latency, 50) / _p(echoed, 50):.1f} | |")
        print(f"| start to ready | {ready_seconds:.1f} s | 5 s |")
        print(f"| memory after start and requests (RSS) | {_rss(pid):.0f} MB | 700 MB |")
        print("\n| clients | diagnoses a second | p50 ms | p99 ms |\n|---:|---:|---:|---:|")
        for clients in (1, 2, 4, 8, 16, 32, 64):
            rate, times = _throughput(service, key, clients, args.seconds)
            print(f"| {clients} | {rate:.0f} | {_p(times, 50):.1f} | {_p(times, 99):.1f} |")
    print("\n| SIGKILL under load | acknowledged | lost |\n|---|---:|---:|")
    acknowledged, lost = _killed(models, f"sqlite:///{folder}/killed.db")
    print(f"| SQLite | {acknowledged} | {lost} |")


def _grown(models: Path, size: int) -> Path:
    """Train a small release and grow it to `size` incidents of the same kind."""
    from diagnosis.diagnoser import Diagnoser
    from diagnosis.incident import as_frame
    from diagnosis.release import write_release
    from diagnosis.releases import Releases
    from tests.history import articles, incidents
    from training.settings import TrainSettings
    from training.train import train

    trained = train(incidents(2000), articles(), TrainSettings(evaluate=False, encoder_minutes=0.5), models).folder
    release = trained
    if size > 2000:
        diagnoser = Diagnoser.load(trained)
        frame = as_frame(incidents(size, seed=1))
        frame["number"] = "G" + frame["number"]
        frame["opened_at"] = pd.Timestamp("2026-01-05", tz="UTC") + pd.to_timedelta(range(size), unit="min")
        for start in range(0, size, 5000):
            diagnoser.upsert_incidents(frame.iloc[start : start + 5000])
        release = write_release(models, diagnoser.parts.save, settings={}, seed=0, data={})
    Releases(models).publish(release.name)
    return models


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
        for body in _bodies(f"K{thread}-"):
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
        for body in _bodies(f"T{clients}-{client}-"):
            started = time.perf_counter()
            if started > until:
                break
            _post(connection, key, body)
            times.append((time.perf_counter() - started) * 1000)
        return times

    with ThreadPoolExecutor(clients) as threads:
        times = [one for each in threads.map(ask, range(clients)) for one in each]
    return len(times) / seconds, times


def _latencies(port: int, key: str, bodies: list[bytes]) -> list[float]:
    connection, times = _connect(port), []
    for body in bodies[:20] + bodies:
        started = time.perf_counter()
        _post(connection, key, body)
        times.append((time.perf_counter() - started) * 1000)
    return times[20:]


def _bodies(prefix: str = "B") -> Iterator[bytes]:
    """Yield requests without end, each of an incident of its own."""
    from tests.history import incidents

    fields = ["short_description", "description", "caller", "cmdb_ci", "category"]
    rows = incidents(200, seed=7)[fields].to_dict("records")
    for i in count():
        yield json.dumps({"number": f"{prefix}{i}", **rows[i % len(rows)]}).encode()


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


def _rss(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise SystemExit("no VmRSS; this measure needs Linux")


def _p(times: list[float], percent: int) -> float:
    return statistics.quantiles(times, n=100)[percent - 1] if len(times) > 1 else times[0]


if __name__ == "__main__":
    main()
