"""The forecast of problems beside plain rates, at cuts inside `bank-incidents`.

    python -m benchmarks.problems [--horizon 30]
    python -m benchmarks.problems --sample     # planted faults found, and calls without an item, on data/sample
    python -m benchmarks.problems --scale 100000

Each cut learns from what was logged before it and forecasts every fault (configuration item and subcategory) known by
then. Deviance is the mean Poisson deviance, error the mean absolute one; the interval's share is of faults with five or
more incidents before the cut. After the later cuts comes Christmas.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import betaincinv, xlogy

from benchmarks.data import shared
from diagnosis.incident import IncidentBatch
from diagnosis.problems import FaultForecast, find_problems
from diagnosis.problems.index import ProblemIndex
from diagnosis.recurrence import Signature
from training.records import load_incidents

SAMPLE = Path(__file__).parents[1] / "data" / "sample"
SIGNATURE = Signature(("cmdb_ci", "category"))

CUTS = ("2013-11-16", "2013-12-01", "2013-12-16")


def deviance(y: np.ndarray, mean: np.ndarray) -> float:
    return float(np.mean(2 * (xlogy(y, np.where(y > 0, y / mean, 1)) - (y - mean))))


def sample() -> pd.DataFrame:
    return load_incidents([SAMPLE / "incidents.csv"]).frame


def planted_faults() -> None:
    planted = json.loads((SAMPLE / "planted.json").read_text(encoding="utf-8"))
    report = find_problems(sample(), SIGNATURE, as_of=pd.Timestamp(planted["exported_at"]), texts=True)
    order, problems = [p.id for p in report.problems], {p.id: p for p in report.problems}
    print(f"\n{len(order):,} problems\n")
    print("| planted | incidents | in one problem | rank | planted trend | trend | workarounds planted | read |")
    print("|:--|--:|--:|--:|:--|:--|--:|--:|")
    for fault in planted["chronic"]:
        ((name, count),) = Counter(map(report.problem_of.get, fault["numbers"])).most_common(1)
        found = problems[name]
        print(
            f"| {fault['fault']} {fault['cmdb_ci']} | {fault['incidents']} | {count} | {order.index(name) + 1} | "
            f"{fault['trend']} | {found.trend} | {fault['workarounds'] / fault['incidents']:.0%} | "
            f"{found.workaround_share:.0%} |"
        )


def calls_without_an_item(cut: str = "2026-07-01", days: int = 30) -> None:
    frame, moment = sample(), pd.Timestamp(cut, tz="UTC")
    end = frame["opened_at"].max()
    index = ProblemIndex(find_problems(frame, SIGNATURE, as_of=moment, texts=True))
    whole = find_problems(frame, SIGNATURE, as_of=end, texts=True, fewest=1)
    opened = frame.set_index("number")["opened_at"]
    times = {p.id: np.sort(opened[list(p.numbers)].to_numpy(dtype="datetime64[us]")) for p in whole.problems}
    is_later = (frame["opened_at"] > moment) & (frame["opened_at"] <= end - pd.Timedelta(days=days))
    later = frame[is_later & (frame["type"] == "incident") & (frame["cmdb_ci"] == "")]
    chances, came_back = [], []
    matches = index.match(IncidentBatch.from_frame(later.reset_index(drop=True)))
    for match, number in zip(matches, later["number"], strict=True):
        if match is None or match.fault.risk is None:
            continue
        chances.append(next(h.probability for h in match.fault.risk.horizons if h.days == days))
        start = np.datetime64(opened[number].tz_localize(None))
        of_problem = times[whole.problem_of[number]]
        came_back.append(((of_problem > start) & (of_problem <= start + np.timedelta64(days, "D"))).any())
    n, k = len(chances), int(sum(came_back))
    low, high = betaincinv([max(k, 0.5), k + 1], [n - k + 1, max(n - k, 0.5)], [0.025, 0.975])
    print(
        f"\nCalls without an item after {cut}: {n} of {len(later)} belong to a problem; told {np.mean(chances):.0%} "
        f"within {days} days, {k / n:.0%} came back ({low:.0%} to {high:.0%})"
    )


def scale(n: int) -> None:
    draw, frame = np.random.default_rng(0), sample()
    frame = frame[frame["type"] == "incident"]
    frame = frame.iloc[draw.integers(0, len(frame), n)].reset_index(drop=True)
    opened = pd.Timestamp("2025-01-01", tz="UTC") + pd.to_timedelta(np.sort(draw.uniform(0, 500, n)), unit="D")
    items = [f"ci-{item}" for item in np.minimum(draw.zipf(1.25, n), 40_000)]
    frame = frame.assign(
        number=[f"N{row}" for row in range(n)],
        cmdb_ci=np.where(draw.random(n) < 0.2, "", items),
        opened_at=opened,
        resolved_at=opened + pd.to_timedelta(draw.exponential(6, n), unit="h"),
    )
    began = time.monotonic()
    report = find_problems(frame, SIGNATURE, as_of=opened.max(), texts=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    seconds = time.monotonic() - began
    print(f"{n:,} incidents, {len(report.problems):,} problems: {seconds:.0f} s, {peak:.1f} GiB at most")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--horizon", type=int, default=30, help="days")
    parser.add_argument("--sample", action="store_true", help="what is planted in data/sample")
    parser.add_argument("--scale", type=int, default=0, metavar="N", help="time and memory for so many incidents")
    args = parser.parse_args()
    if args.scale:
        scale(args.scale)
    elif args.sample:
        planted_faults()
        calls_without_an_item()
    else:
        bank(args.horizon)


def bank(horizon: int) -> None:
    frame = pd.read_csv(shared("bank-incidents") / "incidents.csv", dtype=str, keep_default_na=False)
    keys = (frame["cmdb_ci"] + " " + frame["subcategory"]).to_numpy()
    print("| cut | faults | forecast | deviance | error | 80 % interval holds |\n|:--|--:|:--|--:|--:|--:|")
    for cut in CUTS:
        ages = (pd.Timestamp(cut) - pd.to_datetime(frame["opened_at"])).to_numpy() / np.timedelta64(1, "D")
        past, later = ages > 0, (ages <= 0) & (ages > -horizon)
        codes, names = pd.factorize(keys[past])
        counts = np.bincount(codes)
        place = pd.Index(names).get_indexer(keys[later])
        y = np.bincount(place[place >= 0], minlength=len(names))
        ours = FaultForecast.fit(ages[past], codes, horizon)
        recent = np.bincount(codes[ages[past] <= 30], minlength=len(names)) * horizon / 30
        often = counts >= 5
        held = ((ours.lower <= y) & (y <= ours.upper))[often].mean()
        rows = {
            "ours": (ours.expected, f"{held:.0%}"),
            "rate of the whole history": (counts / ages.max() * horizon, ""),
            "rate of the last 30 days": (recent + 0.05, ""),
        }
        for name, (mean, share) in rows.items():
            error = np.abs(y - mean).mean()
            print(f"| {cut} | {len(names):,} | {name} | {deviance(y, mean):.2f} | {error:.2f} | {share} |")


if __name__ == "__main__":
    main()
