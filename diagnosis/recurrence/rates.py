"""The recurrence rate that an organisation may report: Kaplan-Meier corrected, with the naive figure beside it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from diagnosis.recurrence.hazard import Floats


def kaplan_meier(duration: Floats, recurred: npt.NDArray[np.bool_], days: Sequence[float]) -> Floats:
    """Return the share recurred within each number of days, 1 - S(t) (Kaplan and Meier 1958), shape (n_days,)."""
    times, events, at_risk = life_table(duration, recurred)
    survival = np.cumprod(1.0 - events / at_risk)
    position = np.searchsorted(times, np.asarray(days, dtype=float), side="right")
    return 1.0 - np.concatenate([[1.0], survival])[position]


def life_table(duration: Floats, recurred: npt.NDArray[np.bool_]) -> tuple[Floats, Floats, Floats]:
    """Return distinct times, recurrences at each and how many were at risk just before it."""
    times, position = np.unique(duration, return_inverse=True)
    events = np.bincount(position, weights=recurred, minlength=len(times))
    leaving = np.bincount(position, minlength=len(times))
    at_risk = len(duration) - np.concatenate([[0], np.cumsum(leaving)[:-1]])
    return times, events.astype(np.float64), at_risk.astype(np.float64)
