"""What calibration proves of a whole target: everything that is automatic, each class, and the parents of classes.

Two promises are made, each at ``risk``: the precision of everything that is automatic, and a lower floor for each
class, at ``risk / n_classes_tested`` (Bonferroni) so that it holds for all classes at once. Parents, which are answered
where no class is, have two such promises of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from diagnosis.phrases import Phrase
from diagnosis.routing.certainty import (
    Answers,
    Bools,
    Certificate,
    Floats,
    cases_needed,
    certify,
    counts_from,
    p_value,
    threshold_path,
)  # fmt: skip


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
    tuned, own = _by_class(tuning), _by_class(calibration)
    tested = _promising(tuned, share, floor, risk)
    level = risk / max(len(tested), 1)
    nothing = calibration.of(np.zeros(len(calibration.value), dtype=bool))
    classes = {name: certify(own.get(name, nothing), path, floor, level) for name, path in tested.items()}
    for name in sorted({*tuned, *own} - set(tested)):
        met = own.get(name, nothing)
        classes[name] = Certificate(floor, level, None, len(met.value), int(met.correct.sum()))
    least = {name: c.threshold for name, c in classes.items() if c.threshold is not None}
    passed = calibration.probability >= np.array([least.get(name, np.inf) for name in calibration.value], dtype=float)
    candidates = np.array([name in tested for name in calibration.value], dtype=bool)
    path = threshold_path(tuning.of(np.array([name in tested for name in tuning.value], dtype=bool)), precision, share)
    overall = certify(calibration.of(passed), path, precision, risk, calibration.of(candidates & ~passed))
    return Certification(overall, classes)


def certify_parents(
    children: Certification,
    tuning: tuple[Answers, Answers],
    calibration: tuple[Answers, Answers],
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
    tuning, calibration : (Answers, Answers)
        The answers with classes, and with parents, to the same incidents.
    """
    left = [
        parents.of(~children.accepts(classes.value, classes.probability)) for classes, parents in (tuning, calibration)
    ]
    return certify_classes(*left, precision=precision, risk=risk, floor=floor)


def _by_class(answers: Answers) -> dict[str, Answers]:
    names, codes = np.unique(answers.value.astype(str), return_inverse=True)
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes, minlength=len(names)))
    rows = np.split(order, ends[:-1]) if len(names) else []
    return {str(name): answers.of(of_name) for name, of_name in zip(names, rows, strict=True)}


def _promising(tuned: Mapping[str, Answers], share: float, floor: float, risk: float) -> dict[str, Floats]:
    """Return the classes whose floor could be proven by rows like the tuning rows, ``share`` times as many.

    With each class come the thresholds to test for it.
    """
    needed = cases_needed(floor, risk)
    enough = {name: answers for name, answers in tuned.items() if len(answers.value) * share >= needed}
    level = risk / max(len(enough), 1)
    paths = {name: threshold_path(answers, floor, share) for name, answers in enough.items()}
    return {name: path for name, path in paths.items() if _could_pass(enough[name], path[:1], share, floor, level)}


def _could_pass(tuning: Answers, threshold: Floats, share: float, floor: float, level: float) -> bool:
    accepted, correct = counts_from(tuning, threshold)
    return bool(p_value(correct * share, accepted * share, floor)[0] <= level)
