"""WaitModel: how long an incident will still wait, learned from incidents of which some wait on.

A hazard over intervals of time (Cox 1972; in discrete time, Singer and Willett 1993): boosted trees over what the
history says at that moment, and a logistic regression over the values themselves; the mean of their log-odds counts.
Each incident is learned from as it was logged, once with outcomes known up to the moment and once with outcomes known
up to the last fortnight, and again at a later moment while it waits; those that wait on are censored. The newest count
most.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from diagnosis.arrays import Floats, Vectors
from diagnosis.incident import IncidentBatch
from diagnosis.recurrence.features import TextAxes
from diagnosis.service_levels.history import WaitHistory, varying
from diagnosis.service_levels.linear import LinearHazard
from diagnosis.service_levels.passage import DAY, EDGES, N_INTERVALS, DescribedIncidents, describe_history
from diagnosis.service_levels.trees import Trees

HALF_LIFE = 60 * DAY
FEWEST_ENDED = 100
MOST_ROWS = 150_000
_EPS = 1e-7
_FEW = 32  # incidents
_STRIDE = 3  # intervals


class WaitModel:
    """Distribution of the time until an incident is answered, or restored.

    Parameters
    ----------
    limit : float
        Hours after which the history counts a wait as late.
    seed : int

    Attributes
    ----------
    history_ : WaitHistory
        The history's state at the end of what was learned from; it goes on with what comes.
    trees_ : Trees
    linear_ : LinearHazard
    n_incidents_, n_ended_ : int
    """

    def __init__(self, limit: float, seed: int = 0) -> None:
        self.limit = limit
        self.seed = seed

    def fit(
        self, incidents: IncidentBatch, opened: Floats, ended: Floats, as_of: float, vectors: Vectors | None = None
    ) -> Self:
        """Learn from incidents in order of ``opened``.

        Parameters
        ----------
        incidents : IncidentBatch
        opened, ended : ndarray, shape (n,)
            Hours since 1970; NaN for an end that is not known.
        as_of : float
            When all this was known.
        vectors : ndarray of float32, shape (n, n_dimensions), optional
            Of the texts.
        """
        has_text = vectors is not None and bool(np.any(vectors))
        self.text_ = TextAxes.fit(vectors) if vectors is not None and has_text else None
        text = None if self.text_ is None else self.text_.describe(vectors, len(opened))
        past_ends = np.where(ended <= as_of, ended, np.nan)
        self.n_incidents_, self.n_ended_ = len(opened), int(np.isfinite(past_ends).sum())
        self.history_ = WaitHistory(varying(incidents), self.limit)
        described = describe_history(self.history_, incidents, opened, past_ends, as_of, text, self.seed)
        rows, intervals, happened = _person_periods(described, as_of)
        weight = 0.5 ** ((as_of - described.opened[rows]) / HALF_LIFE)
        self.trees_ = Trees.fit(_interval_features(described, rows, intervals), happened, weight, seed=self.seed)
        of_incidents = described.row[rows], intervals, happened
        self.linear_ = LinearHazard.fit(self.history_.keys(incidents), opened, of_incidents, weight, self.limit)
        return self

    def features(
        self,
        keys: Sequence[Mapping[str, str]],
        now: float,
        texts: Sequence[Floats | None],
        opened: Floats,
    ) -> Floats:
        """Return what is known of incidents with these values at a moment (hours since 1970), shape (n, n_features).

        The last two columns are what the regression says of its values, by the time at which each was opened.
        """
        rows = [self.history_.describe(values_of, now) for values_of in keys]
        if self.text_ is not None:
            unknown = [math.nan] * self.text_.axes.shape[1]
            rows = [row + (unknown if text is None else text.tolist()) for row, text in zip(rows, texts, strict=True)]
        described = np.array(rows, dtype=np.float64)
        return np.hstack([described, self.linear_.terms(keys, opened)])

    def taken_now(self, x: Floats, keys: Sequence[Mapping[str, str]], now: float) -> Floats:
        """Return the `features` of the same incidents, were each logged now with nobody waiting before it."""
        fresh = x.copy()
        crowd = [i for i, name in enumerate(self.history_.columns) if name.startswith(("open:", "logged:"))]
        fresh[:, crowd] = 0.0
        fresh[:, -2:] = self.linear_.terms(keys, np.full(len(keys), now))
        return fresh

    def assess(
        self, x: Floats, opened: Floats, elapsed: Floats, limits: Floats, shares: tuple[float, ...] = ()
    ) -> tuple[Floats, Floats]:
        """Return how likely each incident, still waiting, waits longer than its limit, and how long it still waits.

        Parameters
        ----------
        x : ndarray, shape (n, n_features)
            What `features` gave.
        opened : ndarray, shape (n,)
            Hours since 1970.
        elapsed, limits : ndarray, shape (n,)
            Hours since the opening; a limit that is NaN is nobody's.

        Returns
        -------
        late : ndarray, shape (n,)
            1 where it has waited longer; NaN without a limit.
        hours : ndarray, shape (n, n_shares)
            Hours from the moment within which each share will have ended, of those that have waited as long; NaN where
            they lie behind the last interval that was learned.
        """
        most = math.log1p(-max(shares)) if shares else 0.0
        survival = self._log_survival(x, opened, elapsed, limits, most)
        late = [
            math.exp(_at(of, waited, limit)) if math.isfinite(limit) else math.nan
            for of, waited, limit in zip(survival, elapsed.tolist(), limits.tolist(), strict=True)
        ]
        hours = [
            [_when(of, waited, share) - waited for share in shares]
            for of, waited in zip(survival, elapsed.tolist(), strict=True)
        ]
        return np.array(late, dtype=np.float64), np.array(hours, dtype=np.float64).reshape(len(x), len(shares))

    def _log_survival(self, x: Floats, opened: Floats, elapsed: Floats, limits: Floats, most: float) -> Floats:
        """Return the logarithm of the share that waits on at each edge, given that it waits now; (n, n_edges).

        It is worked out up to the limit, and on until it has fallen to ``most``.
        """
        starts, ends = EDGES[:-1], EDGES[1:]
        features, terms = x[:, :-2], x[:, -2:]
        survival = np.zeros((len(x), N_INTERVALS + 1))
        step = N_INTERVALS if len(x) < _FEW else _STRIDE  # of few all at once, as each call costs more than its rows
        for first in range(0, N_INTERVALS, step):
            block = slice(first, min(first + step, N_INTERVALS))
            is_open = (starts[None, block] < limits[:, None]) | (survival[:, first] > most)[:, None]
            rows, places = np.nonzero((ends[None, block] > elapsed[:, None]) & is_open)
            intervals = first + places
            at = DescribedIncidents(features, rows, opened, elapsed, np.zeros(0), np.zeros(0, dtype=bool))
            by_trees = self.trees_.log_odds(_interval_features(at, rows, intervals))
            hazard = expit((by_trees + self.linear_.log_odds(terms, rows, intervals)) / 2)
            share = (ends[intervals] - np.maximum(starts[intervals], elapsed[rows])) / (ends - starts)[intervals]
            steps = np.zeros((len(x), block.stop - first))
            steps[rows, places] = share * np.log1p(-np.clip(hazard, _EPS, 1 - _EPS))
            survival[:, first + 1 : block.stop + 1] = survival[:, [first]] + np.cumsum(steps, axis=1)
        return survival

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return what was fitted as arrays to be saved, without the history's state."""
        arrays = {f"trees.{name}": value for name, value in self.trees_.to_arrays().items()}
        if self.text_ is not None:
            arrays |= {"text.mean": self.text_.mean, "text.axes": self.text_.axes}
        arrays |= {f"linear.{name}": value for name, value in self.linear_.to_arrays().items()}
        numbers = [self.limit, self.seed, self.n_incidents_, self.n_ended_]
        return {**arrays, "numbers": np.array(numbers, dtype=np.float64)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]], history: WaitHistory) -> Self:
        """Return what `to_arrays` gave, with the history's state."""
        limit, seed, n_incidents, n_ended = arrays["numbers"].tolist()
        model = cls(limit, int(seed))
        model.n_incidents_, model.n_ended_ = int(n_incidents), int(n_ended)
        model.trees_, model.history_ = Trees.from_arrays(_part(arrays, "trees.")), history
        model.linear_ = LinearHazard.from_arrays(_part(arrays, "linear."))
        model.text_ = TextAxes(arrays["text.mean"], arrays["text.axes"]) if "text.mean" in arrays else None
        return model


def _person_periods(
    described: DescribedIncidents, as_of: float
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    """Return row, interval and whether the wait ended in it, for each interval that could be watched to its end.

    Whether it could depends on the opening alone: were the ended ones kept and the waiting ones left out of an interval
    that is not over yet, the newest would look quick.
    """
    rows, intervals, happened = [], [], []
    for j in range(N_INTERVALS):
        start, end = EDGES[j], EDGES[j + 1]
        at_risk = (described.elapsed <= start + _EPS) & ((described.duration > start) | (j == 0))
        watched = np.flatnonzero(at_risk & (described.opened + end <= as_of))
        event = described.ended & (described.duration <= end)
        rows.append(watched)
        intervals.append(np.full(len(watched), j))
        happened.append(event[watched])
    all_rows, all_intervals, all_happened = np.concatenate(rows), np.concatenate(intervals), np.concatenate(happened)
    if len(all_rows) > MOST_ROWS:  # every how-manieth incident, the newest among them
        step = math.ceil(len(all_rows) / MOST_ROWS)
        chosen = (len(described.opened) - 1 - all_rows) // 3 % step == 0
        all_rows, all_intervals, all_happened = all_rows[chosen], all_intervals[chosen], all_happened[chosen]
    return all_rows, all_intervals, all_happened


def _interval_features(
    described: DescribedIncidents, rows: npt.NDArray[np.intp], intervals: npt.NDArray[np.intp]
) -> Floats:
    start = EDGES[:-1][intervals]
    moment = described.opened[rows] + np.maximum(start, described.elapsed[rows])
    of_interval = [np.log1p(start), moment % DAY, (moment // DAY + 3) % 7, np.log1p(described.elapsed[rows])]
    return np.column_stack([described.x[rows], *of_interval])  # 1970 began on a Thursday


def _part(arrays: Mapping[str, npt.NDArray[Any]], prefix: str) -> dict[str, npt.NDArray[Any]]:
    return {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}


def _at(survival: Floats, elapsed: float, hours: float) -> float:
    """Return the log of the share that waits longer than so many hours: linear in time inside an interval."""
    if hours <= elapsed:
        return 0.0
    if hours > EDGES[-1]:  # on as in the last interval
        rate = (survival[-1] - survival[-2]) / (EDGES[-1] - max(EDGES[-2], elapsed))
        return float(survival[-1] + rate * (hours - EDGES[-1])) if elapsed < EDGES[-1] else 0.0
    return float(np.interp(hours, np.maximum(EDGES, elapsed), survival))


def _when(survival: Floats, elapsed: float, share: float) -> float:
    level = math.log1p(-share)
    if survival[-1] > level:
        return math.nan
    return float(np.interp(-level, -survival, np.maximum(EDGES, elapsed)))
