"""The review of monitoring: what came before incidents by chance is not said to announce them."""

from __future__ import annotations

import numpy as np

from diagnosis.surges.monitoring_data import Alert
from diagnosis.surges.monitoring_review import Logged, monitoring_review

DAY, HOUR = 86_400.0, 3_600.0
MONTH = (30 * DAY, 60 * DAY)
ALERTS = 8


def alerts_of(name: str, times: list[float]) -> list[Alert]:
    return [Alert(f"{name}-{place}", at, at + HOUR, name, name) for place, at in enumerate(times)]


def verdicts(alerts: list[Alert], incidents: list[Logged]) -> dict[str, str]:
    return {row.name: row.verdict for row in monitoring_review(alerts, incidents, *MONTH).alerts}


def test_one_alert_of_seven_before_an_incident_announces_none_and_six_do() -> None:
    times = [MONTH[0] + 4 * DAY * place + HOUR for place in range(7)]
    alerts = [*alerts_of("once", times), *alerts_of("often", times)]
    incidents = [Logged("once", times[3] + HOUR / 2, "once")]
    incidents += [Logged(f"often-{place}", at + HOUR / 2, "often") for place, at in enumerate(times[:6])]
    assert verdicts(alerts, incidents) == {"once": "no better than chance", "often": "announces"}


def test_an_alert_of_a_time_without_known_incidents_or_of_the_last_hours_is_not_counted() -> None:
    times = [MONTH[0] + DAY * place + HOUR for place in range(30)]
    incidents = [Logged(f"I{place}", at + HOUR / 2, "disk") for place, at in enumerate(times[15:29])]
    known = (incidents[0].at - HOUR, times[29] + HOUR)
    [row] = monitoring_review(alerts_of("disk", times), incidents, *MONTH, known_time=known).alerts
    assert (row.alerts, row.before) == (14, 14)
    [row] = monitoring_review(alerts_of("disk", times[:8]), incidents, *MONTH, known_time=known).alerts
    assert (row.alerts, row.verdict) == (8, "too few"), "nobody logged incidents then: it is not said to announce none"


def test_weeks_that_are_not_known_yet_do_not_count_as_weeks_without_an_incident() -> None:
    times = [MONTH[0] + 3 * DAY * place + HOUR for place in range(10)]
    incidents = [Logged(f"day {day}", day * DAY + 1.5 * HOUR, "disk") for day in range(60)]  # up to the month's end
    [row] = monitoring_review(alerts_of("disk", times), incidents, *MONTH).alerts
    assert row.by_chance < 1
    [row] = monitoring_review(alerts_of("disk", times), incidents, *MONTH, known_time=(0.0, MONTH[1])).alerts
    assert (row.by_chance, row.verdict) == (1, "no better than chance")
    [row] = monitoring_review(alerts_of("disk", times[:6]), incidents, *MONTH, known_time=(MONTH[0], times[5])).alerts
    assert row.by_chance == 1
    short = (MONTH[0], MONTH[0] + 14 * DAY)  # no alert of it has another week to be compared with
    [row] = monitoring_review(alerts_of("disk", times[3:5]), incidents, *MONTH, known_time=short).alerts
    assert row.verdict == "too few"


def test_where_alerts_and_incidents_have_nothing_in_common_at_most_five_in_a_hundred_are_said_to_announce() -> None:
    rng = np.random.default_rng(7)
    for per_day in (0.1, 0.5, 2.0):  # incidents on an item
        alerts: list[Alert] = []
        incidents: list[Logged] = []
        for place in range(300):
            name = f"alert {place}"
            alerts += alerts_of(name, sorted(rng.uniform(*MONTH, ALERTS).tolist()))
            moments = rng.uniform(0, 90 * DAY, rng.poisson(90 * per_day))
            incidents += [Logged(f"{name} {number}", float(at), name) for number, at in enumerate(moments)]
        told = list(verdicts(alerts, incidents).values())
        assert told.count("announces") <= 0.05 * len(told)
