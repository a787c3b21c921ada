"""Clocks as the console shows them: time left, how likely each is missed, and which incident to take first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from api.service import Service
from diagnosis.findings import WaitHours
from diagnosis.service_levels.queue import OpenClock, Standing, take_first
from diagnosis.times import format_utc

LATELY = 24.0  # hours since it was due, for which a missed clock is urgent: older ones would fill the first pages
_RANK: Mapping[Standing, int] = {"at_risk": 0, "missed": 1, "running": 2, "paused": 3}
_FIRST, _LONG_MISSED, _NO_CLOCK = -1, 4, 5


@dataclass(frozen=True, slots=True)
class ShownClock:
    """One clock of an open incident.

    Attributes
    ----------
    name : {"response", "restoration"}
    standing : {"at_risk", "missed", "running", "paused"}
    due_at : str
    hours_left : float
        In the hours of its calendar; negative once it is missed.
    probability : float or None
        To miss it.
    gain : float or None
        By how much that falls if the incident is taken now.
    first : bool
        Whether no other open incident gains more by being taken first.
    p50, p80 : float or None
        Hours from now within which half, and four of five, of those that have waited as long end.
    """

    name: str
    standing: Standing
    due_at: str
    hours_left: float
    probability: float | None = None
    gain: float | None = None
    first: bool = False
    p50: float | None = None
    p80: float | None = None


class ServiceClocks:
    """Open clocks by incident, as last read, and which of all gains most by being taken first."""

    def __init__(self, by_number: Mapping[str, Sequence[OpenClock]], first: OpenClock | None) -> None:
        self._by_number = by_number
        self._first = first

    def __contains__(self, number: object) -> bool:
        return number in self._by_number

    def beside(self, by_number: Mapping[str, Sequence[OpenClock]]) -> ServiceClocks:
        """Return these and the clocks of other incidents."""
        return ServiceClocks({**self._by_number, **by_number}, self._first)

    def most_urgent(self, number: str) -> ShownClock | None:
        """Return the clock of an incident that needs attention first; None where none runs."""
        return min(self.of(number), key=urgency, default=None)

    def of(self, number: str) -> list[ShownClock]:
        """Return the open clocks of an incident; none of one that is closed."""
        return [self._shown(clock) for clock in self._by_number.get(number, ())]

    def at_risk(self) -> list[str]:
        """Return the incident to take first, then those with a clock at risk, by what they gain."""
        first = [] if self._first is None or self._first.number not in self._by_number else [self._first.number]
        clocks = [c for of in self._by_number.values() for c in of if c.standing == "at_risk"]
        return list(dict.fromkeys(first + [c.number for c in sorted(clocks, key=lambda c: -(c.gain or 0.0))]))

    def _shown(self, clock: OpenClock) -> ShownClock:
        hours = clock.hours or WaitHours(None, None)
        return ShownClock(
            clock.clock,
            clock.standing,
            format_utc(clock.due_at, timespec="seconds"),
            clock.hours_left,
            clock.probability_missed,
            clock.gain,
            self._first is not None and (clock.number, clock.clock) == (self._first.number, self._first.clock),
            hours.p50,
            hours.p80,
        )


def service_clocks(service: Service) -> ServiceClocks:
    """Return the open clocks of the service, as they were at most a minute or two ago."""
    reading = service.service_levels.reading()
    return ServiceClocks(reading.by_number, take_first(reading.clocks))


def clocks_of(service: Service, number: str, record: Mapping[str, Any]) -> list[ShownClock]:
    """Return the open clocks of one incident as they are at this moment.

    Parameters
    ----------
    record : mapping
        The incident as it stands, stored or typed in.
    """
    first = take_first(service.service_levels.reading().clocks)
    return ServiceClocks(service.service_levels.of_records({number: record}), first).of(number)


def urgency(clock: ShownClock | None) -> tuple[int, float]:
    """Return the key by which clocks are sorted, the most urgent first.

    The one to take first, also where it is not at risk yet; those at risk, the one that gains most before the others;
    then what was missed within the last day, what runs, by the time that is left, what waits for its caller, and what
    was missed long ago.
    """
    if clock is None:
        return _NO_CLOCK, 0.0
    if clock.first:
        return _FIRST, 0.0
    if clock.standing == "missed":
        return _LONG_MISSED if clock.hours_left < -LATELY else _RANK["missed"], -clock.hours_left
    return _RANK[clock.standing], -(clock.gain or 0.0) if clock.standing == "at_risk" else clock.hours_left
