"""Tally: what every row of an index earns of one question by BM25, and the best of them.

Scores are added up over the postings of a question's terms by one call of compiled code, at three to four
nanoseconds a posting, the segments of an index all at once. In a large index only the weightiest terms are read,
`BUDGET` postings of them, and the others looked up for the rows that these favour, as in MaxScore (Turtle and Flood,
1995): common words stand nearly everywhere and decide little. Scores are true either way; the answer is exact where
all was read, so in every small index.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from diagnosis.search.postings import PostingSegment
from diagnosis.search.views import Found, Mask, highest

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]

BUDGET = 100_000  # postings read for one question: half a millisecond
_FAVOURED = 500  # rows that the other terms are looked up for, once the budget is spent
_SCATTERED = 30  # rows for one posting, beyond which to sort the postings costs less than a sum for every row


class Tally:
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

    def best(self, k: int, mask: Mask | None) -> Found:
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
        wanted = max(k, _FAVOURED) if looked_up else k
        if self.n_rows > _SCATTERED * self.n_postings:
            rows, scores = self._summed_by_sorting()
            first = highest(scores if mask is None else np.where(mask[rows], scores, 0.0), wanted, above=0.0)
            rows, scores = rows[first], scores[first]
        else:
            rows = highest(self._sums if mask is None else np.where(mask, self._sums, 0.0), wanted, above=0.0)
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
        wanted, scores = rows[order], np.empty(len(rows))
        earned = self._sums[wanted] if "_sums" in self.__dict__ else self._earned_by(wanted)
        self._complete(wanted, earned)
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

    def _summed_by_sorting(self) -> Found:
        """Return the rows that hold any of the terms that are read, ascending, and what they earn of them."""
        rows, codes, weights = self._read()
        met, place = np.unique(rows, return_inverse=True)
        sums = _added(place, self.shares.take(codes) * weights, len(met))
        if len(self.dead):
            sums[np.isin(met, self.dead)] = 0.0
        return met.astype(np.intp), sums

    def _earned_by(self, wanted: Rows) -> Floats:
        """Return what some rows, ascending, earn of the terms that are read: less work than a sum for every row."""
        rows, codes, weights = self._read()
        asked = np.zeros(self.n_rows, dtype=bool)
        asked[wanted] = True
        here = np.flatnonzero(asked[rows])
        places = np.searchsorted(wanted, rows[here])
        return _added(places, self.shares[codes[here]] * weights[here], len(wanted))

    def _complete(self, wanted: Rows, scores: Floats) -> None:
        """Add to the scores of some rows, ascending, what the terms that are not read are worth to them."""
        segments, terms = np.nonzero((self.ends > self.begins)[:, self.n_read :])
        terms += self.n_read
        for i, term in zip(segments.tolist(), terms.tolist(), strict=True):
            segment, span = self.segments[i], slice(self.begins[i, term], self.ends[i, term])
            posted, sought = segment.rows[span], (wanted - self.offsets[i]).astype(np.int32)
            places = np.minimum(posted.searchsorted(sought), len(posted) - 1)
            here = np.flatnonzero(posted[places] == sought)
            scores[here] += self.weights[term] * self.shares[segment.codes[span][places[here]]]

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
