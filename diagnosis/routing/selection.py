"""Selection: which linear model, features and fading suit a history, by rows held out of the fit.

What was best on one history loses on another: few candidates are compared on held-out rows, later ones where there are
dates, and folds of equal text where not. Each has to be better than the usual one by more than chance explains.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.linalg import cho_factor, cho_solve

from diagnosis.arrays import Floats, Rows
from diagnosis.prepared import PreparedIncidents
from diagnosis.routing.hinge import FOLDS, HingeModel, held_out_hinge
from diagnosis.routing.matrix import FeatureMatrix, Matrix
from diagnosis.routing.ridge import class_indicators, class_row_weights
from diagnosis.routing.views import SMOOTH, TERMS, TOPICS, ViewedRows

BALANCE = 0.3  # of classes in least squares
_PENALTIES = (0.1, 0.3, 1.0)
_MAX_ROWS, _MIN_ROWS, _MAX_CELLS = 2_500, 1_000, 130_000
_MAX_ROWS_OF_FIELDS = 5_000
_FEWEST_ROWS, _FEWEST_TO_CHOOSE, _FEWEST_TO_FADE = 500, 60, 40  # fewer tell candidates apart by chance alone
# Standard errors by which a candidate must be better than the usual one.
_SURE, _SURE_OF_FEW, _SURE_TO_FADE = 2.0, 1.0, 1.0
HALF_LIVES = (0.5, 0.15)  # in spans of the history
_FADING_ROWS = 3_000
_LATEST_SHARE = 0.25
_MIDDLE = 0.5
_EARLIER = ((0.6, 0.8), (0.8, 1.0))  # of a dated history: learned from up to here, asked up to there


OF_TERMS, OF_TOPICS = HingeModel(TERMS, 1.0, 0.3), HingeModel(TOPICS, 3.0, 0.3)
OF_ROWS, OF_HABITS = HingeModel(TERMS, 1.0, 0.0), HingeModel(TERMS, 0.3, 0.0)


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
    habits : float
        Of the same, held back more.
    words : bool
        Whether the machines over terms and topics see word vectors too.
    half_life : float or None
        Share of the history's span after which an incident counts half; None: all count the same.
    """

    terms: float = 0.0
    topics: float = 0.0
    ridge: float = 0.0
    plain: float = 0.0
    habits: float = 0.0
    words: bool = False
    half_life: float | None = None

    @property
    def hinges(self) -> dict[HingeModel, float]:
        """The support vector machines that have a share, with it."""
        terms, topics = (
            model._replace(view=model.view._replace(words=float(self.words))) for model in (OF_TERMS, OF_TOPICS)
        )
        shares = {terms: self.terms, topics: self.topics, OF_ROWS: self.plain, OF_HABITS: self.habits}
        return {model: share for model, share in shares.items() if share}


USUAL = ModelChoice(terms=1 / 3, topics=1 / 3, ridge=1 / 3)
OF_FEW = ModelChoice(terms=0.5, topics=0.5)  # as good on few rows, and quicker
OF_FIELDS = ModelChoice(plain=0.5, ridge=0.5)  # the usual one where there is no text
LEAST_SQUARES = ModelChoice(ridge=1.0)
PLAIN = ModelChoice(plain=1.0)
CANDIDATES = (
    USUAL,
    OF_FEW,
    ModelChoice(terms=0.5, ridge=0.5),
    ModelChoice(terms=1.0),
    LEAST_SQUARES,
    PLAIN,
    ModelChoice(habits=1.0),
    OF_FIELDS,
)
_WORDY = (USUAL, OF_FEW)  # that may see word vectors too


class ComparisonRows(NamedTuple):
    """Rows of a history on which candidates are compared: learn from ``fit``, answer ``test``, once for each pair."""

    rows: Rows
    divisions: list[tuple[Rows, Rows]]

    @property
    def held_out(self) -> Rows:
        """Places among ``rows`` that are answered."""
        return np.concatenate([test for _, test in self.divisions])


def choose_model(
    rows: ViewedRows,
    codes: Rows,
    groups: Rows,
    age: Floats | None,
    seed: int,
    *,
    has_text: bool = True,
    has_words: bool = False,
) -> ModelChoice:
    """Return the candidate with the best held-out accuracy, macro-F1 and top-3 accuracy, and how fast it fades.

    The usual one, unless another is better by more than chance explains. Of few rows only word vectors are asked.

    Parameters
    ----------
    rows : ViewedRows
        The features of all rows.
    codes, groups : ndarray of int, shape (n,)
        Class and group of equal text of each row; without dates rows of one group are held out together.
    age : ndarray, shape (n,), optional
        Of each row, as `ages` gives it: later rows are then answered by what was before.
    has_text, has_words : bool
        Whether the features hold text, and word vectors. Without text more rows take as long.
    """
    trial = _trial(codes, groups, age, seed, _MAX_ROWS if has_text else _MAX_ROWS_OF_FIELDS)
    few = len(trial.rows) < _FEWEST_ROWS
    usual = OF_FIELDS if not has_text else OF_FEW if few else USUAL
    candidates = ((usual,) if few else CANDIDATES) + (tuple(replace(c, words=True) for c in _WORDY) * has_words)
    names, sampled = np.unique(codes[trial.rows], return_inverse=True)
    too_few = len(trial.rows) < _FEWEST_TO_CHOOSE or len(names) < 2 or len(trial.divisions) < 2
    if too_few or len(candidates) < 2:
        return replace(usual, half_life=choose_half_life(rows.matrix, codes, age, seed))
    part, truth = rows.take(trial.rows), sampled[trial.held_out]
    scores = _trial_scores(part, sampled, len(names), trial, candidates)
    choice = _best(scores, truth, usual, _SURE_OF_FEW if few else _SURE)
    if few:
        return replace(choice, half_life=choose_half_life(rows.matrix, codes, age, seed))
    if age is None:
        return choice
    older = age[trial.rows]
    scores = {choice: scores[choice]}
    for half_life in HALF_LIVES:
        faded = replace(choice, half_life=half_life)
        scores |= _trial_scores(part, sampled, len(names), trial, [faded], fading(older, half_life))
        if held_out_quality(scores[faded], truth) < held_out_quality(scores[choice], truth):
            break  # what does not gain by fading slowly does not by fading fast
    return _best(scores, truth, choice, _SURE_TO_FADE)


def _best(scores: Mapping[ModelChoice, Matrix], truth: Rows, usual: ModelChoice, sure: float) -> ModelChoice:
    """Return the choice of the best quality, the usual one unless that is surely better."""
    usual_quality = held_out_quality(scores[usual], truth)
    usual_right = scores[usual].argmax(axis=1) == truth

    def sure_gain(choice: ModelChoice) -> float:
        """Return by how much a candidate is better than the usual one, less what chance explains."""
        difference = (scores[choice].argmax(axis=1) == truth).astype(np.float64) - usual_right
        error = float(difference.std() / np.sqrt(len(truth)))
        return held_out_quality(scores[choice], truth) - usual_quality - sure * error

    best = max(scores, key=sure_gain)
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


def _trial(codes: Rows, groups: Rows, age: Floats | None, seed: int, most_rows: int) -> ComparisonRows:
    """Return rows drawn by whole groups, and which of them answer which."""
    n_classes = int(codes.max(initial=0)) + 1
    limit = int(np.clip(_MAX_CELLS * most_rows // _MAX_ROWS // n_classes, _MIN_ROWS, most_rows))
    order = np.random.default_rng(seed).permutation(int(groups.max(initial=0)) + 1)[groups]
    rows = np.sort(np.argsort(order, kind="stable")[:limit])
    if age is not None:
        rows = rows[np.argsort(-age[rows], kind="stable")]
        ends = [(int(start * len(rows)), int(end * len(rows))) for start, end in _EARLIER]
        return ComparisonRows(rows, [(np.arange(start), np.arange(start, end)) for start, end in ends])
    folds = np.unique(order[rows], return_inverse=True)[1] % FOLDS
    if len(np.unique(folds)) < FOLDS:
        return ComparisonRows(rows, [])
    return ComparisonRows(
        rows, [(np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)) for fold in range(FOLDS)]
    )


def _trial_scores(
    rows: ViewedRows,
    codes: Rows,
    n_classes: int,
    trial: ComparisonRows,
    choices: Sequence[ModelChoice],
    faded: Matrix | None = None,
) -> dict[ModelChoice, Matrix]:
    """Return the scores that each choice gives the rows that are asked, from fits without them."""
    models = sorted({model for choice in choices for model in choice.hinges})  # those of one view in turn
    margins = {model: held_out_hinge(rows, model, codes, n_classes, trial.divisions, faded) for model in models}
    nothing = np.zeros((len(trial.held_out), n_classes), np.float32)
    least_squares = any(choice.ridge for choice in choices)
    counts = np.ones(len(codes), np.float32) if faded is None else faded
    ridge = _trial_ridge(rows.gram(SMOOTH), codes, n_classes, trial, counts) if least_squares else nothing
    return {
        choice: np.asarray(
            choice.ridge * ridge + sum(share * margins[model] for model, share in choice.hinges.items()), np.float32
        )
        for choice in choices
    }


def _trial_ridge(gram: Matrix, codes: Rows, n_classes: int, trial: ComparisonRows, counts: Matrix) -> Matrix:
    """Return the scores by the penalty that is best for these rows."""
    ridges: dict[float, list[Matrix]] = {penalty: [] for penalty in _PENALTIES}
    for fit, test in trial.divisions:
        row_weights = class_row_weights(codes[fit], n_classes, BALANCE) * counts[fit]
        for penalty, scores in ridges.items():
            system = gram[np.ix_(fit, fit)]
            system[np.diag_indices_from(system)] += penalty / row_weights
            scores.append(gram[np.ix_(test, fit)] @ _solved(system, class_indicators(codes[fit], n_classes)))
    truth = codes[trial.held_out]
    return max((np.concatenate(scores) for scores in ridges.values()), key=lambda s: held_out_quality(s, truth))


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
