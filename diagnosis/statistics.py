"""Confidence bounds and intervals that several parts report."""

from __future__ import annotations

from scipy.special import betaincinv


def proportion_lower_bound(successes: int, n: int, risk: float) -> float:
    """Return the exact lower confidence bound of a proportion at level ``1 - risk`` (Clopper and Pearson, 1934)."""
    return float(betaincinv(successes, n - successes + 1, risk)) if successes else 0.0


def proportion_upper_bound(successes: int, n: int, risk: float) -> float:
    """Return the exact upper confidence bound of a proportion at level ``1 - risk`` (Clopper and Pearson, 1934)."""
    return float(betaincinv(successes + 1, n - successes, 1 - risk)) if successes < n else 1.0


def proportion_interval(successes: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Return the exact two-sided confidence interval of a proportion; 0 to 1 for ``n`` 0.

    Examples
    --------
    >>> low, high = proportion_interval(9, 10)
    >>> round(low, 3), round(high, 3)
    (0.555, 0.997)
    """
    risk = (1 - level) / 2
    return proportion_lower_bound(successes, n, risk), proportion_upper_bound(successes, n, risk)
