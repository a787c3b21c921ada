"""The words, pairs of words and character n-grams that are features, how often they stand in texts, and where.

Routers of one release mostly learn from the same texts: they share one vocabulary
(`diagnosis.routing.sharing`), which then reads a text once for all of them.
"""

from __future__ import annotations

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

    def matrix(self, width: int) -> sp.csr_matrix:
        """Return the counts as a matrix, shape (n_texts, width)."""
        return sp.csr_matrix((self.times, self.columns, self.starts), shape=(len(self.unknown), width))


def frequent(terms: Iterable[str], counts: npt.NDArray[np.integer], min_count: int) -> dict[str, int]:
    """Return the terms that stand in enough documents, with their numbers in alphabetical order."""
    often = sorted(term for term, count in zip(terms, counts.tolist(), strict=True) if count >= min_count)
    return {term: i for i, term in enumerate(often)}


def numbered(documents: Sequence[Sequence[str]], index: dict[str, int]) -> tuple[Rows, Rows]:
    """Return the number of each term of all documents, -1 if unknown, and the document that it stands in."""
    numbers = np.array([index.get(term, -1) for document in documents for term in document], dtype=np.int64)
    return numbers, _repeated([*map(len, documents)])


def _numbering(terms: Iterable[str]) -> dict[str, int]:
    return {term: i for i, term in enumerate(dict.fromkeys(terms))}


def _presence(row_of: Rows, columns: Rows, shape: tuple[int, int]) -> sp.csr_matrix:
    """Return which columns each row has, once each."""
    presence = sp.csr_matrix((np.ones(len(columns), dtype=np.float32), (row_of, columns)), shape=shape)
    presence.sum_duplicates()
    return presence


def _repeated(sizes: Sequence[int]) -> Rows:
    """Return each place so often as its size says."""
    return np.repeat(np.arange(len(sizes)), np.array(sizes, dtype=np.intp))


def tally(
    text_of: Rows, columns: npt.NDArray[np.integer], times: Rows, n_texts: int, n_columns: int
) -> tuple[npt.NDArray[np.integer], npt.NDArray[Any], npt.NDArray[np.integer]]:
    """Return the columns that stand in each text in order, how often, and where those of each text begin.

    Parameters
    ----------
    text_of, columns, times : ndarray of int
        Text and column of each term, and how often it stands there.
    """
    if n_texts == 1:  # a sparse matrix costs more to build than one text to count
        present, places = np.unique(columns, return_inverse=True)
        return present, np.bincount(places, weights=times), np.array([0, len(present)])
    counts = sp.csr_matrix((times.astype(np.float32), (text_of, columns)), shape=(n_texts, n_columns))
    return counts.indices, counts.data, counts.indptr


_REMEMBERED = 8_000  # words whose n-grams are kept at hand: about 8 MB
_TEXTS_AT_ONCE = 4_000  # texts whose n-grams are counted together
_MOST_TEXTS = 8_000  # texts up to which the last ones that were read are kept at hand: about 50 MB
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
    """Texts as a vocabulary reads them: their words, each once a text, and what these bring.

    Attributes
    ----------
    n_texts : int
    words : list of str
        Distinct words of each text, one text after another.
    text_of, times, columns : ndarray of int
        Of each word: the text, how often it stands there, and its column, -1 where it is no feature.
    pairs, first, second : ndarray of int
        Column of each pair of words as it stands there, -1 where it is no feature, and the places of its words in
        ``words``.
    grams, word_of : ndarray of int
        N-grams that are features, one entry an occurrence in a word, and the place of that word.
    unknown_grams : ndarray of int
        How many n-grams of each word are no feature.
    """

    n_texts: int
    words: list[str]
    text_of: Rows
    times: Rows
    columns: Rows
    pairs: Rows
    first: Rows
    second: Rows
    grams: Columns
    word_of: Rows
    unknown_grams: Rows


_TextsRead = tuple[list[str], TextTerms, tuple[TermCounts, TermCounts]]


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
    _last: _TextsRead | None = field(default=None, init=False, repr=False)

    @classmethod
    def learn(cls, texts: Sequence[Sequence[str]], min_count: int, reach: int, pair_min_count: int) -> Self:
        """Return the terms that stand in enough texts, given as words."""
        distinct = _numbering(word for of_text in texts for word in of_text)
        numbers, text_of = numbered(texts, distinct)
        in_text = _presence(text_of, numbers, (len(texts), len(distinct)))
        words = frequent(distinct, np.bincount(in_text.indices, minlength=len(distinct)), min_count)
        grams = [[*character_grams(word)] for word in distinct]
        distinct_grams = {
            gram: i for i, gram in enumerate(dict.fromkeys(gram for of_word in grams for gram in of_word))
        }
        numbers, word_of = numbered(grams, distinct_grams)
        in_word = _presence(word_of, numbers, (len(distinct), len(distinct_grams)))
        counts = np.zeros(len(distinct_grams), dtype=np.int64)
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            in_texts = in_text[start : start + _TEXTS_AT_ONCE] @ in_word
            counts += np.bincount(in_texts.indices, minlength=len(counts))
        vocabulary = cls(reach, words, np.empty(0, dtype=np.int64), frequent(distinct_grams, counts, min_count))
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

        The last texts are remembered, for others that ask, for what their words mean and for evidence.
        """
        return self._of_last(texts)[2]

    def terms_of(self, texts: Sequence[str]) -> TextTerms:
        """Return what stands in texts."""
        return self._of_last(texts)[1]

    def _of_last(self, texts: Sequence[str]) -> _TextsRead:
        last = self._last
        if last is None or last[0] != texts:
            terms = self.read([words_of(text) for text in texts])
            last = list(texts), terms, self.count(terms)
            if len(texts) <= _MOST_TEXTS:
                self._last = last
        return last

    def read(self, texts: Sequence[Sequence[str]]) -> TextTerms:
        """Return what stands in texts, given as words."""
        words: list[str] = []
        places: list[int] = []  # of each word as it stands there
        sizes = []
        for text in texts:
            number: dict[str, int] = {}
            places += [number.setdefault(word, len(words) + len(number)) for word in text]
            words += number
            sizes.append(len(number))
        place = np.array(places, dtype=np.int64)
        columns = np.array([self.words.get(word, -1) for word in words], dtype=np.int64)
        pairs, first, second = self._pair_columns(columns[place], _repeated([*map(len, texts)]))
        grams_of = {word: self._grams_of(word) for word in dict.fromkeys(words)}
        grams = [grams_of[word] for word in words]
        return TextTerms(
            len(texts),
            words,
            _repeated(sizes),
            np.bincount(place, minlength=len(words)),
            columns,
            pairs,
            place[first],
            place[second],
            np.concatenate([np.empty(0, dtype=np.int32), *(word.columns for word in grams)]),
            _repeated([len(word.columns) for word in grams]),
            np.array([word.unknown for word in grams], dtype=np.int64),
        )

    def count(self, terms: TextTerms) -> tuple[TermCounts, TermCounts]:
        """Return how often words and pairs, and how often n-grams stand in each of the texts that were read."""
        n, text_of = terms.n_texts, np.concatenate([terms.text_of, terms.text_of[terms.first]])
        columns = np.concatenate([terms.columns, terms.pairs])
        times = np.concatenate([terms.times, np.ones(len(terms.pairs), dtype=np.int64)])
        known_terms = columns >= 0
        unknown = np.bincount(text_of, weights=times * ~known_terms, minlength=n)
        of_words = tally(text_of[known_terms], columns[known_terms], times[known_terms], n, self.n_words)
        of_grams = tally(terms.text_of[terms.word_of], terms.grams, terms.times[terms.word_of], n, len(self.grams))
        unknown_grams = np.bincount(terms.text_of, weights=terms.unknown_grams * terms.times, minlength=n)
        return (
            TermCounts(*of_words, unknown.astype(np.float32)),
            TermCounts(*of_grams, unknown_grams.astype(np.float32)),
        )

    def _frequent_pairs(self, ids: Rows, text_of: Rows, min_count: int) -> Rows:
        codes, first, _ = self._pair_codes(ids, text_of)
        known_columns = codes >= 0
        pairs, number = np.unique(codes[known_columns], return_inverse=True)
        in_text = np.unique(text_of[first[known_columns]] * len(pairs) + number) % max(len(pairs), 1)
        return np.asarray(pairs[np.bincount(in_text, minlength=len(pairs)) >= min_count])

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
