"""Estimates and their changes: values by hand, pseudo-values that add up, and false "changed" by simulation."""

import numpy as np
import pytest

from diagnosis.review.drivers import contributions, decompose
from diagnosis.review.samples import Estimate, Sample, change_of


def sample(kind, duration, happened=None, limit=30.0, cluster=None):
    duration = np.asarray(duration, dtype=float)
    happened = np.ones(len(duration), dtype=bool) if happened is None else np.asarray(happened)
    return Sample(kind, np.arange(len(duration)), duration, happened, limit, cluster)


def censored(rng, n, kind, limit=30.0):
    wait, watched = rng.lognormal(-2, 1.2, n), rng.uniform(0, 2, n)
    return sample(kind, np.minimum(wait, watched), wait <= watched, limit)


def share(rng, n, p):
    return sample("plain", (rng.random(n) < p).astype(float))


def recurring(rng, n, faults):
    cluster = rng.integers(0, faults, n)
    wait = rng.exponential(1, n) / (0.02 * rng.gamma(1, 1, faults)[cluster] + 1e-9)
    watched = rng.uniform(5, 120, n)
    return sample("recurs", np.minimum(wait, watched), wait <= watched, 30.0, cluster)


def test_waits_that_are_over_give_plain_shares_and_means():
    waits = sample("in_time", [0.5, 1.0, 2.0, 40.0], limit=1.0)
    assert waits.estimate().value == pytest.approx(0.5)
    assert waits.pseudo_values().tolist() == [1, 1, 0, 0]
    hours = sample("mean_hours", [1.0, 2.0, 40.0])
    assert hours.estimate().value == pytest.approx(24 * (1 + 2 + 30) / 3)
    assert hours.pseudo_values().tolist() == [24, 48, 720]


@pytest.mark.parametrize("kind", ["in_time", "mean_hours", "recurs"])
def test_pseudo_values_add_up_to_the_estimate_where_time_is_still_running(kind):
    waits = censored(np.random.default_rng(0), 300, kind, limit=0.2)
    assert not waits.happened.all()
    assert waits.pseudo_values().mean() == pytest.approx(waits.estimate().value)


def test_pseudo_values_are_what_leaving_a_record_out_changes():
    waits = censored(np.random.default_rng(1), 150, "in_time", limit=0.2)
    whole, n = waits.estimate().value, len(waits)
    left_out = [n * whole - (n - 1) * waits.take(np.arange(n) != row).estimate().value for row in range(n)]
    assert np.corrcoef(left_out, waits.pseudo_values())[0, 1] > 0.999


def test_nothing_is_said_where_nobody_was_watched_long_enough():
    assert sample("in_time", [0.1, 0.2], [False, False], limit=1.0).estimate() is None
    assert sample("recurs", [0.1, 0.2], [False, False]).estimate() is None
    assert sample("plain", []).estimate() is None


def test_a_curve_that_ends_before_the_limit_is_judged_only_where_nearly_all_is_known():
    rng = np.random.default_rng(2)
    watched = rng.uniform(0, 10, 300)
    for kind, mean in (("in_time", 15), ("recurs", 40)):
        wait = rng.exponential(mean, 300)
        assert sample(kind, np.minimum(wait, watched), wait <= watched).estimate() is None
    nearly = sample("in_time", [0.5] * 199 + [0.9], [True] * 199 + [False], limit=1.0).estimate()
    assert nearly.value == pytest.approx(0.995)
    assert 0.95 < nearly.lower < nearly.upper == 1.0
    assert nearly.n_open == 1
    assert sample("in_time", [0.5, 1.0], [True, False], limit=1.0).estimate().value == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("draw", "times"),
    [
        (lambda rng: share(rng, 12, 0.2), 500),
        (lambda rng: share(rng, 150, 0.95), 500),
        (lambda rng: censored(rng, 60, "in_time", 0.2), 500),
        (lambda rng: censored(rng, 1500, "mean_hours"), 500),
        (lambda rng: censored(rng, 40, "mean_hours"), 60),
        (lambda rng: recurring(rng, 300, 60), 300),
    ],
    ids=["few shares", "high shares", "censored shares", "many means", "few means", "recurrence"],
)
def test_where_nothing_changed_at_most_the_stated_share_is_called_changed(draw, times):
    rng = np.random.default_rng(7)
    pairs = [(draw(rng).estimate(), draw(rng).estimate()) for _ in range(times)]
    false = np.mean([change_of(later, earlier).changed for later, earlier in pairs])
    assert false <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / times)


def test_rows_looked_at_together_are_called_changed_no_more_often_than_one():
    rng = np.random.default_rng(3)
    tables = 200
    false = 0
    for _ in range(tables):
        rows = [(share(rng, 80, 0.7).estimate(), share(rng, 80, 0.7).estimate()) for _ in range(10)]
        false += any(change_of(later, earlier, 10).changed for later, earlier in rows)
    assert false / tables <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / tables)


def test_a_change_is_told_with_its_direction():
    change = change_of(Estimate(0.5, 0.45, 0.55, 400), Estimate(0.3, 0.25, 0.35, 400))
    assert change.changed
    assert change.difference == pytest.approx(0.2)
    assert change.lower < 0.2 < change.upper


def mixture(rng, n, shares, rates):
    kinds = rng.choice(list(rates), n, p=shares)
    return sample("plain", [float(rng.random() < rates[kind]) for kind in kinds]), kinds.astype(object)


def test_another_mix_alone_is_seldom_taken_for_performance():
    rng, rates, times = np.random.default_rng(5), {"a": 0.9, "b": 0.7, "c": 0.3}, 300
    false = 0
    for _ in range(times):
        later, kinds = mixture(rng, 200, [0.6, 0.3, 0.1], rates)
        earlier, kinds_before = mixture(rng, 200, [0.3, 0.3, 0.4], rates)
        parts = decompose(later, earlier, kinds, kinds_before)
        assert parts.mix + parts.performance == pytest.approx(later.duration.mean() - earlier.duration.mean())
        false += parts.lower > 0 or parts.upper < 0
    assert false / times <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / times)


def test_better_performance_is_found_under_a_harder_mix():
    rng = np.random.default_rng(6)
    later, kinds = mixture(rng, 2000, [0.2, 0.2, 0.6], {"a": 0.95, "b": 0.85, "c": 0.5})
    earlier, kinds_before = mixture(rng, 2000, [0.6, 0.2, 0.2], {"a": 0.9, "b": 0.7, "c": 0.3})
    parts = decompose(later, earlier, kinds, kinds_before)
    assert later.duration.mean() < earlier.duration.mean()
    assert parts.mix < 0 < parts.lower


def test_contributions_add_up_and_a_kind_of_one_quarter_counts():
    later, earlier = sample("plain", [1.0, 1.0, 0.0, 0.0]), sample("plain", [0.0, 0.0])
    parts = contributions(later, earlier, np.array(["new", "new", "old", ""]), np.array(["old", "gone"]))
    assert {part.name: (part.n_before, part.n_after) for part in parts} == {
        "new": (0, 2),
        "old": (1, 1),
        "gone": (1, 0),
    }
    assert parts[0].name == "new"
    assert parts[0].value_before is None
