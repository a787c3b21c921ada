"""Vectors of a release in pgvector, behind the interface of the index in process: same answers, one copy for all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from diagnosis.arrays import Vectors, unit_rows
from diagnosis.diagnoser import Diagnoser
from diagnosis.releases import Releases
from diagnosis.search.index.ids import Ids
from diagnosis.search.index.neighbours import rescore
from diagnosis.search.index.vectors import VectorIndex
from diagnosis.store.vectors import VectorRows

_Allowed = Callable[[Sequence[str]], npt.NDArray[np.bool_]]
_KEPT_RELEASES = 3  # replicas change one after the other, and a rollback is quick
_SLACK = 16  # rows beyond k that are fetched: equal to single precision, told apart in double


class SharedVectors:
    """One index of a release in the database.

    Parameters
    ----------
    rows : VectorRows
    name : str
        Distinct among all indexes of all releases.
    """

    def __init__(self, rows: VectorRows, name: str) -> None:
        self.rows = rows
        self.name = name

    def add(self, ids: Sequence[str], vectors: Vectors) -> None:
        """Add rows, or replace those whose id is here already; a zero row is not kept, and never matches."""
        unit = {name: row for name, row in zip(ids, unit_rows(vectors), strict=True) if row.any()}
        self.rows.put(self.name, list(unit), np.array(list(unit.values()), dtype=np.float32))

    def remove(self, ids: Sequence[str]) -> None:
        """Remove rows; an unknown id is passed over."""
        self.rows.remove(self.name, ids)

    def search(self, vectors: Vectors, k: int, allowed: _Allowed) -> list[list[tuple[str, float]]]:
        """Return the ``k`` nearest rows of each query with their cosine, highest first.

        ``allowed`` tells of some ids which of them may be found.
        """
        return [self._nearest(query, k, allowed) if query.any() else [] for query in unit_rows(vectors)]

    def similarities(self, wanted_ids: Ids, vector: Vectors) -> npt.NDArray[np.float64]:
        """Return the cosine of some rows with one vector, shape (1, dimensions), one an id; 0 for one not here."""
        query, cosines = unit_rows(vector)[0], np.zeros(len(wanted_ids))
        ids, vectors = self.rows.get(self.name, wanted_ids.names)
        if ids and query.any():
            cosines[wanted_ids.find(Ids(ids))] = rescore(vectors, query)
        return cosines

    def _nearest(self, query: Vectors, k: int, allowed: _Allowed) -> list[tuple[str, float]]:
        limit = k + _SLACK
        while True:
            ids, vectors = self.rows.nearest(self.name, query, limit)
            allowed_rows = np.flatnonzero(allowed(ids))
            if len(allowed_rows) >= k or len(ids) < limit:
                break
            limit *= 4  # a filter leaves few: ask further
        if not len(allowed_rows):
            return []
        cosines = rescore(vectors[allowed_rows], query)
        best = np.argsort(-cosines, kind="stable")[:k]
        return [(ids[allowed_rows[row]], float(cosines[row])) for row in best]


class SharedReleases:
    """Loads releases whose vectors are in the database.

    Parameters
    ----------
    rows : VectorRows
    releases : Releases
        The vectors of those published last stay, with those of what is being loaded; others go.
    """

    def __init__(self, rows: VectorRows, releases: Releases) -> None:
        self.rows = rows
        self.releases = releases

    def load(self, folder: Path) -> Diagnoser:
        """Return the release of a folder; its vectors are stored by the replica that comes first."""
        diagnoser = Diagnoser.load(folder)

        def move(name: str, index: VectorIndex) -> SharedVectors:
            shared = SharedVectors(self.rows, f"{folder.name}/{name}")
            ids, vectors = index.rows()
            nonzero = np.flatnonzero(vectors.any(axis=1))
            self.rows.fill(shared.name, [ids[row] for row in nonzero], vectors[nonzero].astype(np.float32))
            return shared

        diagnoser.parts.retriever.move_vectors(move)
        last = [entry.release for entry in self.releases.history()[-_KEPT_RELEASES:]]
        self.rows.keep([f"{release}/" for release in {*last, folder.name}])
        return diagnoser
