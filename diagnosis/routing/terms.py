"""Terms of a text as weighted features: words, pairs of neighbouring words, and character n-grams inside words.

Character n-grams are counted once for each distinct word and multiplied by the words' counts, so that a history of
tens of thousands of incidents costs about as much as its vocabulary. A run of Chinese, Japanese or Korean characters
counts as a word, and its n-grams stand for the words that it does not separate.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from diagnosis.errors import NotFittedError
from diagnosis.routing.counts import Counts, Rows, count, frequent, numbered, row_weighed, term_weights, weigh

CJK = "々〆㐀-䶿一-鿿豈-﫿ぁ-ゖァ-ヺー가-힣\U00020000-\U000323af"
_UNIT = re.compile(rf"[{CJK}]+|[^\W_{CJK}]+")
_IS_CJK = re.compile(rf"[{CJK}]")
_MAX_CHARS = 20_000  # what is read of one text: the gist stands early, and a pasted log must not cost seconds
_MAX_UNIT = 60  # characters of one word that are cut into n-grams: longer "words" are encoded data
_SIZES = range(2, 6)
_REMEMBERED = 8_000  # words whose n-grams are kept at hand: about 8 MB

Columns = npt.NDArray[np.int32]


def units(text: str) -> list[str]:
    """Return the words of a text in order, lower-case NFKC; a run of CJK characters is one word."""
    text = text[:_MAX_CHARS]
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return _UNIT.findall(text.lower())


def is_cjk(unit: str) -> bool:
    """Tell whether a unit is a run of Chinese, Japanese or Korean characters."""
    return _IS_CJK.match(unit) is not None


def character_grams(unit: str) -> Iterator[str]:
    """Yield the character n-grams of one word; spaces mark where a Latin word begins and ends."""
    padded = unit[:_MAX_UNIT] if is_cjk(unit) else f" {unit[:_MAX_UNIT]} "
    if len(padded) == 1:
        yield padded
    for size in _SIZES:
        for start in range(len(padded) - size + 1):
            yield padded[start : start + size]


def placed_grams(word: str) -> Iterator[tuple[str, int]]:
    """Yield the n-grams of a word with the position of their first character; -1 is the space before a Latin word."""
    shift = 0 if is_cjk(word) else -1
    previous, at = 0, 0
    for gram in character_grams(word):
        at = at + 1 if len(gram) == previous else 0
        previous = len(gram)
        yield gram, at + shift


@dataclass(frozen=True, slots=True)
class WordGrams:
    """The character n-grams of one word that are features, one entry an occurrence.

    Attributes
    ----------
    columns : ndarray of int32
    first, last : ndarray of int32
        The characters of the word that each holds.
    unknown : int
        How many n-grams are no feature.
    """

    columns: Columns
    first: Columns
    last: Columns
    unknown: int


@dataclass
class TermFeatures:
    """TF-IDF of words and pairs of words, and of character n-grams, each block of unit length, side by side.

    Parameters
    ----------
    min_count, pair_min_count : int
        Texts of the fit in which a word or n-gram, or a pair, must stand to become a feature.
    reach : int
        Words at most so far apart are a pair; with 1 only neighbours.

    Attributes
    ----------
    word_index_, gram_index_ : dict of str to int
        Word to its number and column, character n-gram to column of its block.
    pairs_ : ndarray of int64
        Pairs in order, each as the number of its first word times the number of words plus that of its second.
    """

    min_count: int = 2
    reach: int = 1
    pair_min_count: int = 2
    _remembered: dict[str, WordGrams] = field(default_factory=dict, init=False, repr=False, compare=False)

    def fit(self, texts: Sequence[str], codes: Rows | None = None) -> Self:
        """Learn the vocabulary, the document frequencies and, from classes, which terms tell these apart."""
        self.fit_transform(texts, codes)
        return self

    def fit_transform(self, texts: Sequence[str], codes: Rows | None = None) -> sp.csr_matrix:
        """Learn from texts and return their features.

        Parameters
        ----------
        codes : ndarray of int, shape (n_texts,), optional
            Class of each text, -1 where it shall not speak: terms then weigh as much as they tell classes apart
            (`contrast`).
        """
        self._remembered.clear()
        words = [units(text) for text in texts]
        self.word_index_ = frequent(words, self.min_count)
        ids, text_of = numbered(words, self.word_index_)
        self.pairs_ = self._frequent_pairs(ids, text_of)
        grams = {unit: [*character_grams(unit)] for unit in {u for w in words for u in w}}
        self.gram_index_ = frequent(((g for unit in set(w) for g in grams[unit]) for w in words), self.min_count)
        blocks = [self._word_counts(ids, text_of, len(texts)), self._gram_counts(words)]
        learned = [term_weights(counts, codes) for counts, _ in blocks]
        (self.word_idf_, self.rarest_word_), (self.gram_idf_, self.rarest_gram_) = learned
        return self._weighed(blocks)

    def transform(self, texts: Sequence[str]) -> sp.csr_matrix:
        """Return the features, shape (n_texts, n_features), float32.

        Terms that are no feature still count towards the length of a row: a text that is mostly unknown says less.
        """
        if not hasattr(self, "word_index_"):
            raise NotFittedError("TermFeatures must be fitted before it transforms")
        words = [units(text) for text in texts]
        ids, text_of = numbered(words, self.word_index_)
        return self._weighed([self._word_counts(ids, text_of, len(texts)), self._gram_counts(words)])

    def _weighed(self, blocks: Sequence[Counts]) -> sp.csr_matrix:
        (words, unknown_words), (grams, unknown_grams) = blocks
        word_block = weigh(words, self.word_idf_, unknown_words, self.rarest_word_)
        gram_block = weigh(grams, self.gram_idf_, unknown_grams, self.rarest_gram_)
        return sp.hstack([word_block, gram_block], format="csr")

    def row(self, text: str) -> tuple[Columns, npt.NDArray[np.float32]]:
        """Return columns and values of one text, as `transform` has them: a matrix costs more than its making."""
        words = units(text)
        ids = np.array([self.word_index_.get(word, -1) for word in words], dtype=np.int64)
        every = np.concatenate([ids, self._pair_columns(ids, np.zeros(len(ids), dtype=np.int64))[0]])
        columns, times = np.unique(every[every >= 0], return_counts=True)
        data = row_weighed(columns, times, len(every) - times.sum(), self.word_idf_, self.rarest_word_)
        held = [(self.grams(word), n) for word, n in Counter(words).items()]
        unknown = float(sum(n * grams.unknown for grams, n in held))
        of_words = np.concatenate([np.empty(0, dtype=np.int32), *(grams.columns for grams, _ in held)])
        of_grams, places = np.unique(of_words, return_inverse=True)
        weights = np.repeat([n for _, n in held], [len(grams.columns) for grams, _ in held])
        times = np.bincount(places, weights=weights, minlength=len(of_grams)).astype(np.float32)
        gram_data = row_weighed(of_grams, times, unknown, self.gram_idf_, self.rarest_gram_)
        return np.concatenate([columns, of_grams + self.n_words]).astype(np.int32), np.concatenate([data, gram_data])

    def pair_columns(self, words: Sequence[str]) -> tuple[Rows, Rows, Rows]:
        """Return the columns of the pairs in one text that are features, and the places of their words in it."""
        ids = np.array([self.word_index_.get(word, -1) for word in words], dtype=np.int64)
        columns, first, second = self._pair_columns(ids, np.zeros(len(ids), dtype=np.int64))
        known = columns >= 0
        return columns[known], first[known], second[known]

    @property
    def n_words(self) -> int:
        """Number of words and pairs, which stand before the n-grams."""
        return len(self.word_index_) + len(self.pairs_)

    def _frequent_pairs(self, ids: Rows, text_of: Rows) -> Rows:
        codes, first, _ = self._pair_codes(ids, text_of)
        known = codes >= 0
        pairs, number = np.unique(codes[known], return_inverse=True)
        counts, _ = count(text_of[first[known]], number, int(text_of.max(initial=-1)) + 1, len(pairs))
        return pairs[np.bincount(counts.indices, minlength=len(pairs)) >= self.pair_min_count]

    def _pair_codes(self, ids: Rows, text_of: Rows) -> tuple[Rows, Rows, Rows]:
        """Return the code of each pair, -1 where a word is unknown, and where its words stand."""
        near = [np.flatnonzero(text_of[d:] == text_of[:-d]) for d in range(1, min(self.reach + 1, len(ids)))]
        first = np.concatenate([np.empty(0, dtype=np.int64), *near])
        second = np.concatenate([np.empty(0, dtype=np.int64), *(at + d for d, at in enumerate(near, 1))])
        a, b = ids[first], ids[second]
        return np.where((a >= 0) & (b >= 0), a * len(self.word_index_) + b, -1), first, second

    def _pair_columns(self, ids: Rows, text_of: Rows) -> tuple[Rows, Rows, Rows]:
        codes, first, second = self._pair_codes(ids, text_of)
        if not len(self.pairs_):
            return np.full(len(codes), -1, dtype=np.int64), first, second
        places = np.minimum(np.searchsorted(self.pairs_, codes), len(self.pairs_) - 1)
        return np.where(self.pairs_[places] == codes, places + len(self.word_index_), -1), first, second

    def _word_counts(self, ids: Rows, text_of: Rows, n_texts: int) -> Counts:
        columns, first, _ = self._pair_columns(ids, text_of)
        return count(np.concatenate([text_of, text_of[first]]), np.concatenate([ids, columns]), n_texts, self.n_words)

    def _gram_counts(self, words: Sequence[Sequence[str]]) -> Counts:
        distinct = {unit: number for number, unit in enumerate(dict.fromkeys(u for w in words for u in w))}
        ids, text_of = numbered(words, distinct)
        held, _ = count(text_of, ids, len(words), len(distinct))
        columns, of_unit = numbered([[*character_grams(unit)] for unit in distinct], self.gram_index_)
        grams, unknown = count(of_unit, columns, len(distinct), len(self.gram_index_))
        return held @ grams, held @ unknown

    def grams(self, word: str) -> WordGrams:
        """Return the character n-grams of one word that are features; words that come again are remembered."""
        found = self._remembered.get(word)
        if found is None:
            if len(self._remembered) >= _REMEMBERED:
                self._remembered.clear()
            found = self._remembered[word] = self._grams(word)
        return found

    def _grams(self, word: str) -> WordGrams:
        known, n = [], 0
        for gram, at in placed_grams(word):
            n += 1
            if (column := self.gram_index_.get(gram)) is not None:
                known.append((column, max(at, 0), min(at + len(gram), len(word))))
        columns, first, last = np.array(known, dtype=np.int32).reshape(-1, 3).T.copy()
        return WordGrams(columns, first, last, n - len(known))

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_remembered"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _remembered={})

    def __len__(self) -> int:
        return self.n_words + len(self.gram_index_)
