"""FeatureMatrix: rows by features that few of them have, and by features that all of them have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

Matrix = npt.NDArray[np.float32]

_FREQUENT = 0.05  # share of the rows that hold a feature from which inner products are quicker by a dense column


@dataclass(frozen=True, slots=True)
class FeatureMatrix:
    """Two blocks of columns that are multiplied as one matrix, each in the way that is quickest for it.

    A column that has a value in every row would take twice the memory in a sparse matrix, and ten times as long.

    Attributes
    ----------
    sparse : csr_matrix of float32, shape (n, n_sparse)
    dense : ndarray of float32, shape (n, n_dense)
        The last columns.
    """

    sparse: sp.csr_matrix
    dense: Matrix

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and features."""
        return len(self.dense), self.sparse.shape[1] + self.dense.shape[1]

    @property
    def T(self) -> TransposedMatrix:  # noqa: N802 - as NumPy calls it
        """The features by rows; made anew at each call."""
        return TransposedMatrix(self.sparse.T.tocsr(), self.dense.T)

    def __getitem__(self, rows: npt.NDArray[np.generic]) -> FeatureMatrix:
        return FeatureMatrix(self.sparse[rows], self.dense[rows])

    def __matmul__(self, weights: Matrix) -> Matrix:
        n_sparse = self.sparse.shape[1]
        product: Matrix = self.sparse @ weights[:n_sparse] + self.dense @ weights[n_sparse:]
        return product

    def inner_products(self, block: int = 1_000) -> Matrix:
        """Return the inner products of all rows, shape (n, n), in Fortran's order."""
        n, n_sparse = len(self.dense), self.sparse.shape[1]
        frequent = np.bincount(self.sparse.indices, minlength=n_sparse) > _FREQUENT * n
        dense, rare = np.hstack([self.sparse[:, frequent].toarray(), self.dense]), self.sparse[:, ~frequent]
        products = np.asfortranarray(dense @ dense.T)
        transposed = rare.T.tocsr()
        for start in range(0, n, block):
            products[start : start + block] += (rare[start : start + block] @ transposed).toarray()
        return products

    def weighted_squares(self, row_weights: Matrix) -> npt.NDArray[np.float64]:
        """Return X'DX for the weights of rows D, shape (n_features, n_features)."""
        weighted = self.dense * row_weights[:, None]
        mixed = self.sparse.T @ weighted
        of_sparse = (self.sparse.T @ self.sparse.multiply(row_weights[:, None]).tocsr()).toarray()
        return np.block([[of_sparse, mixed], [mixed.T, self.dense.T @ weighted]]).astype(np.float64)


@dataclass(frozen=True, slots=True)
class TransposedMatrix:
    """A `FeatureMatrix` on its side: features by rows."""

    sparse: sp.csr_matrix
    dense: Matrix

    def __matmul__(self, values: Matrix | sp.csr_matrix) -> Matrix:
        if sp.issparse(values):
            return np.vstack([(self.sparse @ values).toarray(), (values.T @ self.dense.T).T])
        return np.vstack([self.sparse @ values, self.dense @ values])
