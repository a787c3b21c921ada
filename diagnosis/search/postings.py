"""Postings: for each term the rows it stands in, how often, and how long these rows are.

BM25 after Robertson and Zaragoza (2009), in Lucene's form: ``idf * tf / (tf + k1 * (1 - b + b * length / average))``
with ``idf = log(1 + (N - df + 0.5) / (df + 0.5))``. A posting holds how often the term stands in the row and how long
the row is, not their quotient, so that averages may move as rows come and go and the values stay true.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pandas.util import hash_array

from diagnosis.search.ids import Ids

Rows = npt.NDArray[np.int32]
Codes = npt.NDArray[np.uint16]
Hashes = npt.NDArray[np.uint64]

# A code is a frequency in the upper 4 bits and a length in the lower 12. What is longer or more frequent counts as
# this: the frequency's share of the score has then reached nine tenths of its limit in a row of average length.
MAX_FREQUENCY = 15
MAX_LENGTH = 4095

_BLOCK = 200_000  # postings moved at once: some milliseconds
_ARRAYS = ("lengths", "terms", "starts", "rows", "codes")


class PostingSegment:
    """The terms of rows that do not change.

    Attributes
    ----------
    ids : Ids, length n_rows
    lengths : ndarray of uint16, shape (n_rows,)
        Tokens in the row, at most `MAX_LENGTH`.
    terms : ndarray of uint64, shape (n_terms,)
        Hashes of the terms, ascending. At 64 bits, ten million terms collide with probability 3e-6.
    starts : ndarray of int64, shape (n_terms + 1,)
    rows : ndarray of int32, codes : ndarray of uint16, shape (n_postings,)
        Term ``t`` stands in ``rows[starts[t]:starts[t + 1]]``, ascending, with ``codes`` beside.
    """

    settled = True

    def __init__(
        self,
        ids: Ids,
        lengths: Codes,
        terms: Hashes,
        starts: npt.NDArray[np.int64],
        rows: Rows,
        codes: Codes,
    ) -> None:
        self.ids = ids
        self.lengths = lengths
        self.terms = terms
        self.starts = starts
        self.rows = rows
        self.codes = codes
        self.n_tokens = int(lengths.sum(dtype=np.int64))

    @classmethod
    def load(cls, folder: Path) -> PostingSegment:
        """Read what `save` has written; the arrays stay on disk and are shared by the processes that read them."""
        # A view as plain array: slicing a memmap costs more than reading most postings.
        arrays = [np.load(folder / f"{name}.npy", mmap_mode="r").view(np.ndarray) for name in _ARRAYS]
        return cls(Ids.load(folder), *arrays)

    def save(self, folder: Path) -> None:
        """Write one file an array."""
        self.ids.save(folder)
        for name in _ARRAYS:
            np.save(folder / f"{name}.npy", getattr(self, name))

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        return sum(int(getattr(self, name).nbytes) for name in _ARRAYS)

    def spans(self, terms: Hashes) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return where the postings of each term begin and end: at one place, where it does not occur."""
        if not len(self.terms):
            nowhere = np.zeros(len(terms), dtype=np.int64)
            return nowhere, nowhere
        places = np.minimum(self.terms.searchsorted(terms), len(self.terms) - 1)
        return self.starts[places], self.starts[places + (self.terms[places] == terms)]


def term_hashes(tokens: Sequence[str]) -> Hashes:
    """Return a 64-bit hash of each token, the same on every machine."""
    hashes: Hashes = hash_array(np.array(tokens, dtype=object), categorize=len(tokens) > 1_000)
    return hashes


def from_tokens(ids: Ids, documents: Sequence[Sequence[str]]) -> PostingSegment:
    """Return a segment of tokenised rows."""
    counts = np.array([len(tokens) for tokens in documents], dtype=np.int64)
    lengths = np.minimum(counts, MAX_LENGTH).astype(np.uint16)
    hashes = term_hashes([token for tokens in documents for token in tokens])
    terms, columns = np.unique(hashes, return_inverse=True)
    n = max(len(ids), 1)
    # A cell's number grows by term and then by row: in order, cells are postings.
    cells, frequencies = np.unique(columns * n + np.repeat(np.arange(len(ids)), counts), return_counts=True)
    columns, rows = np.divmod(cells, n)
    codes: Codes = (np.minimum(frequencies, MAX_FREQUENCY).astype(np.uint16) << np.uint16(12)) | lengths[rows]
    starts = np.searchsorted(columns, np.arange(len(terms) + 1)).astype(np.int64)
    return PostingSegment(ids, lengths, terms, starts, rows.astype(np.int32), codes)


def merged(parts: Sequence[tuple[PostingSegment, npt.NDArray[np.bool_]]]) -> PostingSegment:
    """Return one segment of the living rows of several, in order; terms that stand in none are forgotten."""
    ids = Ids.joined([(segment.ids, alive) for segment, alive in parts])
    lengths = np.concatenate([segment.lengths[alive] for segment, alive in parts])
    living = [_living(segment, alive) for segment, alive in parts]
    terms = np.unique(
        np.concatenate([segment.terms[counts > 0] for (segment, _), (counts, _, _) in zip(parts, living, strict=True)])
    )
    totals = np.zeros(len(terms), dtype=np.int64)
    for (segment, _), (counts, _, _) in zip(parts, living, strict=True):
        totals[np.searchsorted(terms, segment.terms[counts > 0])] += counts[counts > 0]
    starts = np.concatenate([[0], np.cumsum(totals)])
    rows, codes = np.empty(starts[-1], dtype=np.int32), np.empty(starts[-1], dtype=np.uint16)
    free, first_row = starts[:-1].copy(), 0
    for (segment, alive), (counts, part_rows, part_codes) in zip(parts, living, strict=True):
        places, held = np.searchsorted(terms, segment.terms[counts > 0]), counts[counts > 0]
        ends = np.cumsum(held)
        # Each term's postings go, as one run, to the first free place of that term; some terms at a time, because other
        # threads wait while postings are moved.
        for first, last in pairwise(_blocks(ends)):
            begin, end = (int(ends[first - 1]) if first else 0), int(ends[last - 1])
            starts_here = ends[first:last] - held[first:last] - begin
            targets = np.repeat(free[places[first:last]] - starts_here, held[first:last]) + np.arange(end - begin)
            rows[targets], codes[targets] = part_rows[begin:end] + first_row, part_codes[begin:end]
        free[places] += held
        first_row += int(np.count_nonzero(alive))
    return PostingSegment(ids, lengths, terms, starts, rows, codes)


def _blocks(ends: npt.NDArray[np.int64]) -> list[int]:
    """Return where to cut terms, whose postings end there, so that each block holds some hundred thousand of them."""
    if not len(ends):
        return [0]
    cuts = np.searchsorted(ends, np.arange(_BLOCK, int(ends[-1]), _BLOCK)) + 1
    blocks: list[int] = np.unique(np.concatenate([[0], cuts, [len(ends)]])).tolist()
    return blocks


def _living(segment: PostingSegment, alive: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.int64], Rows, Codes]:
    """Return how many postings each term keeps, and the kept ones with rows numbered anew."""
    if alive.all():
        return np.diff(segment.starts), segment.rows, segment.codes
    keep = alive[segment.rows]
    running = np.concatenate([[0], np.cumsum(keep)])
    renumbered = (np.cumsum(alive) - 1).astype(np.int32)
    return np.diff(running[segment.starts]), renumbered[segment.rows[keep]], segment.codes[keep]
