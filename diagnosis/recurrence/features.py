"""Features of a hazard: where a text stands among the organisation's texts, and what is known at the resolution."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from diagnosis.arrays import Floats, Vectors
from diagnosis.incident import IncidentBatch
from diagnosis.text import workarounds
from diagnosis.times import days_since_1970

CODED = ("close_code", "assignment_group")
MOST_VALUES = 30  # values of a coded field that get a feature of their own, the most frequent first
N_AXES = 16
MAX_TEXTS = 20_000  # newest texts that are enough to find the axes


@dataclass(frozen=True)
class TextAxes:
    """The principal axes of text vectors; a zero vector (no text) is "not known"."""

    mean: Floats
    axes: Floats

    @classmethod
    def fit(cls, vectors: Vectors) -> TextAxes:
        """Find the axes of vectors of shape (n, n_dimensions)."""
        with_text = vectors[np.any(vectors != 0, axis=1)][-MAX_TEXTS:].astype(np.float64)
        mean = with_text.mean(axis=0) if len(with_text) else np.zeros(vectors.shape[1])
        centred = with_text - mean
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


def reads_like_workaround(incidents: IncidentBatch) -> npt.NDArray[np.bool_]:
    """Return whether each resolution reads like a workaround, in English or Chinese, shape (n,)."""
    texts = zip(incidents.column("close_code"), incidents.column("close_notes"), strict=True)
    return np.array([workarounds.reads_like_workaround(f"{code} {notes}") for code, notes in texts], dtype=bool)


@dataclass(frozen=True)
class ClosureFeatures:
    """Features of the moment of resolution; the values of coded fields are learned from the incidents given first."""

    frequent: dict[str, tuple[str, ...]]

    @classmethod
    def fit(cls, incidents: IncidentBatch) -> ClosureFeatures:
        """Learn which close codes and groups are frequent enough for a feature of their own."""
        counts = {name: Counter(filter(None, incidents.column(name))) for name in CODED}
        return cls({name: tuple(v for v, _ in count.most_common(MOST_VALUES)) for name, count in counts.items()})

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the features, ``"<factor>: <what>"``."""
        coded = [f"{name}: {value}" for name, values in self.frequent.items() for value in values]
        return (
            "time to restore: hours",
            "reassignments: count",
            "reopened: count",
            "article: used",
            "workaround: reads like one",
            *coded,
        )

    def describe(self, incidents: IncidentBatch) -> Floats:
        """Return the features, shape (n, len(columns))."""
        counts = [_numbers(incidents, name) for name in ("reassignment_count", "reopen_count")]
        article_used = [bool(number) for number in incidents.column("knowledge")]
        coded = [
            [value == frequent for value in incidents.column(name)]
            for name, values in self.frequent.items()
            for frequent in values
        ]
        columns: list[Any] = [
            np.log1p(np.maximum(_hours_to_restore(incidents), 0.0)),
            *(np.log1p(count) for count in counts),
            article_used,
            reads_like_workaround(incidents),
            *coded,
        ]
        return np.column_stack(columns).astype(np.float64)

    def values_of(self, incidents: IncidentBatch) -> dict[str, list[Any]]:
        """Return each factor's values as a person would read them."""
        return {
            "time to restore": [round(float(hours), 1) for hours in _hours_to_restore(incidents)],
            "reassignments": np.nan_to_num(_numbers(incidents, "reassignment_count")).tolist(),
            "reopened": np.nan_to_num(_numbers(incidents, "reopen_count")).tolist(),
            "article": incidents.column("knowledge"),
            "workaround": reads_like_workaround(incidents).astype(float).tolist(),
            **{name: incidents.column(name) for name in CODED},
        }


def _hours_to_restore(incidents: IncidentBatch) -> Floats:
    opened, resolved = (days_since_1970(incidents.column(name)) for name in ("opened_at", "resolved_at"))
    hours: Floats = (resolved - opened) * 24
    return hours


def _numbers(incidents: IncidentBatch, name: str) -> Floats:
    return np.array([np.nan if value is None else value for value in incidents.column(name)], dtype=np.float64)
