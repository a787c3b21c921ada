"""PreventedShare: how much of a fault a measure of some kind prevents, learned from what earlier ones achieved here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from diagnosis.arrays import Floats, Ints

REMAINING = 0.75  # of a fault after a measure, where nothing says what such measures achieved: with caution, most of it
PRIOR = 3.0  # expected episodes that the assumption counts for
MOST = 10.0  # expected episodes that one measure, or the comparison of resolutions, counts for
LEVEL = 0.8  # of the interval
WINDOW = 90.0  # days that are watched after a resolution
EPISODE = 1.0  # days: what comes sooner is the same occurrence


@dataclass(frozen=True, slots=True)
class MeasureEffect:
    """What followed measures of a kind: episodes that happened, and those expected had nothing been done."""

    kind: str
    happened: float
    expected: float
    measures: int = 1


@dataclass(frozen=True, slots=True)
class PreventedShare:
    """Share of a fault's incidents that a measure prevents.

    Attributes
    ----------
    share, lower, upper : float
        Posterior mean and 80 % interval; no measure prevents less than nothing.
    measures : int
        Measures of that kind that it was learned from.
    happened, expected : float
        Episodes after them and after resolutions for good, and those expected without; 0 where the share is assumed.
    remaining : tuple of float
        Shape and rate of the gamma distribution of what remains.
    """

    share: float
    lower: float
    upper: float
    measures: int
    happened: float
    expected: float
    remaining: tuple[float, float]

    def to_dict(self) -> dict[str, Any]:
        """Return what it rests on as plain JSON values."""
        figures = {"share": self.share, "lower": self.lower, "upper": self.upper}
        learned = {"measures": self.measures, "happened": round(self.happened, 1), "expected": round(self.expected, 1)}
        return {name: round(value, 3) for name, value in figures.items()} | learned | {"assumed": self.expected == 0}

    def draw(self, random: np.random.Generator, size: int) -> Floats:
        """Return draws of the share."""
        shape, rate = self.remaining
        return np.maximum(1.0 - random.gamma(shape, 1.0 / rate, size), 0.0)


class PreventedShares:
    """The share by kind of measure: a Poisson count after each measure, a gamma prior by which `REMAINING` is left.

    What happened after measures of a kind, over what was expected without them, is what remains of a fault. A measure
    counts for at most `MOST` expected episodes, so that one busy fault does not speak for all.
    """

    def __init__(self, effects: Iterable[MeasureEffect]) -> None:
        happened: defaultdict[str, float] = defaultdict(float)
        expected: defaultdict[str, float] = defaultdict(float)
        self.measures: defaultdict[str, int] = defaultdict(int)
        for effect in effects:
            weight = min(1.0, MOST / effect.expected) if effect.expected > 0 else 0.0
            happened[effect.kind] += weight * effect.happened
            expected[effect.kind] += weight * effect.expected
            self.measures[effect.kind] += effect.measures
        self._happened, self._expected = happened, expected

    def of(self, kind: str) -> PreventedShare:
        """Return the share that a measure of a kind prevents."""
        from scipy.special import gammainc, gammaincinv  # noqa: PLC0415 - no diagnosis needs it

        shape = PRIOR * REMAINING + self._happened[kind]
        rate = PRIOR + self._expected[kind]
        low, high = (float(gammaincinv(shape, tail)) / rate for tail in ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
        # The mean of max(1 - x, 0) for a gamma x: below 1 the share is 1 - x, above it nothing is prevented.
        share = float(gammainc(shape, rate) - shape / rate * gammainc(shape + 1.0, rate))
        bounds = max(1 - high, 0.0), max(1 - low, 0.0)
        count, happened, expected = self.measures[kind], self._happened[kind], self._expected[kind]
        return PreventedShare(share, *bounds, count, happened, expected, (shape, rate))


def effect_of_resolutions(
    opened: Floats,
    members: Sequence[Ints],
    is_fix: npt.NDArray[np.bool_],
    is_workaround: npt.NDArray[np.bool_],
    end: float,
) -> MeasureEffect | None:
    """Return what resolving for good achieved over a workaround, within the same faults (Mantel-Haenszel rate ratio).

    Each resolution is watched until the fault's next episode, for at most `WINDOW` days or to the end of the records.
    Source: Greenland and Robins (1985), Biometrics 41.

    Returns
    -------
    MeasureEffect or None
        None where no fault was resolved in both ways.
    """
    top = bottom = n_after_fix = 0.0
    for rows in members:
        fixes, workarounds = is_fix[rows], is_workaround[rows]
        if not fixes.any() or not workarounds.any():
            continue
        times = opened[rows]
        following = np.searchsorted(times, times + EPISODE, side="right")
        gap = np.where(following < len(times), times[np.minimum(following, len(times) - 1)] - times, np.inf)
        watched = np.minimum(np.minimum(gap, WINDOW), np.maximum(end - times, 1e-6))
        returned = gap <= watched
        time_fix, time_workaround = watched[fixes].sum(), watched[workarounds].sum()
        total = time_fix + time_workaround
        top += returned[fixes].sum() * time_workaround / total
        bottom += returned[workarounds].sum() * time_fix / total
        n_after_fix += float(returned[fixes].sum())
    if bottom <= 0:
        return None
    ratio = top / bottom
    expected = n_after_fix / ratio if ratio > 0 else bottom
    return MeasureEffect("fix", n_after_fix, float(expected), measures=0)
