"""Terms of a text as weighted features: words, pairs of neighbouring words, and character n-grams inside words.

Character n-grams are counted once for each distinct word and multiplied by the words' counts, so that a history of
tens of thousands of incidents costs about as much as its vocabulary. A run of Chinese, Japanese or Korean characters
counts as a word, and its n-grams stand for the words that it does not separate.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from diagnosis.errors import NotFittedError

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


def word_grams(words: Sequence[str]) -> Iterator[str]:
    """Yield words and pairs of neighbouring words."""
    yield from words
    for first, second in pairwise(words):
        yield f"{first} {second}"


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
    """TF-IDF of word and character n-grams, each block of unit length, side by side.

    Parameters
    ----------
    min_count : int
        Texts of the fit in which a term must stand to become a feature.

    Attributes
    ----------
    word_index_, gram_index_ : dict of str to int
        Word n-gram and character n-gram to column of its block.
    """

    min_count: int = 2
    _remembered: dict[str, WordGrams] = field(default_factory=dict, init=False, repr=False, compare=False)

    def fit(self, texts: Sequence[str]) -> Self:
        """Learn the vocabulary and the document frequencies."""
        self._remembered.clear()
        words = [units(text) for text in texts]
        self.word_index_, self.word_idf_ = _vocabulary(([*word_grams(w)] for w in words), len(texts), self.min_count)
        grams = {unit: [*character_grams(unit)] for unit in {u for w in words for u in w}}
        texts_grams = ((g for unit in set(w) for g in grams[unit]) for w in words)
        self.gram_index_, self.gram_idf_ = _vocabulary(texts_grams, len(texts), self.min_count)
        self.rarest_ = np.float32(np.log((1 + len(texts)) / 2) + 1)  # the idf of what stands in one text
        return self

    def transform(self, texts: Sequence[str]) -> sp.csr_matrix:
        """Return the features, shape (n_texts, n_words + n_grams), float32.

        Terms that are no feature still count towards the length of a row: a text that is mostly unknown says less.
        """
        if not hasattr(self, "word_index_"):
            raise NotFittedError("TermFeatures must be fitted before it transforms")
        words = [units(text) for text in texts]
        counts, unknown = _count_matrix((word_grams(w) for w in words), self.word_index_)
        word_block = _weigh(counts, self.word_idf_, unknown, self.rarest_)
        return sp.hstack([word_block, self._gram_block(words)], format="csr")

    def row(self, text: str) -> tuple[Columns, npt.NDArray[np.float32]]:
        """Return columns and values of one text, as `transform` has them: a matrix costs more than its making."""
        words = units(text)
        counts = Counter(word_grams(words))
        known = sorted(
            [(column, n) for term, n in counts.items() if (column := self.word_index_.get(term)) is not None]
        )
        columns = np.array([column for column, _ in known], dtype=np.int32)
        times = np.array([n for _, n in known], dtype=np.float32)
        data = _row_weighed(columns, times, counts.total() - float(times.sum()), self.word_idf_, self.rarest_)
        held = [(self.grams(word), n) for word, n in Counter(words).items()]
        unknown = float(sum(n * grams.unknown for grams, n in held))
        every = np.concatenate([np.empty(0, dtype=np.int32), *(grams.columns for grams, _ in held)])
        of_grams, places = np.unique(every, return_inverse=True)
        weights = np.repeat([n for _, n in held], [len(grams.columns) for grams, _ in held])
        times = np.bincount(places, weights=weights, minlength=len(of_grams)).astype(np.float32)
        gram_data = _row_weighed(of_grams, times, unknown, self.gram_idf_, self.rarest_)
        return np.concatenate([columns, of_grams + np.int32(len(self.word_index_))]), np.concatenate([data, gram_data])

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
        return len(self.word_index_) + len(self.gram_index_)

    def _gram_block(self, words: Sequence[Sequence[str]]) -> sp.csr_matrix:
        distinct = {unit: column for column, unit in enumerate(dict.fromkeys(u for w in words for u in w))}
        unit_counts, _ = _count_matrix(words, distinct)
        grams, unknown = _count_matrix((character_grams(u) for u in distinct), self.gram_index_)
        return _weigh(unit_counts @ grams, self.gram_idf_, unit_counts @ unknown, self.rarest_)


def _vocabulary(
    documents: Iterable[Iterable[str]], n_documents: int, min_count: int
) -> tuple[dict[str, int], npt.NDArray[np.float32]]:
    frequency: Counter[str] = Counter()
    for document in documents:
        frequency.update(set(document))
    kept = sorted(term for term, count in frequency.items() if count >= min_count)
    counts = np.array([frequency[term] for term in kept], dtype=np.float32)
    return {term: i for i, term in enumerate(kept)}, np.log((1 + n_documents) / (1 + counts)).astype(np.float32) + 1


def _count_matrix(
    documents: Iterable[Iterable[str]], index: dict[str, int]
) -> tuple[sp.csr_matrix, npt.NDArray[np.float32]]:
    """Return how often each term of the index stands in each document, and how many other terms do."""
    columns: list[int] = []
    ends = [0]
    unknown = []
    for document in documents:
        found = [index.get(term, -1) for term in document]
        known = [column for column in found if column >= 0]
        columns += known
        ends.append(len(columns))
        unknown.append(len(found) - len(known))
    matrix = sp.csr_matrix(
        (np.ones(len(columns), dtype=np.float32), np.array(columns, dtype=np.int32), np.array(ends, dtype=np.int32)),
        shape=(len(unknown), len(index)),
    )
    matrix.sum_duplicates()
    return matrix, np.array(unknown, dtype=np.float32)


def _row_weighed(
    columns: Columns, times: npt.NDArray[np.float32], unknown: float, idf: npt.NDArray[np.float32], rarest: np.float32
) -> npt.NDArray[np.float32]:
    """Return what `_weigh` makes of one text: how often each feature stands in it, and how many other terms do."""
    data = (1 + np.log(times)) * idf[columns]
    squares = np.bincount(np.zeros(len(data), dtype=np.intp), weights=data**2, minlength=1) + unknown * rarest**2
    weighed: npt.NDArray[np.float32] = (data / np.sqrt(np.maximum(squares, 1e-12))).astype(np.float32)
    return weighed


def _weigh(
    counts: sp.csr_matrix, idf: npt.NDArray[np.float32], unknown: npt.NDArray[np.float32], rarest: np.float32
) -> sp.csr_matrix:
    """Return ``(1 + log count) * idf`` with rows of unit length, were the unknown terms shown too."""
    data = (1 + np.log(counts.data)) * idf[counts.indices]
    row_of = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    squares = np.bincount(row_of, weights=data**2, minlength=counts.shape[0]) + unknown * rarest**2
    data /= np.sqrt(np.maximum(squares, 1e-12))[row_of]
    return sp.csr_matrix((data.astype(np.float32), counts.indices, counts.indptr), shape=counts.shape)
