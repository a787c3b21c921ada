"""Terms of a text as weighted features: words, pairs of words, and character n-grams inside words.

A term weighs more the rarer it is (inverse document frequency), and in a large history also the better it tells classes
apart. Character n-grams are counted once for each distinct word and multiplied by the words' counts, so that a history
of tens of thousands of incidents costs about as much as its vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from diagnosis.arrays import Floats
from diagnosis.errors import NotFittedError
from diagnosis.routing.matrix import SparseRows, side_by_side
from diagnosis.routing.vocabulary import Rows, TermCounts, Vocabulary
from diagnosis.routing.words import words_of

_PRIOR_COUNT = 16  # texts' worth of belief that a term stands in all classes alike
_LEAST = 0.2  # of the mean, for a term that tells nothing


def contrast(counts: sp.csr_matrix, codes: npt.NDArray[np.int64]) -> tuple[Floats, float]:
    """Return a weight for each term, one on average over all texts, and that of a term which nobody has seen.

    The square root of the Kullback-Leibler divergence of the classes of the texts that hold a term from the classes of
    all texts, shrunk towards none: a supervised term weight (Debole and Sebastiani, 2003).

    Parameters
    ----------
    counts : csr_matrix, shape (n_texts, n_terms)
    codes : ndarray of int, shape (n_texts,)
        Class of each text; -1 where it shall not speak.
    """
    labelled = codes >= 0
    presence = sp.csr_matrix((np.ones(counts.nnz, np.float32), counts.indices, counts.indptr), shape=counts.shape)
    indicators = sp.csr_matrix(
        (np.ones(int(labelled.sum()), np.float32), codes[labelled], np.append(0, np.cumsum(labelled))),
        shape=(len(codes), int(codes.max(initial=0)) + 1),
    )
    share = np.bincount(codes[labelled], minlength=indicators.shape[1]) / max(int(labelled.sum()), 1)
    class_counts = (presence.T @ indicators).tocsr()
    total = np.asarray(class_counts.sum(axis=1), dtype=np.float64).ravel()
    term = np.repeat(np.arange(class_counts.shape[0]), np.diff(class_counts.indptr))
    of_class = share[class_counts.indices]
    posterior = (class_counts.data + _PRIOR_COUNT * of_class) / (total[term] + _PRIOR_COUNT)
    divergence = np.bincount(term, weights=posterior * np.log(posterior / of_class), minlength=len(total))
    # Classes that a term never met keep their share of the belief, and no row of their own in a sparse matrix.
    never = 1 - np.bincount(term, weights=of_class, minlength=len(total))
    belief = _PRIOR_COUNT / (total + _PRIOR_COUNT)
    strength = np.sqrt(np.maximum(divergence + never * belief * np.log(belief), 0))
    mean = float(strength @ total / max(total.sum(), 1)) or 1.0
    return _LEAST + strength / mean, _LEAST


def term_weights(counts: sp.csr_matrix, codes: Rows | None) -> tuple[npt.NDArray[np.float32], np.float32]:
    """Return the weight of each term, and that of a term which stands in no other text."""
    frequency = np.bincount(counts.indices, minlength=counts.shape[1])
    idf, rarest = np.log((1 + counts.shape[0]) / (1 + frequency)) + 1, np.log((1 + counts.shape[0]) / 2) + 1
    if codes is not None:
        contrasts, least_contrast = contrast(counts, codes)
        idf, rarest = idf * contrasts, rarest * least_contrast
    return idf.astype(np.float32), np.float32(rarest)


def weigh(counts: TermCounts, idf: npt.NDArray[np.float32], rarest: np.float32, length: float = 1.0) -> SparseRows:
    """Return ``(1 + log count) * idf`` with rows of one length, were the unknown terms shown too."""
    data = (1 + np.log(counts.times)) * idf[counts.columns]
    row_of = np.repeat(np.arange(len(counts.unknown)), np.diff(counts.starts))
    squares = np.bincount(row_of, weights=data**2, minlength=len(counts.unknown)) + counts.unknown * rarest**2
    data = data * (length / np.sqrt(np.maximum(squares, 1e-12)))[row_of]
    return SparseRows(counts.columns.astype(np.int32, copy=False), data.astype(np.float32, copy=False), counts.starts)


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
    vocabulary_ : Vocabulary
    word_weights_, gram_weights_ : ndarray of float32
        What a term weighs for being rare, and for telling classes apart.
    """

    min_count: int = 2
    reach: int = 1
    pair_min_count: int = 2

    def fit(self, texts: Sequence[str], codes: Rows | None = None) -> Self:
        """Learn the vocabulary and what its terms weigh.

        Parameters
        ----------
        codes : ndarray of int, shape (n_texts,), optional
            Class of each text, -1 where it shall not speak: terms then weigh as much as they tell classes apart
            (`contrast`).
        """
        words = [words_of(text) for text in texts]
        self.vocabulary_ = Vocabulary.learn(words, self.min_count, self.reach, self.pair_min_count)
        of_words, of_grams = self.vocabulary_.counts(texts)
        n_words, n_grams = self.vocabulary_.n_words, len(self.vocabulary_.grams)
        self.word_weights_, self.rarest_word_ = term_weights(of_words.matrix(n_words), codes)
        self.gram_weights_, self.rarest_gram_ = term_weights(of_grams.matrix(n_grams), codes)
        return self

    def rows(self, texts: Sequence[str]) -> SparseRows:
        """Return the features of each text, words and pairs before n-grams."""
        return side_by_side(self.blocks(texts))

    def blocks(self, texts: Sequence[str], length: float = 1.0) -> list[tuple[SparseRows, int]]:
        """Return the features of each text as words with pairs, and n-grams, each with its number of columns.

        Terms that are no feature still count towards the length of a row: a text that is mostly unknown says less.

        Parameters
        ----------
        length : float
            Of the rows of each block.

        Raises
        ------
        NotFittedError
            Before `fit`.
        """
        if not hasattr(self, "vocabulary_"):
            raise NotFittedError("TermFeatures must be fitted before it reads texts")
        of_words, of_grams = self.vocabulary_.counts(texts)
        return [
            (weigh(of_words, self.word_weights_, self.rarest_word_, length), self.vocabulary_.n_words),
            (weigh(of_grams, self.gram_weights_, self.rarest_gram_, length), len(self.vocabulary_.grams)),
        ]

    def equals(self, terms: TermFeatures) -> bool:
        """Whether another makes the same of every text."""
        weights = ("word_weights_", "gram_weights_", "rarest_word_", "rarest_gram_")
        same = all(np.array_equal(getattr(self, name), getattr(terms, name)) for name in weights)
        return same and self.vocabulary_.equals(terms.vocabulary_)

    def __len__(self) -> int:
        return len(self.vocabulary_)
