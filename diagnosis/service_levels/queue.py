"""What of the open incidents is late, what is at risk, and which gains most by being taken first."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Literal

import numpy as np

from diagnosis.findings import WaitHours
from diagnosis.incident import IncidentBatch
from diagnosis.service_levels.clocks import Clock, ClockTimes, clocks, open_rows
from diagnosis.service_levels.model import SHARES, OpenRisks, ServiceLevelModel, wait_hours
from diagnosis.service_levels.rules import CLOCKS, ClockName, ServiceLevelRules
from diagnosis.times import format_utc

Standing = Literal["at_risk", "missed", "running", "paused"]
USED_UP = 0.75  # share of the time from which a clock is at risk where no model can say how likely it is missed
_ORDER: tuple[Standing, ...] = ("at_risk", "missed", "running", "paused")


@dataclass(frozen=True, slots=True)
class OpenClock:
    """A clock of an open incident that nobody has stopped yet.

    Attributes
    ----------
    standing : {"at_risk", "missed", "running", "paused"}
    hours_left : float
        In the hours of its calendar; negative once it is missed.
    probability_missed : float or None
        1 once it is missed; None without a model, and while it is paused.
    gain : float or None
        By how much the probability to miss it falls if the incident is taken now, before all others; None where that
        is not known, 0 once it is missed.
    hours : WaitHours or None
        From now until half, and four of five, of those that have waited as long will have ended, missed ones too; None
        without a model, and while it is paused.
    """

    number: str
    clock: ClockName
    standing: Standing
    due_at: datetime
    hours_left: float
    probability_missed: float | None
    gain: float | None
    hours: WaitHours | None
    type: str
    priority: str
    assignment_group: str
    short_description: str

    def to_dict(self) -> dict[str, Any]:
        """Return the clock as JSON values."""
        values = {name: getattr(self, name) for name in self.__slots__}
        values["due_at"] = format_utc(self.due_at, timespec="seconds")
        values["hours"] = None if self.hours is None else asdict(self.hours)
        for name in ("hours_left", "probability_missed", "gain"):
            if values[name] is not None:
                values[name] = round(values[name], 4)
        return values


def open_clocks(
    incidents: IncidentBatch, now: datetime, rules: ServiceLevelRules, model: ServiceLevelModel | None = None
) -> list[OpenClock]:
    """Return the clocks of open incidents that still run, in the order in which to look at them.

    First those at risk, the one that gains most by being taken first; then the missed, the running and the paused ones,
    each by the time that is left.

    Parameters
    ----------
    incidents : IncidentBatch
        As they stand; those that are not open are passed over.
    model : ServiceLevelModel, optional
        Without it no probability is known.
    """
    moment = now.timestamp()
    waiting = incidents.take(open_rows(ClockTimes.of(incidents).at(moment), moment))
    standing = clocks(rules, waiting, now)
    rows = []
    for name in CLOCKS:
        places = [row for row, of_row in enumerate(standing) if name in of_row and of_row[name].is_open]
        own_clocks = [standing[row][name] for row in places]
        risks = _risks(model, name, waiting.take(places), own_clocks, moment)
        rows += [_open_clock(waiting, row, own_clocks[i], risks, i, rules) for i, row in enumerate(places)]
    return sorted(rows, key=_place)


def with_missed(clocks: Sequence[OpenClock], missed: Collection[tuple[str, str]]) -> list[OpenClock]:
    """Return clocks in order, those as missed that were so before their incident was put on hold.

    A record does not say since when it is on hold, so a clock that is past its due time then may have been paused
    before. Who saw it missed knows better.

    Parameters
    ----------
    missed : collection of (number, clock)
        Clocks that were seen missed.
    """
    is_missed = [c.standing == "paused" and c.hours_left < 0 and (c.number, c.clock) in missed for c in clocks]
    late: dict[str, Any] = {"standing": "missed", "probability_missed": 1.0, "gain": 0.0}
    return sorted(
        (replace(c, **late) if late_now else c for c, late_now in zip(clocks, is_missed, strict=True)), key=_place
    )


def _risks(
    model: ServiceLevelModel | None, name: ClockName, incidents: IncidentBatch, of: Sequence[Clock], now: float
) -> OpenRisks:
    """Return what the clocks risk: of one that is missed that is known without a model, of one that is paused never."""
    missed = np.array([clock.status == "missed" for clock in of], dtype=bool)
    late, gains = np.where(missed, 1.0, math.nan), np.where(missed, 0.0, math.nan)
    hours = np.full((len(of), len(SHARES)), math.nan)
    unpaused = [row for row, clock in enumerate(of) if clock.status != "paused"]
    if model is not None and unpaused:
        due = np.array([of[row].due_at.timestamp() for row in unpaused])
        risks = model.open_risks(name, incidents.take(unpaused), due, now)
        hours[unpaused] = risks.hours
        late[unpaused] = np.where(missed[unpaused], 1.0, risks.late)
        gains[unpaused] = np.where(missed[unpaused], 0.0, risks.gain)
    return OpenRisks(late, gains, hours)


def _open_clock(
    incidents: IncidentBatch, row: int, clock: Clock, risks: OpenRisks, place: int, rules: ServiceLevelRules
) -> OpenClock:
    late, gain, hours = float(risks.late[place]), float(risks.gain[place]), wait_hours(risks.hours[place])
    standing: Standing = "missed" if clock.status == "missed" else "paused" if clock.status == "paused" else "running"
    if standing == "running":
        is_likely = _share_used(incidents, row, clock, rules) >= USED_UP if math.isnan(late) else late >= rules.at_risk
        standing = "at_risk" if is_likely else "running"
    return OpenClock(
        number=incidents.column("number")[row],
        clock=clock.name,
        standing=standing,
        due_at=clock.due_at,
        hours_left=clock.hours_left,
        probability_missed=None if math.isnan(late) else late,
        gain=None if math.isnan(gain) else gain,
        hours=None if hours.p50 is None else hours,
        **{name: incidents.column(name)[row] for name in ("type", "priority", "assignment_group", "short_description")},
    )


def _share_used(incidents: IncidentBatch, row: int, clock: Clock, rules: ServiceLevelRules) -> float:
    """Return the share of its hours that have passed, in those that its calendar counts."""
    (place,) = rules.places(incidents.take([row]))
    if place is None:
        return 0.0
    opened, due = np.array([incidents.column("opened_at")[row].timestamp()]), np.array([clock.due_at.timestamp()])
    whole = float(rules.rules[place].calendar.elapsed(opened, due)[0])
    return 1.0 - clock.hours_left / max(whole, 1e-9)


def _place(clock: OpenClock) -> tuple[int, float, float]:
    gain = -(clock.gain or 0.0) if clock.standing == "at_risk" else 0.0
    return _ORDER.index(clock.standing), gain, clock.hours_left


def take_first(rows: Sequence[OpenClock]) -> OpenClock | None:
    """Return the clock that gains most by being taken first; None where nothing can be gained."""
    return max((row for row in rows if row.gain), key=lambda row: row.gain or 0.0, default=None)


def describe_first(first: OpenClock | None) -> dict[str, Any]:
    """Return the incident to take first, its clock and by how much its risk falls then, as JSON values."""
    if first is None:
        return dict.fromkeys(("take_first", "take_first_clock", "take_first_gain"))
    return {
        "take_first": first.number,
        "take_first_clock": first.clock,
        "take_first_gain": None if first.gain is None else round(first.gain, 4),
    }
