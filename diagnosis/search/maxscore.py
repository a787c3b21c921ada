"""The top of a BM25 ranking without reading every posting: MaxScore (Turtle and Flood, 1995), term at a time.

Rare terms, which weigh most, are added up over all their rows. Once the terms that are left could not lift a new row
among the best, they are only looked up for the rows already met. So words that stand nearly everywhere cost little.
The answer is exact where fewer than `BUDGET` postings had to be read, so always in a small index; in a large one, a
question of common words alone is answered from the rows that its rarer words favour, with scores that are still true.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from diagnosis.search.postings import PostingSegment

Floats = npt.NDArray[np.float32]
Scored = tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]

BUDGET = 60_000  # postings read for one question: about a millisecond
_FAVOURED = 500  # rows that stay when the budget is spent
_SLACK = np.float32(1e-4)  # far more than float32 sums of some dozen shares can be wrong by, relative to their size
_CHECK_EVERY = 30_000  # postings: reading fewer costs less than finding out whether they need to be read
_SCATTERED = 30  # rows for one posting, beyond which to sort the postings costs less than a sum for every row

_PRUNE_EVERY = 2  # terms, and multiples of the rows wanted: letting go costs as much as looking a term up


def top_rows(
    segment: PostingSegment,
    places: npt.NDArray[np.intp],
    weights: npt.NDArray[np.float64],
    shares: npt.NDArray[np.float64],
    k: int,
    mask: npt.NDArray[np.bool_],
) -> Scored:
    """Return the ``k`` rows of highest score and the scores, equal ones in order of rows.

    Parameters
    ----------
    segment : PostingSegment
    places : ndarray of int, shape (n_terms,)
        Where the terms stand in the segment, -1 where they do not.
    weights : ndarray of float64, shape (n_terms,)
    shares : ndarray of float64, shape (65536,)
        Share of the weight that each code earns.
    k : int
    mask : ndarray of bool, shape (n_rows,)
        Which rows may be found.
    """
    here = np.flatnonzero(places >= 0)
    if (segment.starts[places[here] + 1] - segment.starts[places[here]]).sum() <= _CHECK_EVERY:
        return _read_whole(segment, places[here], weights[here], shares, k, mask)
    bounds = weights[here] * shares[segment.peaks[places[here]]]
    order = here[np.argsort(-bounds, kind="stable")]
    left = np.concatenate([np.cumsum(np.sort(bounds))[::-1], [0.0]]).astype(np.float32)
    rows = _candidates(segment, places[order], weights[order], left, shares.astype(np.float32), k, mask)
    scores = scores_of(segment, places, weights, shares, rows)
    best = np.argsort(-scores, kind="stable")[:k]
    return rows[best], scores[best]


def _read_whole(
    segment: PostingSegment,
    places: npt.NDArray[np.intp],
    weights: npt.NDArray[np.float64],
    shares: npt.NDArray[np.float64],
    k: int,
    mask: npt.NDArray[np.bool_],
) -> Scored:
    """Read every posting in one go, adding up in the order that `scores_of` adds in, so with its scores to the bit."""
    postings = [segment.postings(int(place)) for place in places]
    if not postings:
        return np.empty(0, dtype=np.intp), np.empty(0)
    lengths = [len(codes) for _, codes in postings]
    earned = np.repeat(weights, lengths) * shares[np.concatenate([codes for _, codes in postings])]
    rows, totals = _summed(np.concatenate([rows for rows, _ in postings]), earned, len(mask))
    found = np.flatnonzero(mask[rows])
    if len(found) > k:
        found = found[totals[found] >= np.partition(totals[found], len(found) - k)[len(found) - k]]
    best = found[np.argsort(-totals[found], kind="stable")[:k]]
    return rows[best], totals[best]


def _summed(posted: npt.NDArray[np.int32], earned: npt.NDArray[np.float64], n_rows: int) -> Scored:
    """Return the rows that were posted, ascending, and what each earned, added up in the order given."""
    if n_rows > _SCATTERED * len(posted):
        met, place = np.unique(posted, return_inverse=True)
        return met.astype(np.intp), np.bincount(place, weights=earned).astype(np.float64, copy=False)
    totals = np.bincount(posted, weights=earned, minlength=n_rows).astype(np.float64, copy=False)
    rows = np.flatnonzero(totals)  # every posting earns something
    return rows, totals[rows]


def _candidates(
    segment: PostingSegment,
    places: npt.NDArray[np.intp],
    weights: npt.NDArray[np.float64],
    left: Floats,
    shares: Floats,
    k: int,
    mask: npt.NDArray[np.bool_],
) -> npt.NDArray[np.intp]:
    """Return rows among which the best ``k`` certainly are; ``left[i]`` bounds what terms from ``i`` on may add."""
    totals = np.zeros(len(mask), dtype=np.float32)
    lengths = segment.starts[places + 1] - segment.starts[places]
    met = [np.empty(0, dtype=segment.rows.dtype)]  # each row once, so that nothing looks through all of them
    read = checked = 0
    for i, place in enumerate(places):
        read += int(lengths[i])
        if read - checked > _CHECK_EVERY:
            rows = _promising(np.concatenate(met), totals, left[i], k, spent=i > 0 and read > BUDGET)
            if rows is not None:
                return _narrowed(segment, places[i:], weights[i:], left[i:], shares, k, rows, totals[rows])
            checked = read
        posted, codes = segment.postings(int(place))
        earned = shares[codes]
        earned *= np.float32(weights[i])
        before = totals[posted]
        totals[posted] = before + earned
        new = posted[before == 0]
        met.append(new[mask[new]])
    rows = np.concatenate(met)
    return np.sort(rows[_may_reach(totals[rows], left[-1], k)]).astype(np.intp)


def _promising(
    rows: npt.NDArray[np.int32], totals: Floats, left: np.float32, k: int, *, spent: bool
) -> npt.NDArray[np.intp] | None:
    """Return the rows that may still be among the best, ascending, or None while an unmet row may be, too."""
    if len(rows) < k:
        return None
    reached = totals[rows]
    least = _least(reached, k) * (1 - _SLACK)
    if left < least:
        promising = rows[reached + left >= least]
    elif spent:
        promising = rows[reached >= _least(reached, max(k, _FAVOURED))]
    else:
        return None
    return np.sort(promising).astype(np.intp)


def _narrowed(
    segment: PostingSegment,
    places: npt.NDArray[np.intp],
    weights: npt.NDArray[np.float64],
    left: Floats,
    shares: Floats,
    k: int,
    rows: npt.NDArray[np.intp],
    totals: Floats,
) -> npt.NDArray[np.intp]:
    """Look the remaining terms up for the rows met so far, letting go of those that can no longer win."""
    for i, place in enumerate(places):
        totals = totals + np.float32(weights[i]) * _earned(segment, int(place), shares, rows)
        if i % _PRUNE_EVERY == 0 and len(rows) > _PRUNE_EVERY * k:
            keep = _may_reach(totals, left[i + 1], k)
            rows, totals = rows[keep], totals[keep]
    return rows[_may_reach(totals, left[-1], k)]


def _may_reach(totals: Floats, left: np.float32, k: int) -> npt.NDArray[np.bool_]:
    keep: npt.NDArray[np.bool_] = totals + left >= _least(totals, k) * (1 - _SLACK)
    return keep


def _least(totals: Floats, k: int) -> np.float32:
    """Return the ``k``-th highest total, 0 where there are not so many."""
    return np.partition(totals, len(totals) - k)[len(totals) - k] if len(totals) > k else np.float32(0)


def scores_of(
    segment: PostingSegment,
    places: npt.NDArray[np.intp],
    weights: npt.NDArray[np.float64],
    shares: npt.NDArray[np.float64],
    rows: npt.NDArray[np.intp],
) -> npt.NDArray[np.float64]:
    """Return scores in float64, term by term in the order given, so that equal rows get equal ones to the bit."""
    scores = np.zeros(len(rows))
    for place, weight in zip(places, weights, strict=True):
        if place >= 0:
            scores += weight * _earned(segment, int(place), shares, rows)
    return scores


def _earned(
    segment: PostingSegment, place: int, shares: npt.NDArray[np.floating], rows: npt.NDArray[np.intp]
) -> npt.NDArray[np.floating]:
    """Return the share that each row earns of one term, 0 where it does not stand."""
    posted, codes = segment.postings(place)
    found = np.minimum(np.searchsorted(posted, rows.astype(posted.dtype)), len(posted) - 1)
    return np.where(posted[found] == rows, shares[codes[found]], shares.dtype.type(0))
