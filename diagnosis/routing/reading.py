"""Reading: one incident as a person reads it, with the part that each word and field has in its features.

It does not depend on what is asked: routers that share their features share it too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from diagnosis.arrays import Floats
from diagnosis.routing.vocabulary import Columns, TextTerms, Vocabulary

Places = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Reading:
    """Words and fields of an incident, and their parts in the features that it has.

    Attributes
    ----------
    words : list of str
        As they are shown, each once.
    word_of, place_of, part : ndarray, shape (n_parts,)
        Word ``word_of[i]`` has ``part[i]`` of the feature at ``place_of[i]`` of the incident's features.
    fields : list of (sequence of str, int)
        Names of the fields that a feature is the value of, and its place; each has an equal part.
    """

    words: list[str]
    word_of: Places
    place_of: Places
    part: Floats
    fields: list[tuple[Sequence[str], int]]

    def shares_of_words(self, shares: Floats) -> Floats:
        """Return what features share out comes to by word, shape (n_words,)."""
        weighted_parts = self.part * shares[self.place_of]
        return np.bincount(self.word_of, weights=weighted_parts, minlength=len(self.words)).astype(np.float64)


def read_incident(
    columns: Columns,
    texts: Sequence[tuple[Vocabulary, str, int]],
    field_columns: Sequence[tuple[Sequence[str], int]],
) -> Reading:
    """Return the reading of one incident.

    Parameters
    ----------
    columns : ndarray of int
        The counted features that it has.
    texts : sequence of (Vocabulary, str, int)
        Each of its texts with the column that the features of its vocabulary begin at.
    held : sequence of (sequence of str, int)
        Names of fields, and the column that their values have.
    """
    order = np.argsort(columns, kind="stable")
    ranked = columns[order]
    number: dict[str, int] = {}
    word_of, column_of, part = [np.empty(0, np.intp)], [np.empty(0, np.int64)], [np.empty(0)]
    for vocabulary, text, start in texts:
        terms = vocabulary.terms_of([text])
        numbers = np.array([number.setdefault(word, len(number)) for word in terms.words], dtype=np.intp)
        for words, columns_of_part, parts in _parts(vocabulary, terms):
            word_of.append(numbers[words])
            column_of.append(columns_of_part + start)
            part.append(parts)
    places = order[np.searchsorted(ranked, np.concatenate(column_of))]
    fields = [(names, int(order[np.searchsorted(ranked, column)])) for names, column in field_columns]
    return Reading([*number], np.concatenate(word_of), places, np.concatenate(part), fields)


def _parts(vocabulary: Vocabulary, terms: TextTerms) -> Iterator[tuple[Places, npt.NDArray[np.int64], Floats]]:
    """Yield, for each kind of feature, the words that have a part in it by number, its column, and how large a part."""
    numbers = np.flatnonzero(terms.columns >= 0)
    yield numbers, terms.columns[numbers], np.ones(len(numbers))
    pairs, once = np.unique(terms.pairs, return_index=True)  # wherever else it stands
    pairs, once = pairs[pairs >= 0], once[pairs >= 0]
    for side in (terms.first, terms.second):  # half goes to each word
        yield side[once], pairs, np.full(len(pairs), 0.5)
    times = terms.times[terms.word_of]
    _, places = np.unique(terms.grams, return_inverse=True)
    parts = times / np.bincount(places, weights=times)[places]
    yield terms.word_of, terms.grams.astype(np.int64) + vocabulary.n_words, parts
