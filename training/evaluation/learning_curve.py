"""How much more data would help: accuracy on later incidents from ever more of the earlier ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from diagnosis.diagnoser import Diagnoser
from diagnosis.prepared import PreparedIncidents
from diagnosis.routing import TargetClassifier
from diagnosis.routing.labels import known_spelling, merge_spellings
from training.settings import TrainSettings

Labels = npt.NDArray[np.object_]
SHARES = (1 / 8, 1 / 4, 1 / 2, 1.0)
MOST = 20_000  # incidents that the last point learns from; beyond it the curve only costs time
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
    known = earlier.sort_values("opened_at", kind="stable", na_position="first").tail(MOST).reset_index(drop=True)
    learn, judge = diagnoser.prepare(known), diagnoser.prepare(later)
    pieces: list[_Point] = []
    for target, router in diagnoser.parts.routers.items():
        labels = merge_spellings(known[target].astype("str").fillna(""))
        truth = known_spelling(later[target].astype("str").fillna(""), router.classes_.tolist())
        asked = np.flatnonzero(truth != "")
        told = np.flatnonzero(labels != "")
        for share in SHARES:
            rows = told[len(told) - int(share * len(told)) :]
            if len(rows) < _FEWEST or len(set(labels[rows])) < 2 or not len(asked):
                continue
            classifier = TargetClassifier(router.classifier_.fields, settings.seed, settings.weights)
            taken = learn.take(rows), labels[rows], judge.take(asked), truth[asked]
            pieces.append(_Point(target, classifier, *taken))
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
    fitted = point.classifier.fit(point.learn, point.labels)
    said = fitted.classes_[fitted.predict_proba(point.judge).argmax(axis=1)]
    return float((said == point.truth).mean())
