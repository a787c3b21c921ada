"""The programme's service levels of a period: response, restoration, closure and satisfaction, with their intervals.

What is still open has not met its service level: it is censored, never left out. An incident that waits past its
deadline is a miss from the deadline on; one that was opened an hour ago counts for the hour. An incident belongs to the
period in which its time runs out. One whose time ran out before and that still waited in the period is a miss of the
period too: a backlog counts for as long as it waits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtri

from diagnosis.arrays import Bools, Floats
from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.placeholders import without_placeholders
from diagnosis.service_levels.clocks import ClockTimes, EndName
from diagnosis.service_levels.rules import priority_rank
from diagnosis.statistics import proportion_interval, proportion_lower_bound, proportion_upper_bound
from diagnosis.times import as_utc, days_of

Verdict = Literal["met", "missed", "too few", "no data"]
Unit = Literal["share", "hours"]
LEVEL = 0.95
HOUR = 1 / 24  # times are in days
DAY = 86_400.0
LONGEST = 30.0  # days: a mean is restricted to them, and closure is looked at after them
RESPONSE, RESTORATION = 2 * HOUR, 4 * HOUR
SATISFIED = 4.0  # of five
# By figure: hours of the mean response, shares of the others.
TARGETS: Mapping[str, float] = {"response": 2.0, "restoration": 0.9, "closure": 0.95, "satisfaction": 0.9}
FEWEST_ENDED = 30
MOST_UNKNOWN = 0.05  # of a share, of incidents that nobody watched to the limit, above which it is not told
RESAMPLES, MOST_RESAMPLED = 300, 1_000  # above, the normal quantiles are as good, and cost nothing
# Where none of these is written down, the data do not hold when it ended.
_RECORDED_AS: Mapping[EndName, tuple[str, ...]] = {
    "response": ("responded_at",),
    "restoration": ("resolved_at", "closed_at"),
    "closure": ("closed_at",),
}
ROUNDING = 1e-9  # days: what 2 hours after a moment may be off by


@dataclass(frozen=True, slots=True)
class ServiceLevel:
    """One figure of a period.

    Attributes
    ----------
    name : str
    unit : {"share", "hours"}
    value : float or None
        None where the data do not hold it, or do not hold enough of it yet (the verdict is then ``"too few"``).
    lower, upper : float or None
        Bounds of its 95 % interval.
    n : int
        Incidents that it is estimated from.
    n_open : int
        Those of them that were still waiting at the end.
    target : float or None
    verdict : {"met", "missed", "too few", "no data"}
        ``"too few"`` where the interval spans the target.
    scope : str
        ``"critical"`` or ``"all"``: which incidents count.
    """

    name: str
    unit: Unit
    value: float | None
    lower: float | None
    upper: float | None
    n: int
    n_open: int
    target: float | None
    verdict: Verdict
    scope: str = "all"

    @property
    def has_support(self) -> bool:
        """Whether the value can be shown: a mean of few waits jumps with each of them, and is worse than none."""
        return self.value is not None and (self.unit == "share" or self.n - self.n_open >= FEWEST_ENDED)


@dataclass(frozen=True)
class Waits:
    """How long the incidents of a period waited for something; all arrays of shape (n,), in days.

    Attributes
    ----------
    duration : ndarray
        Age at the event, or at the end of the period where there was none.
    happened : ndarray of bool
    overdue : ndarray of bool
        Opened before those that the period watches from their opening on, and waiting in it past their time.
    """

    duration: Floats
    happened: Bools
    overdue: Bools

    @classmethod
    def from_opening(cls, duration: Floats, happened: Bools) -> Waits:
        """Return waits that were all watched from their opening on."""
        return cls(duration, happened, np.zeros(len(duration), dtype=bool))

    @classmethod
    def of(
        cls, opened: Floats, ended: Floats, start: float, end: float, limit: float, first: float | None = None
    ) -> Waits:
        """Return the waits of a period, from openings and ends in days since 1970, NaN for "not known".

        An end before the opening is a typing error, so that incident is left out; one after the period has not
        happened yet.

        Parameters
        ----------
        limit : float
            Days after which a wait is past its time.
        first : float, optional
            From which opening on incidents are watched, whether or not they still waited in the period; by default
            those whose time had not run out when it began.
        """
        first = start - limit if first is None else first
        usable = np.isfinite(opened) & (opened < end) & ~(ended < opened)
        opened, ended = opened[usable], ended[usable]
        happened = ended <= end
        until = np.where(happened, ended, end)
        overdue = (opened < first) & (until > np.maximum(opened + limit, start))
        inside = overdue | (opened >= first)
        duration = np.round(until - opened, 9)  # days since 1970 hold no more
        return cls(duration[inside], happened[inside], overdue[inside])

    def __len__(self) -> int:
        return len(self.duration)

    @property
    def n_open(self) -> int:
        """How many still wait."""
        return int((~self.happened).sum())

    @property
    def share_not_overdue(self) -> float:
        """The share that was watched from the opening on."""
        return 1.0 - float(self.overdue.mean())

    def curve(self) -> tuple[Floats, Floats, Floats]:
        """Return the times of events, the events at each and how many were at risk, of those watched from opening."""
        duration, happened = self.duration[~self.overdue], self.happened[~self.overdue]
        times, events = np.unique(duration[happened], return_counts=True)
        left = np.searchsorted(np.sort(duration), times, side="left")
        return times, events.astype(np.float64), (len(duration) - left).astype(np.float64)


def with_first_responses(incidents: pd.DataFrame) -> pd.DataFrame:
    """Return incidents with first responses from ``sla_response_minutes``, what some exports hold in their place."""
    if "sla_response_minutes" not in incidents:
        return incidents
    minutes = pd.to_numeric(incidents["sla_response_minutes"], errors="coerce")
    answered = incidents["opened_at"] + pd.to_timedelta(minutes, unit="min")
    return incidents.assign(responded_at=incidents["responded_at"].fillna(answered))


def service_levels(
    incidents: pd.DataFrame,
    *,
    as_of: pd.Timestamp,
    days: float = LONGEST,
    targets: Mapping[str, float] | None = None,
) -> tuple[ServiceLevel, ...]:
    """Return the service levels of the last ``days`` before ``as_of``.

    ``response`` is the mean hours to the first response, restricted to 30 days (or ``days``, where that is less), and
    ``response_in_time`` the share answered within 2 h; a resolution answers too. ``restoration`` is the share of
    critical faults (of all, where no incident has a priority) restored within 4 h, ``restoration_hours`` their
    restricted mean. ``closure`` is the share closed within 30 days, ``satisfaction`` the share rated 4 or 5 of 5.

    A share is of the incidents whose time ran out in the period or still runs, and of those that waited in it past
    their time; a mean is of the incidents that were opened in the period, and of those that waited in it for longer
    than the mean is restricted to. When each ended is read as its clocks are: what was reopened is open again, and what
    ended at a time that nobody wrote down is left out.

    Parameters
    ----------
    incidents : DataFrame
        Canonical incident frame.
    targets : mapping of str to float, optional
        By name of the figure, in its unit.

    Raises
    ------
    InputError
        If the period is no longer than nothing.
    """
    if not days > 0:
        raise InputError(Phrase("period_of_no_days", {"value": str(days)}))
    goals = TARGETS if targets is None else targets
    moment = as_utc(pd.Timestamp(as_of))
    end = moment.timestamp() / DAY
    start = end - days
    records = incidents.drop_duplicates("number", keep="last")
    times = ClockTimes.of_frame(records, moment)
    critical, scope = _critical(records["priority"])
    longest = min(days, LONGEST)  # nobody whose opening lies in the period was watched for longer

    def waits(name: EndName, limit: float, first: float | None = None) -> Waits | None:
        """Return waits, None where no incident at all has such an end: then the data do not hold it."""
        if not any(name in records and records[name].notna().any() for name in _RECORDED_AS[name]):
            return None
        rows = times.has_clock(name, moment.timestamp()) & (critical if name == "restoration" else True)
        return Waits.of(times.opened[rows] / DAY, times.ends(name)[rows] / DAY, start, end, limit, first)

    opened, resolved, closed = (_days(records[name]) for name in ("opened_at", "resolved_at", "closed_at"))
    rated = pd.to_numeric(records["satisfaction"], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    ended = np.fmax(closed, resolved)
    inside = np.isfinite(rated) & (np.where(np.isfinite(ended), ended, opened) >= start) & (opened < end)
    return (
        mean_wait("response", waits("response", longest, start), goals.get("response"), limit=longest),
        share_in_time("response_in_time", waits("response", RESPONSE), RESPONSE, goals.get("response_in_time")),
        share_in_time("restoration", waits("restoration", RESTORATION), RESTORATION, goals.get("restoration"), scope),
        mean_wait(
            "restoration_hours",
            waits("restoration", longest, start),
            goals.get("restoration_hours"),
            scope,
            longest,
        ),
        share_in_time("closure", waits("closure", LONGEST), LONGEST, goals.get("closure")),
        share_of("satisfaction", int((rated[inside] >= SATISFIED).sum()), int(inside.sum()), goals.get("satisfaction")),
    )


def share_in_time(
    name: str, waits: Waits | None, limit: float, target: float | None = None, scope: str = "all"
) -> ServiceLevel:
    """Return the share of incidents that waited no longer than ``limit`` days.

    Of those watched from their opening on it is Kaplan and Meier's (1958); those that are overdue are misses. The
    interval is exact binomial, at effective numbers of incidents: for the lower bound the number whose plain share
    would have Greenwood's variance (Dorey and Korn 1987), for the upper one the number that would leave as many to be
    watched at the limit as there are (Peto and others 1977), since who was not watched so long proves no miss. Where
    nobody was, and more than `MOST_UNKNOWN` may still be in time or not, there is no value; where it is less, the upper
    bound takes it as in time.
    """
    if waits is None or not len(waits):
        return _unknown(name, "share", target, scope)
    n, part, risk = len(waits), waits.share_not_overdue, (1.0 - LEVEL) / 2
    early, n_below, n_above, unknown = _early_share(waits, limit)
    if unknown * part > MOST_UNKNOWN:
        return ServiceLevel(name, "share", None, None, None, n, waits.n_open, target, "too few", scope)
    value = early * part
    # The overdue weigh as much beside an effective number as beside the whole.
    n_below, n_above = (size / part if part else float(n) for size in (n_below, n_above))
    lower = proportion_lower_bound(value * n_below, n_below, risk)
    most, among = (part * n, float(n)) if unknown else (value * n_above, n_above)
    upper = proportion_upper_bound(most, among, risk)
    verdict = _verdict(lower, upper, target, lower_is_better=False)
    return ServiceLevel(name, "share", value, lower, upper, n, waits.n_open, target, verdict, scope)


def _early_share(waits: Waits, limit: float) -> tuple[float, float, float, float]:
    """Return a share in time, the effective numbers for its lower and upper bound, and the share that nobody knows.

    All of those that were watched from their opening on.
    """
    times, events, at_risk = waits.curve()
    is_early = times <= limit + ROUNDING
    events, at_risk = events[is_early], at_risk[is_early]
    survival = np.cumprod(np.insert(1.0 - events / at_risk, 0, 1.0))
    left = float(survival[-1])
    if left == 0.0:  # the number that would leave as many before the last of them ended
        n_effective = float(at_risk[-1] / survival[-2])
        return 1.0, n_effective, n_effective, 0.0
    is_late = (waits.duration > limit + ROUNDING) | (~waits.happened & (waits.duration >= limit - ROUNDING))
    n_late = int((is_late & ~waits.overdue).sum())
    variance = left**2 * float(np.sum(events / (at_risk * (at_risk - events))))
    n_above = n_late / left
    n_below = left * (1.0 - left) / variance if variance > 0.0 else n_above
    return 1.0 - left, n_below, n_above, 0.0 if n_late else left


def mean_wait(
    name: str, waits: Waits | None, target: float | None = None, scope: str = "all", limit: float = LONGEST
) -> ServiceLevel:
    """Return the mean hours that incidents waited, each for at most ``limit`` days, those that still wait censored.

    Of those watched from their opening on it is the area under the Kaplan-Meier curve (Irwin 1949) with its
    Greenwood-type variance (Klein and Moeschberger 2003); those that are overdue count with the whole limit. Waits are
    skewed, so the interval is taken on the scale of logarithms, by the bootstrap-t for up to `MOST_RESAMPLED` incidents
    (Efron 1981). Where nobody has been watched up to the limit, the lower bound takes those left as ended at once, the
    upper one as waiting for all of it. Where all waited alike, as many may wait not at all, or for all of it, as may be
    where none such was seen. With fewer than `FEWEST_ENDED` ends a mean of such waits cannot be judged, and the verdict
    is "too few".
    """
    if waits is None or not len(waits):
        return _unknown(name, "hours", target, scope)
    mean, error, tail_area = _restricted_mean(waits, limit)
    n_ended = int(waits.happened.sum())
    lower, upper = 0.0, limit
    if n_ended > 1 and error > 0.0:
        below, above = _pivots(waits, mean, limit)
        least = max(mean - tail_area, 1e-9)
        lower = least * float(np.exp(-above * error / least))
        upper = min(mean * float(np.exp(-below * error / mean)), limit)
    elif n_ended > 1 and not waits.n_open:
        unseen = 1.0 - proportion_lower_bound(n_ended, n_ended, (1.0 - LEVEL) / 2)
        lower, upper = mean * (1.0 - unseen), mean + unseen * (limit - mean)
    lower, value, upper = (float(bound / HOUR) for bound in (lower, mean, upper))
    verdict = _verdict(lower, upper, target, lower_is_better=True)
    if n_ended < FEWEST_ENDED:
        verdict = "too few"
    return ServiceLevel(name, "hours", value, lower, upper, len(waits), waits.n_open, target, verdict, scope)


def _restricted_mean(waits: Waits, limit: float) -> tuple[float, float, float]:
    """Return the mean in days, its standard error, and the area behind the last time that anybody was watched."""
    (mean,), (error,), (left_waiting,) = _restricted_means(waits, np.ones((1, len(waits))), limit)
    unwatched = max(limit - float(waits.duration[~waits.overdue].max(initial=0.0)), 0.0)
    return float(mean), float(error), float(left_waiting) * unwatched


def _restricted_means(waits: Waits, weights: Floats, limit: float) -> tuple[Floats, Floats, Floats]:
    """Return means in days, their standard errors and the shares that wait on, each of shape (n_samples,).

    Parameters
    ----------
    weights : ndarray of shape (n_samples, n)
        How often each sample holds each wait. All samples at once: a resample alone is hardly more than the calls.
    """
    happened = np.flatnonzero(waits.happened & ~waits.overdue & (waits.duration < limit))
    happened = happened[np.argsort(waits.duration[happened], kind="stable")]
    times, first = np.unique(waits.duration[happened], return_index=True)
    events = np.add.reduceat(weights[:, happened], first, axis=1) if len(times) else np.zeros((len(weights), 0))
    curved = weights[:, ~waits.overdue]
    n, n_curved = weights.sum(axis=1), curved.sum(axis=1)
    at_risk = n_curved[:, None] - _below(waits.duration[~waits.overdue], curved, times)
    watched = np.maximum(at_risk, 1.0)  # nobody is at risk at a time that a sample does not hold, and nothing happens
    survival = np.cumprod(np.insert(1.0 - events / watched, 0, 1.0, axis=1), axis=1)
    areas = survival * np.diff(np.concatenate([[0.0], times, [limit]]))
    area_ahead = np.cumsum(areas[:, ::-1], axis=1)[:, ::-1][:, 1:]  # the area from each event on
    left = at_risk - events
    terms = np.where(left > 0, area_ahead**2 * events / (watched * np.maximum(left, 1.0)), 0.0)
    mean, part = areas.sum(axis=1), n_curved / n
    # The overdue wait for all of the limit; how many of them there are is as much by chance as how long others wait.
    variance = part**2 * terms.sum(axis=1) + part * (1.0 - part) * (limit - mean) ** 2 / n
    return part * mean + (1.0 - part) * limit, np.sqrt(variance), part * survival[:, -1]


def _below(values: Floats, weights: Floats, limits: Floats) -> Floats:
    """Return the weight of the values below each limit, shape (n_samples, n_limits)."""
    order = np.argsort(values, kind="stable")
    summed = np.insert(np.cumsum(weights[:, order], axis=1), 0, 0.0, axis=1)
    return summed[:, np.searchsorted(values[order], limits, side="left")]


def _pivots(waits: Waits, mean: float, limit: float) -> tuple[float, float]:
    """Return the quantiles of the studentised logarithm of the mean, never narrower than the normal ones."""
    tail = (1 - LEVEL) / 2
    normal = float(-ndtri(tail))
    n = len(waits)
    if n > MOST_RESAMPLED:
        return -normal, normal
    rows = np.random.default_rng(0).integers(0, n, (RESAMPLES, n)) + n * np.arange(RESAMPLES)[:, None]
    drawn = np.bincount(rows.ravel(), minlength=RESAMPLES * n).reshape(RESAMPLES, n)
    means, errors, _ = _restricted_means(waits, drawn.astype(np.float64), limit)
    usable = errors > 0.0
    pivots = np.log(means[usable] / mean) / (errors[usable] / means[usable])
    below, above = np.quantile(pivots, [tail, 1 - tail]) if len(pivots) else (-normal, normal)
    return min(float(below), -normal), max(float(above), normal)


def share_of(name: str, part: int, n: int, target: float | None = None) -> ServiceLevel:
    """Return a plain share with its exact binomial interval (Clopper and Pearson 1934)."""
    if not n:
        return _unknown(name, "share", target, "all")
    lower, upper = proportion_interval(part, n, LEVEL)
    verdict = _verdict(lower, upper, target, lower_is_better=False)
    return ServiceLevel(name, "share", part / n, lower, upper, n, 0, target, verdict)


def is_critical(priority: str) -> bool:
    """Return whether a priority is of rank 1: "1 - Critical", "P1", "Critical", "紧急".

    Examples
    --------
    >>> [is_critical(priority) for priority in ("1 - Critical", "P1", "紧急", "2 - High", "")]
    [True, True, True, False, False]
    """
    return priority_rank(priority) == 1


def _critical(priorities: Iterable[str]) -> tuple[npt.NDArray[np.bool_], str]:
    values = without_placeholders(map(str, priorities))
    if not any(values):
        return np.ones(len(values), dtype=bool), "all"
    return np.array([is_critical(value) for value in values], dtype=bool), "critical"


def _verdict(lower: float, upper: float, target: float | None, *, lower_is_better: bool) -> Verdict:
    if target is None:
        return "too few"
    if lower_is_better:
        return "met" if upper <= target else "missed" if lower > target else "too few"
    return "met" if lower >= target else "missed" if upper < target else "too few"


def _unknown(name: str, unit: Unit, target: float | None, scope: str) -> ServiceLevel:
    return ServiceLevel(name, unit, None, None, None, 0, 0, target, "no data", scope)


def _days(times: Any) -> Floats:  # noqa: ANN401 - a column of any dtype that pandas reads as times
    return days_of(pd.to_datetime(pd.Series(times), utc=True))
