"""Everything that is known of an incident when it is logged, side by side: terms, coded fields, vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from diagnosis.errors import InputError
from diagnosis.prepared import PreparedIncidents
from diagnosis.routing.fields import FieldFeatures
from diagnosis.routing.terms import TermFeatures, units


@dataclass
class IncidentFeatures:
    """Terms, field values and vectors of prepared incidents, shape (n, n_terms + n_values + n_dimensions)."""

    fields: Sequence[str]

    def fit(self, prepared: PreparedIncidents) -> Self:
        """Learn which terms and field values there are."""
        self.terms_ = TermFeatures().fit(prepared.text)
        self.values_ = FieldFeatures(self.fields).fit(prepared.frame)
        self.n_dimensions_ = prepared.vectors.shape[1]
        return self

    def transform(self, prepared: PreparedIncidents) -> sp.csr_matrix:
        """Return the features; raises `InputError` when the vectors are of another encoder than at the fit."""
        if prepared.vectors.shape[1] != self.n_dimensions_:
            raise InputError(
                f"expected vectors of {self.n_dimensions_} dimensions, as at the fit; found {prepared.vectors.shape[1]}"
            )
        blocks = [self.terms_.transform(prepared.text), self.values_.transform(prepared.frame) * np.float32(0.5)]
        if self.n_dimensions_:
            blocks.append(sp.csr_matrix(prepared.vectors))
        return sp.hstack(blocks, format="csr", dtype=np.float32)


def equal_text_groups(prepared: PreparedIncidents) -> npt.NDArray[np.intp]:
    """Return a group number for each incident: the same words are the same group; incidents without text are alone."""
    numbers: dict[str, int] = {}
    keys = (" ".join(units(text)) or f"\0{row}" for row, text in enumerate(prepared.text))
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.intp)
