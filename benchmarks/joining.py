"""What stored incidents cost a service that takes them into its history: processor time by part, and memory.

    python -m benchmarks.joining --incidents 20000

So long takes a start, and a release that is published, beside as many stored incidents; they are the sample's under
numbers of their own. Memory is the process's own (anonymous), before and after what was freed is given back.
"""

from __future__ import annotations

import argparse
import gc
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pandas as pd

from benchmarks.large_release import large_release
from benchmarks.serving import ROOT, memory
from diagnosis.diagnoser import Diagnoser
from diagnosis.incident import IncidentBatch
from diagnosis.memory import give_freed_memory_back
from diagnosis.redact import ALL_KINDS

T = TypeVar("T")

_PAGE = 2_000  # incidents at a time, as the service takes them in
_REPORT = ["short_description", "description", "caller", "cmdb_ci", "category", "service"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--incidents", type=int, default=20_000, help="how many join (default: 20000)")
    parser.add_argument("--models", type=Path, help="folder of releases; one of 10,000 is made if not given")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="faultwise-bench-") as folder:
        models = args.models or Path(folder) / "models"
        if not args.models:
            large_release(models, 10_000)
        diagnoser = Diagnoser.load(models)
        gc.collect()
        _measure(diagnoser, _rows(args.incidents))


def _measure(diagnoser: Diagnoser, rows: list[dict[str, str]]) -> None:
    parts, seconds, before = diagnoser.parts, dict[str, float](), _own()

    def timed(name: str, work: Callable[[], T]) -> T:
        began = time.process_time()
        result = work()
        seconds[name] = seconds.get(name, 0.0) + time.process_time() - began
        return result

    for start in range(0, len(rows), _PAGE):
        incidents = IncidentBatch.from_rows(rows[start : start + _PAGE])
        batch = timed("mask, clean, encode", lambda new=incidents: diagnoser.prepare(new, masked=ALL_KINDS))
        added = timed("search and history", lambda new=batch: parts.index_incidents(new))
        timed("recurrence", lambda new=batch, of=added: parts.count_incidents(new, of))
        timed("service levels", lambda new=batch, of=added: parts.time_incidents(new, of))
        del incidents, batch
    after = _own()
    give_freed_memory_back()
    print(f"| {len(rows):,} incidents join {len(parts.history) - len(rows):,} | ms each |\n|---|---:|")
    for name, total in seconds.items():
        print(f"| {name} | {1e3 * total / len(rows):.3f} |")
    print(f"| all | {1e3 * sum(seconds.values()) / len(rows):.3f} |")
    print(f"\nmemory: {after - before:.0f} MB more, {_own() - before:.0f} once what was freed is given back")


def _own() -> float:
    return memory(os.getpid(), "RssAnon")


def _rows(count: int) -> list[dict[str, str]]:
    sample = pd.read_csv(ROOT / "data" / "sample" / "incidents.csv", dtype=str, keep_default_na=False)
    reports = sample[_REPORT].to_dict("records")
    return [
        {
            "number": f"JOINS{i}",
            "opened_at": "2026-11-01T09:00:00Z",
            **{str(name): str(value) for name, value in reports[i % len(reports)].items()},
        }
        for i in range(count)
    ]


if __name__ == "__main__":
    main()
