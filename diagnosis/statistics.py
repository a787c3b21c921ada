"""Confidence bounds and intervals that several parts report."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import betainc, betaincinv

Numbers = npt.NDArray[np.integer[Any] | np.floating[Any]]


def proportion_lower_bound(successes: float, n: float, risk: float) -> float:
    """Return the exact lower confidence bound of a proportion at level ``1 - risk`` (Clopper and Pearson, 1934).

    Effective numbers, which are not whole, are taken as they are.
    """
    return float(betaincinv(successes, n - successes + 1, risk)) if successes > 0 else 0.0


def proportion_upper_bound(successes: float, n: float, risk: float) -> float:
    """Return the exact upper confidence bound of a proportion at level ``1 - risk`` (Clopper and Pearson, 1934)."""
    return float(betaincinv(successes + 1, n - successes, 1 - risk)) if successes < n else 1.0


def proportion_interval(successes: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Return the exact two-sided confidence interval of a proportion; 0 to 1 for ``n`` 0.

    Examples
    --------
    >>> low, high = proportion_interval(9, 10)
    >>> round(low, 3), round(high, 3)
    (0.555, 0.997)
    """
    risk = (1 - level) / 2
    return proportion_lower_bound(successes, n, risk), proportion_upper_bound(successes, n, risk)


def trials_needed(proportion: float, risk: float) -> int:
    """Return how many trials without a failure prove ``proportion``: the least n with proportion^n <= risk.

    Examples
    --------
    >>> trials_needed(proportion=0.95, risk=0.1)
    45
    """
    if proportion <= 0:  # nothing to prove but that there is one
        return 1
    return math.ceil(round(math.log(risk) / math.log(proportion), 9))


def proportion_p_values(successes: Numbers, n: Numbers, proportion: float) -> npt.NDArray[np.float64]:
    """Return the chance of so many successes or more, were the true proportion ``proportion`` (exact binomial tail)."""
    tail = betainc(np.maximum(successes, 1), n - successes + 1, proportion)
    return np.asarray(np.where(successes > 0, tail, 1.0))
