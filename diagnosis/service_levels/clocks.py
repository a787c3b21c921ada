"""Clocks: when each incident's response and restoration are due, how much time is left, and what has stopped.

A clock runs from ``opened_at`` in the hours of its rule's calendar. Minutes on hold move the due time; while the caller
is waited for it is paused. A resolution answers too. An incident that was reopened after its resolution is open again,
and its clock of restoration has never stopped; it was answered by the resolution. An end before the opening is a typing
error, after which no clock can be read. The figures of a period and the review are counted from the same ends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from diagnosis.arrays import Bools, Floats
from diagnosis.incident import IncidentBatch, as_frame
from diagnosis.service_levels.rules import CLOCKS, ClockName, ServiceLevelRules
from diagnosis.states import is_on_hold, says_closed, says_ended
from diagnosis.times import from_seconds

ClockStatus = Literal["running", "paused", "missed", "met"]
EndName = Literal["response", "restoration", "closure"]
ENDS: tuple[EndName, ...] = get_args(EndName)
SECONDS_AN_HOUR = 3_600.0

_LATER = ("responded_at", "resolved_at", "closed_at", "reopened_at")


@dataclass(frozen=True, slots=True)
class Clock:
    """One clock of one incident at a moment.

    Attributes
    ----------
    name : {"response", "restoration"}
    due_at : datetime
        In UTC; moved by the minutes on hold.
    hours_left : float
        Hours of the rule's calendar until it is due, negative once it is missed; at its end for one that is met.
    status : {"running", "paused", "missed", "met"}
        ``missed`` counts whether or not it has ended since.
    ended_at : datetime or None
        When it was answered or restored.
    """

    name: ClockName
    due_at: datetime
    hours_left: float
    status: ClockStatus
    ended_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether nobody has answered, or restored, yet."""
        return self.ended_at is None


@dataclass(frozen=True)
class ClockTimes:
    """Openings and ends of incidents in seconds since 1970, NaN for what is not known or cannot be; shape (n,)."""

    opened: Floats
    responded: Floats
    restored: Floats
    closed: Floats
    responded_apart: Floats  # as it was written down, where no resolution answers for it
    hold_seconds: Floats
    on_hold: Bools
    is_closed: Bools
    is_answered_before: Bools  # answered before the opening, as it is written down: nobody knows when
    is_closure_unseen: Bools  # closed at a time that nobody wrote down

    @classmethod
    def of(cls, incidents: IncidentBatch) -> ClockTimes:
        """Read the times of incidents."""
        names = ("opened_at", "responded_at", "resolved_at", "closed_at", "reopened_at")
        opened, responded, resolved, closed, reopened = (seconds(incidents.column(name)) for name in names)
        first_end = np.where(np.isfinite(resolved), resolved, closed)
        with np.errstate(invalid="ignore"):
            # A reopening undoes the ends before it.
            last_closed = np.where(reopened > closed, np.nan, closed)
            ended = np.where(np.isfinite(resolved) & ~(reopened > resolved), resolved, last_closed)
            answered_by_end = np.where(first_end < opened, np.nan, first_end)  # also of one that is open again
            restored = np.where(ended < opened, np.nan, ended)
            closed_in_order = np.where(last_closed < opened, np.nan, last_closed)
            is_answered_before = responded < opened
            responded = np.where(is_answered_before, np.nan, responded)
        hold_seconds = (
            np.array([max(value or 0, 0) for value in incidents.column("on_hold_minutes")], dtype=np.float64) * 60
        )
        states = [str(state) for state in incidents.column("state")]
        on_hold, has_ended, is_closed = (_of_states(states, test) for test in (is_on_hold, says_ended, says_closed))
        reopened_again = np.isfinite(reopened) & np.isnan(ended)
        closed_at_all = np.isfinite(ended) | (has_ended & ~reopened_again)
        closed_unseen = np.isfinite(last_closed) | (is_closed & ~reopened_again)
        return cls(
            opened,
            np.fmin(responded, answered_by_end),
            restored,
            closed_in_order,
            responded,
            hold_seconds,
            on_hold & ~closed_at_all,
            closed_at_all,
            is_answered_before,
            closed_unseen & np.isnan(closed_in_order),
        )

    @classmethod
    def of_frame(cls, incidents: pd.DataFrame, as_of: pd.Timestamp) -> ClockTimes:
        """Read the times of an incident frame as they were known at a moment."""
        read = as_frame(incidents[["number", "state", "opened_at", *(name for name in _LATER if name in incidents)]])
        return cls.of(IncidentBatch.from_frame(as_known(read, as_of))).at(as_of.timestamp())

    def ends(self, name: EndName) -> Floats:
        """Return the ends of a clock, or the closures."""
        return {"response": self.responded, "restoration": self.restored, "closure": self.closed}[name]

    def has_clock(self, name: EndName, now: float) -> Bools:
        """Return whether each can be read: opened by now, and not ended at a time that nobody wrote down."""
        ends_unseen = self.is_closure_unseen if name == "closure" else self.is_closed
        if name == "response":
            ends_unseen = ends_unseen | self.is_answered_before
        return (self.opened <= now) & ~(ends_unseen & np.isnan(self.ends(name)))

    def at(self, now: float) -> ClockTimes:
        """Return the times as they were known at a moment: what ended later is open, and no hold is longer."""
        later = self.restored > now
        with np.errstate(invalid="ignore"):
            lasted = np.maximum(np.where(later | np.isnan(self.restored), now, self.restored) - self.opened, 0.0)
        return ClockTimes(
            self.opened,
            np.where(self.responded > now, np.nan, self.responded),
            np.where(later, np.nan, self.restored),
            np.where(self.closed > now, np.nan, self.closed),
            np.where(self.responded_apart > now, np.nan, self.responded_apart),
            np.fmin(self.hold_seconds, lasted),
            self.on_hold,
            self.is_closed & ~later,
            self.is_answered_before,
            self.is_closure_unseen,
        )


def as_known(incidents: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """Return incidents with the times that were known at a moment, and no state of an end that was still to come."""
    ends_later = (incidents["resolved_at"] > as_of) | (incidents["closed_at"] > as_of)
    times = {name: incidents[name].where(incidents[name] <= as_of) for name in _LATER}
    return incidents.assign(**times, state=incidents["state"].mask(ends_later, ""))


def due_times(rules: ServiceLevelRules, incidents: IncidentBatch, times: ClockTimes, name: ClockName) -> Floats:
    """Return when a clock is due, in seconds since 1970; NaN where no rule promises it or no date is known.

    Nobody writes down when an incident was on hold, so a hold is taken to begin with the first hour that counts; of its
    minutes those move the due time that the calendar counts.
    """
    due = np.full(len(incidents), np.nan)
    places = rules.places(incidents)
    for place, rule in enumerate(rules.rules):
        if name not in rule.hours:
            continue
        rows = np.array([p == place for p in places], dtype=bool) & np.isfinite(times.opened)
        if rows.any():
            opened, hold = times.opened[rows], times.hold_seconds[rows]
            first = rule.calendar.due(opened, np.full(len(opened), 1 / SECONDS_AN_HOUR)) - 1
            due[rows] = rule.calendar.due(opened, rule.hours[name] + rule.calendar.elapsed(first, first + hold))
    return due


def clocks(rules: ServiceLevelRules, incidents: IncidentBatch, now: datetime) -> list[dict[ClockName, Clock]]:
    """Return the clocks of each incident by name, as they stand at a moment; none where no rule or date allows one."""
    moment = now.timestamp()
    times = ClockTimes.of(incidents).at(moment)
    due = {name: due_times(rules, incidents, times, name) for name in CLOCKS}
    readable = {name: times.has_clock(name, moment) for name in CLOCKS}
    places = rules.places(incidents)
    standing: list[dict[ClockName, Clock]] = []
    for row in range(len(incidents)):
        place = places[row]
        standing.append(
            {
                name: _clock(name, rules, place, float(due[name][row]), times, row, moment)
                for name in CLOCKS
                if place is not None and np.isfinite(due[name][row]) and readable[name][row]
            }
        )
    return standing


def _clock(
    name: ClockName, rules: ServiceLevelRules, place: int, due: float, times: ClockTimes, row: int, now: float
) -> Clock:
    end = float(times.ends(name)[row])
    ended = np.isfinite(end)
    until = np.array([end if ended else now])
    left = float(rules.rules[place].calendar.elapsed(until, np.array([due]))[0])
    waits = bool(times.on_hold[row]) and not ended
    status: ClockStatus = "paused" if waits else "missed" if until[0] > due else "met" if ended else "running"
    return Clock(name, from_seconds(due), left, status, from_seconds(end) if ended else None)


def open_rows(times: ClockTimes, now: float) -> npt.NDArray[np.intp]:
    """Return the rows of incidents that are open at a moment."""
    return np.flatnonzero((times.opened <= now) & ~times.is_closed)


def _of_states(states: list[str], test: Callable[[str], bool]) -> Bools:
    """Return whether each state passes a test."""
    passing = {state for state in set(states) if test(state)}
    return np.array([state in passing for state in states], dtype=bool)


def seconds(column: list[Any]) -> Floats:
    """Return moments in seconds since 1970, NaN where there is none."""
    return np.array([np.nan if value is None else value.timestamp() for value in column], dtype=np.float64)


def counts(incidents: IncidentBatch) -> Mapping[str, int]:
    """Return how many incidents have a date that no clock can use: ``without_date`` and ``ended_before_opened``."""
    opened, responded, resolved = (
        seconds(incidents.column(name)) for name in ("opened_at", "responded_at", "resolved_at")
    )
    backwards = (resolved < opened) | (responded < opened)
    return {"without_date": int(np.isnan(opened).sum()), "ended_before_opened": int(backwards.sum())}
