import numpy as np
import pytest

from diagnosis.recurrence.fitted import FittedRisk
from diagnosis.recurrence.hazard import grid
from diagnosis.recurrence.outcomes import CensoredOutcomes
from diagnosis.recurrence.rhythm import EVEN, DeskRhythm


def office_hours(days=70, a_day=200, seed=0):
    """Openings on Mondays to Fridays, 8 to 18 h, in days since 1970 (a Thursday)."""
    draw = np.random.default_rng(seed)
    day = np.arange(days)
    working = day[(day + 3) % 7 < 5]
    return 7000.0 + np.sort((working[:, None] + draw.uniform(8 / 24, 18 / 24, (len(working), a_day))).ravel())


def test_the_even_clock_is_the_calendar():
    edges = grid((7, 30))
    widths = np.exp(EVEN.log_widths(np.array([19_000.3, np.nan]), edges))
    np.testing.assert_allclose(widths, np.tile(np.diff(edges), (2, 1)))


def test_nights_and_weekends_are_short_before_and_after_the_end_of_the_records():
    opened = office_hours()
    rhythm = DeskRhythm.fit(opened, 7070.0)
    edges = np.array([0.0, 1.0, 2.0, 7.0])
    for start in (7014.0, 7084.0):  # 7014 = 2002 weeks after a Thursday, at midnight
        thursday, friday, rest = np.exp(rhythm.log_widths(np.array([start]), edges))[0]
        assert thursday == pytest.approx(friday, rel=0.1)
        assert thursday + friday + rest == pytest.approx(7.0, rel=0.05)
        saturday = np.exp(rhythm.log_widths(np.array([start + 2]), edges))[0, 0]
        assert saturday < 0.25 * thursday


def test_a_week_is_a_week_whenever_it_starts():
    rhythm = DeskRhythm.fit(office_hours(), 7070.0)
    starts = 7100 + np.linspace(0, 7, 23)
    np.testing.assert_allclose(np.exp(rhythm.log_widths(starts, np.array([0.0, 7.0]))), rhythm.week[-1])


def test_time_that_is_past_is_counted_by_what_was_logged_on_that_very_day():
    opened = office_hours()
    holiday = (opened >= 7028) & (opened < 7029)  # a Thursday on which nobody worked
    rhythm = DeskRhythm.fit(opened[~holiday], 7070.0)
    day = np.array([0.0, 1.0])
    off, on, next_time = np.exp(rhythm.log_widths(np.array([7028.0, 7035.0, 7084.0]), day))[:, 0]
    assert off < 0.5 * on
    assert next_time == pytest.approx(on, rel=0.2)


def test_a_quiet_stretch_is_not_taken_for_faults_that_stay_away():
    draw = np.random.default_rng(1)
    opened = office_hours(days=70)
    rhythm = DeskRhythm.fit(opened, 7070.0)
    # Each fault is logged again at a constant rate a desk day: the waiting time in desk days is exponential.
    start = opened[opened < 7060]
    clock = np.linspace(7000, 7200, 200 * 24 + 1)
    elapsed = np.concatenate([[0], np.cumsum(np.exp(rhythm.log_widths(clock[:-1], np.array([0.0, 1 / 24])))[:, 0])])
    wait = draw.exponential(1 / 0.08, len(start))
    again = np.interp(np.interp(start, clock, elapsed) + wait, elapsed, clock)
    observed = 7070.0 - start
    seen = CensoredOutcomes(np.minimum(again - start, observed), again <= 7070.0, observed)
    risk = FittedRisk.fit("opened", draw.normal(size=(len(start), 1)), start, seen, (2, 7), rhythm).regression
    friday, monday = (np.array([7098.75 + add]) for add in (1, 4))
    for at, days in ((friday, 2), (monday, 2), (monday, 7)):
        spent = np.interp(at + days, clock, elapsed) - np.interp(at, clock, elapsed)
        assert risk.risk(np.zeros((1, 1)), at, [days])[0, 0] == pytest.approx(1 - np.exp(-0.08 * spent[0]), abs=0.03)
