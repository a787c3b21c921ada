"""Postings: for each term the rows it stands in, how often, and how long these rows are.

BM25 after Robertson and Zaragoza (2009), in Lucene's form: ``idf * tf / (tf + k1 * (1 - b + b * length / average))``
with ``idf = log(1 + (N - df + 0.5) / (df + 0.5))``. A posting holds how often the term stands in the row and how long
the row is, not their quotient, so that averages may move as rows come and go and the values stay true.

Scores are added up over the postings of a question's terms by one call of compiled code, at three to four nanoseconds a
posting, the segments of an index all at once. In a large index only the weightiest terms are read, `BUDGET` postings of
them, and the others looked up for the rows that these favour, as in MaxScore (Turtle and Flood, 1995): common words
stand nearly everywhere and decide little. Scores are true either way; the answer is exact where all was read, so in
every small index.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pandas.util import hash_array

from diagnosis.arrays import Floats, Rows
from diagnosis.search.index.ids import Ids
from diagnosis.search.index.segments import Mask, Ranking, highest

PostingRows = npt.NDArray[np.int32]
Codes = npt.NDArray[np.uint16]
Hashes = npt.NDArray[np.uint64]

# A code is a frequency in the upper 4 bits and a length in the lower 12. What is longer or more frequent counts as
# this: the frequency's share of the score has then reached nine tenths of its limit in a row of average length.
MAX_FREQUENCY = 15
MAX_LENGTH = 4095
NORM_STEPS = 256  # of a TF-IDF length, for each doubling of it: true to .14 %, up to 65,000

BUDGET = 100_000  # postings read for one question: half a millisecond
_FAVOURED = 500  # rows that the other terms are looked up for, once the budget is spent
_SCATTERED = 30  # rows for one posting, beyond which to sort the postings costs less than a sum for every row
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
        rows: PostingRows,
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
            no_postings = np.zeros(len(terms), dtype=np.int64)
            return no_postings, no_postings
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


def with_norms(segment: PostingSegment, idf: Floats) -> PostingSegment:
    """Return a segment whose rows have, instead of their number of tokens, the length of their TF-IDF vector.

    As its logarithm in steps, see `NORM_STEPS`.
    """
    frequencies = segment.codes >> np.uint16(12)
    weights = (1 + np.log(frequencies)) * np.repeat(idf, np.diff(segment.starts))
    norms = np.sqrt(np.bincount(segment.rows, weights=weights**2, minlength=len(segment.ids)))
    lengths = np.clip(np.rint(NORM_STEPS * np.log2(np.maximum(norms, 1.0))), 0, MAX_LENGTH).astype(np.uint16)
    codes = (frequencies << np.uint16(12)) | lengths[segment.rows]
    return PostingSegment(segment.ids, lengths, segment.terms, segment.starts, segment.rows, codes)


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
        places, n_postings = np.searchsorted(terms, segment.terms[counts > 0]), counts[counts > 0]
        ends = np.cumsum(n_postings)
        # Each term's postings go, as one run, to the first free place of that term; some terms at a time, because other
        # threads wait while postings are moved.
        for first, last in pairwise(_blocks(ends)):
            begin, end = (int(ends[first - 1]) if first else 0), int(ends[last - 1])
            starts_here = ends[first:last] - n_postings[first:last] - begin
            targets = np.repeat(free[places[first:last]] - starts_here, n_postings[first:last]) + np.arange(end - begin)
            rows[targets], codes[targets] = part_rows[begin:end] + first_row, part_codes[begin:end]
        free[places] += n_postings
        first_row += int(np.count_nonzero(alive))
    return PostingSegment(ids, lengths, terms, starts, rows, codes)


def _blocks(ends: npt.NDArray[np.int64]) -> list[int]:
    """Return where to cut terms, whose postings end there, so that each block holds some hundred thousand of them."""
    if not len(ends):
        return [0]
    cuts = np.searchsorted(ends, np.arange(_BLOCK, int(ends[-1]), _BLOCK)) + 1
    blocks: list[int] = np.unique(np.concatenate([[0], cuts, [len(ends)]])).tolist()
    return blocks


def _living(segment: PostingSegment, alive: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.int64], PostingRows, Codes]:
    """Return how many postings each term keeps, and the kept ones with rows numbered anew."""
    if alive.all():
        return np.diff(segment.starts), segment.rows, segment.codes
    keep = alive[segment.rows]
    running = np.concatenate([[0], np.cumsum(keep)])
    renumbered = (np.cumsum(alive) - 1).astype(np.int32)
    return np.diff(running[segment.starts]), renumbered[segment.rows[keep]], segment.codes[keep]


class TermScores:
    """One question put to the segments of an index, whose rows are counted through from the first to the last.

    Parameters
    ----------
    segments : sequence of PostingSegment
    offsets : ndarray of int32, shape (n_segments + 1,)
        The first row of each segment, and the number of all.
    begins, ends : ndarray of int64, shape (n_segments, n_terms)
        Where the postings of each term begin and end, the weightiest term first.
    weights : ndarray of float64, shape (n_terms,)
    shares : ndarray of float64, shape (65536,)
        Share of the weight that each code earns.
    dead : ndarray of int, ascending
        Rows that are not to be found.
    """

    def __init__(
        self,
        segments: Sequence[PostingSegment],
        offsets: npt.NDArray[np.int32],
        begins: Rows,
        ends: Rows,
        weights: Floats,
        shares: Floats,
        dead: Rows,
    ) -> None:
        self.segments = segments
        self.begins = begins
        self.ends = ends
        self.weights = weights
        self.shares = shares
        self.dead = dead
        self.offsets = offsets
        self.n_rows = int(offsets[-1])
        lengths = (ends - begins).sum(axis=0).cumsum()
        self.n_read = max(1, int(lengths.searchsorted(BUDGET, side="right"))) if len(lengths) else 0
        self.n_postings = int(lengths[self.n_read - 1]) if len(lengths) else 0

    def best(self, k: int, mask: Mask | None) -> Ranking:
        """Return the ``k`` rows of highest score and the scores, equal ones in order of rows.

        Parameters
        ----------
        k : int
        mask : ndarray of bool, shape (n_rows,), optional
            Which rows may be found; all if not given.
        """
        if not len(self.weights):
            return np.empty(0, dtype=np.intp), np.empty(0)
        looked_up = self.n_read < len(self.weights)
        n_rows_kept = max(k, _FAVOURED) if looked_up else k
        if self.n_rows > _SCATTERED * self.n_postings:
            rows, scores = self._summed_by_sorting()
            first = highest(scores if mask is None else np.where(mask[rows], scores, 0.0), n_rows_kept, above=0.0)
            rows, scores = rows[first], scores[first]
        else:
            rows = highest(self._sums if mask is None else np.where(mask, self._sums, 0.0), n_rows_kept, above=0.0)
            scores = self._sums[rows]
        if looked_up:
            order = np.argsort(rows)
            rows, scores = rows[order], scores[order]
            self._complete(rows, scores)
            order = np.argsort(-scores, kind="stable")[:k]
            rows, scores = rows[order], scores[order]
        return rows, scores

    def scores_at(self, rows: Rows) -> Floats:
        """Return the scores of some distinct rows, as `best` gives them."""
        if not len(self.weights):
            return np.zeros(len(rows))
        order = np.argsort(rows)
        ascending, scores = rows[order], np.empty(len(rows))
        earned = self._sums[ascending] if "_sums" in self.__dict__ else self._earned_by(ascending)
        self._complete(ascending, earned)
        scores[order] = earned
        return scores

    @cached_property
    def _sums(self) -> Floats:
        """What every row earns of the terms that are read, added up in the order in which they are given."""
        rows, codes, weights = self._read()
        weights *= self.shares.take(codes)
        sums = _added(rows, weights, self.n_rows)
        sums[self.dead] = 0.0
        return sums

    def _summed_by_sorting(self) -> Ranking:
        """Return the rows that hold any of the terms that are read, ascending, and what they earn of them."""
        rows, codes, weights = self._read()
        met, place = np.unique(rows, return_inverse=True)
        sums = _added(place, self.shares.take(codes) * weights, len(met))
        if len(self.dead):
            sums[np.isin(met, self.dead)] = 0.0
        return met.astype(np.intp), sums

    def _earned_by(self, rows_asked: Rows) -> Floats:
        """Return what some rows, ascending, earn of the terms that are read: less work than a sum for every row."""
        rows, codes, weights = self._read()
        is_asked = np.zeros(self.n_rows, dtype=bool)
        is_asked[rows_asked] = True
        matching = np.flatnonzero(is_asked[rows])
        places = np.searchsorted(rows_asked, rows[matching])
        return _added(places, self.shares[codes[matching]] * weights[matching], len(rows_asked))

    def _complete(self, rows_asked: Rows, scores: Floats) -> None:
        """Add to the scores of some rows, ascending, what the terms that are not read are worth to them."""
        segments, terms = np.nonzero((self.ends > self.begins)[:, self.n_read :])
        terms += self.n_read
        for i, term in zip(segments.tolist(), terms.tolist(), strict=True):
            segment, span = self.segments[i], slice(self.begins[i, term], self.ends[i, term])
            posted, targets = segment.rows[span], (rows_asked - self.offsets[i]).astype(np.int32)
            places = np.minimum(posted.searchsorted(targets), len(posted) - 1)
            matching = np.flatnonzero(posted[places] == targets)
            scores[matching] += self.weights[term] * self.shares[segment.codes[span][places[matching]]]

    def _read(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint16], Floats]:
        """Return the row and the code of every posting that is read, and the weight of its term."""
        begins, ends = self.begins[:, : self.n_read], self.ends[:, : self.n_read]
        segments, terms = np.nonzero(ends > begins)
        if not len(terms):
            return np.empty(0, dtype=np.int32), np.empty(0, dtype=np.uint16), np.empty(0)
        begins, ends = begins[segments, terms], ends[segments, terms]
        spans = [
            (self.segments[i], slice(begin, end))
            for i, begin, end in zip(segments.tolist(), begins.tolist(), ends.tolist(), strict=True)
        ]
        rows = np.concatenate([segment.rows[span] for segment, span in spans])
        if len(self.segments) > 1:
            rows += np.repeat(self.offsets[segments], ends - begins)
        codes = np.concatenate([segment.codes[span] for segment, span in spans])
        return rows, codes, np.repeat(self.weights[terms], ends - begins)


def _added(places: Rows | npt.NDArray[np.int32], earned: Floats, n: int) -> Floats:
    """Return the sum of what is earned at each of ``n`` places."""
    return np.bincount(places, weights=earned, minlength=n).astype(np.float64, copy=False)
