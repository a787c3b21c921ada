from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from diagnosis.routing.certainty import (
    Answers,
    Certificate,
    cases_needed,
    certify,
    certify_classes,
    precision_lower_bound,
    threshold_path,
)

RISK = 0.1


@pytest.mark.parametrize(("correct", "accepted"), [(45, 45), (90, 100), (1, 7)])
def test_the_bound_is_the_precision_at_which_so_many_correct_would_be_just_too_lucky(correct, accepted):
    bound = precision_lower_bound(correct, accepted, RISK)
    assert binom.sf(correct - 1, accepted, bound) == pytest.approx(RISK)


def test_without_an_error_the_bound_has_its_closed_form():
    assert precision_lower_bound(45, 45, RISK) == pytest.approx(RISK ** (1 / 45))
    assert precision_lower_bound(0, 3, RISK) == 0.0


@pytest.mark.parametrize(("precision", "risk", "needed"), [(0.95, 0.1, 45), (0.9, 0.1, 22), (0.99, 0.05, 299)])
def test_cases_needed_is_the_least_number_that_proves_it(precision, risk, needed):
    assert cases_needed(precision, risk) == needed
    assert precision_lower_bound(needed, needed, risk) >= precision
    assert precision_lower_bound(needed - 1, needed - 1, risk) < precision


def test_the_reason_counts_what_there_was_and_what_is_needed():
    certificate = Certificate(promised=0.95, risk=RISK, threshold=None, accepted=12, correct=12)
    assert certificate.why_not.startswith("12 accepted calibration cases; 45 without an error are needed")


def answers(rng, n, weights, right_of):
    """Draw answers: a class and a probability each, right with probability ``right_of(class, probability)``."""
    classes = rng.choice(len(weights), n, p=weights)
    probability = rng.random(n)
    right = right_of(classes, probability)
    return Answers(np.array([f"c{c}" for c in classes], dtype=object), probability, rng.random(n) < right), right


def broken_promises(draws, n_tuning, n_calibration, weights, right_of, precision=0.9):
    """Return in which share of draws the overall promise and a class's floor were broken, and the mean coverage."""
    rng = np.random.default_rng(7)
    population, right = answers(rng, 20_000, weights, right_of)
    overall = floors = coverage = 0.0
    for _ in range(draws):
        tuning, _ = answers(rng, n_tuning, weights, right_of)
        calibration, _ = answers(rng, n_calibration, weights, right_of)
        found = certify_classes(tuning, calibration, precision=precision, risk=RISK, floor=0.6)
        limit = max(found.overall.threshold or 0.0, 0.0)
        accepted = np.zeros(len(right), dtype=bool)
        for name, certificate in found.classes.items():
            if found.overall.threshold is not None and certificate.threshold is not None:
                own = population.value == name
                at = own & (population.probability >= max(limit, certificate.threshold))
                accepted |= at
        overall += accepted.any() and right[accepted].mean() < precision
        per_class = [right[accepted & (population.value == name)] for name in found.classes]
        floors += any(len(p) and p.mean() < 0.6 for p in per_class)
        coverage += accepted.mean()
    return overall / draws, floors / draws, coverage / draws


def monotone(classes, p):
    return 0.55 + 0.45 * p


def bumpy(classes, p):
    """Precision that is worst where the classifier is surest."""
    return np.where(p > 0.9, 0.6, np.where(p > 0.5, 0.97, 0.7))


def by_class(classes, p):
    """Classes of very different worth."""
    return np.clip(0.98 - 0.04 * classes + 0.1 * (p - 0.5), 0, 1)


def borderline(classes, p):
    """Just below the promise everywhere: whatever is certified breaks it."""
    return np.full(len(p), 0.895)


@pytest.mark.parametrize("right_of", [monotone, bumpy, by_class, borderline])
@pytest.mark.parametrize(("n_classes", "n"), [(3, 150), (3, 1500), (40, 1500)])
def test_a_promise_is_broken_no_more_often_than_the_stated_risk(right_of, n_classes, n):
    weights = 1 / np.arange(1, n_classes + 1)
    draws = 60
    overall, floors, _ = broken_promises(draws, n, n, weights / weights.sum(), right_of)
    # What chance alone allows at the stated risk in so many draws, with one part in a thousand of error.
    allowed = binom.ppf(0.999, draws, RISK) / draws
    assert overall <= allowed
    assert floors <= allowed


def test_enough_rows_certify_nearly_what_an_oracle_would():
    _, _, coverage = broken_promises(30, 5000, 5000, np.full(4, 0.25), monotone)
    # Precision above t is 0.55 + 0.45 (1 + t) / 2: it is 0.9 at t = 0.556, so that an oracle accepts 0.444.
    assert 0.38 < coverage <= 0.444


def test_thresholds_are_fixed_by_tuning_rows_alone_and_only_loosen():
    rng = np.random.default_rng(1)
    tuning, _ = answers(rng, 5000, np.ones(1), monotone)
    path = threshold_path(tuning, RISK)
    assert (np.diff(path) < 0).all()
    calibration, _ = answers(rng, 5000, np.ones(1), monotone)
    assert certify(calibration, path, 0.9, RISK).threshold in path


def test_nothing_is_certified_without_calibration_rows():
    nothing = Answers(np.array([], dtype=object), np.array([]), np.array([], dtype=bool))
    found = certify_classes(nothing, nothing, precision=0.95, risk=RISK, floor=0.8)
    assert found.overall.threshold is None
    assert "0 accepted calibration cases; 45 without an error are needed" in found.why_not("any", 0.99)
