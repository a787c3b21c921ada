"""Service levels by hand, against scipy's Kaplan-Meier estimate, and by simulation."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import CensoredData, ecdf

from diagnosis.errors import InputError
from diagnosis.incident import as_frame
from diagnosis.service_levels import LONGEST, Waits, mean_wait, service_levels, share_in_time, share_of

END = pd.Timestamp("2026-06-30", tz="UTC")
HOUR = pd.Timedelta(hours=1)


def frame(ages, **columns):
    """Return incidents opened so many hours before the end."""
    opened = [END - age * HOUR for age in ages]
    later = {
        name: [pd.NaT if wait is None else start + wait * HOUR for start, wait in zip(opened, waits, strict=True)]
        for name, waits in columns.items()
        if name.endswith("_at")
    }
    plain = {name: values for name, values in columns.items() if not name.endswith("_at")}
    numbers = [f"INC{i}" for i in range(len(ages))]
    return as_frame(pd.DataFrame({"number": numbers, "opened_at": opened, **later, **plain}))


def levels(incidents, **options):
    return {level.name: level for level in service_levels(incidents, as_of=END, **options)}


def test_a_share_within_days_that_nobody_was_watched_for_may_still_become_anything():
    ages = np.linspace(2 * 24, 20 * 24, 20)
    young = levels(frame(ages, closed_at=[1.0, *[None] * 19]))["closure"]
    assert (young.n, young.n_open, young.verdict) == (20, 19, "too few")
    assert young.value == pytest.approx(1 / 20)
    assert young.lower < 1 / 20
    assert young.upper == 1.0
    old = levels(frame([*ages, 31 * 24], closed_at=[1.0, *[None] * 20]), days=40)["closure"]
    assert old.verdict == "missed"
    done = levels(frame(ages, closed_at=[1.0] * 20))["closure"]
    assert (done.value, done.upper) == (1.0, 1.0)
    assert done.lower > 0.8


def test_incidents_that_nobody_answered_are_misses_and_not_absent():
    ages = np.linspace(2 * 24, 20 * 24, 20)
    actual = levels(frame(ages, responded_at=[1.0, *[None] * 19], resolved_at=[1.5, *[None] * 19]))
    assert actual["response_in_time"].value == pytest.approx(1 / 20)
    assert actual["restoration"].value == pytest.approx(1 / 20)
    assert actual["restoration"].verdict == "missed"
    assert (actual["response"].n, actual["response"].n_open) == (20, 19)
    assert actual["response"].value > 24 * 20  # hours: most still wait
    assert actual["response"].verdict == "too few"  # one answer proves nothing of a mean


def test_a_mean_of_few_ends_is_not_shown():
    few = levels(frame([100.0] * 40, resolved_at=[1.0] * 29 + [None] * 11))["restoration_hours"]
    many = levels(frame([100.0] * 40, resolved_at=[1.0] * 30 + [None] * 10))["restoration_hours"]
    assert (few.has_support, many.has_support) == (False, True)
    assert levels(frame([100.0] * 4, resolved_at=[1.0] * 4))["restoration"].has_support, (
        "a share has its exact interval"
    )


def test_an_incident_opened_an_hour_ago_is_not_yet_unclosed():
    old = frame([24.0 * 40] * 50, closed_at=[24.0] * 50)
    new = frame([1.0] * 50, closed_at=[None] * 50).assign(number=[f"N{i}" for i in range(50)])
    both = pd.concat([old, new], ignore_index=True)
    actual = levels(both, days=60)["closure"]
    assert actual.value == pytest.approx(1.0)
    assert actual.n_open == 50
    waiting = frame([24.0 * 40] * 50, closed_at=[24.0] * 25 + [None] * 25)
    assert levels(waiting, days=60)["closure"].value == pytest.approx(0.5)
    assert levels(waiting, days=60)["closure"].verdict == "missed"


def test_the_last_days_are_of_the_last_days():
    slow = frame([24.0 * 50] * 40, resolved_at=[30.0] * 40, priority=["1"] * 40)
    quick = frame([24.0 * 5] * 40, resolved_at=[1.0] * 40, priority=["1"] * 40)
    quick["number"] = [f"Q{i}" for i in range(40)]
    actual = levels(pd.concat([slow, quick], ignore_index=True))["restoration"]
    assert (actual.value, actual.n, actual.verdict) == (1.0, 40, "met")


def test_what_waits_since_before_the_period_counts_at_the_age_it_has():
    waiting = frame([24.0 * 40] * 10 + [24.0 * 10] * 10, closed_at=[None] * 10 + [1.0] * 10)
    waits = Waits.of(np.array([-40.0] * 10 + [-10.0] * 10), np.array([np.nan] * 10 + [-9.9] * 10), -30.0, 0.0)
    assert sorted({*waits.entry.tolist()}) == [-1.0, 10.0]
    assert levels(waiting)["closure"].n == 20


def test_critical_faults_are_those_of_rank_one_and_all_without_priorities():
    priorities = ["1 - Critical", "P1", "紧急", "2 - High", "3"]
    actual = levels(frame([100.0] * 5, resolved_at=[1, 2, 3, 50, 60], priority=priorities))["restoration"]
    assert (actual.n, actual.value, actual.scope) == (3, 1.0, "critical")
    assert levels(frame([100.0] * 5, resolved_at=[1, 2, 3, 50, 60]))["restoration"].scope == "all"


def test_few_incidents_prove_nothing_and_none_are_no_data():
    few = levels(frame([100.0] * 4, responded_at=[0.5] * 4, resolved_at=[1.0] * 4, satisfaction=[5, 5, 4, 5]))
    assert few["restoration"].value == few["satisfaction"].value == 1.0
    assert {few[name].verdict for name in ("response", "restoration", "satisfaction")} == {"too few"}
    nothing = levels(frame([100.0] * 4))
    assert {level.verdict for level in nothing.values()} == {"no data"}
    assert all(level.value is None for level in levels(frame([])).values())
    with pytest.raises(InputError, match="more than 0 days"):
        service_levels(frame([1.0]), as_of=END, days=0)


def test_a_resolution_answers_and_one_before_the_opening_is_left_out():
    actual = levels(frame([100.0] * 4, responded_at=[1, None, None, None], resolved_at=[2, 2, -3, None]))
    assert actual["response_in_time"].n == 3
    assert actual["response_in_time"].value == pytest.approx(2 / 3)
    assert actual["restoration"].n == 3


def test_a_target_below_the_interval_is_met_and_above_it_missed():
    assert share_of("satisfaction", 99, 100, 0.9).verdict == "met"
    assert share_of("satisfaction", 50, 100, 0.9).verdict == "missed"
    assert share_of("satisfaction", 91, 100, 0.9).verdict == "too few"
    assert share_of("satisfaction", 9, 9, 0.9).lower < 0.7


def test_share_and_mean_agree_with_the_curve_of_scipy():
    draw = np.random.default_rng(0)
    wait, watched = draw.exponential(4, 300), draw.uniform(1, 30, 300)
    waits = Waits.of(-watched, np.where(wait <= watched, wait - watched, np.nan), -30.0, 0.0)
    survival = ecdf(CensoredData.right_censored(waits.duration, ~waits.happened)).sf
    assert share_in_time("x", waits, 2.0).value == pytest.approx(1 - survival.evaluate(2.0))
    grid = np.linspace(0, LONGEST, 200_001)
    area = np.trapezoid(survival.evaluate(grid), grid)
    assert mean_wait("x", waits).value == pytest.approx(24 * area, rel=1e-3)


@pytest.mark.parametrize("n", [10, 60])
def test_the_interval_of_a_share_covers_as_often_as_it_says(n):
    draw = np.random.default_rng(1)
    covered = []
    for _ in range(200):
        waits = _simulated(draw.lognormal(np.log(1.5 / 24), 1.2, 3 * n), draw)
        level = share_in_time("x", waits, 4 / 24)
        covered.append(level.lower <= 0.7934 <= level.upper)  # the normal distribution function at ln(4 / 1.5) / 1.2
    assert np.mean(covered) >= 0.93


def test_the_interval_of_a_mean_of_skewed_waits_covers_and_is_not_too_low():
    draw = np.random.default_rng(2)
    true = 1.5 * np.exp(1.2**2 / 2)
    intervals = [mean_wait("x", _simulated(draw.lognormal(np.log(1.5 / 24), 1.2, 300), draw)) for _ in range(60)]
    assert np.mean([level.lower <= true <= level.upper for level in intervals]) >= 0.88
    assert np.mean([level.upper < true for level in intervals]) <= 0.1


def _simulated(waits, draw):
    opened = draw.uniform(0, 90, len(waits))
    ended = opened + waits
    return Waits.of(opened, np.where(ended <= 90, ended, np.nan), 60.0, 90.0)
