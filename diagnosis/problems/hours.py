"""HoursLost: what each incident has cost so far, and of which of them nobody can say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from diagnosis.arrays import Bools, Floats
from diagnosis.states import says_ended
from diagnosis.times import days_of

LATE = 30.0  # days: the longest that one incident costs


@dataclass(frozen=True)
class HoursLost:
    """Hours to restore incidents, as they were known at a moment.

    Attributes
    ----------
    hours : ndarray, shape (n,)
        Each for at most `LATE` days, up to the moment for those that are open. NaN where nobody can say: without an
        opening, closed at a time that nobody wrote down, or ended before the opening.
    is_resolved, is_open : ndarray of bool, shape (n,)
        Neither of an incident whose hours are NaN.
    """

    hours: Floats
    is_resolved: Bools
    is_open: Bools

    @classmethod
    def of(cls, frame: pd.DataFrame, end: float) -> HoursLost:
        """Read the hours of a canonical incident frame at a moment, in days since 1970.

        An incident that was reopened after its end is open, and what happened later than the moment has not happened.
        """
        opened = days_of(frame["opened_at"])
        times = [days_of(frame[name]) for name in ("resolved_at", "closed_at", "reopened_at")]
        resolved, closed, reopened = (np.where((time >= opened) & (time <= end), time, np.nan) for time in times)
        is_again_open = np.isfinite(reopened) & ~(reopened <= np.fmax(resolved, closed))
        is_restored = np.isfinite(resolved) & ~(reopened > resolved)  # else the closure after the reopening counts
        ends = np.where(is_again_open, np.nan, np.where(is_restored, resolved, closed))
        is_resolved = np.isfinite(ends)
        ends_later = (times[0] > end) | (times[1] > end)
        end_states = {state for state in set(frame["state"].tolist()) if says_ended(str(state))}
        ended_at_all = frame["state"].isin(end_states).to_numpy() | (times[0] < opened) | (times[1] < opened)
        is_open = ~is_resolved & (opened <= end) & (is_again_open | ends_later | ~ended_at_all)
        hours = 24.0 * np.minimum(np.where(is_resolved, ends, end) - opened, LATE)
        return cls(np.where(is_resolved | is_open, hours, np.nan), is_resolved, is_open)
