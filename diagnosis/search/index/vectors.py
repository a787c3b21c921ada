"""VectorIndex: the nearest texts by cosine, exact while that is quick, approximate to a measured recall beyond."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from diagnosis.arrays import Rows, Vectors, unit_rows
from diagnosis.errors import InputError
from diagnosis.search.index.ids import FILE, Ids
from diagnosis.search.index.neighbours import Approximate, exact_search, rescore
from diagnosis.search.index.segments import (
    Allowed,
    Hits,
    Mask,
    Ranking,
    SegmentedIndex,
    SegmentView,
    best,
    highest,
    located,
    masks,
    places_of,
    with_names,
)

# So few rows are compared one by one, whatever structure there is: a filter that leaves few is answered exactly.
FEW = 2_000
_FEWER = 4  # a share of the rows, as one in so many, below which to copy them out costs less than to compare all


class VectorSegment:
    """Unit rows that do not change.

    Parameters
    ----------
    ids : Ids, length n
    vectors : ndarray, shape (n, dimensions)
        float32, or float16 where there is an approximate structure: similarities are then true to 0.0005.
    approximate : Approximate, optional
        Without one, every search is exact.
    settled : bool, default True
        False while there are so many rows that an approximate structure is due.
    matchable : ndarray of bool, shape (n,), optional
        Which rows are not zero, where that is known.
    """

    def __init__(
        self,
        ids: Ids,
        vectors: Vectors,
        approximate: Approximate | None = None,
        *,
        settled: bool = True,
        matchable: Mask | None = None,
    ) -> None:
        self.ids = ids
        self.vectors = vectors
        self.approximate = approximate
        self.settled = settled
        self.matchable = _nonzero(vectors) if matchable is None else matchable

    def search(self, queries: Vectors, k: int, mask: Mask) -> list[Ranking]:
        """Return, query by query, the rows of the ``k`` most alike and their similarities."""
        mask = mask & self.matchable
        if self.approximate is None or np.count_nonzero(mask) <= FEW:
            return exact_search(self.vectors, queries, k, mask)
        return self.approximate.search(self.vectors, queries, k, mask)

    @property
    def nbytes(self) -> int:
        """Bytes of vectors and structure."""
        return int(self.vectors.nbytes) + (self.approximate.nbytes if self.approximate else 0)


class VectorQuery:
    """One question put to the rows of a `VectorIndex` as they stand now.

    Parameters
    ----------
    views : sequence of SegmentView
    query : ndarray of float32, shape (dimensions,)
        Of length one; a zero one finds nothing and is like nothing.
    """

    def __init__(self, views: Sequence[SegmentView[VectorSegment]], query: Vectors) -> None:
        self._views = views if query.any() else ()
        self._query = query
        self._compared: dict[int, npt.NDArray[np.float64]] = {}  # by view, where every row was compared

    def nearest(self, k: int, allowed: Allowed | None = None) -> Ranking:
        """Return the places in `ids` of the ``k`` rows nearest to the question, and the cosines, highest first."""
        if not self._views:
            return best([], [], k)
        rankings = []
        for view, mask in zip(self._views, masks(self._views, allowed), strict=True):
            if view.segment.approximate or np.count_nonzero(mask) <= len(mask) // _FEWER:
                rankings.append(view.segment.search(self._query[None], k, mask)[0])
                continue
            cosines = self._compared[id(view)] = rescore(view.segment.vectors, self._query)
            rows = highest(np.where(mask & view.segment.matchable, cosines, -np.inf), k)
            rankings.append((rows, cosines[rows]))
        return best(self._views, rankings, k)

    def similarities_at(self, places: Rows) -> npt.NDArray[np.float64]:
        """Return the cosine of the rows at places in `ids` with the question; 0 for the place -1 and a zero row."""
        cosines = np.zeros(len(places))
        for view, targets, rows in located(self._views, places):
            cosines_of_all = self._compared.get(id(view))
            if cosines_of_all is None:
                cosines[targets] = rescore(view.segment.vectors.take(rows, axis=0), self._query)
            else:
                cosines[targets] = cosines_of_all[rows]
        return cosines


class VectorIndex(SegmentedIndex[VectorSegment]):
    """Rows by cosine similarity; added, replaced and removed ones count at once, for any number of threads.

    Parameters
    ----------
    dimensions : int
        Length of a vector.
    seed : int, default 0
        Reaches every draw of a build.
    exact_up_to : int, default 50,000
        Rows up to which every search is exact; beyond, inverted lists of compressed codes choose what is compared.

    Notes
    -----
    New rows are searched exactly at once; when they have become many, a structure for them is built in a thread.
    """

    def __init__(self, dimensions: int, seed: int = 0, *, exact_up_to: int = 50_000) -> None:
        super().__init__()
        self.dimensions = dimensions
        self.seed = seed
        self.exact_up_to = exact_up_to

    @property
    def recall_(self) -> float:
        """The lowest recall at 10 measured against exact search in any part of the index; 1 where all is exact."""
        parts = [view.segment.approximate for view in self._views]
        return min((part.effort.recall for part in parts if part), default=1.0)

    @property
    def structure_(self) -> str:
        """What answers for most rows: ``exact`` or ``ivf``."""
        largest = max(self._views, key=lambda view: view.n_alive, default=None)
        return "ivf" if largest and largest.segment.approximate else "exact"

    @property
    def nbytes(self) -> int:
        """Bytes of vectors and structures."""
        return sum(view.segment.nbytes for view in self._views)

    def add(self, ids: Ids | Sequence[str], vectors: Vectors) -> None:
        """Add rows, or replace those whose id is here already.

        Parameters
        ----------
        ids : sequence of str, length n
            Of an id given twice, the last row counts. `Ids` are for a caller who knows that none is here already.
        vectors : ndarray of float32, shape (n, dimensions)
            Scaled to unit length here; a zero row is kept and never matches.

        Raises
        ------
        InputError
            If the shape is another or a value is not finite.
        """
        rows = self._checked(vectors, len(ids))
        new = isinstance(ids, Ids)
        if not isinstance(ids, Ids):
            last = {identifier: row for row, identifier in enumerate(ids)}
            ids, rows = Ids(list(last)), rows if len(last) == len(rows) else rows[list(last.values())]
        self._insert(VectorSegment(ids, rows, settled=len(ids) <= self.exact_up_to), new=new)

    def search(self, vectors: Vectors, k: int, allowed: Allowed | None = None) -> Hits:
        """Return the ``k`` nearest rows of each query with their cosine, highest first.

        Parameters
        ----------
        vectors : ndarray of float32, shape (n_queries, dimensions)
        k : int
        allowed : ndarray of bool, container of str or callable, optional
            What may be found: a mask over `ids`, a set of ids, or a function of one id. The mask is the quickest.

        Returns
        -------
        list of list of (str, float)
            Equal similarities stand in order of insertion. A zero query finds nothing.
        """
        views, queries = self._views, self._checked(vectors, len(vectors))
        per_view = [
            view.segment.search(queries, k, mask) for view, mask in zip(views, masks(views, allowed), strict=True)
        ]
        return [
            with_names(views, best(views, [rankings[i] for rankings in per_view], k)) if query.any() else []
            for i, query in enumerate(queries)
        ]

    def query(self, vector: Vectors) -> VectorQuery:
        """Return one question, finite and of shape (1, dimensions), put to the rows.

        For a caller that keeps what belongs to them in the same order; quicker than `search`.
        """
        return VectorQuery(self._views, unit_rows(vector)[0])

    def similarities(self, ids: Ids, vector: Vectors) -> npt.NDArray[np.float64]:
        """Return the cosine of some rows with one vector, shape (1, dimensions), one an id.

        0 for an id that is not here, and for a zero row.
        """
        views = self._views
        return VectorQuery(views, unit_rows(vector)[0]).similarities_at(places_of(views, ids))

    def rows(self) -> tuple[list[str], Vectors]:
        """Return every id and its vector, shape (n, dimensions), in order of insertion."""
        views = self._views
        parts = [view.segment.vectors[view.alive] for view in views]
        ids = [identifier for view in views for identifier in view.living_ids()]
        return ids, np.concatenate(parts) if parts else np.zeros((0, self.dimensions), dtype=np.float32)

    def save(self, folder: Path) -> None:
        """Write the index into an empty folder, rebuilt into one segment."""
        folder.mkdir(parents=True, exist_ok=True)
        names = ("dimensions", "seed", "exact_up_to")
        settings = {name: getattr(self, name) for name in names}
        (folder / "index.json").write_text(json.dumps(settings), encoding="utf-8")
        with self._at_rest() as views:
            for view in views:
                view.segment.ids.save(folder)
                np.save(folder / "vectors.npy", view.segment.vectors)
                np.save(folder / "matchable.npy", view.segment.matchable)  # to look through all vectors reads them
                if view.segment.approximate:
                    view.segment.approximate.save(folder)

    @classmethod
    def load(cls, folder: Path) -> VectorIndex:
        """Read what `save` has written; vectors stay on disk and are shared by the processes that read them."""
        index = cls(**json.loads((folder / "index.json").read_text(encoding="utf-8")))
        if (folder / FILE).exists():
            vectors = np.load(folder / "vectors.npy", mmap_mode="r").view(np.ndarray)
            approximate = Approximate.load(folder) if (folder / "structure.json").exists() else None
            matchable = np.load(folder / "matchable.npy")
            index._insert(VectorSegment(Ids.load(folder), vectors, approximate, matchable=matchable))
        return index

    def _merge(self, views: Sequence[SegmentView[VectorSegment]]) -> VectorSegment:
        ids = Ids.joined([(view.segment.ids, view.alive) for view in views])
        exact = len(ids) <= self.exact_up_to
        vectors = np.empty((len(ids), self.dimensions), dtype=np.float32 if exact else np.float16)
        start = 0
        for view in views:
            vectors[start : start + view.n_alive] = view.segment.vectors[view.alive]
            start += view.n_alive
        if exact:
            return VectorSegment(ids, vectors)
        return VectorSegment(ids, vectors, Approximate.build(vectors, self.seed))

    def _checked(self, vectors: Vectors, n: int) -> Vectors:
        rows = np.asarray(vectors, dtype=np.float32)
        if rows.shape != (n, self.dimensions):
            raise InputError(f"expected vectors of shape ({n}, {self.dimensions}); found {rows.shape}")
        if not np.isfinite(rows).all():
            raise InputError(
                f"expected finite vectors; found {int((~np.isfinite(rows)).any(axis=1).sum())} rows that are not"
            )
        return unit_rows(rows)


def _nonzero(vectors: Vectors) -> Mask:
    """Return which rows have a direction, without a copy of them all."""
    out = np.zeros(len(vectors), dtype=bool)
    for start in range(0, len(vectors), 1 << 14):
        out[start : start + (1 << 14)] = vectors[start : start + (1 << 14)].any(axis=1)
    return out
