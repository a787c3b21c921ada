"""Surges on simulated half-years, beside what people use instead: ``python -m benchmarks.surges``.

Arrivals have a rhythm of hour and weekday; in half of the histories five surges of 15 incidents within an hour are
planted on one of six services. Each other method is set to one false alarm a month on histories of other seeds (ours is
not tuned, and once more set in the same way), and looks at the count of each service in the latest hour, after each
incident. So that Prophet is affordable it forecasts the hours of the whole desk, fitted anew every week on the eight
weeks before, and each service has its share of them in those weeks; the simulated services share one rhythm, which this
suits.

Then the same on the sample history, whose outages are planted, and on real ones where they are at hand, each method
with the threshold that it had. All of it is one run of some ten minutes; ``--pages FOLDER`` writes ours as pages to
look at.
"""

from __future__ import annotations

import argparse
import itertools
import json
import logging
import math
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats
from tqdm import tqdm

from benchmarks.data import shared
from benchmarks.surge_histories import half_year
from diagnosis.surges import Arrival, SurgeDetector
from diagnosis.surges.replay import arrivals_of, replay_surges
from training.records import load_incidents
from training.reports.surges_page import surges_page

DAY, HOUR = 86_400.0, 3_600.0
WEEK, LEARNED = 168, 1344  # hours between two fits of Prophet, and hours that it is fitted on
SAMPLE = Path(__file__).parents[1] / "data" / "sample"
Alarm = tuple[float, set[str]]
Method = Callable[[list[Arrival], float], list[Alarm]]


def faultwise(arrivals: list[Arrival], _threshold: float) -> list[Alarm]:
    """Return what our detector announces; its promise is its only parameter."""
    detector = SurgeDetector()
    surges = [surge for arrival in arrivals for surge in detector.add(arrival)]
    return [(surge.at, set(surge.numbers)) for surge in surges]


def faultwise_set(arrivals: list[Arrival], threshold: float) -> list[Alarm]:
    """Return what our detector announces at the promise that gave one false alarm a month, as the others are set."""
    detector = SurgeDetector(min(999.0, 1000.0 / max(threshold, 1.0)))
    surges = [surge for arrival in arrivals for surge in detector.add(arrival)]
    return [(surge.at, set(surge.numbers)) for surge in surges]


def by_hour(score: Callable[[float, float, dict[str, float]], float]) -> Method:
    """Return a method that holds a service's count in the latest hour against what is usual at this hour."""

    def alarms(arrivals: list[Arrival], threshold: float) -> list[Alarm]:
        usual: dict[tuple[str, int], float] = {}
        recent: dict[str, deque[Arrival]] = {}
        state: dict[str, dict[str, float]] = {}
        quiet_until: dict[str, float] = {}
        raised: list[Alarm] = []
        start = arrivals[0].at
        for arrival in arrivals:
            service = arrival.fields["service"]
            hour = int((arrival.at - start) // HOUR)
            weeks = max((arrival.at - start) / (7 * DAY), 1.0)
            queue = recent.setdefault(service, deque())
            queue.append(arrival)
            while queue[0].at <= arrival.at - HOUR:
                queue.popleft()
            mean = (usual.get((service, hour % 168), 0.0) + 0.05) / weeks
            value = score(len(queue), mean, state.setdefault(service, {}))
            if value > threshold and arrival.at - start > 14 * DAY and arrival.at > quiet_until.get(service, 0.0):
                raised.append((arrival.at, {member.number for member in queue}))
                quiet_until[service] = arrival.at + 3 * HOUR
                state[service].clear()
            usual[service, hour % 168] = usual.get((service, hour % 168), 0.0) + 1
        return raised

    return alarms


def poisson_score(count: float, mean: float, _state: dict[str, float]) -> float:
    """Return how rare a count is under a Poisson law, as minus the logarithm of its tail."""
    return -float(stats.poisson.logsf(count - 1, mean))


def ewma_score(count: float, mean: float, state: dict[str, float]) -> float:
    """Return the exponentially weighted mean of standardised counts (Roberts, 1959)."""
    residual = (count - mean) / math.sqrt(mean + 0.5)
    state["mean"] = 0.3 * residual + 0.7 * state.get("mean", 0.0)
    return state["mean"]


def cusum_score(count: float, mean: float, state: dict[str, float]) -> float:
    """Return the upper cumulative sum of standardised counts with an allowance of one half (Page, 1954)."""
    residual = (count - 1 - mean) / math.sqrt(mean + 0.5)  # the incident itself is why one looks
    state["sum"] = max(0.0, state.get("sum", 0.0) + residual - 0.5)
    return state["sum"]


def prophet(arrivals: list[Arrival], threshold: float) -> list[Alarm]:
    """Return where the latest hour lies above a forecast by Prophet (Taylor and Letham, 2018), in standard deviations.

    The standard deviation is that of the service's hours that the desk's forecast was fitted on, or Poisson's if that
    is larger.
    """
    start = arrivals[0].at - arrivals[0].at % HOUR
    forecasts = _forecasts_of(arrivals, start)
    recent: dict[str, deque[Arrival]] = {}
    quiet_until: dict[str, float] = {}
    raised: list[Alarm] = []
    for arrival in arrivals:
        service = arrival.fields["service"]
        queue = recent.setdefault(service, deque())
        queue.append(arrival)
        while queue[0].at <= arrival.at - HOUR:
            queue.popleft()
        place, part = divmod((arrival.at - start) / HOUR, 1.0)
        means, spread = forecasts[service]
        mean = part * means[int(place)] + (1 - part) * means[max(int(place) - 1, 0)]
        value = (len(queue) - mean) / max(spread[int(place)], math.sqrt(max(mean, 0.0)), 0.3)
        if value > threshold and arrival.at - start > 14 * DAY and arrival.at > quiet_until.get(service, 0.0):
            raised.append((arrival.at, {member.number for member in queue}))
            quiet_until[service] = arrival.at + 3 * HOUR
    return raised


Forecast = tuple[np.ndarray, np.ndarray]
_FORECASTS: dict[tuple[int, float, float], dict[str, Forecast]] = {}


def _forecasts_of(arrivals: list[Arrival], start: float) -> dict[str, Forecast]:
    """Return the forecast of each service's hours and their spread, made once for a history."""
    key = len(arrivals), arrivals[0].at, arrivals[-1].at
    if key not in _FORECASTS:
        hours = int((arrivals[-1].at - start) // HOUR) + 1
        counts: dict[str, np.ndarray] = {}
        for arrival in arrivals:
            series = counts.setdefault(arrival.fields["service"], np.zeros(hours))
            series[int((arrival.at - start) // HOUR)] += 1
        _FORECASTS[key] = _forecast(counts, start)
    return _FORECASTS[key]


def _forecast(counts: dict[str, np.ndarray], start: float) -> dict[str, Forecast]:
    """Return each service's share of a forecast of the desk."""
    total = np.sum(list(counts.values()), axis=0)
    moments = pd.to_datetime(start + HOUR * np.arange(len(total)), unit="s")
    forecasts = {service: (np.zeros(len(total)), np.ones(len(total))) for service in counts}
    for cut, until in itertools.pairwise([*range(2 * WEEK, len(total), WEEK), len(total)]):
        first = max(0, cut - LEARNED)
        forecast = _fitted(moments[first:until], total[first:cut])
        for service, (means, spread) in forecasts.items():
            share = counts[service][first:cut].sum() / max(total[first:cut].sum(), 1.0)
            means[cut:until] = share * forecast[cut - first :]
            spread[cut:until] = float(np.std(counts[service][first:cut] - share * forecast[: cut - first]))
    return forecasts


def _fitted(moments: pd.DatetimeIndex, counts: np.ndarray) -> np.ndarray:
    """Return what Prophet says of all these hours after it was fitted on the first of them, whose counts are known."""
    from prophet import Prophet

    logging.getLogger("cmdstanpy").disabled = True
    learned = pd.DataFrame({"ds": moments[: len(counts)], "y": counts})
    model = Prophet(yearly_seasonality=False, uncertainty_samples=0).fit(learned)
    return model.predict(pd.DataFrame({"ds": moments}))["yhat"].to_numpy()


METHODS: dict[str, Method] = {
    "Faultwise": faultwise,
    "Faultwise, set as the others": faultwise_set,
    "Poisson scan, one hour": by_hour(poisson_score),
    "EWMA": by_hour(ewma_score),
    "CUSUM": by_hour(cusum_score),
    "Prophet": prophet,
}


def tuned(method: Method, histories: list[list[Arrival]], rounds: int = 18) -> float:
    """Return the lowest threshold with at most one false alarm a month on quiet histories."""
    low, high = 0.0, 5000.0
    for _ in range(rounds):
        middle = (low + high) / 2
        alarms = sum(len(method(history, middle)) for history in histories)
        low, high = (middle, high) if alarms > 6 * len(histories) else (low, middle)
    return high


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--histories", type=int, default=10, metavar="N", help="half-years of each kind (default: 10)")
    parser.add_argument("--seed", type=int, default=7000, help="of the first half-year (default: 7000)")
    parser.add_argument("--real-only", action="store_true", help="ours alone, on the sample and on real histories")
    parser.add_argument("--without", nargs="*", default=[], metavar="METHOD", help="methods to leave out")
    parser.add_argument("--pages", type=Path, metavar="FOLDER", help="write what ours announces as pages to look at")
    options = parser.parse_args()
    methods = {name: method for name, method in METHODS.items() if name not in options.without}
    if options.real_only:
        real_histories({"Faultwise": faultwise}, {"Faultwise": 0.0}, options.pages)
        return
    quiet = [half_year(options.seed + place)[0] for place in range(options.histories)]
    planted = [half_year(options.seed + 1000 + place, planted=5) for place in range(options.histories)]
    tuning = [half_year(options.seed + 2000 + place)[0] for place in range(3)]
    thresholds: dict[str, float] = {}
    head = ("method", "false alarms a month", "found", "within 20 minutes", "median delay, minutes", "took, minutes")
    print(f"| {' | '.join(head)} |\n|---|{'---:|' * 5}", flush=True)
    for name, method in tqdm(methods.items(), unit="method"):
        began = time.process_time()
        thresholds[name] = 0.0 if name == "Faultwise" else tuned(method, tuning)
        false = [len(method(history, thresholds[name])) for history in quiet]
        rate, (low, high) = sum(false) / (6 * len(quiet)), poisson_interval(sum(false), 6 * len(quiet))
        alarms = [method(history[0], thresholds[name]) for history in planted]
        delays = [
            delay
            for of_history, history in zip(alarms, planted, strict=True)
            for delay in delays_of(of_history, *history[1:])
        ]
        total = 5 * len(planted)
        early = sum(delay <= 1200 for delay in delays)
        median = float(np.median(delays)) / 60 if delays else math.nan
        minutes = (time.process_time() - began) / 60
        cells = [
            f"{rate:.2f} ({low:.2f} to {high:.2f})",
            f"{len(delays)} of {total}",
            f"{early} of {total}",
            f"{median:.1f}",
            f"{minutes:.1f}",
        ]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
    real_histories(methods, thresholds, options.pages)
    began = time.process_time()
    faultwise(quiet[0], 0.0)
    seconds = time.process_time() - began
    print(
        f"\n{len(quiet[0]):,} incidents in {seconds:.1f} s of processor time: {len(quiet[0]) / seconds:,.0f} a second"
    )


def poisson_interval(count: int, months: float) -> tuple[float, float]:
    """Return the exact 95 % interval of a rate of so many in so many months (Garwood, 1936)."""
    low = float(stats.chi2.ppf(0.025, 2 * count)) / 2 if count else 0.0
    return low / months, float(stats.chi2.ppf(0.975, 2 * count + 2)) / 2 / months


def real_histories(methods: dict[str, Method], thresholds: dict[str, float], pages: Path | None) -> None:
    """Print how much each method announces on the sample and on real histories, and which planted outages it finds."""
    head = ("history", "method", "announcements a month", "of nothing planted", "planted found", "within 20 minutes")
    print(f"\n| {' | '.join(head)} |\n|---|---|{'---:|' * 4}", flush=True)
    paths = {"sample": SAMPLE / "incidents.csv"}
    for name in ("bank-incidents", "status-page"):
        path = shared(name) / "incidents.csv"
        if path.exists():
            paths[name] = path
    for history, path in paths.items():
        frame = load_incidents([path]).frame
        arrivals = arrivals_of(frame)
        months = max((arrivals[-1].at - arrivals[0].at) / DAY - 14, 1.0) / 30.44
        members, beginnings, of_any = planted_outages(history)
        for name, method in methods.items():
            alarms = method(arrivals, thresholds[name])
            cells = [f"{len(alarms) / months:.2f}", "", "", ""]
            if beginnings:
                delays = delays_of(alarms, members, beginnings)
                false = sum(not numbers & of_any for _, numbers in alarms)
                early = sum(delay <= 1200 for delay in delays)
                cells[1:] = [
                    f"{false} of {len(alarms)}",
                    f"{len(delays)} of {len(beginnings)}",
                    f"{early} of {len(beginnings)}",
                ]
            print(f"| {history} | {name} | {' | '.join(cells)} |", flush=True)
        if pages:
            pages.mkdir(parents=True, exist_ok=True)
            page = surges_page(replay_surges(frame), frame, "UTC", 1.0)
            (pages / f"{history}.html").write_text(page, encoding="utf-8")


def planted_outages(history: str) -> tuple[dict[str, int], list[float], set[str]]:
    """Return which outage each incident of the sample belongs to, when each began, and every incident of any outage.

    The first two are of outages after the first two weeks that have at least five incidents within an hour: only those
    can be told from chance by counts.
    """
    if history != "sample":
        return {}, [], set()
    content = json.loads((SAMPLE / "planted.json").read_text(encoding="utf-8"))
    first = min(pd.Timestamp(outage["begun_at"]) for outage in content["outages"]) + pd.Timedelta(days=14)
    outages = [o for o in content["outages"] if o["within_an_hour"] and pd.Timestamp(o["begun_at"]) > first]
    members = {number: place for place, outage in enumerate(outages) for number in outage["numbers"]}
    beginnings = [pd.Timestamp(outage["begun_at"]).timestamp() for outage in outages]
    return members, beginnings, {number for outage in content["outages"] for number in outage["numbers"]}


def delays_of(alarms: list[Alarm], members: dict[str, int], beginnings: list[float]) -> list[float]:
    """Return seconds from the beginning of each planted surge to the first alarm that has an incident of it."""
    first: dict[int, float] = {}
    for at, numbers in sorted(alarms, key=lambda alarm: alarm[0]):
        for place in {members[number] for number in numbers if number in members}:
            first.setdefault(place, at - beginnings[place])
    return list(first.values())


if __name__ == "__main__":
    main()
