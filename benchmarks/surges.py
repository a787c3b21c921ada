"""Surges on simulated half-years, beside what people use instead: ``python -m benchmarks.surges``.

Arrivals have a rhythm of hour and weekday; in half of the histories five surges of 15 incidents within an hour are
planted on one of six services. Each other method is set to one false alarm a month on histories of other seeds (ours is
not tuned at all), and looks at the count of each service in the latest hour, after each incident. Prophet forecasts
each service by the hour, fitted anew every six weeks on the weeks before; it takes long, and so sees fewer histories.

Then the same on the sample history, whose outages are planted, and on real ones where they are at hand, each method but
Prophet with the threshold that it had.
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
from diagnosis.surges.replay import arrivals_of
from training.records import load_incidents

DAY, HOUR = 86_400.0, 3_600.0
REFIT = 42 * DAY
SAMPLE = Path(__file__).parents[1] / "data" / "sample"
Alarm = tuple[float, set[str]]
Method = Callable[[list[Arrival], float], list[Alarm]]


def faultwise(arrivals: list[Arrival], _threshold: float) -> list[Alarm]:
    """Return what our detector announces; its promise is its only parameter."""
    detector = SurgeDetector()
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

    The standard deviation is that of the hours it was fitted on, or Poisson's if that is larger.
    """
    start = arrivals[0].at - arrivals[0].at % HOUR
    hours = int((arrivals[-1].at - start) // HOUR) + 1
    counts: dict[str, np.ndarray] = {}
    for arrival in arrivals:
        series = counts.setdefault(arrival.fields["service"], np.zeros(hours))
        series[int((arrival.at - start) // HOUR)] += 1
    key = len(arrivals), arrivals[0].at, arrivals[-1].at
    if key not in _FORECASTS:
        _FORECASTS[key] = {service: _forecast(series, start) for service, series in counts.items()}
    forecasts = _FORECASTS[key]
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


_FORECASTS: dict[tuple[int, float, float], dict[str, tuple[np.ndarray, np.ndarray]]] = {}


def _forecast(series: np.ndarray, start: float) -> tuple[np.ndarray, np.ndarray]:
    from prophet import Prophet

    logging.getLogger("cmdstanpy").setLevel(logging.ERROR)
    means, spread = np.zeros(len(series)), np.ones(len(series))
    cuts = [int(14 * DAY // HOUR), *range(int(REFIT // HOUR), len(series), int(REFIT // HOUR)), len(series)]
    moments = pd.to_datetime(start + HOUR * np.arange(len(series)), unit="s")
    for cut, until in itertools.pairwise(cuts):
        learned = pd.DataFrame({"ds": moments[max(0, cut - 1344) : cut], "y": series[max(0, cut - 1344) : cut]})
        model = Prophet(yearly_seasonality=False, uncertainty_samples=0).fit(learned)
        fitted = model.predict(learned)["yhat"].to_numpy()
        means[cut:until] = model.predict(pd.DataFrame({"ds": moments[cut:until]}))["yhat"].to_numpy()
        spread[cut:until] = float(np.std(learned["y"].to_numpy() - fitted))
    return means, spread


METHODS: dict[str, Method] = {
    "Faultwise": faultwise,
    "Poisson scan, one hour": by_hour(poisson_score),
    "EWMA": by_hour(ewma_score),
    "CUSUM": by_hour(cusum_score),
    "Prophet": prophet,
}
_FEWER = {"Prophet": 3}  # histories of each kind that a slow method sees


def tuned(method: Method, histories: list[list[Arrival]], rounds: int = 18) -> float:
    """Return the lowest threshold with at most one false alarm a month on quiet histories."""
    low, high = 0.0, 5000.0
    for _ in range(rounds):
        middle = (low + high) / 2
        alarms = sum(len(method(history, middle)) for history in histories)
        low, high = (middle, high) if alarms > 6 * len(histories) else (low, middle)
    return high


def tuned_prophet(histories: list[list[Arrival]]) -> float:
    """Return Prophet's threshold in the same way, among whole standard deviations from three on."""
    threshold = 3.0
    while sum(len(prophet(history, threshold)) for history in histories) > 6 * len(histories):
        threshold += 1.0
    return threshold


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--histories", type=int, default=10, metavar="N", help="half-years of each kind (default: 10)")
    parser.add_argument("--real-only", action="store_true", help="ours alone, on the sample and on real histories")
    parser.add_argument("--without", nargs="*", default=[], metavar="METHOD", help="methods to leave out")
    options = parser.parse_args()
    methods = {name: method for name, method in METHODS.items() if name not in options.without}
    if options.real_only:
        real_histories({"Faultwise": faultwise}, {"Faultwise": 0.0})
        return
    quiet = [half_year(seed)[0] for seed in range(options.histories)]
    planted = [half_year(1000 + seed, planted=5) for seed in range(options.histories)]
    tuning = [half_year(2000 + seed)[0] for seed in range(3)]
    thresholds: dict[str, float] = {}
    print("| method | half-years | false alarms a month | surges found | within 20 minutes | median delay, minutes |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, method in tqdm(methods.items(), unit="method"):
        n = min(options.histories, _FEWER.get(name, options.histories))
        if name == "Prophet":
            thresholds[name] = tuned_prophet(tuning[:1])
        else:
            thresholds[name] = 0.0 if name == "Faultwise" else tuned(method, tuning)
        false = sum(len(method(history, thresholds[name])) for history in quiet[:n]) / (6 * n)
        alarms = [method(history[0], thresholds[name]) for history in planted[:n]]
        delays = [
            delay for of_one, history in zip(alarms, planted, strict=False) for delay in delays_of(of_one, *history[1:])
        ]
        early = sum(delay <= 1200 for delay in delays)
        median = float(np.median(delays)) / 60 if delays else math.nan
        found = f"{len(delays)} of {5 * n}"
        print(f"| {name} | {n} | {false:.2f} | {found} | {early} of {5 * n} | {median:.1f} |", flush=True)
    real_histories(methods, thresholds)
    began = time.process_time()
    faultwise(quiet[0], 0.0)
    seconds = time.process_time() - began
    print(
        f"\n{len(quiet[0]):,} incidents in {seconds:.1f} s of processor time: {len(quiet[0]) / seconds:,.0f} a second"
    )


def real_histories(methods: dict[str, Method], thresholds: dict[str, float]) -> None:
    """Print how much each method announces on the sample and on real histories, and which planted outages it finds."""
    print("\n| history | method | announcements a month | planted outages found | within 20 minutes |")
    print("|---|---|---:|---:|---:|")
    paths = {"sample": SAMPLE / "incidents.csv"}
    for name in ("bank-incidents", "status-page"):
        path = shared(name) / "incidents.csv"
        if path.exists():
            paths[name] = path
    for history, path in paths.items():
        arrivals = arrivals_of(load_incidents([path]).frame)
        months = max((arrivals[-1].at - arrivals[0].at) / DAY - 14, 1.0) / 30.44
        members, beginnings = planted_outages(history)
        for name, method in methods.items():
            if name == "Prophet":
                continue  # dozens of services, or years of hours: hours of fitting
            alarms = method(arrivals, thresholds[name])
            delays = delays_of(alarms, members, beginnings)
            found = f"{len(delays)} of {len(beginnings)}" if beginnings else ""
            early = f"{sum(delay <= 1200 for delay in delays)} of {len(beginnings)}" if beginnings else ""
            print(f"| {history} | {name} | {len(alarms) / months:.2f} | {found} | {early} |", flush=True)


def planted_outages(history: str) -> tuple[dict[str, int], list[float]]:
    """Return which outage each incident of the sample belongs to, and when each began: those after the first two weeks.

    Only outages of at least five incidents within an hour can be told from chance by counts.
    """
    if history != "sample":
        return {}, []
    content = json.loads((SAMPLE / "planted.json").read_text(encoding="utf-8"))
    first = min(pd.Timestamp(outage["begun_at"]) for outage in content["outages"]) + pd.Timedelta(days=14)
    outages = [o for o in content["outages"] if o["within_an_hour"] and pd.Timestamp(o["begun_at"]) > first]
    members = {number: place for place, outage in enumerate(outages) for number in outage["numbers"]}
    return members, [pd.Timestamp(outage["begun_at"]).timestamp() for outage in outages]


def delays_of(alarms: list[Alarm], members: dict[str, int], beginnings: list[float]) -> list[float]:
    """Return seconds from the beginning of each planted surge to the first alarm that has an incident of it."""
    first: dict[int, float] = {}
    for at, numbers in sorted(alarms, key=lambda alarm: alarm[0]):
        for place in {members[number] for number in numbers if number in members}:
            first.setdefault(place, at - beginnings[place])
    return list(first.values())


if __name__ == "__main__":
    main()
