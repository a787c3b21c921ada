"""Linear support vector machines with squared hinge loss, one class against the rest (LIBLINEAR, Fan et al., 2008)."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from diagnosis.routing.matrix import FeatureMatrix, Matrix

FOLDS = 3
_ALL_FOLDS = 2_500  # rows up to which every row gets a held-out score
_TOLERANCE = 0.3  # held-out answers are those of 0.01, in two thirds of the time
_MAX_PASSES = 200


def fit_hinge(
    matrix: FeatureMatrix, codes: npt.NDArray[np.intp], n_classes: int, strength: float, row_weights: Matrix
) -> Matrix:
    """Return weights whose scores estimate class probabilities, shape (n_features, n_classes).

    The margin that least expected squared hinge loss asks for is ``2 p - 1``: half of it, and a half, estimate the
    probability as least squares on class indicators do. Classes without a row score zero.

    Parameters
    ----------
    matrix : FeatureMatrix, shape (n, n_features)
        The last sparse column is the same in every row: it takes the intercept.
    strength : float
        ``C`` of LIBLINEAR.
    row_weights : ndarray of float32, shape (n,)
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


def held_out_hinge(
    matrix: FeatureMatrix,
    codes: npt.NDArray[np.intp],
    n_classes: int,
    strength: float,
    row_weights: Matrix,
    groups: npt.NDArray[np.intp],
) -> Matrix:
    """Return the scores of each row from a fit without its fold, shape (n, n_classes); rows of a group share a fold.

    In a long history one fold has scores, the other rows NaN: enough to learn from, at a third of the time.
    """
    folds = np.unique(groups, return_inverse=True)[1] % FOLDS
    scores = np.full((len(codes), n_classes), np.nan, dtype=np.float32)
    for fold in np.unique(folds)[: 1 if len(codes) > _ALL_FOLDS else FOLDS]:
        test, fit = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        if len(fit):
            weights = fit_hinge(matrix[fit], codes[fit], n_classes, strength, row_weights[fit])
            scores[test] = matrix[test] @ weights
    return scores
