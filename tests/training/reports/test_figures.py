"""Plots show what is bad as well as what is good, with intervals that are those of their shares."""

import numpy as np
import pytest

from diagnosis.recurrence.outcomes import CensoredOutcomes
from diagnosis.recurrence.scores import score_horizon
from training.evaluation.predictions import TargetPredictions
from training.reports import plots, recurrence_plots
from training.reports.tables import share, wilson


@pytest.fixture(autouse=True)
def drawn(monkeypatch):
    """Hand over the figures themselves."""
    for module in (plots, recurrence_plots):
        monkeypatch.setattr(module, "svg_of", lambda figure: figure)


def test_a_ranking_worse_than_chance_is_seen() -> None:
    rng = np.random.default_rng(0)
    risk = rng.random(300)
    came = rng.random(300) < 0.6 * (1 - risk)  # the less risky come back
    seen = CensoredOutcomes(
        duration=np.where(came, rng.uniform(0, 30, 300), 40.0), recurred=came, observed=np.full(300, 40.0)
    )
    figure = recurrence_plots.discrimination([score_horizon(risk, seen, 30)])
    (axes,) = figure.axes
    lowest = min(line.get_ydata().min() for line in axes.lines if len(line.get_xdata()) > 2)
    assert lowest < 0.4
    assert axes.get_ylim()[0] < lowest


def test_many_intervals_are_those_of_each() -> None:
    hits = [np.arange(n) < k for n, k in ((20, 17), (7, 0), (300, 299), (1, 1))]
    found = [share(hit) for hit in hits]
    lower, upper = wilson(np.array([one.value for one in found]), [one.n for one in found])
    assert lower == pytest.approx([one.lower for one in found], abs=1e-6)
    assert upper == pytest.approx([one.upper for one in found], abs=1e-6)


def test_precision_against_coverage_ends_at_the_accuracy_with_its_interval() -> None:
    rng = np.random.default_rng(1)
    probability = rng.random(500)
    right = rng.random(500) < probability
    value = np.where(right, "a", "b").astype(object)
    truth = np.full(500, "a", dtype=object)
    decision = np.where(probability > 0.9, value, "").astype(object)
    rank, answered = np.where(right, 1.0, 2.0), np.ones(500, bool)
    one = TargetPredictions("t", 0.95, 2, answered, truth, value, probability, rank, decision, right & (decision != ""))
    (axes,) = plots.precision_coverage(one).axes
    curve = axes.lines[0]
    assert (curve.get_xdata()[-1], curve.get_ydata()[-1]) == (1.0, pytest.approx(right.mean()))
    everything = share(right)
    band = axes.collections[0].get_paths()[0].vertices
    at_the_end = band[np.isclose(band[:, 0], 1.0), 1]
    assert (at_the_end.min(), at_the_end.max()) == pytest.approx((everything.lower, everything.upper), abs=1e-6)


def test_a_learning_curve_has_intervals() -> None:
    points = [{"incidents": n, "accuracy": a} for n, a in ((50, 0.6), (100, 0.7), (200, 0.8))]
    (axes,) = plots.learning_curve(points, 200).axes
    ends = axes.collections[0].get_segments()[0][:, 1]
    assert tuple(ends) == pytest.approx(tuple(float(side[0]) for side in wilson(np.array([0.6]), [200])))
