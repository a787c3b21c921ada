"""Service levels by hand, against scipy's Kaplan-Meier estimate, and by simulation."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtr
from scipy.stats import CensoredData, ecdf

from diagnosis.errors import InputError
from diagnosis.incident import IncidentBatch, as_frame
from diagnosis.service_levels import (
    LONGEST,
    ServiceLevelRules,
    Waits,
    clocks,
    mean_wait,
    service_levels,
    share_in_time,
    share_of,
)

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


def test_a_share_within_days_that_nobody_was_watched_for_has_no_value():
    ages = np.linspace(2 * 24, 20 * 24, 20)
    young = levels(frame(ages, closed_at=[1.0, *[None] * 19]))["closure"]
    assert (young.n, young.n_open, young.value, young.verdict) == (20, 19, None, "too few")
    just_now = levels(frame([1.0] * 20, closed_at=[0.5, *[None] * 19]))["closure"]
    assert (just_now.value, just_now.verdict) == (None, "too few")
    old = levels(frame([*ages, 31 * 24], closed_at=[1.0, *[None] * 20]))["closure"]
    assert old.verdict == "too few", "one that was watched for the whole time proves nothing of nineteen that were not"
    done = levels(frame(ages, closed_at=[1.0] * 20))["closure"]
    assert (done.value, done.upper) == (1.0, 1.0)
    assert done.lower > 0.8


def test_a_share_of_which_nearly_all_is_known_reaches_to_what_is_not():
    nearly = levels(frame([24.0 * 10] * 100, closed_at=[1.0] * 98 + [None] * 2))["closure"]
    assert nearly.value == pytest.approx(0.98)
    assert (nearly.lower > 0.9, nearly.upper) == (True, 1.0)


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


def spread(n, first, last, **waits):
    """Return incidents opened between so many days before the end, each figure of the same wait in hours."""
    columns = {name: [wait] * n for name, wait in waits.items()}
    return frame(np.linspace(24.0 * first, 24.0 * last, n), **columns).assign(
        number=[f"{first}-{last}-{i}" for i in range(n)]
    )


def test_what_waits_since_before_the_period_past_its_time_is_a_miss_of_the_period():
    quick = spread(40, 1, 29, responded_at=1.0, resolved_at=2.0, closed_at=2.0)
    for waiting in (spread(200, 31, 40), spread(200, 61, 90)):
        actual = levels(pd.concat([quick, waiting], ignore_index=True))
        for name in ("response_in_time", "restoration", "closure"):
            assert (actual[name].n, actual[name].n_open) == (240, 200)
            assert actual[name].value == pytest.approx(40 / 240), name
        assert [actual[name].verdict for name in ("response", "restoration", "closure")] == ["missed"] * 3
        assert actual["response"].value == pytest.approx((40 * 1 + 200 * 24 * LONGEST) / 240)
        assert actual["response"].lower > 2


def test_what_ended_late_in_the_period_is_a_miss_of_it_and_what_ended_before_is_not():
    quick = spread(40, 1, 29, responded_at=1.0, resolved_at=2.0)
    late = spread(10, 40, 45, resolved_at=24.0 * 35)  # five to ten days ago
    before = spread(100, 40, 45, resolved_at=24.0 * 9).assign(number=[f"B{i}" for i in range(100)])
    actual = levels(pd.concat([quick, late, before], ignore_index=True))
    assert (actual["restoration"].n, actual["restoration"].n_open) == (50, 0)
    assert actual["restoration"].value == pytest.approx(0.8)
    assert actual["restoration_hours"].value == pytest.approx((40 * 2 + 10 * 24 * LONGEST) / 50)


def test_a_closure_counts_in_the_period_in_which_its_thirty_days_ran_out():
    in_time = spread(50, 35, 55, closed_at=24.0)
    waiting = spread(10, 35, 55).assign(number=[f"W{i}" for i in range(10)])
    assert levels(pd.concat([in_time, waiting], ignore_index=True))["closure"].value == pytest.approx(50 / 60)


def test_what_was_reopened_and_is_still_open_is_neither_restored_nor_closed():
    ages = np.linspace(24.0 * 31, 24.0 * 59, 40)
    ended = {"responded_at": [0.5] * 40, "resolved_at": [1.0] * 40, "closed_at": [1.5] * 40}
    actual = levels(frame(ages, **ended, reopened_at=[2.0] * 40), days=60)
    assert [actual[name].value for name in ("restoration", "closure", "response_in_time")] == [0.0, 0.0, 1.0]
    assert [actual[name].n_open for name in ("restoration", "restoration_hours", "closure")] == [40] * 3
    assert (actual["restoration"].verdict, actual["closure"].verdict) == ("missed", "missed")
    again = levels(frame(ages, **ended | {"closed_at": [9.0] * 40}, reopened_at=[2.0] * 40), days=60)
    assert (again["restoration"].value, again["closure"].value) == (0.0, 1.0), "closed nine hours after the opening"
    assert again["restoration_hours"].value == pytest.approx(9)


def test_a_closure_restores_where_no_resolution_was_written_down():
    ages = np.linspace(24, 24 * 29, 41)
    actual = levels(frame(ages, closed_at=[1.0] * 41, resolved_at=[1.0, *[None] * 40]))["restoration"]
    assert (actual.value, actual.n_open, actual.verdict) == (1.0, 0, "met")
    assert levels(frame(ages, closed_at=[1.0] * 41))["restoration"].verdict == "met"


def test_what_ended_at_a_time_that_nobody_wrote_down_is_left_out():
    ages = np.linspace(24, 24 * 29, 20)
    dated = frame(ages, resolved_at=[1.0] * 20, closed_at=[1.0] * 20)
    for state, n_closure in (("Closed", 20), ("已关闭", 20), ("Resolved", 40)):
        undated = frame(ages, state=[state] * 20).assign(number=[f"U{i}" for i in range(20)])
        actual = levels(pd.concat([dated, undated], ignore_index=True))
        assert (actual["restoration"].n, actual["restoration"].value) == (20, 1.0), state
        assert actual["closure"].n == n_closure, state


def test_ends_are_those_of_the_clocks():
    draw = np.random.default_rng(4)
    n = 400
    waits = draw.lognormal(1, 1.5, (4, n)) * np.where(draw.random((4, n)) < 0.7, 1, np.nan)
    names = ("responded_at", "resolved_at", "closed_at", "reopened_at")
    columns = {name: [None if np.isnan(wait) else wait for wait in row] for name, row in zip(names, waits, strict=True)}
    states = draw.choice(["Closed", "Resolved", "In Progress", ""], n).tolist()
    incidents = frame(draw.uniform(24 * 20, 24 * 29, n), **columns, state=states, type=["incident"] * n)
    rules = ServiceLevelRules.from_settings({"rules": [{"response_hours": 2, "restoration_hours": 4}]})
    standing = clocks(rules, IncidentBatch.from_frame(incidents), END.to_pydatetime())
    actual = levels(incidents)
    for name, figure in (("response", "response_in_time"), ("restoration", "restoration")):
        read = [of_row[name] for of_row in standing if name in of_row]
        over = [clock for clock in read if clock.status != "running"]
        assert (actual[figure].n, actual[figure].n_open) == (len(read), sum(clock.is_open for clock in read))
        assert actual[figure].value == pytest.approx(np.mean([clock.status == "met" for clock in over]), abs=0.01)


def test_a_mean_of_waits_that_are_all_alike_still_has_a_band():
    few, many = (levels(spread(n, 1, 29, responded_at=0.5))["response"] for n in (40, 2000))
    assert few.lower < few.value < few.upper
    assert (few.verdict, many.verdict) == ("too few", "met")


def test_a_mean_of_a_shorter_period_leaves_out_nobody_who_waits():
    quick = spread(40, 1, 6, responded_at=1.0)
    waiting = spread(200, 8, 14)
    actual = levels(pd.concat([quick, waiting], ignore_index=True), days=7)["response"]
    assert (actual.n, actual.n_open, actual.verdict) == (240, 200, "missed")


def test_critical_faults_are_those_of_rank_one_and_all_without_priorities():
    priorities = ["1 - Critical", "P1", "紧急", "2 - High", "3"]
    actual = levels(frame([100.0] * 5, resolved_at=[1, 2, 3, 50, 60], priority=priorities))["restoration"]
    assert (actual.n, actual.value, actual.scope) == (3, 1.0, "critical")
    for blank in ("", "N/A", "-", "无"):
        every = levels(frame([100.0] * 5, resolved_at=[1, 2, 3, 50, 60], priority=[blank] * 5))["restoration"]
        assert (every.n, every.scope) == (5, "all"), blank


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
    waits = Waits.of(-watched, np.where(wait <= watched, wait - watched, np.nan), -30.0, 0.0, LONGEST)
    survival = ecdf(CensoredData.right_censored(waits.duration, ~waits.happened)).sf
    assert share_in_time("x", waits, 2.0).value == pytest.approx(1 - survival.evaluate(2.0))
    grid = np.linspace(0, LONGEST, 200_001)
    area = np.trapezoid(survival.evaluate(grid), grid)
    assert mean_wait("x", waits).value == pytest.approx(24 * area, rel=1e-3)


SIGMA = 1.2
MEDIAN = 1.5 / 24


def share_waiting(days, never):
    """Return which share still waits after so many days, of lognormal waits of which some never end."""
    return never + (1 - never) * ndtr(-np.log(np.maximum(days, 1e-12) / MEDIAN) / SIGMA)


def simulated(draw, n_a_day, never, limit, first):
    """Return the waits of the last 30 of 130 days on which incidents were opened."""
    opened = draw.uniform(0, 130, draw.poisson(130 * n_a_day))
    ended = opened + MEDIAN * np.exp(SIGMA * draw.standard_normal(len(opened)))
    ended[draw.random(len(opened)) < never] = np.inf
    return Waits.of(opened, np.where(ended <= 130, ended, np.nan), 100.0, 130.0, limit, first)


def overdue_a_day(never, limit, first):
    """Return the expected number past their time for one incident a day."""
    opened = np.linspace(0, first, 20_001)
    return np.trapezoid(share_waiting(np.maximum(limit, 100 - opened), never), opened)


@pytest.mark.parametrize("never", [0.0, 0.03])
@pytest.mark.parametrize("n_a_day", [0.4, 2])
def test_the_interval_of_a_share_covers_as_often_as_it_says(n_a_day, never):
    draw, limit = np.random.default_rng(1), 4 / 24
    young = 30 + limit
    true = young * (1 - share_waiting(limit, never)) / (young + overdue_a_day(never, limit, 100 - limit))
    shares = [share_in_time("x", simulated(draw, n_a_day, never, limit, None), limit) for _ in range(300)]
    assert np.mean([level.lower > true for level in shares]) <= 0.04
    assert np.mean([level.upper < true for level in shares]) <= 0.04
    assert np.mean([level.value for level in shares]) == pytest.approx(true, abs=0.02)


@pytest.mark.parametrize("never", [0.0, 0.03])
def test_the_interval_of_a_mean_of_skewed_waits_covers_and_is_not_too_low(never):
    draw = np.random.default_rng(2)
    ages = np.linspace(0, LONGEST, 20_001)
    late = overdue_a_day(never, LONGEST, 100)
    true = 24 * (30 * np.trapezoid(share_waiting(ages, never), ages) + late * LONGEST) / (30 + late)
    means = [mean_wait("x", simulated(draw, 4, never, LONGEST, 100.0)) for _ in range(60)]
    assert np.mean([level.lower <= true <= level.upper for level in means]) >= 0.88
    assert np.mean([level.upper < true for level in means]) <= 0.1


def test_the_interval_of_a_share_covers_where_few_were_watched_to_the_limit():
    draw, true = np.random.default_rng(3), 1 - np.exp(-1.0)
    shares = []
    for _ in range(300):
        wait, watched = draw.exponential(30, 60), np.minimum(draw.exponential(12, 60), 45)
        shares.append(share_in_time("x", Waits.from_opening(np.minimum(wait, watched), wait <= watched), 30.0))
    told = [level for level in shares if level.value is not None]
    assert len(told) > 150
    assert np.mean([level.lower <= true <= level.upper for level in told]) >= 0.93
