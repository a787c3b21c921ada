"""Simulated half-years: arrivals with a rhythm of hour and weekday, and surges planted in them."""

from __future__ import annotations

import numpy as np

from diagnosis.surges import Arrival

START = 1_735_689_600.0  # 2025-01-01, a Wednesday
DAY = 86_400.0
HOURS = np.exp(-(((np.arange(24) - 10.5) / 4) ** 2)) + 0.05
SHARES = np.array([0.35, 0.25, 0.15, 0.12, 0.08, 0.05])
WORDS = [f"word{place}" for place in range(20)]


def half_year(
    seed: int, *, a_day: float = 40, planted: int = 0, dispersion: float = 0.0
) -> tuple[list[Arrival], dict[str, int], list[float]]:
    """Return arrivals, the planted surge of each incident that belongs to one, and when each surge began.

    A planted surge is 15 incidents within an hour on one of six services. With ``dispersion`` each service's day is
    multiplied by a Gamma variable of that variance.
    """
    rng = np.random.default_rng(seed)
    moments: list[tuple[float, int, int]] = []
    for day in range(182):
        level = a_day * (1.0 if (day + 2) % 7 < 5 else 0.15)
        for service, share in enumerate(SHARES):
            factor = rng.gamma(1 / dispersion, dispersion) if dispersion else 1.0
            for hour, count in enumerate(rng.poisson(level * share * factor * HOURS / HOURS.sum())):
                moments += [(START + day * DAY + (hour + rng.uniform()) * 3600, service, -1) for _ in range(count)]
    beginnings = [START + (rng.integers(40, 180) + rng.uniform()) * DAY for _ in range(planted)]
    for surge, beginning in enumerate(beginnings):
        service = int(rng.integers(6))
        moments += [(beginning + seconds, service, surge) for seconds in rng.uniform(0, 3600, 15)]
    arrivals, members = [], {}
    for place, (at, service, surge) in enumerate(sorted(moments)):
        number = f"INC{place:06}"
        fields = {
            "service": f"service {service}",
            "location": f"site {rng.integers(5)}",
            "category": f"category {service}-{rng.integers(3)}",
        }
        words = tuple(WORDS[i] for i in rng.choice(len(WORDS), 6))
        arrivals.append(Arrival(number, at, fields, words, f"caller {rng.integers(300)}"))
        if surge >= 0:
            members[number] = surge
    return arrivals, members, beginnings
