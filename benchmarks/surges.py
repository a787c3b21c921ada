"""Surges on simulated half-years, beside what people use instead: ``python -m benchmarks.surges``.

Arrivals have a rhythm of hour and weekday; in half of the histories five surges of 15 incidents within an hour are
planted on one of six services. Each other method is set to one false alarm a month on histories of other seeds (ours is
not tuned at all), and looks at the count of each service in the latest hour, after each incident.
"""

from __future__ import annotations

import argparse
import math
from collections import deque
from collections.abc import Callable

import numpy as np
from scipy import stats
from tqdm import tqdm

from benchmarks.surge_histories import START, half_year
from diagnosis.surges import Arrival, SurgeDetector

DAY, HOUR = 86_400.0, 3_600.0
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
        for arrival in arrivals:
            service = arrival.fields["service"]
            hour = int((arrival.at - START) // HOUR)
            weeks = max((arrival.at - START) / (7 * DAY), 1.0)
            queue = recent.setdefault(service, deque())
            queue.append(arrival)
            while queue[0].at <= arrival.at - HOUR:
                queue.popleft()
            mean = (usual.get((service, hour % 168), 0.0) + 0.05) / weeks
            value = score(len(queue), mean, state.setdefault(service, {}))
            if value > threshold and arrival.at - START > 14 * DAY and arrival.at > quiet_until.get(service, 0.0):
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


METHODS: dict[str, Method] = {
    "Faultwise": faultwise,
    "Poisson scan, one hour": by_hour(poisson_score),
    "EWMA": by_hour(ewma_score),
    "CUSUM": by_hour(cusum_score),
}


def tuned(method: Method, histories: list[list[Arrival]]) -> float:
    """Return the lowest threshold with at most one false alarm a month on quiet histories."""
    low, high = 0.0, 5000.0
    for _ in range(18):
        middle = (low + high) / 2
        alarms = sum(len(method(history, middle)) for history in histories)
        low, high = (middle, high) if alarms > 6 * len(histories) else (low, middle)
    return high


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--histories", type=int, default=10, metavar="N", help="half-years of each kind (default: 10)")
    options = parser.parse_args()
    quiet = [half_year(seed)[0] for seed in range(options.histories)]
    planted = [half_year(1000 + seed, planted=5) for seed in range(options.histories)]
    tuning = [half_year(2000 + seed)[0] for seed in range(3)]
    print("| method | false alarms a month | surges found | within 20 minutes | median delay, minutes |")
    print("|---|---:|---:|---:|---:|")
    for name, method in tqdm(METHODS.items(), unit="method"):
        threshold = 0.0 if name == "Faultwise" else tuned(method, tuning)
        false = sum(len(method(history, threshold)) for history in quiet) / (6 * options.histories)
        delays = [delay for history in planted for delay in delays_of(method(history[0], threshold), *history[1:])]
        total = 5 * options.histories
        early = sum(delay <= 1200 for delay in delays)
        median = float(np.median(delays)) / 60 if delays else math.nan
        print(f"| {name} | {false:.2f} | {len(delays)} of {total} | {early} of {total} | {median:.1f} |", flush=True)


def delays_of(alarms: list[Alarm], members: dict[str, int], beginnings: list[float]) -> list[float]:
    """Return seconds from the beginning of each planted surge to the first alarm that has an incident of it."""
    first: dict[int, float] = {}
    for at, numbers in sorted(alarms, key=lambda alarm: alarm[0]):
        for place in {members[number] for number in numbers if number in members}:
            first.setdefault(place, at - beginnings[place])
    return list(first.values())


if __name__ == "__main__":
    main()
