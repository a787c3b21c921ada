"""ArrivalRhythm: how many incidents are usual in each scope, by hour and weekday, from those seen so far.

The desk's level by hour of the week is learned from all arrivals; each scope has its share of it, which may differ by
day and night, working day and weekend. Old arrivals fade, so that a level that moved is followed within some weeks.
What is uncertain is a Gamma distribution of the rate, so that a count is negative binomial (Greenwood and Yule, 1920):
few arrivals behind a share, and bursts beyond chance, both make the tail heavier.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from diagnosis.surges.scope import Scope, ScopeKind

DAY = 86_400.0
HOUR = 3_600.0
HALF_LIFE_DAYS = 28.0
BLOCK_HOURS = 6
_BLOCKS = 2 * 24 // BLOCK_HOURS  # of a working day and of a day of the weekend
_SHARE_PRIOR = 40.0  # arrivals of a block that its own share of a scope must outweigh
_HOUR_PRIOR = 6.0  # hours of observation that an hour of the week must outweigh
_MONDAY = 4 * DAY  # the epoch began on a Thursday
_DISPERSION_PRIOR = 30.0  # expected arrivals, squared, that stand for the least dispersion
_LEAST_DISPERSION = 0.02


class Expectation(NamedTuple):
    """What is usual in one scope and window: the mean count, and the shape of the Gamma distribution of its rate."""

    mean: float
    shape: float


class ArrivalRhythm:
    """Rates of arrival by scope and time, learned as time passes.

    Call `add` for each arrival in order of time, and `close_day` once for each day that has passed.

    Attributes
    ----------
    days : float
        How many days have been observed, at most what fading leaves of them.
    """

    def __init__(self) -> None:
        self.days = 0.0
        self._hours = np.zeros((7, 24))  # faded arrivals by hour of the week
        self._exposure = np.zeros((7, 24))  # faded hours of observation
        self._scopes: dict[Scope, np.ndarray] = {}  # faded arrivals by block
        self._blocks = np.zeros(_BLOCKS)
        self._today = np.zeros((7, 24))
        self._today_by_scope: dict[Scope, np.ndarray] = {}
        self._level = np.zeros((7, 24))  # expected arrivals an hour
        self._dispersion: dict[ScopeKind, list[float]] = {}  # faded sums: excess of variance, squared expectation

    def add(self, at: float, scopes: Iterable[Scope]) -> None:
        """Count one arrival at a time (seconds since the epoch, local to the desk) in each of its scopes."""
        weekday, hour = _weekday_hour(at)
        self._today[weekday, hour] += 1
        block = _block(weekday, hour)
        for scope in scopes:
            counts = self._today_by_scope.get(scope)
            if counts is None:
                counts = self._today_by_scope[scope] = np.zeros(_BLOCKS)
            counts[block] += 1

    def close_day(self, day: float) -> None:
        """Learn from the day that began at ``day`` (seconds since the epoch), which is over."""
        weekday, _ = _weekday_hour(day)
        if self.days >= 7:
            self._learn_dispersion(weekday)
        fade = 0.5 ** (1 / HALF_LIFE_DAYS)
        self.days = self.days * fade + 1
        self._hours *= fade
        self._exposure *= fade
        self._hours += self._today
        self._exposure[weekday] += 1
        blocks = _blocks_of(self._today)
        self._blocks = self._blocks * fade + blocks
        faded = {scope: counts * fade for scope, counts in self._scopes.items()}
        # Words and items that nobody names any more must not fill the memory.
        self._scopes = {scope: counts for scope, counts in faded.items() if counts.sum() >= 0.05}
        for scope, counts in self._today_by_scope.items():
            self._scopes[scope] = self._scopes.get(scope, np.zeros(_BLOCKS)) + counts
        self._today = np.zeros((7, 24))
        self._today_by_scope = {}
        self._level = self._smoothed()

    def expected(self, scope: Scope, start: float, end: float) -> Expectation:
        """Return what is usual in a scope between two times (seconds since the epoch)."""
        counts = self._scopes.get(scope)
        total = 0.0 if counts is None else float(counts.sum())
        everything = float(self._blocks.sum())
        share = (total + 0.5) / (everything + 10.0)
        mean = 0.0
        for weekday, hour, length in _hours_between(start, end):
            block = _block(weekday, hour)
            own = 0.0 if counts is None else float(counts[block])
            local = (own + _SHARE_PRIOR * share) / (self._blocks[block] + _SHARE_PRIOR)
            mean += local * self._level[weekday, hour] * length / HOUR
        spread = 1 / (total + 0.5) + self.dispersion(scope.kind)
        return Expectation(max(float(mean), 1e-6), 1 / spread)

    def arrivals_a_day(self) -> float:
        """Return the usual number of arrivals a day."""
        return float(self._blocks.sum() / max(self.days, 1e-9))

    def dispersion(self, kind: ScopeKind) -> float:
        """Return the variance of a kind of scope beyond Poisson's, as a share of the squared mean."""
        excess, squared = self._dispersion.get(kind, (0.0, 0.0))
        return max(_LEAST_DISPERSION, excess / (squared + _DISPERSION_PRIOR))

    def _learn_dispersion(self, weekday: int) -> None:
        """Compare today's counts with what was expected of them; the wildest are surges, and left out."""
        blocks = range(_BLOCKS // 2) if weekday < 5 else range(_BLOCKS // 2, _BLOCKS)
        for kind, pairs in self._counts_and_means(weekday, blocks).items():
            count, mean = np.array(pairs).T
            usual = (count - mean) ** 2 <= 16 * (mean + 0.3 * mean**2 + 0.25)
            excess = ((count - mean) ** 2 - mean)[usual].sum()
            sums = self._dispersion.setdefault(kind, [0.0, 0.0])
            fade = 0.5 ** (1 / HALF_LIFE_DAYS)
            sums[0] = sums[0] * fade + float(excess)
            sums[1] = sums[1] * fade + float((mean[usual] ** 2).sum())

    def _counts_and_means(self, weekday: int, blocks: range) -> dict[ScopeKind, list[tuple[float, float]]]:
        level = self._level[weekday].reshape(-1, BLOCK_HOURS).sum(axis=1)
        pairs: dict[ScopeKind, list[tuple[float, float]]] = {}
        everything = float(self._blocks.sum())
        for scope, counts in self._scopes.items():
            share = (float(counts.sum()) + 0.5) / (everything + 10.0)
            today = self._today_by_scope.get(scope)
            for place, block in enumerate(blocks):
                local = (counts[block] + _SHARE_PRIOR * share) / (self._blocks[block] + _SHARE_PRIOR)
                count = 0.0 if today is None else float(today[block])
                pairs.setdefault(scope.kind, []).append((count, float(local * level[place])))
        return pairs

    def _smoothed(self) -> np.ndarray:
        """Return arrivals an hour by hour of the week, each hour leaning on the same hour of days like it."""
        level = np.zeros((7, 24))
        for days in (slice(0, 5), slice(5, 7)):
            exposure = self._exposure[days].sum(axis=0)
            alike = (self._hours[days].sum(axis=0) + 0.1) / (exposure + 1.0)
            alike = (np.roll(alike, 1) + 2 * alike + np.roll(alike, -1)) / 4
            level[days] = (self._hours[days] + _HOUR_PRIOR * alike) / (self._exposure[days] + _HOUR_PRIOR)
        return level


def _weekday_hour(at: float) -> tuple[int, int]:
    hours = math.floor((at - _MONDAY) / HOUR)
    return (hours // 24) % 7, hours % 24


def _block(weekday: int, hour: int) -> int:
    return hour // BLOCK_HOURS + (0 if weekday < 5 else _BLOCKS // 2)


def _blocks_of(hours: np.ndarray) -> np.ndarray:
    """Return counts by hour of the week as counts by block."""
    by_block = hours.reshape(7, -1, BLOCK_HOURS).sum(axis=2)
    return np.concatenate([by_block[:5].sum(axis=0), by_block[5:].sum(axis=0)])


def _hours_between(start: float, end: float) -> Iterable[tuple[int, int, float]]:
    """Yield weekday, hour and seconds of each piece of an hour between two times."""
    at = start
    while at < end - 1e-9:
        until = min(end, (math.floor(at / HOUR) + 1) * HOUR)
        weekday, hour = _weekday_hour(at)
        yield weekday, hour, until - at
        at = until
