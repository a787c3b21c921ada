"""Surges: the stated false alarms hold, planted surges are found early, and odd streams do no harm."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy import stats

from benchmarks.surge_histories import DAY, START, half_year
from diagnosis.errors import InputError
from diagnosis.surges import Arrival, Surge, SurgeDetector
from diagnosis.surges.detector import tail
from diagnosis.surges.maintenance import MaintenanceWindow
from diagnosis.surges.rhythm import Expectation
from diagnosis.surges.scope import Scope


def announced(arrivals: list[Arrival], detector: SurgeDetector | None = None) -> list[Surge]:
    detector = detector or SurgeDetector()
    return [surge for arrival in arrivals for surge in detector.add(arrival)]


@pytest.fixture(scope="module")
def planted() -> list[tuple[list[Surge], dict[str, int], list[float]]]:
    histories = [half_year(seed, planted=5) for seed in range(100, 104)]
    return [(announced(arrivals), members, beginnings) for arrivals, members, beginnings in histories]


def delays(history: tuple[list[Surge], dict[str, int], list[float]]) -> dict[int, float]:
    surges, members, beginnings = history
    found: dict[int, float] = {}
    for surge in surges:
        for place in {members[number] for number in surge.numbers if number in members}:
            found.setdefault(place, surge.at - beginnings[place])
    return found


def test_the_tail_is_that_of_a_negative_binomial() -> None:
    for mean, shape in ((0.3, 2.0), (5.0, 20.0), (40.0, 3.5)):
        law = stats.nbinom(shape, shape / (shape + mean))
        for count in (1, 3, 12, 60):
            assert tail(count, Expectation(mean, shape)) == pytest.approx(law.sf(count - 1), rel=1e-9)
    assert tail(0, Expectation(1.0, 1.0)) == 1.0


@pytest.mark.system
def test_ten_half_years_without_a_surge_have_at_most_the_stated_false_alarms() -> None:
    counts = [len(announced(half_year(seed)[0])) for seed in range(10)]
    assert sum(counts) / 60 <= 1.0


@pytest.mark.system
def test_bursts_beyond_chance_do_not_break_the_promise() -> None:
    counts = [len(announced(half_year(seed, dispersion=0.25)[0])) for seed in range(4)]
    assert sum(counts) / 24 <= 1.4


def test_planted_surges_are_found_and_half_of_them_within_twenty_minutes(planted: list) -> None:
    found = [delay for history in planted for delay in delays(history).values()]
    assert len(found) >= 19  # of 20
    assert sum(delay <= 1200 for delay in found) >= 10


def test_a_surge_names_its_service_grows_and_is_over_by_itself(planted: list) -> None:
    for surges, members, _ in planted:
        for surge in surges:
            joined = [members[number] for number in surge.numbers if number in members]
            if len(joined) >= max(10, 0.6 * len(surge.numbers)):
                assert surge.common("service") == surge.scope.value
                assert len(surge.numbers) > surge.count
                assert surge.over_at is not None
                assert surge.over_at - surge.since < 6 * 3600


def test_one_wave_is_announced_once(planted: list) -> None:
    for surges, members, _ in planted:
        for place in range(5):
            shares = [sum(members.get(number) == place for number in surge.numbers) for surge in surges]
            assert sum(share > 7 for share in shares) <= 1  # of 15: no second announcement has most of them


def test_the_same_stream_gives_the_same_surges_with_the_same_ids() -> None:
    arrivals, _, _ = half_year(100, planted=5)
    first, again = (announced(arrivals) for _ in range(2))
    assert [surge.to_dict() for surge in first] == [surge.to_dict() for surge in again]
    assert len({surge.id for surge in first}) == len(first)


def test_reports_of_one_person_are_no_surge() -> None:
    arrivals, _, _ = half_year(1)
    at = START + 100 * DAY + 3 * 3600
    flood = [Arrival(f"X{i}", at + 30 * i, {"service": "service 5"}, (), "caller 7") for i in range(40)]
    stream = sorted([*arrivals, *flood], key=lambda arrival: arrival.at)
    assert not [surge for surge in announced(stream) if any(number.startswith("X") for number in surge.numbers)]


def test_waves_of_the_same_words_on_several_services_name_every_service_and_none_beside() -> None:
    arrivals, _, _ = half_year(1)
    at = START + 100 * DAY + 3 * 3600
    waves = [
        Arrival(
            f"X{service}-{i}",
            at + 300 * service + 120 * i,
            {"service": f"service {service}"},
            ("login",),
            f"{service} {i}",
        )
        for service in range(3)
        for i in range(15)
    ]
    stream = sorted([*(a for a in arrivals if a.at < at + DAY / 2), *waves], key=lambda arrival: arrival.at)
    surges = [surge for surge in announced(stream) if any(number.startswith("X") for number in surge.numbers)]
    assert {name for surge in surges for name in surge.to_dict()["services"]} == {
        f"service {place}" for place in range(3)
    }


@pytest.mark.parametrize("scope", [Scope("service", "service 5"), Scope("word", "badge")])
def test_a_third_wave_elsewhere_is_announced_while_the_whole_desk_is_a_surge(scope: Scope) -> None:
    """What is rarest is the desk's count then, which the open surges explain: the wave's own scope counts next."""
    arrivals, _, _ = half_year(1)
    at = START + 100 * DAY + 3 * 3600
    third = ({scope.kind: scope.value}, ()) if scope.kind == "service" else ({}, (scope.value,))
    waves = [
        Arrival(f"X{wave}-{i}", at + (1500, 1500, 3750)[wave] * wave + 70 * i, fields, words, f"{wave} {i}")
        for wave, (fields, words) in enumerate([({"service": "service 0"}, ()), ({"service": "service 1"}, ()), third])
        for i in range((30, 30, 9)[wave])
    ]
    stream = sorted([*(a for a in arrivals if a.at < at + DAY / 2), *waves], key=lambda arrival: arrival.at)
    surges = [surge for surge in announced(stream) if any(number.startswith("X") for number in surge.numbers)]
    assert {surge.scope for surge in surges} == {Scope("service", "service 0"), Scope("service", "service 1"), scope}


def test_a_wave_on_many_callers_is_a_major_incident() -> None:
    arrivals, _, _ = half_year(1)
    at = START + 100 * DAY + 10 * 3600
    wave = [Arrival(f"X{i}", at + 5 * i, {"location": "site 3"}, ("badge",), f"someone {i}") for i in range(60)]
    surges = announced(sorted([*arrivals, *wave], key=lambda arrival: arrival.at))
    surges = [surge for surge in surges if any(number.startswith("X") for number in surge.numbers)]
    assert [surge.kind for surge in surges] == ["major_incident"]


def test_a_week_without_an_incident_is_announced_once_and_ends_with_the_next() -> None:
    arrivals, _, _ = half_year(2)
    gap = [arrival for arrival in arrivals if not 60 * DAY <= arrival.at - START < 67 * DAY]
    detector = SurgeDetector()
    silences = [surge for surge in announced(gap, detector) if surge.kind == "silence"]
    assert len(silences) == 1
    assert silences[0].over_at is not None


def test_a_single_incident_within_a_silence_does_not_make_two_of_it() -> None:
    arrivals = half_year(2)[0][:2600]
    gap = [arrival for arrival in arrivals if not 60 * DAY <= arrival.at - START < 66 * DAY]
    lone = Arrival("LONE", START + 62.5 * DAY)
    silences = [s for s in announced(sorted([*gap, lone], key=lambda a: a.at)) if s.kind == "silence"]
    assert len(silences) == 1
    assert silences[0].over_at is not None
    assert silences[0].over_at >= START + 66 * DAY


def test_late_and_jumping_clocks_do_no_harm() -> None:
    arrivals, _, _ = half_year(3)
    rng = np.random.default_rng(0)
    order = np.argsort([arrival.at + rng.uniform(0, 1800) for arrival in arrivals])
    odd = [arrivals[place] for place in order]
    odd.insert(3000, Arrival("PAST", 0.0))
    assert len(announced(odd)) <= 12
    detector = SurgeDetector()
    announced(arrivals[:2000], detector)
    detector.add(Arrival("FUTURE", arrivals[-1].at + 400 * DAY))
    assert detector.add(Arrival("NOW", arrivals[2000].at)) == []


@pytest.mark.system
@pytest.mark.parametrize("days", [40, 12_000])
def test_one_incident_of_a_wrong_year_does_not_break_the_promise(days: int) -> None:
    counts = []
    for seed in (1, 2, 3):
        arrivals, _, _ = half_year(seed)
        alone = announced(arrivals)
        misdated = Arrival("OLD", START - days * DAY, {"service": "service 0"}, ("old",), "caller 1")
        counts.append(len(announced([misdated, *arrivals])) - len(alone))
    assert counts == [0, 0, 0]


def test_a_hole_of_months_is_one_silence_and_what_comes_after_it_is_as_usual() -> None:
    arrivals = [arrival for arrival in half_year(2)[0] if not 60 * DAY <= arrival.at - START < 120 * DAY]
    surges = announced(arrivals)
    silences = [surge for surge in surges if surge.kind == "silence"]
    assert len(silences) == 1
    assert silences[0].over_at == pytest.approx(next(a.at for a in arrivals if a.at - START >= 120 * DAY))
    assert len(surges) <= 3


def test_a_maintenance_window_covers_what_it_held_however_late_it_is_seen() -> None:
    detector = SurgeDetector()
    arrivals = half_year(3)[0]
    announced(arrivals, detector)
    end = arrivals[-1].at
    detector.maintenance = [MaintenanceWindow("W", end, end + 3600, {"service": "VPN"})]
    detector.add(Arrival("OTHER", end + 3630, {"service": "Mail"}, (), "somebody"))
    late = [Arrival(f"V{i}", end + 3000 + i, {"service": "VPN"}, (), f"c{i}") for i in range(12)]
    assert announced(late, detector) == []
    begun = [Arrival(f"B{i}", end - 600 + i, {"service": "VPN"}, (), f"d{i}") for i in range(12)]
    assert announced(begun, detector), "what was opened before it is not of the window"


def test_a_flood_of_one_alert_is_kept_up_with() -> None:
    detector = SurgeDetector()
    announced(half_year(4)[0][:3000], detector)
    at = START + 120 * DAY
    began = time.process_time()
    for i in range(5000):
        detector.add(Arrival(f"A{i}", at + i * 0.02, {"cmdb_ci": "db-1"}, ("disk", "full")))
    assert (time.process_time() - began) / 5000 < 0.02  # a stream of 50 a second leaves 20 ms for each


@pytest.mark.parametrize("rate", [0.0, -1.0, 1000.0, float("nan")])
def test_an_impossible_rate_is_refused(rate: float) -> None:
    with pytest.raises(InputError, match="false alarms a month"):
        SurgeDetector(rate)
