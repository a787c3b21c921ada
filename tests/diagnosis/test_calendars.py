"""Calendars: business hours, holidays with make-up workdays, times between and due."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnosis.calendars import BusinessHours, RoundTheClock, calendar_from, holidays_of
from diagnosis.errors import InputError

SHANGHAI = {"zone": "Asia/Shanghai", "from": "09:00", "to": "18:00", "holidays": "CN"}


def local(*parts, zone="Asia/Shanghai"):
    return datetime(*parts, tzinfo=ZoneInfo(zone))


def test_round_the_clock_counts_every_hour():
    calendar = calendar_from("24x7")
    start = datetime(2026, 2, 17, 1, tzinfo=UTC)
    assert calendar.hours_between(start, start + timedelta(days=3)) == 72
    assert calendar.due_at(start, 4) == start + timedelta(hours=4)
    assert calendar.is_workday(date(2026, 2, 17))
    assert not calendar.is_holiday(date(2026, 2, 17))


# The State Council's notices: days off for Spring Festival and National Day, and the weekend days worked for them.
@pytest.mark.parametrize(
    ("day", "worked"),
    [
        ("2024-02-04", True),  # a Sunday, worked for Spring Festival
        ("2024-02-12", False),
        ("2024-02-18", True),  # a Sunday
        ("2025-01-26", True),  # a Sunday
        ("2025-01-28", False),
        ("2025-10-08", False),
        ("2025-10-11", True),  # a Saturday
        ("2026-02-14", True),  # a Saturday
        ("2026-02-23", False),  # a Monday of the festival
        ("2026-10-10", True),  # a Saturday
        ("2011-12-31", True),  # a Saturday, worked for the next year's first days
        ("2026-11-28", False),  # a plain Saturday
        ("2026-11-27", True),
    ],
)
def test_china_works_on_its_make_up_days_and_not_on_its_holidays(day, worked):
    assert calendar_from(SHANGHAI).is_workday(date.fromisoformat(day)) is worked


def test_the_answer_for_a_weekend_day_does_not_depend_on_what_was_asked_before():
    assert BusinessHours("Asia/Shanghai", holidays="CN").is_workday(date(2021, 2, 7))  # a Sunday of a fresh year


def test_time_stops_over_night_and_over_holidays():
    calendar = calendar_from(SHANGHAI)
    friday = local(2026, 11, 27, 17)
    assert calendar.due_at(friday, 1) == local(2026, 11, 27, 18)
    assert calendar.due_at(friday, 2) == local(2026, 11, 30, 10)
    assert calendar.hours_between(friday, local(2026, 11, 30, 10)) == 2
    assert calendar.due_at(local(2026, 9, 30, 17), 2) == local(2026, 10, 8, 10)
    assert calendar.hours_between(local(2026, 10, 1, 9), local(2026, 10, 7, 18)) == 0
    assert calendar.due_at(local(2026, 10, 3, 12), 0.5) == local(2026, 10, 8, 9, 30)


def test_closed_and_open_dates_win_over_weekday_and_holiday():
    calendar = calendar_from(
        SHANGHAI | {"closed": ["2026-11-26"], "open": ["2026-11-28", "2026-10-01"], "days": ["mon", "thu", "fri"]}
    )
    assert [calendar.is_workday(date(2026, 11, day)) for day in (25, 26, 27, 28)] == [False, False, True, True]
    assert calendar.is_workday(date(2026, 10, 1))
    assert calendar.is_holiday(date(2026, 11, 26))
    assert not calendar.is_holiday(date(2026, 10, 1))


def test_a_night_shift_ends_on_the_next_day():
    calendar = calendar_from({"zone": "Europe/Berlin", "from": "22:00", "to": "06:00"})
    start = local(2026, 11, 27, 23, zone="Europe/Berlin")  # Friday
    assert calendar.hours_between(start, local(2026, 11, 28, 12, zone="Europe/Berlin")) == 7
    assert calendar.due_at(start, 8) == local(2026, 11, 30, 23, zone="Europe/Berlin")


def test_summer_time_moves_the_hours_in_utc():
    calendar = calendar_from({"zone": "Europe/Berlin", "from": "09:00", "to": "17:00"})
    assert calendar.due_at(datetime(2026, 3, 27, 0, tzinfo=UTC), 1) == datetime(2026, 3, 27, 9, tzinfo=UTC)
    assert calendar.due_at(datetime(2026, 3, 30, 0, tzinfo=UTC), 1) == datetime(2026, 3, 30, 8, tzinfo=UTC)
    whole = calendar_from({"zone": "Europe/Berlin", "from": "00:00", "to": "24:00", "days": ["sat", "sun"]})
    assert whole.hours_between(datetime(2026, 3, 27, 12, tzinfo=UTC), datetime(2026, 3, 30, 12, tzinfo=UTC)) == 47


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1_420_000_000, 1_798_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    st.floats(0.01, 2_000),
)
def test_a_due_time_is_the_given_business_hours_away(start, hours):
    calendar = calendar_from(SHANGHAI | {"days": ["tue", "wed", "sat"]})
    due = calendar.due_at(start, hours)
    assert calendar.hours_between(start, due) == pytest.approx(hours, abs=1e-5)
    assert calendar.hours_between(due, start) == pytest.approx(-hours, abs=1e-5)
    assert calendar.is_workday(due.astimezone(ZoneInfo("Asia/Shanghai")).date())


def test_arrays_give_what_single_moments_give_and_unknown_stays_unknown():
    calendar = BusinessHours("Asia/Shanghai", holidays="CN")
    starts = np.array([1.7e9, 1.75e9, np.nan, 1.76e9])
    hours = np.array([3.0, 40.0, 5.0, np.nan])
    due = calendar.due(starts, hours)
    assert np.isnan(due).tolist() == [False, False, True, True]
    for start, span, end in zip(starts[:2], hours[:2], due[:2], strict=True):
        assert calendar.due_at(datetime.fromtimestamp(start, UTC), span).timestamp() == pytest.approx(end, abs=1e-5)
    assert np.isnan(calendar.elapsed(starts, due)).tolist() == [False, False, True, True]


def test_a_moment_without_zone_is_in_utc():
    calendar = BusinessHours("Asia/Shanghai")
    moment = datetime(2026, 11, 27, 2, tzinfo=UTC)
    assert calendar.due_at(moment.replace(tzinfo=None), 1) == calendar.due_at(moment, 1)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("business", '"24x7"'),
        (5, '"24x7"'),
        ({"from": "09:00", "to": "18:00"}, "need a time zone"),
        ({"zone": "Asia/Shangai"}, "did you mean 'Asia/Shanghai'"),
        ({"zone": "UTC", "holidays": "XX"}, "a country's code such as CN or DE"),
        ({"zone": "UTC", "holidays": "DE-XY"}, "a part of DE"),
        ({"zone": "UTC", "days": ["monday", "noday"]}, "noday"),
        ({"zone": "UTC", "days": []}, "expected some of mon"),
        ({"zone": "UTC", "from": "9"}, "from: expected a time"),
        ({"zone": "UTC", "to": "25:00"}, "at most 24:00"),
        ({"zone": "UTC", "from": "08:00", "to": "08:00"}, "are both 08:00"),
        ({"zone": "UTC", "closed": ["5 February"]}, "closed: expected dates"),
        ({"zone": "UTC", "hours": 8}, "unknown setting 'hours'"),
        ({"zone": "UTC", "days": 5}, "expected some of mon, tue, wed, thu, fri, sat, sun; found 5"),
        ({"zone": "UTC", "days": [1, 2]}, "found 1, 2"),
        ({"zone": "UTC", "days": True}, "found True"),
        ({"zone": "UTC", "closed": 5}, "closed: expected dates such as 2027-02-05; found 5"),
        ({"zone": "UTC", "open": [5]}, "open: expected dates"),
        ({"zone": "UTC", "open": {"day": 5}}, "open: expected dates"),
        ({"zone": ["Asia/Shanghai"]}, "expected an IANA time zone such as 'Asia/Shanghai'"),
        ({"zone": 8}, "expected an IANA time zone"),
        ({"zone": "UTC", "holidays": ["CN"]}, "holidays: expected"),
        ({"zone": "UTC", "from": ["09:00"]}, "from: expected a time"),
    ],
)
def test_what_is_no_calendar_is_said_in_words(value, words):
    with pytest.raises(InputError, match="calendar") as error:
        calendar_from(value)
    assert words in str(error.value)


def test_a_calendar_that_is_never_open_says_so():
    calendar = calendar_from({"zone": "UTC", "days": ["mon"], "closed": [], "open": []})
    never = BusinessHours("UTC", days=())
    assert calendar.due_at(datetime(2026, 1, 1, tzinfo=UTC), 0.5).weekday() == 0
    with pytest.raises(InputError, match="are too few"):
        never.due_at(datetime(2026, 1, 1, tzinfo=UTC), 1)


def test_a_day_that_is_written_with_a_time_is_closed_all_the_same():
    calendar = calendar_from({"zone": "UTC", "closed": [datetime(2027, 2, 5, tzinfo=UTC)]})
    assert not calendar.is_workday(date(2027, 2, 5))


def test_settings_come_back_as_they_were_read():
    calendar = calendar_from(SHANGHAI | {"days": ["Mon", "tuesday"], "closed": [date(2027, 2, 5)]})
    assert calendar_from(calendar.to_dict()) == calendar
    assert calendar_from(RoundTheClock().to_dict()) == RoundTheClock()


def test_a_country_alone_says_which_days_are_worked():
    assert not holidays_of("DE-BY").is_workday(date(2026, 1, 6))  # Epiphany, in Bavaria only
    assert holidays_of("DE").is_workday(date(2026, 1, 6))
    assert holidays_of("").is_workday(date(2026, 12, 25))
