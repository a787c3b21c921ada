"""Everything that is known of an incident when it is logged: terms, title, coded fields, topics, word vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from diagnosis.errors import NotFittedError
from diagnosis.prepared import PreparedIncidents
from diagnosis.routing.fields import FieldFeatures
from diagnosis.routing.matrix import FeatureMatrix, FeatureRows, SparseRows, side_by_side
from diagnosis.routing.meaning import Meaning
from diagnosis.routing.reading import Reading, read_incident
from diagnosis.routing.ridge import DUAL_ROWS
from diagnosis.routing.terms import TermFeatures
from diagnosis.routing.topics import Topics
from diagnosis.routing.word_vectors import WordEncoder, WordVectors
from diagnosis.routing.words import words_of

CONSTANT = 0.05  # squared length that the constant brings to a row
_LITTLE = 0.04  # share of a text's length from which its terms are believed in full
_OF_MANY = {"reach": 5, "pair_min_count": 5}  # pairs of words in a large history
_FEW_ROWS = 500  # up to here a word that stands in one text alone is a feature: it is all that a rare class has


@dataclass(frozen=True, slots=True)
class FeatureWeights:
    """Squared length that each block of features brings to a row, the most latent topics, and the most landmarks.

    The defaults were chosen by cross-validation, see ``docs/decisions/classifier.md``.
    """

    text: float = 0.2
    title: float = 0.1
    topics: float = 0.67
    most_topics: int = 64
    words: float = 0.3
    meaning: float = 0.33
    most_landmarks: int = 1024

    def of_many(self) -> FeatureWeights:
        """Return the weights for a large history, which knows its words well enough to do without topics."""
        return replace(self, text=4 * self.text, title=4 * self.title, topics=0.0, meaning=4 * self.meaning)

    def with_meaning(self) -> FeatureWeights:
        """Return the weights where a general encoder speaks, which leaves topics nothing to tell."""
        return replace(self, topics=0.0)


DEFAULT_WEIGHTS = FeatureWeights()


@dataclass(frozen=True, slots=True)
class _LastRead:
    """The one incident that was read last: all routers that share these features ask for it, and its evidence too.

    Attributes
    ----------
    of_words : ndarray, shape (n_words, n_dimensions)
        What each word adds to what the words mean.
    readings : list of Reading
        Its reading, once it was asked for.
    """

    prepared: PreparedIncidents
    rows: FeatureRows
    of_words: npt.NDArray[np.float32]
    readings: list[Reading]


@dataclass
class IncidentFeatures:
    """Features of prepared incidents: terms of text and title, field values, a constant, and topics or meaning.

    `Topics` are made of all other features, most rows brought to one length: what is written rarely leans on what is
    written often. `WordVectors` stand beside them where a general model was at hand for the words of the history. Where
    a general encoder gave vectors of whole texts, their `Meaning` stands in the place of both.

    Parameters
    ----------
    fields : sequence of str
        Coded fields that may speak.
    wide : bool
        With ``False`` only topics, fields and the constant are given: for targets with so many classes that a weight
        for each term and class would not fit into memory.
    """

    fields: Sequence[str]
    wide: bool = True
    seed: int = 0
    weights: FeatureWeights = DEFAULT_WEIGHTS
    # The last single incident, its features, and its reading once its evidence has been asked for.
    _last: _LastRead | None = field(default=None, init=False, repr=False)

    def fit(
        self,
        prepared: PreparedIncidents,
        codes: npt.NDArray[np.int64] | None = None,
        encode_words: WordEncoder | None = None,
    ) -> Self:
        """Learn terms, field values, and topics with word vectors, or meaning.

        Parameters
        ----------
        codes : ndarray of int, shape (n,), optional
            Class of each incident, -1 where it shall not speak. Only a large history is asked which terms tell classes
            apart: in a small one every rare term seems to.
        encode_words : callable, optional
            A general model, asked for the words of these incidents; a large history knows its words well enough.
        """
        many = self.wide and len(prepared) > DUAL_ROWS
        self.weights_ = self.weights.of_many() if many else self.weights
        self.meaning_ = Meaning.learn(prepared.general, self.weights.most_landmarks, self.seed)
        if len(self.meaning_):
            self.weights_ = self.weights_.with_meaning()
        few = {"min_count": 1} if len(prepared) <= _FEW_ROWS else {}
        terms = partial(TermFeatures, **(_OF_MANY if many else few))
        class_codes = codes if many else None
        self.text_ = terms().fit(prepared.text, class_codes)
        self.title_ = terms().fit(prepared.frame["short_description"].tolist(), class_codes)
        self.word_vectors_ = WordVectors.none()
        if encode_words is not None and self.wide and not many and not len(self.meaning_):
            vocabulary = self.text_.vocabulary_
            self.word_vectors_ = WordVectors.learn(
                vocabulary.terms_of(prepared.text), encode_words, len(vocabulary.grams)
            )
        self.values_ = FieldFeatures(self.fields).fit(prepared.frame)
        matrix = self.sparse(prepared)
        self.n_sparse_ = matrix.shape[1]
        self.topics_ = Topics.learn(matrix, self.weights_.most_topics if self.weights_.topics else 0, self.seed)
        return self

    def transform(self, prepared: PreparedIncidents) -> FeatureMatrix:
        """Return the features as float32, shape (n, n_sparse + n_topics + n_dimensions + n_landmarks).

        Raises
        ------
        NotFittedError
            Before `fit`.
        """
        if not hasattr(self, "topics_"):
            raise NotFittedError("IncidentFeatures must be fitted before it transforms")
        return self.rows(prepared).matrix(self.first_weighted)

    def rows(self, prepared: PreparedIncidents) -> FeatureRows:
        """Return the features with a column of its own for everything that is counted; those of the last one are kept.

        Routers that share their features are asked for one incident one after another.
        """
        last = self._last
        if last is not None and last.prepared is prepared:
            return last.rows
        counts = self._counted(prepared)
        columns, data, starts = counts
        to_topics: npt.NDArray[np.float32] | None = None
        if len(prepared) == 1:  # what its evidence asks for again
            to_topics = self.topics_.at(columns)
            topics = (data @ to_topics)[None]
            of_words = self._parts_of_words(prepared.text[0])
            words = of_words.sum(axis=0, keepdims=True)
        else:
            topics = self.topics_.of(counts.matrix(self.n_sparse_))
            words = self._words(prepared.text)
        words = words * np.float32(np.sqrt(self.weights_.words))
        meaning = self.meaning_.of(prepared.general) * np.float32(np.sqrt(self.weights_.meaning))
        dense = np.hstack([topics * self._topic_scale(topics)[:, None], words, meaning])
        rows = FeatureRows(columns, data, starts, self.n_sparse_, dense, to_topics)
        if len(prepared) == 1:
            self._last = _LastRead(prepared, rows, of_words, [])
        return rows

    def known_share(self, rows: FeatureRows) -> npt.NDArray[np.float64]:
        """Return how much of each incident the history knows, shape (n,): 0 for nothing, 1 from 4 % of its text on.

        Terms that the history has never seen take their part of a text's length. A value of a field that it knows is
        enough, and so is what a text means; what its words mean elsewhere is not.
        """
        values = self.n_sparse_ - 1 - len(self.values_.index_)
        parts = np.where(rows.columns < values, rows.data**2 / (_LITTLE * max(self.weights_.text, _LITTLE)), 0)
        of_fields = np.flatnonzero((rows.columns >= values) & (rows.columns < self.n_sparse_ - 1))
        parts[of_fields] = self.values_.named_[rows.columns[of_fields] - values]
        row_of = np.repeat(np.arange(len(rows)), np.diff(rows.starts))
        share = np.bincount(row_of, weights=parts, minlength=len(rows))
        share[np.any(rows.dense[:, self._first_of_meaning :] != 0, axis=1)] = 1
        return np.minimum(share, 1)

    def reading(self, prepared: PreparedIncidents, row: int, rows: FeatureRows) -> Reading:
        """Return one incident as a person reads it, with the parts that its words have in its features."""
        last = self._last
        if last is None or last.prepared is not prepared:
            return self._read(prepared, row, rows.row_features(row)[0])
        if not last.readings:
            last.readings.append(self._read(prepared, row, rows.columns))
        return last.readings[0]

    def _read(self, prepared: PreparedIncidents, row: int, columns: npt.NDArray[np.int32]) -> Reading:
        incident, after_text = prepared.incident(row), len(self.text_)
        texts = [
            (self.text_.vocabulary_, prepared.text[row], 0),
            (self.title_.vocabulary_, incident["short_description"], after_text),
        ]
        after_title = after_text + len(self.title_)
        field_columns = [
            ([name for name, _ in key], column + after_title) for key, column in self.values_.columns_of(incident)
        ]
        return read_incident(columns, texts, field_columns)

    def gaps(
        self,
        weights: npt.NDArray[np.floating],
        rows: FeatureRows,
        row: int,
        winner: int,
        rival: int,
    ) -> npt.NDArray[np.float32]:
        """Return what each `sparse` feature of an incident adds to the gap between two classes, shape (n,).

        What a feature brings to topics is its own. What the incident means as a whole is no feature's.

        Parameters
        ----------
        weights : ndarray, shape (n_features, n_classes)
        """
        columns, data = rows.row_features(row)
        weighted = columns >= self.first_weighted
        gap = np.zeros(len(columns), dtype=np.float32)
        gap[weighted] = _gap(weights, columns[weighted] - self.first_weighted, winner, rival)
        to_topics = self.topics_.at(columns) if rows.to_topics is None else rows.to_topics
        of_topics = self.n_sparse_ - self.first_weighted + np.arange(to_topics.shape[1])
        gap += to_topics @ _gap(weights, of_topics, winner, rival) * self._topic_scale(data @ to_topics)
        gap *= data
        return gap

    def word_gaps(
        self, weights: npt.NDArray[np.floating], prepared: PreparedIncidents, row: int, winner: int, rival: int
    ) -> Mapping[str, float]:
        """Return what the meaning of each word of an incident adds to the gap between two classes."""
        if not self.word_vectors_.n_dimensions:
            return {}
        terms, last = self.text_.vocabulary_.terms_of([prepared.text[row]]), self._last
        has_parts = last is not None and last.prepared is prepared
        of_words = last.of_words if last is not None and has_parts else self._parts_of_words(prepared.text[row])
        start = self.n_sparse_ - self.first_weighted + self.topics_.directions.shape[1]
        gap = _gap(weights, start + np.arange(self.word_vectors_.n_dimensions), winner, rival)
        gaps = of_words @ gap * np.float32(np.sqrt(self.weights_.words))
        return dict(zip(terms.words, gaps.tolist(), strict=True))

    def _parts_of_words(self, text: str) -> npt.NDArray[np.float32]:
        if not self.word_vectors_.n_dimensions:
            return np.zeros((0, 0), dtype=np.float32)
        return self.word_vectors_.parts(self.text_.vocabulary_.terms_of([text]))

    def _words(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        if not self.word_vectors_.n_dimensions:
            return np.zeros((len(texts), 0), dtype=np.float32)
        return self.word_vectors_.of(self.text_.vocabulary_.terms_of(texts))

    @property
    def _first_of_meaning(self) -> int:
        return int(self.topics_.directions.shape[1]) + self.word_vectors_.n_dimensions

    def _topic_scale(self, topics: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        scale: npt.NDArray[np.float32] = np.float32(np.sqrt(self.weights_.topics)) * self.topics_.scale(topics)
        return scale

    @property
    def first_weighted(self) -> int:
        """Column of `sparse` from which on features have weights of their own."""
        return 0 if self.wide else self.n_sparse_ - len(self.values_.index_) - 1

    @property
    def constant(self) -> int:
        """Column of `transform` that is the same in every row."""
        return int(self.n_sparse_) - 1 - self.first_weighted

    def scales(self, *, terms: float, fields: float, topics: float, words: float) -> npt.NDArray[np.float32]:
        """Return what brings the squared length of each block to a multiple, one factor a column of `transform`."""
        n_topics, end_of_words = self.topics_.directions.shape[1], self._first_of_meaning
        end = self.constant
        start = end - len(self.values_.index_)
        scales = np.ones(end + 1 + end_of_words + len(self.meaning_), dtype=np.float32)
        scales[:start], scales[start:end] = np.sqrt(terms), np.sqrt(fields)
        scales[end + 1 : end + 1 + n_topics] = np.sqrt(topics)
        scales[end + 1 + n_topics : end + 1 + end_of_words] = np.sqrt(words)
        return scales

    def sparse(self, prepared: PreparedIncidents) -> sp.csr_matrix:
        """Return the features that are counted, not derived: text, title, field values, constant."""
        width = len(self.text_) + len(self.title_) + len(self.values_.index_) + 1
        return self._counted(prepared).matrix(width)

    def _counted(self, prepared: PreparedIncidents) -> SparseRows:
        n = len(prepared)
        constant = np.full(n, np.sqrt(CONSTANT), dtype=np.float32)
        return side_by_side(
            [
                *self.text_.blocks(prepared.text, self._of_text),
                *self.title_.blocks(prepared.column("short_description"), self._of_title),
                (self.values_.rows(prepared.column) if self.values_.used_ else _empty(n), len(self.values_.index_)),
                (SparseRows(np.zeros(n, dtype=np.int32), constant, np.arange(n + 1)), 1),
            ]
        )

    @property
    def _of_text(self) -> float:
        return float(np.sqrt(self.weights_.text / 2))  # terms are words and n-grams

    @property
    def _of_title(self) -> float:
        return float(np.sqrt(self.weights_.title / 2))

    def equals(self, features: IncidentFeatures) -> bool:
        """Whether another gives the same features."""
        same = (self.wide, self.weights_, self.values_.index_) == (
            features.wide,
            features.weights_,
            features.values_.index_,
        )
        parts = ("topics_", "word_vectors_", "meaning_", "text_", "title_")
        return same and all(getattr(self, name).equals(getattr(features, name)) for name in parts)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_last": None}


def _empty(n: int) -> SparseRows:
    return SparseRows(np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.float32), np.zeros(n + 1, dtype=np.intp))


def _gap(
    weights: npt.NDArray[np.floating], rows: npt.NDArray[np.integer], winner: int, rival: int
) -> npt.NDArray[np.float32]:
    of_winner, of_rival = (weights[rows, row_features].astype(np.float32) for row_features in (winner, rival))
    gap: npt.NDArray[np.float32] = of_winner - of_rival
    return gap


def equal_text_groups(prepared: PreparedIncidents) -> npt.NDArray[np.intp]:
    """Return a group number for each incident: the same words are the same group; incidents without text are alone."""
    numbers: dict[str, int] = {}
    keys = (" ".join(words_of(text)) or f"\0{row}" for row, text in enumerate(prepared.text))
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.intp)
