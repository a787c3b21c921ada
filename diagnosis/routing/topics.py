"""Topics: the leading singular directions of an incident's features (Deerwester et al., 1990)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from diagnosis.routing.mapped import Mapped

_MIN_COUNT = 4  # incidents in which a feature must stand to have a part in topics
_ROWS = 8_000  # incidents from which topics are learned: enough for a few hundred directions


@dataclass
class Topics(Mapped):
    """A map from features to topics; rare features have no part in them and take no room.

    Attributes
    ----------
    places : ndarray of int32, shape (n_features,)
        Row of ``directions`` of each feature, -1 where it has none.
    directions : ndarray of float32, shape (n_frequent, n_topics)
        Their strengths evened by a square root.
    """

    places: npt.NDArray[np.int32]
    directions: npt.NDArray[np.float32]

    @classmethod
    def learn(cls, matrix: sp.csr_matrix, most: int, seed: int) -> Self:
        """Learn at most ``most`` topics from features, shape (n, n_features), whose last is the same everywhere."""
        from sklearn.utils.extmath import randomized_svd  # noqa: PLC0415 - half a second, and no diagnosis needs it

        places = np.full(matrix.shape[1], -1, dtype=np.int32)
        frequent = np.bincount(matrix.indices, minlength=matrix.shape[1]) >= _MIN_COUNT
        frequent[-1] = False  # the constant tells nothing apart
        rows = np.random.default_rng(seed).permutation(matrix.shape[0])[:_ROWS]
        sample = matrix[np.sort(rows)][:, frequent]
        k = min(most, min(sample.shape) // 4)
        if not k:
            return cls(places, np.zeros((0, 0), dtype=np.float32))
        places[frequent] = np.arange(sample.shape[1])
        _, strength, directions = randomized_svd(sample, k, n_iter=2, random_state=seed)
        evened = np.zeros_like(directions)
        real = strength > 1e-6 * strength[0]
        evened[real] = directions[real] / np.sqrt(strength[real])[:, None]
        return cls(places, np.ascontiguousarray(evened.T, dtype=np.float32))

    def equals(self, other: Topics) -> bool:
        """Whether another is the same map."""
        return np.array_equal(self.places, other.places) and np.array_equal(self.directions, other.directions)

    def at(self, columns: npt.NDArray[np.integer]) -> npt.NDArray[np.float32]:
        """Return what some features bring to each topic, shape (n, n_topics)."""
        places = self.places[columns]
        found = np.zeros((len(columns), self.directions.shape[1]), dtype=np.float32)
        found[places >= 0] = self.directions[places[places >= 0]]
        return found

    def of(self, matrix: sp.csr_matrix) -> npt.NDArray[np.float32]:
        """Return the topics of incidents by their features, shape (n, n_topics)."""
        places = self.places[matrix.indices]
        known = places >= 0
        ends = np.concatenate([[0], np.cumsum(known)])[matrix.indptr]
        shape = (matrix.shape[0], len(self.directions))
        return np.asarray(sp.csr_matrix((matrix.data[known], places[known], ends), shape=shape) @ self.directions)
