"""Segments: how an index takes in, replaces and forgets rows at once, and tidies up beside the searches.

The log-structured merge of O'Neil et al. (1996), as Lucene does it. What is added becomes a small segment that is
searchable at once; what is removed is marked. Segments never change: a search reads one tuple of them and needs no
lock. Small ones are merged on the spot, large ones in a thread, and the merged one takes their place in one step.
"""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from diagnosis.errors import InputError
from diagnosis.search.ids import Ids

Mask = npt.NDArray[np.bool_]
Hits = list[list[tuple[str, float]]]
Allowed = npt.NDArray[np.bool_] | Container[str] | Callable[[str], bool]

logger = logging.getLogger(__name__)

# A segment is merged with those behind it once they hold an eighth of its rows: at most about seven segments at a
# million rows, and each row is rewritten about eight times a level.
FANOUT = 8
# Merging this many rows takes tens of milliseconds, so it is done on the spot and without tombstones.
SMALL = 4_000


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
class View(Generic[S]):
    """A segment and which of its rows have not been removed or replaced since."""

    segment: S
    alive: Mask

    @cached_property
    def n_alive(self) -> int:
        """How many rows are alive."""
        return int(np.count_nonzero(self.alive))

    def without(self, ids: Ids) -> View[S]:
        """Return the view with the given ids no longer alive."""
        rows = self.segment.ids.find(ids)
        rows = rows[rows >= 0]
        if not self.alive[rows].any():
            return self
        alive = self.alive.copy()
        alive[rows] = False
        return View(self.segment, alive)

    def living_ids(self) -> list[str]:
        """Return the ids of the rows that are alive, in order of insertion."""
        names = self.segment.ids.names
        return names if self.alive.all() else [names[row] for row in np.flatnonzero(self.alive)]


class SegmentedIndex(ABC, Generic[S]):
    """What the vector and the lexical index share: rows by id, in order of insertion, safe for many threads."""

    def __init__(self) -> None:
        self._views: tuple[View[S], ...] = ()
        self._changed = threading.Condition(threading.RLock())
        self._merging: tuple[S, ...] = ()

    @abstractmethod
    def _merge(self, views: Sequence[View[S]]) -> S:
        """Return one segment of the rows that are alive in the views, in their order."""

    def __len__(self) -> int:
        return sum(view.n_alive for view in self._views)

    @property
    def ids(self) -> list[str]:
        """The ids in order of insertion; a replaced one counts as inserted anew."""
        return [identifier for view in self._views for identifier in view.living_ids()]

    def remove(self, ids: Sequence[str]) -> None:
        """Remove rows; they are found no more from here on. An unknown id is passed over."""
        gone = Ids(list(dict.fromkeys(ids)))
        with self._changed:
            self._views = tuple(left for view in self._views if (left := view.without(gone)).n_alive)
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

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until no rebuild is under way; return whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._merging, timeout)

    def _insert(self, segment: S) -> None:
        """Put a segment behind the others; a row with the same id gives way to it in the same step."""
        if not len(segment.ids):
            return
        with self._changed:
            left = [view.without(segment.ids) for view in self._views]
            new = View(segment, np.ones(len(segment.ids), dtype=bool))
            self._views = (*(view for view in left if view.n_alive), new)
            self._settle()

    def _settle(self) -> None:
        """Merge what is due: small segments now, large ones in a thread, one at a time. The caller holds the lock."""
        while due := due_for_merge(self._views[(first := self._first_free()) :]):
            start, stop = due.start + first, due.stop + first
            views = self._views[start:stop]
            if sum(view.n_alive for view in views) <= SMALL:
                self._views = (*self._views[:start], _whole(self._merge(views)), *self._views[stop:])
            elif not self._merging:
                self._merging = tuple(view.segment for view in views)
                threading.Thread(target=self._merge_beside, args=(views,), name="index-rebuild", daemon=True).start()
            else:
                return

    def _first_free(self) -> int:
        """Return the position behind the last view that is being merged just now."""
        return max((i + 1 for i, view in enumerate(self._views) if view.segment in self._merging), default=0)

    def _merge_beside(self, views: Sequence[View[S]]) -> None:
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
            now = {id(view.segment): view.alive for view in self._views}
            gone = [now.get(id(view.segment), np.zeros_like(view.alive))[view.alive] for view in views]
            fresh = View(merged, np.concatenate(gone))
            replaced = set(map(id, self._merging))
            kept = [view for view in self._views if id(view.segment) not in replaced]
            before = sum(1 for view in self._views[: self._first_free()] if id(view.segment) not in replaced)
            self._views = (*kept[:before], *([fresh] if fresh.n_alive else []), *kept[before:])
            self._merging = ()
            self._settle()
            self._changed.notify_all()


def _whole(segment: S) -> View[S]:
    return View(segment, np.ones(len(segment.ids), dtype=bool))


def due_for_merge(views: Sequence[View[Any]]) -> slice | None:
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


def masks(views: Sequence[View[Any]], allowed: Allowed | None) -> list[Mask]:
    """Return, view by view, which rows are alive and allowed.

    Parameters
    ----------
    views : sequence of View
    allowed : ndarray of bool, container of str or callable, optional
        A mask over the living ids in order of insertion (the quickest form at a million rows), a set of ids, or a
        function of one id.

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
        wanted = Ids(list(allowed))
        return [_only(view, wanted) for view in views]
    test: Callable[[str], bool] = allowed if callable(allowed) else allowed.__contains__
    return [view.alive & np.fromiter(map(test, view.segment.ids.names), bool, len(view.alive)) for view in views]


def _split(views: Sequence[View[Any]], allowed: Mask) -> list[Mask]:
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


def _only(view: View[Any], wanted: Ids) -> Mask:
    rows = view.segment.ids.find(wanted)
    mask = np.zeros_like(view.alive)
    mask[rows[rows >= 0]] = True
    return mask & view.alive
