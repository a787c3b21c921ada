"""Certified precision: how sure one may be, from a finite calibration set, of the precision of what would be automatic.

A threshold is certified by testing "its precision is below the target" with the exact binomial distribution (Clopper
and Pearson, 1934). Thresholds are fixed before the calibration rows are looked at and tested one after the other, each
at the full level, until one is not rejected: fixed-sequence testing (Bauer, 1991; Angelopoulos et al., "Learn then
Test", 2021). The chance that a certified threshold breaks its promise is then at most ``risk``, whatever the classifier
and however many thresholds; precision need not rise with the threshold.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import betainc, betaincinv

from diagnosis.phrases import Phrase

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.integer[Any] | np.floating[Any]]
_STEPS = 25


def precision_lower_bound(correct: float, accepted: float, risk: float) -> float:
    """Return the exact lower confidence bound of a binomial proportion (Clopper and Pearson, 1934).

    The true proportion lies below the bound in at most a share ``risk`` of all samples. 0.0 without a correct case.
    """
    if correct <= 0:
        return 0.0
    return float(betaincinv(correct, accepted - correct + 1, risk))


def cases_needed(precision: float, risk: float) -> int:
    """Return how many accepted cases without an error prove ``precision``: the least n with precision^n <= risk.

    Examples
    --------
    >>> cases_needed(precision=0.95, risk=0.1)
    45
    """
    if precision <= 0:  # nothing to prove but that there is one
        return 1
    return math.ceil(round(math.log(risk) / math.log(precision), 9))


@dataclass(frozen=True, slots=True)
class Answers:
    """What a classifier answered to incidents that it never saw, and whether it was right.

    Attributes
    ----------
    value : ndarray of str, shape (n,)
        Most probable class.
    probability : ndarray of float, shape (n,)
        Its probability.
    correct : ndarray of bool, shape (n,)
    """

    value: npt.NDArray[np.object_]
    probability: Floats
    correct: Bools

    def of(self, rows: Bools | npt.NDArray[np.intp]) -> Answers:
        """Return some of the answers."""
        return Answers(self.value[rows], self.probability[rows], self.correct[rows])


@dataclass(frozen=True, slots=True)
class Certificate:
    """What the calibration rows prove of the answers at or above a threshold.

    Attributes
    ----------
    promised : float
        The precision that was to be proven, at confidence ``1 - risk``.
    risk : float
        Level of the test, corrected for the number of classes tested.
    threshold : float or None
        Least probability for which the promise is proven; None if it is proven for none.
    accepted, correct : int
        Calibration rows at or above the threshold (at the best threshold tried, if none is proven).
    """

    promised: float
    risk: float
    threshold: float | None
    accepted: int
    correct: int

    @property
    def lower_bound(self) -> float:
        """Proven precision at the threshold."""
        return precision_lower_bound(self.correct, self.accepted, self.risk)

    @property
    def why_not(self) -> Phrase | None:
        """Return why nothing is proven; None if it is."""
        if self.threshold is not None:
            return None
        needed = cases_needed(self.promised, self.risk)
        if self.accepted < needed:
            values = {"n": self.accepted, "needed": needed, "promised": self.promised}
            return Phrase("too_few_cases", values)
        wrong = self.accepted - self.correct
        values = {"n": self.accepted, "wrong": wrong, "bound": self.lower_bound, "promised": self.promised}
        return Phrase("too_many_errors", values)


def threshold_path(tuning: Answers, promised: float, share: float = 1.0) -> Floats:
    """Return the thresholds to test, in order: from the one most likely to be proven to ever looser ones.

    Tuning rows are not calibration rows: what is fixed by them costs no level. Where all of them lie above
    ``promised``, that comes last: classes that are easily told apart would else be certain of what is surer still only.

    Parameters
    ----------
    share : float
        How many calibration rows there are for each tuning row.
    """
    if not len(tuning.probability):
        return np.array([0.5])
    grid = np.unique(np.quantile(tuning.probability, np.linspace(0, 1, _STEPS, endpoint=False), method="higher"))[::-1]
    accepted, correct = counts_from(tuning, grid)
    path = grid[int(np.argmin(p_value(correct * share, accepted * share, promised))) :]
    return np.append(path, promised) if promised < path[-1] else path


def certify(
    calibration: Answers, path: Floats, promised: float, risk: float, dropped: Answers | None = None
) -> Certificate:
    """Test the thresholds in order until one is not proven, and return the last that was.

    Parameters
    ----------
    calibration : Answers
        Of incidents that neither the fit nor the choice of ``path`` saw.
    path : ndarray, shape (n_thresholds,), not empty
    dropped : Answers, optional
        Answers that were taken out after a look at the calibration rows (classes that missed their floor). Their errors
        still count: the errors of a part are never more than the errors of the whole, so taking out what looked bad
        cannot make the rest look better than it is.
    """
    accepted, correct = counts_from(calibration, path)
    if dropped is not None:
        accepted = accepted + counts_from(dropped.of(~dropped.correct), path)[0]
    missed = np.flatnonzero(p_value(correct, accepted, promised) > risk)
    proven = int(missed[0]) if len(missed) else len(path)
    at = max(proven - 1, 0)
    return Certificate(promised, risk, float(path[at]) if proven else None, int(accepted[at]), int(correct[at]))


def counts_from(answers: Answers, thresholds: Floats) -> tuple[Counts, Counts]:
    """Return how many answers are at or above each threshold, and how many of these are right."""
    order = np.argsort(answers.probability, kind="stable")
    first = np.searchsorted(answers.probability[order], thresholds, side="left")
    right_from = np.append(np.cumsum(answers.correct[order][::-1])[::-1], 0)
    return len(order) - first, right_from[first]


def p_value(correct: Numbers, accepted: Numbers, promised: float) -> Floats:
    """Return the chance of so many correct or more, were the precision just ``promised``: exact binomial tail."""
    tail = betainc(np.maximum(correct, 1), accepted - correct + 1, promised)
    return np.asarray(np.where(correct > 0, tail, 1.0))
