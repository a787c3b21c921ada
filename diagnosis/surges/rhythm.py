"""ArrivalRhythm: how many incidents are usual in each scope, by hour and weekday, from those seen so far.

The desk's level by hour of the week is learned from all arrivals; each scope has its share of it, which may differ by
day and night, working day and weekend. Old arrivals fade, so that a level that moved is followed within some weeks.
What is uncertain is a Gamma distribution of the rate, so that a count is negative binomial (Greenwood and Yule, 1920):
few arrivals behind a share, and bursts beyond chance, both make the tail heavier.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any, Literal, NamedTuple

import numpy as np

from diagnosis.calendars import holidays_of
from diagnosis.surges.scope import Scope, ScopeKind

DAY = 86_400.0
HOUR = 3_600.0
HALF_LIFE_DAYS = 28.0
BLOCK_HOURS = 6
_BLOCKS = 2 * 24 // BLOCK_HOURS  # of a working day and of a day of the weekend
_SHARE_PRIOR = 40.0  # arrivals of a block that its own share of a scope must outweigh
_HOUR_PRIOR = 6.0  # hours of observation that an hour of the week must outweigh
_EPOCH = date(1970, 1, 1)
_MIDWEEK, _SUNDAY = 2, 6  # what a working day of a weekend, and a holiday, are counted as
_DISPERSION_PRIOR = 30.0  # expected arrivals, squared, that stand for the least dispersion
_LEAST_DISPERSION = 0.02
_FORGOTTEN = 0.05  # faded arrivals below which a scope is let go of


DayKind = Literal["workday", "weekend", "holiday"]
DayKinds = Callable[[date], DayKind]


def plain_week(day: date) -> DayKind:
    """Return what a day is where no holidays are known."""
    return "workday" if day.weekday() < 5 else "weekend"


class Expectation(NamedTuple):
    """What is usual in one scope and window: the mean count, and the shape of the Gamma distribution of its rate."""

    mean: float
    shape: float


class ArrivalRhythm:
    """Rates of arrival by scope and time, learned as time passes.

    Call `add` for each arrival in order of time, and `close_day` once for each day that has passed.

    Parameters
    ----------
    day_kinds : callable, default `plain_week`
        What a day of the desk's calendar is: a holiday is counted with Sundays, a working day that lies on a weekend
        with Wednesdays.

    Attributes
    ----------
    days : float
        How many days have been observed, at most what fading leaves of them.
    """

    def __init__(self, day_kinds: DayKinds = plain_week) -> None:
        self.day_kinds = day_kinds
        self.days = 0.0
        self._weekdays: dict[int, int] = {}  # by day since the epoch
        self._hours = np.zeros((7, 24))  # faded arrivals by hour of the week
        self._exposure = np.zeros((7, 24))  # faded hours of observation
        self._rows: dict[Scope, int] = {}  # where a scope stands in the table
        self._table = np.zeros((0, _BLOCKS))  # faded arrivals by scope and block
        self._blocks = np.zeros(_BLOCKS)
        self._today = np.zeros((7, 24))
        self._today_by_scope: dict[Scope, np.ndarray] = {}
        self._level = np.zeros((7, 24))  # expected arrivals an hour
        self._dispersion: dict[ScopeKind, list[float]] = {}  # faded sums: excess of variance, squared expectation

    def add(self, at: float, scopes: Iterable[Scope]) -> None:
        """Count one arrival at a time (seconds since the epoch, local to the desk) in each of its scopes."""
        weekday, hour = self._weekday_hour(at)
        self._today[weekday, hour] += 1
        block = _block(weekday, hour)
        for scope in scopes:
            counts = self._today_by_scope.get(scope)
            if counts is None:
                counts = self._today_by_scope[scope] = np.zeros(_BLOCKS)
            counts[block] += 1

    def close_day(self, day: float) -> None:
        """Learn from the day that began at ``day`` (seconds since the epoch), which is over."""
        weekday, _ = self._weekday_hour(day)
        if self.days >= 7:
            self._learn_dispersion(weekday)
        fade = 0.5 ** (1 / HALF_LIFE_DAYS)
        self.days = self.days * fade + 1
        self._hours *= fade
        self._exposure *= fade
        self._hours += self._today
        self._exposure[weekday] += 1
        blocks = _blocks_of(self._today)
        self._blocks = self._blocks * fade + blocks
        self._fade_scopes(fade)
        self._today = np.zeros((7, 24))
        self._today_by_scope = {}
        self._level = self._smoothed()

    def expected(self, scope: Scope, start: float, end: float) -> Expectation:
        """Return what is usual in a scope between two times (seconds since the epoch)."""
        row = self._rows.get(scope)
        counts = None if row is None else self._table[row]
        total = 0.0 if counts is None else float(counts.sum())
        everything = float(self._blocks.sum())
        share = (total + 0.5) / (everything + 10.0)
        mean = 0.0
        for weekday, hour, length in self._hours_between(start, end):
            block = _block(weekday, hour)
            own = 0.0 if counts is None else float(counts[block])
            local = (own + _SHARE_PRIOR * share) / (self._blocks[block] + _SHARE_PRIOR)
            mean += local * self._level[weekday, hour] * length / HOUR
        spread = 1 / (total + 0.5) + self.dispersion(scope.kind)
        return Expectation(max(float(mean), 1e-6), 1 / spread)

    def arrivals_a_day(self) -> float:
        """Return the usual number of arrivals a day."""
        return float(self._blocks.sum() / max(self.days, 1e-9))

    def dispersion(self, kind: ScopeKind) -> float:
        """Return the variance of a kind of scope beyond Poisson's, as a share of the squared mean."""
        excess, squared = self._dispersion.get(kind, (0.0, 0.0))
        return max(_LEAST_DISPERSION, excess / (squared + _DISPERSION_PRIOR))

    def is_holiday(self, at: float) -> bool:
        """Return whether a local time lies in days off that a public holiday makes, weekend beside it included."""
        day = _EPOCH + timedelta(days=math.floor(at / DAY))
        if self.day_kinds(day) == "workday":
            return False
        for step in (-1, 1):
            other = day
            while self.day_kinds(other) == "weekend":
                other += timedelta(days=step)
            if self.day_kinds(other) == "holiday":
                return True
        return False

    def to_state(self) -> dict[str, Any]:
        """Return what was learned, as JSON values."""
        return {
            "days": self.days,
            "hours": self._hours.tolist(),
            "exposure": self._exposure.tolist(),
            "blocks": self._blocks.tolist(),
            "today": self._today.tolist(),
            "scopes": _plain({scope: self._table[row] for scope, row in self._rows.items()}),
            "today_scopes": _plain(self._today_by_scope),
            "dispersion": self._dispersion,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take in what `to_state` returned."""
        self.days = state["days"]
        self._hours, self._exposure = np.array(state["hours"]), np.array(state["exposure"])
        self._blocks, self._today = np.array(state["blocks"]), np.array(state["today"])
        self._rows = {Scope(kind, value): row for row, (kind, value, _) in enumerate(state["scopes"])}
        self._table = np.array([counts for _, _, counts in state["scopes"]]).reshape(-1, _BLOCKS)
        self._today_by_scope = {Scope(kind, value): np.array(counts) for kind, value, counts in state["today_scopes"]}
        self._dispersion = {kind: list(sums) for kind, sums in state["dispersion"].items()}
        self._level = self._smoothed() if self.days else self._level

    def _weekday_hour(self, at: float) -> tuple[int, int]:
        """Return the weekday that a local time counts as, Monday 0, and its hour."""
        hours = math.floor(at / HOUR)
        day, hour = divmod(hours, 24)
        weekday = self._weekdays.get(day)
        if weekday is None:
            moment = _EPOCH + timedelta(days=day)
            kind, weekday = self.day_kinds(moment), moment.weekday()
            if kind == "holiday":
                weekday = _SUNDAY
            elif kind == "workday" and weekday >= 5:
                weekday = _MIDWEEK
            if len(self._weekdays) > 4000:
                self._weekdays.clear()
            self._weekdays[day] = weekday
        return weekday, hour

    def _hours_between(self, start: float, end: float) -> Iterator[tuple[int, int, float]]:
        """Yield weekday, hour and seconds of each piece of an hour between two times."""
        at = start
        while at < end - 1e-9:
            until = min(end, (math.floor(at / HOUR) + 1) * HOUR)
            weekday, hour = self._weekday_hour(at)
            yield weekday, hour, until - at
            at = until

    def _learn_dispersion(self, weekday: int) -> None:
        """Compare today's counts with what was expected of them; the wildest are surges, and left out."""
        blocks = range(_BLOCKS // 2) if weekday < 5 else range(_BLOCKS // 2, _BLOCKS)
        for kind, (count, mean) in self._counts_and_means(weekday, blocks).items():
            usual = (count - mean) ** 2 <= 16 * (mean + 0.3 * mean**2 + 0.25)
            excess = ((count - mean) ** 2 - mean)[usual].sum()
            sums = self._dispersion.setdefault(kind, [0.0, 0.0])
            fade = 0.5 ** (1 / HALF_LIFE_DAYS)
            sums[0] = sums[0] * fade + float(excess)
            sums[1] = sums[1] * fade + float((mean[usual] ** 2).sum())

    def _fade_scopes(self, fade: float) -> None:
        """Let old counts fade and add today's; words and items that nobody names any more must not fill the memory."""
        table = self._table * fade
        kept = table.sum(axis=1) >= _FORGOTTEN
        names = [scope for scope, is_kept in zip(self._rows, kept, strict=True) if is_kept]
        new = [scope for scope in self._today_by_scope if scope not in self._rows or not kept[self._rows[scope]]]
        self._rows = {scope: row for row, scope in enumerate([*names, *new])}
        self._table = np.vstack([table[kept], np.zeros((len(new), _BLOCKS))])
        for scope, counts in self._today_by_scope.items():
            self._table[self._rows[scope]] += counts

    def _counts_and_means(self, weekday: int, blocks: range) -> dict[ScopeKind, tuple[np.ndarray, np.ndarray]]:
        """Return today's counts and what was expected of them, by kind of scope, each block of each scope one."""
        columns = list(blocks)
        level = self._level[weekday].reshape(-1, BLOCK_HOURS).sum(axis=1)
        share = (self._table.sum(axis=1) + 0.5) / (float(self._blocks.sum()) + 10.0)
        local = (self._table[:, columns] + _SHARE_PRIOR * share[:, None]) / (self._blocks[columns] + _SHARE_PRIOR)
        means = local * level
        counts = np.zeros_like(means)
        for scope, today in self._today_by_scope.items():
            if (row := self._rows.get(scope)) is not None:
                counts[row] = today[columns]
        rows: dict[ScopeKind, list[int]] = {}
        for scope, row in self._rows.items():
            rows.setdefault(scope.kind, []).append(row)
        return {kind: (counts[of_kind].ravel(), means[of_kind].ravel()) for kind, of_kind in rows.items()}

    def _smoothed(self) -> np.ndarray:
        """Return arrivals an hour by hour of the week, each hour leaning on the same hour of days like it."""
        level = np.zeros((7, 24))
        for days in (slice(0, 5), slice(5, 7)):
            exposure = self._exposure[days].sum(axis=0)
            alike = (self._hours[days].sum(axis=0) + 0.1) / (exposure + 1.0)
            alike = (np.roll(alike, 1) + 2 * alike + np.roll(alike, -1)) / 4
            level[days] = (self._hours[days] + _HOUR_PRIOR * alike) / (self._exposure[days] + _HOUR_PRIOR)
        return level


def _block(weekday: int, hour: int) -> int:
    return hour // BLOCK_HOURS + (0 if weekday < 5 else _BLOCKS // 2)


def _blocks_of(hours: np.ndarray) -> np.ndarray:
    """Return counts by hour of the week as counts by block."""
    by_block = hours.reshape(7, -1, BLOCK_HOURS).sum(axis=2)
    return np.concatenate([by_block[:5].sum(axis=0), by_block[5:].sum(axis=0)])


def _plain(counts: Mapping[Scope, np.ndarray]) -> list[list[Any]]:
    return [[scope.kind, scope.value, [round(float(count), 4) for count in row]] for scope, row in counts.items()]


def holiday_kinds(country: str) -> DayKinds:
    """Return the calendar of a country: public holidays and working days that lie on a weekend; none for ``""``.

    Raises
    ------
    InputError
        If the country is not known.

    Examples
    --------
    >>> kinds = holiday_kinds("CN")
    >>> kinds(date(2026, 10, 1)), kinds(date(2026, 10, 10)), kinds(date(2026, 10, 17))
    ('holiday', 'workday', 'weekend')
    """
    if not country:
        return plain_week
    calendar = holidays_of(country)

    def kind(day: date) -> DayKind:
        if calendar.is_workday(day):
            return "workday"
        return "holiday" if calendar.is_holiday(day) or day.weekday() < 5 else "weekend"

    return kind
