"""The preventable share: 36 % where nothing is known, and what measures achieved where they were simulated."""

import numpy as np
import pytest

from diagnosis.problems.prevention import MeasureEffect, PreventedShares, effect_of_resolutions


def test_where_nothing_is_known_36_percent_is_assumed_with_a_wide_interval():
    share = PreventedShares([]).of("fix")
    assert share.share == pytest.approx(0.36, abs=0.01)
    assert share.lower == 0.0
    assert 0.7 < share.upper < 0.85
    assert share.to_dict()["assumed"]


def test_the_posterior_mean_is_that_of_its_draws():
    share = PreventedShares([MeasureEffect("fix", 3, 9)]).of("fix")
    draws = share.draw(np.random.default_rng(0), 200_000)
    assert share.share == pytest.approx(draws.mean(), abs=0.005)
    assert np.quantile(draws, [0.1, 0.9]) == pytest.approx([share.lower, share.upper], abs=0.01)


@pytest.mark.parametrize("remaining", [0.1, 0.5, 0.9])
def test_what_measures_leave_is_learned_and_the_interval_covers(remaining):
    draw = np.random.default_rng(1)
    covered = []
    for _ in range(200):
        effects = [MeasureEffect("fix", draw.poisson(remaining * 8), 8.0) for _ in range(10)]
        share = PreventedShares(effects).of("fix")
        covered.append(share.lower <= 1 - remaining <= share.upper)
    assert np.mean(covered) >= 0.7  # stated: 0.8
    assert share.share == pytest.approx(1 - remaining, abs=0.15)
    assert PreventedShares(effects).of("training").measures == 0


def test_one_busy_fault_does_not_speak_for_all():
    share = PreventedShares([MeasureEffect("fix", 0, 1000)]).of("fix")
    assert share.share < 0.9


def test_resolutions_for_good_are_compared_with_workarounds_within_faults():
    draw = np.random.default_rng(2)
    members, opened, is_fix = [], [], []
    for _ in range(150):
        rate = draw.gamma(2, 0.02)
        day, rows = 0.0, []
        while day < 500:
            fixed = draw.random() < 0.5
            rows.append(len(opened))
            opened.append(day)
            is_fix.append(fixed)
            day += 1 + draw.exponential(1 / (rate * (0.3 if fixed else 1.0)))
        members.append(np.array(rows))
    is_fix = np.array(is_fix)
    effect = effect_of_resolutions(np.array(opened), members, is_fix, ~is_fix, 500.0)
    assert effect.happened / effect.expected == pytest.approx(0.3, abs=0.06)
    assert effect_of_resolutions(np.array(opened), members, is_fix, np.zeros(len(is_fix), bool), 500.0) is None
