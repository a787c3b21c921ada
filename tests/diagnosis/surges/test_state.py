"""The detector's state is kept and restored; maintenance, holidays and dismissals hold what they promise."""

from __future__ import annotations

import json
import time
from datetime import date

import pytest

from benchmarks.surge_histories import DAY, START, half_year
from diagnosis.errors import InputError
from diagnosis.surges import Arrival, MaintenanceWindow, Surge, SurgeDetector
from diagnosis.surges.monitoring_data import Alert, OpenAlerts
from diagnosis.surges.rhythm import holiday_kinds
from diagnosis.surges.scope import Scope

HOUR = 3600.0


def announced(arrivals: list[Arrival], detector: SurgeDetector | None = None) -> list[Surge]:
    detector = detector or SurgeDetector()
    return [surge for arrival in arrivals for surge in detector.add(arrival)]


def wave(at: float, count: int = 15, service: str = "service 5", name: str = "X") -> list[Arrival]:
    """Return so many incidents within an hour, each of another person."""
    return [
        Arrival(f"{name}{at:.0f}-{i}", at + i * HOUR / count, {"service": service}, (), f"{name} person {i}")
        for i in range(count)
    ]


def with_waves(seed: int, *waves: list[Arrival]) -> list[Arrival]:
    """Return some seven weeks with waves on day 47, a Monday."""
    history = [arrival for arrival in half_year(seed)[0] if arrival.at < START + 49 * DAY]
    return sorted([*history, *(arrival for each in waves for arrival in each)], key=lambda a: a.at)


def test_a_detector_restored_at_any_moment_announces_what_the_other_does() -> None:
    arrivals = half_year(100, planted=5)[0][:3000]
    uninterrupted = SurgeDetector()
    expected = announced(arrivals, uninterrupted)
    detector, surges = SurgeDetector(), []
    for start in range(0, len(arrivals), 531):
        surges += announced(arrivals[start : start + 531], detector)
        state = json.loads(json.dumps(detector.to_state()))
        detector = SurgeDetector()
        detector.restore(state)
    assert [surge.id for surge in surges] == [surge.id for surge in expected]
    assert len(detector.to_state()["arrivals"]) == len(uninterrupted.to_state()["arrivals"])


def test_a_state_of_another_version_is_refused() -> None:
    with pytest.raises(InputError, match="a state of version 1 was expected, 0 found"):
        SurgeDetector().restore({"version": 0})


def test_a_maintenance_window_silences_what_it_covers_and_nothing_else() -> None:
    at = START + 47 * DAY + 10 * HOUR
    stream = with_waves(1, wave(at), wave(at, service="service 4", name="Y"))
    detector = SurgeDetector()
    detector.maintenance = [MaintenanceWindow("M", at - HOUR, at + 2 * HOUR, {"service": "SERVICE 5"})]
    scopes = [surge.scope for surge in announced(stream, detector) if at <= surge.at < at + 3 * HOUR]
    assert Scope("service", "service 4") in scopes
    assert Scope("service", "service 5") not in scopes
    assert Scope("service", "service 5") in [surge.scope for surge in announced(stream) if surge.at >= at]


def test_a_window_that_ends_before_it_starts_or_names_another_field_is_refused() -> None:
    with pytest.raises(InputError, match="ends after it starts"):
        MaintenanceWindow("M", 10.0, 10.0)
    with pytest.raises(InputError, match="expected a scope of service, cmdb_ci, location, category; found colour"):
        MaintenanceWindow("M", 0.0, 10.0, {"colour": "red"})


def test_planned_work_on_everything_is_no_silence() -> None:
    arrivals = half_year(2)[0][:2500]
    gap = [arrival for arrival in arrivals if not 60 * DAY <= arrival.at - START < 67 * DAY]
    detector = SurgeDetector()
    detector.maintenance = [MaintenanceWindow("M", START + 60 * DAY, START + 67 * DAY)]
    assert not [surge for surge in announced(gap, detector) if surge.kind == "silence"]


def test_a_spring_festival_is_no_silence_where_its_holidays_are_known() -> None:
    first = (date(2025, 1, 28) - date(2025, 1, 1)).days  # eight days from New Year's Eve
    arrivals = half_year(2)[0][:1800]
    festival = [arrival for arrival in arrivals if not first <= (arrival.at - START) / DAY < first + 8]
    silences = [surge for surge in announced(festival) if surge.kind == "silence"]
    assert len(silences) == 1
    known = announced(festival, SurgeDetector(day_kinds=holiday_kinds("CN")))
    end = START + (first + 8) * DAY
    assert not [surge for surge in known if surge.kind == "silence" and surge.since < end]


def test_a_make_up_saturday_is_a_working_day() -> None:
    kinds = holiday_kinds("CN")
    assert kinds(date(2025, 2, 8)) == "workday"  # a Saturday that is worked for the Spring Festival
    assert kinds(date(2025, 1, 29)) == "holiday"
    assert holiday_kinds("")(date(2025, 1, 29)) == "workday"
    with pytest.raises(InputError):
        holiday_kinds("Atlantis")


def test_what_people_dismissed_must_be_rarer_the_next_time() -> None:
    at = START + 47 * DAY + 10 * HOUR
    stream = with_waves(1, wave(at, 7))
    of_wave = [surge for surge in announced(stream) if any(number.startswith("X") for number in surge.numbers)]
    assert of_wave
    detector = SurgeDetector()
    detector.dismissals = {Scope("service", "service 5"): 3}
    assert not [s for s in announced(stream, detector) if any(number.startswith("X") for number in s.numbers)]
    detector = SurgeDetector()
    detector.dismissals = {Scope("service", "service 5"): 3}
    larger = announced(with_waves(1, wave(at, 40)), detector)
    assert [surge for surge in larger if surge.scope == Scope("service", "service 5")]


def test_what_a_person_ends_is_over_and_time_that_nobody_watched_is_no_silence() -> None:
    at = START + 47 * DAY + 10 * HOUR
    stream = [arrival for arrival in with_waves(1, wave(at)) if arrival.at < at + HOUR]
    detector = SurgeDetector()
    announced(stream, detector)
    (surge,) = [surge for surge in detector.open if surge.scope == Scope("service", "service 5")]
    detector.end(surge.id, at + HOUR)
    assert surge.over_at == at + HOUR
    assert surge not in detector.open
    detector.skip_to(at + 60 * DAY)
    assert detector.advance(at + 60 * DAY + HOUR) == []
    assert not detector.held_open()


def test_the_course_counts_every_incident_beside_what_is_usual() -> None:
    at = START + 47 * DAY + 10 * HOUR
    detector = SurgeDetector()
    stream = [arrival for arrival in with_waves(1, wave(at)) if arrival.at < at + HOUR]
    announced(stream, detector)
    surge = next(surge for surge in detector.open if surge.scope == Scope("service", "service 5"))
    course = detector.course(surge, at + HOUR)
    during = [count for start, count, _ in course if start >= at - at % 1200]
    assert sum(during) >= 15
    assert all(usual > 0 for _, _, usual in course)
    assert [start for start, _, _ in course] == sorted({start for start, _, _ in course})


def test_a_million_identical_alerts_are_one() -> None:
    alerts = OpenAlerts()
    began = time.process_time()
    new = sum(alerts.is_new(Alert(str(i), i * 0.01, None, "disk full", "db-1")) for i in range(1_000_000))
    assert new == 1
    assert time.process_time() - began < 10
    restored = OpenAlerts()
    restored.restore(json.loads(json.dumps(alerts.to_state())))
    assert not restored.is_new(Alert("again", 20_000.0, None, "disk full", "db-1"))


def test_fifty_a_second_are_kept_up_with_for_hours() -> None:
    detector = SurgeDetector()
    announced(half_year(4)[0][:2500], detector)
    at = START + 120 * DAY
    stream = [
        Arrival(
            f"S{i}", at + i / 50, {"service": f"service {i % 6}", "cmdb_ci": f"db-{i % 40}"}, ("slow", f"w{i % 30}")
        )
        for i in range(20_000)
    ]
    began = time.process_time()
    announced(stream, detector)
    assert (time.process_time() - began) / len(stream) < 0.005  # 20 ms each would be enough


def test_what_monitoring_says_of_one_item_counts_once_and_is_joined() -> None:
    at = START + 47 * DAY + 10 * HOUR
    alerts = [Arrival(f"A{i}", at + 30 * i, {"service": "service 5"}, (), "monitor:db-1") for i in range(30)]
    stream = with_waves(1, alerts)
    assert not [surge for surge in announced(stream) if any(number.startswith("A") for number in surge.numbers)]
    (surge,) = [s for s in announced(with_waves(1, alerts, wave(at + 900))) if "A29" in s.numbers]
    assert surge.scope == Scope("service", "service 5")
