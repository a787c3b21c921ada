"""Views: the same features of rows, as models see them that give each block of columns another weight.

Inner products of rows are those of the blocks, each times its weight: they are multiplied once for all views.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

from diagnosis.arrays import Ints, Rows
from diagnosis.routing.matrix import FeatureMatrix, Matrix


class FeatureView(NamedTuple):
    """Multiples of the squared lengths of blocks of features, as one model sees them."""

    terms: float
    fields: float
    topics: float
    words: float


TERMS, TOPICS, SMOOTH = FeatureView(4, 3, 0, 0), FeatureView(1, 3, 1, 0), FeatureView(1, 1, 1, 0)
VIEWS = tuple(view._replace(words=words) for view in (TERMS, TOPICS, SMOOTH) for words in (0.0, 1.0))
Scales = Callable[[FeatureView], Matrix]
_FEW_COLUMNS = 64


@dataclass(frozen=True)
class _Block:
    """Columns whose factors are the same in every view.

    Attributes
    ----------
    columns : ndarray of int
    features : FeatureMatrix
        These columns alone.
    products : ndarray of float32, shape (n, n), optional
        Inner products of the rows; of dense columns alone they are multiplied where they are needed.
    """

    columns: Ints
    features: FeatureMatrix
    products: Matrix | None

    @classmethod
    def of(cls, matrix: FeatureMatrix, columns: Ints) -> Self:
        """Return the columns of a matrix; few are dense."""
        n_sparse = matrix.sparse.shape[1]
        is_sparse = columns < n_sparse
        sparse, dense = matrix.sparse[:, columns[is_sparse]], matrix.dense[:, columns[~is_sparse] - n_sparse]
        if sparse.shape[1] <= _FEW_COLUMNS:
            features = FeatureMatrix(sparse[:, :0], np.hstack([sparse.toarray(), dense]))
            return cls(columns, features, None)
        features = FeatureMatrix(sparse, dense)
        return cls(columns, features, features.inner_products())

    def take(self, rows: Rows) -> _Block:
        products = None if self.products is None else self.products[np.ix_(rows, rows)].T
        return _Block(self.columns, self.features[rows], products)


class ViewedRows:
    """Rows that models learn from, in every view.

    Parameters
    ----------
    matrix : FeatureMatrix, shape (n, n_features)
    scales : callable
        The factor of each column in a view.
    dense : bool
        Whether their inner products are worth multiplying: long rows share many features, short ones do not.
    """

    def __init__(self, matrix: FeatureMatrix, scales: Scales, *, dense: bool = True) -> None:
        self.matrix = matrix
        self.scales = scales
        self.dense = dense
        self._blocks: list[_Block] | None = None
        self._last: tuple[FeatureView, Matrix] | None = None

    def __len__(self) -> int:
        return self.matrix.shape[0]

    def take(self, rows: Rows) -> ViewedRows:
        """Return some of the rows, with the inner products that are known."""
        part = ViewedRows(self.matrix[rows], self.scales, dense=self.dense)
        if self.dense:
            part._blocks = [block.take(rows) for block in self.blocks]
        return part

    @property
    def blocks(self) -> list[_Block]:
        """The blocks of columns, with their inner products."""
        if self._blocks is None:
            factors = np.stack([self.scales(view) for view in VIEWS])
            # Columns with the same factors have the same sum, and hardly any others do.
            keys = np.random.default_rng(0).random(len(VIEWS)) @ factors
            _, block_of = np.unique(keys.round(9), return_inverse=True)
            used = factors.any(axis=0)
            places = [np.flatnonzero((block_of == block) & used) for block in range(int(block_of.max()) + 1)]
            self._blocks = [_Block.of(self.matrix, columns) for columns in places if len(columns)]
        return self._blocks

    def seen(self, view: FeatureView) -> FeatureMatrix:
        """Return the features as a view has them."""
        return self.matrix.scaled(self.scales(view))

    def gram(self, view: FeatureView) -> Matrix:
        """Return the inner products of all rows in a view, shape (n, n), in Fortran's order; not to be changed."""
        if not self.dense:
            return self.seen(view).inner_products()
        if self._last is None or self._last[0] != view:
            self._last = None
            scales = self.scales(view)
            factors = [(block, scales[block.columns[0]]) for block in self.blocks]
            parts = [factor * block.features.dense for block, factor in factors if block.products is None]
            dense = np.hstack([self.matrix.dense[:, :0], *parts])
            products: Matrix = (dense @ dense.T).T
            for block, factor in factors:
                if block.products is not None and factor:
                    products += factor**2 * block.products
            self._last = view, products
        return self._last[1]

    def weights(self, duals: Sequence[tuple[FeatureView, Matrix]]) -> Matrix:
        """Return the sum of models as weights of the features as they are, shape (n_features, n_classes).

        Parameters
        ----------
        duals : sequence of (View, ndarray of shape (n, n_classes))
            The weight of each row in a model, by the view that it has.
        """
        weights = np.zeros((self.matrix.shape[1], duals[0][1].shape[1]), dtype=np.float32)
        for block in self.blocks:
            first = block.columns[0]
            parts = [np.float32(self.scales(view)[first] ** 2) * dual for view, dual in duals]
            weights[block.columns] = block.features.T @ np.sum(parts, axis=0)
        return weights
