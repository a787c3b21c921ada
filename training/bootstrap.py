"""Intervals by bootstrap: of a mean, and of the difference of two means over the same rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
LEVEL = 0.95
_DRAWS = 2000
_CELLS = 2_000_000  # drawn counts held at once


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with its bootstrap distribution's ends.

    Attributes
    ----------
    mean, lower, upper : float
        With the two-sided 95 % interval; NaN without a row.
    deviation : float
        Standard deviation of the mean over the draws.
    """

    mean: float
    lower: float
    upper: float
    deviation: float

    def above(self, quantile: float) -> float:
        """Return the normal bound that many standard deviations below the mean."""
        return self.mean - quantile * self.deviation


def bootstrap_mean(values: Floats, seed: int = 0) -> Interval:
    """Return the mean and its percentile interval (Efron, 1979).

    For the difference of two releases on the same rows give the differences row by row: pairing takes out what the
    rows share, such as how hard they are. A resample is a draw of how often each distinct value occurs, which is the
    same as drawing rows and costs nothing for the zeros and ones of right and wrong.
    """
    values = np.asarray(values, dtype=np.float64)
    if not len(values):
        return Interval(*[float("nan")] * 4)
    distinct, counts = np.unique(values, return_counts=True)
    rng = np.random.default_rng(seed)
    at_once = max(_CELLS // len(distinct), 1)
    means = np.concatenate(
        [
            rng.multinomial(len(values), counts / len(values), size=min(at_once, _DRAWS - done)) @ distinct
            for done in range(0, _DRAWS, at_once)
        ]
    ) / len(values)
    tail = (1 - LEVEL) / 2
    lower, upper = np.quantile(means, [tail, 1 - tail])
    return Interval(float(values.mean()), float(lower), float(upper), float(means.std()))
