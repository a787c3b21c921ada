"""Shrinkage against its closed form, and against simulated solutions of known success."""

import numpy as np
import pytest

from diagnosis.suggest.success import Prior, fit_prior


def test_the_expected_success_is_the_mean_of_the_beta_posterior():
    prior = Prior(mean=0.8, precision=10)
    assert prior.expected(0, 0) == pytest.approx(0.8)
    assert prior.expected(3, 1) == pytest.approx((8 + 3) / 14)
    assert prior.expected(1e9, 0) == pytest.approx(1)


def test_the_prior_of_simulated_solutions_is_recovered():
    rng = np.random.default_rng(0)
    estimates = []
    for _ in range(60):
        uses = rng.integers(5, 80, size=400)
        held = rng.binomial(uses, rng.beta(8, 2, size=400)).astype(float)
        estimates.append(fit_prior(held, uses - held))
    assert np.mean([prior.mean for prior in estimates]) == pytest.approx(0.8, abs=0.01)
    assert np.median([prior.precision for prior in estimates]) == pytest.approx(10, rel=0.15)


def test_shrunk_rates_are_nearer_the_truth_than_raw_ones():
    rng = np.random.default_rng(1)
    truth = rng.beta(8, 2, size=2_000)
    uses = rng.integers(1, 8, size=2_000)
    held = rng.binomial(uses, truth).astype(float)
    prior = fit_prior(held, uses - held)
    shrunk = [prior.expected(h, n - h) for h, n in zip(held, uses, strict=True)]
    assert np.mean((np.array(shrunk) - truth) ** 2) < 0.5 * np.mean((held / uses - truth) ** 2)


def test_solutions_that_do_not_differ_are_shrunk_as_far_as_it_goes():
    uses = np.full(300, 20.0)
    held = np.random.default_rng(2).binomial(20, 0.7, size=300).astype(float)
    assert fit_prior(held, uses - held).precision == 20


@pytest.mark.parametrize(("held", "failed"), [([], []), ([0.0], [0.0]), ([1.0], [0.0]), ([0.0, 0.0], [1.0, 2.0])])
def test_next_to_nothing_gives_a_usable_prior(held, failed):
    prior = fit_prior(np.array(held), np.array(failed))
    assert 0 <= prior.mean <= 1
    assert 0 <= prior.expected(1, 1) <= 1
