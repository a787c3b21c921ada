"""Measures with planted effects get the verdict that is stated, as often as it is stated, and savings are unbiased."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import nbinom

from benchmarks.actions import Faults, at_once, fault_verdicts
from diagnosis.problems.follow_up import ExpectedIncidents, follow_up, measure_effect, watched_since

FIRST, CUT, END = 20000.0, 20300.0, 20500.0
DATE = pd.Timestamp(CUT, unit="D", tz="UTC")


def simulated(draw, rate, remaining, dispersion=0.0):
    """Return times of a fault whose rate a measure changes at the cut."""
    level = rate * (draw.gamma(1 / dispersion, dispersion) if dispersion else 1.0)
    before = draw.uniform(FIRST, CUT, draw.poisson(level * (CUT - FIRST)))
    after = draw.uniform(CUT, END, draw.poisson(level * remaining * (END - CUT)))
    return np.sort(np.concatenate([[FIRST], before, after]))


def followed(times, forecast=None, end=END, hours=None):
    expected = None if forecast is None else ExpectedIncidents.of(forecast)
    return follow_up(times, hours, DATE, first=FIRST, end=end, forecast=expected)


@pytest.mark.parametrize(
    ("rate", "remaining", "verdict", "least", "most"),
    [
        (0.08, 0.1, "held", 0.8, 1.0),  # a fix that leaves a tenth is told with probability .8 once time is enough
        (0.08, 1.0, "held", 0.0, 0.025),  # one that does nothing is called held at most in one of forty
        (0.08, 0.5, "did not hold", 0.0, 0.025),  # at half, which is where holding begins, "did not hold" is as rare
        (0.2, 1.0, "did not hold", 0.8, 1.0),  # a busy fault that went on is told as such
    ],
)
def test_planted_effects_get_the_verdict_as_often_as_stated(rate, remaining, verdict, least, most):
    draw = np.random.default_rng(0)
    verdicts = [followed(simulated(draw, rate, remaining)).verdict.verdict for _ in range(400)]
    share = np.mean([entry == verdict for entry in verdicts])
    assert least <= share <= most + 2 * np.sqrt(0.025 / 400), share


def test_when_it_cannot_be_told_yet_it_is_told_by_the_day_that_was_named():
    draw = np.random.default_rng(1)
    told = []
    for _ in range(200):
        times = simulated(draw, 0.06, 0.1)
        early = followed(times[times < CUT + 20], end=CUT + 20)
        if early.verdict.verdict != "cannot tell yet" or early.verdict.days_until_told is None:
            continue
        end = CUT + 20 + early.verdict.days_until_told
        later = draw.uniform(CUT + 20, end, draw.poisson(0.006 * (end - CUT - 20)))
        times = np.sort(np.concatenate([times[times < CUT + 20], later]))
        told.append(followed(times, end=end).verdict.verdict == "held")
    assert len(told) > 100
    assert np.mean(told) >= 0.8 - 2 * np.sqrt(0.16 / len(told))


def test_savings_are_what_was_expected_less_what_happened_and_their_interval_covers():
    draw = np.random.default_rng(2)
    saved, covered = [], []
    for _ in range(300):
        times = simulated(draw, 0.3, 0.2)
        result = followed(times, hours=np.full(len(times), 2.0)).to_dict("now")
        truth = 0.3 * (END - CUT) * 2.0 - result["hours"]["lost"]
        saved.append(result["hours"]["saved"] - truth)
        low, high = result["hours"]["interval"]
        covered.append(low <= truth <= high)
    assert np.mean(saved) == pytest.approx(0.0, abs=1.5)
    assert np.mean(covered) >= 0.72  # stated: 0.8


def test_hours_that_nobody_can_say_are_neither_lost_nor_those_of_one_incident():
    times = np.sort(np.concatenate([[FIRST], np.linspace(FIRST + 5, END - 5, 60)]))
    hours = np.full(len(times), 2.0)
    hours[::3] = np.nan
    n_after = int(np.isfinite(hours[times >= CUT]).sum())
    result = followed(times, hours=hours).to_dict("now")
    assert result["hours"]["lost"] == pytest.approx(2.0 * n_after)
    assert result["hours"]["expected"] == pytest.approx(2.0 * result["incidents"]["expected"], abs=0.2)


def test_a_forecast_that_was_kept_is_what_savings_are_counted_against():
    forecast = {"horizon_days": 100, "expected_incidents": 10.0, "spread": 0.1, "hours_per_incident": 3.0}
    times = np.array([FIRST, FIRST + 50, CUT + 10, CUT + 40])
    result = followed(times, forecast, hours=np.array([1.0, 1.0, 4.0, 4.0])).to_dict("now")
    bounds = nbinom.ppf([0.1, 0.9], 10, 1 / 3).tolist()  # mean 20, variance 20 + 0.1 * 400
    assert result["incidents"] == {"expected": 20.0, "interval": bounds, "happened": 2}
    saved = [3.0 * bound - 8.0 for bound in bounds]
    assert result["hours"] == {"expected": 60.0, "lost": 8.0, "saved": 52.0, "interval": saved}


@pytest.mark.parametrize("spread", [0.2, 1.0, None])
@pytest.mark.parametrize("days", [3.0, 20.0, 100.0, 200.0])
def test_the_interval_of_what_would_have_come_holds_it_as_often_as_stated(days, spread):
    """The rate is a gamma variable around what had been expected, the count Poisson: 6 within 100 days on average.

    Without a spread the expectation is a count of 100 earlier days. A whole number is held in 80 % or more.
    """
    draw, held, spared = np.random.default_rng(4), [], []
    for _ in range(400):
        rate = 6.0 * draw.gamma(1 / spread, spread) if spread else draw.uniform(1.0, 12.0)
        expected = 6.0 if spread else float(draw.poisson(rate))
        forecast = {"horizon_days": 100, "expected_incidents": expected, "spread": spread, "hours_per_incident": 2.0}
        would_have_come = draw.poisson(rate * days / 100)
        result = followed(np.array([FIRST, FIRST + 50]), forecast, end=CUT + days, hours=np.ones(2)).to_dict("now")
        low, high = result["incidents"]["interval"]
        held.append(low <= would_have_come <= high)
        low, high = result["hours"]["interval"]  # nothing happened: all that would have come was spared
        spared.append(low <= 2.0 * would_have_come <= high)
    assert 0.77 <= np.mean(held) == np.mean(spared)
    assert np.mean(held) <= (1.0 if days * 6.0 / 100 < 2 else 0.93)


@pytest.mark.parametrize(
    "effect",
    [
        {},
        {"expected_incidents": "many", "horizon_days": 90},
        {"expected_incidents": 3},
        {"expected_incidents": 3, "horizon_days": 0},
        {"expected_incidents": -1, "horizon_days": 90},
        {"expected_incidents": True, "horizon_days": 90},
        {"expected_incidents": float("nan"), "horizon_days": [90]},
    ],
)
def test_what_says_no_incidents_is_no_expectation(effect):
    assert ExpectedIncidents.of(effect) is None


def test_an_expectation_that_somebody_wrote_is_read_as_far_as_it_says_something():
    odd = {"as_of": "next week", "spread": "wide", "hours_per_incident": {}}
    plain = ExpectedIncidents.of({"expected_incidents": 3, "horizon_days": 90, **odd})
    assert (plain.incidents, plain.as_of, plain.hours_per_incident) == (3.0, None, None)
    dated = ExpectedIncidents.of({"expected_incidents": 3, "horizon_days": 90, "as_of": "2026-03-01", "spread": 0})
    assert (dated.as_of, dated.spread) == (pd.Timestamp("2026-03-01", tz="UTC"), None)


def test_a_fault_that_is_younger_than_the_records_is_compared_with_its_own_days():
    draw = np.random.default_rng(3)
    told = []
    for _ in range(200):
        before = draw.uniform(CUT - 60, CUT, draw.poisson(0.3 * 60))
        after = draw.uniform(CUT, END, draw.poisson(0.3 * (END - CUT)))
        told.append(followed(np.sort(np.concatenate([[CUT - 60], before, after]))).verdict)
    assert np.median([verdict.ratio for verdict in told]) == pytest.approx(1.0, abs=0.15)
    assert np.mean([verdict.verdict == "held" for verdict in told]) <= 0.05


@pytest.mark.parametrize("first", [FIRST, FIRST - 9000.0])
@pytest.mark.parametrize(("remaining", "verdict"), [(0.0, "held"), (1.5, "did not hold")])
def test_one_date_of_years_before_changes_no_verdict(first, remaining, verdict):
    times = simulated(np.random.default_rng(5), 0.2, remaining)
    strayed = np.concatenate([[FIRST - 9000.0], times])
    plain = followed(times, hours=np.ones(len(times)))
    result = follow_up(strayed, np.ones(len(strayed)), DATE, first=first, end=END)
    assert plain.verdict.verdict == verdict
    assert result.to_dict("now") == plain.to_dict("now")


def test_a_fault_whose_only_earlier_date_is_of_years_before_began_after_the_measure():
    times = np.array([FIRST - 9000.0, *np.arange(CUT + 5.0, END, 10.0)])
    assert follow_up(times, None, DATE, first=FIRST - 9000.0, end=END) is None


@pytest.mark.parametrize("hours", [1, 23.9, 24.1, 48])
def test_a_measure_is_followed_from_the_end_of_the_first_episode_on(hours):
    times = np.array([FIRST, FIRST + 50, FIRST + 90])
    date = pd.Timestamp(FIRST, unit="D", tz="UTC") + pd.Timedelta(hours=hours)
    since = watched_since(times, date, first=FIRST, end=END)
    assert since == FIRST + 1
    assert (follow_up(times, None, date, first=FIRST, end=END) is not None) == (hours > 24)


def test_a_flood_of_monitoring_before_a_measure_is_one_episode():
    flood = FIRST + 100 + np.arange(0, 9, 1 / 24)
    times = np.sort(np.concatenate([[FIRST], flood, FIRST + np.arange(20, 300, 40.0)]))
    result = follow_up(times, None, DATE, first=FIRST, end=END, is_monitored=np.isin(times, flood))
    assert result.verdict.episodes_before == 7
    assert result.happened == 0


def test_a_date_outside_the_records_is_not_followed_and_a_young_measure_teaches_nothing():
    times = np.array([FIRST, CUT - 5.0])
    assert follow_up(times, None, DATE, first=CUT, end=END) is None
    assert follow_up(times, None, DATE, first=FIRST, end=CUT) is None
    young = followed(times, end=CUT + 5)
    assert measure_effect("fix", young.to_dict("now")) is None
    assert measure_effect("fix", followed(times).to_dict("now")).expected > 0
    assert measure_effect("fix", {}) is None  # not followed yet
    assert young.to_dict("now")["hours"] is None


def test_of_the_worst_of_many_faults_few_are_said_to_have_been_fixed_where_nothing_was_done():
    """Hazards differ little, and what is known of them is young: mostly chance ranks a fault first."""
    verdicts = list(fault_verdicts(Faults(shape=2.0, months=3), 150))
    assert np.mean([verdict.verdict == "held" for verdict in verdicts]) <= 0.04
    assert np.mean([at_once(verdict) == "held" for verdict in verdicts]) > 0.06  # by chance of the choice


def test_a_fix_of_the_worst_of_many_faults_is_found():
    verdicts = list(fault_verdicts(Faults(incidents=240.0, remaining=0.1), 30))
    assert np.mean([verdict.verdict == "held" for verdict in verdicts]) >= 0.8
