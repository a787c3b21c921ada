"""The forecast of faults on histories whose rates are known, and on a real one."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import xlogy

from diagnosis.problems import FaultForecast
from diagnosis.problems.forecast import HolidayDays

BANK = Path(__file__).resolve().parents[4] / "shared" / "data" / "bank-incidents" / "incidents.csv"


def deviance(y, mean):
    return np.mean(2 * (xlogy(y, np.where(y > 0, y / mean, 1)) - (y - mean)))


def simulated(rates, days, draw, quiet=()):
    """Return ages and faults of Poisson incidents; on quiet days (before the end) the desk is closed."""
    faults = np.repeat(np.arange(len(rates)), draw.poisson(np.asarray(rates) * days))
    ages = draw.uniform(0, days, len(faults))
    is_open = ~np.isin(ages.astype(int), list(quiet))
    return ages[is_open], faults[is_open]


def test_steady_faults_are_forecast_at_their_rates_and_the_interval_covers():
    draw = np.random.default_rng(0)
    rates = draw.gamma(0.5, 0.2, 400)
    ages, faults = simulated(rates, 120, draw)
    names, codes = np.unique(faults, return_inverse=True)
    forecast = FaultForecast.fit(ages, codes, 30)
    later = draw.poisson(rates[names] * 30)
    assert forecast.expected.sum() == pytest.approx(later.sum(), rel=0.1)
    assert deviance(later, forecast.expected) < deviance(later, np.full(len(later), later.mean()))
    often = np.bincount(codes) >= 5
    covered = (forecast.lower <= later) & (later <= forecast.upper)
    assert covered[often].mean() >= 0.72
    assert np.median((forecast.upper - forecast.lower)[often]) <= 12


def test_a_holiday_before_the_end_does_not_lower_the_forecast():
    ages, faults = simulated(np.full(60, 0.3), 100, np.random.default_rng(1), quiet=range(4, 18))
    forecast = FaultForecast.fit(ages, faults, 30)
    plain = np.bincount(faults) / 100 * 30
    assert abs(forecast.expected.sum() - 540) < abs(plain.sum() - 540)
    assert forecast.expected.sum() == pytest.approx(540, rel=0.12)


def test_holidays_to_come_are_as_quiet_as_those_before():
    draw = np.random.default_rng(3)
    off = [20, 41, 62, 83]
    ages, faults = simulated(np.full(60, 0.3), 100, draw, quiet=off)
    past, ahead = np.zeros(400, dtype=bool), np.zeros(30, dtype=bool)
    past[off], ahead[3:13] = True, True
    plain = FaultForecast.fit(ages, faults, 30).expected.sum()
    knowing = FaultForecast.fit(ages, faults, 30, HolidayDays(past, ahead)).expected.sum()
    assert knowing == pytest.approx(plain * 20 / 30, rel=0.05)
    none_before = FaultForecast.fit(ages, faults, 30, HolidayDays(np.zeros(400, dtype=bool), ahead)).expected.sum()
    assert none_before == pytest.approx(plain)  # how quiet one is has not been seen


def test_a_fault_that_stopped_is_not_expected_and_one_that_began_is():
    draw = np.random.default_rng(2)
    ages, faults = simulated(draw.gamma(0.5, 0.3, 200), 120, draw)
    ages = np.concatenate([ages, draw.uniform(60, 120, 40), draw.uniform(0, 10, 40)])
    faults = np.concatenate([faults, np.full(40, 200), np.full(40, 201)])
    forecast = FaultForecast.fit(ages, np.unique(faults, return_inverse=True)[1], 30)
    assert forecast.expected[-1] > 10
    assert forecast.expected[-2] < 2


@pytest.mark.parametrize("days", [0.5, 3, 13])
def test_a_history_of_days_has_the_plain_rate(days):
    forecast = FaultForecast.fit(np.linspace(0, days, 12), np.arange(12) % 3, 30)
    assert forecast.origins == 0
    assert np.all(forecast.expected > 0)
    assert np.all(forecast.lower <= forecast.upper)


def test_faults_of_years_ago_are_not_expected():
    forecast = FaultForecast.fit(np.linspace(700, 900, 200), np.arange(200) % 10, 30)
    assert forecast.expected.max() < 1
    assert np.all(np.isfinite(forecast.expected))


def test_one_incident_one_fault_and_many_distinct_ones_are_forecast():
    assert FaultForecast.fit(np.zeros(1), np.zeros(1, dtype=int), 90).expected[0] > 0
    one = FaultForecast.fit(np.linspace(0, 200, 2000), np.zeros(2000, dtype=int), 30)
    assert one.expected[0] == pytest.approx(300, rel=0.1)
    assert one.lower[0] <= 300 <= one.upper[0]
    distinct = FaultForecast.fit(np.linspace(0, 200, 2000), np.arange(2000), 30)
    assert distinct.expected.sum() < 30  # none has come back so far


@pytest.mark.skipif(not BANK.is_file(), reason="the bank's incidents are beside the repository")
@pytest.mark.parametrize("cut", ["2013-11-16", "2013-12-01", "2013-12-16"])
def test_on_a_bank_it_is_better_than_the_best_plain_rate(cut):
    frame = pd.read_csv(BANK, dtype=str, keep_default_na=False)
    ages = (pd.Timestamp(cut) - pd.to_datetime(frame["opened_at"])).to_numpy() / np.timedelta64(1, "D")
    keys = (frame["cmdb_ci"] + " " + frame["subcategory"]).to_numpy()
    past, later = ages > 0, (ages <= 0) & (ages > -30)
    codes, names = pd.factorize(keys[past])
    forecast = FaultForecast.fit(ages[past], codes, 30)
    place = pd.Index(names).get_indexer(keys[later])
    y = np.bincount(place[place >= 0], minlength=len(names))
    counts = np.bincount(codes)
    recent = np.bincount(codes[ages[past] <= 30], minlength=len(names))
    plain = [counts / ages.max() * 30, recent + 0.05]
    assert deviance(y, forecast.expected) <= 0.94 * min(deviance(y, rate) for rate in plain)
    assert np.abs(y - forecast.expected).mean() <= 0.96 * min(np.abs(y - rate).mean() for rate in plain)
    often = counts >= 5
    assert ((forecast.lower <= y) & (y <= forecast.upper))[often].mean() >= 0.72
