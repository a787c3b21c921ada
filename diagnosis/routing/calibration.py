"""Probabilities that mean what they say: a link from scores to probabilities, and the error that is left."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from diagnosis.arrays import Floats

_MAX_VALUES = 2_000_000  # scores from which two parameters are learned: more rows of many classes add only time


@dataclass(frozen=True, slots=True)
class PowerLink:
    """Scores near class shares to probabilities: ``(max(score, 0) + offset) ** power``, brought to sum one.

    The regression scores are least-squares estimates of the probabilities themselves; a power sharpens or flattens
    them as a temperature does (Guo et al., 2017, on the logarithm of the score), an offset keeps what was never seen
    possible.
    """

    power: float = 1.0
    offset: float = 0.01

    def probabilities(self, scores: Floats) -> Floats:
        """Return probabilities, shape (n, n_classes); rows sum to one."""
        logs = self.power * np.log(np.maximum(scores, 0) + self.offset)
        logs -= logs.max(axis=1, keepdims=True)
        np.exp(logs, out=logs)
        logs /= logs.sum(axis=1, keepdims=True)
        return logs


def fit_link(scores: Floats, truth: npt.NDArray[np.intp]) -> PowerLink:
    """Return the link that gives the observed classes the greatest likelihood.

    Parameters
    ----------
    scores : ndarray, shape (n, n_classes)
        Of incidents that the fit never saw.
    truth : ndarray of int, shape (n,)
        Column of the true class; -1 where the fit did not know it (such rows are left out).
    """
    from scipy.optimize import minimize  # noqa: PLC0415 - no diagnosis needs it

    labelled = truth >= 0
    if not labelled.any() or scores.shape[1] < 2:
        return PowerLink()
    few = np.flatnonzero(labelled)[:: max(1, int(labelled.sum() * scores.shape[1] / _MAX_VALUES))]
    scores, truth = scores[few], truth[few]

    rows = np.arange(len(truth))

    def loss(parameters: Floats) -> tuple[float, Floats]:
        """Return the mean negative log-likelihood, and its gradient by the logarithms of power and offset."""
        power, offset = np.exp(parameters)
        shifted = np.maximum(scores, 0) + offset
        logs = np.log(shifted)
        expected = power * logs
        top = expected.max(axis=1)
        np.exp(expected - top[:, None], out=expected)
        total = expected.sum(axis=1)
        expected /= total[:, None]
        of_truth = shifted[rows, truth]
        by_power = (expected * logs).sum(axis=1) - np.log(of_truth)
        by_offset = power * ((expected / shifted).sum(axis=1) - 1 / of_truth)
        value = np.mean(top + np.log(total) - power * np.log(of_truth))
        return float(value), np.array([power * by_power.mean(), offset * by_offset.mean()])

    solution = minimize(loss, np.array([0.7, -4.0]), jac=True, method="L-BFGS-B", bounds=[(-2.0, 3.0), (-9.0, 1.0)])
    return PowerLink(*(float(value) for value in np.exp(solution.x)))


def expected_calibration_error(probability: Floats, correct: npt.NDArray[np.bool_], bins: int = 15) -> float:
    """Return the mean gap between the top class's probability and how often it was right (Naeini et al., 2015).

    Rows are put into ``bins`` bins of equal width over [0, 1] by the probability of their top class; the gap of each
    bin, |mean probability - share correct|, is weighted by the share of the rows that it holds. NaN without a row.
    """
    if not len(probability):
        return float("nan")
    bin_of = np.minimum((probability * bins).astype(int), bins - 1)
    gaps = np.bincount(bin_of, weights=probability - correct, minlength=bins)
    return float(np.abs(gaps).sum() / len(probability))
