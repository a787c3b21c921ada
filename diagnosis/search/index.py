"""VectorIndex: the nearest texts by cosine, exact while that is quick, approximate to a measured recall beyond."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from diagnosis.errors import InputError
from diagnosis.prepared import Vectors
from diagnosis.search.exact import Found, exact_search
from diagnosis.search.ids import Ids
from diagnosis.search.segments import Allowed, Hits, Mask, SegmentedIndex, View, masks


class VectorSegment:
    """Unit rows that do not change."""

    settled = True

    def __init__(self, ids: Ids, vectors: Vectors) -> None:
        self.ids = ids
        self.vectors = vectors
        self.matchable: Mask = np.abs(vectors).max(axis=1, initial=0) > 0

    def search(self, queries: Vectors, k: int, mask: Mask) -> list[Found]:
        """Return, query by query, the rows of the ``k`` most alike and their similarities."""
        return exact_search(self.vectors, queries, k, mask & self.matchable)


class VectorIndex(SegmentedIndex[VectorSegment]):
    """Rows by cosine similarity; added, replaced and removed ones count at once, for any number of threads.

    Parameters
    ----------
    dimensions : int
        Length of a vector.
    seed : int, default 0
        Reaches every draw of a build.
    """

    def __init__(self, dimensions: int, seed: int = 0) -> None:
        super().__init__()
        self.dimensions = dimensions
        self.seed = seed

    def add(self, ids: Sequence[str], vectors: Vectors) -> None:
        """Add rows, or replace those whose id is here already.

        Parameters
        ----------
        ids : sequence of str, length n
            Of an id given twice, the last row counts.
        vectors : ndarray of float32, shape (n, dimensions)
            Scaled to unit length here; a zero row is kept and never matches.

        Raises
        ------
        InputError
            If the shape is another or a value is not finite.
        """
        rows = self._checked(vectors, len(ids))
        last = {identifier: row for row, identifier in enumerate(ids)}
        if len(last) < len(ids):
            rows = rows[list(last.values())]
        self._insert(VectorSegment(Ids(list(last)), rows))

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
        queries = self._checked(vectors, len(vectors))
        views = self._views
        per_view = [
            view.segment.search(queries, k, mask) for view, mask in zip(views, masks(views, allowed), strict=True)
        ]
        return [
            _best([(view, found[i]) for view, found in zip(views, per_view, strict=True)], k) if query.any() else []
            for i, query in enumerate(queries)
        ]

    def save(self, folder: Path) -> None:
        """Write the index into an empty folder, rebuilt into one segment."""
        self.rebuild()
        folder.mkdir(parents=True, exist_ok=True)
        settings = {"dimensions": self.dimensions, "seed": self.seed}
        (folder / "index.json").write_text(json.dumps(settings), encoding="utf-8")
        for view in self._views:
            view.segment.ids.save(folder / "ids.json")
            np.save(folder / "vectors.npy", view.segment.vectors)

    @classmethod
    def load(cls, folder: Path) -> VectorIndex:
        """Read what `save` has written; vectors stay on disk and are shared by the processes that read them."""
        index = cls(**json.loads((folder / "index.json").read_text(encoding="utf-8")))
        if (folder / "ids.json").exists():
            vectors = np.load(folder / "vectors.npy", mmap_mode="r")
            index._insert(VectorSegment(Ids.load(folder / "ids.json"), vectors))
        return index

    def _merge(self, views: Sequence[View[VectorSegment]]) -> VectorSegment:
        ids = [identifier for view in views for identifier in view.living_ids()]
        return VectorSegment(Ids(ids), np.concatenate([view.segment.vectors[view.alive] for view in views]))

    def _checked(self, vectors: Vectors, n: int) -> Vectors:
        rows = np.asarray(vectors, dtype=np.float32)
        if rows.shape != (n, self.dimensions):
            raise InputError(f"expected vectors of shape ({n}, {self.dimensions}); found {rows.shape}")
        if not np.isfinite(rows).all():
            raise InputError(
                f"expected finite vectors; found {int((~np.isfinite(rows)).any(axis=1).sum())} rows that are not"
            )
        norms = np.linalg.norm(rows, axis=1, keepdims=True)
        unit: Vectors = np.divide(rows, norms, out=np.zeros_like(rows), where=norms > 0)
        return unit


def _best(parts: Sequence[tuple[View[VectorSegment], Found]], k: int) -> list[tuple[str, float]]:
    """Merge the finds of the segments; the sort is stable, so equal ones stay in order of insertion."""
    hits = [
        (view.segment.ids.names[row], float(similarity))
        for view, (rows, similarities) in parts
        for row, similarity in zip(rows, similarities, strict=True)
    ]
    return sorted(hits, key=lambda hit: -hit[1])[:k]
