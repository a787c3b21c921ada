"""Topics: the leading singular directions of an incident's features (Deerwester et al., 1990)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

_MIN_COUNT = 4  # incidents in which a feature must stand to have a part in topics
_SHORT = 0.1
_ROWS = 8_000  # incidents from which topics are learned: enough for a few hundred directions


@dataclass
class Topics:
    """A map from features to topics; rare features have no part in them and take no room.

    Attributes
    ----------
    places : ndarray of int32, shape (n_features,)
        Row of ``directions`` of each feature, -1 where it has none.
    directions : ndarray of float16, shape (n_frequent, n_topics)
        Their strengths evened by a square root; the largest entry is one.
    shortest : float
        Length that nine of ten incidents of the fit exceed: what has less of topics is not brought to full length.
    """

    places: npt.NDArray[np.int32]
    directions: npt.NDArray[np.float16]
    shortest: float

    @classmethod
    def learn(cls, matrix: sp.csr_matrix, limit: int, seed: int) -> Self:
        """Learn at most ``most`` topics from features, shape (n, n_features), whose last is the same everywhere."""
        from sklearn.utils.extmath import randomized_svd  # noqa: PLC0415 - half a second, and no diagnosis needs it

        places = np.full(matrix.shape[1], -1, dtype=np.int32)
        frequent = np.bincount(matrix.indices, minlength=matrix.shape[1]) >= _MIN_COUNT
        frequent[-1] = False  # the constant tells nothing apart
        rows = np.random.default_rng(seed).permutation(matrix.shape[0])[:_ROWS]
        sample = matrix[np.sort(rows)][:, frequent]
        k = min(limit, min(sample.shape) // 4)
        if not k:
            return cls.none(matrix.shape[1])
        places[frequent] = np.arange(sample.shape[1])
        _, strength, directions = randomized_svd(sample, k, n_iter=2, random_state=seed)
        evened = np.zeros_like(directions)
        real = strength > 1e-6 * strength[0]
        evened[real] = directions[real] / np.sqrt(strength[real])[:, None]
        evened /= np.abs(evened).max(initial=1e-9)
        evened = np.ascontiguousarray(evened.T, dtype=np.float16)
        lengths = np.linalg.norm(sample @ evened.astype(np.float32), axis=1)
        return cls(places, evened, max(float(np.quantile(lengths, _SHORT)), 1e-9))

    @classmethod
    def none(cls, n_features: int) -> Self:
        """Return the map to no topic."""
        return cls(np.full(n_features, -1, dtype=np.int32), np.zeros((0, 0), dtype=np.float16), 1.0)

    def scale(self, topics: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return what brings the topics of incidents, shape (..., n_topics), to length one, or nearer to it."""
        return np.asarray(1 / np.maximum(np.linalg.norm(topics, axis=-1), self.shortest), dtype=np.float32)

    def equals(self, topics_map: Topics) -> bool:
        """Whether another is the same map."""
        same = self.shortest == topics_map.shortest and np.array_equal(self.places, topics_map.places)
        return same and np.array_equal(self.directions, topics_map.directions)

    def at(self, columns: npt.NDArray[np.integer]) -> npt.NDArray[np.float32]:
        """Return what some features bring to each topic, shape (n, n_topics)."""
        places = self.places[columns]
        directions = np.zeros((len(columns), self.directions.shape[1]), dtype=np.float32)
        directions[places >= 0] = self.directions[places[places >= 0]]
        return directions

    def of(self, matrix: sp.csr_matrix) -> npt.NDArray[np.float32]:
        """Return the topics of incidents by their features, shape (n, n_topics); only directions they need are read."""
        places = self.places[matrix.indices]
        in_vocabulary = places >= 0
        ends = np.concatenate([[0], np.cumsum(in_vocabulary)])[matrix.indptr]
        met, columns = np.unique(places[in_vocabulary], return_inverse=True)
        features = sp.csr_matrix((matrix.data[in_vocabulary], columns, ends), shape=(matrix.shape[0], len(met)))
        return np.asarray(features @ self.directions[met].astype(np.float32))
