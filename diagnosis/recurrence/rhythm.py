"""DeskRhythm: the desk's own clock, by which a night or a holiday is short and a Monday morning is long.

A fault can be logged again only while people are there to log it. A hazard told by the calendar must explain quiet
weekends by whatever else differs; told by the number of incidents that the whole desk logs, it need not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from diagnosis.arrays import Floats

WEEK = 7.0
HOURS = 168
FEW = 5.0  # incidents at an even rate that an hour of the week starts with
FEW_A_DAY = 20.0  # incidents as the week has them that a day starts with: one more must not move its own clock
SHORTEST = 1e-4  # desk days, so that a logarithm exists


@dataclass(frozen=True)
class DeskRhythm:
    """Desk time elapsed since the first incident, in days of average load; it is piecewise linear between hours.

    Attributes
    ----------
    start : float
        Days since 1970 of the first hour.
    past : ndarray, shape (n_hours + 1,)
        Desk time elapsed at each hour up to the end of the records: the load of that very day.
    week : ndarray, shape (169,)
        Desk time elapsed at each hour of the usual week, from Thursday as 1970 began: what is expected after them.
    """

    start: float
    past: Floats
    week: Floats

    @classmethod
    def fit(cls, opened: Floats, end: float) -> DeskRhythm:
        """Learn from all openings until ``end``, days since 1970, in any order."""
        first = np.floor(opened.min() * 24)
        hours = np.floor(opened * 24).astype(np.int64) - int(first)
        n = max(int(np.ceil(end * 24 - first)), int(hours.max()) + 1)
        logged = np.bincount(hours, minlength=n).astype(np.float64)
        of_week, of_day = (int(first) + np.arange(n)) % HOURS, (int(first) + np.arange(n)) // 24
        usual = _usual_week(logged, of_week)
        a_day = 24.0 * logged.mean()
        expected, logged_count = (
            np.bincount(of_day - of_day[0], weights=w) for w in (usual[of_week] * a_day / 24.0, logged)
        )
        load = (logged_count + FEW_A_DAY) / (expected + FEW_A_DAY)
        spent = usual[of_week] * load[of_day - of_day[0]] / 24.0
        return cls(first / 24.0, *(np.concatenate([[0.0], np.cumsum(hour)]) for hour in (spent, usual / 24.0)))

    def log_widths(self, start: Floats, edges: Floats) -> Floats:
        """Return the log of the desk time in each interval after each start, shape (n, n_intervals).

        Parameters
        ----------
        start : ndarray, shape (n,)
            Days since 1970; NaN for a time that is not known gets the calendar's widths.
        edges : ndarray, shape (n_intervals + 1,)
        """
        elapsed = self._elapsed(start[:, None] + edges)
        widths = np.where(np.isfinite(start)[:, None], np.diff(elapsed, axis=1), np.diff(edges))
        log: Floats = np.log(np.maximum(widths, SHORTEST))
        return log

    def _elapsed(self, time: Floats) -> Floats:
        end = self.start + (len(self.past) - 1) / 24.0
        until = np.clip((time - self.start) * 24.0, 0.0, len(self.past) - 1)
        spent = np.interp(until, np.arange(len(self.past)), self.past)
        beyond = np.where(time < end, end, time)
        earlier = np.minimum(time - self.start, 0.0)  # none of ours: an even load
        ahead: Floats = spent + self._usual(beyond) - self._usual(np.full_like(beyond, end)) + earlier
        return ahead

    def _usual(self, time: Floats) -> Floats:
        weeks, into = np.divmod(time, WEEK)
        usual: Floats = weeks * self.week[-1] + np.interp(into * 24.0, np.arange(HOURS + 1), self.week)
        return usual


EVEN = DeskRhythm(0.0, np.zeros(1), np.arange(HOURS + 1) / 24.0)  # the calendar's clock


def _usual_week(logged: Floats, of_week: npt.NDArray[np.int64]) -> Floats:
    """Return the load of each hour of the week over the average, drawn towards an even one and smoothed."""
    logged_count = np.bincount(of_week, weights=logged, minlength=HOURS)
    even = np.bincount(of_week, minlength=HOURS) * logged.mean()
    usual = (logged_count + FEW) / (even + FEW)
    return np.convolve(np.concatenate([usual[-1:], usual, usual[:1]]), [0.25, 0.5, 0.25], "valid")
