"""WaitHistory: what a history says of how long the next incident will wait, kept up incident by incident.

For each field (and for some pairs) it counts, for each value, how many ended and how long they waited, how many are
open, and how many were logged in the last hours. What has not ended is known only as far as it was watched: it counts
as late from the limit on, and not before. Nothing later than the moment that is asked for is counted.
"""

from __future__ import annotations

import heapq
import math
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from diagnosis.arrays import Floats
from diagnosis.incident import IncidentBatch
from diagnosis.placeholders import is_placeholder

SINGLE = (
    "type",
    "priority",
    "service",
    "category",
    "subcategory",
    "cmdb_ci",
    "symptom",
    "caller",
    "location",
    "contact_type",
    "opened_by",
    "assignment_group",
)
PAIRS = (("cmdb_ci", "subcategory"), ("cmdb_ci", "priority"), ("service", "priority"), ("category", "subcategory"))
PARENTS = {"cmdb_ci": "service", "subcategory": "category", "symptom": "subcategory", "caller": "location"}
# Fields whose values have waves of incidents and queues of their values_of.
BUSY = ("service", "cmdb_ci", "subcategory", "caller", "assignment_group", "cmdb_ci+subcategory")
WINDOWS = (1.0, 4.0, 24.0, 168.0)  # hours
SHRINKAGE = 8.0  # incidents that what a value's parent says counts for
LONGEST = 720.0  # hours: longer waits count as this long
FRESH = 72.0  # hours since the last outcome up to which the queue is known
_SHORTEST = 0.1  # hours
# What a history says of a value moves a little with each incident. Seen too finely, it would tell the date, and trees
# would learn single weeks by heart; so it stands against all incidents, in steps, and counts stop at some height.
LATE_STEP, HOURS_STEP, MOST_ENDED = 0.02, 0.1, 50.0
_LATER_KNOWN = frozenset({"assignment_group"})  # nothing that a new incident has


@dataclass(slots=True)
class ValueCounts:
    """What is known of the incidents with one value of a field; times in hours since 1970."""

    waited: float = 0.0
    log_hours: float = 0.0
    late: float = 0.0
    open: int = 0
    logged: int = 0
    times: list[float] = field(default_factory=list)

    def log(self, at: float) -> None:
        """Count an incident that is logged; only the times that the widest window can see are kept."""
        self.logged += 1
        if self.times and at < self.times[-1]:
            insort(self.times, at)
        else:
            self.times.append(at)
        if len(self.times) > 64 and self.times[len(self.times) // 2] < self.times[-1] - WINDOWS[-1]:
            del self.times[: bisect_right(self.times, self.times[-1] - WINDOWS[-1]) - 1]

    def unlog(self, at: float) -> None:
        """Take back what `log` counted."""
        self.logged = max(self.logged - 1, 0)
        place = bisect_left(self.times, at)
        if place < len(self.times) and self.times[place] == at:
            del self.times[place]

    def count_wait(self, hours: float, *, is_late: bool) -> None:
        """Count an incident that waited so long."""
        self.waited += 1.0
        self.log_hours += _log(hours)
        self.late += is_late

    def uncount_wait(self, hours: float, *, is_late: bool) -> None:
        """Take back what `count_wait` counted; its values may have changed since."""
        self.waited = max(self.waited - 1.0, 0.0)
        self.log_hours = self.log_hours - _log(hours) if self.waited else 0.0
        self.late = max(self.late - is_late, 0.0)


@dataclass(slots=True)
class OpenIncident:
    """An incident that waits: its values by field, when it was logged, and where its text stands."""

    keys: dict[str, str]
    opened: float
    is_late: bool = False
    text: Floats | None = None


class WaitHistory:
    """The state of a history for one clock.

    Parameters
    ----------
    fields : tuple of str
        Fields and pairs ("a+b") that are counted; `varying` finds those worth it.
    limit : float
        Hours after which an incident counts as late.

    Attributes
    ----------
    known_until : float
        The last outcome seen, in hours since 1970: up to then it is known what is open.
    open : dict of str to OpenIncident
        By number.
    """

    def __init__(self, fields: Sequence[str], limit: float) -> None:
        self.fields = tuple(fields)
        self.limit = limit
        self.known_until = -math.inf
        self.open: dict[str, OpenIncident] = {}
        self.counts: dict[str, dict[str, ValueCounts]] = {name: {} for name in ("", *self.fields)}
        self._due: list[tuple[float, str]] = []

    @property
    def n_ended(self) -> float:
        """How many have ended, or are known to be late."""
        everything = self.counts[""].get("all")
        return 0.0 if everything is None else everything.waited

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the features."""
        names = ["hours since the last outcome", "open: all", *(f"logged: all, {w:g} h" for w in WINDOWS)]
        for name in self.fields:
            names += [f"{measure}: {name}" for measure in ("late", "hours", "ended")]
            if name in BUSY:
                names += [f"open: {name}", f"gap: {name}", *(f"logged: {name}, {w:g} h" for w in WINDOWS)]
        return tuple(names)

    def keys(self, incidents: IncidentBatch, *, later: bool = False) -> list[dict[str, str]]:
        """Return each incident's values by field and pair; ``""`` where one is not known.

        Parameters
        ----------
        later : bool
            Whether fields that are known only after logging may be looked at.
        """
        names = {part for name in self.fields for part in name.split("+")}
        columns = {name: incidents.column(name) for name in names if later or name not in _LATER_KNOWN}
        rows: list[dict[str, str]] = []
        for row in range(len(incidents)):
            values_of = {n: "" if is_placeholder(column[row]) else column[row] for n, column in columns.items()}
            rows.append({name: _joined(name, values_of) for name in self.fields})
        return rows

    def add(self, number: str, keys: dict[str, str], opened: float, text: Floats | None = None) -> None:
        """Count an incident as it is logged."""
        for name in ("", *self.fields):
            value = keys[name] if name else "all"
            if value:
                counts = self.counts[name].get(value)
                if counts is None:
                    counts = self.counts[name][value] = ValueCounts()
                counts.log(opened)
                counts.open += 1
        self.open[number] = OpenIncident(keys, opened, text=text)
        heapq.heappush(self._due, (opened + self.limit, number))

    def end(self, number: str, ended: float) -> None:
        """Count the end of an open incident; of any other it says nothing new."""
        incident = self.open.pop(number, None)
        if incident is None:
            return
        hours = max(ended - incident.opened, 0.0)
        self.known_until = max(self.known_until, ended)
        for counts in self._of(incident.keys):
            counts.open -= 1
            if incident.is_late:
                counts.log_hours += _log(hours) - _log(self.limit)
            else:
                counts.count_wait(hours, is_late=hours > self.limit)

    def resume(
        self, number: str, keys: dict[str, str], opened: float, ended: float = math.nan, text: Floats | None = None
    ) -> None:
        """Let an incident that was reopened wait on, as if it had not ended: its wait is counted no more.

        Parameters
        ----------
        ended : float
            When it had ended, in hours since 1970; NaN where that is not known.
        """
        for name in ("", *self.fields):
            if value := keys[name] if name else "all":
                counts = self.counts[name].setdefault(value, ValueCounts())
                counts.open += 1
                if math.isfinite(ended):
                    counts.uncount_wait(max(ended - opened, 0.0), is_late=ended - opened > self.limit)
        self.open[number] = OpenIncident(keys, opened, text=text)
        heapq.heappush(self._due, (opened + self.limit, number))

    def withdraw(self, number: str) -> None:
        """Let an open incident wait no longer, of which nobody can say when it ended; of any other it is no error."""
        if (incident := self.open.pop(number, None)) is not None:
            for counts in self._of(incident.keys):
                counts.open -= 1

    def remove(self, number: str, keys: Mapping[str, str], opened: float, ended: float) -> None:
        """Forget an incident: that it waits, and what it was counted for.

        Parameters
        ----------
        keys : mapping of str to str
            Its values, if it does not wait.
        opened, ended : float
            Hours since 1970; an end that is NaN, of one that does not wait, was never counted.
        """
        incident = self.open.pop(number, None)
        if incident is None and not math.isfinite(ended):
            return
        for counts in self._of(keys if incident is None else incident.keys):
            counts.unlog(opened if incident is None else incident.opened)
            if incident is None:
                counts.uncount_wait(max(ended - opened, 0.0), is_late=ended - opened > self.limit)
            else:
                counts.open -= 1
                if incident.is_late:
                    counts.uncount_wait(self.limit, is_late=True)

    @contextmanager
    def restored(self, keys: Sequence[Mapping[str, str]], until: float) -> Iterator[None]:
        """Let incidents with these values join until a moment, and be forgotten at the end of the block."""
        self.advance(until)
        values = {(name, values_of[name]) for values_of in keys for name in self.fields if values_of[name]} | {
            ("", "all")
        }
        snapshot = {key: deepcopy(self.counts[key[0]].get(key[1])) for key in values}
        still_open, due_times = dict(self.open), list(self._due)
        try:
            yield
        finally:
            self.open, self._due = still_open, due_times
            for (name, value), counts in snapshot.items():
                if counts is None:
                    self.counts[name].pop(value, None)
                else:
                    self.counts[name][value] = counts

    def rename(self, numbers: Mapping[str, str]) -> None:
        """Give open incidents other numbers."""
        self.open = {numbers[number]: incident for number, incident in self.open.items()}
        self._due = [(incident.opened + self.limit, number) for number, incident in self.open.items()]
        heapq.heapify(self._due)

    def reassign(self, number: str, keys: dict[str, str], text: Floats | None = None) -> None:
        """Move an open incident to other values, such as another group's."""
        incident = self.open.get(number)
        if incident is None:
            return
        for name in self.fields:
            previous, new = incident.keys[name], keys[name]
            if previous == new or not new:
                continue
            if previous in self.counts[name]:
                self.counts[name][previous].open -= 1
            self.counts[name].setdefault(new, ValueCounts()).open += 1
        incident.keys = {name: keys[name] or incident.keys[name] for name in self.fields}
        incident.text = incident.text if text is None else text

    def advance(self, now: float) -> None:
        """Let those that are open and past the limit by now, as far as outcomes are known, count as late."""
        until = min(now, self.known_until)
        while self._due and self._due[0][0] <= until:
            _, number = heapq.heappop(self._due)
            incident = self.open.get(number)
            if incident is None or incident.is_late or incident.opened + self.limit > until:
                continue
            incident.is_late = True
            for counts in self._of(incident.keys):
                counts.count_wait(self.limit, is_late=True)

    def describe(self, keys: Mapping[str, str], now: float) -> list[float]:
        """Return the features of an incident with these values at a moment, in hours since 1970; see `columns`."""
        stale = now - self.known_until
        queue_known = stale <= FRESH
        everything = self.counts[""].get("all") or ValueCounts()
        row = [min(max(stale, 0.0), 2 * FRESH), float(everything.open) if queue_known else math.nan]
        row += _recent(everything, now)
        overall = _rates(everything, (0.5, _log(self.limit)), 1.0)
        rates: dict[str, tuple[float, float]] = {"": overall}
        for name in self.fields:
            value = keys[name]
            counts = self.counts[name].get(value) if value else None
            prior = rates.get(PARENTS.get(name, name.partition("+")[0] if "+" in name else ""), overall)
            rates[name] = prior if counts is None else _rates(counts, prior, SHRINKAGE)
            late, hours = rates[name]
            row += (_step(late - overall[0], LATE_STEP), _step(hours - overall[1], HOURS_STEP))
            row.append((0.0 if counts is None else math.log1p(min(counts.waited, MOST_ENDED))) if value else math.nan)
            if name in BUSY:
                row += self._busy(counts, now, queue_known=queue_known) if value else [math.nan] * (2 + len(WINDOWS))
        return row

    def _busy(self, counts: ValueCounts | None, now: float, *, queue_known: bool) -> list[float]:
        if counts is None:
            return [0.0 if queue_known else math.nan, math.nan, *([0.0] * len(WINDOWS))]
        past = bisect_right(counts.times, now)
        gap = math.log(now - counts.times[past - 1] + 0.02) if past else math.nan
        return [float(counts.open) if queue_known else math.nan, gap, *_recent(counts, now)]

    def _of(self, keys: Mapping[str, str]) -> list[ValueCounts]:
        pairs = [("", "all"), *((name, keys[name]) for name in self.fields)]
        return [self.counts[name][value] for name, value in pairs if value in self.counts[name]]

    def to_dict(self) -> dict[str, Any]:
        """Return the state as plain values for JSON."""
        return {
            "fields": self.fields,
            "limit": self.limit,
            "known_until": self.known_until,
            "counts": {
                name: {
                    value: [c.waited, round(c.log_hours, 6), c.late, c.open, c.logged, list(c.times)]
                    for value, c in values.items()
                }
                for name, values in self.counts.items()
            },
            "open": {
                number: [o.keys, o.opened, o.is_late, None if o.text is None else np.round(o.text, 5).tolist()]
                for number, o in self.open.items()
            },
        }

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Self:
        """Return what `to_dict` gave."""
        history = cls(saved["fields"], saved["limit"])
        history.known_until = saved["known_until"]
        history.counts = {
            name: {value: ValueCounts(*counts) for value, counts in values.items()}
            for name, values in saved["counts"].items()
        }
        for number, (keys, opened, is_late, text) in saved["open"].items():
            placed = None if text is None else np.array(text, dtype=np.float64)
            history.open[number] = OpenIncident(keys, opened, is_late, placed)
            heapq.heappush(history._due, (opened + history.limit, number))
        return history


def varying(incidents: IncidentBatch) -> tuple[str, ...]:
    """Return the fields and pairs whose values differ between incidents, parents before those whose parent they are."""
    parts = {*SINGLE, *(part for pair in PAIRS for part in pair)}
    values = {name: {value for value in incidents.column(name) if not is_placeholder(value)} for name in parts}
    differ = {name for name in parts if len(values[name]) > 1}
    single = [name for name in SINGLE if name in differ]
    pairs = ["+".join(pair) for pair in PAIRS if differ >= set(pair)]
    return (*single, *pairs)


def _joined(name: str, values_of: Mapping[str, str]) -> str:
    parts = [values_of.get(part, "") for part in name.split("+")]
    return "\x1f".join(parts) if all(parts) else ""


def _recent(counts: ValueCounts, now: float) -> list[float]:
    past = bisect_right(counts.times, now)
    return [math.log1p(past - bisect_right(counts.times, now - width)) for width in WINDOWS]


def _rates(counts: ValueCounts, prior: tuple[float, float], shrinkage: float) -> tuple[float, float]:
    weight = counts.waited + shrinkage
    return (counts.late + shrinkage * prior[0]) / weight, (counts.log_hours + shrinkage * prior[1]) / weight


def _step(value: float, step: float) -> float:
    return round(value / step) * step


def _log(hours: float) -> float:
    return math.log(min(hours, LONGEST) + _SHORTEST)
