"""How much more data would help: accuracy on later incidents from ever more of the earlier ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from diagnosis.arrays import Labels
from diagnosis.diagnoser import Diagnoser
from diagnosis.prepared import PreparedIncidents
from diagnosis.routing import TargetClassifier
from diagnosis.routing.labels import known_spelling, merge_spellings
from training.settings import TrainSettings

SHARES = (1 / 8, 1 / 4, 1 / 2, 1.0)
MOST_INCIDENTS = 20_000  # incidents that the last point learns from; beyond it the curve only costs time
_FEWEST = 50


def learning_curve(
    diagnoser: Diagnoser, earlier: pd.DataFrame, later: pd.DataFrame, settings: TrainSettings
) -> list[dict[str, float | str]]:
    """Fit the classifier of each target on shares of the earlier incidents and judge it on the later ones.

    The shares are the latest incidents before the later ones, as a shorter history would be. Text, encoder and fields
    are those of the evaluation model: the curve shows what more labelled incidents would bring, not a better encoder.

    Returns
    -------
    list of dict
        ``target``, ``incidents`` learned from and ``accuracy``, in order.
    """
    ordered = earlier.sort_values("opened_at", kind="stable", na_position="first")
    history = ordered.tail(MOST_INCIDENTS).reset_index(drop=True)
    learn, judge = diagnoser.prepare(history), diagnoser.prepare(later)
    pieces: list[_Point] = []
    for target, router in diagnoser.parts.routers.items():
        labels = merge_spellings(history[target].astype("str").fillna(""))
        truth = known_spelling(later[target].astype("str").fillna(""), router.classes_.tolist())
        later_rows = np.flatnonzero(truth != "")
        labelled_rows = np.flatnonzero(labels != "")
        for share in SHARES:
            rows = labelled_rows[len(labelled_rows) - int(share * len(labelled_rows)) :]
            if len(rows) < _FEWEST or len(set(labels[rows])) < 2 or not len(later_rows):
                continue
            classifier = TargetClassifier(router.classifier_.fields, settings.seed, settings.weights)
            arrays = learn.take(rows), labels[rows], judge.take(later_rows), truth[later_rows]
            pieces.append(_Point(target, classifier, *arrays))
    accuracies = settings.workers.each(_accuracy, pieces)
    return [
        {"target": piece.target, "incidents": len(piece.labels), "accuracy": accuracy}
        for piece, accuracy in zip(pieces, accuracies, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Point:
    """What one point of a curve is measured from: a piece of work that may run anywhere."""

    target: str
    classifier: TargetClassifier
    learn: PreparedIncidents
    labels: Labels
    judge: PreparedIncidents
    truth: Labels


def _accuracy(point: _Point) -> float:
    classifier = point.classifier.fit(point.learn, point.labels)
    predicted = classifier.classes_[classifier.predict_proba(point.judge).argmax(axis=1)]
    return float((predicted == point.truth).mean())
