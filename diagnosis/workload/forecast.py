"""WorkloadForecast: what will be logged, closed and open, by day and week, for the desk and each group."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from diagnosis.surges.rhythm import DayKind
from diagnosis.times import format_utc

Trend = Literal["growing", "steady", "shrinking"]


@dataclass(frozen=True, slots=True)
class Amount:
    """A number to come: its expectation, and the bounds of its 80 % interval."""

    expected: float
    lower: int
    upper: int

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {"expected": self.expected, "interval": [self.lower, self.upper]}


@dataclass(frozen=True, slots=True)
class WorkloadDay:
    """One local day; the first is what is left of today.

    Attributes
    ----------
    day : date
    kind : {"workday", "weekend", "holiday"}
    logged, closed : Amount
    backlog : Amount
        Open at the day's end.
    """

    day: date
    kind: DayKind
    logged: Amount
    closed: Amount
    backlog: Amount

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        amounts = {name: getattr(self, name).to_dict() for name in ("logged", "closed", "backlog")}
        return {"day": self.day.isoformat(), "kind": self.kind, **amounts}


@dataclass(frozen=True, slots=True)
class WorkloadWeek:
    """Seven whole days; the first of them begins with tomorrow, or at midnight with today.

    Attributes
    ----------
    first, last : date
    logged, closed : Amount
    backlog : Amount
        Open at the end of the last day.
    """

    first: date
    last: date
    logged: Amount
    closed: Amount
    backlog: Amount

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        amounts = {name: getattr(self, name).to_dict() for name in ("logged", "closed", "backlog")}
        return {"first": self.first.isoformat(), "last": self.last.isoformat(), **amounts}


@dataclass(frozen=True, slots=True)
class GroupWorkload:
    """What comes to a group, or to the desk as a whole.

    Attributes
    ----------
    assignment_group : str
        ``""`` for incidents without one, and for the desk.
    open_now : int
    logged_last_28_days, closed_last_28_days : int
    closing_rate : float or None
        Share of the incidents that could be closed on a working day of the last 28 days, that was; None without any.
    working_days_of_backlog : float or None
        Working days that the open ones are worth at the closings of the last 28 days; None without any.
    trend : {"growing", "steady", "shrinking"}
        Whether the backlog is likely (four in five) to be larger, or smaller, at the end by more than a tenth.
    probability_larger : float
        That more is open at the end than now.
    days, weeks : tuple
    logged_in_period : Amount or None
        In the weeks of the period that was asked for, counted as one: narrower than the weeks' bounds added up.
    """

    assignment_group: str
    open_now: int
    logged_last_28_days: int
    closed_last_28_days: int
    closing_rate: float | None
    working_days_of_backlog: float | None
    trend: Trend
    probability_larger: float
    days: tuple[WorkloadDay, ...]
    weeks: tuple[WorkloadWeek, ...]
    logged_in_period: Amount | None = None

    @property
    def backlog_at_end(self) -> Amount:
        """What is open at the end of the last day."""
        return self.days[-1].backlog

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        names = (
            "open_now",
            "logged_last_28_days",
            "closed_last_28_days",
            "closing_rate",
            "working_days_of_backlog",
            "trend",
            "probability_larger",
        )
        return {
            **{name: getattr(self, name) for name in names},
            "weeks": [week.to_dict() for week in self.weeks],
            "days": [day.to_dict() for day in self.days],
        }


@dataclass(frozen=True, slots=True)
class WorkloadForecast:
    """The forecast of a desk and its groups.

    Attributes
    ----------
    as_of : datetime
    zone : str
        Of the days.
    horizon_days : int
    n_incidents, without_date : int
        Incidents that it is learned from, and those without ``opened_at``.
    history_days : int
        Whole days before today that were looked at.
    origins : int
        Earlier days at which the same forecast was compared with what came; below `FEWEST_ORIGINS` it is a plain rate.
    past : tuple of (date, int, int)
        Logged and closed on each of the last eight weeks' days, the whole desk.
    desk : GroupWorkload
    groups : tuple of GroupWorkload
        Those whose backlog grows most first; empty where no incident has a group.
    """

    as_of: datetime
    zone: str
    horizon_days: int
    n_incidents: int
    without_date: int
    history_days: int
    origins: int
    past: tuple[tuple[date, int, int], ...]
    desk: GroupWorkload
    groups: tuple[GroupWorkload, ...]

    def group(self, name: str) -> GroupWorkload | None:
        """Return the workload of a group, None if it has none."""
        return next((group for group in self.groups if group.assignment_group == name), None)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "as_of": format_utc(self.as_of, timespec="seconds"),
            "zone": self.zone,
            "horizon_days": self.horizon_days,
            "incidents": self.n_incidents,
            "without_date": self.without_date,
            "history_days": self.history_days,
            "origins": self.origins,
            "past": [{"day": day.isoformat(), "logged": logged, "closed": closed} for day, logged, closed in self.past],
            "desk": self.desk.to_dict(),
            "groups": [{"assignment_group": g.assignment_group, **g.to_dict()} for g in self.groups],
        }
