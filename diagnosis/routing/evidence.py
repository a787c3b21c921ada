"""Why a class was answered: the terms and fields whose weight for it is greater than for its rival."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import numpy.typing as npt

from diagnosis.findings import FieldEvidence, TermEvidence
from diagnosis.prepared import PreparedIncidents
from diagnosis.routing.classifier import TargetClassifier

_SHOWN = 5


def evidence_for(
    classifier: TargetClassifier, prepared: PreparedIncidents, winner: npt.NDArray[np.intp], rival: npt.NDArray[np.intp]
) -> list[tuple[TermEvidence | FieldEvidence, ...]]:
    """Return for each incident what spoke for ``winner`` against ``rival`` (columns of the classes), strongest first."""
    matrix = classifier.features_.transform(prepared)
    terms = classifier.features_.terms_
    n_words, names = len(terms.word_index_), terms.names()
    values = list(classifier.features_.values_.index_)
    answers = []
    for row in range(len(prepared)):
        part = matrix[[row]]
        gap = classifier.weights_[part.indices, winner[row]] - classifier.weights_[part.indices, rival[row]]
        shares = part.data * gap / classifier.temperature_
        words: dict[str, float] = defaultdict(float)
        coded: dict[tuple[str, str], float] = {}
        for column, share in zip(part.indices, shares, strict=True):
            if column < n_words:
                words[names[column]] += float(share)
            elif len(names) <= column < len(names) + len(values):
                coded[values[column - len(names)]] = float(share)
        found: list[TermEvidence | FieldEvidence] = [TermEvidence(t, round(s, 4)) for t, s in words.items() if s > 0]
        found += [FieldEvidence(f, v, round(s, 4)) for (f, v), s in coded.items() if s > 0]
        answers.append(tuple(sorted(found, key=lambda e: -e.weight)[:_SHOWN]))
    return answers
