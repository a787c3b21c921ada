"""The clocks of a review: what the service levels' rules promise each record, in their calendars, with time on hold.

It is the reading of `diagnosis.service_levels.clocks`, so that a review and the queue of open incidents say the same of
a record: due times move by the minutes on hold, a record that was reopened is open again, one that waits for its caller
is not missed yet, and one that ended at a time that nobody wrote down runs no clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from diagnosis.arrays import Bools, Floats
from diagnosis.incident import TYPES, IncidentBatch, as_frame
from diagnosis.review.settings import ReviewSettings
from diagnosis.service_levels import ServiceLevelRule, ServiceLevelRules, rules_for
from diagnosis.service_levels.clocks import ENDS, SECONDS_AN_HOUR, ClockTimes, EndName, as_known, due_times
from diagnosis.service_levels.rules import CLOCKS, CONDITIONS, ClockName

ROWS = 50_000  # that are read at once: a million rows as lists would take gigabytes
DAY = 86_400.0
NOT_YET = 1.0 - 1e-6  # of its time: how long a record that waits for its caller is watched at most
CLOCK_COLUMNS = (
    "number",
    "state",
    "opened_at",
    "responded_at",
    "resolved_at",
    "closed_at",
    "reopened_at",
    "on_hold_minutes",
)
_COLUMNS = (*CLOCK_COLUMNS, *CONDITIONS)


@dataclass(frozen=True)
class RecordClocks:
    """One clock of each record, or its closure, as it stood at a moment; arrays of shape (n,).

    Attributes
    ----------
    has_clock : ndarray of bool
        Whether something is promised, and it can be read when it ended.
    has_times : ndarray of bool
        Whether it can be read when it ended, promised or not.
    ended : ndarray of bool
    part : ndarray
        How much of its time each took, or has taken: 1 at its due time. NaN without a clock.
    days : ndarray
        Days of its rule's calendar (24 hours each) until it ended, or until the moment.
    """

    has_clock: Bools
    has_times: Bools
    ended: Bools
    part: Floats
    days: Floats


def review_rules(
    settings: ReviewSettings, priorities: Iterable[str], rules: ServiceLevelRules | Mapping[str, Any] | None = None
) -> ServiceLevelRules:
    """Return the rules that a review counts by: those that are given, with the hours that its own settings name.

    Parameters
    ----------
    priorities : iterable of str
        Of the records: where none is of rank 1, the programme's restoration is promised to each incident.
    rules : ServiceLevelRules or mapping, optional
        As a release keeps them, or the table ``[service_levels]``; by default the programme's.
    """
    read = rules if isinstance(rules, ServiceLevelRules) else rules_for(rules or {}, priorities)
    own = _own_hours(settings)
    return replace(read, rules=tuple(part for rule in read.rules for part in _with_own_hours(rule, own)))


def _own_hours(settings: ReviewSettings) -> Mapping[str, tuple[ClockName, float]]:
    """Return by type the clock that the review's own settings set."""
    hours: Mapping[str, tuple[ClockName, float | None]] = {
        "incident": ("restoration", settings.restoration_hours),
        "request": ("response", settings.request_hours),
        "complaint": ("response", settings.complaint_hours),
    }
    return {name: (clock, value) for name, (clock, value) in hours.items() if value is not None}


def _with_own_hours(rule: ServiceLevelRule, own: Mapping[str, tuple[ClockName, float]]) -> Iterator[ServiceLevelRule]:
    """Return a rule as it is, or one for each of its types where one of them has hours of its own."""
    types = rule.conditions.get("type", TYPES)
    promised = {name: own[name] for name in types if name in own and own[name][0] in rule.hours}
    if not promised:
        yield rule
        return
    for name in types:
        hours = dict([promised[name]]) if name in promised else {}
        yield replace(rule, conditions={**rule.conditions, "type": (name,)}, hours={**rule.hours, **hours})


def record_clocks(frame: pd.DataFrame, rules: ServiceLevelRules, as_of: pd.Timestamp) -> dict[EndName, RecordClocks]:
    """Return both clocks of the records of a frame, and their closures, as they were known at a moment."""
    parts = [_of_rows(frame.iloc[start : start + ROWS], rules, as_of) for start in range(0, len(frame), ROWS)]
    return {name: _joined([part[name] for part in parts]) for name in ENDS}


def _of_rows(frame: pd.DataFrame, rules: ServiceLevelRules, as_of: pd.Timestamp) -> dict[EndName, RecordClocks]:
    now = as_of.timestamp()
    batch = IncidentBatch.from_frame(as_frame(as_known(frame[[name for name in _COLUMNS if name in frame]], as_of)))
    times = ClockTimes.of(batch).at(now)
    places = np.array([-1 if place is None else place for place in rules.places(batch)], dtype=np.intp)
    of_records: dict[EndName, RecordClocks] = {name: _clock(name, rules, batch, times, places, now) for name in CLOCKS}
    return {**of_records, "closure": _closure(times, now)}


def _closure(times: ClockTimes, now: float) -> RecordClocks:
    """Return the closures, which no rule promises: in days of 24 hours."""
    ended, has_times = np.isfinite(times.closed), times.has_clock("closure", now)
    days = (np.where(ended, times.closed, now) - times.opened) / DAY
    return RecordClocks(np.zeros(len(days), dtype=bool), has_times, ended, np.full(len(days), np.nan), days)


def _clock(
    name: ClockName,
    rules: ServiceLevelRules,
    batch: IncidentBatch,
    times: ClockTimes,
    places: npt.NDArray[np.intp],
    now: float,
) -> RecordClocks:
    due, ends = due_times(rules, batch, times, name), times.ends(name)
    ended = np.isfinite(ends)
    has_times = times.has_clock(name, now)
    until = np.where(ended, ends, now)
    with np.errstate(invalid="ignore", divide="ignore"):
        part = (until - times.opened) / (due - times.opened)
    part = np.where(times.on_hold & ~ended, np.minimum(part, NOT_YET), part)
    days = (until - times.opened) / DAY
    for place, rule in enumerate(rules.rules):
        rows = (places == place) & has_times
        if rows.any() and name in rule.hours:
            days[rows] = rule.calendar.elapsed(times.opened[rows], until[rows]) * SECONDS_AN_HOUR / DAY
    return RecordClocks(has_times & np.isfinite(due), has_times, ended, part, days)


def _joined(parts: list[RecordClocks]) -> RecordClocks:
    names = ("has_clock", "has_times", "ended", "part", "days")
    return RecordClocks(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})
