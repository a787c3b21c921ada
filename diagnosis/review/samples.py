"""What each record of a quarter brings to a measure: a wait that may still go on, or a plain value.

The estimate of a subset is made of the subset's own waits. Where values have to add up (what moved a measure), each
record stands for its pseudo-value: the influence of one record on the censoring-corrected estimate, by the
infinitesimal jackknife (Andersen, Klein and Rosthøj 2003; Jaeckel 1972). Without censoring it is the plain value.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from diagnosis.arrays import Floats
from diagnosis.recurrence.rates import band, kaplan_meier, life_table
from diagnosis.service_levels import LONGEST, Waits, mean_wait, share_in_time
from diagnosis.statistics import proportion_interval

Kind = Literal["recurs", "in_time", "mean_hours", "plain"]
Mask = npt.NDArray[np.bool_] | npt.NDArray[np.intp]
LEVEL = 0.95
HOURS = 24.0
MOST_UNKNOWN = 0.05  # of a share, of records that nobody watched to the limit, above which it is not judged
ROUNDING = 1e-9  # days: what 2 hours after a moment may be off by


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its 95 % interval, from ``n`` records of which ``n_open`` still wait."""

    value: float
    lower: float
    upper: float
    n: int
    n_open: int = 0


@dataclass(frozen=True)
class Sample:
    """The records of some time that a measure is of.

    Attributes
    ----------
    rows : ndarray of int, shape (n,)
        Their positions in the history.
    duration, happened : ndarray, shape (n,)
        Days until what is waited for, or until the end of observation where it has not happened. Plain values have
        their value in ``duration``.
    limit : float
        Days within which it should happen.
    cluster : ndarray of int or None
        Records of one cluster are not independent.
    """

    kind: Kind
    rows: npt.NDArray[np.intp]
    duration: Floats
    happened: npt.NDArray[np.bool_]
    limit: float = LONGEST
    cluster: npt.NDArray[np.intp] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, mask: Mask) -> Sample:
        """Return the sample of some of the records."""
        cluster = None if self.cluster is None else self.cluster[mask]
        return replace(
            self,
            rows=self.rows[mask],
            duration=self.duration[mask],
            happened=self.happened[mask],
            cluster=cluster,
        )

    def watched_for(self, days: Floats) -> Sample:
        """Return the sample as it was known when each record had been watched for so many days, shape (n,)."""
        return replace(self, duration=np.minimum(self.duration, days), happened=self.happened & (self.duration <= days))

    def estimate(self) -> Estimate | None:
        """Return the value with its interval; None where nobody was watched long enough to say."""
        if not len(self):
            return None
        if self.kind == "plain":
            return self._plain()
        waits = Waits.from_opening(self.duration, self.happened)
        if self.kind == "mean_hours":
            level = mean_wait("", waits)
        elif self._unknown_share > MOST_UNKNOWN:
            return None
        elif self.kind == "recurs":
            return self._recurrence()
        else:
            level = share_in_time("", waits, self.limit)
        if level.value is None or level.lower is None or level.upper is None:
            return None
        upper = 1.0 if self._unknown_share else level.upper
        return Estimate(level.value, level.lower, upper, level.n, self.n_open)

    @property
    def n_open(self) -> int:
        """How many have been waited for less than the limit, and still are."""
        return int((~self.happened & (self.duration < self.limit)).sum())

    @property
    def _unknown_share(self) -> float:
        """The share of which nobody knows whether it happens within the limit: none was watched so long."""
        if self.kind == "mean_hours" or not self.n_open or (self.duration >= self.limit).any():
            return 0.0
        return 1.0 - float(kaplan_meier(self.duration, self.happened, [self.limit])[0])

    def pseudo_values(self) -> Floats:
        """Return one value a record whose mean is the estimate, shape (n,)."""
        if self.kind == "plain" or not len(self):
            return self.duration
        if (self.happened | (self.duration >= self.limit)).all():  # nothing is censored
            if self.kind == "mean_hours":
                return HOURS * np.minimum(self.duration, LONGEST)
            return (self.happened & (self.duration <= self.limit + ROUNDING)).astype(np.float64)
        return self._mean_influence() if self.kind == "mean_hours" else self._share_influence()

    def _plain(self) -> Estimate:
        value, n = float(self.duration.mean()), len(self)
        variance = float(self.duration.var()) / n
        n_effective = value * (1.0 - value) / variance if 0.0 < value < 1.0 and variance > 0.0 else float(n)
        lower, upper = exact_interval(value * n_effective, n_effective)
        return Estimate(value, lower, upper, n)

    def _recurrence(self) -> Estimate:
        cluster = np.arange(len(self)) if self.cluster is None else self.cluster
        value = float(kaplan_meier(self.duration, self.happened, [self.limit])[0])
        lower, upper = band(self.duration, self.happened, cluster, self.limit)
        return Estimate(value, lower, 1.0 if self._unknown_share else upper, len(self), self.n_open)

    def _share_influence(self) -> Floats:
        times, events, at_risk = life_table(self.duration, self.happened)
        limit = self.limit + ROUNDING
        share = float(kaplan_meier(self.duration, self.happened, [limit])[0])
        until = np.minimum(self.duration, limit)
        weight = np.concatenate([[0.0], np.cumsum(events / at_risk**2)])[np.searchsorted(times, until, side="right")]
        early = self.happened & (self.duration <= limit)
        jump = np.where(early, 1.0 / at_risk[np.searchsorted(times, self.duration)], 0.0)
        values: Floats = share + len(self) * (1.0 - share) * (jump - weight)
        if share >= 1.0:  # all that were watched to the end came in time
            values = np.ones(len(self))
        return values

    def _mean_influence(self) -> Floats:
        times, events, at_risk = life_table(self.duration, self.happened)
        inside = times < LONGEST
        times, events, at_risk = times[inside], events[inside], at_risk[inside]
        survival = np.concatenate([[1.0], np.cumprod(1.0 - events / at_risk)])
        areas = survival * np.diff(np.concatenate([[0.0], times, [LONGEST]]))
        mean = float(areas.sum())
        ahead = np.cumsum(areas[::-1])[::-1][1:] if len(times) else np.zeros(0)
        weight = np.concatenate([[0.0], np.cumsum(ahead * events / at_risk**2)])
        weight = weight[np.searchsorted(times, np.minimum(self.duration, LONGEST), side="right")]
        place = np.minimum(np.searchsorted(times, self.duration), max(len(times) - 1, 0))
        early = self.happened & (self.duration < LONGEST)
        jump = np.where(early, ahead[place] / at_risk[place], 0.0) if len(times) else np.zeros(len(self))
        values: Floats = HOURS * (mean - len(self) * (jump - weight))
        return values


@dataclass(frozen=True, slots=True)
class EstimateChange:
    """How far an estimate lies from an earlier one.

    Attributes
    ----------
    difference, lower, upper : float
        Later less earlier, with its 95 % interval.
    changed : bool
        Whether the interval leaves out zero.
    """

    difference: float
    lower: float
    upper: float

    @property
    def changed(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.lower > 0.0 or self.upper < 0.0


def change_of(later: Estimate, earlier: Estimate, comparisons: int = 1) -> EstimateChange:
    """Return the difference of two estimates with its interval, recovered from theirs (Zou and Donner 2008).

    For shares this is Newcombe's (1998) hybrid interval, made of exact ones: it errs on the side of "no change shown".

    Parameters
    ----------
    comparisons : int
        How many differences are looked at together; the interval is widened so that the chance of any false "changed"
        among them stays below 5 % (Bonferroni).
    """
    difference = later.value - earlier.value
    wider = float(stdtrit(1e6, 1 - (1 - LEVEL) / 2 / comparisons) / stdtrit(1e6, 1 - (1 - LEVEL) / 2))
    below = float(np.hypot(later.value - later.lower, earlier.upper - earlier.value)) * wider
    above = float(np.hypot(later.upper - later.value, earlier.value - earlier.lower)) * wider
    return EstimateChange(difference, difference - below, difference + above)


def exact_interval(part: float, n: float) -> tuple[float, float]:
    """Return the exact binomial interval of a share, also of an effective number (Clopper and Pearson 1934)."""
    return proportion_interval(part, n, LEVEL)
