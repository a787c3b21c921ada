"""Probabilities that mean what they say: temperature scaling, and the error that is left."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

Floats = npt.NDArray[np.float64]


def fit_temperature(scores: Floats, truth: npt.NDArray[np.intp]) -> float:
    """Return the temperature that gives the observed classes the greatest likelihood (Guo et al., 2017).

    Parameters
    ----------
    scores : ndarray, shape (n, n_classes)
        Decision values of incidents that the fit never saw.
    truth : ndarray of int, shape (n,)
        Column of the true class; rows whose class the fit did not know are left out by the caller.
    """

    def loss(log_temperature: float) -> float:
        log_probabilities = log_softmax(scores / np.exp(log_temperature), axis=1)
        return -float(log_probabilities[np.arange(len(truth)), truth].mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-6.0, 4.0), method="bounded").x))


def expected_calibration_error(probability: Floats, correct: npt.NDArray[np.bool_], bins: int = 15) -> float:
    """Return the mean gap between the top class's probability and how often it was right (Naeini et al., 2015).

    Rows are put into ``bins`` bins of equal width over [0, 1] by the probability of their top class; the gap of each
    bin, |mean probability - share correct|, is weighted by the share of the rows that it holds.
    """
    if not len(probability):
        return float("nan")
    bin_of = np.minimum((probability * bins).astype(int), bins - 1)
    gaps = np.bincount(bin_of, weights=probability - correct, minlength=bins)
    return float(np.abs(gaps).sum() / len(probability))
