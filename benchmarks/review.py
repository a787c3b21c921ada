"""The quarter's review of real histories: ``python -m benchmarks.review``; ``--records N`` for time and memory.

The first prints the key figures that a history's columns allow, each with its interval, records and verdict, and the
same of the quarter before where there is one. The second makes a history of so many records, writes it as CSV and has
the command line review it in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from benchmarks.data import shared
from diagnosis.review import Words

HISTORIES = {"bank-incidents": ("Europe/Amsterdam", "2013Q4"), "servicenow-incidents": ("Europe/Lisbon", "2016Q2")}
MONTHS, ITEMS, TEAMS = 21, 20_000, 40  # of the history that is made


def review(path: Path, *options: str) -> dict[str, object]:
    """Return what `faultwise review` answers of a file."""
    command = [sys.executable, "-m", "training.review", "--incidents", str(path), "--quiet", "--json", *options]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    content: dict[str, object] = json.loads(output)
    return content


def histories() -> None:
    """Print the key figures of the histories that are at hand."""
    words = Words("en")
    print("| history | quarter | key figure | value | 95 % interval | n | verdict | quarter before | since then |")
    print("|---|---|---|---:|---:|---:|---|---:|---|")
    for name, (zone, quarter) in HISTORIES.items():
        content = review(shared(name) / "incidents.csv", "--zone", zone, "--quarter", quarter)
        for measure in content["measures"]:  # type: ignore[attr-defined]
            if measure["value"] is None:
                continue
            before, unit = measure["compared"], measure["unit"]
            cells = [
                words("measure", measure["name"]),
                words.value(unit, measure["value"]),
                words.interval(unit, measure["interval"]),
                f"{measure['n']:,}",
                words("verdict", measure["verdict"]),
                "" if before is None else words.value(unit, before["value"]),
                "" if before is None else words("changed", before["changed"]),
            ]
            print(f"| {name} | {quarter} | {' | '.join(cells)} |")


def scale(n: int) -> None:
    """Print how long so many records take, and how much memory."""
    draw = np.random.default_rng(0)
    opened = pd.Timestamp("2025-01-01", tz="UTC") + pd.to_timedelta(
        np.sort(draw.uniform(0, MONTHS * 30.4, n)), unit="D"
    )
    team = draw.integers(0, TEAMS, n)
    frame = pd.DataFrame(
        {
            "number": [f"N{row}" for row in range(n)],
            "type": draw.choice(["incident", "request", "complaint"], n, p=[0.8, 0.15, 0.05]),
            "opened_at": opened,
            "responded_at": opened + pd.to_timedelta(draw.exponential(2, n), unit="h"),
            "resolved_at": opened + pd.to_timedelta(draw.exponential(8, n), unit="h"),
            "closed_at": opened + pd.to_timedelta(draw.exponential(48, n), unit="h"),
            "priority": draw.integers(1, 5, n),
            "cmdb_ci": [f"ci-{item}" for item in np.minimum(draw.zipf(1.25, n), ITEMS)],
            "category": draw.choice(["Network", "Server", "Software", "Hardware"], n),
            "service": [f"Service {place}" for place in draw.integers(0, 200, n)],
            "assignment_group": [f"Team {place}" for place in team],
            "channel": draw.choice(["phone", "mail", "web", "chat"], n),
            "satisfaction": np.where(draw.random(n) < 0.3, draw.integers(1, 6, n).astype(str), ""),
            "caller": [f"caller-{place}" for place in draw.integers(0, 50_000, n)],
            "short_description": "cannot print",
        }
    )
    with TemporaryDirectory() as folder:
        path = Path(folder) / "incidents.csv"
        frame.to_csv(path, index=False, date_format="%Y-%m-%dT%H:%M:%SZ")
        del frame
        began = time.monotonic()
        content = review(path, "--quarter", "2026Q2")
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
    counted = max(measure["n"] for measure in content["measures"])  # type: ignore[attr-defined]
    seconds, gigabytes = time.monotonic() - began, children.ru_maxrss / 2**20
    processor = children.ru_utime + children.ru_stime
    took = f"{processor:.0f} s of processor time, {seconds:.0f} s, {gigabytes:.1f} GiB at most"
    print(f"{n:,} records, {counted:,} of the quarter: {took}")


def main() -> None:
    """Print one of the two."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=0, metavar="N", help="time and memory for so many records")
    options = parser.parse_args()
    if options.records:
        scale(options.records)
    else:
        histories()


if __name__ == "__main__":
    main()
