"""The incident's coded fields as features: one column for each value that the history holds often enough."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
import scipy.sparse as sp

from diagnosis.errors import InputError
from diagnosis.incident import CODED_FIELDS
from diagnosis.routing.labels import label_key

# A descendant says too much: whoever knows the subcategory knows the category.
DESCENDANTS: Mapping[str, tuple[str, ...]] = {
    "category": ("subcategory",),
    "impact": ("priority",),
    "urgency": ("priority",),
}


def fields_for(target: str) -> tuple[str, ...]:
    """Return the coded fields that may speak for a target: all but itself and what descends from it."""
    return tuple(name for name in CODED_FIELDS if name != target and name not in DESCENDANTS.get(target, ()))


@dataclass
class FieldFeatures:
    """One column a field value seen at least ``min_count`` times at the fit; other values and ``""`` have none."""

    fields: Sequence[str]
    min_count: int = 2

    def fit(self, frame: pd.DataFrame) -> Self:
        """Learn the values of each field."""
        missing = [name for name in self.fields if name not in frame]
        if missing:
            raise InputError(f"expected the fields {', '.join(self.fields)}; missing {', '.join(missing)}")
        counts = Counter(pair for name in self.fields for pair in _pairs(frame, name) if pair[1])
        kept = sorted(pair for pair, count in counts.items() if count >= self.min_count)
        self.index_ = {pair: i for i, pair in enumerate(kept)}
        return self

    def transform(self, frame: pd.DataFrame) -> sp.csr_matrix:
        """Return indicators, shape (n_incidents, n_values), float32."""
        rows: list[int] = []
        columns: list[int] = []
        for name in self.fields:
            for row, pair in enumerate(_pairs(frame, name)):
                column = self.index_.get(pair)
                if column is not None:
                    rows.append(row)
                    columns.append(column)
        data = np.ones(len(rows), dtype=np.float32)
        return sp.csr_matrix((data, (rows, columns)), shape=(len(frame), len(self.index_)))


def _pairs(frame: pd.DataFrame, name: str) -> list[tuple[str, str]]:
    return [(name, label_key(value)) for value in frame[name].to_numpy(dtype=object)]
