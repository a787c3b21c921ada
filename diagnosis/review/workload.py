"""What is expected of each team in the quarter that follows, week by week, against the hours that it has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Literal

import numpy as np
import pandas as pd

from diagnosis.errors import InputError
from diagnosis.incident import IncidentBatch, as_frame
from diagnosis.review.history import ReviewHistory
from diagnosis.review.quarters import Quarter
from diagnosis.workload import GroupWorkload, WorkloadWeek, forecast_workload
from diagnosis.workload.forecast import Amount
from diagnosis.workload.report import LONGEST

Fit = Literal["enough", "tight", "short", ""]
LOOKED_AT = pd.Timedelta(days=800)  # of the records, the newest: as far back as a forecast looks
MOST_RECORDS = 300_000
_COLUMNS = ("number", "type", "state", "opened_at", "responded_at", "resolved_at", "closed_at", "reopened_at")
Hours = Mapping[tuple[str, str], float]  # by group and first day of a week; "" for every week


def expected_workload(
    history: ReviewHistory, quarter: Quarter, available: Hours | None = None
) -> dict[str, Any] | None:
    """Return what each team is expected to get in the rest of the quarter after the reviewed one.

    Weeks are of seven days from the day after the records end; each has the records that are expected with their 80 %
    interval, the hours of work that these take where a record's hours are set, and the hours that there are.

    Parameters
    ----------
    available : mapping of (str, str) to float, optional
        By group and the first day of a week, the hours that there are in it, in place of the settings'; a week counts
        by the days that it shares with those.

    Returns
    -------
    dict or None
        None where the next quarter is over, or further away than a forecast reaches.
    """
    settings, coming = history.settings, quarter.following
    start, stop = (bound.tz_convert(settings.zone).date() for bound in coming.bounds(settings.zone))
    today = history.as_of.tz_convert(settings.zone).date()
    horizon = min((stop - today).days, LONGEST)
    if horizon < 7 or today + timedelta(days=horizon) <= start:
        return None
    try:
        forecast = forecast_workload(
            _batch(history),
            history.as_of.to_pydatetime(),
            horizon,
            holidays=settings.holidays,
            zone=settings.zone,
            period=(start, stop - timedelta(days=1)),
        )
    except InputError:  # no record that a forecast could learn from
        return None
    groups = [group for group in forecast.groups if group.assignment_group.casefold() not in history.persons]
    teams = [
        _team(group, total, start, stop, history, available or {})
        for group in groups or [forecast.desk]
        if (total := group.logged_in_period) is not None
    ]
    if not teams:  # no whole week is left
        return None
    weeks = [week for team in teams for week in team["weeks"]]
    return {
        "quarter": str(coming),
        "first": min(week["first"] for week in weeks),
        "last": max(week["last"] for week in weeks),
        "hours_per_record": settings.hours_per_record,
        "compared": forecast.origins,
        "teams": sorted(teams, key=_most_records),
    }


def _batch(history: ReviewHistory) -> IncidentBatch:
    frame = history.frame
    recent = frame[frame["opened_at"] > history.as_of - LOOKED_AT].tail(MOST_RECORDS)
    narrow = recent[[*_COLUMNS, "assignment_group"]]
    return IncidentBatch.from_frame(
        as_frame(narrow.astype(dict.fromkeys(("type", "state", "assignment_group"), "str")))
    )


def _most_records(team: Mapping[str, Any]) -> tuple[float, str]:
    return -team["records"], team["team"]


def _team(
    group: GroupWorkload, total: Amount, start: date, stop: date, history: ReviewHistory, available: Hours
) -> dict[str, Any]:
    name = group.assignment_group
    each = _hours_of_one(history.settings.hours_per_record, name)
    weeks = [
        _week(week, each, _available(name, week, history.settings.hours_available, available))
        for week in group.weeks
        if start <= week.first and week.last < stop
    ]
    return {
        "team": name,
        "open_now": group.open_now,
        **_demand(total, each, _sum([week["available"] for week in weeks])),
        "weeks_short": sum(week["fit"] == "short" for week in weeks),
        "weeks": weeks,
    }


def _week(week: WorkloadWeek, each: float | None, available: float | None) -> dict[str, Any]:
    return {
        "first": week.first.isoformat(),
        "last": week.last.isoformat(),
        **_demand(week.logged, each, available),
    }


def _demand(records: Amount, each: float | None, available: float | None) -> dict[str, Any]:
    interval = [records.lower, records.upper]
    return {
        "records": records.expected,
        "interval": interval,
        "hours": None if each is None else round(each * records.expected, 1),
        "available": available,
        "fit": _fit(interval, each, available),
    }


def _fit(interval: Sequence[float], each: float | None, available: float | None) -> Fit:
    """Return whether the hours are enough for the whole interval of what is expected, or for none of it."""
    if each is None or available is None:
        return ""
    lower, upper = (each * bound for bound in interval)
    return "enough" if upper <= available else "short" if lower > available else "tight"


def _hours_of_one(setting: float | Mapping[str, float] | None, group: str) -> float | None:
    if isinstance(setting, Mapping):
        return setting.get(group)
    return setting


def _available(group: str, week: WorkloadWeek, setting: Mapping[str, float], available: Hours) -> float | None:
    """Return the hours of a week: of the weeks that are listed, each by the days that it shares with this."""
    days = [week.first + timedelta(days=place) for place in range(7)]
    usual = available.get((group, ""), setting.get(group))
    hours = [available.get((group, (day - timedelta(days=day.weekday())).isoformat()), usual) for day in days]
    known = [value for value in hours if value is not None]
    return round(float(np.sum(known)) / 7, 1) if len(known) == 7 else None


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(sum(known), 1) if values and len(known) == len(values) else None
