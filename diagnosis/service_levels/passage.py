"""A history that passes in order of time, each incident described at the moments that a model learns from."""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from diagnosis.arrays import Floats, Ints
from diagnosis.incident import IncidentBatch
from diagnosis.service_levels.history import WaitHistory

# Ends of the intervals, in hours: the limits that are promised most often are among them.
EDGES: Floats = np.array(
    [0.0, 0.25, 0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 24.0, 48.0, 72.0, 120.0, 168.0, 336.0, 720.0, 2160.0]
)
N_INTERVALS = len(EDGES) - 1
DAY = 24.0
BLOCK = 14 * DAY  # how old outcomes may be when a file is diagnosed later
FEWEST_SEEN = 30  # ends before a history has something to say of the next incident
MOST_DESCRIBED = 40_000  # newest incidents that are learned from; all are counted


@dataclass(frozen=True)
class DescribedIncidents:
    """Incidents at moments; times in hours since 1970, spans in hours since the opening.

    Attributes
    ----------
    x : ndarray, shape (n, n_features)
    row : ndarray of int, shape (n,)
        Which incident it is.
    opened, elapsed, duration : ndarray, shape (n,)
        ``elapsed`` until the moment, ``duration`` until the end or until it was last watched.
    ended : ndarray of bool
    """

    x: Floats
    row: Ints
    opened: Floats
    elapsed: Floats
    duration: Floats
    ended: npt.NDArray[np.bool_]


class _Passage:
    """The passing: the history with what has just happened, and one whose outcomes end with the last fortnight."""

    def __init__(self, history: WaitHistory, opened: Floats, ended: Floats) -> None:
        self.history = history
        self.old = WaitHistory(history.fields, history.limit)
        self.opened, self.ended = opened, ended
        self.boundary = math.floor(opened[0] / BLOCK) * BLOCK
        self.rows: list[int] = []
        self.moments: list[float] = []
        self.x: list[list[float]] = []
        self._ends: list[tuple[float, int]] = []
        self._looks: list[tuple[float, int, dict[str, str]]] = []
        self._ended_lately: list[int] = []

    def to(self, now: float) -> None:
        """Let everything happen that ends, or is looked at, by now."""
        while self._ends or self._looks:
            is_end = bool(self._ends) and (not self._looks or self._ends[0][:2] <= self._looks[0][:2])
            if (self._ends if is_end else self._looks)[0][0] > now:
                break
            if is_end:
                at, row = heapq.heappop(self._ends)
                self.history.end(str(row), at)
                self._ended_lately.append(row)
            else:
                at, row, keys = heapq.heappop(self._looks)
                self.history.advance(at)
                self._look(self.history, row, at, keys)
        if now >= self.boundary + BLOCK:
            self._turn_fortnight(now)
        self.history.advance(now)

    def _turn_fortnight(self, now: float) -> None:
        self.boundary = math.floor(now / BLOCK) * BLOCK
        for row in self._ended_lately:
            if self.ended[row] <= self.boundary:
                self.old.end(str(row), float(self.ended[row]))
        self._ended_lately = [row for row in self._ended_lately if self.ended[row] > self.boundary]
        self.old.known_until = self.boundary
        self.old.advance(self.boundary)

    def look(self, row: int, keys: dict[str, str]) -> None:
        """Describe an incident as it is logged: with outcomes up to now, and up to the last fortnight."""
        for state in (self.history, self.old):
            if state.n_ended >= FEWEST_SEEN:
                self._look(state, row, float(self.opened[row]), keys)

    def look_later(self, row: int, moment: float, keys: dict[str, str]) -> None:
        """Describe an incident again at a later moment at which it still waits."""
        heapq.heappush(self._looks, (moment, row, keys))

    def log(self, row: int, keys: dict[str, str]) -> None:
        """Count an incident, and remember its end."""
        now, end = float(self.opened[row]), float(self.ended[row])
        self.history.add(str(row), keys, now)
        self.old.add(str(row), keys, now)
        if math.isfinite(end):
            heapq.heappush(self._ends, (max(end, now), row))

    def _look(self, state: WaitHistory, row: int, now: float, keys: dict[str, str]) -> None:
        self.x.append(state.describe(keys, now))
        self.rows.append(row)
        self.moments.append(now)


def describe_history(
    history: WaitHistory,
    incidents: IncidentBatch,
    opened: Floats,
    ended: Floats,
    as_of: float,
    text: Floats | None,
    seed: int,
) -> DescribedIncidents:
    """Let a history pass in order of time, and describe each incident at the moments that it is learned from.

    Parameters
    ----------
    history : WaitHistory
        Empty; afterwards it holds all of them, as known at ``as_of``.
    incidents : IncidentBatch
        In order of ``opened``.
    opened, ended : ndarray, shape (n,)
        Hours since 1970, NaN for an end that is not known at ``as_of``.
    text : ndarray, shape (n, n_axes), optional
    """
    keys, later_keys = history.keys(incidents), history.keys(incidents, later=True)
    first = max(len(opened) - MOST_DESCRIBED, 0)
    start = opened[first] + (BLOCK if as_of - opened[first] > 3 * BLOCK else 0.0)
    moments = _later_moments(opened, ended, as_of, np.random.default_rng(seed))
    passage = _Passage(history, opened, ended)
    for row in range(len(opened)):
        passage.to(float(opened[row]))
        if opened[row] >= start:
            passage.look(row, keys[row])
            if math.isfinite(moments[row]):
                passage.look_later(row, float(moments[row]), later_keys[row])
        passage.log(row, later_keys[row])
    passage.to(as_of)
    history.known_until = max(history.known_until, as_of)
    history.advance(as_of)
    _name_open(history, incidents, text)
    places = np.array(passage.rows, dtype=np.intp)
    x = np.array(passage.x, dtype=np.float64)
    happened = np.isfinite(ended)
    duration = np.maximum(np.where(happened, ended, as_of) - opened, 0.0)
    return DescribedIncidents(
        x if text is None else np.hstack([x, text[places]]),
        places,
        opened[places],
        np.array(passage.moments) - opened[places],
        duration[places],
        happened[places],
    )


def _name_open(history: WaitHistory, incidents: IncidentBatch, text: Floats | None) -> None:
    """Give the open incidents their own numbers, by which their ends will be known, and where their texts stand."""
    column = incidents.column("number")
    for row, incident in history.open.items():
        incident.text = None if text is None else text[int(row)]
    history.rename({row: column[int(row)] for row in history.open})


def _later_moments(opened: Floats, ended: Floats, as_of: float, draw: np.random.Generator) -> Floats:
    """Draw a later moment, the start of an interval, for each incident; NaN where it waits no longer by then.

    The draw knows nothing of how long an incident waits: among those that wait at a moment all are as likely to be
    looked at, or the soon ended ones would be seen too often.
    """
    waited = EDGES[draw.integers(1, N_INTERVALS, len(opened))]
    watched = np.fmin(np.where(np.isfinite(ended), ended, as_of), as_of) - opened
    return np.where(waited < watched, opened + waited, np.nan)
