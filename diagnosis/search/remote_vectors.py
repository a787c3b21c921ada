"""A question put to vectors that are kept outside this process, in the places of the metadata's records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from diagnosis.arrays import Rows, Vectors
from diagnosis.search.index.ids import Ids
from diagnosis.search.index.metadata import PASSAGE, RecordMetadata
from diagnosis.search.index.segments import Mask, Ranking
from diagnosis.search.signals import VectorSearch


class RowQuery(Protocol):
    """A question to vectors whose rows are a metadata's records, or their passages, in order."""

    def nearest(self, k: int, allowed: Mask | None = None) -> Ranking:
        """Return the places of the ``k`` nearest rows that may be found, and the cosines, highest first."""

    def similarities_at(self, places: Rows) -> npt.NDArray[np.float64]:
        """Return the cosine of the rows at these places."""


class RemoteQuery:
    """One question to vectors that know their rows by name alone.

    Parameters
    ----------
    vectors : VectorSearch
    vector : ndarray of float32, shape (1, dimensions)
    metadata : RecordMetadata
    by_passage : bool
        Whether the rows are the records' passages.
    """

    def __init__(self, vectors: VectorSearch, vector: Vectors, metadata: RecordMetadata, *, by_passage: bool) -> None:
        self._vectors = vectors
        self._vector = vector
        self._catalogue = metadata
        self._by_passage = by_passage

    def nearest(self, k: int, allowed: Mask | None = None) -> Ranking:
        """Return the places of the ``k`` nearest rows that may be found, and the cosines, highest first."""

        def may_be_found(names: Sequence[str]) -> Mask:
            places = self._places_of(names)
            findable = places >= 0  # others may have added what is not here yet
            if allowed is not None:
                findable[findable] = allowed[places[findable]]
            return findable

        hits = self._vectors.search(self._vector, k, may_be_found)[0]
        cosines = np.array([cosine for _, cosine in hits], dtype=np.float64)
        return self._places_of([name for name, _ in hits]), cosines

    def similarities_at(self, places: Rows) -> npt.NDArray[np.float64]:
        """Return the cosine of the rows at these places."""
        names = self._catalogue.passage_names_at(places) if self._by_passage else self._catalogue.names_at(places)
        return self._vectors.similarities(Ids(names), self._vector)

    def _places_of(self, names: Sequence[str]) -> Rows:
        if not self._by_passage:
            return self._catalogue.places_of(Ids(names))
        parts = [name.rpartition(PASSAGE) for name in names]  # a number may hold any character
        places = self._catalogue.places_of(Ids([number for number, _, _ in parts]))
        starts, present = self._catalogue.passage_starts, places >= 0
        passages = starts[places] + np.array([int(passage) for _, _, passage in parts], dtype=np.intp)
        present[present] = passages[present] < starts[places[present] + 1]
        return np.where(present, passages, -1)
