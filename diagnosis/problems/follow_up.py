"""What became of a measure: hazard before and after, and what was saved against what had been expected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd

from diagnosis.arrays import Bools, Floats
from diagnosis.problems.prevention import MeasureEffect
from diagnosis.recurrence.beginning import beginning_of
from diagnosis.recurrence.verdict import FixVerdict, episode_bounds, verdict_of
from diagnosis.times import as_utc, days_of

LOOK_BACK = 365.0  # days before a measure that say how often its fault came
FEWEST_DAYS = 14.0  # days after a measure from which it teaches what such measures achieve
PRIOR = 0.5  # incidents: Jeffreys' prior of a Poisson rate
TAILS = (0.1, 0.9)
MOST = 1e9  # incidents, days or hours: more is no figure that somebody expected


@dataclass(frozen=True, slots=True)
class ExpectedIncidents:
    """What had been expected of a problem when a measure on it was proposed.

    Attributes
    ----------
    incidents : float
        Within the horizon.
    horizon_days : float
    as_of : Timestamp or None
        When it was expected; None where that is not known.
    spread : float or None
        Of their number: variance = mean + spread * mean^2, for any number of days; None where it was not kept.
    hours_per_incident : float or None
    """

    incidents: float
    horizon_days: float
    as_of: pd.Timestamp | None = None
    spread: float | None = None
    hours_per_incident: float | None = None

    @classmethod
    def of(cls, effect: Mapping[str, Any]) -> Self | None:
        """Read it from the expected effect of an action; None where that says no incidents: anybody may write one."""
        incidents, horizon = _number(effect.get("expected_incidents")), _number(effect.get("horizon_days"))
        if incidents is None or horizon is None or horizon < 1:
            return None
        spread, hours = _number(effect.get("spread")) or None, _number(effect.get("hours_per_incident"))
        return cls(incidents, horizon, _moment(effect.get("as_of")), spread, hours)


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A measure followed from its date on.

    Attributes
    ----------
    verdict : FixVerdict
    expected, interval : float, tuple of float
        Incidents since the date had nothing been done, and their 80 % interval.
    happened : int
        Incidents since the date.
    hours_expected, hours_lost : float or None
        Hours that those would have cost, and what was lost; None where no resolution is known.
    """

    verdict: FixVerdict
    expected: float
    interval: tuple[float, float]
    happened: int
    hours_expected: float | None
    hours_lost: float | None
    hours_interval: tuple[float, float] | None

    def to_dict(self, counted_at: str) -> dict[str, Any]:
        """Return what is kept of it as plain JSON values."""
        verdict = self.verdict
        kept = ("episodes_before", "episodes_after", "ratio", "lower", "upper", "verdict", "days_until_told")
        figures = {name: getattr(verdict, name) for name in kept}
        days = {"days_before": round(verdict.days_before, 1), "days_after": round(verdict.days_after, 1)}
        incidents = {"expected": round(self.expected, 1), "interval": list(self.interval), "happened": self.happened}
        return {**figures, **days, "incidents": incidents, "hours": self._hours(), "counted_at": counted_at}

    def _hours(self) -> dict[str, Any] | None:
        if self.hours_expected is None or self.hours_lost is None or self.hours_interval is None:
            return None
        saved = [round(bound - self.hours_lost, 1) for bound in self.hours_interval]
        return {
            "expected": round(self.hours_expected, 1),
            "lost": round(self.hours_lost, 1),
            "saved": round(self.hours_expected - self.hours_lost, 1),
            "interval": saved,
        }


def follow_up(
    times: Floats,
    hours: Floats | None,
    date: pd.Timestamp,
    *,
    first: float,
    end: float,
    forecast: ExpectedIncidents | None = None,
    signature: Mapping[str, str] | None = None,
    is_monitored: Bools | None = None,
) -> FollowUp | None:
    """Compare a fault before and after a measure.

    Parameters
    ----------
    times : ndarray, shape (n,)
        When its incidents were logged, sorted, in days since 1970; what lies before the records is not counted.
    hours : ndarray, shape (n,), or None
        Hours to restore of each, NaN for one of which nobody can say.
    date : Timestamp
        From when the measure works.
    first, end : float
        Beginning and end of the records, in days since 1970.
    forecast : ExpectedIncidents, optional
        What had been expected when it was proposed; otherwise the rate of the year before the date stands in.
    is_monitored : ndarray of bool, shape (n,), optional
        Which incidents monitoring filed: a flood of them is one episode.

    Returns
    -------
    FollowUp or None
        None while the date does not lie between the fault's first episode and the end of the records.
    """
    cut = float(days_of(pd.Series([as_utc(date)]))[0])
    inside = times >= first
    times, hours = times[inside], None if hours is None else hours[inside]
    is_monitored = np.zeros(len(times), dtype=bool) if is_monitored is None else is_monitored[inside]
    begin = watched_since(times, date, first=first, end=end, is_monitored=is_monitored)
    if not begin < cut < end:
        return None
    later = times > begin
    watched, of_fault = times[later], dict(signature or {})
    verdict = verdict_of(
        watched, begin, cut, end, signature=of_fault, date=as_utc(date), is_monitored=is_monitored[later]
    )
    is_after = times >= cut
    expected, interval = _expected(watched, cut, end, begin, forecast)
    per_incident = _hours_of_one(hours, is_after, forecast)
    lost = None if hours is None else float(np.nansum(hours[is_after]))
    known = per_incident is not None and lost is not None
    return FollowUp(
        verdict,
        expected,
        (round(interval[0], 1), round(interval[1], 1)),
        int(is_after.sum()),
        expected * per_incident if known and per_incident is not None else None,
        lost if known else None,
        (interval[0] * per_incident, interval[1] * per_incident) if known and per_incident is not None else None,
    )


def watched_since(
    times: Floats, date: pd.Timestamp, *, first: float, end: float, is_monitored: Bools | None = None
) -> float:
    """Return since when a fault is watched, in days since 1970, as `follow_up` takes it; ``end`` for one without times.

    That is the end of its first episode, which is not counted: before it there may have been no such item. A date more
    than a year before all others is a typing error, and begins nothing.
    """
    inside = times >= first
    if not inside.any():
        return end
    cut = float(days_of(pd.Series([as_utc(date)]))[0])
    starts, ends = episode_bounds(times[inside], None if is_monitored is None else is_monitored[inside])
    before = starts[starts < cut]
    begin = beginning_of(starts, end, LOOK_BACK)
    begin = max(begin, beginning_of(before, cut, LOOK_BACK)) if len(before) else begin
    return max(first, float(ends[np.searchsorted(starts, begin)]))


def measure_effect(kind: str, result: Mapping[str, Any]) -> MeasureEffect | None:
    """Return what a measure teaches of its kind, from what `FollowUp.to_dict` keeps.

    None while too little time has passed, or where nothing was expected from the hazard before.
    """
    days_before, days_after = result.get("days_before") or 0.0, result.get("days_after") or 0.0
    if not days_before or days_after < FEWEST_DAYS or not result["episodes_before"]:
        return None
    expected = result["episodes_before"] / days_before * days_after
    return MeasureEffect(kind, float(result["episodes_after"]), expected)


def _expected(
    times: Floats, cut: float, end: float, first: float, forecast: ExpectedIncidents | None
) -> tuple[float, tuple[float, float]]:
    days = end - cut
    if forecast is not None:
        scale = days / forecast.horizon_days
        expected = forecast.incidents * scale
        if forecast.spread is not None:
            return expected, _interval(1.0 / forecast.spread, expected)
        return expected, _interval(forecast.incidents + PRIOR, (forecast.incidents + PRIOR) * scale)
    begin = max(first, cut - LOOK_BACK)
    count = float(((times >= begin) & (times < cut)).sum())
    expected = count / (cut - begin) * days
    return expected, _interval(count + PRIOR, (count + PRIOR) / (cut - begin) * days)


def _interval(size: float, mean: float) -> tuple[float, float]:
    """Return the 80 % interval of a count: Poisson, its mean gamma of this shape (negative binomial)."""
    from scipy.stats import nbinom  # noqa: PLC0415 - no diagnosis needs it

    low, high = (float(nbinom.ppf(tail, size, size / (size + mean))) for tail in TAILS)
    return low, high


def _number(value: Any) -> float | None:  # noqa: ANN401 - whatever JSON holds
    """Return a count, days or hours; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MOST:
        return None
    return float(value)


def _moment(value: Any) -> pd.Timestamp | None:  # noqa: ANN401 - whatever JSON holds
    try:
        moment = pd.Timestamp(value) if isinstance(value, str) else pd.NaT
    except ValueError:
        return None
    return None if pd.isna(moment) else as_utc(moment)


def _hours_of_one(hours: Floats | None, is_after: Bools, forecast: ExpectedIncidents | None) -> float | None:
    if forecast is not None and forecast.hours_per_incident is not None:
        return forecast.hours_per_incident
    known_hours = np.zeros(0) if hours is None else hours[~is_after & np.isfinite(hours)]
    return float(np.mean(known_hours)) if len(known_hours) else None
