"""How often terms stand in texts, and what they weigh for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from diagnosis.routing.contrast import contrast

Rows = npt.NDArray[np.int64]
Counts = tuple[sp.csr_matrix, npt.NDArray[np.float32]]  # of known terms, and how many are unknown


def frequent(documents: Iterable[Iterable[str]], min_count: int) -> dict[str, int]:
    """Return the terms that stand in enough documents, with their numbers in alphabetical order."""
    frequency: Counter[str] = Counter()
    for document in documents:
        frequency.update(set(document))
    return {term: i for i, term in enumerate(sorted(term for term, count in frequency.items() if count >= min_count))}


def numbered(documents: Sequence[Sequence[str]], index: dict[str, int]) -> tuple[Rows, Rows]:
    """Return the number of each term of all documents, -1 if unknown, and the document that it stands in."""
    numbers = np.array([index.get(term, -1) for document in documents for term in document], dtype=np.int64)
    return numbers, np.repeat(np.arange(len(documents)), [len(document) for document in documents])


def count(document_of: Rows, columns: Rows, n_documents: int, n_columns: int) -> Counts:
    """Return how often each column stands in each document, and how many terms without a column do."""
    known = columns >= 0
    ones = np.ones(int(known.sum()), dtype=np.float32)
    counts = sp.csr_matrix((ones, (document_of[known], columns[known])), shape=(n_documents, n_columns))
    return counts, np.bincount(document_of[~known], minlength=n_documents).astype(np.float32)


def term_weights(counts: sp.csr_matrix, codes: Rows | None) -> tuple[npt.NDArray[np.float32], np.float32]:
    """Return the weight of each term, and that of a term which stands in no other text."""
    frequency = np.bincount(counts.indices, minlength=counts.shape[1])
    idf, rarest = np.log((1 + counts.shape[0]) / (1 + frequency)) + 1, np.log((1 + counts.shape[0]) / 2) + 1
    if codes is not None:
        told, untold = contrast(counts, codes)
        idf, rarest = idf * told, rarest * untold
    return idf.astype(np.float32), np.float32(rarest)


def row_weighed(
    columns: Rows, times: npt.NDArray[Any], unknown: float, idf: npt.NDArray[np.float32], rarest: np.float32
) -> npt.NDArray[np.float32]:
    """Return what `weigh` makes of one text: how often each feature stands in it, and how many other terms do."""
    data = (1 + np.log(times)) * idf[columns]
    squares = np.bincount(np.zeros(len(data), dtype=np.intp), weights=data**2, minlength=1) + unknown * rarest**2
    weighed: npt.NDArray[np.float32] = (data / np.sqrt(np.maximum(squares, 1e-12))).astype(np.float32)
    return weighed


def weigh(
    counts: sp.csr_matrix, idf: npt.NDArray[np.float32], unknown: npt.NDArray[np.float32], rarest: np.float32
) -> sp.csr_matrix:
    """Return ``(1 + log count) * idf`` with rows of unit length, were the unknown terms shown too."""
    data = (1 + np.log(counts.data)) * idf[counts.indices]
    row_of = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    squares = np.bincount(row_of, weights=data**2, minlength=counts.shape[0]) + unknown * rarest**2
    data /= np.sqrt(np.maximum(squares, 1e-12))[row_of]
    return sp.csr_matrix((data.astype(np.float32), counts.indices, counts.indptr), shape=counts.shape)
