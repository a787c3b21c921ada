import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from diagnosis.recurrence.hazard import fit_hazard, grid, offset, trials
from diagnosis.recurrence.outcomes import CensoredOutcomes


def censored(rate, watched):
    draw = np.random.default_rng(0)
    time = draw.exponential(1 / rate)
    observed = draw.uniform(0, watched, len(time))
    return CensoredOutcomes(np.minimum(time, observed), time <= observed, observed)


def test_a_partly_observed_interval_counts_neither_event_nor_survival():
    seen = CensoredOutcomes(
        np.array([1.5, 3.0, 2.0, 0.5]), np.array([True, False, True, True]), np.array([1.8, 3.0, 5.0, 0.7])
    )
    at_risk, event = trials(seen, np.array([0.0, 1.0, 2.0, 4.0]))
    assert at_risk.tolist() == [[1, 0, 0], [1, 1, 0], [1, 1, 0], [0, 0, 0]]
    assert event.tolist() == [[0, 0, 0], [0, 0, 0], [0, 1, 0], [0, 0, 0]]


def test_censoring_does_not_bias_the_risk():
    rate = np.where(np.arange(20000) % 2, 0.05, 0.01)
    z = np.where(np.arange(20000) % 2, 1.0, -1.0)[:, None]
    edges = grid((7, 30))
    hazard = fit_hazard(z, *trials(censored(rate, 40), edges), edges, 1.0)
    risk = hazard.risk(np.array([[1.0], [-1.0]]), [7, 30])
    expected = 1 - np.exp(-np.outer([0.05, 0.01], [7, 30]))
    np.testing.assert_allclose(risk, expected, atol=0.02)


def test_equals_scikit_learn_on_the_rows_written_out():
    draw = np.random.default_rng(1)
    z = draw.normal(size=(600, 3))
    seen = censored(0.05 * np.exp(z[:, 0] - 0.5 * z[:, 1]), 30)
    edges = np.array([0.0, 2.0, 7.0, 14.0])
    at_risk, event = trials(seen, edges)
    ours = fit_hazard(z, at_risk, event, edges, 4.0)
    i, k = np.nonzero(at_risk)
    rows = np.hstack([z[i], z[i] * ours.clock[k][:, None], 100 * np.eye(3)[k]])  # levels all but free
    theirs = LogisticRegression(C=0.25, fit_intercept=False, tol=1e-10, max_iter=10_000).fit(rows, event[i, k])
    np.testing.assert_allclose(ours.effect, theirs.coef_[0, :3], atol=0.01)
    np.testing.assert_allclose(ours.drift, theirs.coef_[0, 3:6], atol=0.01)
    np.testing.assert_allclose(ours.level + offset(edges), 100 * theirs.coef_[0, 6:], atol=0.05)


def test_beyond_what_was_seen_the_hazard_stays():
    seen = censored(np.full(5000, 0.02), 20)
    edges = grid((7, 90))
    risk = fit_hazard(np.zeros((5000, 1)), *trials(seen, edges), edges, 1.0).risk(np.zeros((1, 1)), [90])
    assert risk[0, 0] == pytest.approx(1 - np.exp(-0.02 * 90), abs=0.06)


def test_horizons_are_edges():
    assert {5, 31, 200} <= set(grid((5, 31, 200)).tolist())
