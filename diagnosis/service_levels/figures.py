"""The programme's service levels of a period: response, restoration, closure and satisfaction, with their intervals.

What is still open has not met its service level: it is censored, never left out. An incident that waits past its
deadline is a miss from the deadline on; one that was opened an hour ago counts for the hour. Each figure is of the time
that lies in the period: an incident opened before it enters at the age that it then had (period analysis; Brenner and
Gefeller 1996), so that "the last 30 days" really are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtri

from diagnosis.arrays import Floats
from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.service_levels.rules import priority_rank
from diagnosis.statistics import proportion_interval
from diagnosis.times import days_of

Verdict = Literal["met", "missed", "too few", "no data"]
Unit = Literal["share", "hours"]
LEVEL = 0.95
HOUR = 1 / 24  # times are in days
LONGEST = 30.0  # days: a mean is restricted to them, and closure is looked at after them
RESPONSE, RESTORATION = 2 * HOUR, 4 * HOUR
SATISFIED = 4.0  # of five
# By figure: hours of the mean response, shares of the others.
TARGETS: Mapping[str, float] = {"response": 2.0, "restoration": 0.9, "closure": 0.95, "satisfaction": 0.9}
FEWEST_ENDED = 30
RESAMPLES, MOST_RESAMPLED = 300, 1_000  # above, the normal quantiles are as good, and cost nothing
ROUNDING = 1e-9  # days: what 2 hours after a moment may be off by
_NEVER = -1.0  # an entry before every age: opened within the period


@dataclass(frozen=True, slots=True)
class ServiceLevel:
    """One figure of a period.

    Attributes
    ----------
    name : str
    unit : {"share", "hours"}
    value : float or None
        None where the data do not hold it.
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
    """How long incidents waited for something, as far as it lies in a period; all arrays of shape (n,), in days.

    Attributes
    ----------
    entry : ndarray
        Age at which each came under observation; `_NEVER` for one opened within the period.
    duration : ndarray
        Age at the event, or at the end of the period where there was none.
    happened : ndarray of bool
    """

    entry: Floats
    duration: Floats
    happened: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, opened: Floats, ended: Floats, start: float, end: float) -> Waits:
        """Return the waits of a period, from openings and ends in days since 1970, NaN for "not known".

        An end before the opening is a typing error, so that incident is left out; one after the period has not
        happened yet.
        """
        usable = np.isfinite(opened) & (opened < end) & ~(ended < opened)
        opened, ended = opened[usable], ended[usable]
        happened = ended <= end
        duration = np.where(happened, ended, end) - opened
        entry = np.where(opened >= start, _NEVER, start - opened)
        inside = duration > entry
        return cls(entry[inside], duration[inside], happened[inside])

    def __len__(self) -> int:
        return len(self.duration)

    def curve(self) -> tuple[Floats, Floats, Floats]:
        """Return the distinct times of events, the events at each and how many were at risk just before it."""
        times, events = np.unique(self.duration[self.happened], return_counts=True)
        entered = np.searchsorted(np.sort(self.entry), times, side="left")
        left = np.searchsorted(np.sort(self.duration), times, side="left")
        return times, events.astype(np.float64), (entered - left).astype(np.float64)


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

    ``response`` is the mean hours to the first response, restricted to 30 days, and ``response_in_time`` the share
    answered within 2 h; a resolution answers too. ``restoration`` is the share of critical faults (of all, where no
    incident has a priority) restored within 4 h, ``restoration_hours`` their restricted mean. ``closure`` is the
    Kaplan-Meier share closed 30 days after opening, ``satisfaction`` the share rated 4 or 5 of 5.

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
    end = _days(pd.Series([pd.Timestamp(as_of)]))[0]
    start = end - days
    records = incidents.drop_duplicates("number", keep="last")
    opened, resolved = _days(records["opened_at"]), _days(records["resolved_at"])
    responded = _days(records["responded_at"]) if "responded_at" in records else np.full(len(records), np.nan)
    has_responses = bool(np.isfinite(responded).any())
    responded = np.where(np.isfinite(responded), responded, resolved if has_responses else np.nan)
    critical, scope = _critical(records["priority"])
    response = Waits.of(opened, responded, start, end) if has_responses else None
    restoration = _waits_if_known(opened[critical], resolved[critical], start, end, any_known=resolved)
    closed = _days(records["closed_at"])
    closure = _waits_if_known(opened, closed, start, end, any_known=closed)
    rated = pd.to_numeric(records["satisfaction"], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    ended = np.fmax(closed, resolved)
    inside = np.isfinite(rated) & (np.where(np.isfinite(ended), ended, opened) >= start) & (opened < end)
    return (
        mean_wait("response", response, goals.get("response")),
        share_in_time("response_in_time", response, RESPONSE, goals.get("response_in_time")),
        share_in_time("restoration", restoration, RESTORATION, goals.get("restoration"), scope),
        mean_wait("restoration_hours", restoration, goals.get("restoration_hours"), scope),
        share_in_time("closure", closure, LONGEST, goals.get("closure")),
        share_of("satisfaction", int((rated[inside] >= SATISFIED).sum()), int(inside.sum()), goals.get("satisfaction")),
    )


def share_in_time(
    name: str, waits: Waits | None, limit: float, target: float | None = None, scope: str = "all"
) -> ServiceLevel:
    """Return the share of incidents that waited no longer than ``limit`` days (Kaplan and Meier 1958).

    The interval is the exact binomial one at the effective number of incidents, the number whose plain share would have
    Greenwood's variance (Dorey and Korn 1987); it holds for few incidents, and where all or none were in time. Where
    those left were watched for less than ``limit``, all of them may yet be in time: the upper bound is 1.
    """
    if waits is None or not len(waits):
        return _unknown(name, "share", target, scope)
    times, events, at_risk = waits.curve()
    early = times <= limit + ROUNDING
    survival = float(np.prod(1.0 - events[early] / at_risk[early]))
    reached = int(((waits.entry < limit) & ((waits.duration >= limit) | waits.happened)).sum())
    left = at_risk[early] - events[early]
    variance = survival**2 * float(np.sum(events[early] / (at_risk[early] * np.maximum(left, 1.0))))
    n_effective = float(reached)
    if 0.0 < survival < 1.0 and variance > 0.0:
        n_effective = min(survival * (1.0 - survival) / variance, float(len(waits)))
    # Nobody was watched for so long: everything is possible.
    lower, upper = proportion_interval((1.0 - survival) * n_effective, n_effective, LEVEL) if reached else (0.0, 1.0)
    if survival > 0.0 and waits.duration.max() < limit - ROUNDING:
        upper = 1.0
    n_open = int((~waits.happened).sum())
    value = 1.0 - survival
    verdict = _verdict(lower, upper, target, lower_is_better=False)
    return ServiceLevel(name, "share", value, lower, upper, len(waits), n_open, target, verdict, scope)


def mean_wait(name: str, waits: Waits | None, target: float | None = None, scope: str = "all") -> ServiceLevel:
    """Return the mean hours that incidents waited, each for at most 30 days, those that still wait censored.

    The area under the Kaplan-Meier curve (Irwin 1949) with its Greenwood-type variance (Klein and Moeschberger 2003).
    Waits are skewed, so the interval is taken on the scale of logarithms, by the bootstrap-t for up to
    `MOST_RESAMPLED` incidents (Efron 1981). Where nobody has been watched for 30 days, the lower bound takes those left
    as ended at once, the upper one as waiting for all of them. With fewer than `FEWEST_ENDED` ends a mean of such waits
    cannot be judged, and the verdict is "too few".
    """
    if waits is None or not len(waits):
        return _unknown(name, "hours", target, scope)
    mean, error, tail_area = _restricted_mean(waits)
    n_ended, n_open = int(waits.happened.sum()), int((~waits.happened).sum())
    lower, upper = 0.0, LONGEST
    if n_ended > 1 and error > 0.0:
        below, above = _pivots(waits, mean)
        least = max(mean - tail_area, 1e-9)
        lower = least * float(np.exp(-above * error / least))
        upper = min(mean * float(np.exp(-below * error / mean)), LONGEST)
    lower, value, upper = (float(bound / HOUR) for bound in (lower, mean, upper))
    verdict = _verdict(lower, upper, target, lower_is_better=True)
    if n_ended < FEWEST_ENDED:
        verdict = "too few"
    return ServiceLevel(name, "hours", value, lower, upper, len(waits), n_open, target, verdict, scope)


def _restricted_mean(waits: Waits) -> tuple[float, float, float]:
    """Return the mean in days, its standard error, and the area behind the last time that anybody was watched."""
    (mean,), (error,), (left_waiting,) = _restricted_means(waits, np.ones((1, len(waits))))
    unwatched = max(LONGEST - float(waits.duration.max()), 0.0)
    return float(mean), float(error), float(left_waiting) * unwatched


def _restricted_means(waits: Waits, weights: Floats) -> tuple[Floats, Floats, Floats]:
    """Return means in days, their standard errors and the shares that wait on, each of shape (n_samples,).

    Parameters
    ----------
    weights : ndarray of shape (n_samples, n)
        How often each sample holds each wait. All samples at once: a resample alone is hardly more than the calls.
    """
    happened = np.flatnonzero(waits.happened & (waits.duration < LONGEST))
    happened = happened[np.argsort(waits.duration[happened], kind="stable")]
    times, first = np.unique(waits.duration[happened], return_index=True)
    events = np.add.reduceat(weights[:, happened], first, axis=1) if len(times) else np.zeros((len(weights), 0))
    at_risk = _below(waits.entry, weights, times) - _below(waits.duration, weights, times)
    watched = np.maximum(at_risk, 1.0)  # nobody is at risk at a time that a sample does not hold, and nothing happens
    survival = np.cumprod(np.insert(1.0 - events / watched, 0, 1.0, axis=1), axis=1)
    areas = survival * np.diff(np.concatenate([[0.0], times, [LONGEST]]))
    area_ahead = np.cumsum(areas[:, ::-1], axis=1)[:, ::-1][:, 1:]  # the area from each event on
    left = at_risk - events
    terms = np.where(left > 0, area_ahead**2 * events / (watched * np.maximum(left, 1.0)), 0.0)
    left_waiting = np.asarray(survival[:, -1], dtype=np.float64)
    return areas.sum(axis=1), np.sqrt(terms.sum(axis=1)), left_waiting


def _below(values: Floats, weights: Floats, limits: Floats) -> Floats:
    """Return the weight of the values below each limit, shape (n_samples, n_limits)."""
    order = np.argsort(values, kind="stable")
    summed = np.insert(np.cumsum(weights[:, order], axis=1), 0, 0.0, axis=1)
    return summed[:, np.searchsorted(values[order], limits, side="left")]


def _pivots(waits: Waits, mean: float) -> tuple[float, float]:
    """Return the quantiles of the studentised logarithm of the mean, never narrower than the normal ones."""
    tail = (1 - LEVEL) / 2
    normal = float(-ndtri(tail))
    n = len(waits)
    if n > MOST_RESAMPLED:
        return -normal, normal
    rows = np.random.default_rng(0).integers(0, n, (RESAMPLES, n)) + n * np.arange(RESAMPLES)[:, None]
    drawn = np.bincount(rows.ravel(), minlength=RESAMPLES * n).reshape(RESAMPLES, n)
    means, errors, _ = _restricted_means(waits, drawn.astype(np.float64))
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
    values = [str(value) for value in priorities]
    if not any(values):
        return np.ones(len(values), dtype=bool), "all"
    return np.array([is_critical(value) for value in values], dtype=bool), "critical"


def _waits_if_known(opened: Floats, ended: Floats, start: float, end: float, *, any_known: Floats) -> Waits | None:
    """Return the waits, None where no incident at all has such an end: then the data do not hold it."""
    return Waits.of(opened, ended, start, end) if np.isfinite(any_known).any() else None


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
