"""Weighted ridge regression on class indicators: scores that estimate class probabilities, and their held-out values.

Small histories are solved in the dual, where one Cholesky factor serves all classes and the scores that each row would
get from a fit without its group have a closed form (Rifkin and Lippert, 2007, for single rows; the block form for
groups). Large ones are solved by conjugate gradients, and one part is held out; there a score above one of the true
class, or below zero of another, is no error: the squared hinge loss, whose scores estimate the same probabilities.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.linalg import cho_factor, cho_solve, lapack

from diagnosis.arrays import Rows
from diagnosis.routing.calibration import fit_link
from diagnosis.routing.matrix import FeatureMatrix, Matrix, TransposedMatrix

DUAL_ROWS = 8_000  # up to here the Gram matrix (4 bytes * rows^2) is cheap
_HELD_SHARE = 0.15
# Rows on which strengths are compared. Fewer ask for a heavier hand than all of them need, and each draw for another.
_TRIAL_ROWS, _TRIAL_ROWS_OF_MANY = 4_000, 2_000
_NEAR = 1.02  # losses that fairness to rare classes may cost
_FEWER_RIGHT = 0.002  # and the share of right answers that it may
_ALIKE = 1.002  # losses that a sample does not tell apart
_FEW_FEATURES = 2_000  # up to here the normal equations are solved at once
_NEWTON_STEPS = 3
_MOST_CELLS = 20_000_000  # rows times classes up to which each class counts rows of its own
_MAX_STEPS = 20
_TOLERANCE = 5e-3


@dataclass(frozen=True, slots=True)
class Strength:
    """How strongly weights are held back.

    Attributes
    ----------
    penalty : float
        On squared weights, for rows whose squared length is about one.
    balance : float
        0: every row weighs the same; 1: every class does.
    """

    penalty: float
    balance: float


_PENALTIES = (0.1, 0.3, 0.5, 1.0, 3.0)
_BALANCES = (0.4, 0.3, 0.2, 0.0)  # fairest first
_USUAL_BALANCE = 0.2  # at which penalties are compared: they hardly depend on it


@dataclass(frozen=True, slots=True)
class RidgeFit:
    """Weights, and what each row would have scored had its group not been in the fit.

    Attributes
    ----------
    weights : ndarray of float32
        Of features, shape (n_features, n_classes); of rows, shape (n, n_classes), where the dual was solved.
    held_out : ndarray of float32, shape (n, n_classes)
        NaN in rows that were not held out.
    strength : Strength
    """

    weights: Matrix
    held_out: Matrix
    strength: Strength


def fit_dual(
    gram: Matrix,
    codes: Rows,
    n_classes: int,
    groups: Rows,
    seed: int,
    recency: Matrix | None = None,
    strength: Strength | None = None,
) -> RidgeFit:
    """Fit one indicator a class in the dual, as strongly held back as held-out likelihood asks for.

    Parameters
    ----------
    gram : ndarray of float32, shape (n, n)
        Inner products of the rows.
    codes : ndarray of int, shape (n,)
        Class of each row, 0 to ``n_classes - 1``.
    groups : ndarray of int, shape (n,)
        Rows of one group are held out together.
    recency : ndarray of float32, shape (n,), optional
        What each row counts for its age, one on average.
    strength : Strength, optional
        Where it was chosen before: then no row is held out.
    """
    known_strength = strength is not None
    strength = strength or _choose(
        lambda rows: gram[np.ix_(rows, rows)], _TRIAL_ROWS, codes, groups, np.arange(len(codes)), seed
    )
    row_weights = class_row_weights(codes, n_classes, strength.balance)
    if recency is not None:
        row_weights *= recency
    diagonal, indicators = strength.penalty / row_weights, class_indicators(codes, n_classes)
    if known_strength:
        system = np.array(gram, order="F")
        system[np.diag_indices_from(system)] += diagonal
        dual = cho_solve(cho_factor(system, lower=True, overwrite_a=True), indicators)
        return RidgeFit(dual, np.full(indicators.shape, np.nan, dtype=np.float32), strength)
    return RidgeFit(*_solve_dual(gram, indicators, diagonal, groups), strength)


def fit_ridge(
    matrix: FeatureMatrix,
    codes: Rows,
    n_classes: int,
    groups: Rows,
    seed: int,
    recency: Matrix | None = None,
    start: Matrix | None = None,
    strength: Strength | None = None,
) -> RidgeFit:
    """Fit one indicator a class on a large history, as `fit_dual` does on another; the weights are of features.

    Parameters
    ----------
    matrix : FeatureMatrix, shape (n, n_features)
    start : ndarray of float32, shape (n_features, n_classes), optional
        Weights to begin with, of which then no row is held out.
    """
    is_held = held_rows(groups, seed)
    # The features of a large history know the classes of the rows that are not held out.
    among = np.flatnonzero(is_held)
    strength = strength or _choose(
        lambda rows: matrix[rows].inner_products(), _TRIAL_ROWS_OF_MANY, codes, groups, among, seed
    )
    row_weights = class_row_weights(codes, n_classes, strength.balance)
    if recency is not None:
        row_weights *= recency
    solve = _solve_primal if matrix.shape[1] <= _FEW_FEATURES else _one_sided
    targets = sp.csr_matrix((row_weights, codes, np.arange(len(codes) + 1)), shape=(len(codes), n_classes))
    held_out = np.full((len(codes), n_classes), np.nan, dtype=np.float32)
    if start is None:
        start = solve(matrix[~is_held], targets[~is_held], row_weights[~is_held], strength.penalty, None)
        held_out[is_held] = matrix[is_held] @ start
    return RidgeFit(solve(matrix, targets, row_weights, strength.penalty, start), held_out, strength)


def _choose(
    products: Callable[[Rows], Matrix], trial: int, codes: Rows, groups: Rows, among: Rows, seed: int
) -> Strength:
    """Return the penalty with the least held-out loss on a sample of some rows, and the fairest balance near it.

    Parameters
    ----------
    products : callable
        Gives the inner products of rows.
    trial : int
        How many rows are drawn.
    among : ndarray of int
        Rows that may be drawn.
    """
    names, codes = np.unique(codes, return_inverse=True)
    if len(names) < 2 or len(names) > trial // 5:
        return Strength(_PENALTIES[0], _BALANCES[0])
    rows = np.sort(np.random.default_rng(seed).permutation(among)[:trial])
    part, indicators = products(rows), class_indicators(codes[rows], len(names))

    def evaluate(penalty: float, balance: float) -> tuple[float, float]:
        """Return held-out loss, and the share of right answers."""
        diagonal = penalty / class_row_weights(codes[rows], len(names), balance)
        _, held_out = _solve_dual(part, indicators, diagonal, groups[rows])
        scores = held_out.astype(np.float64)
        probabilities = fit_link(scores, codes[rows]).probabilities(scores)
        loss = -np.log(probabilities[np.arange(len(rows)), codes[rows]]).mean()
        return float(loss), float((scores.argmax(axis=1) == codes[rows]).mean())

    by_penalty: dict[float, tuple[float, float]] = {}
    least = math.inf
    for penalty in _PENALTIES:
        by_penalty[penalty] = evaluate(penalty, _USUAL_BALANCE)
        if by_penalty[penalty][0] > _ALIKE * least:
            break  # the loss falls, and then grows with the penalty
        least = min(least, by_penalty[penalty][0])
    # A link makes up for a heavy hand on the sample, not on all rows, which need less.
    penalty = min(p for p, (loss, _) in by_penalty.items() if loss <= _ALIKE * least)
    by_balance = {_USUAL_BALANCE: by_penalty[penalty]}
    by_balance |= {balance: evaluate(penalty, balance) for balance in _BALANCES if balance > _USUAL_BALANCE}
    if by_balance[_USUAL_BALANCE][0] == min(loss for loss, _ in by_balance.values()):  # less may be better still
        by_balance |= {balance: evaluate(penalty, balance) for balance in _BALANCES if balance < _USUAL_BALANCE}
    least = min(loss for loss, _ in by_balance.values())
    near = {b: right for b, (loss, right) in by_balance.items() if loss <= _NEAR * least}
    return Strength(penalty, max(b for b, right in near.items() if right >= max(near.values()) - _FEWER_RIGHT))


def class_row_weights(codes: Rows, n_classes: int, balance: float) -> Matrix:
    """Return what each row counts, one on average: with ``balance`` 1 every class as much, with 0 every row."""
    weights = np.maximum(np.bincount(codes, minlength=n_classes), 1)[codes] ** -balance
    return np.asarray(weights / weights.mean(), dtype=np.float32)


def class_indicators(codes: Rows, n_classes: int) -> Matrix:
    """Return one column a class, one where a row belongs to it, shape (n, n_classes)."""
    indicators = np.zeros((len(codes), n_classes), dtype=np.float32)
    indicators[np.arange(len(codes)), codes] = 1
    return indicators


def _solve_dual(gram: Matrix, targets: Matrix, diagonal: Matrix, groups: Rows) -> tuple[Matrix, Matrix]:
    """Return the dual weights, and the scores of each row from a fit without its group."""
    system = np.array(gram, order="F")
    system[np.diag_indices_from(system)] += diagonal
    factor, _ = lapack.spotrf(system, lower=1, overwrite_a=1)
    # The inverse is the product of the factor's inverse with itself, of which little more than the diagonal is needed.
    root, _ = lapack.strtri(factor, lower=1, overwrite_c=1)
    dual = np.asarray(root.T @ (root @ targets), dtype=np.float32)
    residual = dual / np.einsum("ij,ij->j", root, root)[:, None]
    order = np.argsort(groups, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(groups[order])) + 1):
        if len(rows) > 1:
            of_group = root[:, rows].T @ root[:, rows]
            residual[rows] = np.linalg.solve(of_group, dual[rows])
    return dual, targets - residual


def held_rows(groups: Rows, seed: int) -> npt.NDArray[np.bool_]:
    """Tell which rows of a large history `fit_ridge` holds out, shape (n,)."""
    numbers = np.unique(groups)
    is_held = np.random.default_rng(seed).permutation(numbers)[: max(1, int(_HELD_SHARE * len(numbers)))]
    return np.isin(groups, is_held)


def _solve_primal(
    matrix: FeatureMatrix, weighted_targets: sp.csr_matrix, row_weights: Matrix, penalty: float, _: Matrix | None
) -> Matrix:
    """Solve (X'DX + penalty) W = X'DY by a Cholesky factor; needs no start."""
    system = matrix.weighted_squares(row_weights)
    system[np.diag_indices_from(system)] += penalty
    target = (matrix.T @ weighted_targets).astype(np.float64)
    return np.asarray(cho_solve(cho_factor(system), target), dtype=np.float32)


def _one_sided(
    matrix: FeatureMatrix, weighted_targets: sp.csr_matrix, row_weights: Matrix, penalty: float, start: Matrix | None
) -> Matrix:
    """Solve the regression in which a score above one of the true class, or below zero of another, is no error.

    That is the support vector machine with squared hinge loss, one class against the rest, by finite Newton steps
    (Keerthi and DeCoste, 2005): a ridge regression on what is an error now, again and again. With so many classes that
    these differ too much to be held in memory, it is the ridge regression itself.
    """
    transposed = matrix.T
    weights = start
    many = weighted_targets.shape[0] * weighted_targets.shape[1] > _MOST_CELLS
    if weights is None or many:
        target = transposed @ weighted_targets
        weights = conjugate_gradients(matrix, transposed, row_weights[:, None], target, penalty, start)
    if many:
        return weights
    true = np.asarray(weighted_targets.todense()) > 0
    for _ in range(_NEWTON_STEPS):
        scores = matrix @ weights
        diagonals = np.where(np.where(true, scores < 1, scores > 0), row_weights[:, None], np.float32(0))
        target = transposed @ np.where(true, diagonals, np.float32(0))
        weights = conjugate_gradients(matrix, transposed, diagonals, target, penalty, weights)
    return weights


def conjugate_gradients(
    matrix: FeatureMatrix,
    transposed: TransposedMatrix,
    diagonals: Matrix,
    target: Matrix,
    penalty: float,
    start: Matrix | None,
) -> Matrix:
    """Solve (X'DX + penalty) W = target for all classes at once, from ``start``; each class may have its own D.

    Parameters
    ----------
    counted : ndarray, shape (n, n_classes) or (n, 1)
        The diagonals D: how much each row counts.
    """

    def product(weights: Matrix) -> Matrix:
        result: Matrix = transposed @ (diagonals * (matrix @ weights)) + np.float32(penalty) * weights
        return result

    solution = np.zeros_like(target) if start is None else start.copy()
    residual = target - product(solution) if start is not None else target.copy()
    direction = residual.copy()
    power = (residual**2).sum(axis=0)
    goal = _TOLERANCE**2 * (target**2).sum(axis=0)
    for _ in range(_MAX_STEPS):
        if (power <= goal).all():
            break
        image = product(direction)
        step = power / np.maximum((direction * image).sum(axis=0), 1e-30)
        solution += step * direction
        residual -= step * image
        new_power = (residual**2).sum(axis=0)
        direction = residual + (new_power / np.maximum(power, 1e-30)) * direction
        power = new_power
    return solution
