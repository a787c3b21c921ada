"""Terms of a text as weighted features: words, pairs of words, and character n-grams inside words.

A term weighs more the rarer it is (inverse document frequency), and in a large history also the better it tells classes
apart. Character n-grams are counted once for each distinct word and multiplied by the words' counts, so that a history
of tens of thousands of incidents costs about as much as its vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from diagnosis.arrays import Floats
from diagnosis.errors import NotFittedError
from diagnosis.routing.vocabulary import Columns, Rows, Vocabulary
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


def row_weighed(
    columns: Rows, times: npt.NDArray[Any], unknown: float, idf: npt.NDArray[np.float32], rarest: np.float32
) -> npt.NDArray[np.float32]:
    """Return what `weigh` makes of one text: how often each feature stands in it, and how many other terms do."""
    data = (1 + np.log(times)) * idf[columns]
    squares = np.bincount(np.zeros(len(data), dtype=np.intp), weights=data**2, minlength=1) + unknown * rarest**2
    weighed: npt.NDArray[np.float32] = (data / np.sqrt(np.maximum(squares, 1e-12))).astype(np.float32)
    return weighed


def weigh(
    counts: sp.csr_matrix, idf: npt.NDArray[np.float32], unknown: npt.NDArray[np.float32], rarest: np.float32
) -> sp.csr_matrix:
    """Return ``(1 + log count) * idf`` with rows of unit length, were the unknown terms shown too."""
    data = (1 + np.log(counts.data)) * idf[counts.indices]
    row_of = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    squares = np.bincount(row_of, weights=data**2, minlength=counts.shape[0]) + unknown * rarest**2
    data /= np.sqrt(np.maximum(squares, 1e-12))[row_of]
    return sp.csr_matrix((data.astype(np.float32), counts.indices, counts.indptr), shape=counts.shape)


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
        (of_words, _), (of_grams, _) = self.vocabulary_.count(words)
        self.word_weights_, self.rarest_word_ = term_weights(of_words, codes)
        self.gram_weights_, self.rarest_gram_ = term_weights(of_grams, codes)
        return self

    def transform(self, texts: Sequence[str]) -> sp.csr_matrix:
        """Return the features, shape (n_texts, n_features), float32.

        Terms that are no feature still count towards the length of a row: a text that is mostly unknown says less.
        """
        if not hasattr(self, "vocabulary_"):
            raise NotFittedError("TermFeatures must be fitted before it transforms")
        (words, unknown_words), (grams, unknown_grams) = self.vocabulary_.count([words_of(text) for text in texts])
        word_block = weigh(words, self.word_weights_, unknown_words, self.rarest_word_)
        gram_block = weigh(grams, self.gram_weights_, unknown_grams, self.rarest_gram_)
        return sp.hstack([word_block, gram_block], format="csr")

    def row(self, text: str) -> tuple[Columns, npt.NDArray[np.float32]]:
        """Return columns and values of one text, as `transform` has them: a matrix costs more than its making."""
        terms = self.vocabulary_.read(text)
        words = row_weighed(terms.columns, terms.counts, terms.unknown, self.word_weights_, self.rarest_word_)
        grams = row_weighed(terms.grams, terms.gram_counts, terms.unknown_grams, self.gram_weights_, self.rarest_gram_)
        columns = np.concatenate([terms.columns, terms.grams + self.vocabulary_.n_words])
        return columns.astype(np.int32), np.concatenate([words, grams])

    def equals(self, terms: TermFeatures) -> bool:
        """Whether another makes the same of every text."""
        weights = ("word_weights_", "gram_weights_", "rarest_word_", "rarest_gram_")
        same = all(np.array_equal(getattr(self, name), getattr(terms, name)) for name in weights)
        return same and self.vocabulary_.equals(terms.vocabulary_)

    def __len__(self) -> int:
        return len(self.vocabulary_)
