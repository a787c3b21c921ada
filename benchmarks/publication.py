"""What clients see while a release is published over HTTP: diagnoses alone and beside it, and the service's memory.

    python -m benchmarks.publication --models MODELS

Two clients go on diagnosing while the gate compares two releases and the new one takes in what is stored. ``--models``
holds two releases trained with evaluation, one of them published, as `benchmarks.soak` makes them.
"""

from __future__ import annotations

import argparse
import http.client
import json
import tempfile
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.serving import ROOT, memory, percentile, service
from benchmarks.soak import trained
from diagnosis.releases import Releases

_REPORT = ["short_description", "description", "caller", "cmdb_ci", "category", "service"]
_SETTLE = 20.0  # s after incidents were stored
_WARM, _ALONE, _CLIENTS, _PAUSE = 30, 200, 2, 0.05


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, help="folder with two releases; trained from the sample unless given")
    parser.add_argument("--stored", type=int, default=5_000, help="incidents stored before (default: 5000)")
    parser.add_argument("--publications", type=int, default=2, help="how many, one after another (default: 2)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="faultwise-bench-") as name:
        folder = Path(name)
        models = args.models or trained(folder / "models")
        with service(models, f"sqlite:///{folder / 'faultwise.db'}") as (port, key, _, pid):
            Publishing(models, port, key, pid).run(args.stored, args.publications)


class Publishing:
    """One service, and its clients."""

    def __init__(self, models: Path, port: int, key: str, pid: int) -> None:
        self.releases, self.port, self.pid = Releases(models), port, pid
        self.headers = {"Content-Type": "application/json", "X-API-Key": key}
        sample = pd.read_csv(ROOT / "data" / "sample" / "incidents.csv", dtype=str, keep_default_na=False)
        self.reports = sample[_REPORT].to_dict("records")

    def run(self, stored: int, publications: int) -> None:
        """Store, ask, publish while others ask, and print what was seen."""
        connection = self._connection()
        for start in range(0, stored, 1000):
            self._ask(connection, "/v1/incidents", [self._incident("STORED", start + i) for i in range(1000)])
        time.sleep(_SETTLE)
        self._diagnosed(connection, "WARM", range(_WARM))
        print("| diagnoses | n | p50 ms | p99 ms | slowest | publication s | own memory then, MB | at most, in all |")
        print("|---|---:|---:|---:|---:|---:|---:|---:|")
        self._print("alone", self._diagnosed(connection, "ALONE", range(_ALONE)), None)
        for turn in range(publications):
            other = next(s.release for s in self.releases.summaries() if s.release != self.releases.published())
            times, seconds = self._beside(f"BESIDE{turn}", f"/v1/releases/{other}/publish?force=benchmark")
            self._print("beside a publication", times, seconds)

    def _beside(self, name: str, publication: str) -> tuple[list[float], float]:
        over, times = threading.Event(), list[float]()

        def go_on(client: int) -> None:
            connection, count = self._connection(), 0
            while not over.wait(_PAUSE):
                count += 1
                times.extend(self._diagnosed(connection, f"{name}-{client}-", [count]))

        threads = [threading.Thread(target=go_on, args=(client,)) for client in range(_CLIENTS)]
        for thread in threads:
            thread.start()
        began = time.perf_counter()
        self._ask(self._connection(), publication, None)
        seconds = time.perf_counter() - began
        over.set()
        for thread in threads:
            thread.join()
        return times, seconds

    def _diagnosed(self, connection: http.client.HTTPConnection, name: str, places: Iterable[int]) -> list[float]:
        times = []
        for place in places:
            began = time.perf_counter()
            self._ask(connection, "/v1/diagnoses", self._incident(name, place))
            times.append(1000 * (time.perf_counter() - began))
        return times

    def _incident(self, name: str, place: int) -> dict[str, Any]:
        return {"number": f"{name}{place}", **self.reports[place % len(self.reports)]}

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=900)

    def _ask(self, connection: http.client.HTTPConnection, path: str, body: object) -> None:
        connection.request("POST", path, None if body is None else json.dumps(body), self.headers)
        answer = connection.getresponse()
        read = answer.read()
        if answer.status >= 400:
            raise SystemExit(f"expected an answer of {path}; found {answer.status}: {read[:300]!r}")

    def _print(self, what: str, times: Sequence[float], seconds: float | None) -> None:
        p50, p99 = (percentile(list(times), share) for share in (50, 99))
        took = "" if seconds is None else f"{seconds:.0f}"
        sizes = f"{memory(self.pid, 'RssAnon'):.0f} | {memory(self.pid, 'VmHWM'):.0f}"
        print(f"| {what} | {len(times)} | {p50:.0f} | {p99:.0f} | {max(times):.0f} | {took} | {sizes} |", flush=True)


if __name__ == "__main__":
    main()
