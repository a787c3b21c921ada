"""Vectors in each process beside vectors in pgvector: latency, start, memory, and whether the answers are the same.

python -m benchmarks.shared_vectors
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from itertools import islice
from pathlib import Path

from benchmarks.faults import postgresql
from benchmarks.large_release import large_release
from benchmarks.serving import bodies, connect, memory, percentile, post, service

_WARM = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--incidents", type=int, default=10_000, help="incidents in the index (default: 10000)")
    parser.add_argument("--requests", type=int, default=200, help="requests at one client (default: 200)")
    parser.add_argument("--models", type=Path, help="folder of releases; trained and grown if not given")
    args = parser.parse_args()
    print(
        "| vectors | p50 ms | p99 ms | ready s, first start | ready s, again | RSS MB |\n|---|---:|---:|---:|---:|---:|"
    )
    with tempfile.TemporaryDirectory(prefix="fw") as name:  # short, because the path of a socket is
        models = args.models or Path(name) / "models"
        if not args.models:
            large_release(models, args.incidents)
        told = []
        for vectors in ("process", "pgvector"):
            with postgresql(Path(name) / vectors) as server:  # one each: what is asked of one is remembered there
                told.append(_row(models, server.get_uri(), vectors, args.requests))
    same = sum(a == b for a, b in zip(*told, strict=True))
    print(f"\n{same} of {len(told[0])} answers name the same resolved incidents and fixes in the same order.")


def _row(models: Path, database: str, vectors: str, requests: int) -> list[tuple[list[str], list[str]]]:
    """Print what one way costs; return the incidents and the suggestions of each answer."""
    with service(models, database, vectors=vectors) as (_, _, first, _):
        pass
    with service(models, database, vectors=vectors) as (port, key, again, pid):
        connection, times, told = connect(port), [], []
        for body in islice(bodies(), requests + _WARM):
            began = time.perf_counter()
            answer = json.loads(post(connection, key, body))
            times.append(1000 * (time.perf_counter() - began))
            told.append(
                (
                    [one["number"] for one in answer["similar_incidents"] if one["resolution"]],
                    [one["id"] for one in answer["suggestions"]],
                )
            )
        used = memory(pid, "VmRSS")
    p50, p99 = (percentile(times[_WARM:], share) for share in (50, 99))
    print(f"| {vectors} | {p50:.1f} | {p99:.1f} | {first:.1f} | {again:.1f} | {used:.0f} |", flush=True)
    return told


if __name__ == "__main__":
    main()
