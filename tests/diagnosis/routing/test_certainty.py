from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from benchmarks.certainty import PRECISION, RISK, World, draw, simulate
from diagnosis.routing.certification import (
    Certificate,
    ScoredPredictions,
    certify,
    certify_classes,
    certify_parents,
    proportion_p_values,
    threshold_path,
)
from diagnosis.statistics import proportion_lower_bound, trials_needed


@pytest.mark.parametrize(("correct", "accepted"), [(45, 45), (90, 100), (1, 7)])
def test_the_bound_is_the_precision_at_which_so_many_correct_would_be_just_too_lucky(correct, accepted):
    bound = proportion_lower_bound(correct, accepted, RISK)
    assert binom.sf(correct - 1, accepted, bound) == pytest.approx(RISK)
    assert proportion_p_values(np.array([correct]), np.array([accepted]), bound) == pytest.approx(RISK)


def test_without_an_error_the_bound_has_its_closed_form():
    assert proportion_lower_bound(45, 45, RISK) == pytest.approx(RISK ** (1 / 45))
    assert proportion_lower_bound(0, 3, RISK) == 0.0


@pytest.mark.parametrize(("precision", "risk", "needed"), [(0.95, 0.1, 45), (0.9, 0.1, 22), (0.99, 0.05, 299)])
def test_trials_needed_is_the_least_number_that_proves_it(precision, risk, needed):
    assert trials_needed(precision, risk) == needed
    assert proportion_lower_bound(needed, needed, risk) >= precision
    assert proportion_lower_bound(needed - 1, needed - 1, risk) < precision


def test_the_reason_counts_what_there_was_and_what_is_needed():
    certificate = Certificate(promised=0.95, risk=RISK, threshold=None, accepted=12, correct=12)
    assert str(certificate.why_not).startswith("12 past incidents could be checked; 45 without an error are needed")


def falling_with_probability(classes, p):
    """Right less often where the classifier is surer."""
    return np.where(p > 0.9, 0.93, 0.99)


def true_probability(classes, p):
    return p


def worth_by_class(classes, p):
    return np.clip(p + 0.15 - 0.02 * classes, 0, 1)


def below_the_promise(classes, p):
    """Just below the promise everywhere: whatever is certified breaks it."""
    return np.full(len(p), PRECISION - 0.001)


@pytest.mark.parametrize(
    ("world", "draws"),
    [
        (World("few rows", 3, 120, below_the_promise), 1_000),
        (World("many classes, few rows", 74, 120, worth_by_class, skew=1.2), 300),
        (World("surest is worst", 3, 300, falling_with_probability), 400),
        (World("many classes", 74, 1_400, worth_by_class, skew=1.2), 100),
        (World("parents of two", 8, 200, below_the_promise, children=2), 500),
        (World("parents of four", 40, 1_000, worth_by_class, children=4), 100),
    ],
    ids=lambda value: value.name if isinstance(value, World) else None,
)
def test_a_promise_is_broken_no_more_often_than_the_stated_risk(world, draws):
    seen = simulate(world, draws, seed=7, population=4_000)
    # What chance alone allows at the stated risk in so many draws, with one part in a thousand of error.
    allowed = binom.ppf(0.999, draws, RISK)
    assert seen.broken <= allowed
    assert seen.floors_broken <= allowed


def test_what_is_just_below_the_promise_is_certified_about_as_often_as_the_risk_allows():
    seen = simulate(World("one class", 1, 1_000, below_the_promise), 500, seed=3, population=1_000)
    assert 0.04 < seen.certified / seen.draws < 0.14


def test_enough_rows_certify_nearly_what_an_oracle_would():
    seen = simulate(World("true probabilities", 4, 6_000, true_probability), 20, seed=1)
    assert 0.85 * seen.oracle < seen.coverage <= seen.oracle


def test_a_parent_is_judged_where_it_is_answered_not_where_its_child_is():
    def both(n_sure, n_spread):
        child = ScoredPredictions(
            np.full(n_sure + n_spread, "network east", object),
            np.repeat([0.99, 0.4], [n_sure, n_spread]),
            np.repeat([True, False], [n_sure, n_spread]),
        )
        right = np.append(np.ones(n_sure, bool), np.arange(n_spread) % 5 > 0)
        return child, ScoredPredictions(
            np.full(n_sure + n_spread, "network", object), np.full(n_sure + n_spread, 0.99), right
        )

    promise = {"precision": PRECISION, "risk": RISK, "floor": 0.6}
    tuning, calibration = both(900, 150), both(600, 100)
    children = certify_classes(tuning[0], calibration[0], **promise)
    assert children.why_not("network east", 0.99) is None
    # 680 of all 700 would prove it; of the hundred that the child leaves over only 80 are right.
    assert certify_classes(tuning[1], calibration[1], **promise).why_not("network", 0.99) is None
    assert "80 of 100 past incidents that we checked were right" in str(
        certify_parents(children, tuning, calibration, **promise).why_not("network", 0.99)
    )


def test_thresholds_start_where_proof_is_likeliest_and_only_loosen():
    tuning = draw(World("one class", 1, 0, true_probability), 2_000, np.random.default_rng(1)).classes
    path = threshold_path(tuning, PRECISION)
    assert (np.diff(path) < 0).all()
    # The exact tail by SciPy at every threshold that twenty-five quantiles give.
    tails = {}
    for t in np.quantile(tuning.probability, np.arange(25) / 25, method="higher"):
        kept = tuning.probability >= t
        tails[t] = binom.sf(tuning.correct[kept].sum() - 1, kept.sum(), PRECISION)
    assert path[0] == min(tails, key=tails.get)
    # A few calibration rows prove nothing at a strict threshold: the path starts no stricter for them.
    assert threshold_path(tuning, PRECISION, share=0.1)[0] <= path[0]


def test_what_is_always_certain_need_not_be_surer_than_the_promise():
    rng = np.random.default_rng(3)
    sure = ScoredPredictions(np.full(200, "a", object), rng.uniform(0.9999, 1, 200), np.ones(200, bool))
    path = threshold_path(sure, PRECISION)
    assert path[-1] == PRECISION
    assert certify(sure, path, PRECISION, 0.1).threshold == PRECISION


def test_the_threshold_is_the_last_of_an_unbroken_run_of_proofs():
    probability = np.repeat([0.9, 0.8, 0.7, 0.6], 100)
    wrong = np.zeros(400, dtype=bool)
    wrong[200:215] = True
    found = certify(
        ScoredPredictions(np.full(400, "a", object), probability, ~wrong), np.array([0.9, 0.8, 0.7, 0.6]), 0.95, RISK
    )
    # All 400 would prove 95 % again, but the test at 0.7 failed before.
    assert proportion_lower_bound(385, 400, RISK) < 0.95 or found.threshold == 0.8
    assert (found.threshold, found.accepted, found.correct) == (0.8, 200, 200)


def test_a_class_that_is_through_hands_its_level_on():
    """As few rows as one class alone would need are enough for the second, once the first is through."""

    def answers(n_sure, n_close, n_wrong):
        value = np.repeat(np.array(["sure", "close"], object), [n_sure, n_close])
        correct = np.append(np.ones(n_sure, bool), np.arange(n_close) >= n_wrong)
        return ScoredPredictions(value, np.full(len(value), 0.9), correct)

    tuning, calibration = answers(300, 300, 20), answers(100, 20, 0)
    n = trials_needed(0.8, RISK)
    assert n < 20 <= trials_needed(0.8, RISK / 10)
    alone = certify_classes(tuning, answers(100, n, 0), precision=0.8, risk=RISK, floor=0.8)
    assert n < trials_needed(0.8, RISK / 2)
    assert alone.classes["sure"].risk == RISK / 2
    assert alone.classes["close"].risk == pytest.approx(RISK)
    assert alone.classes["close"].threshold is not None
    assert certify_classes(tuning, calibration, precision=0.8, risk=RISK, floor=0.8).classes["close"].threshold


def test_nothing_is_certified_without_calibration_rows():
    nothing = ScoredPredictions(np.array([], dtype=object), np.array([]), np.array([], dtype=bool))
    found = certify_classes(nothing, nothing, precision=0.95, risk=RISK, floor=0.8)
    assert found.overall.threshold is None
    assert "0 past incidents could be checked; 45 without an error are needed" in str(found.why_not("any", 0.99))
