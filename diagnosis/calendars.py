"""Calendars: round the clock or business hours with a country's holidays; the time between two moments, and due times.

Business hours are intervals of UTC, one a working day. Their lengths are summed once, so that the business time up to
any moment, and the moment at which it is reached, are found by bisection, for arrays as for one moment. Holidays are
those of the library ``holidays``, which has China's make-up workdays (weekend days that are worked) too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from difflib import get_close_matches
from functools import cache
from typing import Any, Protocol
from zoneinfo import ZoneInfo, available_timezones

import numpy as np

from diagnosis.arrays import Floats
from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.times import as_utc, from_seconds
from diagnosis.validation import quote_value

ROUND_THE_CLOCK = "24x7"
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WORKING_WEEK = WEEKDAYS[:5]
SECONDS_A_DAY, SECONDS_AN_HOUR = 86_400.0, 3_600.0
_KEYS = ("zone", "days", "from", "to", "holidays", "closed", "open")
_EPOCH = date(1970, 1, 1)
_MARGIN = 400  # days by which the table of intervals is made longer than it has to be
_LONGEST = 100_000  # days of a table: who needs more has no working day, or a time limit of centuries


class Calendar(Protocol):
    """When time counts: `RoundTheClock` or `BusinessHours`."""

    def is_workday(self, day: date) -> bool:
        """Return whether there is a working hour on a day of the calendar's zone."""

    def is_holiday(self, day: date) -> bool:
        """Return whether a day is a public holiday of the country, or a date that is closed."""

    def hours_between(self, start: datetime, end: datetime) -> float:
        """Return the hours that count between two moments; negative if ``end`` comes first."""

    def due_at(self, start: datetime, hours: float) -> datetime:
        """Return the moment in UTC at which so many hours have counted since ``start``."""

    def elapsed(self, start: Floats, end: Floats) -> Floats:
        """Return `hours_between` for arrays of seconds since 1970; NaN stays NaN."""

    def due(self, start: Floats, hours: Floats) -> Floats:
        """Return `due_at` for arrays of seconds since 1970 and hours; NaN stays NaN."""

    def to_dict(self) -> str | dict[str, Any]:
        """Return the calendar as settings write it."""


class _Moments:
    """The single moments of a calendar, by its arrays."""

    def elapsed(self, start: Floats, end: Floats) -> Floats:
        raise NotImplementedError

    def due(self, start: Floats, hours: Floats) -> Floats:
        raise NotImplementedError

    def hours_between(self, start: datetime, end: datetime) -> float:
        """Return the hours that count between two moments; negative if ``end`` comes first."""
        return float(self.elapsed(_seconds(start), _seconds(end))[0])

    def due_at(self, start: datetime, hours: float) -> datetime:
        """Return the moment in UTC at which so many hours have counted since ``start``."""
        return from_seconds(float(self.due(_seconds(start), np.array([float(hours)]))[0]))


@dataclass(frozen=True)
class RoundTheClock(_Moments):
    """Every hour counts.

    Examples
    --------
    >>> from datetime import UTC
    >>> RoundTheClock().due_at(datetime(2026, 3, 6, 23, tzinfo=UTC), 4).isoformat()
    '2026-03-07T03:00:00+00:00'
    """

    def is_workday(self, day: date) -> bool:  # noqa: ARG002 - the contract of every calendar
        """Return True: every day is one."""
        return True

    def is_holiday(self, day: date) -> bool:  # noqa: ARG002 - the contract of every calendar
        """Return False: no day is one."""
        return False

    def elapsed(self, start: Floats, end: Floats) -> Floats:
        """Return the hours between moments in seconds since 1970."""
        hours: Floats = (np.asarray(end, dtype=np.float64) - start) / SECONDS_AN_HOUR
        return hours

    def due(self, start: Floats, hours: Floats) -> Floats:
        """Return the moments, in seconds since 1970, so many hours later."""
        later: Floats = np.asarray(start, dtype=np.float64) + np.asarray(hours) * SECONDS_AN_HOUR
        return later

    def to_dict(self) -> str:
        """Return ``"24x7"``."""
        return ROUND_THE_CLOCK


@dataclass(frozen=True)
class BusinessHours(_Moments):
    """Hours of working days, in a time zone.

    Parameters
    ----------
    zone : str
        IANA name, such as ``Asia/Shanghai``.
    days : tuple of str
        Of `WEEKDAYS`.
    opens, closes : float
        Hours since midnight, local time; a calendar that closes before it opens does so on the next day.
    holidays : str
        ISO 3166 code of a country, or of a part of it such as ``DE-BY``; empty for none.
    closed, open : frozenset of date
        Dates that are no working days, and dates that are, whatever day of the week they fall on. ``open`` wins over
        holidays, ``closed`` over both.

    Examples
    --------
    >>> from datetime import UTC
    >>> hours = BusinessHours("Asia/Shanghai", holidays="CN")
    >>> hours.is_workday(date(2026, 10, 1)), hours.is_workday(date(2026, 10, 10))  # National Day; a make-up Saturday
    (False, True)
    >>> hours.due_at(datetime(2026, 9, 30, 9, tzinfo=UTC), 2).isoformat()  # Wednesday 17:00: on after the holidays
    '2026-10-08T02:00:00+00:00'
    """

    zone: str
    days: tuple[str, ...] = WORKING_WEEK
    opens: float = 9.0
    closes: float = 18.0
    holidays: str = ""
    closed: frozenset[date] = frozenset()
    open: frozenset[date] = frozenset()
    _table: list[_Intervals] = field(default_factory=list, repr=False, compare=False)

    def is_workday(self, day: date) -> bool:
        """Return whether there is a working hour on a day of the calendar's zone."""
        if day in self.closed or day in self.open:
            return day not in self.closed
        country = _country_days(self.holidays, day.year)
        return day in country.made_up or (WEEKDAYS[day.weekday()] in self.days and day not in country.holidays)

    def is_holiday(self, day: date) -> bool:
        """Return whether a day is a public holiday of the country, or a date that is closed."""
        public = day in _country_days(self.holidays, day.year).holidays and day not in self.open
        return public or day in self.closed

    def elapsed(self, start: Floats, end: Floats) -> Floats:
        """Return the business hours between moments in seconds since 1970; NaN stays NaN."""
        starts, ends = np.broadcast_arrays(np.asarray(start, dtype=np.float64), np.asarray(end, dtype=np.float64))
        table = self._covering(starts, ends)
        hours: Floats = (table.until(ends) - table.until(starts)) / SECONDS_AN_HOUR
        return hours

    def due(self, start: Floats, hours: Floats) -> Floats:
        """Return the moments, in seconds since 1970, at which so many business hours have counted; NaN stays NaN."""
        starts, spans = np.broadcast_arrays(
            np.asarray(start, dtype=np.float64), np.asarray(hours, dtype=np.float64) * SECONDS_AN_HOUR
        )
        table = self._covering(starts, starts)
        target = table.until(starts) + spans
        while np.any(target > table.total) or np.any(target < 0.0):
            table = self._longer(table, ahead=bool(np.any(target > table.total)))
            target = table.until(starts) + spans
        return table.moment(target)

    def to_dict(self) -> dict[str, Any]:
        """Return the calendar as settings write it."""
        return {
            "zone": self.zone,
            "days": list(self.days),
            "from": _clock_text(self.opens),
            "to": _clock_text(self.closes),
            "holidays": self.holidays,
            "closed": sorted(day.isoformat() for day in self.closed),
            "open": sorted(day.isoformat() for day in self.open),
        }

    def _covering(self, start: Floats, end: Floats) -> _Intervals:
        """Return the table of intervals that covers these moments, made anew where it is too short."""
        moments = np.concatenate([start.ravel(), end.ravel()])
        moments = moments[np.isfinite(moments)]
        if not len(moments):
            moments = np.zeros(1)
        first, last = int(moments.min() // SECONDS_A_DAY) - 2, int(moments.max() // SECONDS_A_DAY) + 2
        table = self._table[0] if self._table else None
        if table is not None and table.first <= first and last <= table.last:
            return table
        low, high = (first, last) if table is None else (min(first, table.first), max(last, table.last))
        return self._intervals(low, high + _MARGIN)

    def _longer(self, table: _Intervals, *, ahead: bool) -> _Intervals:
        length = table.last - table.first
        if length > _LONGEST:
            raise InputError(Phrase("calendar_too_empty", {"zone": self.zone, "n": length}))
        if ahead:
            return self._intervals(table.first, table.last + 2 * length)
        return self._intervals(table.first - 2 * length, table.last)

    def _intervals(self, first: int, last: int) -> _Intervals:
        zone = ZoneInfo(self.zone)
        working = [day for n in range(first, last + 1) if self.is_workday(day := _EPOCH + timedelta(days=n))]
        opens = np.array([_instant(day, self.opens, zone) for day in working], dtype=np.float64)
        over_midnight = 24.0 if self.closes <= self.opens else 0.0
        closes = np.array([_instant(day, self.closes + over_midnight, zone) for day in working], dtype=np.float64)
        table = _Intervals(first, last, opens, np.maximum(closes, opens))
        self._table[:] = [table]  # a thread that reads meanwhile has the table before, which is as right
        return table


@dataclass(frozen=True)
class _Intervals:
    """Working intervals of consecutive days, in seconds since 1970, and the seconds worked before each."""

    first: int
    last: int
    opens: Floats
    closes: Floats
    before: Floats = field(init=False)
    total: float = field(init=False)

    def __post_init__(self) -> None:
        lengths = self.closes - self.opens
        worked = np.concatenate([[0.0], np.cumsum(lengths)])
        object.__setattr__(self, "before", worked[:-1])
        object.__setattr__(self, "total", float(worked[-1]))

    def until(self, moments: Floats) -> Floats:
        """Return the seconds worked up to each moment."""
        if not len(self.opens):
            return np.where(np.isnan(moments), np.nan, 0.0)
        place = np.maximum(np.searchsorted(self.opens, moments, side="right") - 1, 0)
        within = np.clip(moments - self.opens[place], 0.0, self.closes[place] - self.opens[place])
        worked: Floats = self.before[place] + within
        return worked

    def moment(self, worked: Floats) -> Floats:
        """Return the first moment at which so many seconds have been worked."""
        place = np.maximum(np.searchsorted(self.before, worked, side="left") - 1, 0)
        moments: Floats = self.opens[place] + (worked - self.before[place])
        return moments


def calendar_from(value: Any) -> Calendar:  # noqa: ANN401 - what a settings file holds
    """Return the calendar of a setting: ``"24x7"``, or business hours as a table.

    Raises
    ------
    InputError
        If it is neither, or its zone, days, hours, country or dates cannot be used.

    Examples
    --------
    >>> calendar_from({"zone": "Asia/Shanghai", "from": "09:00", "to": "18:00", "holidays": "CN"}).is_workday(
    ...     date(2026, 10, 1)
    ... )
    False
    """
    if isinstance(value, RoundTheClock | BusinessHours):
        return value
    if isinstance(value, str) and value.strip().casefold() in (ROUND_THE_CLOCK, "24/7"):
        return RoundTheClock()
    if not isinstance(value, Mapping):
        raise InputError(Phrase("calendar_expected", {"whole": ROUND_THE_CLOCK, "value": quote_value(value)}))
    if unknown := [name for name in value if name not in _KEYS]:
        values = {"table": "calendar", "name": unknown[0], "names": tuple(_KEYS)}
        raise InputError(Phrase("table_setting_unknown", values))
    opens, closes = _clock(value.get("from", "09:00"), "from"), _clock(value.get("to", "18:00"), "to")
    if opens == closes:
        raise InputError(Phrase("calendar_never_open", {"time": _clock_text(opens), "whole": ROUND_THE_CLOCK}))
    return BusinessHours(
        zone=_zone(value.get("zone")),
        days=_days(value.get("days", WORKING_WEEK)),
        opens=opens,
        closes=closes,
        holidays=_holidays(value.get("holidays", "")),
        closed=_dates(value.get("closed", ()), "closed"),
        open=_dates(value.get("open", ()), "open"),
    )


def holidays_of(country: str) -> BusinessHours:
    """Return the calendar of a country for who only asks which days are working days; empty has Monday to Friday.

    Raises
    ------
    InputError
        If the country is not known.
    """
    return BusinessHours("UTC", holidays=_holidays(country))


def _zone(value: Any) -> str:  # noqa: ANN401 - what a settings file holds
    if not value:
        raise InputError(Phrase("calendar_without_zone"))
    if not isinstance(value, str) or value not in available_timezones():
        near = get_close_matches(str(value), available_timezones(), n=1)
        hint = Phrase("did_you_mean", {"name": near[0]}) if near else ""
        raise InputError(Phrase("calendar_zone_wrong", {"value": str(value), "near": hint}))
    return value


def _days(value: Any) -> tuple[str, ...]:  # noqa: ANN401 - what a settings file holds
    days = value if isinstance(value, list | tuple) else (value,)
    short_names = tuple(str(day).strip().casefold()[:3] for day in days)
    wrong = [day for day, short in zip(days, short_names, strict=True) if short not in WEEKDAYS]
    if wrong or not days:
        found = tuple(map(str, wrong)) or Phrase("none_found")
        raise InputError(Phrase("calendar_days_wrong", {"days": tuple(WEEKDAYS), "found": found}))
    return tuple(day for day in WEEKDAYS if day in short_names)


def _clock(value: Any, name: str) -> float:  # noqa: ANN401 - what a settings file holds
    if isinstance(value, time):
        return value.hour + value.minute / 60
    parts = str(value).split(":")
    numbers = [int(part) for part in parts if part.isdecimal()]
    if len(numbers) == len(parts) == 2 and numbers[1] < 60 and numbers[0] + numbers[1] / 60 <= 24:
        return numbers[0] + numbers[1] / 60
    raise InputError(Phrase("calendar_time_wrong", {"name": name, "value": value}))


def _clock_text(hours: float) -> str:
    minutes = round(hours * 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _dates(value: Any, name: str) -> frozenset[date]:  # noqa: ANN401 - what a settings file holds
    days: Iterable[Any] = value if isinstance(value, list | tuple | frozenset) else (value,)
    try:
        return frozenset(_date(day) for day in days)
    except (TypeError, ValueError) as error:
        raise InputError(Phrase("calendar_dates_wrong", {"name": name, "value": quote_value(value)})) from error


def _date(value: Any) -> date:  # noqa: ANN401 - what a settings file holds
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else date.fromisoformat(value)


def _holidays(value: Any) -> str:  # noqa: ANN401 - what a settings file holds
    country = str(value or "").strip().upper()
    _country_days(country, _EPOCH.year)
    return country


@dataclass(frozen=True, slots=True)
class _CountryDays:
    """A country's public holidays of a year, and the weekend days that are worked instead (China's make-up days)."""

    holidays: frozenset[date]
    made_up: frozenset[date]


@cache
def _country_days(code: str, year: int) -> _CountryDays:
    if not code:
        return _CountryDays(frozenset(), frozenset())
    import holidays  # noqa: PLC0415 - who needs no holidays does not wait for it

    country, _, part = code.partition("-")
    years = (year, year + 1)  # a day at the end of a year may be worked for the next year's holiday
    try:
        listed = holidays.country_holidays(country, subdiv=part or None, years=years, expand=False)
    except NotImplementedError as error:
        parts = holidays.list_supported_countries().get(country)
        values = {"country": country, "part": parts[0] if parts else "", "value": code}
        raise InputError(Phrase("calendar_part_wrong" if parts else "calendar_country_wrong", values)) from error
    return _CountryDays(frozenset(day for day in listed if day.year == year), frozenset(listed.weekend_workdays))


def _instant(day: date, hours: float, zone: ZoneInfo) -> float:
    """Return local hours since midnight of a day in seconds since 1970."""
    days, hours = divmod(hours, 24.0)
    minutes = round(hours * 60)
    local = datetime.combine(day + timedelta(days=int(days)), time(minutes // 60, minutes % 60), zone)
    return local.timestamp()


def _seconds(moment: datetime) -> Floats:
    """Return a moment as an array of one, in seconds since 1970; without a zone it is taken as UTC."""
    return np.array([as_utc(moment).timestamp()])
