"""TextAxes: the few directions in which an organisation's texts differ most, as features of a hazard."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diagnosis.prepared import Vectors
from diagnosis.recurrence.hazard import Floats

N_AXES = 16
ENOUGH = 20_000  # newest texts that are enough to find the axes


@dataclass(frozen=True)
class TextAxes:
    """The principal axes of text vectors; a zero vector (no text) is "not known"."""

    mean: Floats
    axes: Floats

    @classmethod
    def fit(cls, vectors: Vectors) -> TextAxes:
        """Find the axes of vectors of shape (n, n_dimensions)."""
        told = vectors[np.any(vectors != 0, axis=1)][-ENOUGH:].astype(np.float64)
        mean = told.mean(axis=0) if len(told) else np.zeros(vectors.shape[1])
        centred = told - mean
        _, directions = np.linalg.eigh(centred.T @ centred)
        return cls(mean, directions[:, ::-1][:, :N_AXES])

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the features."""
        return tuple(f"text: {i + 1}" for i in range(self.axes.shape[1]))

    def describe(self, vectors: Vectors | None, length: int) -> Floats:
        """Return the features, shape (length, n_axes); NaN for a row without text, or everywhere without vectors."""
        if vectors is None:
            return np.full((length, self.axes.shape[1]), np.nan)
        placed: Floats = (vectors.astype(np.float64) - self.mean) @ self.axes
        placed[~np.any(vectors != 0, axis=1)] = np.nan
        return placed
