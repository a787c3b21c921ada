"""How good a router is on incidents that it never saw."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from diagnosis.arrays import Floats
from diagnosis.routing.calibration import expected_calibration_error


@dataclass(frozen=True, slots=True)
class ClassScore:
    """One class: how many there were, how many were answered so, and how many of the automatic ones were right."""

    name: str
    support: int
    predicted: int
    precision: float
    recall: float
    f1: float
    automatic: int
    automatic_correct: int


@dataclass(frozen=True, slots=True)
class RoutingScores:
    """Figures on held-out incidents.

    Attributes
    ----------
    accuracy, macro_f1, top3 : float
        Share right, unweighted mean of the F1 of every class that is true or answered, share with the truth among
        the first three.
    calibration_error : float
        `expected_calibration_error` of the top class over 15 bins of equal width.
    certified_coverage, certified_precision : float
        Share of incidents that would be automatic, and share of these that are right (NaN if there is none).
    oracle_coverage : float
        Greatest coverage that any threshold chosen on these very rows reaches with the promised precision: what
        perfect knowledge of the threshold would get.
    accuracy_without_largest, macro_f1_without_largest : float
        The same on the incidents whose true class is not the most frequent one.
    unknown_share : float
        Share of incidents whose true class the fit did not know; they count as wrong everywhere.
    """

    n: int
    n_classes: int
    accuracy: float
    macro_f1: float
    top3: float
    calibration_error: float
    certified_coverage: float
    certified_precision: float
    promised_precision: float
    oracle_coverage: float
    majority_share: float
    accuracy_without_largest: float
    macro_f1_without_largest: float
    unknown_share: float
    classes: tuple[ClassScore, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as plain JSON values."""
        return asdict(self)


def oracle_coverage(probability: Floats, correct: npt.NDArray[np.bool_], precision: float) -> float:
    """Return the greatest share of rows above one threshold whose precision is at least ``precision``."""
    if not len(probability):
        return 0.0
    order = np.argsort(-probability, kind="stable")
    so_far = np.cumsum(correct[order]) / np.arange(1, len(order) + 1)
    reached = np.flatnonzero(so_far >= precision)
    return float((reached[-1] + 1) / len(order)) if len(reached) else 0.0


def score_routing(
    truth: npt.NDArray[np.object_],
    classes: npt.NDArray[np.object_],
    probabilities: Floats,
    automatic: npt.NDArray[np.bool_],
    automatic_correct: npt.NDArray[np.bool_],
    precision: float,
) -> RoutingScores:
    """Compare probabilities with the truth; ``automatic`` tells which rows would be answered without a person."""
    order = np.argsort(-probabilities, axis=1, kind="stable")
    return score_ranked(
        truth,
        classes[order[:, 0]],
        probabilities[np.arange(len(truth)), order[:, 0]],
        ranks_of(truth, classes[order]),
        automatic,
        automatic_correct,
        precision=precision,
        n_classes=len(classes),
    )


def ranks_of(truth: npt.NDArray[np.object_], ranked: npt.NDArray[np.object_]) -> Floats:
    """Return the place of each truth, from 1, among classes in order of probability; NaN if it is none of them.

    Parameters
    ----------
    truth : ndarray of str, shape (n,)
    ranked : ndarray of str, shape (n, n_classes)
    """
    hit = ranked == truth[:, None]
    return np.where(hit.any(axis=1), hit.argmax(axis=1) + 1.0, np.nan)


def score_ranked(
    truth: npt.NDArray[np.object_],
    answer: npt.NDArray[np.object_],
    probability: Floats,
    rank: Floats,
    automatic: npt.NDArray[np.bool_],
    automatic_correct: npt.NDArray[np.bool_],
    *,
    precision: float,
    n_classes: int,
) -> RoutingScores:
    """Compare the most probable classes with the truth.

    Parameters
    ----------
    truth, answer : ndarray of str, shape (n,)
    probability : ndarray of float, shape (n,)
        Of ``answer``.
    rank : ndarray of float, shape (n,)
        As `ranks_of` returns it.
    automatic, automatic_correct : ndarray of bool, shape (n,)
        What would be answered without a person, and whether that answer (which may be a parent) is right.
    precision : float
        What is promised for automatic answers.
    n_classes : int
        Classes that the fit knew.
    """
    correct = answer == truth
    names, counts = np.unique(truth.astype(str), return_counts=True)
    smaller = truth != names[counts.argmax()]
    return RoutingScores(
        n=len(truth),
        n_classes=n_classes,
        accuracy=float(correct.mean()),
        macro_f1=_macro_f1(truth, answer),
        top3=float((rank <= 3).mean()),
        calibration_error=expected_calibration_error(probability, correct),
        certified_coverage=float(automatic.mean()),
        certified_precision=float(automatic_correct[automatic].mean()) if automatic.any() else float("nan"),
        promised_precision=precision,
        oracle_coverage=oracle_coverage(probability, correct, precision),
        majority_share=float(counts.max() / len(truth)),
        accuracy_without_largest=float(correct[smaller].mean()) if smaller.any() else float("nan"),
        macro_f1_without_largest=_macro_f1(truth[smaller], answer[smaller]) if smaller.any() else float("nan"),
        unknown_share=float(np.isnan(rank).mean()),
        classes=_class_scores(truth, answer, automatic, automatic_correct),
    )


def _macro_f1(truth: npt.NDArray[np.object_], answer: npt.NDArray[np.object_]) -> float:
    from sklearn.metrics import f1_score  # noqa: PLC0415 - half a second, and no diagnosis needs it

    return float(f1_score(truth.astype(str), answer.astype(str), average="macro", zero_division=0))


def _class_scores(
    truth: npt.NDArray[np.object_],
    answer: npt.NDArray[np.object_],
    automatic: npt.NDArray[np.bool_],
    automatic_correct: npt.NDArray[np.bool_],
) -> tuple[ClassScore, ...]:
    from sklearn.metrics import precision_recall_fscore_support  # noqa: PLC0415 - as above

    names = np.unique(np.concatenate([truth, answer]).astype(str))
    table = precision_recall_fscore_support(truth.astype(str), answer.astype(str), labels=names, zero_division=0)
    scores = []
    for name, precision, recall, f1, support in zip(names, *table, strict=True):
        predicted_here = answer == name
        scores.append(
            ClassScore(
                name=str(name),
                support=int(support),
                predicted=int(predicted_here.sum()),
                precision=float(precision),
                recall=float(recall),
                f1=float(f1),
                automatic=int((automatic & predicted_here).sum()),
                automatic_correct=int((automatic & automatic_correct & predicted_here).sum()),
            )
        )
    return tuple(sorted(scores, key=lambda s: (-s.support, s.name)))
