from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from diagnosis.errors import InputError
from diagnosis.incident import IncidentBatch
from diagnosis.surges.rhythm import holiday_kinds
from diagnosis.workload import WorkloadForecast, forecast_workload

START = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday
WEEK = np.array([1.3, 1.2, 1.1, 1.1, 1.0, 0.2, 0.1])


def simulate(
    rng: np.random.Generator,
    days: int,
    rate: float,
    close: float,
    country: str = "",
) -> list[dict[str, Any]]:
    """Arrivals with a rhythm of the week; on each working day each open incident is closed with the same chance."""
    rows, kinds = [], holiday_kinds(country)
    for day in range(days):
        today = START + timedelta(days=day)
        kind = kinds(today.date())
        is_made_up = kind == "workday" and day % 7 > 4
        mean = rate * (0.1 if kind == "holiday" else 1.1 if is_made_up else WEEK[day % 7])
        for _ in range(rng.poisson(mean)):
            opened = today + timedelta(hours=float(rng.uniform(8, 17)))
            ends = day
            while ends < days + 100 and (ends % 7 > 4 or rng.random() > close):
                ends += 1
            closed = START + timedelta(days=ends, hours=17.5)
            group = str(rng.choice(["Network", "Messaging"]))
            row = {"number": f"INC{len(rows)}", "opened_at": opened, "assignment_group": group}
            rows.append(row | {"resolved_at": closed, "short_description": "x"})
    return rows


def forecast(
    rows: list[dict[str, Any]], day: int, hours: float = 0, horizon: int = 28, **options: str
) -> WorkloadForecast:
    return forecast_workload(
        IncidentBatch.from_rows(rows), START + timedelta(days=day, hours=hours), horizon, **options
    )


def logged_between(rows: list[dict[str, Any]], first: date, last: date) -> int:
    return sum(first <= row["opened_at"].date() <= last for row in rows)


def test_four_in_five_weeks_and_backlogs_lie_in_the_interval() -> None:
    rng, inside, backlog = np.random.default_rng(0), [], []
    for _ in range(25):
        rows = simulate(rng, 150, rate=12.0, close=0.4)
        report = forecast(rows, 119)
        inside += [
            week.logged.lower <= logged_between(rows, week.first, week.last) <= week.logged.upper
            for week in report.desk.weeks
        ]
        end = datetime.combine(report.desk.weeks[1].last, datetime.min.time(), UTC) + timedelta(days=1)
        still_open = sum(row["opened_at"] < end <= row["resolved_at"] for row in rows)
        backlog.append(report.desk.weeks[1].backlog.lower <= still_open <= report.desk.weeks[1].backlog.upper)
    assert 0.7 < np.mean(inside) < 0.95, np.mean(inside)
    assert 0.6 < np.mean(backlog) <= 1.0, np.mean(backlog)


def test_days_have_the_rhythm_of_the_week() -> None:
    report = forecast(simulate(np.random.default_rng(1), 100, rate=30.0, close=0.5), 98)
    week = [day.logged.expected for day in report.desk.days[:7]]
    assert np.allclose(week, 30 * WEEK, rtol=0.2, atol=2.0), week
    assert report.desk.days[5].kind == "weekend"


def test_holidays_of_the_country_are_quiet_and_make_up_days_are_not() -> None:
    rows = simulate(np.random.default_rng(2), 270, rate=20.0, close=0.5, country="CN")
    report = forecast(rows, 266, horizon=14, holidays="CN", zone="Asia/Shanghai")
    by_day = {day.day: day for day in report.desk.days}
    assert by_day[date(2026, 10, 1)].kind == "holiday"
    assert by_day[date(2026, 10, 1)].logged.expected < 7 < by_day[date(2026, 9, 30)].logged.expected
    assert by_day[date(2026, 10, 10)].kind == "workday"  # a Saturday that is worked
    assert by_day[date(2026, 10, 10)].logged.expected > 14
    plain = {day.day: day for day in forecast(rows, 266, horizon=14).desk.days}
    assert plain[date(2026, 10, 1)].logged.expected > 14


def test_what_is_open_what_comes_and_what_is_closed_add_up() -> None:
    report = forecast(simulate(np.random.default_rng(3), 120, rate=10.0, close=0.3), 110, hours=11)
    for workload in (report.desk, *report.groups):
        expected = float(workload.open_now)
        for day in workload.days:
            expected += day.logged.expected - day.closed.expected
            assert day.backlog.expected == pytest.approx(expected, abs=0.15 * len(workload.days))
    assert report.desk.open_now == sum(group.open_now for group in report.groups)
    logged = sum(group.weeks[0].logged.expected for group in report.groups)
    assert logged == pytest.approx(report.desk.weeks[0].logged.expected, rel=0.1)


def test_what_happens_later_changes_nothing() -> None:
    rows = simulate(np.random.default_rng(4), 150, rate=8.0, close=0.3)
    now = START + timedelta(days=100, hours=9)
    known = [
        row | {"resolved_at": row["resolved_at"] if row["resolved_at"] <= now else None}
        for row in rows
        if row["opened_at"] <= now
    ]
    rows = [row | {"reopened_at": now + timedelta(days=2)} if row["resolved_at"] <= now else row for row in rows]
    assert forecast_workload(IncidentBatch.from_rows(rows), now) == forecast_workload(
        IncidentBatch.from_rows(known), now
    )


def test_a_backlog_that_never_moved_is_expected_to_stay() -> None:
    rng, rows, waiting = np.random.default_rng(5), [], []
    for day in range(150):  # a slow month follows a busy one, and each day as many are closed as were logged
        today, rate = START + timedelta(days=day), 10.0 if day // 28 % 2 else 30.0
        n_logged = 60 if day == 0 else rng.poisson(rate)
        rows += [
            {
                "number": f"INC{len(rows) + i}",
                "short_description": "x",
                "opened_at": today + timedelta(hours=9 + i / 100),
            }
            for i in range(n_logged)
        ]
        for _ in range(n_logged if day else 0):
            waiting.pop(int(rng.integers(len(waiting))))["resolved_at"] = today + timedelta(hours=17)
        waiting += rows[len(rows) - n_logged :]
    for day in (112, 126, 140):
        desk = forecast(rows, day).desk
        now = desk.open_now
        assert all(abs(week.backlog.expected - now) < 0.1 * now for week in desk.weeks)
        assert all(week.backlog.lower <= now <= week.backlog.upper for week in desk.weeks)


def test_a_young_record_does_not_go_on_growing_as_it_did_from_nothing() -> None:
    """It begins without the backlog of before, and so seems to grow."""
    rows = simulate(np.random.default_rng(8), 80, rate=20.0, close=0.05)

    def open_on(day: int) -> int:
        moment = START + timedelta(days=day)
        return sum(row["opened_at"] < moment <= row["resolved_at"] for row in rows)

    desk = forecast(rows, 49).desk
    grew = open_on(49) - open_on(21)
    assert grew > 100
    assert abs(desk.weeks[3].backlog.expected - desk.open_now) < 0.1 * grew


def test_a_group_that_closes_nothing_any_more_grows() -> None:
    simulated = simulate(np.random.default_rng(5), 120, rate=10.0, close=0.5)
    stopped = START + timedelta(days=80)
    rows = [
        row | ({"resolved_at": None} if row["assignment_group"] == "Network" and row["resolved_at"] > stopped else {})
        for row in simulated
    ]
    report = forecast(rows, 119)
    slow, usual = report.groups
    assert (slow.assignment_group, slow.trend) == ("Network", "growing")
    assert usual.trend == "steady"
    assert slow.probability_larger > 0.95
    assert slow.working_days_of_backlog is None
    assert usual.closing_rate == pytest.approx(0.5, abs=0.06)


def test_the_first_day_is_what_is_left_of_today() -> None:
    rows = simulate(np.random.default_rng(6), 100, rate=40.0, close=0.5)
    early, late = forecast(rows, 98, hours=1), forecast(rows, 98, hours=18)
    assert early.desk.days[0].logged.expected > 40
    assert late.desk.days[0].logged.expected < 3
    assert early.desk.weeks[0].first == date(2026, 4, 14)  # tomorrow
    assert forecast(rows, 98).desk.weeks[0].first == date(2026, 4, 13)


def test_at_noon_half_of_an_even_day_is_left() -> None:
    moments = [START + timedelta(days=day, hours=place / 10 + 0.05) for day in range(71) for place in range(240)]
    rows = [{"number": str(place), "opened_at": moment} for place, moment in enumerate(moments[: 70 * 240 + 120])]
    left = [
        forecast_workload(IncidentBatch.from_rows(rows), START + timedelta(days=70, hours=12), 7, seed=seed)
        for seed in range(4)
    ]
    assert np.mean([report.desk.days[0].logged.expected for report in left]) == pytest.approx(120, abs=1)


def test_a_level_that_doubled_is_followed() -> None:
    rng = np.random.default_rng(7)
    low, high = simulate(rng, 70, rate=8.0, close=0.6), simulate(rng, 100, rate=16.0, close=0.6)
    cut = START + timedelta(days=70)
    rows = [*low, *(row | {"number": f"B{i}"} for i, row in enumerate(high) if row["opened_at"] >= cut)]
    report = forecast(rows, 98)
    assert report.desk.weeks[0].logged.expected > 0.85 * 16 * WEEK.sum()


@pytest.mark.parametrize("n_days", [1, 3, 15])
def test_a_short_history_gives_a_wide_interval(n_days: int) -> None:
    rows = simulate(np.random.default_rng(8), n_days, rate=20.0, close=0.5)
    report = forecast(rows, n_days)
    assert report.origins == 0
    week = report.desk.weeks[0].logged
    assert week.lower < week.expected < week.upper


def test_incidents_without_groups_have_no_groups() -> None:
    report = forecast([{"number": "1", "short_description": "x", "opened_at": START}], 3)
    assert report.groups == ()
    assert report.desk.open_now == 1
    assert report.group("Network") is None


def test_dates_that_cannot_be_are_left_out_and_counted() -> None:
    rows = [
        {"number": "1", "short_description": "x", "opened_at": START},
        {"number": "2", "short_description": "x"},
        {"number": "3", "short_description": "x", "opened_at": START, "resolved_at": START - timedelta(days=1)},
        {"number": "4", "short_description": "x", "opened_at": START, "state": "Closed"},
        {"number": "5", "short_description": "x", "opened_at": START + timedelta(days=99)},
    ]
    report = forecast(rows, 3)
    assert (report.n_incidents, report.without_date, report.desk.open_now) == (3, 1, 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"holidays": "XX"}, "holidays"), ({"zone": "Mars/Base"}, "time zone"), ({"horizon": 0}, "1 to 120 days")],
)
def test_settings_that_cannot_be_used_are_named(options: dict, message: str) -> None:
    batch = IncidentBatch.from_rows([{"number": "1", "short_description": "x", "opened_at": START}])
    with pytest.raises(InputError, match=message):
        forecast_workload(batch, START + timedelta(days=3), **options)


def test_a_history_without_dates_is_refused() -> None:
    batch = IncidentBatch.from_rows([{"number": "1", "short_description": "x"}])
    with pytest.raises(InputError, match="opened_at"):
        forecast_workload(batch, START)


def test_the_only_group_has_the_workload_of_the_desk() -> None:
    rows = [
        {**row, "assignment_group": "Network"} for row in simulate(np.random.default_rng(5), 60, rate=3.0, close=0.1)
    ]
    report = forecast(rows, 56)
    (group,) = report.groups
    assert report.desk.open_now > 0
    assert group.assignment_group == "Network"
    assert group.to_dict() == report.desk.to_dict()
