"""Intervals by bootstrap: of a mean, of the difference of two means, or of two macro-F1, over the same rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from diagnosis.arrays import Floats

Labels = npt.NDArray[np.object_] | npt.NDArray[np.str_]
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
    means = np.concatenate([drawn @ distinct for drawn in _draws(counts, seed)]) / len(values)
    return _interval(float(values.mean()), means)


def bootstrap_macro_f1(truth: Labels, a: Labels, b: Labels, seed: int = 0) -> tuple[float, float, Interval]:
    """Return the macro-F1 of two releases, and the interval of what B gains, by drawing rows for both at once.

    Macro-F1 is the mean of the F1 of every class that is true or answered, as in `diagnosis.routing.RoutingScores`; it
    is no mean over rows, so the draws are of whole rows. Rows with the same truth and answers are drawn as one kind.

    Parameters
    ----------
    truth, a, b : ndarray of str, shape (n,)
    """
    names, codes = np.unique(np.concatenate([truth, a, b]).astype(str), return_inverse=True)
    kinds, counts = np.unique(codes.reshape(3, -1), axis=1, return_counts=True)
    true, *answers = (np.eye(len(names), dtype=np.float32)[row] for row in kinds)
    drawn = [np.concatenate([_macro_f1(d, true, answer) for d in _draws(counts, seed)]) for answer in answers]
    ours, theirs = (float(_macro_f1(counts[None, :], true, answer)[0]) for answer in answers)
    return ours, theirs, _interval(theirs - ours, drawn[1] - drawn[0])


def _macro_f1(
    drawn: npt.NDArray[np.integer[Any]], true: npt.NDArray[np.float32], answers: npt.NDArray[np.float32]
) -> Floats:
    """Return the macro-F1 of each draw; ``true`` and ``said`` hold the class of each kind of row as columns."""
    weight = drawn.astype(np.float32)
    hits, total = weight @ (true * answers), weight @ (true + answers)
    f1 = np.where(total > 0, 2 * hits / np.maximum(total, 1), np.nan)
    return np.asarray(np.nanmean(f1, axis=1), dtype=np.float64)


def _draws(counts: npt.NDArray[np.intp], seed: int) -> Iterator[npt.NDArray[np.int64]]:
    """Yield resamples in blocks: how often each kind of row occurs, shape (draws, n_kinds)."""
    rng = np.random.default_rng(seed)
    at_once = max(_CELLS // len(counts), 1)
    for start in range(0, _DRAWS, at_once):
        yield rng.multinomial(counts.sum(), counts / counts.sum(), size=min(at_once, _DRAWS - start))


def _interval(value: float, draws: Floats) -> Interval:
    tail = (1 - LEVEL) / 2
    lower, upper = np.quantile(draws, [tail, 1 - tail])
    return Interval(value, float(lower), float(upper), float(draws.std()))
