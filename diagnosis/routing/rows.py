"""FeatureRows: incidents by their features, and what weights make of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from diagnosis.routing.matrix import FeatureMatrix, Matrix

Columns = npt.NDArray[np.int32]


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

    def one(self, row: int) -> tuple[Columns, Matrix]:
        """Return the counted features of one incident, and their values."""
        of_row = slice(self.starts[row], self.starts[row + 1])
        return self.columns[of_row], self.data[of_row]

    def matrix(self, kept: int) -> FeatureMatrix:
        """Return the features from column ``kept`` on as one matrix, the dense ones last."""
        shape = (len(self), self.n_counted)
        counted = sp.csr_matrix((self.data, self.columns, self.starts), shape=shape)
        return FeatureMatrix(counted[:, kept:] if kept else counted, self.dense)

    def scores(self, weights: npt.NDArray[np.floating], kept: int) -> npt.NDArray[np.float64]:
        """Return what the features come to, shape (n, n_classes).

        Parameters
        ----------
        weights : ndarray, shape (n_counted - kept + n_dense, n_classes)
            Of the features from column ``kept`` on; the others have none. Only rows that are needed are read.
        """
        columns, data, starts = self.columns, self.data, self.starts
        if kept:
            own = columns >= kept
            starts = np.concatenate([[0], np.cumsum(own)])[starts]
            columns, data = columns[own] - kept, data[own]
        of_dense = weights[self.n_counted - kept :].astype(np.float32)
        if len(self) == 1:
            counted = data @ weights[columns].astype(np.float32)
        else:
            met, places = np.unique(columns, return_inverse=True)
            sparse = sp.csr_matrix((data, places, starts), shape=(len(self), len(met)))
            counted = sparse @ weights[met].astype(np.float32)
        return np.asarray(counted + self.dense @ of_dense, dtype=np.float64)
