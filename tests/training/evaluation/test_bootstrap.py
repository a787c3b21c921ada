import numpy as np
import pytest

from training.evaluation.bootstrap import bootstrap_macro_f1, bootstrap_mean


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


def test_macro_f1_is_scikit_learns_and_its_interval_that_of_drawn_rows() -> None:
    from sklearn.metrics import f1_score

    rng = np.random.default_rng(3)
    names = np.array(["网络", "b", "c", "d", "rare"])
    truth = rng.choice(names, 300, p=[0.5, 0.25, 0.15, 0.08, 0.02])
    a, b = (np.where(rng.random(300) < share, truth, rng.choice(names, 300)) for share in (0.6, 0.75))
    ours, theirs, gap = bootstrap_macro_f1(truth, a, b)

    def macro(rows: np.ndarray, said: np.ndarray) -> float:
        return float(f1_score(truth[rows], said[rows], average="macro", zero_division=0))

    everything = np.arange(300)
    assert ours == pytest.approx(macro(everything, a), abs=1e-6)
    assert theirs == pytest.approx(macro(everything, b), abs=1e-6)
    drawn = []
    for _ in range(400):
        rows = rng.integers(300, size=300)
        drawn.append(macro(rows, b) - macro(rows, a))
    assert gap.mean == pytest.approx(theirs - ours)
    assert gap.deviation == pytest.approx(np.std(drawn), rel=0.15)
    assert (gap.lower, gap.upper) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])), abs=0.02)
    assert bootstrap_macro_f1(truth, a, a)[2].upper == 0.0
