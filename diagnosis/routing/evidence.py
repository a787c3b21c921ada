"""Why a class was answered: which words and fields raised its log-odds against the runner-up, and by how much.

The log-odds are shared out over the features in proportion to what each adds to the gap between the two scores; topics
are linear in the other features, so their part goes back to these, and character n-grams give theirs to the word that
they stand in. What is shown are words and fields as they were written, in the incident's own language.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from diagnosis.findings import FieldEvidence, TermEvidence
from diagnosis.prepared import PreparedIncidents
from diagnosis.routing.classifier import TargetClassifier
from diagnosis.routing.fields import FieldFeatures
from diagnosis.routing.segments import Segmenter
from diagnosis.routing.terms import TermFeatures, character_grams, is_cjk, units, word_grams

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
        _add_word_shares(words, terms, text, shares, start, segmenter)
        start += len(terms)
    found: list[TermEvidence | FieldEvidence] = [
        TermEvidence(word[:_LONGEST], round(weight, 4)) for word, weight in words.items() if weight >= 1e-4
    ]
    found += _field_evidence(features.values_, incident, shares, start)
    return tuple(sorted(found, key=lambda e: -e.weight)[:SHOWN])


def _field_evidence(
    values: FieldFeatures, incident: Mapping[str, str], shares: dict[int, float], start: int
) -> Iterator[FieldEvidence]:
    """Yield the fields that spoke for the winner; a pair of values gives half of its share to each."""
    weights: defaultdict[str, float] = defaultdict(float)
    for key, column in values.found(incident):
        for name, _ in key:
            weights[name] += shares.get(start + column, 0.0) / len(key)
    for name, weight in weights.items():
        if weight >= 1e-4 and (value := incident[name]):
            yield FieldEvidence(name, value, round(weight, 4))


def _shares(
    classifier: TargetClassifier, matrix: sp.csr_matrix, scores: Floats, winner: int, rival: int
) -> dict[int, float]:
    """Return for each sparse feature of the incident its share of the log-odds."""
    features = classifier.features_
    gap = classifier.weights_[:, winner] - classifier.weights_[:, rival]
    to_topics = features.topics_[matrix.indices]
    scale = features.topic_scale(matrix.data @ to_topics)
    through_topics = to_topics @ gap[len(gap) - features.topics_.shape[1] :] * scale
    direct = features.gap_of_sparse(gap)[matrix.indices]
    parts = matrix.data * (direct + through_topics)
    probability = classifier.link_.probabilities(scores[None])[0]
    difference = float(scores[winner] - scores[rival])
    log_odds = float(np.log(probability[winner]) - np.log(probability[rival]))
    factor = log_odds / difference if difference > 1e-9 else 0.0
    return dict(zip(matrix.indices.tolist(), (parts * factor).tolist(), strict=True))


def _add_word_shares(
    total: defaultdict[str, float],
    terms: TermFeatures,
    text: str,
    shares: dict[int, float],
    start: int,
    segmenter: Segmenter,
) -> None:
    """Add to the words of the text their parts of the shares of the word and character n-grams that hold them."""
    words = units(text)
    times = Counter(words)  # a word that stands there twice is looked at once
    per_character = {word: [0.0] * len(word) for word in times}
    for gram in dict.fromkeys(word_grams(words)):
        column = terms.word_index_.get(gram)
        if column is not None:
            parts = gram.split(" ")
            share = shares.get(start + column, 0.0) / len(parts)
            for word in parts:
                _spread(per_character[word], share, 0, len(word))
    _add_gram_shares(per_character, times, terms, shares, start + len(terms.word_index_))
    for word, weights in per_character.items():
        if not is_cjk(word):
            total[word] += sum(weights)
            continue
        for begin, end in segmenter.spans(word):
            total[word[begin:end]] += sum(weights[begin:end])


def _add_gram_shares(
    per_character: dict[str, list[float]],
    times: Counter[str],
    terms: TermFeatures,
    shares: dict[int, float],
    start: int,
) -> None:
    """Add the shares of character n-grams to the characters that they hold, evenly over all places they stand at."""
    placed = {word: list(_placed_grams(word)) for word in times}
    counts: Counter[str] = Counter()
    for word, grams in placed.items():
        for gram, _ in grams:
            counts[gram] += times[word]
    share_of = {
        gram: shares.get(start + column, 0.0) / n
        for gram, n in counts.items()
        if (column := terms.gram_index_.get(gram)) is not None
    }
    for word, grams in placed.items():
        for gram, at in grams:
            if gram in share_of:
                first, last = max(at, 0), min(at + len(gram), len(word))
                _spread(per_character[word], share_of[gram] * times[word], first, last)


def _placed_grams(word: str) -> Iterator[tuple[str, int]]:
    """Yield the n-grams of a word with the position of their first character; -1 is the space before a Latin word."""
    shift = 0 if is_cjk(word) else -1
    previous, at = 0, 0
    for gram in character_grams(word):
        at = at + 1 if len(gram) == previous else 0
        previous = len(gram)
        yield gram, at + shift


def _spread(per_character: list[float], share: float, begin: int, end: int) -> None:
    part = share / max(end - begin, 1)
    for place in range(begin, end):
        per_character[place] += part
