"""Feature matrices: columns that few rows have and columns that all have, for many rows or for one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

Matrix = npt.NDArray[np.float32]
Columns = npt.NDArray[np.int32]

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

    def scaled(self, scales: Matrix) -> FeatureMatrix:
        """Return the features with every column multiplied by its factor, shape (n_features,)."""
        n_sparse = self.sparse.shape[1]
        data = self.sparse.data * scales[self.sparse.indices]
        sparse = sp.csr_matrix((data, self.sparse.indices, self.sparse.indptr), shape=self.sparse.shape)
        return FeatureMatrix(sparse, self.dense * scales[n_sparse:])

    def __matmul__(self, weights: Matrix) -> Matrix:
        n_sparse = self.sparse.shape[1]
        product: Matrix = self.sparse @ weights[:n_sparse] + self.dense @ weights[n_sparse:]
        return product

    def inner_products(self, block: int = 1_000) -> Matrix:
        """Return the inner products of all rows, shape (n, n), in Fortran's order."""
        n, n_sparse = len(self.dense), self.sparse.shape[1]
        frequent = np.bincount(self.sparse.indices, minlength=n_sparse) > _FREQUENT * n
        dense, rare = np.hstack([self.sparse[:, frequent].toarray(), self.dense]), self.sparse[:, ~frequent]
        products: Matrix = dense @ dense.T
        transposed = rare.T.tocsr()
        for start in range(0, n, block):
            products[start : start + block] += (rare[start : start + block] @ transposed).toarray()
        return products.T  # which is the same, in Fortran's order

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


class SparseRows(NamedTuple):
    """The few columns that each row holds, as plain arrays: one row costs what it holds, not what a matrix costs.

    Attributes
    ----------
    columns, data : ndarray of int32, and of float32
        Those of row ``i`` are ``starts[i]`` to ``starts[i + 1]``.
    starts : ndarray of int, shape (n + 1,)
    """

    columns: Columns
    data: Matrix
    starts: npt.NDArray[np.integer]

    @property
    def row_of(self) -> npt.NDArray[np.intp]:
        """Row of each value, shape (n_values,)."""
        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))

    def matrix(self, width: int) -> sp.csr_matrix:
        """Return them as a matrix, shape (n, width)."""
        return sp.csr_matrix((self.data, self.columns, self.starts), shape=(len(self.starts) - 1, width))


def side_by_side(blocks: Sequence[tuple[SparseRows, int]]) -> SparseRows:
    """Return blocks of columns, each with its width, one beside the other."""
    offsets = accumulate((width for _, width in blocks), initial=0)
    columns = np.concatenate(
        [block.columns + np.int32(offset) for (block, _), offset in zip(blocks, offsets, strict=False)]
    )
    data = np.concatenate([block.data for block, _ in blocks])
    if len(blocks[0][0].starts) == 2:
        return SparseRows(columns, data, np.array([0, len(columns)]))
    order = np.argsort(np.concatenate([block.row_of for block, _ in blocks]), kind="stable")
    return SparseRows(columns[order], data[order], np.sum([block.starts for block, _ in blocks], axis=0))


@dataclass(frozen=True, slots=True)
class FeatureRows:
    """Features of incidents: those that are counted, of which an incident has few, and those made of it as a whole.

    Plain arrays, because one incident is answered in the time that it takes to build a few sparse matrices.

    Attributes
    ----------
    columns, data : ndarray of int32, and of float32
        Counted features and their values; those of incident ``i`` are ``starts[i]`` to ``starts[i + 1]``.
    starts : ndarray of int, shape (n + 1,)
    n_counted : int
    dense : ndarray of float32, shape (n, n_dense)
    to_topics : ndarray of float32, shape (n_columns, n_topics), optional
        What each counted feature of a single incident brings to topics: found once for all that ask.
    """

    columns: Columns
    data: Matrix
    starts: npt.NDArray[np.integer]
    n_counted: int
    dense: Matrix
    to_topics: Matrix | None = None

    def __len__(self) -> int:
        return len(self.dense)

    def row_features(self, row: int) -> tuple[Columns, Matrix]:
        """Return the counted features of one incident, and their values."""
        of_row = slice(self.starts[row], self.starts[row + 1])
        return self.columns[of_row], self.data[of_row]

    def matrix(self, first_weighted: int) -> FeatureMatrix:
        """Return the features from column ``kept`` on as one matrix, the dense ones last."""
        shape = (len(self), self.n_counted)
        by_counted = sp.csr_matrix((self.data, self.columns, self.starts), shape=shape)
        return FeatureMatrix(by_counted[:, first_weighted:] if first_weighted else by_counted, self.dense)

    def scores(self, weights: npt.NDArray[np.floating], first_weighted: int) -> npt.NDArray[np.float64]:
        """Return what the features come to, shape (n, n_classes).

        Parameters
        ----------
        weights : ndarray, shape (n_counted - kept + n_dense, n_classes)
            Of the features from column ``kept`` on; the others have none. Only rows that are needed are read.
        """
        columns, data, starts = self.columns, self.data, self.starts
        if first_weighted:
            weighted = columns >= first_weighted
            starts = np.concatenate([[0], np.cumsum(weighted)])[starts]
            columns, data = columns[weighted] - first_weighted, data[weighted]
        of_dense = weights[self.n_counted - first_weighted :].astype(np.float32)
        if len(self) == 1:
            by_counted = data @ weights[columns].astype(np.float32)
        else:
            met, places = np.unique(columns, return_inverse=True)
            sparse = sp.csr_matrix((data, places, starts), shape=(len(self), len(met)))
            by_counted = sparse @ weights[met].astype(np.float32)
        return np.asarray(by_counted + self.dense @ of_dense, dtype=np.float64)
