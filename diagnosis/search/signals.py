"""What goes into a search of one corpus and comes out of it, signal by signal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from diagnosis.arrays import Rows, Vectors
from diagnosis.search.encoder import Bags
from diagnosis.search.index.ids import Ids
from diagnosis.search.index.segments import Hits

Corpus = Literal["knowledge", "incidents"]


class Encoder(Protocol):
    """What turns texts into unit vectors."""

    @property
    def dimensions(self) -> int:
        """Length of a vector."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector a text."""


class VectorSearch(Protocol):
    """What finds rows by cosine: `VectorIndex` in this process, or a database that several processes share."""

    def add(self, ids: Sequence[str], vectors: Vectors) -> None:
        """Add rows, or replace those whose id is here already."""

    def remove(self, ids: Sequence[str]) -> None:
        """Remove rows; an unknown id is passed over."""

    def search(self, vectors: Vectors, k: int, allowed: Callable[[Sequence[str]], npt.NDArray[np.bool_]]) -> Hits:
        """Return the ``k`` nearest rows of each query with their cosine, highest first.

        ``allowed`` tells of some ids which of them may be found.
        """

    def similarities(self, ids: Ids, vector: Vectors) -> npt.NDArray[np.float64]:
        """Return the cosine of some rows with one vector, one an id; 0 for an id that is not here."""


@dataclass(frozen=True)
class Question:
    """A question, its vector by each encoder, and the sentence that it was before words of grammar were cut.

    The glossary translates the sentence: "log in" is not "log", nor 从库 a 库.
    """

    text: str
    vectors: dict[str, Vectors]
    sentence: str


@dataclass(frozen=True)
class Candidates:
    """The candidates for one question, and what every signal says of each.

    Attributes
    ----------
    places : ndarray of int, shape (n_candidates,)
        In the metadata, as long as nothing changes there.
    signals : ndarray of float64, shape (n_candidates, n_signals)
        Those of words relative to the best that the question got.
    absolute : ndarray of float64, shape (n_candidates, n_signals + 3)
        The same with the share of the question's weight that a record holds in place of scores of words, and their
        cosine as it is, so that questions compare, long and short ones; then those scores as they are.
    passages : ndarray of int, shape (n_candidates,)
        Which passage of each is nearest to the question.
    identified : ndarray of int
        Which of them the question asks for by number, or by a code that few hold.
    is_number : bool
        Whether the question is the number of a record and nothing else: then it is asked for that record alone.
    has_evidence : bool
        Whether any word of the question, or of its translation, stands anywhere in the corpus, or it names a record.
    """

    places: Rows
    signals: npt.NDArray[np.float64]
    absolute: npt.NDArray[np.float64]
    passages: Rows
    identified: Rows
    is_number: bool
    has_evidence: bool


@dataclass(frozen=True)
class Encoded:
    """What the encoders say of some records, signal by signal."""

    vectors: dict[str, Vectors]
    bags: dict[str, Bags]
