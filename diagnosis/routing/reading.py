"""Reading: one incident as a person reads it, with the part that each word and field has in its features.

It does not depend on what is asked: routers that share their features share it too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from diagnosis.routing.cjk_words import Segmenter
from diagnosis.routing.vocabulary import Columns, TextTerms, Vocabulary
from diagnosis.routing.words import is_cjk

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Reading:
    """Words and fields of an incident, and their parts in the features that it has.

    Attributes
    ----------
    words : list of str
        As they are shown; in runs of Chinese characters the words that the history makes probable.
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
    segmenter: Segmenter,
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
        words, spans, of_columns, of_spans = _parts(vocabulary, vocabulary.read(text), segmenter)
        numbers = np.array([number.setdefault(word, len(number)) for word in words], dtype=np.intp)
        word_of.append(numbers[spans])
        column_of.append(of_columns + start)
        part.append(of_spans)
    places = order[np.searchsorted(ranked, np.concatenate(column_of))]
    fields = [(names, int(order[np.searchsorted(ranked, column)])) for names, column in field_columns]
    return Reading([*number], np.concatenate(word_of), places, np.concatenate(part), fields)


def _parts(
    vocabulary: Vocabulary, terms: TextTerms, segmenter: Segmenter
) -> tuple[list[str], Places, npt.NDArray[np.int64], Floats]:
    """Return the words that a text is divided into; and of each of their parts the word, the feature and how much."""
    if not terms.times:
        return [], np.empty(0, np.intp), np.empty(0, np.int64), np.empty(0)
    lengths = np.array([len(word) for word in terms.times])
    ends = np.cumsum(lengths)  # distinct words one after another: one that stands there twice is one
    words: list[str] = []
    bounds: list[tuple[int, int]] = []
    for word, begin in zip(terms.times, (ends - lengths).tolist(), strict=True):
        for a, b in segmenter.spans(word) if is_cjk(word) else [(0, len(word))]:
            words.append(word[a:b])
            bounds.append((begin + a, begin + b))
    starts, stops = np.array(bounds).T
    column, first, last, much = (np.concatenate(part) for part in zip(*_spread(vocabulary, terms, ends), strict=True))
    # A feature's characters are divided among the words that they lie in.
    at, up_to = np.searchsorted(stops, first, side="right"), np.searchsorted(stops, last - 1, side="right")
    times = up_to - at + 1
    item = np.repeat(np.arange(len(column)), times)
    span = np.arange(len(item)) - np.repeat(np.cumsum(times) - times - at, times)
    inside = np.minimum(stops[span], last[item]) - np.maximum(starts[span], first[item])
    return words, span, column[item], much[item] * inside / (last - first)[item]


def _spread(
    vocabulary: Vocabulary, terms: TextTerms, ends: npt.NDArray[np.int64]
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64], Floats]]:
    """Yield columns, the characters that each speaks for, from and to, and which part of it does."""
    begins = np.append(0, ends[:-1])
    columns = np.array([vocabulary.words.get(word, -1) for word in terms.times], dtype=np.int64)
    at = np.flatnonzero(columns >= 0)
    yield columns[at], begins[at], ends[at], np.ones(len(at))
    number = {word: i for i, word in enumerate(terms.times)}
    place = np.array([number[word] for word in terms.words], dtype=np.int64)
    pairs, once = np.unique(terms.pairs, return_index=True)  # wherever else it stands
    for side in (terms.first, terms.second):  # half goes to each word
        at = place[side[once]]
        yield pairs, begins[at], ends[at], np.full(len(at), 0.5)
    begin = np.repeat(begins, [len(grams.columns) for grams in terms.word_grams])
    first, last = (np.concatenate([getattr(grams, name) for grams in terms.word_grams]) for name in ("first", "last"))
    grams = terms.grams[terms.gram_places].astype(np.int64) + vocabulary.n_words
    yield grams, begin + first, begin + last, terms.gram_of / terms.gram_counts[terms.gram_places]
