"""A question put to vectors that are kept outside this process, in the places of the catalogue's records."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from diagnosis.prepared import Vectors
from diagnosis.search.catalogue import PASSAGE, Catalogue
from diagnosis.search.ids import Ids
from diagnosis.search.measured import VectorSearch
from diagnosis.search.views import Found, Mask, Rows


class AskedPlaces(Protocol):
    """A question to vectors whose rows are a catalogue's records, or their passages, in order."""

    def nearest(self, k: int, allowed: Mask | None = None) -> Found:
        """Return the places of the ``k`` nearest rows that may be found, and the cosines, highest first."""

    def similarities_at(self, places: Rows) -> npt.NDArray[np.float64]:
        """Return the cosine of the rows at these places."""


class AskedElsewhere:
    """One question to vectors that know their rows by name alone.

    Parameters
    ----------
    vectors : VectorSearch
    vector : ndarray of float32, shape (1, dimensions)
    catalogue : Catalogue
    by_passage : bool
        Whether the rows are the records' passages.
    """

    def __init__(self, vectors: VectorSearch, vector: Vectors, catalogue: Catalogue, *, by_passage: bool) -> None:
        self._vectors = vectors
        self._vector = vector
        self._catalogue = catalogue
        self._by_passage = by_passage

    def nearest(self, k: int, allowed: Mask | None = None) -> Found:
        """Return the places of the ``k`` nearest rows that may be found, and the cosines, highest first."""

        def found(name: str) -> bool:  # others may have added what is not here yet
            place = self._place_of(name)
            return place >= 0 and (allowed is None or bool(allowed[place]))

        hits = self._vectors.search(self._vector, k, found)[0]
        places = [self._place_of(name) for name, _ in hits]
        return np.array(places, dtype=np.intp), np.array([cosine for _, cosine in hits], dtype=np.float64)

    def similarities_at(self, places: Rows) -> npt.NDArray[np.float64]:
        """Return the cosine of the rows at these places."""
        names = self._catalogue.passage_names_at(places) if self._by_passage else self._catalogue.names_at(places)
        return self._vectors.similarities(Ids(names), self._vector)

    def _place_of(self, name: str) -> int:
        number, _, passage = name.partition(PASSAGE)
        place = self._catalogue.place_of(number)
        if place < 0 or not self._by_passage:
            return place
        start, stop = self._catalogue.passage_starts[place : place + 2].tolist()
        return start + int(passage) if start + int(passage) < stop else -1
