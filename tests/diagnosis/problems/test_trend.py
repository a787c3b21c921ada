"""The trend of a fault: none is said where there is none, as often as stated, and a planted one is found."""

import numpy as np
import pytest

from diagnosis.problems.facts import trend_of
from diagnosis.recurrence.verdict import episodes

DAYS, N = 365.0, 1_000
STATED = 0.05  # of faults without a trend, those that are called rising or falling


def episodes_of(draw, rate, factor=1.0, lately=0.0, burst=0.0):
    """Return when the episodes of a fault began whose rate is multiplied for the last days."""
    steady = draw.uniform(0, DAYS - lately, draw.poisson(rate * (DAYS - lately)))
    recent = draw.uniform(DAYS - lately, DAYS, draw.poisson(rate * factor * lately))
    times = np.concatenate([steady, recent])
    more = np.repeat(times, draw.poisson(burst, len(times)))  # that follow within some days, as one trouble goes on
    times = np.sort(np.concatenate([times, more + draw.uniform(0, 5, len(more))]))
    return episodes(times[times < DAYS])


def shares(**fault):
    draw = np.random.default_rng(0)
    trends = [trend_of(episodes_of(draw, **fault), 0.0, DAYS)[0] for _ in range(N)]
    return {name: np.mean([trend == name for trend in trends]) for name in ("rising", "steady", "falling")}


@pytest.mark.parametrize("burst", [0.0, 1.0])
@pytest.mark.parametrize("rate", [0.02, 0.1, 0.4])
def test_a_fault_without_a_trend_is_called_rising_or_falling_at_most_as_often_as_stated(rate, burst):
    found = shares(rate=rate, burst=burst)
    assert found["rising"] + found["falling"] <= STATED + 2 * np.sqrt(STATED / N), found


def test_bursts_are_seldom_taken_for_a_trend():
    found = shares(rate=0.05, burst=4.0)
    assert found["rising"] + found["falling"] <= 0.1, found


@pytest.mark.parametrize(("rate", "lately", "least"), [(0.1, 90.0, 0.2), (0.3, 90.0, 0.65), (0.5, 30.0, 0.4)])
def test_a_planted_doubling_is_found_and_so_is_a_halving(rate, lately, least):
    assert shares(rate=rate, factor=2.0, lately=lately)["rising"] >= least
    assert shares(rate=2 * rate, factor=0.5, lately=lately)["falling"] >= least
