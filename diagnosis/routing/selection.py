"""Selection: which linear model, features and fading suit a history, by rows held out of the fit.

What was best on one history loses on another: few candidates are compared on folds of equal text (which of them), and
on the latest rows (whether old incidents fade). Each has to be better than the usual one by more than chance explains.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.linalg import cho_factor, cho_solve

from diagnosis.arrays import Floats
from diagnosis.prepared import PreparedIncidents
from diagnosis.routing.hinge import FOLDS, fit_hinge
from diagnosis.routing.matrix import FeatureMatrix, Matrix
from diagnosis.routing.ridge import class_indicators, class_row_weights

Rows = npt.NDArray[np.intp]
BALANCE = 0.3  # of classes in every candidate but the plain one
_PENALTIES = (0.1, 0.3, 1.0)
_STRENGTHS = (3.0, 10.0)  # of the squared hinge
_MAX_ROWS, _MIN_ROWS, _MAX_CELLS = 2_500, 1_000, 100_000
_FEWEST_ROWS = 40  # fewer tell candidates apart by chance alone
_SURE = 1.5  # standard errors by which a candidate must be better than the usual one
HALF_LIVES = (0.5, 0.15)  # in spans of the history
_FADING_ROWS = 3_000
_LATEST_SHARE = 0.25
_MIDDLE = 0.5


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """What was chosen for a history.

    Attributes
    ----------
    topics : bool
        Whether latent topics stand beside the terms; without them terms have their weight.
    ridge_share : float
        Share of the least-squares weights in the mean of both: 0, a half or 1.
    hinge_strength : float
        ``C`` of the squared hinge loss; of no use where ``ridge_share`` is 1.
    balance : float
        0: every row weighs the same in the hinge loss; 1: every class does.
    half_life : float or None
        Share of the history's span after which an incident counts half; None: all count the same.
    """

    topics: bool = False
    ridge_share: float = 0.5
    hinge_strength: float = 3.0
    balance: float = BALANCE
    half_life: float | None = None


PLAIN = ModelChoice(topics=False, ridge_share=0.0, hinge_strength=1.0, balance=0.0)


def choose_model(matrices: Mapping[bool, FeatureMatrix], codes: Rows, groups: Rows, seed: int) -> ModelChoice:
    """Return the candidate with the best held-out accuracy, macro-F1 and top-3 accuracy.

    The usual one, unless another is better by more than chance explains.

    Parameters
    ----------
    matrices : mapping of bool to FeatureMatrix
        The features of all rows with topics and without.
    codes, groups : ndarray of int, shape (n,)
        Class and group of equal text of each row; rows of one group are held out together.
    """
    rows, folds = _sample(codes, groups, seed)
    if len(rows) < _FEWEST_ROWS or len(np.unique(codes[rows])) < 2 or len(np.unique(folds)) < FOLDS:
        return ModelChoice()
    names, sampled = np.unique(codes[rows], return_inverse=True)
    held_out: dict[ModelChoice, Matrix] = {}
    for topics, matrix in matrices.items():
        held_out |= _held_out_scores(matrix[rows], sampled, len(names), folds, topics)
    usual = ModelChoice()
    usual_quality = held_out_quality(held_out[usual], sampled)
    usual_right = held_out[usual].argmax(axis=1) == sampled

    def sure_gain(choice: ModelChoice) -> float:
        """Return by how much a candidate is better than the usual one, less what chance explains."""
        difference = (held_out[choice].argmax(axis=1) == sampled).astype(np.float64) - usual_right
        error = float(difference.std() / np.sqrt(len(sampled)))
        return held_out_quality(held_out[choice], sampled) - usual_quality - _SURE * error

    best = max(held_out, key=sure_gain)
    return best if sure_gain(best) > 0 else usual


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
    matrix: FeatureMatrix, codes: Rows, n_classes: int, folds: Rows, topics: bool
) -> dict[ModelChoice, Matrix]:
    """Return the scores of each candidate, each row's from a fit without its fold."""
    gram = matrix.inner_products()
    shape = (len(codes), n_classes)
    ridges = {penalty: np.zeros(shape, np.float32) for penalty in _PENALTIES}
    plain = () if topics else ((PLAIN.hinge_strength, PLAIN.balance),)
    hinges = {key: np.zeros(shape, np.float32) for key in (*plain, *((c, BALANCE) for c in _STRENGTHS))}
    for fold in range(FOLDS):
        test, fit = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        for penalty, scores in ridges.items():
            system = gram[np.ix_(fit, fit)]
            system[np.diag_indices_from(system)] += penalty / class_row_weights(codes[fit], n_classes, BALANCE)
            dual = _solved(system, class_indicators(codes[fit], n_classes))
            scores[test] = np.asarray(gram[np.ix_(test, fit)] @ dual, dtype=np.float32)
        for (strength, balance), scores in hinges.items():
            row_weights = class_row_weights(codes[fit], n_classes, balance)
            weights = fit_hinge(matrix[fit], codes[fit], n_classes, strength, row_weights)
            scores[test] = matrix[test] @ weights
    ridge = max(ridges.values(), key=lambda scores: held_out_quality(scores, codes))
    candidates = {ModelChoice(topics, 1.0): ridge}
    for (strength, balance), scores in hinges.items():
        candidates[ModelChoice(topics, 0.0, strength, balance)] = scores
        if balance:
            candidates[ModelChoice(topics, 0.5, strength, balance)] = np.asarray((ridge + scores) / 2, dtype=np.float32)
    return candidates


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
    if age is None or len(codes) < _FEWEST_ROWS:
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
