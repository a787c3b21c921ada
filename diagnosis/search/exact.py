"""Exact nearest neighbours by inner product, with equal ones in order of their rows."""

from __future__ import annotations

from typing import Any

import faiss as _faiss
import numpy as np
import numpy.typing as npt

from diagnosis.prepared import Vectors
from diagnosis.search.views import Found

faiss: Any = _faiss  # its own types leave out half of what it has

_BLOCK = 1 << 24  # scores held at once: 64 MB
_GATHERED = 4  # as many products cost as much as copying one row out: where a quarter may be found, all are compared
_SIGN_AND_REST, _SCALE = np.uint32(0x8FFFE000).view(np.int32), np.float32(2.0**112)
_NOISE = 4e-6  # what float32 sums of a few hundred products may differ by


def exact_search(vectors: Vectors, queries: Vectors, k: int, mask: npt.NDArray[np.bool_]) -> list[Found]:
    """Return the rows of the ``k`` largest inner products and the products, query by query.

    Parameters
    ----------
    vectors : ndarray of float16 or float32, shape (n, dimensions)
    queries : ndarray of float32, shape (n_queries, dimensions)
    k : int
    mask : ndarray of bool, shape (n,)
        Which rows may be found.
    """
    rows = np.flatnonzero(mask)
    if len(rows) == len(vectors) or len(rows) * _GATHERED > len(vectors):
        rows = np.arange(len(vectors))
    else:
        vectors, mask = vectors.take(rows, axis=0), mask[rows]
    step = max(1, _BLOCK // max(1, len(rows)))
    found: list[Found] = []
    for start in range(0, len(queries), step):
        block = queries[start : start + step]
        scores = _products(block, widened(vectors))
        scores[:, ~mask] = -np.inf
        found += [_first(vectors, query, row_scores, k) for query, row_scores in zip(block, scores, strict=True)]
    return [(rows[places], similarities) for places, similarities in found]


def _products(queries: Vectors, vectors: Vectors) -> Vectors:
    """Return inner products, shape (n_queries, n)."""
    if len(queries) > 4:
        return queries @ vectors.T
    return np.array([inner_products(vectors, query) for query in queries], dtype=np.float32).reshape(len(queries), -1)


def inner_products(vectors: Vectors, query: Vectors) -> Vectors:
    """Return the inner product of each row with one query, equal rows' equal to the bit, shape (n,), float32.

    FAISS goes row by row, so that a product does not depend on where a row stands as that of BLAS does, and reads the
    rows as quickly.
    """
    rows, asked = widened(vectors), np.ascontiguousarray(query, dtype=np.float32)
    products = np.empty(len(rows), dtype=np.float32)
    faiss.fvec_inner_products_ny(*map(faiss.swig_ptr, (products, asked, rows)), rows.shape[1], len(rows))
    return products


def widened(vectors: Vectors) -> Vectors:
    """Return vectors as float32, in a row; float16 by its bits, at a quarter of the time that NumPy takes.

    Eight exponents of float32 are for one of float16, and its zero lies 112 higher: what is shifted to the place of
    mantissa and exponent is 2**112 times too small, numbers too small for an exponent included.
    """
    if vectors.dtype != np.float16:
        return np.ascontiguousarray(vectors, dtype=np.float32)
    bits = np.ascontiguousarray(vectors).view(np.int16).astype(np.int32)  # the sign stays in front
    bits <<= 13
    bits &= _SIGN_AND_REST
    wide: Vectors = bits.view(np.float32)
    wide *= _SCALE
    return wide


def rescore(vectors: Vectors, query: Vectors) -> npt.NDArray[np.float64]:
    """Return the cosine of unit rows with a unit query, equal rows' equal to the bit, shape (n,)."""
    return np.clip(inner_products(vectors, query).astype(np.float64), -1.0, 1.0)


def _first(vectors: Vectors, query: Vectors, scores: Vectors, k: int) -> Found:
    """Cut generously by the quick scores, then order by exact ones: a matrix product depends on a row's place."""
    if 0 < k < len(scores):
        least = np.partition(scores, len(scores) - k)[len(scores) - k]
        places = np.flatnonzero((scores >= least - _NOISE) & (scores > -np.inf))
    else:
        places = np.flatnonzero(scores > -np.inf)
    similarities = rescore(vectors.take(places, axis=0), query)
    order = np.argsort(-similarities, kind="stable")[:k]
    return places[order], similarities[order]
