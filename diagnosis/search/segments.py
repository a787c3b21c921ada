"""Segments: how an index takes in, replaces and forgets rows at once, and tidies up beside the searches.

The log-structured merge of O'Neil et al. (1996), as Lucene does it. What is added becomes a small segment that is
searchable at once; what is removed is marked. Segments never change: a search reads one tuple of them and needs no
lock. Small ones are merged on the spot, large ones in a thread, and the merged one takes their place in one step.
"""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Generic

import numpy as np

from diagnosis.search.ids import Ids
from diagnosis.search.views import Rows, S, View, names_at, places_of

logger = logging.getLogger(__name__)

# A segment is merged with those behind it once they hold an eighth of its rows: at most about seven segments at a
# million rows, and each row is rewritten about eight times a level.
FANOUT = 8
# Merging this many rows takes tens of milliseconds, so it is done on the spot and without tombstones.
SMALL = 4_000


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

    def places_of(self, ids: Ids) -> Rows:
        """Return the place of each id in `ids`, -1 if it is not there."""
        return places_of(self._views, ids)

    def names_at(self, places: Rows) -> list[str]:
        """Return the ids at places in `ids`."""
        return names_at(self._views, places)

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

    @contextmanager
    def _at_rest(self) -> Iterator[Sequence[View[S]]]:
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
            added = View(segment, np.ones(len(segment.ids), dtype=bool))
            self._views = (*(view for view in left if view.n_alive), added)
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
