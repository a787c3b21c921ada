"""Segments: how an index takes in, replaces and forgets rows at once, and tidies up beside the searches.

The log-structured merge of O'Neil et al. (1996), as Lucene does it. What is added becomes a small segment that is
searchable at once; what is removed is marked. Segments never change: a search reads one tuple of them and needs no
lock. Small ones are merged on the spot, large ones in a thread, and the merged one takes their place in one step.

A view is a segment and which of its rows are alive. Every index of a corpus takes in and forgets the same records in
the same order, so that the place of a record among the living rows is the same in all of them, whatever their segments
are. To go from one index to another by places costs next to nothing; by names, each would be looked up again.
"""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from diagnosis.arrays import Rows
from diagnosis.errors import InputError
from diagnosis.search.index.ids import Ids

Mask = npt.NDArray[np.bool_]
Hits = list[list[tuple[str, float]]]
Ranking = tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]  # rows, or places among living ones, and scores
_READ_AGAIN = 200_000  # scores, up to which to compare all of them once more costs less than to pick some out
_WORTHWHILE = 4  # scores of a group, below which to compare groups first is no help

Allowed = npt.NDArray[np.bool_] | Container[str] | Callable[[Sequence[str]], npt.NDArray[np.bool_]]


class Segment(Protocol):
    """Rows that do not change."""

    @property
    def ids(self) -> Ids:
        """Names of the rows."""
        ...

    @property
    def settled(self) -> bool:
        """Whether nothing better is to be built for so many rows."""
        ...


S = TypeVar("S", bound=Segment)


@dataclass(frozen=True)
class SegmentView(Generic[S]):
    """A segment and which of its rows have not been removed or replaced since."""

    segment: S
    alive: Mask

    @cached_property
    def n_alive(self) -> int:
        """How many rows are alive."""
        return len(self.alive) - len(self.dead)

    @cached_property
    def dead(self) -> Rows:
        """The rows that are no longer alive, ascending: few, and all that tells rows from places."""
        return np.flatnonzero(~self.alive)

    def without(self, ids: Ids) -> SegmentView[S]:
        """Return the view with the given ids no longer alive."""
        rows = self.segment.ids.find(ids)
        rows = rows[rows >= 0]
        if not self.alive[rows].any():
            return self
        alive = self.alive.copy()
        alive[rows] = False
        return SegmentView(self.segment, alive)

    def living_ids(self) -> list[str]:
        """Return the ids of the rows that are alive, in order of insertion."""
        return self.segment.ids.at(np.flatnonzero(self.alive)) if len(self.dead) else self.segment.ids.names


def located(views: Sequence[SegmentView[S]], places: Rows) -> Iterator[tuple[SegmentView[S], Rows, Rows]]:
    """Yield, for each view that holds some of the places among the living rows, which of them, and their rows there.

    The place -1 is nowhere.
    """
    if not len(places):
        return
    low, high, start = int(places.min()), int(places.max()), 0
    for view in views:
        stop = start + view.n_alive
        if start <= low and high < stop:
            yield view, np.arange(len(places)), rows_at(view.dead, places - start)
        elif low < stop and start <= high:
            targets = np.flatnonzero((places >= start) & (places < stop))
            yield view, targets, rows_at(view.dead, places[targets] - start)
        start = stop


def dead_rows(views: Sequence[SegmentView[Any]]) -> Rows:
    """Return the rows that are not alive, rows counted through from the first view to the last."""
    starts = accumulate((len(view.alive) for view in views), initial=0)
    parts = [start + view.dead for start, view in zip(starts, views, strict=False) if len(view.dead)]
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.intp)


def rows_at(dead: Rows, places: Rows) -> Rows:
    """Return the rows at places among the living ones; a dead row shifts those behind it by one."""
    return places + np.searchsorted(dead - np.arange(len(dead)), places, side="right") if len(dead) else places


def ranks(dead: Rows, rows: Rows) -> Rows:
    """Return the places of living rows among all that are alive."""
    return rows - np.searchsorted(dead, rows) if len(dead) else rows


def names_at(views: Sequence[SegmentView[Any]], places: Rows) -> list[str]:
    """Return the ids at these places among the living rows."""
    names = [""] * len(places)
    for view, targets, rows in located(views, places):
        for i, name in zip(targets.tolist(), view.segment.ids.at(rows), strict=True):
            names[i] = name
    return names


def places_of(views: Sequence[SegmentView[Any]], ids: Ids) -> Rows:
    """Return the place of each id among the living rows, -1 if it is not there."""
    places, start = np.full(len(ids), -1, dtype=np.intp), 0
    for view in views:
        rows = view.segment.ids.find(ids)
        present = np.flatnonzero(rows >= 0)
        present = present[view.alive[rows[present]]]
        places[present] = start + ranks(view.dead, rows[present])
        start += view.n_alive
    return places


def best(views: Sequence[SegmentView[Any]], rankings: Sequence[Ranking], k: int) -> Ranking:
    """Return the ``k`` best of what was found in each view, rows now as places among the living of all.

    Equal ones stay in order of insertion.
    """
    if len(views) == 1:
        return ranks(views[0].dead, rankings[0][0][:k]), rankings[0][1][:k]
    starts = np.cumsum([0, *(view.n_alive for view in views)])
    parts = [
        start + ranks(view.dead, rows) for start, view, (rows, _) in zip(starts[:-1], views, rankings, strict=True)
    ]
    places = np.concatenate([np.empty(0, dtype=np.intp), *parts])
    scores = np.concatenate([np.empty(0), *(scores for _, scores in rankings)])
    order = np.argsort(-scores, kind="stable")[:k]
    return places[order], scores[order]


def highest(scores: npt.NDArray[np.floating], k: int, above: float = -np.inf) -> Rows:
    """Return the places of the ``k`` highest scores over ``above``, highest first, equal ones in order.

    Many are first compared in groups, by the highest of each: the ``k``-th highest of these is one that the ``k``-th
    highest of all cannot fall short of, and most groups have nothing above it.
    """
    floor = above
    size = int(np.sqrt(len(scores) / max(k, 1)))  # of a group: the least work in comparing groups, then their members
    if size >= _WORTHWHILE and k > 0:
        groups = len(scores) // size
        grid = scores[: groups * size].reshape(size, groups)  # a group is a column: so the scores are read in order
        peaks = grid.max(axis=0)
        floor = float(np.partition(peaks, groups - k)[groups - k])
    if floor <= above:
        places = np.flatnonzero(scores > above)
    elif len(scores) <= _READ_AGAIN:
        places = np.flatnonzero(scores >= floor)
    else:
        columns = np.flatnonzero(peaks >= floor)
        places = np.concatenate(
            [(columns + groups * np.arange(size)[:, None]).ravel(), np.arange(groups * size, len(scores))]
        )
        places = np.sort(places[scores[places] >= floor])
    top_scores = scores[places]
    if 0 < k < len(places):
        reach = top_scores >= np.partition(top_scores, len(top_scores) - k)[len(top_scores) - k]
        places, top_scores = places[reach], top_scores[reach]
    return places[np.argsort(-top_scores, kind="stable")[:k]]


def with_names(views: Sequence[SegmentView[Any]], ranking: Ranking) -> list[tuple[str, float]]:
    """Return what was found by id."""
    return list(zip(names_at(views, ranking[0]), ranking[1].tolist(), strict=True))


def distinct(parts: Sequence[Rows]) -> Rows:
    """Return every place once, in the order in which they are first named."""
    places = np.concatenate(parts)
    return places[np.sort(np.unique(places, return_index=True)[1])]


def values_at(places: Rows, ranking: Ranking) -> npt.NDArray[np.float64]:
    """Return what was found at each of these places, which are distinct; 0 where nothing was."""
    column, order = np.zeros(len(places)), np.argsort(places)
    if len(places):
        at = order[np.minimum(np.searchsorted(places, ranking[0], sorter=order), len(places) - 1)]
        matching = places[at] == ranking[0]
        column[at[matching]] = ranking[1][matching]
    return column


def masks(views: Sequence[SegmentView[Any]], allowed: Allowed | None) -> list[Mask]:
    """Return, view by view, which rows are alive and allowed.

    Parameters
    ----------
    views : sequence of SegmentView
    allowed : ndarray of bool, container of str or callable, optional
        A mask over the living ids in order of insertion (the quickest form at a million rows), a set of ids, or a
        function that gives a mask for some ids.

    Raises
    ------
    InputError
        If a mask has another length than the index.
    """
    if allowed is None:
        return [view.alive for view in views]
    if isinstance(allowed, np.ndarray):
        return _split(views, allowed)
    if isinstance(allowed, set | frozenset) and len(allowed) < 10_000:
        names = Ids(list(allowed))
        return [_only(view, names) for view in views]
    if callable(allowed):
        return [view.alive & allowed(view.segment.ids.names) for view in views]
    contains = allowed.__contains__
    return [view.alive & np.fromiter(map(contains, view.segment.ids.names), bool, len(view.alive)) for view in views]


def _split(views: Sequence[SegmentView[Any]], allowed: Mask) -> list[Mask]:
    total = sum(view.n_alive for view in views)
    if allowed.shape != (total,) or allowed.dtype != np.bool_:
        raise InputError(
            f"a filter needs one boolean for each of the {total} rows; found shape {allowed.shape} of {allowed.dtype}"
        )
    out, start = [], 0
    for view in views:
        mask = view.alive.copy()
        mask[mask] = allowed[start : start + view.n_alive]
        out.append(mask)
        start += view.n_alive
    return out


def _only(view: SegmentView[Any], names: Ids) -> Mask:
    rows = view.segment.ids.find(names)
    mask = np.zeros_like(view.alive)
    mask[rows[rows >= 0]] = True
    return mask & view.alive


logger = logging.getLogger(__name__)

# A segment is merged with those behind it once they hold an eighth of its rows: at most about seven segments at a
# million rows, and each row is rewritten about eight times a level.
FANOUT = 8
# Merging this many rows takes tens of milliseconds, so it is done on the spot and without tombstones.
SMALL = 4_000


class SegmentedIndex(ABC, Generic[S]):
    """What the vector and the lexical index share: rows by id, in order of insertion, safe for many threads."""

    def __init__(self) -> None:
        self._views: tuple[SegmentView[S], ...] = ()
        self._changed = threading.Condition(threading.RLock())
        self._merging: tuple[S, ...] = ()

    @abstractmethod
    def _merge(self, views: Sequence[SegmentView[S]]) -> S:
        """Return one segment of the rows that are alive in the views, in their order."""

    def __len__(self) -> int:
        return sum(view.n_alive for view in self._views)

    @property
    def ids(self) -> list[str]:
        """The ids in order of insertion; a replaced one counts as inserted anew."""
        return [identifier for view in self._views for identifier in view.living_ids()]

    def places_of(self, ids: Ids) -> Rows:
        """Return the place of each id in `ids`, -1 if it is not there."""
        return places_of(self._views, ids)

    def names_at(self, places: Rows) -> list[str]:
        """Return the ids at places in `ids`."""
        return names_at(self._views, places)

    def remove(self, ids: Sequence[str]) -> None:
        """Remove rows; they are found no more from here on. An unknown id is passed over."""
        removed = Ids(list(dict.fromkeys(ids)))
        with self._changed:
            self._views = tuple(left for view in self._views if (left := view.without(removed)).n_alive)
            self._settle()

    def rebuild(self) -> None:
        """Merge everything into one settled segment and wait for it; searches and changes go on meanwhile."""
        with self._changed:
            self._changed.wait_for(lambda: not self._merging)
            views = self._views
            if not views or (len(views) == 1 and views[0].segment.settled and views[0].alive.all()):
                return
            self._merging = tuple(view.segment for view in views)
        self._merge_beside(views)

    @contextmanager
    def _at_rest(self) -> Iterator[Sequence[SegmentView[S]]]:
        """Yield the rows, rebuilt, as one view or none; changes wait until the block ends, searches go on."""
        with self._changed:
            self.rebuild()
            yield self._views

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until no rebuild is under way; return whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._merging, timeout)

    def _insert(self, segment: S, *, new: bool = False) -> None:
        """Put a segment behind the others; a row with the same id, unless all are new, gives way in the same step."""
        if not len(segment.ids):
            return
        with self._changed:
            left = self._views if new else [view.without(segment.ids) for view in self._views]
            added = SegmentView(segment, np.ones(len(segment.ids), dtype=bool))
            self._views = (*(view for view in left if view.n_alive), added)
            self._settle()

    def _settle(self) -> None:
        """Merge what is due: small segments now, large ones in a thread, one at a time. The caller holds the lock."""
        while due := due_for_merge(self._views[(first := self._first_free()) :]):
            start, stop = due.start + first, due.stop + first
            views = self._views[start:stop]
            if sum(view.n_alive for view in views) <= SMALL:
                self._views = (*self._views[:start], _all_alive(self._merge(views)), *self._views[stop:])
            elif not self._merging:
                self._merging = tuple(view.segment for view in views)
                threading.Thread(target=self._merge_beside, args=(views,), name="index-rebuild", daemon=True).start()
            else:
                return

    def _first_free(self) -> int:
        """Return the position behind the last view that is being merged just now."""
        return max((i + 1 for i, view in enumerate(self._views) if view.segment in self._merging), default=0)

    def _merge_beside(self, views: Sequence[SegmentView[S]]) -> None:
        """Build the merged segment without the lock, then swap it in, less what was removed in the meantime."""
        try:
            merged = self._merge(views)
        except BaseException:
            logger.exception("a rebuild of %d segments failed; the index goes on with what it has", len(views))
            with self._changed:
                self._merging = ()
                self._changed.notify_all()
            raise
        with self._changed:
            alive_of = {id(view.segment): view.alive for view in self._views}
            still_alive = [alive_of.get(id(view.segment), np.zeros_like(view.alive))[view.alive] for view in views]
            fresh = SegmentView(merged, np.concatenate(still_alive))
            replaced = set(map(id, self._merging))
            remaining = [view for view in self._views if id(view.segment) not in replaced]
            n_before = sum(1 for view in self._views[: self._first_free()] if id(view.segment) not in replaced)
            self._views = (*remaining[:n_before], *([fresh] if fresh.n_alive else []), *remaining[n_before:])
            self._merging = ()
            self._settle()
            self._changed.notify_all()


def _all_alive(segment: S) -> SegmentView[S]:
    return SegmentView(segment, np.ones(len(segment.ids), dtype=bool))


def due_for_merge(views: Sequence[SegmentView[Any]]) -> slice | None:
    """Return which neighbouring views should become one, or None if they are well as they are."""
    if not views:
        return None
    start, total = len(views) - 1, views[-1].n_alive
    while start > 0 and views[start - 1].n_alive < FANOUT * total:
        start -= 1
        total += views[start].n_alive
    if start < len(views) - 1:
        return slice(start, len(views))
    for i, view in enumerate(views):
        rows = len(view.alive)
        dead = rows - view.n_alive
        if not view.segment.settled or (dead and (rows <= SMALL or dead * FANOUT > rows)):
            return slice(i, i + 1)
    return None
