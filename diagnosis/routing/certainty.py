"""Certified precision: how sure one may be, from a finite calibration set, of the precision of what would be automatic.

A threshold is certified by testing "its precision is below the target" with the exact binomial distribution (Clopper
and Pearson, 1934). Thresholds are fixed before the calibration rows are looked at and tested one after the other, each
at the full level, until one is not rejected: fixed-sequence testing (Bauer, 1991; Angelopoulos et al., "Learn then
Test", 2021). The chance that a certified threshold breaks its promise is then at most ``risk``, whatever the classifier
and however many thresholds; precision need not rise with the threshold.

Two promises are made, each at ``risk``: the precision of everything that is automatic, and a lower floor for each
class, at ``risk / n_classes_tested`` (Bonferroni) so that it holds for all classes at once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
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

    def of(self, rows: Bools) -> Answers:
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
    def why_not(self) -> str | None:
        """In words, why nothing is proven; None if it is."""
        if self.threshold is not None:
            return None
        needed = cases_needed(self.promised, self.risk)
        if self.accepted < needed:
            return f"{_cases(self.accepted)}; {needed} without an error are needed to prove {self.promised:.0%}"
        wrong = self.accepted - self.correct
        return (
            f"{_cases(self.accepted)}, {wrong} of them wrong, prove {self.lower_bound:.1%} and not {self.promised:.0%}"
        )


def _cases(count: int) -> str:
    return f"{count} accepted calibration case" + ("" if count == 1 else "s")


def threshold_path(tuning: Answers, risk: float) -> Floats:
    """Return the thresholds to test, in order: from the one that looks surest on tuning rows to ever looser ones.

    Tuning rows are not calibration rows: what is fixed by them costs no level.
    """
    if not len(tuning.probability):
        return np.array([0.5])
    grid = np.unique(np.quantile(tuning.probability, np.linspace(0, 1, _STEPS, endpoint=False), method="higher"))[::-1]
    bounds = [_bound(tuning, threshold, risk) for threshold in grid]
    return grid[int(np.argmax(bounds)) :]


def certify(
    calibration: Answers, path: Floats, promised: float, risk: float, dropped: Answers | None = None
) -> Certificate:
    """Test the thresholds in order until one is not proven, and return the last that was.

    Parameters
    ----------
    calibration : Answers
        Of incidents that neither the fit nor the choice of ``path`` saw.
    dropped : Answers, optional
        Answers that were taken out after a look at the calibration rows (classes that missed their floor). Their errors
        still count: the errors of a part are never more than the errors of the whole, so taking out what looked bad
        cannot make the rest look better than it is.
    """
    proven: Certificate | None = None
    for threshold in path:
        kept = calibration.probability >= threshold
        accepted, correct = int(kept.sum()), int(calibration.correct[kept].sum())
        if dropped is not None:
            accepted += int((~dropped.correct & (dropped.probability >= threshold)).sum())
        if precision_lower_bound(correct, accepted, risk) < promised:
            return proven or Certificate(promised, risk, None, accepted, correct)
        proven = Certificate(promised, risk, float(threshold), accepted, correct)
    return proven or Certificate(promised, risk, None, 0, 0)


def _bound(answers: Answers, threshold: float, risk: float) -> float:
    kept = answers.probability >= threshold
    return precision_lower_bound(float(answers.correct[kept].sum()), float(kept.sum()), risk)


@dataclass(frozen=True, slots=True)
class Certification:
    """The promise for everything that is automatic, and the floor of each class that takes part."""

    overall: Certificate
    classes: Mapping[str, Certificate]

    def accepts(self, value: npt.NDArray[np.object_], probability: Floats) -> Bools:
        """Tell which answers may be automatic."""
        return np.array([self.why_not(v, p) is None for v, p in zip(value, probability, strict=True)], dtype=bool)

    def why_not(self, value: str, probability: float) -> str | None:
        """In words, why an answer may not be automatic; None if it may."""
        if self.overall.why_not:
            return f"nothing is certified: {self.overall.why_not}"
        certificate = self.classes.get(value)
        if certificate is None:
            return f"'{value}' was not met in calibration: 0 accepted calibration cases"
        if certificate.why_not:
            return f"'{value}' is not certified: {certificate.why_not}"
        threshold = max(self.overall.threshold or 0.0, certificate.threshold or 0.0)
        if probability < threshold:
            return (
                f"'{value}' is certified from probability {threshold:.3f}; the certified fit gives it {probability:.3f}"
            )
        return None


def certify_classes(
    tuning: Answers, calibration: Answers, *, precision: float, risk: float, floor: float
) -> Certification:
    """Prove a precision overall and a floor for each class from calibration rows.

    Parameters
    ----------
    tuning : Answers
        Of incidents that were not in the fit that answered; they fix what is tested: thresholds and classes.
    calibration : Answers
        Of incidents that neither the fit nor tuning saw.
    """
    share = len(calibration.value) / max(len(tuning.value), 1)
    tested = _promising(tuning, share, floor, risk)
    level = risk / max(len(tested), 1)
    classes: dict[str, Certificate] = {}
    for name in sorted({*tuning.value.tolist(), *calibration.value.tolist()}):
        own = calibration.of(calibration.value == name)
        if name in tested:
            classes[name] = certify(own, threshold_path(tuning.of(tuning.value == name), level), floor, level)
        else:
            classes[name] = Certificate(floor, level, None, len(own.value), int(own.correct.sum()))
    candidates = np.isin(calibration.value, tested)
    passed = np.array(
        [
            (t := classes[v].threshold) is not None and p >= t
            for v, p in zip(calibration.value, calibration.probability, strict=True)
        ],
        dtype=bool,
    )
    path = threshold_path(tuning.of(np.isin(tuning.value, tested)), risk)
    overall = certify(calibration.of(passed), path, precision, risk, calibration.of(candidates & ~passed))
    return Certification(overall, classes)


def _promising(tuning: Answers, share: float, floor: float, risk: float) -> list[str]:
    """Return the classes whose floor could be proven by rows like the tuning rows, ``share`` times as many."""
    names, counts = np.unique(tuning.value.astype(str), return_counts=True)
    enough = names[counts * share >= cases_needed(floor, risk)]
    level = risk / max(len(enough), 1)
    return [str(name) for name in enough if _could_pass(tuning.of(tuning.value == name), share, floor, level)]


def _could_pass(tuning: Answers, share: float, floor: float, level: float) -> bool:
    kept = tuning.probability >= threshold_path(tuning, level)[0]
    correct, accepted = tuning.correct[kept].sum() * share, kept.sum() * share
    return precision_lower_bound(float(correct), float(accepted), level) >= floor
