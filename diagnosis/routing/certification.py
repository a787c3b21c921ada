"""Certified precision: how sure one may be, from a finite calibration set, of the precision of what would be automatic.

A threshold is certified by testing "its precision is below the target" with the exact binomial distribution (Clopper
and Pearson, 1934). Thresholds are fixed before the calibration rows are looked at and tested one after the other, each
at the full level, until one is not rejected: fixed-sequence testing (Bauer, 1991; Angelopoulos et al., "Learn then
Test", 2021). The chance that a certified threshold breaks its promise is then at most ``risk``, whatever the classifier
and however many thresholds; precision need not rise with the threshold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from diagnosis.arrays import Bools, Floats
from diagnosis.phrases import Phrase
from diagnosis.statistics import proportion_lower_bound, proportion_p_values, trials_needed

Counts = npt.NDArray[np.int64]
_STEPS = 25


@dataclass(frozen=True, slots=True)
class ScoredPredictions:
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

    def of(self, rows: Bools | npt.NDArray[np.intp]) -> ScoredPredictions:
        """Return some of the answers."""
        return ScoredPredictions(self.value[rows], self.probability[rows], self.correct[rows])


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
        return proportion_lower_bound(self.correct, self.accepted, self.risk)

    @property
    def why_not(self) -> Phrase | None:
        """Return why nothing is proven; None if it is."""
        if self.threshold is not None:
            return None
        least = trials_needed(self.promised, self.risk)
        if self.accepted < least:
            values = {"n": self.accepted, "needed": least, "promised": self.promised}
            return Phrase("too_few_cases", values)
        values = {"n": self.accepted, "right": self.correct, "promised": self.promised}
        return Phrase("too_many_errors", values)


def threshold_path(tuning: ScoredPredictions, promised: float, share: float = 1.0) -> Floats:
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
    path = grid[int(np.argmin(proportion_p_values(correct * share, accepted * share, promised))) :]
    return np.append(path, promised) if promised < path[-1] else path


def certify(
    calibration: ScoredPredictions, path: Floats, promised: float, risk: float, dropped: ScoredPredictions | None = None
) -> Certificate:
    """Test the thresholds in order until one is not proven, and return the last that was.

    Parameters
    ----------
    calibration : ScoredPredictions
        Of incidents that neither the fit nor the choice of ``path`` saw.
    path : ndarray, shape (n_thresholds,), not empty
    dropped : ScoredPredictions, optional
        Answers that were taken out after a look at the calibration rows (classes that missed their floor). Their errors
        still count: the errors of a part are never more than the errors of the whole, so taking out what looked bad
        cannot make the rest look better than it is.
    """
    accepted, correct = counts_from(calibration, path)
    if dropped is not None:
        accepted = accepted + counts_from(dropped.of(~dropped.correct), path)[0]
    missed = np.flatnonzero(proportion_p_values(correct, accepted, promised) > risk)
    proven = int(missed[0]) if len(missed) else len(path)
    at = max(proven - 1, 0)
    return Certificate(promised, risk, float(path[at]) if proven else None, int(accepted[at]), int(correct[at]))


def counts_from(answers: ScoredPredictions, thresholds: Floats) -> tuple[Counts, Counts]:
    """Return how many answers are at or above each threshold, and how many of these are right."""
    order = np.argsort(answers.probability, kind="stable")
    first = np.searchsorted(answers.probability[order], thresholds, side="left")
    right_from = np.append(np.cumsum(answers.correct[order][::-1])[::-1], 0)
    return len(order) - first, right_from[first]


@dataclass(frozen=True, slots=True)
class Certification:
    """The promise for everything that is automatic, and the floor of each class that takes part."""

    overall: Certificate
    classes: Mapping[str, Certificate]

    def accepts(self, value: npt.NDArray[np.object_], probability: Floats) -> Bools:
        """Tell which answers may be automatic."""
        if self.overall.threshold is None:
            return np.zeros(len(value), dtype=bool)
        least = {
            name: max(c.threshold, self.overall.threshold)
            for name, c in self.classes.items()
            if c.threshold is not None
        }
        return np.asarray(probability >= np.array([least.get(name, np.inf) for name in value], dtype=np.float64))

    def why_not(self, value: str, probability: float) -> Phrase | None:
        """Return why an answer may not be automatic; None if it may."""
        if self.overall.why_not:
            return Phrase("nothing_certified", {"reason": self.overall.why_not})
        certificate = self.classes.get(value)
        if certificate is None:
            return Phrase("value_not_in_calibration", {"value": value})
        if certificate.why_not:
            return Phrase("value_not_certified", {"value": value, "reason": certificate.why_not})
        threshold = max(self.overall.threshold or 0.0, certificate.threshold or 0.0)
        if probability < threshold:
            values = {"value": value, "threshold": threshold, "probability": probability}
            return Phrase("below_threshold", values)
        return None


def certify_classes(
    tuning: ScoredPredictions, calibration: ScoredPredictions, *, precision: float, risk: float, floor: float
) -> Certification:
    """Prove a precision overall and a floor for each class from calibration rows.

    Parameters
    ----------
    tuning : ScoredPredictions
        Of incidents that were not in the fit that answered; they fix what is tested: thresholds and classes.
    calibration : ScoredPredictions
        Of incidents that neither the fit nor tuning saw.
    """
    share = len(calibration.value) / max(len(tuning.value), 1)
    tuned, calibrated = _by_class(tuning), _by_class(calibration)
    tested = _promising(tuned, share, floor, risk)
    nothing = calibration.of(np.zeros(len(calibration.value), dtype=bool))
    classes = _prove_floors({name: calibrated.get(name, nothing) for name in tested}, tested, floor, risk)
    for name in sorted({*tuned, *calibrated} - set(tested)):
        met = calibrated.get(name, nothing)
        level = risk / max(len(tested), 1)
        classes[name] = Certificate(floor, level, None, len(met.value), int(met.correct.sum()))
    least = {name: c.threshold for name, c in classes.items() if c.threshold is not None}
    passing = calibration.probability >= np.array([least.get(name, np.inf) for name in calibration.value], dtype=float)
    candidates = np.array([name in tested for name in calibration.value], dtype=bool)
    path = threshold_path(tuning.of(np.array([name in tested for name in tuning.value], dtype=bool)), precision, share)
    overall = certify(calibration.of(passing), path, precision, risk, calibration.of(candidates & ~passing))
    return Certification(overall, classes)


def _prove_floors(
    calibrated: Mapping[str, ScoredPredictions], tested: Mapping[str, Floats], floor: float, risk: float
) -> dict[str, Certificate]:
    """Prove the floor of each class, all together at ``risk``.

    A class whose every threshold is proven hands its level on, in equal parts, to the classes that are not through: the
    graph of tests of Bretz et al. (2009), in which the thresholds of a class are a sequence.
    """
    levels = dict.fromkeys(tested, risk / max(len(tested), 1))
    through: set[str] = set()
    while True:
        classes = {name: certify(calibrated[name], path, floor, levels[name]) for name, path in tested.items()}
        ended = {name for name, path in tested.items() if classes[name].threshold == path[-1]} - through
        through |= ended
        left = [name for name in tested if name not in through]
        if not ended or not left:
            return classes
        for name in left:
            levels[name] += sum(levels[other] for other in ended) / len(left)


def certify_parents(
    children: Certification,
    tuning: tuple[ScoredPredictions, ScoredPredictions],
    calibration: tuple[ScoredPredictions, ScoredPredictions],
    *,
    precision: float,
    risk: float,
    floor: float,
) -> Certification:
    """Prove the same of the parents that are answered where no class is: a promise of its own, at its own ``risk``.

    A parent is easily right where its child is certain, but there the child is answered. Only the incidents that the
    children's certificates leave over speak of its precision.

    Parameters
    ----------
    children : Certification
        What the same calibration rows prove of the classes.
    tuning, calibration : (ScoredPredictions, ScoredPredictions)
        The answers with classes, and with parents, to the same incidents.
    """
    left = [
        parents.of(~children.accepts(classes.value, classes.probability)) for classes, parents in (tuning, calibration)
    ]
    return certify_classes(*left, precision=precision, risk=risk, floor=floor)


def _by_class(answers: ScoredPredictions) -> dict[str, ScoredPredictions]:
    names, codes = np.unique(answers.value.astype(str), return_inverse=True)
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes, minlength=len(names)))
    rows = np.split(order, ends[:-1]) if len(names) else []
    return {str(name): answers.of(of_name) for name, of_name in zip(names, rows, strict=True)}


def _promising(tuned: Mapping[str, ScoredPredictions], share: float, floor: float, risk: float) -> dict[str, Floats]:
    """Return the classes whose floor could be proven by rows like the tuning rows, ``share`` times as many.

    With each class come the thresholds to test for it.
    """
    least = trials_needed(floor, risk)
    enough = {name: answers for name, answers in tuned.items() if len(answers.value) * share >= least}
    level = risk / max(len(enough), 1)
    paths = {name: threshold_path(answers, floor, share) for name, answers in enough.items()}
    through = {name for name, path in paths.items() if _could_pass(enough[name], path[-1:], share, floor, level)}
    handed_on = risk / max(len(enough) - len(through), 1)
    return {
        name: path
        for name, path in paths.items()
        if name in through or _could_pass(enough[name], path[:1], share, floor, handed_on)
    }


def _could_pass(tuning: ScoredPredictions, threshold: Floats, share: float, floor: float, level: float) -> bool:
    accepted, correct = counts_from(tuning, threshold)
    return bool(proportion_p_values(correct * share, accepted * share, floor)[0] <= level)
