"""Why a class was answered: which words and fields raised its log-odds against the runner-up, and by how much.

The log-odds are shared out over the features in proportion to what each adds to the gap between the two scores; topics
are linear in the other features, so their part goes back to these, and character n-grams give theirs to the word that
they stand in. What a general encoder makes of the whole text is no word's, and is left out. What is shown are words and
fields as they were written, in the incident's own language.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from diagnosis.findings import FieldEvidence, TermEvidence
from diagnosis.prepared import PreparedIncidents
from diagnosis.routing.classifier import TargetClassifier
from diagnosis.routing.fields import FieldFeatures
from diagnosis.routing.segments import Segmenter
from diagnosis.routing.vocabulary import TextTerms, Vocabulary
from diagnosis.routing.words import is_cjk

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
SHOWN = 5
_LONGEST = 40  # characters of a word that are shown


def evidence_for(
    classifier: TargetClassifier,
    prepared: PreparedIncidents,
    row: int,
    winner: int,
    rival: int,
    sparse: sp.csr_matrix,
    scores: Floats,
) -> tuple[TermEvidence | FieldEvidence, ...]:
    """Return what spoke for class ``winner`` against ``rival`` in one incident, strongest first.

    Weights are shares of the log-odds of the two classes (natural logarithm); only what spoke for the winner is given.

    Parameters
    ----------
    sparse, scores
        The incident's own features (`IncidentFeatures.sparse`), one row, and its scores, shape (n_classes,): the
        caller has them from answering.
    """
    if winner == rival:
        return ()
    incident = prepared.incident(row)
    shares = _shares(classifier, sparse, scores, winner, rival)
    features = classifier.features_
    segmenter = Segmenter(features.text_)
    words: defaultdict[str, float] = defaultdict(float)
    start = 0
    for terms, text in ((features.text_, prepared.text[row]), (features.title_, incident["short_description"])):
        for word, weight in _word_shares(terms.vocabulary_, text, shares, start, segmenter):
            words[word] += weight
        start += len(terms)
    found: list[TermEvidence | FieldEvidence] = [
        TermEvidence(word[:_LONGEST], round(weight, 4)) for word, weight in words.items() if weight >= 1e-4
    ]
    found += _field_evidence(features.values_, incident, shares, start)
    return tuple(sorted(found, key=lambda e: -e.weight)[:SHOWN])


@dataclass(frozen=True, slots=True)
class _Shares:
    """What each sparse feature of an incident adds to the log-odds, by its column in order; others add nothing."""

    columns: npt.NDArray[np.int32]
    values: Floats

    def of(self, columns: npt.NDArray[np.integer]) -> Floats:
        """Return the shares of some columns."""
        if not len(self.columns):
            return np.zeros(len(columns))
        places = np.minimum(np.searchsorted(self.columns, columns), len(self.columns) - 1)
        return np.where(self.columns[places] == columns, self.values[places], 0.0)


def _field_evidence(
    values: FieldFeatures, incident: Mapping[str, str], shares: _Shares, start: int
) -> Iterator[FieldEvidence]:
    """Yield the fields that spoke for the winner; a pair of values gives half of its share to each."""
    weights: defaultdict[str, float] = defaultdict(float)
    held = values.found(incident)
    columns = np.array([column for _, column in held], dtype=np.intp)
    for (key, _), share in zip(held, shares.of(columns + start).tolist(), strict=True):
        for name, _ in key:
            weights[name] += share / len(key)
    for name, weight in weights.items():
        if weight >= 1e-4 and (value := incident[name]):
            yield FieldEvidence(name, value, round(weight, 4))


def _shares(classifier: TargetClassifier, matrix: sp.csr_matrix, scores: Floats, winner: int, rival: int) -> _Shares:
    """Return for each sparse feature of the incident its share of the log-odds."""
    features = classifier.features_
    order = np.argsort(matrix.indices, kind="stable")
    columns, data = matrix.indices[order], matrix.data[order]
    parts = features.gaps(classifier.weights_, columns, data, winner, rival)
    probability = classifier.link_.probabilities(scores[None])[0]
    difference = float(scores[winner] - scores[rival])
    log_odds = float(np.log(probability[winner]) - np.log(probability[rival]))
    factor = log_odds / difference if difference > 1e-9 else 0.0
    return _Shares(columns, (parts * factor).astype(np.float64))


def _word_shares(
    vocabulary: Vocabulary, text: str, shares: _Shares, start: int, segmenter: Segmenter
) -> Iterator[tuple[str, float]]:
    """Yield the words of a text with their parts of the shares of the word and character n-grams that hold them."""
    terms = vocabulary.read(text)
    if not terms.times:
        return
    lengths = np.array([len(word) for word in terms.times])
    ends = np.cumsum(lengths)
    begins = dict(zip(terms.times, (ends - lengths).tolist(), strict=True))  # a word that stands there twice is one
    change = np.zeros(ends[-1] + 1)  # of the weight from one character to the next
    _add_word_gram_shares(change, begins, vocabulary, terms, shares, start)
    _add_gram_shares(change, ends - lengths, terms, shares, start + vocabulary.n_words)
    weights = np.concatenate([[0.0], np.cumsum(change[:-1]).cumsum()]).tolist()  # up to each character
    for word, begin in begins.items():
        for first, last in segmenter.spans(word) if is_cjk(word) else [(0, len(word))]:
            yield word[first:last], weights[begin + last] - weights[begin + first]


def _add_word_gram_shares(
    change: Floats, begins: Mapping[str, int], vocabulary: Vocabulary, terms: TextTerms, shares: _Shares, start: int
) -> None:
    """Add the shares of words and of pairs of words, half of which goes to each."""
    share_of = dict(zip(terms.columns.tolist(), shares.of(terms.columns + start).tolist(), strict=True))
    given = [(word, share_of[column]) for word in begins if (column := vocabulary.words.get(word)) is not None]
    for pair, a, b in zip(terms.pairs.tolist(), terms.first.tolist(), terms.second.tolist(), strict=True):
        share = share_of.pop(pair, 0.0) / 2  # once, wherever else it stands
        given += [(terms.words[a], share), (terms.words[b], share)]
    for word, share in given:
        part = share / len(word)
        change[begins[word]] += part
        change[begins[word] + len(word)] -= part


def _add_gram_shares(change: Floats, begins: Rows, terms: TextTerms, shares: _Shares, start: int) -> None:
    """Add the shares of character n-grams to the characters that they hold, evenly over all places they stand at."""
    begin = np.repeat(begins, [len(grams.columns) for grams in terms.held])
    first, last = (np.concatenate([getattr(grams, name) for grams in terms.held]) for name in ("first", "last"))
    each = (shares.of(terms.grams + start) / terms.gram_counts)[terms.gram_places]
    parts = each * terms.gram_of / np.maximum(last - first, 1)
    change += np.bincount(begin + first, weights=parts, minlength=len(change))
    change -= np.bincount(begin + last, weights=parts, minlength=len(change))
