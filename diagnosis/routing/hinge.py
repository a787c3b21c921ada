"""Linear support vector machines with squared hinge loss, one class against the rest.

Where the inner products of many long rows are at hand, the dual is solved for all classes together by coordinate
descent (Hsieh et al., 2008), in blocks of rows: a pass reads the products once, and not the rows once a class. Few or
short rows, and histories whose products would not fit into memory, are left to LIBLINEAR (Fan et al., 2008), which does
the same class by class.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from diagnosis.arrays import Rows
from diagnosis.routing.matrix import FeatureMatrix, Matrix
from diagnosis.routing.ridge import class_row_weights
from diagnosis.routing.views import FeatureView, ViewedRows

FOLDS = 3
_ALL_FOLDS = 2_500  # rows up to which every row gets a held-out score
# LIBLINEAR's held-out answers are those of 0.01 in two thirds of the time; at 0.3 the dual is further from its best.
_TOLERANCE, _DUAL_TOLERANCE = 0.3, 0.1
_MAX_PASSES = 200
_BLOCK = 64  # rows whose margins are brought up to date together
Divisions = Sequence[tuple[Rows, Rows]]


class HingeModel(NamedTuple):
    """A support vector machine: what it sees, its ``C``, and its balance (0: rows, 1: classes weigh the same)."""

    view: FeatureView
    strength: float
    balance: float

    def row_weights(self, codes: Rows, n_classes: int, counts: Matrix | None) -> Matrix:
        """Return what each row counts, by its class and, where ``counts`` are given, by its age."""
        weights = class_row_weights(codes, n_classes, self.balance)
        return weights if counts is None else weights * counts


def scores_by_folds(
    rows: ViewedRows, model: HingeModel, codes: Rows, n_classes: int, groups: Rows, counts: Matrix | None
) -> Matrix:
    """Return the scores of each row from a fit without its fold, shape (n, n_classes); rows of a group share a fold.

    In a long history one fold has scores, the other rows NaN: enough to learn from, at a third of the time.
    """
    folds = np.unique(groups, return_inverse=True)[1] % FOLDS
    divisions = [(np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)) for fold in np.unique(folds)]
    divisions = [(fit, test) for fit, test in divisions if len(fit)][: 1 if len(codes) > _ALL_FOLDS else FOLDS]
    scores = np.full((len(codes), n_classes), np.nan, dtype=np.float32)
    if divisions:
        tests = np.concatenate([test for _, test in divisions])
        scores[tests] = held_out_hinge(rows, model, codes, n_classes, divisions, counts)
    return scores


def held_out_hinge(
    rows: ViewedRows, model: HingeModel, codes: Rows, n_classes: int, divisions: Divisions, counts: Matrix | None = None
) -> Matrix:
    """Return the scores of the rows that are held out of each division's fit, one division after another.

    Parameters
    ----------
    counts : ndarray of float32, shape (n,), optional
        What each row counts for its age.
    """
    gram, seen = (rows.gram(model.view), None) if rows.dense else (None, rows.seen(model.view))
    scores = []
    for fit, test in divisions:
        row_weights = model.row_weights(codes[fit], n_classes, None if counts is None else counts[fit])
        of_model = (codes[fit], n_classes, model.strength, row_weights)
        if gram is not None:
            dual = hinge_dual(gram[np.ix_(fit, fit)], *of_model)
            scores.append(gram[np.ix_(test, fit)] @ dual + intercepts(codes[fit], n_classes))
        elif seen is not None:
            scores.append(seen[test] @ fit_hinge(seen[fit], *of_model))
    return np.concatenate(scores)


def intercepts(codes: Rows, n_classes: int) -> Matrix:
    """Return what stands beside `hinge_dual`: a half for every class that has a row."""
    return np.where(np.bincount(codes, minlength=n_classes) > 0, np.float32(0.5), np.float32(0))


def hinge_dual(gram: Matrix, codes: Rows, n_classes: int, strength: float, row_weights: Matrix) -> Matrix:
    """Return the weight of each row in each class; ``gram`` times them, and `intercepts`, estimate probabilities.

    The margin that least expected squared hinge loss asks for is ``2 p - 1``: half of it, and a half, estimate the
    probability as least squares on class indicators do. Classes without a row score zero.

    Parameters
    ----------
    gram : ndarray of float32, shape (n, n)
    strength : float
        ``C`` of LIBLINEAR.
    row_weights : ndarray of float32, shape (n,)
    """
    rng = np.random.default_rng(0)
    order = rng.permutation(len(codes))  # rows that follow one another are often alike, and are better not met in turn
    gram = gram[np.ix_(order, order)]
    classes, own = np.unique(codes[order], return_inverse=True)
    slack = 0.5 / (np.float32(strength) * row_weights[order])
    dual = np.zeros((len(codes), len(classes)), dtype=np.float32)
    unfinished = np.arange(len(classes))
    for _ in range(_MAX_PASSES):
        columns = np.full(len(classes), -1)
        columns[unfinished] = np.arange(len(unfinished))
        improved = dual[:, unfinished]
        violation = _pass_over(gram, columns[own], improved, slack, rng)
        dual[:, unfinished] = improved
        unfinished = unfinished[violation >= _DUAL_TOLERANCE]
        if not len(unfinished):
            break
    by_class = np.zeros((len(codes), n_classes), dtype=np.float32)
    by_class[np.ix_(order, classes)] = dual / 2
    return by_class


def _pass_over(gram: Matrix, own: Rows, dual: Matrix, slack: Matrix, rng: np.random.Generator) -> Matrix:
    """Improve the weight of each row in turn, in place; return the greatest violation of optimality of each class.

    Rows that hardly violate it are passed over.

    Parameters
    ----------
    own : ndarray of int, shape (n,)
        Column of each row's class, -1 where it is not among them.
    dual : ndarray of float32, shape (n, n_columns)
        At least zero in a row's own class, at most zero in the others.
    slack : ndarray of float32, shape (n,)
    rng : Generator
        Of the order in which rows are met: in the same order every time it takes several times as many passes.
    """
    curvature = np.diag(gram) + slack
    steps, kept_shares = (1 / curvature).tolist(), (1 - slack / curvature).tolist()
    violation = np.zeros(dual.shape[1], dtype=np.float32)
    for start in (_BLOCK * rng.permutation(-(-len(dual) // _BLOCK))).tolist():
        rows = slice(start, start + _BLOCK)
        weights, classes = dual[rows], own[rows]
        gap = -(gram[rows] @ dual) - 1
        positive = np.flatnonzero(classes >= 0)
        gap[positive, classes[positive]] += 2
        of_rows = _violations(gap - slack[rows, None] * weights, weights, positive, classes[positive])
        np.maximum(violation, of_rows.max(axis=0), out=violation)
        products = np.ascontiguousarray(gram[rows, rows])
        for i in rng.permutation(np.flatnonzero(of_rows.max(axis=1) >= _DUAL_TOLERANCE / 4)).tolist():
            column = int(classes[i])
            best = weights[i] * kept_shares[start + i]
            best += gap[i] * steps[start + i]
            of_own = best[column]
            np.minimum(best, 0, out=best)
            if column >= 0:
                best[column] = max(of_own, 0)
            gap -= np.multiply.outer(products[i], best - weights[i])
            weights[i] = best
    return violation


def _violations(gradient: Matrix, weights: Matrix, positive: Rows, columns: Rows) -> Matrix:
    """Return how far each weight is from its best given all others, as a slope: none where it may not go further."""
    violations = np.where(weights < 0, np.abs(gradient), np.maximum(-gradient, 0))
    slopes = gradient[positive, columns]
    violations[positive, columns] = np.where(weights[positive, columns] > 0, np.abs(slopes), np.maximum(slopes, 0))
    return violations


def fit_hinge(
    matrix: FeatureMatrix, codes: npt.NDArray[np.intp], n_classes: int, strength: float, row_weights: Matrix
) -> Matrix:
    """Return weights whose scores estimate class probabilities as `hinge_dual` has them, by LIBLINEAR.

    Parameters
    ----------
    matrix : FeatureMatrix, shape (n, n_features)
        The last sparse column is the same in every row: it takes the intercept.

    Returns
    -------
    ndarray of float32, shape (n_features, n_classes)
    """
    from sklearn.exceptions import ConvergenceWarning  # noqa: PLC0415 - half a second, and no diagnosis needs it
    from sklearn.svm import LinearSVC  # noqa: PLC0415 - as above

    weights = np.zeros((matrix.shape[1], n_classes), dtype=np.float32)
    constant = matrix.sparse.shape[1] - 1
    of_constant = float(matrix.sparse[0, constant])
    classes = np.unique(codes)
    if len(classes) == 1:
        weights[constant, classes[0]] = 1 / of_constant
        return weights
    features = sp.hstack([matrix.sparse, sp.csr_matrix(matrix.dense)], format="csr", dtype=np.float64)
    model = LinearSVC(C=strength, fit_intercept=False, tol=_TOLERANCE, max_iter=_MAX_PASSES, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # nearly the best is as good on rows to come
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)  # small histories have many
        model.fit(features, codes, sample_weight=row_weights.astype(np.float64))
    margins = model.coef_ if len(classes) > 2 else np.vstack([-model.coef_, model.coef_])
    weights[:, classes] = (margins.T / 2).astype(np.float32)
    weights[constant, classes] += np.float32(0.5 / of_constant)
    return weights
