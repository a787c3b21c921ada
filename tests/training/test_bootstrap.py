import numpy as np
import pytest

from training.bootstrap import bootstrap_mean


def test_the_interval_of_a_share_is_that_of_drawing_rows() -> None:
    rng = np.random.default_rng(1)
    values = (rng.random(400) < 0.3).astype(float)
    found = bootstrap_mean(values)
    drawn = [rng.choice(values, len(values)).mean() for _ in range(4000)]
    assert found.mean == values.mean()
    assert found.lower == pytest.approx(np.quantile(drawn, 0.025), abs=0.008)
    assert found.upper == pytest.approx(np.quantile(drawn, 0.975), abs=0.008)
    assert found.deviation == pytest.approx(np.sqrt(values.var() / 400), rel=0.08)


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(200):
        found = bootstrap_mean(rng.choice([-1.0, 0.0, 1.0], 300, p=[0.05, 0.85, 0.10]))
        covered += found.lower <= 0.05 <= found.upper
    assert 178 <= covered <= 200  # 95 % of 200, three standard deviations


def test_continuous_values_are_drawn_in_blocks_of_bounded_size() -> None:
    values = np.random.default_rng(3).normal(size=4000)
    assert bootstrap_mean(values).deviation == pytest.approx(1 / np.sqrt(4000), rel=0.1)
    assert np.isnan(bootstrap_mean(np.array([])).mean)
