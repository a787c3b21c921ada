"""Problems found in histories of which it is known what is in them."""

import numpy as np
import pandas as pd
import pytest

from diagnosis.errors import InputError
from diagnosis.incident import as_frame
from diagnosis.problems import find_problems
from diagnosis.problems.facts import trend_of
from diagnosis.problems.history import ProblemHistory
from diagnosis.recurrence import Signature
from diagnosis.recurrence.verdict import episodes

START = pd.Timestamp("2026-01-01", tz="UTC")
END = START + pd.Timedelta(days=120)
SIGNATURE = Signature(("cmdb_ci", "category"))


def rows(item, days, hours, **fields):
    opened = [START + pd.Timedelta(days=float(day)) for day in days]
    resolved = [pd.NaT if hours is None else start + pd.Timedelta(hours=hours) for start in opened]
    numbers = [f"{item}-{i}" for i in range(len(opened))]
    plain = {"number": numbers, "opened_at": opened, "resolved_at": resolved, "cmdb_ci": item, "category": "network"}
    return pd.DataFrame({**plain, **fields})


def together(*parts):
    return as_frame(pd.concat(parts, ignore_index=True))


def history():
    """Return a slow chronic fault, a quick one, one that is getting worse, one that was solved, and single faults."""
    draw = np.random.default_rng(0)
    slow = rows(
        "gw",
        np.sort(draw.uniform(0, 120, 60)),
        5.0,
        short_description="VPN error 809 on the gateway",
        caller=[f"u{i % 9}" for i in range(60)],
        knowledge="KB42",
        problem=["PRB7"] * 10 + [""] * 50,
        close_notes="renewed the certificate",
    )
    quick = rows(
        "prn", np.sort(draw.uniform(0, 120, 60)), 0.5, short_description="printer jams", close_notes="restarted it"
    )
    worse_days = np.sort(np.concatenate([draw.uniform(0, 85, 4), draw.uniform(92, 120, 24)]))
    worse = rows("db", worse_days, 1.0, short_description="database full")
    solved = rows("old", np.sort(draw.uniform(0, 60, 60)), 5.0, short_description="old client crashes")
    single = [
        rows(f"ci{i}", [day], 1.0, short_description=f"thing {i} broke")
        for i, day in enumerate(draw.uniform(0, 120, 150))
    ]
    unnamed = rows("", draw.uniform(0, 120, 20), 1.0)
    return together(slow, quick, worse, solved, *single, unnamed)


def found(**options):
    return find_problems(history(), SIGNATURE, as_of=END, **options)


def by_item(report):
    return {problem.signature["cmdb_ci"]: problem for problem in report.problems}


def test_the_fault_that_costs_most_hours_is_first_and_a_solved_one_is_last():
    report = found()
    problems = by_item(report)
    assert report.problems[0].signature["cmdb_ci"] == "gw"
    assert set(problems) == {"gw", "prn", "db", "old"}
    assert problems["old"].preventable_hours < 0.2 * problems["gw"].preventable_hours
    assert (problems["db"].trend, problems["prn"].trend, problems["old"].trend) == ("rising", "steady", "falling")
    assert report.without_signature == 20


def trends(draw, quiet, changed=1.0):
    """Return the trends of 200 faults of one episode in ten days, where the desk's last 30 days differ, and of one."""
    faults = []
    for place in range(201):
        rate = 0.1 * (changed if place == 200 else 1.0)
        before = draw.uniform(0, 270, draw.poisson(0.1 * 270))
        lately = draw.uniform(270, 300, draw.poisson(quiet * rate * 30))
        faults.append(episodes(np.sort(np.concatenate([before, lately]))))
    load = np.sort(np.concatenate(faults))
    told = [trend_of(starts, 0.0, 300.0, load)[0] for starts in faults]
    return told[:200], told[200]


@pytest.mark.parametrize("quiet", [0.2, 1.0, 2.0])
def test_where_the_whole_desk_is_quiet_or_busy_hardly_a_steady_fault_falls_or_rises(quiet):
    draw = np.random.default_rng(11)
    told = [trends(draw, quiet)[0] for _ in range(5)]
    for trend in ("falling", "rising"):
        assert np.mean([entry == trend for of_desk in told for entry in of_desk]) <= 0.025


def test_a_fault_that_rises_is_told_where_the_desk_is_quiet():
    draw = np.random.default_rng(12)
    assert np.mean([trends(draw, 0.4, changed=10.0)[1] == "rising" for _ in range(20)]) >= 0.8
    alone = np.sort(np.concatenate([draw.uniform(0, 270, 27), draw.uniform(270, 300, 20)]))
    assert trend_of(alone, 0.0, 300.0, alone)[0] == "rising"  # with no other fault each day counts the same


@pytest.mark.parametrize("strays", [1, 2])
def test_openings_that_were_set_back_by_years_change_no_trend_and_no_forecast(strays):
    frame = history()
    others = frame.index[frame["cmdb_ci"].str.startswith("ci")][:strays]
    before = by_item(find_problems(frame, SIGNATURE, as_of=END))
    frame.loc[others, "opened_at"] = pd.Timestamp("1999-01-01", tz="UTC") + pd.to_timedelta(range(strays), unit="D")
    after = by_item(find_problems(frame, SIGNATURE, as_of=END))
    for item in ("gw", "prn", "db", "old"):
        assert after[item].trend == before[item].trend
        assert after[item].expected_incidents == pytest.approx(before[item].expected_incidents, rel=0.1, abs=0.1)


def test_a_problem_says_what_is_known_of_it():
    problem = by_item(found())["gw"]
    assert (problem.incidents, problem.callers, problem.known_fix, problem.record) == (60, 9, "KB42", "PRB7")
    assert problem.title == "VPN error 809 on the gateway"
    assert problem.hours_lost == pytest.approx(300)
    assert 20 < problem.episodes < 60
    assert problem.interval[0] <= problem.expected_incidents <= problem.interval[1]
    assert problem.expected_hours == pytest.approx(5 * problem.expected_incidents, rel=0.1)
    assert problem.preventable_hours == pytest.approx(problem.preventable_share * problem.expected_hours, abs=0.02)
    assert problem.workaround_share == 0.0
    assert by_item(found())["prn"].workaround_share == 1.0


def test_each_incident_is_in_one_problem_or_none_and_every_fault_is_listed_on_demand():
    report = found(fewest=1)
    numbers = [number for problem in report.problems for number in problem.numbers]
    assert len(numbers) == len(set(numbers)) == report.incidents - report.without_signature
    assert len(report.problems) == 154


def test_a_problem_keeps_its_id_as_incidents_come_and_go():
    frame = history()
    early = find_problems(frame, SIGNATURE, as_of=START + pd.Timedelta(days=60))
    deleted = find_problems(frame[frame["number"] != "gw-0"], SIGNATURE, as_of=END)
    ids = {problem.signature["cmdb_ci"]: problem.id for problem in found().problems}
    for report in (early, deleted):
        assert all(ids[problem.signature["cmdb_ci"]] == problem.id for problem in report.problems)
    assert len(set(ids.values())) == len(ids)
    coarser = find_problems(frame, Signature(("cmdb_ci",)), as_of=END)
    assert not set(ids.values()) & {problem.id for problem in coarser.problems}


def test_only_what_was_known_at_the_moment_counts():
    frame = history()
    cut = START + pd.Timedelta(days=60)
    known = frame[frame["opened_at"] <= cut].copy()
    known["resolved_at"] = known["resolved_at"].where(known["resolved_at"] <= cut)
    assert find_problems(frame, SIGNATURE, as_of=cut).problems == find_problems(known, SIGNATURE, as_of=cut).problems


def test_incidents_still_open_cost_the_hours_they_wait():
    frame = together(rows("a", range(0, 85, 5), 2.0), rows("b", range(0, 85, 5), None))
    problems = by_item(find_problems(frame, SIGNATURE, as_of=END))
    assert problems["b"].hours_lost == pytest.approx(17 * 24 * 30)  # each for at most 30 days
    assert problems["b"].expected_hours > 10 * problems["a"].expected_hours
    assert problems["b"].workaround_share is None


def test_without_a_resolution_hours_are_unknown_and_incidents_rank():
    frame = together(rows("a", range(10), None), rows("b", range(0, 100, 2), None))
    report = find_problems(frame, SIGNATURE, as_of=END)
    assert [problem.signature["cmdb_ci"] for problem in report.problems] == ["b", "a"]
    assert {problem.preventable_hours for problem in report.problems} == {None}


def test_likeness_of_texts_may_be_what_joins_incidents():
    texts = ["VPN tunnel drops 断线", "certificate expired 证书过期"]
    frame = together(rows("gw", range(60), 1.0, short_description=[texts[i % 2] for i in range(60)]))
    report = find_problems(frame, Signature(("cmdb_ci", "text")), as_of=END)
    assert sorted(problem.title for problem in report.problems) == texts


def test_an_incident_that_was_closed_is_not_open_though_nobody_wrote_when_it_was_resolved():
    closed = rows("a", range(0, 85, 5), None)
    closed["closed_at"] = closed["opened_at"] + pd.Timedelta(hours=3)
    problem = find_problems(together(closed), SIGNATURE, as_of=END).problems[0]
    assert problem.hours_lost == pytest.approx(17 * 3)


def test_a_reopened_incident_costs_the_hours_that_it_waits_and_an_end_before_the_opening_is_none():
    odd = rows("a", range(0, 90, 5), 2.0)
    odd["closed_at"] = odd["opened_at"] + pd.Timedelta(hours=3)
    odd.loc[0, "reopened_at"] = odd["opened_at"][0] + pd.Timedelta(hours=9)
    odd.loc[1, "resolved_at"] = odd["opened_at"][1] - pd.Timedelta(hours=9)
    odd.loc[2, "reopened_at"] = odd["opened_at"][2] + pd.Timedelta(hours=2.5)
    odd.loc[3, "reopened_at"] = END + pd.Timedelta(hours=1)
    frame = as_frame(odd)
    report = find_problems(frame, SIGNATURE, as_of=END)
    hours = ProblemHistory(frame, report).of(report.problems[0].numbers)[1]
    assert hours.round(6).tolist() == [30 * 24.0, 3.0, 3.0, *[2.0] * 15]  # facts and history count alike
    assert report.problems[0].hours_lost == pytest.approx(hours.sum())


def test_an_incident_of_which_nobody_can_say_when_it_ended_costs_no_hours_and_ranks_nothing():
    """Closed without a time, or resolved before it was opened: neither lost nor watched on, as its clocks read it."""
    sure, unsure = rows("sure", range(0, 90, 5), 4.0), rows("unsure", range(0, 90, 5), 1.0, state="Closed")
    unsure.loc[2:9, "resolved_at"] = pd.NaT
    unsure.loc[10:, "resolved_at"] = unsure["opened_at"] - pd.Timedelta(hours=3)
    frame = together(sure.assign(state="Resolved"), unsure)
    report = find_problems(frame, SIGNATURE, as_of=END)
    problems = by_item(report)
    assert [problem.signature["cmdb_ci"] for problem in report.problems] == ["sure", "unsure"]
    assert problems["unsure"].hours_lost == pytest.approx(2.0)
    assert problems["unsure"].basis["hours"]["resolved"] == 2
    assert problems["unsure"].basis["hours"]["open"] == 0
    assert problems["unsure"].basis["hours"]["per_incident"] < 8
    hours = ProblemHistory(frame, report).of(problems["unsure"].numbers)[1]
    assert np.nansum(hours) == pytest.approx(2.0)


def test_a_flood_of_monitoring_is_one_episode_of_a_problem():
    frame = together(rows("gw", 30 + np.arange(0, 5, 1 / 24), 1.0, contact_type="monitoring"))
    report = find_problems(frame, SIGNATURE, as_of=END)
    assert (report.problems[0].incidents, report.problems[0].episodes) == (120, 1)
    assert sum(count for _, _, count in ProblemHistory(frame, report).by_month(report.problems[0].numbers)) == 1


def test_requests_and_complaints_are_no_faults():
    frame = together(rows("a", range(10), 1.0), rows("b", range(10), 1.0, type="request"))
    report = find_problems(frame, SIGNATURE, as_of=END)
    assert [problem.signature["cmdb_ci"] for problem in report.problems] == ["a"]
    assert report.left_out["requests and complaints"] == 10


def test_a_title_holds_no_personal_data():
    frame = together(rows("gw", range(10), 1.0, short_description="mail bob@example.com about the VPN"))
    assert find_problems(frame, SIGNATURE, as_of=END).problems[0].title == "mail <EMAIL> about the VPN"


@pytest.mark.parametrize("mark", ["FW: ", "Re: RE: ", "答复：", "转发: 回复: "])
def test_a_title_does_not_begin_as_a_reply_does(mark: str):
    frame = together(rows("gw", range(10), 1.0, short_description=f"{mark}VPN 809 on the gateway"))
    assert find_problems(frame, SIGNATURE, as_of=END).problems[0].title == "VPN 809 on the gateway"


def test_a_form_that_differs_in_numbers_alone_is_no_title():
    forms = [f"Incident on 2026-01-{day + 1:02} 10:00 UTC" for day in range(20)]
    kinds = ("Mail is slow", "Mail does not arrive")
    words = [f"2026-01-{day + 1:02} 10:00:00 - {kinds[day % 2]}" for day in range(20)]
    frame = together(rows("mail", range(20), 1.0, short_description=forms, description=words))
    assert find_problems(frame, SIGNATURE, as_of=END).problems[0].title in kinds
    codes = together(rows("db", range(20), 1.0, short_description=["ORA-01555", "ORA-00600"] * 10))
    assert find_problems(codes, SIGNATURE, as_of=END).problems[0].title.startswith("ORA-0")


@pytest.mark.parametrize("case", ["empty", "undated", "unsigned", "future"])
def test_what_cannot_be_judged_is_refused_with_a_reason(case):
    frame = as_frame(rows("gw", range(10), 1.0))
    frame = {
        "empty": frame[:0],
        "undated": as_frame(frame.drop(columns="opened_at")),
        "unsigned": frame.assign(cmdb_ci="N/A"),
        "future": frame.assign(opened_at=frame["opened_at"] + pd.Timedelta(days=1000)),
    }[case]
    with pytest.raises(InputError):
        find_problems(frame, SIGNATURE, as_of=END)


def test_a_clock_set_back_and_a_single_incident_do_no_harm():
    frame = as_frame(rows("gw", range(10), 1.0))
    frame.loc[3, "resolved_at"] = frame.loc[3, "opened_at"] - pd.Timedelta(hours=1)
    assert find_problems(frame, SIGNATURE, as_of=END).problems[0].hours_lost == pytest.approx(9.0)
    (alone,) = find_problems(frame[:1], SIGNATURE, as_of=END, fewest=1).problems
    assert (alone.incidents, alone.episodes, alone.hours_lost, alone.basis["trend"]) == (1, 1, 1.0, {})
    assert 0 < alone.expected_incidents < 1
    frame.loc[5, "opened_at"] = pd.Timestamp("1970-01-01", tz="UTC")
    report = find_problems(frame, SIGNATURE, as_of=END)
    assert (report.left_out["opened before 1990"], report.problems[0].incidents) == (1, 9)
    with pytest.raises(InputError, match="1 day or more"):
        find_problems(frame, SIGNATURE, as_of=END, horizon=0)
