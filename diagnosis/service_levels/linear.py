"""LinearHazard: the hazard of a wait as a sum of what each field's value adds, by logistic regression.

Trees over what a history says of a value see few numbers; a weight for each value sees the value itself, and is as good
where values matter one by one. What a value adds before the limit and after it are two weights.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy.special import logit

from diagnosis.arrays import Floats, Ints
from diagnosis.service_levels.passage import DAY, EDGES, N_INTERVALS

FEWEST_SEEN = 10  # incidents with a value before it has a weight of its own; the rarer ones share one
STRENGTH = 0.3  # inverse of how strongly weights are held near none (scikit-learn's C)
_HOURS, _WEEKDAYS = 24, 7
_MOST_STEPS = 200


@dataclass(frozen=True)
class LinearHazard:
    """Fitted weights.

    Attributes
    ----------
    values : dict of str to dict of str to int
        By field, the place of the weight of each value; that of all others is under ``""``.
    weights : ndarray, shape (2, n_weights)
        Before the limit and after it: hours of the day, days of the week, then the values.
    intercepts : ndarray, shape (N_INTERVALS,)
    first_later : int
        The first interval that begins at the limit or after it.
    """

    values: Mapping[str, Mapping[str, int]]
    weights: Floats
    intercepts: Floats
    first_later: int

    @classmethod
    def fit(
        cls,
        keys: Sequence[Mapping[str, str]],
        opened: Floats,
        periods: tuple[Ints, Ints, npt.NDArray[np.bool_]],
        weight: Floats,
        limit: float,
    ) -> Self:
        """Learn from intervals that incidents were watched in.

        Parameters
        ----------
        keys : sequence of mapping
            Values by field, of all incidents.
        opened : ndarray, shape (n,)
            Hours since 1970.
        periods : tuple of ndarray, shape (n_periods,)
            Place of the incident, interval, and whether the wait ended in it.
        weight : ndarray, shape (n_periods,)
        limit : float
            Hours that are promised.
        """
        from scipy.sparse import csr_matrix  # noqa: PLC0415 - serving fits nothing
        from sklearn.linear_model import LogisticRegression  # noqa: PLC0415

        rows, intervals, happened = periods
        values, n_weights = _places(keys, rows)
        first_later = int(np.searchsorted(EDGES, limit))
        empty = cls(values, np.zeros((2, n_weights)), np.zeros(N_INTERVALS), first_later)
        columns = empty._weights_of(keys, opened)[rows] + n_weights * (intervals >= first_later)[:, None]
        columns = np.column_stack([columns, 2 * n_weights + intervals])
        shape = (len(rows), 2 * n_weights + N_INTERVALS)
        starts = np.arange(0, columns.size + 1, columns.shape[1])
        x = csr_matrix((np.ones(columns.size), columns.ravel(), starts), shape=shape)
        if happened.all() or not happened.any():
            share = (happened.sum() + 0.5) / (len(happened) + 1)
            return cls(values, empty.weights, np.full(N_INTERVALS, float(logit(share))), first_later)
        model = LogisticRegression(C=STRENGTH, max_iter=_MOST_STEPS).fit(x, happened, sample_weight=weight)
        coefficients = model.coef_[0]
        intercepts = coefficients[2 * n_weights :] + model.intercept_[0]
        return cls(values, coefficients[: 2 * n_weights].reshape(2, n_weights), intercepts, first_later)

    def terms(self, keys: Sequence[Mapping[str, str]], opened: Floats) -> Floats:
        """Return what the values of each incident add, before the limit and after it; shape (n, 2)."""
        sums: Floats = self.weights[:, self._weights_of(keys, opened)].sum(axis=2).T
        return sums

    def log_odds(self, terms: Floats, rows: Ints, intervals: Ints) -> Floats:
        """Return the log-odds of an end in intervals, of incidents whose `terms` are given."""
        odds: Floats = terms[rows, (intervals >= self.first_later).astype(np.intp)] + self.intercepts[intervals]
        return odds

    def _weights_of(self, keys: Sequence[Mapping[str, str]], opened: Floats) -> Ints:
        hour = (opened % DAY).astype(np.intp)
        weekday = (opened // DAY + 3).astype(np.intp) % _WEEKDAYS  # 1970 began on a Thursday
        of_values = [[places.get(k[name], places[""]) for name, places in self.values.items()] for k in keys]
        return np.column_stack(
            [hour, _HOURS + weekday, np.array(of_values, dtype=np.intp).reshape(len(keys), len(self.values))]
        )

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the weights as arrays to be saved."""
        return {
            "values": np.frombuffer(json.dumps(self.values).encode(), dtype=np.uint8),
            "weights": self.weights,
            "intercepts": self.intercepts,
            "first_later": np.array(self.first_later),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """Return what `to_arrays` gave."""
        values = json.loads(arrays["values"].tobytes())
        return cls(values, arrays["weights"], arrays["intercepts"], int(arrays["first_later"]))


def _places(keys: Sequence[Mapping[str, str]], rows: Ints) -> tuple[dict[str, dict[str, int]], int]:
    """Return the places of the weights by field and value, and how many there are."""
    incidents = [keys[row] for row in np.unique(rows)]
    places: dict[str, dict[str, int]] = {}
    n_weights = _HOURS + _WEEKDAYS
    for name in incidents[0] if incidents else ():
        counts = Counter(values_of[name] for values_of in incidents)
        frequent = sorted(value for value, n in counts.items() if value and n >= FEWEST_SEEN)
        places[name] = {value: n_weights + i for i, value in enumerate(["", *frequent])}
        n_weights += 1 + len(frequent)
    return places, n_weights
