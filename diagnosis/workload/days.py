"""DeskDays: the local days of a history and of those to come, and what was logged, closed and open on each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from diagnosis.arrays import Floats, Ints
from diagnosis.surges.rhythm import DayKind, DayKinds

WINDOW = 800  # days that are looked at: two years, so that a month can be compared with that of the year before
HOLIDAY = 7  # kinds of day are weekdays, Monday 0, and this
N_KINDS = 8
_EPOCH = date(1970, 1, 1)
_MIDWEEK = 2  # what a working day of a weekend counts as


@dataclass(frozen=True)
class DeskDays:
    """Local days in order: those that are over, today, and those to come.

    Attributes
    ----------
    first : int
        The first day, in days since 1970.
    n_past : int
        Days that are over; today is the one after them.
    kinds : ndarray of int, shape (n_past + 1 + n_ahead,)
        Weekday, Monday 0, or `HOLIDAY`.
    names : sequence of str
        ``workday``, ``weekend`` or ``holiday`` of each.
    """

    first: int
    n_past: int
    kinds: Ints
    names: Sequence[DayKind]

    @classmethod
    def between(cls, first: int, today: int, n_ahead: int, day_kinds: DayKinds) -> DeskDays:
        """Return the days from the first to so many after today."""
        dates = [_EPOCH + timedelta(days=day) for day in range(first, today + n_ahead + 1)]
        names = [day_kinds(day) for day in dates]
        kinds = [_kind(day, name) for day, name in zip(dates, names, strict=True)]
        return cls(first, today - first, np.array(kinds, dtype=np.intp), names)

    def date(self, place: int) -> date:
        """Return the date of a day by its place."""
        return _EPOCH + timedelta(days=self.first + place)

    @property
    def days_of_month(self) -> Ints:
        """Part of the month that each day lies in: its first three days, its last three, or between."""
        dates = pd.date_range(self.date(0), periods=len(self.kinds), freq="D")
        parts = np.where(dates.day <= 3, 0, np.where(dates.day > dates.days_in_month - 3, 2, 1))
        return parts.astype(np.intp)


def _kind(day: date, name: DayKind) -> int:
    if name == "holiday":
        return HOLIDAY
    return _MIDWEEK if name == "workday" and day.weekday() >= 5 else day.weekday()


def local_days(moments: Floats, zone: str) -> tuple[Ints, Floats]:
    """Return the local day of each moment (days since 1970) and the share of it that is over then; -1 for NaN.

    Parameters
    ----------
    moments : ndarray, shape (n,)
        Seconds since 1970.
    zone : str
        IANA name.
    """
    times = pd.to_datetime(np.where(np.isfinite(moments), moments, 0.0), unit="s", utc=True).tz_convert(zone)
    seconds = times.tz_localize(None).to_numpy().astype("datetime64[s]").astype(np.int64)
    days = np.where(np.isfinite(moments), seconds // 86_400, -1)
    return days.astype(np.intp), (seconds % 86_400) / 86_400.0


def count_by_day(series: Ints, days: Ints, n_series: int, n_days: int) -> Floats:
    """Return counts by series and day, shape (n_series, n_days); the first series is the sum of all."""
    inside = (days >= 0) & (days < n_days)
    places = (series[inside] + 1) * n_days + days[inside]
    counts = np.bincount(places, minlength=(n_series + 1) * n_days).reshape(n_series + 1, n_days).astype(np.float64)
    counts[0] = counts[1:].sum(axis=0)
    return counts
