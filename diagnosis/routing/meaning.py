"""Meaning: what a general encoder says of a text, as features of a Gaussian kernel (Williams and Seeger, 2001)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.linalg import solve_triangular

from diagnosis.arrays import Vectors
from diagnosis.errors import InputError

_SHARPNESS = 2.0  # of the kernel, exp(sharpness * (cosine - 1))
_NOISE = 1e-4  # that tells landmarks apart which are nearly the same


@dataclass
class Meaning:
    """A map from unit vectors to features whose inner products are nearly a Gaussian kernel of the vectors.

    The kernel is compared with landmarks (Nyström's method): texts of the history, of which many lie near an incident
    that is like many. Whoever is answered by a kernel is answered as what is like it was, wherever that is.

    Attributes
    ----------
    landmarks : ndarray of float32, shape (n_landmarks, n_dimensions)
        Vectors of incidents of the fit; none where it had no vectors.
    mixing : ndarray of float32, shape (n_landmarks, n_landmarks)
        From kernels with each landmark to features.
    """

    landmarks: Vectors
    mixing: Vectors

    @classmethod
    def learn(cls, vectors: Vectors, limit: int, seed: int) -> Self:
        """Draw at most ``most`` landmarks among vectors, shape (n, n_dimensions); zero rows are no text."""
        distinct = vectors[_has_vector(vectors)]
        distinct = np.unique(distinct, axis=0) if len(distinct) else distinct
        landmarks = distinct[np.random.default_rng(seed).permutation(len(distinct))[:limit]]
        kernel = _kernel(landmarks, landmarks).astype(np.float64)
        factor = np.linalg.cholesky(kernel + _NOISE * np.eye(len(landmarks)))
        inverse = solve_triangular(factor, np.eye(len(landmarks)), lower=True) if len(landmarks) else factor
        return cls(landmarks, np.ascontiguousarray(inverse.T, dtype=np.float32))

    def __len__(self) -> int:
        return len(self.landmarks)

    def equals(self, meaning: Meaning) -> bool:
        """Whether another is the same map."""
        return np.array_equal(self.landmarks, meaning.landmarks) and np.array_equal(self.mixing, meaning.mixing)

    def of(self, vectors: Vectors) -> Vectors:
        """Return the features, shape (n, n_landmarks), of a length near one; zero where there is no vector.

        Raises
        ------
        InputError
            If vectors of another encoder are given.
        """
        if not len(self) or not vectors.shape[1]:
            return np.zeros((len(vectors), len(self)), dtype=np.float32)
        if vectors.shape[1] != self.landmarks.shape[1]:
            raise InputError(
                f"routing learned from vectors of {self.landmarks.shape[1]} dimensions; found {vectors.shape[1]}"
            )
        features: Vectors = _kernel(vectors, self.landmarks) @ self.mixing
        features[~_has_vector(vectors)] = 0
        return features


def _has_vector(vectors: Vectors) -> npt.NDArray[np.bool_]:
    return np.asarray(np.any(vectors != 0, axis=1))


def _kernel(vectors: Vectors, landmarks: Vectors) -> Vectors:
    cosines = vectors @ landmarks.T
    kernel: Vectors = np.exp(np.float32(_SHARPNESS) * (cosines - 1))
    return kernel
