"""What is reckoned here, held against well-kept libraries that do nothing else.

lifelines is not among them: 0.30.3 asks for a pandas below 3, and the project needs 3; statsmodels stands in.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sksurv.metrics import brier_score, cumulative_dynamic_auc
from sksurv.nonparametric import kaplan_meier_estimator
from sksurv.util import Surv
from statsmodels.duration.survfunc import SurvfuncRight
from statsmodels.stats.proportion import proportion_confint

from diagnosis.recurrence.outcomes import CensoredOutcomes
from diagnosis.recurrence.rates import band, kaplan_meier
from diagnosis.recurrence.scores import score_horizon
from diagnosis.statistics import proportion_interval, proportion_p_values


def censored(seed: int, n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Return whole days until an event or the end of watching, and whether it was the event."""
    rng = np.random.default_rng(seed)
    event, watched = rng.exponential(40, n), rng.uniform(5, 60, n)
    return np.ceil(np.minimum(event, watched)), event <= watched


@pytest.mark.parametrize("seed", range(3))
def test_kaplan_meier_is_that_of_statsmodels(seed: int) -> None:
    duration, happened = censored(seed)
    oracle = SurvfuncRight(duration, happened.astype(int))
    at = oracle.surv_times
    np.testing.assert_allclose(kaplan_meier(duration, happened, at), 1 - oracle.surv_prob, atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_a_band_of_unrelated_incidents_is_that_of_statsmodels_up_to_the_variance_by_signature(seed: int) -> None:
    duration, happened = censored(seed)
    oracle = SurvfuncRight(duration, happened.astype(int))
    place = int(np.searchsorted(oracle.surv_times, 30.0, side="right")) - 1
    survival, error = oracle.surv_prob[place], oracle.surv_prob_se[place]
    half = 1.96 * error / (survival * abs(np.log(survival)))  # the log-log scale of Kalbfleisch and Prentice
    expected = 1 - survival ** np.exp(-half), 1 - survival ** np.exp(half)
    np.testing.assert_allclose(band(duration, happened, np.arange(len(duration)), 30.0), expected, atol=0.01)


@pytest.mark.parametrize("seed", range(3))
def test_a_rate_of_a_period_is_the_late_entry_estimate_of_scikit_survival_and_statsmodels(seed: int) -> None:
    duration, happened = censored(seed)
    entry = np.random.default_rng(seed).choice([-1.0, 3.0, 11.0], len(duration))
    inside = duration > entry
    duration, happened, entry = duration[inside], happened[inside], entry[inside]
    entered = np.maximum(entry, 0.0)
    times, survival = kaplan_meier_estimator(happened, duration, time_enter=entered)
    np.testing.assert_allclose(kaplan_meier(duration, happened, times, entry), 1 - survival, atol=1e-12)
    oracle = SurvfuncRight(duration, happened.astype(int), entry=entered)
    at = oracle.surv_times
    np.testing.assert_allclose(kaplan_meier(duration, happened, at, entry), 1 - oracle.surv_prob, atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_scores_of_censored_incidents_are_those_of_scikit_survival(seed: int) -> None:
    """Here the censoring is known of each incident, there it is estimated: they differ a little."""
    rng = np.random.default_rng(seed)
    scale = rng.choice([8.0, 30.0, 90.0], 3000)
    event, observed = rng.exponential(scale), rng.uniform(5, 60, 3000)
    happened, duration = event <= observed, np.minimum(event, observed)
    risk = 1.0 - np.exp(-30.0 / scale)
    scores = score_horizon(risk, CensoredOutcomes(duration, happened, observed), 30)
    outcomes = Surv.from_arrays(happened, duration)
    _, brier = brier_score(outcomes, outcomes, 1.0 - risk[:, None], [30.0])
    auc, _ = cumulative_dynamic_auc(outcomes, outcomes, risk, [30.0])
    assert scores.ipcw_brier == pytest.approx(brier[0], abs=0.005)
    assert scores.time_dependent_auc == pytest.approx(auc[0], abs=0.005)


@pytest.mark.parametrize(("successes", "n"), [(0, 7), (3, 9), (47, 48), (48, 48), (950, 1000)])
def test_clopper_pearson_is_that_of_statsmodels(successes: int, n: int) -> None:
    expected = proportion_confint(successes, n, alpha=0.05, method="beta")
    np.testing.assert_allclose(proportion_interval(successes, n), np.nan_to_num(expected), atol=1e-12)


def test_what_mapie_certifies_by_hoeffding_and_bentkus_is_certified_here() -> None:
    """Its p-value bounds the exact one: a threshold that it accepts is accepted by the exact tail at the same level."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mapie.risk_control.methods import compute_hoeffding_bentkus_p_value
    risk = 0.05  # one less the promised precision
    for n in (50, 200, 1500):
        errors = np.arange(0, n // 8)
        bound = np.ravel(compute_hoeffding_bentkus_p_value(errors / n, n, risk))
        exact = proportion_p_values(n - errors, np.full(len(errors), n), 1 - risk)
        assert (exact <= bound + 1e-12).all()
        assert (exact[bound <= 0.1] <= 0.1).all()
        assert (exact <= 0.1).any() or n == 50
