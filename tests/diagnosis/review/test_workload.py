"""The workload of the quarter that follows: by team and week, against the hours that there are."""

import numpy as np
import pandas as pd
import pytest

from diagnosis.errors import InputError
from diagnosis.incident import as_frame
from diagnosis.review import Quarter, ReviewExtras, ReviewHistory, ReviewSettings, review_quarter
from diagnosis.review.workload import expected_workload

AS_OF = pd.Timestamp("2026-10-01T00:00Z")
QUARTER = Quarter.parse("2026Q3")
DAILY = {"Mail": 10.0, "Desk": 3.0}


def history(as_of=AS_OF, seed=1, **settings):
    rng = np.random.default_rng(seed)
    rows = []
    for team, mean in DAILY.items():
        for day in pd.date_range("2026-01-01", "2026-12-31", tz="UTC"):
            opened = day + pd.to_timedelta(rng.uniform(0, 24, rng.poisson(mean)), unit="h")
            rows.append(pd.DataFrame({"opened_at": opened, "assignment_group": team}))
    frame = pd.concat(rows, ignore_index=True)
    frame["resolved_at"] = frame["opened_at"] + pd.to_timedelta(rng.exponential(20, len(frame)), unit="h")
    frame["number"] = [f"I{place:05d}" for place in range(len(frame))]
    frame["cmdb_ci"] = frame["number"]
    frame["category"] = "x"
    held_back = as_frame(frame[frame["opened_at"] <= as_of])
    return ReviewHistory.read(held_back, ReviewSettings(**settings), as_of=as_of), frame


def test_what_comes_lies_mostly_within_what_was_expected():
    inside = weeks = quarters = 0
    for seed in range(3):
        known, everything = history(seed=seed)
        for team in expected_workload(known, QUARTER)["teams"]:
            opened = everything.loc[everything["assignment_group"] == team["team"], "opened_at"]
            first, last = team["weeks"][0]["first"], team["weeks"][-1]["last"]
            came = int(opened.between(pd.Timestamp(first, tz="UTC"), pd.Timestamp(f"{last}T23:59:59Z")).sum())
            quarters += team["interval"][0] <= came <= team["interval"][1]
            assert team["interval"][0] > sum(week["interval"][0] for week in team["weeks"])
            assert team["interval"][1] < sum(week["interval"][1] for week in team["weeks"])
            assert team["records"] == pytest.approx(7 * len(team["weeks"]) * DAILY[team["team"]], rel=0.2)
            for week in team["weeks"]:
                start = pd.Timestamp(week["first"], tz="UTC")
                came = int(((opened >= start) & (opened < start + pd.Timedelta("7D"))).sum())
                inside += week["interval"][0] <= came <= week["interval"][1]
                weeks += 1
    assert weeks == 3 * 2 * 13
    assert quarters >= 3  # of six
    assert inside / weeks >= 0.8 - 3 * np.sqrt(0.8 * 0.2 / weeks)


def test_hours_are_enough_tight_or_too_few_and_a_team_that_is_short_is_proposed_to_be_helped():
    known, _ = history(hours_per_record=0.5, hours_available={"Mail": 20, "Desk": 40})
    teams = {team["team"]: team for team in expected_workload(known, QUARTER)["teams"]}
    assert teams["Mail"]["fit"] == "short"  # some 35 hours a week
    assert teams["Mail"]["weeks_short"] == len(teams["Mail"]["weeks"])
    assert teams["Desk"]["fit"] == "enough"  # some 10
    assert teams["Mail"]["hours"] == pytest.approx(0.5 * teams["Mail"]["records"], abs=0.6)
    review = review_quarter(known, QUARTER)
    (proposal,) = [entry for entry in review["proposals"] if entry["code"] == "staff"]
    assert (proposal["values"]["team"], proposal["kind"]) == ("Mail", "staffing")


def test_hours_of_single_weeks_count_by_their_days_and_a_group_may_need_longer():
    known, _ = history(hours_per_record={"Mail": 0.5}, hours_available={"Mail": 70})
    hours = {("Mail", "2026-10-05"): 0.0}  # a Monday; weeks begin on Friday 2 October
    teams = {team["team"]: team for team in expected_workload(known, QUARTER, hours)["teams"]}
    first = [week["available"] for week in teams["Mail"]["weeks"][:3]]
    assert sum(first) == pytest.approx(3 * 70 - 70)
    assert teams["Desk"]["hours"] is None
    assert teams["Desk"]["fit"] == ""
    content = review_quarter(known, QUARTER, ReviewExtras(available=hours))
    assert {team["team"]: team for team in content["workload"]["teams"]} == teams


@pytest.mark.parametrize("as_of", ["2026-12-30T00:00Z", "2027-06-01T00:00Z"])
def test_a_quarter_that_is_over_is_not_forecast(as_of):
    known, _ = history(pd.Timestamp(as_of))
    assert expected_workload(known, QUARTER) is None


def test_a_quarter_that_is_too_far_away_is_not_forecast():
    known, _ = history(pd.Timestamp("2026-03-01T00:00Z"))
    assert expected_workload(known, QUARTER) is None


def test_records_without_a_group_are_the_desks():
    known, everything = history()
    bare = as_frame(everything[everything["opened_at"] <= AS_OF].drop(columns=["assignment_group"]))
    (desk,) = expected_workload(ReviewHistory.read(bare, known.settings, as_of=AS_OF), QUARTER)["teams"]
    assert desk["team"] == ""
    assert desk["records"] > 900


@pytest.mark.parametrize(
    "table",
    [
        {"hours_per_record": 0},
        {"hours_per_record": "1"},
        {"hours_per_record": {"Mail": -1}},
        {"hours_available": {"Mail": "40"}},
        {"hours_available": 40},
        {"holidays": "Atlantis"},
        {"holidays": 3},
    ],
)
def test_hours_that_cannot_be_used_are_refused(table):
    with pytest.raises(InputError):
        ReviewSettings.from_mapping(table)
