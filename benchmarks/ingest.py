"""How fast and in how much memory a large CSV is read: `training.records` in chunks against `pandas.read_csv` at once.

    python -m benchmarks.ingest --rows 1000000

Each reading runs in a process of its own, so that its peak memory is its own; the first row of the table reads ten rows
and is what Python and the libraries need by themselves.
"""

from __future__ import annotations

import argparse
import csv
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FIELDS = (
    "number",
    "opened_at",
    "short_description",
    "description",
    "caller",
    "category",
    "assignment_group",
    "priority",
)
WORDS = tuple("打印机 无法 登录 网络 中断 重置 密码 printer jam outlook vpn gateway timeout error 0x80070005".split())  # noqa: SIM905


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--read", choices=READERS, help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.read:
        _measure(args.read, args.file)
        return
    with tempfile.TemporaryDirectory() as folder:
        few, many = Path(folder) / "few.csv", Path(folder) / "many.csv"
        write(few, 10)
        write(many, args.rows)
        print(f"{args.rows:,} rows, {many.stat().st_size / 2**20:.0f} MiB\n")
        print("| reading | rows | seconds | peak memory, MiB | above the bare process, as a share of the file |")
        print("|---|---:|---:|---:|---:|")
        bare = {name: run(name, few) for name in READERS}
        for name in READERS:
            rows, seconds, peak = run(name, many)
            share = (peak - bare[name][2]) / (many.stat().st_size / 2**20)
            print(f"| {name}, bare | {bare[name][0]:,} | {bare[name][1]:.1f} | {bare[name][2]:.0f} | |")
            print(f"| {name} | {rows:,} | {seconds:.1f} | {peak:.0f} | {share:.2f} |")


def write(path: Path, rows: int, seed: int = 7) -> None:
    """Write an invented export of so many rows."""
    rng = random.Random(seed)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(FIELDS)
        for i in range(rows):
            title = " ".join(rng.choices(WORDS, k=6))
            text = " ".join(rng.choices(WORDS, k=40))
            day = f"2026-{i % 12 + 1:02d}-{i % 28 + 1:02d} 08:15:00"
            writer.writerow([f"INC{i:07d}", day, title, text, f"user{i % 997}", f"c{i % 17}", f"g{i % 31}", i % 4 + 1])


def run(reader: str, path: Path) -> tuple[int, float, float]:
    command = [sys.executable, "-m", "benchmarks.ingest", "--read", reader, "--file", str(path)]
    rows, seconds, peak = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return int(rows), float(seconds), float(peak)


def _measure(reader: str, path: Path) -> None:
    begun = time.perf_counter()
    rows = READERS[reader](path)
    seconds = time.perf_counter() - begun
    print(rows, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def _in_chunks(path: Path) -> int:
    from training.records import read_incidents

    return sum(len(chunk) for chunk in read_incidents(path))


def _at_once(path: Path) -> int:
    import pandas as pd

    return len(pd.read_csv(path, dtype="str"))


def _as_objects(path: Path) -> int:
    with path.open(encoding="utf-8", newline="") as file:
        return len(list(csv.DictReader(file)))


READERS = {"faultwise": _in_chunks, "pandas": _at_once, "csv": _as_objects}

if __name__ == "__main__":
    main()
