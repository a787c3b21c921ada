"""Terms of a text as weighted features: words, pairs of words, and character n-grams inside words.

Character n-grams are counted once for each distinct word and multiplied by the words' counts, so that a history of
tens of thousands of incidents costs about as much as its vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from diagnosis.errors import NotFittedError
from diagnosis.routing.counts import Rows, row_weighed, term_weights, weigh
from diagnosis.routing.mapped import Mapped
from diagnosis.routing.vocabulary import Columns, Vocabulary
from diagnosis.routing.words import units


@dataclass
class TermFeatures(Mapped):
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
    gram_idf_ : ndarray of float32
        What an n-gram weighs for being rare.
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
        words = [units(text) for text in texts]
        self.vocabulary_ = Vocabulary.learn(words, self.min_count, self.reach, self.pair_min_count)
        (of_words, _), (of_grams, _) = self.vocabulary_.count(words)
        self.word_weights_, self.rarest_word_ = term_weights(of_words, codes)
        self.gram_weights_, self.rarest_gram_ = term_weights(of_grams, codes)
        self.gram_idf_ = term_weights(of_grams, None)[0]
        return self

    def transform(self, texts: Sequence[str]) -> sp.csr_matrix:
        """Return the features, shape (n_texts, n_features), float32.

        Terms that are no feature still count towards the length of a row: a text that is mostly unknown says less.
        """
        if not hasattr(self, "vocabulary_"):
            raise NotFittedError("TermFeatures must be fitted before it transforms")
        (words, unknown_words), (grams, unknown_grams) = self.vocabulary_.count([units(text) for text in texts])
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

    def equals(self, other: TermFeatures) -> bool:
        """Whether another makes the same of every text."""
        weights = ("word_weights_", "gram_weights_", "rarest_word_", "rarest_gram_")
        same = all(np.array_equal(getattr(self, name), getattr(other, name)) for name in weights)
        return same and self.vocabulary_.equals(other.vocabulary_)

    def __len__(self) -> int:
        return len(self.vocabulary_)
