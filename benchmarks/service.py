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
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

from benchmarks.large_release import large_release
from benchmarks.serving import bodies, connect, free_port, memory, percentile, post, service, wait_for
from diagnosis.records import IncidentRecords
from diagnosis.releases import Releases

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
    with _echo() as echo, service(models, database) as (port, key, ready_seconds, pid):
        asked = list(islice(bodies(), args.requests))
        latency = _latencies(port, key, asked)
        answer = post(connect(port), key, asked[0])
        echoed = _latencies(echo, "", [answer] * args.requests)
        print("| measure | value | target |\n|---|---:|---:|")
        print(f"| incidents in the index | {_size(models):,} | 100,000 |")
        print(f"| p50 of one diagnosis, one client | {percentile(latency, 50):.1f} ms | 12 ms |")
        print(f"| p99 | {percentile(latency, 99):.1f} ms | 50 ms |")
        print(f"| p50 of a FastAPI echo of the answer | {percentile(echoed, 50):.2f} ms | |")
        print(f"| p50 over the echo's | {percentile(latency, 50) / percentile(echoed, 50):.1f} | |")
        print(f"| start to ready | {ready_seconds:.1f} s | 5 s |")
        print(f"| memory after start and requests (RSS) | {memory(pid, 'VmRSS'):.0f} MB | 700 MB |")
        print(f"| of it not shared with other processes (anonymous) | {memory(pid, 'RssAnon'):.0f} MB | |")
        print("\n| clients | diagnoses a second | p50 ms | p99 ms |\n|---:|---:|---:|---:|")
        for clients in (1, 2, 4, 8, 16, 32, 64):
            rate, times = _throughput(port, key, clients, args.seconds)
            print(f"| {clients} | {rate:.0f} | {percentile(times, 50):.1f} | {percentile(times, 99):.1f} |")
    print("\n| SIGKILL under load | acknowledged | lost |\n|---|---:|---:|")
    acknowledged, lost = _killed(models, f"sqlite:///{folder}/killed.db")
    print(f"| SQLite | {acknowledged} | {lost} |")


@contextlib.contextmanager
def _echo() -> Iterator[int]:
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", ECHO, str(port)])
    try:
        wait_for(port)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _killed(models: Path, database: str) -> tuple[int, int]:
    """Kill the service under load; return how many diagnoses were acknowledged and how many of them are not there."""
    from diagnosis.store import Store

    acknowledged: list[str] = []

    def ask(thread: int) -> None:
        connection = connect(port)
        for body in bodies(f"K{thread}-"):
            try:
                acknowledged.append(json.loads(post(connection, key, body))["id"])
            except (OSError, http.client.HTTPException):
                return

    with contextlib.ExitStack() as stack:
        port, key, _, pid = stack.enter_context(service(models, database))
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
        connection, times = connect(port), []
        for body in bodies(f"T{clients}-{client}-"):
            started = time.perf_counter()
            if started > until:
                break
            post(connection, key, body)
            times.append((time.perf_counter() - started) * 1000)
        return times

    with ThreadPoolExecutor(clients) as threads:
        times = [one for each in threads.map(ask, range(clients)) for one in each]
    return len(times) / seconds, times


def _latencies(port: int, key: str, asked: list[bytes]) -> list[float]:
    connection, times = connect(port), []
    for body in asked[:20] + asked:
        started = time.perf_counter()
        post(connection, key, body)
        times.append((time.perf_counter() - started) * 1000)
    return times[20:]


def _size(models: Path) -> int:
    releases = Releases(models)
    published = releases.published()
    if published is None:
        raise SystemExit(f"expected a published release in {models}; found none")
    return len(IncidentRecords.load(releases.path(published) / "history"))


if __name__ == "__main__":
    main()
