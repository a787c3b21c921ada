"""Selection: which linear model, features and fading suit a history, by rows held out of the fit.

What was best on one history loses on another: few candidates are compared on folds of equal text (which of them), and
on the latest rows (whether old incidents fade). Each has to be better than the usual one by more than chance explains.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.linalg import cho_factor, cho_solve

from diagnosis.arrays import Floats, Rows
from diagnosis.prepared import PreparedIncidents
from diagnosis.routing.hinge import FOLDS, fit_hinge
from diagnosis.routing.matrix import FeatureMatrix, Matrix
from diagnosis.routing.ridge import class_indicators, class_row_weights

BALANCE = 0.3  # of classes in least squares
_PENALTIES = (0.1, 0.3, 1.0)
_MAX_ROWS, _MIN_ROWS, _MAX_CELLS = 2_500, 1_000, 130_000
_FEWEST_ROWS, _FEWEST_TO_FADE = 500, 40  # fewer tell candidates apart by chance alone
_SURE = 2.0  # standard errors by which a candidate must be better than the usual one
HALF_LIVES = (0.5, 0.15)  # in spans of the history
_FADING_ROWS = 3_000
_LATEST_SHARE = 0.25
_MIDDLE = 0.5


class View(NamedTuple):
    """Multiples of the squared lengths of blocks of features, as one model sees them."""

    terms: float
    fields: float
    topics: float


TERMS, TOPICS, SMOOTH = View(4, 3, 0), View(1, 3, 1), View(1, 1, 1)
UNIFORM = View(4, 1, 0)


class HingeModel(NamedTuple):
    """A support vector machine: what it sees, its ``C``, and its balance (0: rows, 1: classes weigh the same)."""

    view: View
    strength: float
    balance: float


OF_TERMS, OF_TOPICS = HingeModel(TERMS, 1.0, 0.3), HingeModel(TOPICS, 3.0, 0.3)
OF_ROWS = HingeModel(UNIFORM, 1.0, 0.0)


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """What was chosen for a history: shares of linear models over the same features, one in sum.

    Attributes
    ----------
    terms, topics : float
        Of the support vector machine over terms, and of the one over topics and terms.
    ridge : float
        Of least squares over topics and terms.
    plain : float
        Of the support vector machine over terms that balances nothing.
    half_life : float or None
        Share of the history's span after which an incident counts half; None: all count the same.
    """

    terms: float = 0.0
    topics: float = 0.0
    ridge: float = 0.0
    plain: float = 0.0
    half_life: float | None = None

    @property
    def hinges(self) -> dict[HingeModel, float]:
        """The support vector machines that have a share, with it."""
        shares = {OF_TERMS: self.terms, OF_TOPICS: self.topics, OF_ROWS: self.plain}
        return {model: share for model, share in shares.items() if share}


USUAL = ModelChoice(terms=1 / 3, topics=1 / 3, ridge=1 / 3)
LEAST_SQUARES = ModelChoice(ridge=1.0)
PLAIN = ModelChoice(plain=1.0)
CANDIDATES = (
    USUAL,
    ModelChoice(terms=0.5, topics=0.5),
    ModelChoice(terms=0.5, ridge=0.5),
    ModelChoice(terms=1.0),
    LEAST_SQUARES,
    PLAIN,
)
Scales = Callable[[View], Matrix]


def choose_model(matrix: FeatureMatrix, scales: Scales, codes: Rows, groups: Rows, seed: int) -> ModelChoice:
    """Return the candidate with the best held-out accuracy, macro-F1 and top-3 accuracy.

    The usual one, unless another is better by more than chance explains.

    Parameters
    ----------
    matrix : FeatureMatrix
        The features of all rows.
    scales : callable
        The factor of each column in a view.
    codes, groups : ndarray of int, shape (n,)
        Class and group of equal text of each row; rows of one group are held out together.
    """
    rows, folds = _sample(codes, groups, seed)
    if len(rows) < _FEWEST_ROWS or len(np.unique(codes[rows])) < 2 or len(np.unique(folds)) < FOLDS:
        return USUAL
    names, sampled = np.unique(codes[rows], return_inverse=True)
    held_out = _held_out_scores(matrix[rows], scales, sampled, len(names), folds)
    usual_quality = held_out_quality(held_out[USUAL], sampled)
    usual_right = held_out[USUAL].argmax(axis=1) == sampled

    def sure_gain(choice: ModelChoice) -> float:
        """Return by how much a candidate is better than the usual one, less what chance explains."""
        difference = (held_out[choice].argmax(axis=1) == sampled).astype(np.float64) - usual_right
        error = float(difference.std() / np.sqrt(len(sampled)))
        return held_out_quality(held_out[choice], sampled) - usual_quality - _SURE * error

    best = max(held_out, key=sure_gain)
    return best if sure_gain(best) > 0 else USUAL


def held_out_quality(scores: Matrix, codes: Rows) -> float:
    """Return accuracy, plus half of macro-F1 over classes that are true or answered, plus half of top-3 accuracy."""
    n_classes = scores.shape[1]
    ranked = np.argsort(-scores, axis=1, kind="stable")[:, :3]
    answers = ranked[:, 0]
    right = np.bincount(codes[answers == codes], minlength=n_classes)
    support = np.bincount(codes, minlength=n_classes) + np.bincount(answers, minlength=n_classes)
    f1 = 2 * right[support > 0] / support[support > 0]
    top3 = (ranked == codes[:, None]).any(axis=1).mean()
    return float((answers == codes).mean() + (f1.mean() + top3) / 2)


def _sample(codes: Rows, groups: Rows, seed: int) -> tuple[Rows, Rows]:
    """Return rows drawn by whole groups, and the fold of each."""
    n_classes = int(codes.max(initial=0)) + 1
    most = int(np.clip(_MAX_CELLS // n_classes, _MIN_ROWS, _MAX_ROWS))
    order = np.random.default_rng(seed).permutation(int(groups.max(initial=0)) + 1)[groups]
    rows = np.sort(np.argsort(order, kind="stable")[:most])
    return rows, np.unique(order[rows], return_inverse=True)[1] % FOLDS


def _held_out_scores(
    matrix: FeatureMatrix, scales: Scales, codes: Rows, n_classes: int, folds: Rows
) -> dict[ModelChoice, Matrix]:
    """Return the scores of each candidate, each row's from a fit without its fold."""
    models = {model for choice in CANDIDATES for model in choice.hinges}
    margins = {model: np.zeros((len(codes), n_classes), np.float32) for model in models}
    for model, scores in margins.items():
        seen = matrix.scaled(scales(model.view))
        for fold in range(FOLDS):
            test, fit = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
            row_weights = class_row_weights(codes[fit], n_classes, model.balance)
            scores[test] = seen[test] @ fit_hinge(seen[fit], codes[fit], n_classes, model.strength, row_weights)
    ridge = _held_out_ridge(matrix.scaled(scales(SMOOTH)), codes, n_classes, folds)
    return {
        choice: np.asarray(
            choice.ridge * ridge + sum(share * margins[model] for model, share in choice.hinges.items()), np.float32
        )
        for choice in CANDIDATES
    }


def _held_out_ridge(matrix: FeatureMatrix, codes: Rows, n_classes: int, folds: Rows) -> Matrix:
    """Return the scores by the penalty that is best for these rows."""
    gram = matrix.inner_products()
    ridges = {penalty: np.zeros((len(codes), n_classes), np.float32) for penalty in _PENALTIES}
    for fold in range(FOLDS):
        test, fit = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        for penalty, scores in ridges.items():
            system = gram[np.ix_(fit, fit)]
            system[np.diag_indices_from(system)] += penalty / class_row_weights(codes[fit], n_classes, BALANCE)
            dual = _solved(system, class_indicators(codes[fit], n_classes))
            scores[test] = np.asarray(gram[np.ix_(test, fit)] @ dual, dtype=np.float32)
    return max(ridges.values(), key=lambda scores: held_out_quality(scores, codes))


def ages(prepared: PreparedIncidents) -> Floats | None:
    """Return the age of each incident in spans of the history, shape (n,); None if most have no time.

    An incident without a time is as old as the middle of the history.
    """
    opened = pd.to_datetime(prepared.frame["opened_at"], utc=True)
    dated = opened.notna().to_numpy()
    if 2 * dated.sum() < len(opened) or opened.nunique() < 2:
        return None
    age = np.where(dated, (opened.max() - opened) / (opened.max() - opened.min()), _MIDDLE)
    return np.asarray(age, dtype=np.float64)


def fading(age: Floats | None, half_life: float | None) -> Matrix | None:
    """Return what each row counts for its age, one on average; None where all count the same."""
    if age is None or half_life is None:
        return None
    weights = 0.5 ** (age / half_life)
    return np.asarray(weights / weights.mean(), dtype=np.float32)


def choose_half_life(matrix: FeatureMatrix, codes: Rows, age: Floats | None, seed: int) -> float | None:
    """Return how fast old incidents fade, None unless fading predicts the latest rows better than chance explains.

    The latest quarter is predicted from what was before; the squared errors of both are compared in pairs.
    """
    if age is None or len(codes) < _FEWEST_TO_FADE:
        return None
    rows = np.sort(np.random.default_rng(seed).permutation(len(codes))[:_FADING_ROWS])
    rows = rows[np.argsort(-age[rows], kind="stable")]
    n_fit = int((1 - _LATEST_SHARE) * len(rows))
    names, sampled = np.unique(codes[rows], return_inverse=True)
    gram = matrix[rows].inner_products()
    truth = class_indicators(sampled, len(names))
    older = age[rows[:n_fit]] - age[rows[:n_fit]].min()
    row_weights = class_row_weights(sampled[:n_fit], len(names), BALANCE)

    def errors(half_life: float | None) -> Floats:
        faded = fading(older, half_life)
        system = gram[:n_fit, :n_fit].copy()
        system[np.diag_indices_from(system)] += _PENALTIES[1] / (row_weights if faded is None else row_weights * faded)
        answers = gram[n_fit:, :n_fit] @ _solved(system, truth[:n_fit])
        wrong: Floats = ((answers - truth[n_fit:]) ** 2).sum(axis=1)
        return wrong

    unfaded = errors(None)
    best, least = None, 0.0
    for half_life in HALF_LIVES:
        difference = errors(half_life) - unfaded
        upper = float(difference.mean() + difference.std() / np.sqrt(len(difference)))
        if upper < least:
            best, least = half_life, upper
    return best


def _solved(system: Matrix, target: Matrix) -> Matrix:
    return np.asarray(cho_solve(cho_factor(system, overwrite_a=True), target), dtype=np.float32)
