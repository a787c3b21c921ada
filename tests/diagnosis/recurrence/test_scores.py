import numpy as np
import pytest

from diagnosis.recurrence.outcomes import CensoredOutcomes
from diagnosis.recurrence.scores import score_horizon


def followed(n=400, watched=40.0, seed=0):
    draw = np.random.default_rng(seed)
    rate = np.where(draw.random(n) < 0.3, 0.1, 0.01)
    time = draw.exponential(1 / rate)
    return rate, CensoredOutcomes(np.minimum(time, watched), time <= watched, np.full(n, watched))


def test_auc_by_day_is_the_share_of_pairs_in_order_where_nobody_is_censored():
    rate, seen = followed()
    risk = rate * np.exp(np.random.default_rng(1).normal(0, 0.5, len(rate)))
    curve = dict(score_horizon(risk, seen, 30).auc_by_day)
    assert max(curve) == 30.0
    for day in (1.0, max(curve)):
        came = seen.recurred & (seen.duration <= day)
        pairs = risk[came][:, None] > risk[~came][None, :]
        assert curve[day] == pytest.approx(pairs.mean())


def test_weights_undo_censoring():
    rate, whole = followed(n=6000, watched=90.0)
    draw = np.random.default_rng(2)
    observed = draw.uniform(5, 60, len(rate))
    cut = CensoredOutcomes(
        np.minimum(whole.duration, observed), whole.recurred & (whole.duration <= observed), observed
    )
    risk = 1 - np.exp(-rate * 30)
    true, seen = score_horizon(risk, whole, 30), score_horizon(risk, cut, 30)
    assert seen.ipcw_brier == pytest.approx(true.brier, abs=0.01)
    assert seen.time_dependent_auc == pytest.approx(true.auc, abs=0.02)
    assert seen.kaplan_meier == pytest.approx(true.observed, abs=0.02)
    for (_, now), (_, then) in zip(seen.auc_by_day, true.auc_by_day, strict=True):
        assert now == pytest.approx(then, abs=0.05)
