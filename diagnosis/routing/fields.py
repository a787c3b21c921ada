"""The incident's coded fields as features: values, and pairs of them, that the history holds often enough."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Self

import numpy as np
import pandas as pd

from diagnosis.errors import InputError
from diagnosis.incident import CODED_FIELDS
from diagnosis.placeholders import is_placeholder
from diagnosis.routing.labels import label_key
from diagnosis.routing.matrix import SparseRows

# A descendant says too much: whoever knows the subcategory knows the category.
DESCENDANTS: Mapping[str, tuple[str, ...]] = {
    "category": ("subcategory",),
    "impact": ("priority",),
    "urgency": ("priority",),
}


def fields_for(target: str) -> tuple[str, ...]:
    """Return the coded fields that may speak for a target: all but itself and what descends from it."""
    return tuple(name for name in CODED_FIELDS if name != target and name not in DESCENDANTS.get(target, ()))


Pair = tuple[tuple[str, str], ...]  # one or two (field, value)
SINGLE, PAIR = 0.04, 0.01  # squared length of one value and of one pair of values
_WEIGHT = {1: SINGLE**0.5, 2: PAIR**0.5}
_PAIR_MIN_COUNT = 3


@dataclass
class FieldFeatures:
    """One column a field value, and one a pair of values, that the history holds often enough.

    A field that is empty is a value too where some incidents have it and some do not: that nobody named a
    configuration item says something. A field that no incident of the fit has is left out.

    Attributes
    ----------
    index_ : dict of tuple of (field, value) to int
        Values in the spelling of `value_key`.
    named_ : ndarray of bool, shape (n_values,)
        Which columns say more than that a field is empty.
    """

    fields: Sequence[str]
    min_count: int = 2

    def fit(self, frame: pd.DataFrame) -> Self:
        """Learn the values of each field and which of them stand together.

        Raises
        ------
        InputError
            If the frame lacks one of the fields.
        """
        missing = [name for name in self.fields if name not in frame]
        if missing:
            raise InputError(f"expected the fields {', '.join(self.fields)}; missing {', '.join(missing)}")
        self.used_ = [name for name in self.fields if (frame[name] != "").any()]
        counts = Counter(key for keys in self._keys(frame) for key in keys)
        least = {1: self.min_count, 2: _PAIR_MIN_COUNT}
        self.index_ = {key: i for i, key in enumerate(sorted(k for k, n in counts.items() if n >= least[len(k)]))}
        self.named_ = np.array([any(value for _, value in key) for key in self.index_], dtype=bool)
        return self

    def rows(self, values: Callable[[str], Sequence[str]]) -> SparseRows:
        """Return indicators scaled by the square roots of `SINGLE` and `PAIR`.

        Parameters
        ----------
        values : callable
            The values of a field by its name, one an incident.
        """
        columns: list[int] = []
        data: list[float] = []
        ends = [0]
        for row in zip(*(values(name) for name in self.used_), strict=True):
            for key, column in self.columns_of(dict(zip(self.used_, row, strict=True))):
                columns.append(column)
                data.append(_WEIGHT[len(key)])
            ends.append(len(columns))
        return SparseRows(np.array(columns, dtype=np.int32), np.array(data, dtype=np.float32), np.array(ends))

    def columns_of(self, incident: Mapping[str, str]) -> list[tuple[Pair, int]]:
        """Return the values and pairs of one incident, given by field, that have a column, with that column."""
        keys = _keys([(name, value_key(incident[name])) for name in self.used_])
        return [(key, column) for key in keys if (column := self.index_.get(key)) is not None]

    def _keys(self, frame: pd.DataFrame) -> Iterator[list[Pair]]:
        values = [[(name, value_key(value)) for value in frame[name].to_numpy(dtype=object)] for name in self.used_]
        for row in range(len(frame)):
            yield _keys([column[row] for column in values])


def value_key(value: str) -> str:
    """Return what two spellings of one value share (`label_key`); "N/A" and its like are as no value."""
    return "" if is_placeholder(value) else label_key(value)


def _keys(singles: Sequence[tuple[str, str]]) -> list[Pair]:
    pairs: list[Pair] = [(a, b) for a, b in combinations(singles, 2) if a[1] or b[1]]
    return [*((single,) for single in singles), *pairs]
