"""Why a class was answered: which words and fields raised its log-odds against the runner-up, and by how much.

The log-odds are shared out over the features in proportion to what each adds to the gap between the two scores; topics
are linear in the other features, so their part goes back to these, and character n-grams give theirs to the word that
they stand in. What is shown are words and fields as they were written, in the incident's own language.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from diagnosis.findings import FieldEvidence, TermEvidence
from diagnosis.prepared import PreparedIncidents
from diagnosis.routing.classifier import TargetClassifier
from diagnosis.routing.fields import FieldFeatures
from diagnosis.routing.segments import Segmenter
from diagnosis.routing.terms import TermFeatures, is_cjk, units

Floats = npt.NDArray[np.float64]
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
        for word, weight in _word_shares(terms, units(text), shares, start, segmenter):
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
    to_topics = features.topics_[columns]
    scale = features.topic_scale(data @ to_topics)
    of_topics = classifier.weights_[len(classifier.weights_) - to_topics.shape[1] :]
    through_topics = to_topics @ (of_topics[:, winner] - of_topics[:, rival]) * scale
    parts = data * (features.gap_of_sparse(classifier.weights_, columns, winner, rival) + through_topics)
    probability = classifier.link_.probabilities(scores[None])[0]
    difference = float(scores[winner] - scores[rival])
    log_odds = float(np.log(probability[winner]) - np.log(probability[rival]))
    factor = log_odds / difference if difference > 1e-9 else 0.0
    return _Shares(columns, (parts * factor).astype(np.float64))


def _word_shares(
    terms: TermFeatures, words: Sequence[str], shares: _Shares, start: int, segmenter: Segmenter
) -> Iterator[tuple[str, float]]:
    """Yield the words of a text with their parts of the shares of the word and character n-grams that hold them."""
    times = Counter(words)  # a word that stands there twice is looked at once
    ends = np.cumsum([len(word) for word in times]).tolist()
    begins = dict(zip(times, [0, *ends], strict=False))
    change = np.zeros((ends[-1] if ends else 0) + 1)  # of the weight from one character to the next
    _add_word_gram_shares(change, begins, terms, words, shares, start)
    _add_gram_shares(change, begins, terms, times, shares, start + terms.n_words)
    weights = np.concatenate([[0.0], np.cumsum(change[:-1]).cumsum()])  # up to each character
    for word, begin in begins.items():
        for first, last in segmenter.spans(word) if is_cjk(word) else [(0, len(word))]:
            yield word[first:last], float(weights[begin + last] - weights[begin + first])


def _add_word_gram_shares(
    change: Floats,
    begins: Mapping[str, int],
    terms: TermFeatures,
    words: Sequence[str],
    shares: _Shares,
    start: int,
) -> None:
    """Add the shares of words and of pairs of words, half of which goes to each."""
    known = [word for word in begins if word in terms.word_index_]
    alone = np.array([terms.word_index_[word] for word in known], dtype=np.int64)
    columns, first, second = terms.pair_columns(words)
    columns, once = np.unique(columns, return_index=True)
    of_pairs = (shares.of(columns + start) / 2).tolist()
    pairs = zip(first[once].tolist(), second[once].tolist(), of_pairs, strict=True)
    given = [(words[at], share) for a, b, share in pairs for at in (a, b)]
    for word, share in [*zip(known, shares.of(alone + start).tolist(), strict=True), *given]:
        change[begins[word]] += share / len(word)
        change[begins[word] + len(word)] -= share / len(word)


def _add_gram_shares(
    change: Floats,
    begins: Mapping[str, int],
    terms: TermFeatures,
    times: Mapping[str, int],
    shares: _Shares,
    start: int,
) -> None:
    """Add the shares of character n-grams to the characters that they hold, evenly over all places they stand at."""
    if not times:
        return
    held = [terms.grams(word) for word in times]
    lengths = [len(grams.columns) for grams in held]
    columns = np.concatenate([grams.columns for grams in held])
    begin = np.repeat(list(begins.values()), lengths)
    first, last = (np.concatenate([getattr(g, name) for g in held]) for name in ("first", "last"))
    counted = np.repeat(np.array(list(times.values()), dtype=np.float64), lengths)
    distinct, places = np.unique(columns, return_inverse=True)
    total = np.bincount(places, weights=counted, minlength=len(distinct))
    parts = (shares.of(distinct + start) / total)[places] * counted / np.maximum(last - first, 1)
    np.add.at(change, begin + first, parts)
    np.add.at(change, begin + last, -parts)
