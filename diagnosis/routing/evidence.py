"""Why a class was answered: which words and fields raised its log-odds against the runner-up, and by how much.

The log-odds are shared out over the features in proportion to what each adds to the gap between the two scores; topics
are linear in the other features, so their part goes back to these, and character n-grams give theirs to the word that
they stand in; the vector of a word is its own. What a general encoder makes of the whole text is no word's, and is left
out. What is shown are words and fields as they were written, in the incident's own language; small words, single
characters cut from a word and names of people are not shown, though they count.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

import numpy as np

from diagnosis.arrays import Floats
from diagnosis.findings import FieldEvidence, TermEvidence
from diagnosis.incident import PEOPLE_FIELDS
from diagnosis.placeholders import is_placeholder
from diagnosis.prepared import PreparedIncidents
from diagnosis.routing.classifier import TargetClassifier
from diagnosis.routing.matrix import FeatureRows
from diagnosis.routing.reading import Reading
from diagnosis.text.courtesies import without_courtesies
from diagnosis.text.person_names import is_person_name, surnames
from diagnosis.text.stop_words import tells_something
from diagnosis.text.tokens import tokenise

MOST_SHOWN = 5
_LEAST = 1e-4  # of a weight that is shown
_LONGEST = 40  # characters of a word that are shown


def evidence_for(
    classifier: TargetClassifier,
    prepared: PreparedIncidents,
    rows: FeatureRows,
    row: int,
    pair: tuple[int, int],
    scores: Floats,
) -> tuple[TermEvidence | FieldEvidence, ...]:
    """Return what spoke for one class against another in one incident, strongest first.

    Weights are shares of the log-odds of the two classes (natural logarithm); only what spoke for the winner is given.

    Parameters
    ----------
    rows
        The features of all incidents.
    pair : (int, int)
        The class that won, and its rival.
    scores : ndarray, shape (n_classes,)
        Of this incident.
    """
    winner, rival = pair
    if winner == rival:
        return ()
    incident = prepared.incident(row)
    hidden = _people_and_courtesies(prepared, row)
    reading = classifier.features_.reading(prepared, row, rows)
    factor = _log_odds_of_a_gap(classifier, winner, rival, scores)
    features = classifier.features_
    shares = features.gaps(classifier.weights_, rows, row, winner, rival).astype(np.float64) * factor
    weights = reading.shares_of_words(shares)
    if of_vectors := features.word_gaps(classifier.weights_, prepared, row, winner, rival):
        weights += factor * np.array([of_vectors.get(word, 0.0) for word in reading.words])
    evidence: list[TermEvidence | FieldEvidence] = [
        TermEvidence(reading.words[i][:_LONGEST], round(float(weights[i]), 4))
        for i in np.flatnonzero(weights >= _LEAST)
        if tells_something(word := reading.words[i]) and word not in hidden and not is_person_name(word)
    ]
    evidence += _field_evidence(reading, incident, shares)
    return tuple(sorted(evidence, key=lambda e: -e.weight)[:MOST_SHOWN])


def _people_and_courtesies(prepared: PreparedIncidents, row: int) -> set[str]:
    """Return the words of who called, logged or works on it or is named whole, and those that only courtesies hold."""
    text = prepared.text[row]
    names = [prepared.reported.column(field)[row] for field in PEOPLE_FIELDS] + surnames(text)
    people = {word for name in names for word in tokenise(name)} | prepared.people.words_in(text)
    return people | (set(tokenise(text)) - set(tokenise(without_courtesies(text))))


def _field_evidence(reading: Reading, incident: Mapping[str, str], shares: Floats) -> Iterator[FieldEvidence]:
    """Yield the fields that spoke for the winner; a pair of values gives half of its share to each."""
    weights: defaultdict[str, float] = defaultdict(float)
    for names, place in reading.fields:
        for name in names:
            weights[name] += float(shares[place]) / len(names)
    for name, weight in weights.items():
        if weight >= _LEAST and not is_placeholder(value := incident[name]):  # that a field is empty is no reason
            yield FieldEvidence(name, value, round(weight, 4))


def _log_odds_of_a_gap(classifier: TargetClassifier, winner: int, rival: int, scores: Floats) -> float:
    """Return the log-odds of two classes for each unit of the gap between their scores."""
    probability = classifier.link_.probabilities(scores[None])[0]
    difference = float(scores[winner] - scores[rival])
    log_odds = float(np.log(probability[winner]) - np.log(probability[rival]))
    return log_odds / difference if difference > 1e-9 else 0.0
