"""Word vectors: what a general model says of single words, averaged over an incident's text.

A general model costs more for a text than an answer may take. So it is asked once, while training, for the words of the
history; an answer looks them up. What a word that the history never used means is guessed from its character n-grams,
by a ridge regression from the n-grams of the known words (in the manner of Bojanowski et al., "Enriching word vectors
with subword information", 2017).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from diagnosis.arrays import Vectors
from diagnosis.routing.matrix import FeatureMatrix, Matrix
from diagnosis.routing.ridge import conjugate_gradients
from diagnosis.routing.vocabulary import TextTerms

_MOST_DIMENSIONS = 128  # 64 lose a third of the gain, 300 add nothing
_MOST_WORDS = 30_000
_FEWEST_WORDS = 2
_PENALTY = 1.0
_NOTHING = 1e-9  # length of the vector of a text without a word

WordEncoder = Callable[[Sequence[str]], Vectors]


@dataclass
class WordVectors:
    """A map from the words of a text to the unit vector of their weighted sum.

    Attributes
    ----------
    index : dict of str to int
        Word of the history to its row of ``vectors``.
    vectors : ndarray of float16, shape (n_words, n_dimensions)
        Principal dimensions of the words' vectors, each times the word's inverse document frequency.
    gram_vectors : ndarray of float16, shape (n_grams, n_dimensions)
        What a character n-gram of the vocabulary adds to a word that is not in ``index``.
    """

    index: dict[str, int]
    vectors: npt.NDArray[np.float16]
    gram_vectors: npt.NDArray[np.float16]

    @classmethod
    def learn(cls, terms: TextTerms, encode: WordEncoder, n_grams: int) -> Self:
        """Ask a general model for the words of a history's texts; `none` where there are no words.

        Parameters
        ----------
        terms : TextTerms
            The texts as a vocabulary reads them, which has ``n_grams`` n-grams.
        encode : callable
            Returns a vector of any one length for each word.
        """
        distinct, first, counts = np.unique(np.array(terms.words, dtype=object), return_index=True, return_counts=True)
        commonest = np.sort(np.argsort(-counts, kind="stable")[:_MOST_WORDS])
        if len(commonest) < _FEWEST_WORDS:
            return cls.none()
        words, counts = [str(word) for word in distinct[commonest]], counts[commonest].astype(np.float32)
        vectors = encode(words).astype(np.float32)
        centred = vectors - (counts @ vectors) / counts.sum()
        _, axes = np.linalg.eigh(centred.T @ centred)
        reduced: Matrix = centred @ axes[:, ::-1][:, : min(_MOST_DIMENSIONS, len(words))].astype(np.float32)
        lengths = np.linalg.norm(reduced, axis=1, keepdims=True)
        rarity = np.log((1 + terms.n_texts) / (1 + counts)).astype(np.float32)
        place_of = np.full(len(terms.words), -1)
        place_of[first[commonest]] = np.arange(len(words))
        rows = FeatureMatrix(_spelling(terms, place_of, n_grams), np.zeros((len(words), 0), dtype=np.float32))
        transposed, ones = rows.T, np.ones((len(words), 1), dtype=np.float32)
        target = transposed @ (reduced / np.maximum(lengths, 1e-9))
        of_grams = conjugate_gradients(rows, transposed, ones, target, _PENALTY, None)
        of_grams *= np.float32(np.median(lengths) * np.log(1 + terms.n_texts))
        index = {word: row for row, word in enumerate(words)}
        return cls(index, (reduced * rarity[:, None]).astype(np.float16), of_grams.astype(np.float16))

    @classmethod
    def none(cls) -> Self:
        """Return the map to no dimension."""
        return cls({}, np.zeros((0, 0), dtype=np.float16), np.zeros((0, 0), dtype=np.float16))

    @property
    def n_dimensions(self) -> int:
        """Length of a text's vector."""
        return int(self.vectors.shape[1])

    def equals(self, vectors: WordVectors) -> bool:
        """Whether another is the same map."""
        same = np.array_equal(self.vectors, vectors.vectors) and np.array_equal(self.gram_vectors, vectors.gram_vectors)
        return same and self.index == vectors.index

    def of(self, terms: TextTerms) -> Matrix:
        """Return the vectors of texts, shape (n_texts, n_dimensions); of one without a word they are zeros."""
        if not self.n_dimensions:
            return np.zeros((terms.n_texts, 0), dtype=np.float32)
        sums = self._sums(terms, terms.text_of, terms.n_texts)
        sums /= np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), np.float32(_NOTHING))
        return sums

    def parts(self, terms: TextTerms) -> Matrix:
        """Return what each word adds to the vector of a single text, shape (n_words, n_dimensions)."""
        parts = self._sums(terms, np.arange(len(terms.words)), len(terms.words))
        parts /= np.float32(max(float(np.linalg.norm(parts.sum(axis=0))), _NOTHING))
        return parts

    def _sums(self, terms: TextTerms, place_of: npt.NDArray[np.integer], n: int) -> Matrix:
        """Return weighted sums of the vectors of words, shape (n, n_dimensions): of each word to its place."""
        rows = np.array([self.index.get(word, -1) for word in terms.words], dtype=np.intp)
        often: Matrix = (1 + np.log(np.maximum(terms.times, 1))).astype(np.float32)
        in_index = rows >= 0
        sums = _summed(self.vectors, often[in_index], place_of[in_index], rows[in_index], n)
        guessed = ~in_index[terms.word_of]
        if guessed.any():
            weights = (often / np.sqrt(_n_grams_of_words(terms)))[terms.word_of[guessed]].astype(np.float32)
            sums += _summed(self.gram_vectors, weights, place_of[terms.word_of[guessed]], terms.grams[guessed], n)
        return sums


def _summed(
    table: npt.NDArray[np.float16],
    weights: Matrix,
    sum_of: npt.NDArray[np.integer],
    rows: npt.NDArray[np.integer],
    n: int,
) -> Matrix:
    """Return weighted sums of rows of a table, shape (n, n_dimensions); only rows that are needed are read."""
    distinct, columns = np.unique(rows, return_inverse=True)
    counts = sp.csr_matrix((weights, (sum_of, columns)), shape=(n, len(distinct)))
    sums: Matrix = counts @ table[distinct].astype(np.float32)
    return sums


def _n_grams_of_words(terms: TextTerms) -> Matrix:
    return np.maximum(np.bincount(terms.word_of, minlength=len(terms.words)), 1).astype(np.float32)


def _spelling(terms: TextTerms, place_of: npt.NDArray[np.integer], n_grams: int) -> sp.csr_matrix:
    """Return the n-grams of each word that has a place, shape (n_places, n_grams)."""
    used = place_of[terms.word_of] >= 0
    of_word = terms.word_of[used]
    weights = 1 / np.sqrt(_n_grams_of_words(terms)[of_word])
    shape = (int(place_of.max()) + 1, n_grams)
    return sp.csr_matrix((weights.astype(np.float32), (place_of[of_word], terms.grams[used])), shape=shape)
