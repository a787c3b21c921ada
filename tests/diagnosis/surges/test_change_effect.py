"""Whether incidents follow changes: an effect that is planted is found, and a week's rhythm is taken for none."""

from __future__ import annotations

import numpy as np

from diagnosis.surges.change_effect import ChangeEffect, change_effect

DAY, HOUR = 86_400.0, 3_600.0
MONDAY = 4 * DAY  # 1970-01-05


def working_times(n: int, weeks: int, seed: int) -> list[float]:
    """Return times from Monday to Friday, from 8 to 18."""
    rng = np.random.default_rng(seed)
    days = rng.integers(0, weeks, n) * 7 + rng.integers(0, 5, n)
    return (MONDAY + days * DAY + rng.uniform(8, 18, n) * HOUR).tolist()


def effect_of(incidents: list[float], others: list[float], weeks: int = 28) -> ChangeEffect:
    tuesdays = [MONDAY + DAY + 7 * DAY * week + 10 * HOUR for week in range(weeks)]
    return change_effect(incidents, tuesdays, MONDAY, MONDAY + 7 * DAY * weeks, others)


def test_changes_on_working_days_are_not_followed_more_often_than_the_weekend_is() -> None:
    told = [effect_of(working_times(600, 28, seed), working_times(4000, 28, seed + 99)) for seed in range(40)]
    assert sum(effect.verdict in ("more", "less") for effect in told) <= 5
    assert 0.9 < np.mean([effect.ratio for effect in told]) < 1.1


def test_incidents_that_follow_a_change_are_found_beside_a_rhythm() -> None:
    after = [MONDAY + DAY + 7 * DAY * week + (12 + place * 2) * HOUR for week in range(28) for place in range(3)]
    effect = effect_of([*working_times(120, 28, 1), *after], working_times(4000, 28, 2))
    assert effect.verdict == "more"
    assert effect.interval is not None
    assert effect.interval[0] > 1.5
