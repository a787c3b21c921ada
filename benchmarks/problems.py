"""The forecast of problems beside plain rates, at cuts inside `bank-incidents`.

    python -m benchmarks.problems [--horizon 30]
    python -m benchmarks.problems --sample     # planted faults found, and calls without an item, on data/sample
    python -m benchmarks.problems --cuts       # three histories at earlier and later cuts, and their rising faults
    python -m benchmarks.problems --closings   # do some ways to close an incident prevent the next one
    python -m benchmarks.problems --trends     # how often faults without a trend are called rising, and doublings found
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
from diagnosis.problems.facts import trend_of
from diagnosis.problems.index import ProblemIndex
from diagnosis.problems.prevention import effect_of_resolutions
from diagnosis.recurrence import Signature
from diagnosis.recurrence.verdict import episodes
from diagnosis.text import language
from diagnosis.times import days_of
from training.records import load_incidents

SAMPLE = Path(__file__).parents[1] / "data" / "sample"
SIGNATURE = Signature(("cmdb_ci", "category"))

CUTS = ("2013-11-16", "2013-12-01", "2013-12-16")
FAULTS = {"bank-incidents": ["cmdb_ci", "subcategory"], "servicenow-incidents": ["location", "subcategory"]}
EARLIER = {
    "bank-incidents": [("2013-10-22", 14), ("2013-10-26", 14), ("2013-10-29", 14), ("2013-11-02", 14)],
    "servicenow-incidents": [("2016-03-21", 9), ("2016-03-25", 7), ("2016-03-28", 7)],
    "sample": [
        (cut, 90) for cut in ("2025-10-15", "2025-12-01", "2026-01-15", "2026-03-01", "2026-04-15", "2026-05-01")
    ],
}
LATER = {
    "bank-incidents": [(cut, 30) for cut in CUTS],
    "servicenow-incidents": [("2016-04-05", 9)],
    "sample": [("2026-08-01", 90), ("2026-09-01", 60), ("2026-10-01", 30)],
}


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


def told_twice() -> None:
    """Print how many faults were joined across languages, and whether their two parts were closed with one article."""
    planted = json.loads((SAMPLE / "planted.json").read_text(encoding="utf-8"))
    report = find_problems(sample(), SIGNATURE, as_of=pd.Timestamp(planted["exported_at"]), texts=True)
    articles = pd.read_csv(SAMPLE / "knowledge.csv", dtype=str, keep_default_na=False)
    family = {number: of or number for number, of in zip(articles["number"], articles["translation_of"], strict=True)}
    frame, outcomes = sample().set_index("number"), Counter()
    for problem in report.problems:
        part = frame.loc[list(problem.numbers)]
        is_chinese = (part["short_description"] + "\n" + part["description"]).map(language).to_numpy() == "zh"
        if problem.joined_by != "text" or min(is_chinese.sum(), (~is_chinese).sum()) < 2:
            continue
        used = part["knowledge"].to_numpy()
        of_parts = [Counter(family[n] for n in used[rows] if n in family) for rows in (is_chinese, ~is_chinese)]
        names = {counts.most_common(1)[0][0] for counts in of_parts if counts}
        outcomes["no article" if not all(of_parts) else "one article" if len(names) == 1 else "two articles"] += 1
    asked = sum(bool(problem.may_be_one_with) for problem in report.problems)
    said = ", ".join(f"{name} {count}" for name, count in outcomes.most_common())
    print(f"\nTold in two languages: {outcomes.total()} problems; closed in both with {said}")
    print(f"May be one with another: {asked} of {len(report.problems):,}")


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


def three_histories() -> None:
    """Print how the forecast does at cuts by which it was chosen, and at later ones that nothing was chosen by."""
    print(
        "| history | cut | days | faults | deviance over best | error over best | 80 % interval holds | rising "
        "| expected | happened | inside |"
    )
    print("|:--|:--|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    for name, (times, faults) in _histories().items():
        for cut, days in [*EARLIER[name], *LATER[name]]:
            _print_cut(name, times, faults, cut, days)


def _histories() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    found = {}
    for name, fields in FAULTS.items():
        frame = pd.read_csv(shared(name) / "incidents.csv", dtype=str, keep_default_na=False)
        found[name] = (
            days_of(pd.to_datetime(frame["opened_at"], utc=True)),
            pd.factorize(frame[fields].agg(" ".join, axis=1))[0],
        )
    frame = sample()
    report = find_problems(frame, SIGNATURE, as_of=frame["opened_at"].max(), texts=True, fewest=1)
    opened = frame.set_index("number")["opened_at"].loc[list(report.numbers)]
    has_fault = report.joining.codes >= 0
    return found | {"sample": (days_of(opened)[has_fault], report.joining.codes[has_fault])}


def _print_cut(name: str, times: np.ndarray, faults: np.ndarray, cut: str, days: int) -> None:
    ages = float(days_of(pd.Series([pd.Timestamp(cut, tz="UTC")]))[0]) - times
    past, later = ages > 0, (ages <= 0) & (ages > -days)
    codes, known = pd.factorize(faults[past])
    place = pd.Index(known).get_indexer(faults[later])
    y = np.bincount(place[place >= 0], minlength=len(known))
    ours, counts = FaultForecast.fit(ages[past], codes, days), np.bincount(codes)
    recent = np.bincount(codes[ages[past] <= 30], minlength=len(known)) * days / 30 + 0.05
    plain = [counts / ages.max() * days, recent]
    over_best = [
        measure(ours.expected) / min(measure(rate) for rate in plain)
        for measure in (lambda mean: deviance(y, mean), lambda mean: float(np.abs(y - mean).mean()))
    ]
    inside = (ours.lower <= y) & (y <= ours.upper)
    starts = [episodes(np.sort(-ages[past][codes == code])) for code in range(len(known))]
    load = np.sort(np.concatenate(starts))
    rising = np.array([trend_of(of_fault, -float(ages.max()), 0.0, load)[0] == "rising" for of_fault in starts])
    print(
        f"| {name} | {cut} | {days} | {len(known):,} | {over_best[0]:.2f} | {over_best[1]:.2f} | "
        f"{inside[counts >= 5].mean():.0%} | {rising.sum()} | {ours.expected[rising].sum():.1f} | {y[rising].sum()} | "
        f"{inside[rising].sum()} |"
    )


def closings(fewest: int = 100) -> None:
    """Print the close codes after which faults came back least in the first half, and how often in the second."""
    print("| history | close code | incidents | came back, first half | second half |\n|:--|:--|--:|--:|--:|")
    for name, fields in (
        ("bank-incidents", ["cmdb_ci", "subcategory"]),
        ("servicenow-incidents", ["location", "subcategory"]),
    ):
        frame = pd.read_csv(shared(name) / "incidents.csv", dtype=str, keep_default_na=False)
        frame = frame[frame["close_code"] != ""].sort_values("opened_at", kind="stable").reset_index(drop=True)
        opened = days_of(pd.to_datetime(frame["opened_at"], utc=True))
        codes = frame["close_code"].to_numpy()
        middle, ratios = float(np.median(opened)), {}
        for code, count in Counter(codes).items():
            if count >= fewest:
                ratios[code] = (
                    count,
                    *(
                        _came_back(frame, fields, opened, codes == code, half)
                        for half in (opened < middle, opened >= middle)
                    ),
                )
        for code, (count, first, second) in sorted(ratios.items(), key=lambda entry: entry[1][1])[:3]:
            print(f"| {name} | {code} | {count:,} | {first:.2f} | {second:.2f} |")


def _came_back(
    frame: pd.DataFrame, fields: list[str], opened: np.ndarray, is_fix: np.ndarray, half: np.ndarray
) -> float:
    """Return how often the same faults came back after one close code, over how often after the others."""
    rows = np.flatnonzero(half)
    faults = frame.iloc[rows].groupby(fields).indices.values()
    effect = effect_of_resolutions(opened[rows], list(faults), is_fix[rows], ~is_fix[rows], float(opened[rows].max()))
    return float("nan") if effect is None else effect.happened / effect.expected


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


def trends(n: int = 2_000, days: float = 365.0) -> None:
    """Print how often simulated faults of a year are called rising or falling: without a trend, and doubled lately."""
    print("| incidents a month | no trend | in bursts of 2 | in bursts of 5 | doubled for 90 days | doubled for 30 |")
    print("|--:|--:|--:|--:|--:|--:|")
    faults = ({}, {"burst": 1.0}, {"burst": 4.0}, {"factor": 2.0, "lately": 90.0}, {"factor": 2.0, "lately": 30.0})
    for rate in (0.02, 0.05, 0.1, 0.2, 0.5):
        shares = []
        for fault in faults:
            draw = np.random.default_rng(0)
            said = Counter(trend_of(_simulated(draw, rate, days, **fault), 0.0, days)[0] for _ in range(n))
            shares.append(1 - said["steady"] / n if "factor" not in fault else said["rising"] / n)
        print(f"| {30 * rate:g} | " + " | ".join(f"{share:.1%}" for share in shares) + " |")


def _simulated(
    draw: np.random.Generator, rate: float, days: float, factor: float = 1.0, lately: float = 0.0, burst: float = 0.0
) -> np.ndarray:
    """Return when episodes began; each incident is followed by ``burst`` others within five days."""
    more = draw.uniform(days - lately, days, draw.poisson(rate * (factor - 1) * lately))
    times = np.concatenate([draw.uniform(0, days, draw.poisson(rate * days)), more])
    followers = np.repeat(times, draw.poisson(burst, len(times)))
    times = np.sort(np.concatenate([times, followers + draw.uniform(0, 5, len(followers))]))
    return episodes(times[times < days])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--horizon", type=int, default=30, help="days")
    parser.add_argument("--sample", action="store_true", help="what is planted in data/sample")
    parser.add_argument("--cuts", action="store_true", help="three histories at earlier and later cuts")
    parser.add_argument("--closings", action="store_true", help="what ways to close an incident prevented")
    parser.add_argument("--trends", action="store_true", help="how often a trend is said and found")
    parser.add_argument("--scale", type=int, default=0, metavar="N", help="time and memory for so many incidents")
    args = parser.parse_args()
    if args.scale:
        scale(args.scale)
    elif args.cuts:
        three_histories()
    elif args.closings:
        closings()
    elif args.trends:
        trends()
    elif args.sample:
        planted_faults()
        told_twice()
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
