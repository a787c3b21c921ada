"""Tally: what every row of a segment earns of one question by BM25, and the best of them.

Scores are added up over the postings of a question's terms by one call of compiled code, at three to four
nanoseconds a posting. In a large segment only the weightiest terms are read, `BUDGET` postings of them, and the others
looked up for the rows that these favour, as in MaxScore (Turtle and Flood, 1995): common words stand nearly everywhere
and decide little. Scores are true either way; the answer is exact where all was read, so in every small index.
"""

from __future__ import annotations

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
_DENSE = 200_000  # rows up to which a sum for every row costs less than looking the terms of some up


class Tally:
    """One question put to one segment.

    Parameters
    ----------
    segment : PostingSegment
    places : ndarray of int, shape (n_terms,)
        Where the terms stand in the segment, the weightiest first; -1 where they do not.
    weights : ndarray of float64, shape (n_terms,)
    shares : ndarray of float64, shape (65536,)
        Share of the weight that each code earns.
    """

    def __init__(self, segment: PostingSegment, places: Rows, weights: Floats, shares: Floats) -> None:
        known = places >= 0
        self.segment = segment
        self.weights = weights[known]
        self.shares = shares
        places = places[known]
        self.starts, self.stops = segment.starts[places].tolist(), segment.starts[places + 1].tolist()
        lengths = np.cumsum(segment.starts[places + 1] - segment.starts[places])
        self.n_read = max(1, int(np.searchsorted(lengths, BUDGET, side="right"))) if len(places) else 0
        self.n_postings = int(lengths[self.n_read - 1]) if len(places) else 0

    def best(self, k: int, mask: Mask | None) -> Found:
        """Return the ``k`` rows of highest score and the scores, equal ones in order of rows.

        Parameters
        ----------
        k : int
        mask : ndarray of bool, shape (n_rows,), optional
            Which rows may be found; all if not given.
        """
        looked_up = self.n_read < len(self.starts)
        wanted = max(k, _FAVOURED) if looked_up else k
        if len(self.segment.lengths) > _SCATTERED * self.n_postings:
            rows, scores = self._summed_by_sorting()
            allowed = slice(None) if mask is None else mask[rows]
            rows, scores = rows[allowed], scores[allowed]
            first = highest(scores, wanted)
            rows, scores = rows[first], scores[first]
        else:
            sums = self._sums if mask is None else np.where(mask, self._sums, 0.0)
            rows = highest(sums, wanted, above=0.0)
            scores = self._sums[rows]
        if looked_up:
            rows = np.sort(rows)
            scores = self._completed(rows, self._sums[rows], self.n_read)
            order = np.argsort(-scores, kind="stable")[:k]
            rows, scores = rows[order], scores[order]
        return rows, scores

    def scores_at(self, rows: Rows) -> Floats:
        """Return the scores of some rows, as `best` gives them."""
        if "_sums" in self.__dict__ or len(self.segment.lengths) <= _DENSE:
            return self._completed(rows, self._sums[rows], self.n_read)
        return self._completed(rows, np.zeros(len(rows)), 0)

    @cached_property
    def _sums(self) -> Floats:
        """What every row earns of the terms that are read, added up in the order in which they are given."""
        rows, earned = self._postings()
        return np.bincount(rows, weights=earned, minlength=len(self.segment.lengths)).astype(np.float64, copy=False)

    def _summed_by_sorting(self) -> Found:
        """Return the rows that hold any of the terms that are read, ascending, and what they earn of them."""
        rows, earned = self._postings()
        met, place = np.unique(rows, return_inverse=True)
        return met.astype(np.intp), np.bincount(place, weights=earned).astype(np.float64, copy=False)

    def _postings(self) -> tuple[npt.NDArray[np.int32], Floats]:
        """Return the row of every posting that is read, and what it earns there."""
        spans = [slice(*span) for span in zip(self.starts[: self.n_read], self.stops[: self.n_read], strict=True)]
        if not spans:
            return np.empty(0, dtype=np.int32), np.empty(0)
        rows = np.concatenate([self.segment.rows[span] for span in spans])
        earned = self.shares.take(np.concatenate([self.segment.codes[span] for span in spans]))
        earned *= np.repeat(self.weights[: self.n_read], [span.stop - span.start for span in spans])
        return rows, earned

    def _completed(self, rows: Rows, scores: Floats, first: int) -> Floats:
        """Return the scores with what the terms from the ``first`` on add to them."""
        order = np.argsort(rows)  # in order, a row is looked for from where the last one was
        wanted = rows[order].astype(np.int32)
        for start, stop, weight in zip(self.starts[first:], self.stops[first:], self.weights[first:], strict=True):
            posted = self.segment.rows[start:stop]
            places = np.minimum(posted.searchsorted(wanted), stop - start - 1)
            here = np.flatnonzero(posted[places] == wanted)
            scores[order[here]] += weight * self.shares[self.segment.codes[start:stop][places[here]]]
        return scores
