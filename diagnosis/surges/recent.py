"""RecentArrivals: the latest arrivals of a scope, counted in every window at constant cost for each arrival."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

HOUR = 3_600.0
WINDOWS = (20 * 60.0, HOUR, 3 * HOUR, 12 * HOUR)  # seconds, all of them end now
MOST_OF_ONE_CALLER = 2  # reports of one person in a window that count
MONITOR = "monitor:"  # begins the caller of what monitoring says of one item, which counts once
MOST_KEPT = 100_000  # arrivals of a scope; at such rates the short windows say what the long ones would


@dataclass(frozen=True, slots=True)
class Arrival:
    """One incident or alert as the detector sees it.

    Attributes
    ----------
    at : float
        When it was logged, in seconds since the epoch.
    fields : mapping of str to str
        Values of `FIELDS`; an empty one is unknown and no scope.
    words : tuple of str
        The terms of its text.
    caller : str
        Who has the trouble: one person's ten reports are no surge of ten.
    """

    number: str
    at: float
    fields: dict[str, str] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    caller: str = ""


class RecentArrivals:
    """The arrivals of a scope within the longest window, oldest first.

    Attributes
    ----------
    people : list of int
        By window, how many arrived, those of one caller counted `MOST_OF_ONE_CALLER` times at most, and what monitoring
        says of one item once; as of the latest.
    """

    def __init__(self) -> None:
        self.people = [0] * len(WINDOWS)
        self._arrivals: list[Arrival] = []
        self._times: list[float] = []
        self._starts = [0] * len(WINDOWS)  # by window, the first arrival in it
        self._callers: list[dict[str, int]] = [{} for _ in WINDOWS]

    def add(self, arrival: Arrival) -> None:
        """Take in one arrival, no earlier than the latest."""
        self._arrivals.append(arrival)
        self._times.append(arrival.at)
        key = _caller(arrival)
        most = _most(key)
        for place, callers in enumerate(self._callers):
            count = callers[key] = callers.get(key, 0) + 1
            self.people[place] += count <= most
        self.expire(arrival.at)

    def expire(self, at: float) -> None:
        """Let go of what each window reaches no more."""
        most = len(self._arrivals) - MOST_KEPT
        for place, window in enumerate(WINDOWS):
            start, callers = self._starts[place], self._callers[place]
            while start < len(self._times) and (self._times[start] <= at - window or start < most):
                key = _caller(self._arrivals[start])
                count = callers[key]
                self.people[place] -= count <= _most(key)
                if count == 1:
                    del callers[key]
                else:
                    callers[key] = count - 1
                start += 1
            self._starts[place] = start
        gone = self._starts[-1]
        if gone > 64 and gone * 2 > len(self._arrivals):
            del self._arrivals[:gone], self._times[:gone]
            self._starts = [start - gone for start in self._starts]

    def count_since(self, start: float) -> int:
        """Return how many arrived after a time within the longest window."""
        return len(self._times) - max(bisect_right(self._times, start), self._starts[-1])

    def since(self, start: float) -> list[Arrival]:
        """Return what arrived after a time within the longest window, oldest first."""
        return self._arrivals[max(bisect_right(self._times, start), self._starts[-1]) :]

    def count_in_window(self, place: int) -> int:
        """Return how many arrived in a window."""
        return len(self._times) - self._starts[place]

    def first_in_window(self, place: int) -> float:
        """Return when the first arrival of a window came."""
        return self._times[self._starts[place]]

    def __len__(self) -> int:
        return len(self._times) - self._starts[-1]

    def __iter__(self) -> Iterator[Arrival]:
        return iter(self._arrivals[self._starts[-1] :])


def people(arrivals: list[Arrival]) -> int:
    """Return the number of arrivals, those of one caller counted `MOST_OF_ONE_CALLER` times at most."""
    counts: dict[str, int] = {}
    for arrival in arrivals:
        key = _caller(arrival)
        counts[key] = min(counts.get(key, 0) + 1, _most(key))
    return sum(counts.values())


def _caller(arrival: Arrival) -> str:
    """Return who has the trouble; without a caller each arrival is somebody else's."""
    return arrival.caller or f"\0{arrival.number}"


def _most(caller: str) -> int:
    return 1 if caller.startswith(MONITOR) else MOST_OF_ONE_CALLER
