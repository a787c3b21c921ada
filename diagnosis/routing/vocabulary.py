"""The words, pairs of words and character n-grams that are features, how often they stand in texts, and where.

Routers of one release mostly learn from the same texts: they share one vocabulary
(`diagnosis.routing.sharing`), which then reads a text once for all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from diagnosis.routing.words import character_grams, words_of

Rows = npt.NDArray[np.int64]


class TermCounts(NamedTuple):
    """How often the features of one kind stand in each text.

    Attributes
    ----------
    columns, times : ndarray of int
        Features and how often they stand there; those of text ``i`` are ``starts[i]`` to ``starts[i + 1]``.
    starts : ndarray of int, shape (n_texts + 1,)
    unknown : ndarray, shape (n_texts,)
        How many terms of each text are no feature.
    """

    columns: npt.NDArray[np.integer]
    times: npt.NDArray[Any]
    starts: npt.NDArray[np.integer]
    unknown: npt.NDArray[np.float32]

    @classmethod
    def of(cls, counts: sp.csr_matrix, unknown: npt.NDArray[np.float32]) -> Self:
        """Return those of a matrix of counts, shape (n_texts, n_features)."""
        return cls(counts.indices, counts.data, counts.indptr, unknown)

    def matrix(self, width: int) -> sp.csr_matrix:
        """Return the counts as a matrix, shape (n_texts, width)."""
        return sp.csr_matrix((self.times, self.columns, self.starts), shape=(len(self.unknown), width))


def frequent(documents: Iterable[Iterable[str]], min_count: int) -> dict[str, int]:
    """Return the terms that stand in enough documents, with their numbers in alphabetical order."""
    frequency: Counter[str] = Counter()
    for document in documents:
        frequency.update(set(document))
    return {term: i for i, term in enumerate(sorted(term for term, count in frequency.items() if count >= min_count))}


def numbered(documents: Sequence[Sequence[str]], index: dict[str, int]) -> tuple[Rows, Rows]:
    """Return the number of each term of all documents, -1 if unknown, and the document that it stands in."""
    numbers = np.array([index.get(term, -1) for document in documents for term in document], dtype=np.int64)
    return numbers, np.repeat(np.arange(len(documents)), [len(document) for document in documents])


def count(
    document_of: Rows, columns: Rows, n_documents: int, n_columns: int
) -> tuple[sp.csr_matrix, npt.NDArray[np.float32]]:
    """Return how often each column stands in each document, and how many terms without a column do."""
    known_columns = columns >= 0
    ones = np.ones(int(known_columns.sum()), dtype=np.float32)
    counts = sp.csr_matrix((ones, (document_of[known_columns], columns[known_columns])), shape=(n_documents, n_columns))
    return counts, np.bincount(document_of[~known_columns], minlength=n_documents).astype(np.float32)


_REMEMBERED = 8_000  # words whose n-grams are kept at hand: about 8 MB
Columns = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class WordGrams:
    """The character n-grams of one word that are features, one entry an occurrence.

    Attributes
    ----------
    columns : ndarray of int32
    unknown : int
        How many n-grams are no feature.
    """

    columns: Columns
    unknown: int


@dataclass(frozen=True, slots=True)
class TextTerms:
    """One text as a vocabulary reads it.

    Attributes
    ----------
    words : list of str
    times : dict of str to int
        Each word once, and how often it stands there.
    pairs, first, second : ndarray of int
        Column of each pair that is a feature, and the places of its words.
    columns, counts : ndarray of int
        Words and pairs that are features, in order, and how often they stand there.
    unknown : int
        How many words and pairs are no feature.
    held : list of WordGrams
        The n-grams of each word of ``times``.
    grams, gram_counts : ndarray
        N-grams that are features, in order, and how often they stand there.
    gram_places : ndarray of int
        Place in ``grams`` of each n-gram of ``held``.
    gram_of : ndarray of int
        How often the word of each n-gram of ``held`` stands there.
    unknown_grams : int
    """

    words: list[str]
    times: dict[str, int]
    pairs: Rows
    first: Rows
    second: Rows
    columns: Rows
    counts: Rows
    unknown: int
    word_grams: list[WordGrams]
    grams: Rows
    gram_counts: npt.NDArray[Any]
    gram_places: Rows
    gram_of: Rows
    unknown_grams: int


@dataclass(eq=False)
class Vocabulary:
    """What counts as a feature of a text.

    Attributes
    ----------
    reach : int
        Words at most so far apart are a pair; with 1 only neighbours.
    words, grams : dict of str to int
        Word to its number and column, character n-gram to column of its block.
    pairs : ndarray of int64
        Pairs in order, each as the number of its first word times the number of words plus that of its second.
    """

    reach: int
    words: dict[str, int]
    pairs: Rows
    grams: dict[str, int]
    _remembered: dict[str, WordGrams] = field(default_factory=dict, init=False, repr=False)
    _last: tuple[str, TextTerms] | None = field(default=None, init=False, repr=False)

    @classmethod
    def learn(cls, texts: Sequence[Sequence[str]], min_count: int, reach: int, pair_min_count: int) -> Self:
        """Return the terms that stand in enough texts, given as words."""
        grams = {unit: [*character_grams(unit)] for unit in {word for words in texts for word in words}}
        index = frequent(((g for unit in set(words) for g in grams[unit]) for words in texts), min_count)
        vocabulary = cls(reach, frequent(texts, min_count), np.empty(0, dtype=np.int64), index)
        vocabulary.pairs = vocabulary._frequent_pairs(*numbered(texts, vocabulary.words), pair_min_count)
        return vocabulary

    @property
    def n_words(self) -> int:
        """Number of words and pairs, which stand before the n-grams."""
        return len(self.words) + len(self.pairs)

    def __len__(self) -> int:
        return self.n_words + len(self.grams)

    def equals(self, vocabulary: Vocabulary) -> bool:
        """Tell whether both have the same terms at the same places."""
        same = self.reach == vocabulary.reach and np.array_equal(self.pairs, vocabulary.pairs)
        return same and self.words == vocabulary.words and self.grams == vocabulary.grams

    def counts(self, texts: Sequence[str]) -> tuple[TermCounts, TermCounts]:
        """Return how often words and pairs, and how often n-grams stand in each text.

        A single text is read as for its evidence, which is remembered; many cost about as much as their distinct words.
        """
        if len(texts) != 1:
            return self.count([words_of(text) for text in texts])
        terms = self.read(texts[0])
        return (
            TermCounts(terms.columns, terms.counts, _starts(terms.columns), _unknown(terms.unknown)),
            TermCounts(terms.grams, terms.gram_counts, _starts(terms.grams), _unknown(terms.unknown_grams)),
        )

    def count(self, texts: Sequence[Sequence[str]]) -> tuple[TermCounts, TermCounts]:
        """Return how often words and pairs, and how often n-grams stand in each text, given as words."""
        ids, text_of = numbered(texts, self.words)
        columns, first, _ = self._pair_columns(ids, text_of)
        every, places = np.concatenate([ids, columns]), np.concatenate([text_of, text_of[first]])
        return TermCounts.of(*count(places, every, len(texts), self.n_words)), self._count_grams(texts)

    def read(self, text: str) -> TextTerms:
        """Return what stands in one text; the last one is remembered, for others that ask."""
        last = self._last
        if last is None or last[0] != text:
            self._last = last = text, self._read(text)
        return last[1]

    def _read(self, text: str) -> TextTerms:
        words = words_of(text)
        ids = np.array([self.words.get(word, -1) for word in words], dtype=np.int64)
        pairs, first, second = self._pair_columns(ids, np.zeros(len(ids), dtype=np.int64))
        known_columns = np.flatnonzero(pairs >= 0)
        columns, counts = np.unique(np.concatenate([ids[ids >= 0], pairs[known_columns]]), return_counts=True)
        times = Counter(words)
        word_grams = [self._grams_of(word) for word in times]
        every = np.concatenate([np.empty(0, dtype=np.int32), *(grams.columns for grams in word_grams)])
        grams, places = np.unique(every, return_inverse=True)
        of = np.repeat(np.array([*times.values()], dtype=np.int64), [len(word.columns) for word in word_grams])
        return TextTerms(
            words,
            times,
            pairs[known_columns],
            first[known_columns],
            second[known_columns],
            columns,
            counts,
            len(ids) + len(pairs) - int(counts.sum()),
            word_grams,
            grams,
            np.bincount(places, weights=of, minlength=len(grams)),
            places,
            of,
            sum(n * word.unknown for word, n in zip(word_grams, times.values(), strict=True)),
        )

    def _frequent_pairs(self, ids: Rows, text_of: Rows, min_count: int) -> Rows:
        codes, first, _ = self._pair_codes(ids, text_of)
        known_columns = codes >= 0
        pairs, number = np.unique(codes[known_columns], return_inverse=True)
        counts, _ = count(text_of[first[known_columns]], number, int(text_of.max(initial=-1)) + 1, len(pairs))
        return np.asarray(pairs[np.bincount(counts.indices, minlength=len(pairs)) >= min_count])

    def _pair_codes(self, ids: Rows, text_of: Rows) -> tuple[Rows, Rows, Rows]:
        """Return the code of each pair, -1 where a word is unknown, and where its words stand."""
        near = [np.flatnonzero(text_of[d:] == text_of[:-d]) for d in range(1, min(self.reach + 1, len(ids)))]
        first = np.concatenate([np.empty(0, dtype=np.int64), *near])
        second = np.concatenate([np.empty(0, dtype=np.int64), *(at + d for d, at in enumerate(near, 1))])
        a, b = ids[first], ids[second]
        return np.where((a >= 0) & (b >= 0), a * len(self.words) + b, -1), first, second

    def _pair_columns(self, ids: Rows, text_of: Rows) -> tuple[Rows, Rows, Rows]:
        codes, first, second = self._pair_codes(ids, text_of)
        if not len(self.pairs):
            return np.full(len(codes), -1, dtype=np.int64), first, second
        places = np.minimum(self.pairs.searchsorted(codes), len(self.pairs) - 1)
        return np.where(self.pairs[places] == codes, places + len(self.words), -1), first, second

    def _count_grams(self, texts: Sequence[Sequence[str]]) -> TermCounts:
        distinct = {unit: number for number, unit in enumerate(dict.fromkeys(u for words in texts for u in words))}
        ids, text_of = numbered(texts, distinct)
        word_grams, _ = count(text_of, ids, len(texts), len(distinct))
        columns, of_unit = numbered([[*character_grams(unit)] for unit in distinct], self.grams)
        grams, unknown = count(of_unit, columns, len(distinct), len(self.grams))
        return TermCounts.of(word_grams @ grams, word_grams @ unknown)

    def _grams_of(self, word: str) -> WordGrams:
        """Return the character n-grams of one word that are features; words that come again are remembered."""
        grams = self._remembered.get(word)
        if grams is None:
            if len(self._remembered) >= _REMEMBERED:
                self._remembered.clear()
            grams = self._remembered[word] = self._cut(word)
        return grams

    def _cut(self, word: str) -> WordGrams:
        columns = [self.grams.get(gram, -1) for gram in character_grams(word)]
        features = [column for column in columns if column >= 0]
        return WordGrams(np.array(features, dtype=np.int32), len(columns) - len(features))

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_remembered": {}, "_last": None}


def _starts(columns: npt.NDArray[np.integer]) -> npt.NDArray[np.integer]:
    return np.array([0, len(columns)])


def _unknown(count_of_text: int) -> npt.NDArray[np.float32]:
    return np.array([count_of_text], dtype=np.float32)
