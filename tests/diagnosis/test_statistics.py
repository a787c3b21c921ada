"""Exact bounds of a proportion agree with the binomial distribution that defines them."""

import pytest
from scipy.stats import binom

from diagnosis.statistics import proportion_interval, proportion_lower_bound, proportion_upper_bound


@pytest.mark.parametrize(("successes", "n"), [(1, 1), (3, 17), (95, 100), (400, 401)])
def test_at_the_bounds_what_was_seen_has_just_the_stated_chance(successes: int, n: int) -> None:
    lower = proportion_lower_bound(successes, n, 0.025)
    assert binom.sf(successes - 1, n, lower) == pytest.approx(0.025)
    upper = proportion_upper_bound(successes, n, 0.025)
    assert upper == 1.0 if successes == n else binom.cdf(successes, n, upper) == pytest.approx(0.025)
    assert proportion_interval(successes, n) == pytest.approx((lower, upper))


def test_without_cases_nothing_is_excluded() -> None:
    assert proportion_interval(0, 0) == (0.0, 1.0)
    assert proportion_interval(0, 10)[0] == 0.0
    assert proportion_interval(10, 10)[1] == 1.0
