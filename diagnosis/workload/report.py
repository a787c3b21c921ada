"""Forecast the workload of a history: read its days, fit arrivals and closings, and draw what may come."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd

from diagnosis.arrays import Floats, Ints
from diagnosis.errors import InputError
from diagnosis.incident import IncidentBatch
from diagnosis.phrases import Phrase
from diagnosis.service_levels.clocks import ClockTimes
from diagnosis.surges.rhythm import holiday_kinds
from diagnosis.times import as_utc
from diagnosis.workload.arrivals import ArrivalForecast
from diagnosis.workload.closing import ClosingModel, OpenTable, open_by_age
from diagnosis.workload.days import WINDOW, DeskDays, count_by_day, local_days
from diagnosis.workload.forecast import Amount, GroupWorkload, Trend, WorkloadDay, WorkloadForecast, WorkloadWeek

HORIZON, LONGEST = 28, 120  # days
PATHS = 400
LEVEL = 0.8
CLOSING_DAYS = 168  # newest days whose open incidents are counted
PAST_SHOWN = 56
LATELY, LIVELY = 28, 84
LIKELY, MARKED = 0.8, 0.1
_SHARE_PRIOR = 5.0


@dataclass(frozen=True)
class _PlacedIncidents:
    """Incidents with a date as places of days and groups; an end that has not come lies behind all days."""

    days: DeskDays
    groups: list[str]
    series: Ints
    opened: Ints
    ended: Ints
    is_open: np.ndarray
    today_left: tuple[float, float]  # shares of today's arrivals and closings that are still to come
    is_midnight: bool
    without_date: int

    @property
    def n_past(self) -> int:
        return self.days.n_past


def forecast_workload(
    incidents: IncidentBatch,
    as_of: datetime,
    horizon: int = HORIZON,
    *,
    holidays: str = "",
    zone: str = "UTC",
    period: tuple[date, date] | None = None,
    seed: int = 0,
) -> WorkloadForecast:
    """Forecast what each group will get and close, and what becomes of its backlog.

    Parameters
    ----------
    incidents : IncidentBatch
        With ``opened_at``, ``resolved_at`` or ``closed_at``, and ``assignment_group`` where there are groups.
    as_of : datetime
        The present moment: what happened later is not looked at.
    horizon : int
        Whole days ahead, at most 120.
    holidays : str
        Country whose public holidays are known, such as ``CN`` or ``DE-BY``.
    zone : str
        Time zone of the days.
    period : pair of date, optional
        First and last day of a time whose whole weeks are counted as one too.
    seed : int
        Of what is drawn.

    Raises
    ------
    InputError
        If no incident was logged by then, or horizon, country or zone cannot be used.
    """
    if not 1 <= horizon <= LONGEST:
        raise InputError(Phrase("workload_horizon_wrong", {"most": LONGEST, "value": horizon}))
    moment = as_utc(as_of)
    history = _read(incidents, moment, horizon, holidays, _checked(zone))
    days, n_series, n_past = history.days, len(history.groups), history.n_past
    logged = count_by_day(history.series, history.opened, n_series, n_past)
    closed = count_by_day(history.series, history.ended, n_series, n_past)
    arrivals = ArrivalForecast.fit(logged, days.kinds, days.days_of_month, horizon + 1)
    table = OpenTable.count(
        history.series,
        history.opened,
        history.ended,
        n_series,
        days.kinds,
        n_past,
        max(0, n_past - CLOSING_DAYS),
    )
    closing = ClosingModel.fit(table, days.kinds, n_past, arrivals.earlier)
    now = history.is_open
    stock = open_by_age(history.series[now], history.opened[now], n_past, table.worked, n_series)
    random = np.random.default_rng(seed)
    workloads: list[GroupWorkload] = []
    for series in range(n_series + 1):
        if series and not stock[series].any() and not logged[series, -LIVELY:].any():
            continue  # a group that gets nothing any more
        if series and n_series == 1:  # all of the desk: drawn anew it would differ from it
            workloads.append(replace(workloads[0], assignment_group=history.groups[0]))
            continue
        paths = _draw(series, history, arrivals, closing, table, stock[series], random)
        recent = _Recent.of(logged[series], closed[series], table, series)
        name = history.groups[series - 1] if series else ""
        workload = _workload(name, int(stock[series].sum()), recent, paths, days, history.is_midnight)
        workloads.append(workload if period is None else _with_period(workload, paths, days, period))
    shown = range(max(0, n_past - PAST_SHOWN), n_past)
    grouped = sorted(workloads[1:], key=lambda g: (g.open_now - g.backlog_at_end.expected, g.assignment_group))
    return WorkloadForecast(
        as_of=moment,
        zone=zone,
        horizon_days=horizon,
        n_incidents=len(history.series),
        without_date=history.without_date,
        history_days=n_past,
        origins=arrivals.origins,
        past=tuple((days.date(day), int(logged[0, day]), int(closed[0, day])) for day in shown),
        desk=workloads[0],
        groups=tuple(grouped) if any(history.groups) else (),
    )


def _checked(zone: str) -> str:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise InputError(Phrase("setting_zone_wrong", {"value": zone})) from error
    return zone


def _read(incidents: IncidentBatch, moment: datetime, horizon: int, holidays: str, zone: str) -> _PlacedIncidents:
    now = moment.timestamp()
    reopened = [None if time is not None and time > moment else time for time in incidents.column("reopened_at")]
    times = ClockTimes.of(incidents.with_columns({"reopened_at": reopened})).at(now)  # a later reopening undoes no end
    dated = times.opened <= now
    without_date = int(np.isnan(times.opened).sum())
    if not dated.any():
        raise InputError(Phrase("workload_without_incidents"))
    opened, open_share = local_days(times.opened[dated], zone)
    ended, end_share = local_days(times.restored[dated], zone)
    (today,), (over,) = local_days(np.array([now]), zone)
    first = max(min(int(opened.min()), int(today) - 1), int(today) - WINDOW)
    days = DeskDays.between(first, int(today), horizon, holiday_kinds(holidays))
    never = len(days.kinds)
    is_open = ~times.is_closed[dated]
    # Closed at a time that nobody wrote down: it tells nothing of closings, and is open no more.
    unseen = times.is_closed[dated] & (ended < 0)
    names = np.array([str(name).strip() for name in incidents.column("assignment_group")], dtype=object)[dated]
    codes, groups = pd.factorize(names, sort=True)
    end_places = np.where(ended >= 0, ended - first, np.where(unseen, -1, never))
    opened_places = opened - first
    left = (  # by whole days: of today itself nothing that is still to come is known
        _left_of_today(
            open_share[(opened_places >= days.n_past - LATELY) & (opened_places < days.n_past)], float(over)
        ),
        _left_of_today(end_share[(end_places >= days.n_past - LATELY) & (end_places < days.n_past)], float(over)),
    )
    return _PlacedIncidents(
        days,
        [str(name) for name in groups],
        codes.astype(np.intp),
        opened_places,
        end_places,
        is_open,
        left,
        bool(over == 0),
        without_date,
    )


def _left_of_today(shares: Floats, over: float) -> float:
    """Return what share of a day's incidents comes after the present time of day, by those of the last weeks."""
    later = float((shares > over).sum())
    return (later + _SHARE_PRIOR * (1 - over)) / (len(shares) + _SHARE_PRIOR)


@dataclass(frozen=True)
class _Recent:
    logged: int
    closed: int
    rate: float | None
    closed_a_workday: float

    @classmethod
    def of(cls, logged: Floats, closed: Floats, table: OpenTable, series: int) -> _Recent:
        n_days = table.at_risk.shape[1]
        worked = np.flatnonzero(table.worked[table.start : table.start + n_days])
        lately = worked[worked >= n_days - LATELY]
        at_risk, ended = table.at_risk[series, lately].sum(), table.closed[series, lately].sum()
        return cls(
            int(logged[-LATELY:].sum()) if len(logged) else 0,
            int(closed[-LATELY:].sum()) if len(closed) else 0,
            float(ended / at_risk) if at_risk else None,
            float(ended / len(lately)) if len(lately) else 0.0,
        )


@dataclass(frozen=True)
class _Paths:
    logged: Floats
    closed: Floats
    backlog: Floats


def _draw(
    series: int,
    history: _PlacedIncidents,
    arrivals: ArrivalForecast,
    closing: ClosingModel,
    table: OpenTable,
    stock: Floats,
    random: np.random.Generator,
) -> _Paths:
    logged = arrivals.draw(series, random, PATHS)
    logged[:, 0] = random.binomial(logged[:, 0].astype(np.int64), history.today_left[0])
    ahead = slice(history.n_past, None)
    kinds, worked = history.days.kinds[ahead], table.worked[ahead]
    closed, backlog = closing.draw(series, stock, logged, kinds, worked, history.today_left[1], random)
    return _Paths(logged, closed, backlog)


def _workload(
    name: str, open_now: int, recent: _Recent, paths: _Paths, days: DeskDays, is_midnight: bool
) -> GroupWorkload:
    final = paths.backlog[:, -1]
    pace = recent.closed_a_workday
    return GroupWorkload(
        assignment_group=name,
        open_now=open_now,
        logged_last_28_days=recent.logged,
        closed_last_28_days=recent.closed,
        closing_rate=None if recent.rate is None else round(recent.rate, 4),
        working_days_of_backlog=round(open_now / pace, 1) if pace else None,
        trend=_trend(final, open_now),
        probability_larger=round(float((final > open_now).mean() + (final == open_now).mean() / 2), 3),
        days=tuple(_day(paths, place, days) for place in range(paths.logged.shape[1])),
        weeks=_weeks(paths, days, 0 if is_midnight else 1),
    )


def _with_period(workload: GroupWorkload, paths: _Paths, days: DeskDays, period: tuple[date, date]) -> GroupWorkload:
    inside = [week for week in workload.weeks if period[0] <= week.first and week.last <= period[1]]
    if not inside:
        return workload
    place = (inside[0].first - days.date(days.n_past)).days
    logged = paths.logged[:, place : place + 7 * len(inside)].sum(axis=1)
    return replace(workload, logged_in_period=_amount(logged))


def _trend(final: Floats, open_now: int) -> Trend:
    margin = max(MARKED * open_now, 1.0)
    if (final > open_now + margin).mean() >= LIKELY:
        return "growing"
    return "shrinking" if (final < open_now - margin).mean() >= LIKELY else "steady"


def _day(paths: _Paths, place: int, days: DeskDays) -> WorkloadDay:
    at = days.n_past + place
    return WorkloadDay(
        days.date(at),
        days.names[at],
        _amount(paths.logged[:, place]),
        _amount(paths.closed[:, place]),
        _amount(paths.backlog[:, place]),
    )


def _weeks(paths: _Paths, days: DeskDays, first: int) -> tuple[WorkloadWeek, ...]:
    weeks = []
    for place in range(first, paths.logged.shape[1] - 6, 7):
        of_week = slice(place, place + 7)
        weeks.append(
            WorkloadWeek(
                days.date(days.n_past + place),
                days.date(days.n_past + place + 6),
                _amount(paths.logged[:, of_week].sum(axis=1)),
                _amount(paths.closed[:, of_week].sum(axis=1)),
                _amount(paths.backlog[:, place + 6]),
            )
        )
    return tuple(weeks)


def _amount(drawn: Floats) -> Amount:
    lower, upper = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], method="nearest")
    return Amount(round(float(drawn.mean()), 1), int(lower), int(upper))
