"""What actions achieved: a planted effective measure holds, a planted ineffective one does not, and early ones wait."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from benchmarks.actions import Desk, verdicts
from diagnosis.actions import Action
from diagnosis.incident import as_frame
from diagnosis.problems.joining import fault_id
from diagnosis.review import Outage, ReviewFacts, ReviewHistory, ReviewSettings
from diagnosis.review.outcomes import outcomes

DONE = datetime(2026, 5, 15, tzinfo=UTC)  # in the second quarter: the first raised it, the third comes after
RAISED = {"source_kind": "review", "source": "2026Q1"}


def records(as_of="2026-10-15T00:00Z", seed=4, zone="UTC"):
    """Return three quarters: Mail answers faster from May on, Network slower; pc-1 fails no more, pc-2 more often."""
    rng = np.random.default_rng(seed)
    frames = []
    for team, hours in (("Mail", (8, 2)), ("Network", (3, 9))):
        opened = pd.Timestamp("2026-01-01T00:00Z") + pd.to_timedelta(np.sort(rng.uniform(0, 273, 600)), unit="D")
        mean = np.where(opened < pd.Timestamp(DONE), *hours)
        answered = opened + pd.to_timedelta(rng.exponential(mean), unit="h")
        frames.append(pd.DataFrame({"opened_at": opened, "responded_at": answered, "assignment_group": team}))
    for item, days in (("pc-1", range(0, 134, 6)), ("pc-2", [*range(0, 134, 12), *range(136, 270, 5)])):
        opened = pd.Timestamp("2026-01-01T00:00Z") + pd.to_timedelta(list(days), unit="D")
        fault = pd.DataFrame({"opened_at": opened, "responded_at": opened, "assignment_group": "Desk"})
        frames.append(fault.assign(cmdb_ci=item))
    frame = pd.concat(frames, ignore_index=True)
    frame["number"] = [f"I{place:05d}" for place in range(len(frame))]
    frame["cmdb_ci"] = frame["cmdb_ci"].fillna(frame["number"])
    frame["category"] = "Hardware"
    frame["resolved_at"] = frame["responded_at"]
    return ReviewHistory.read(as_frame(frame), ReviewSettings(zone=zone), as_of=pd.Timestamp(as_of))


def action(title, **values):
    return Action(**{"title": title, "status": "done", "done_at": DONE, **values})


def by_title(history, *actions):
    return {entry["title"]: entry for entry in outcomes(history, actions)}


def of_team(team):
    return ({"kind": "measure", "team": team},)


def test_an_effective_measure_holds_and_an_ineffective_one_does_not():
    told = by_title(
        records(),
        action("Mail", measure="response", evidence=of_team("Mail"), **RAISED),
        action("Network", measure="response", evidence=of_team("Network"), **RAISED),
    )
    assert told["Mail"]["verdict"] == "held"
    assert told["Mail"]["interval"][1] < 0 < told["Mail"]["before"] - told["Mail"]["after"]
    assert told["Network"]["verdict"] == "did not hold"
    assert told["Network"]["interval"][0] > 0


def test_before_the_quarter_after_it_is_over_nobody_can_tell_and_it_is_said_until_when():
    planned = action("Mail", measure="response", evidence=of_team("Mail"), **RAISED)
    told = by_title(records("2026-09-01T00:00Z"), planned)
    assert told["Mail"]["verdict"] == "cannot tell yet"
    assert told["Mail"]["until"] == "2026-10-01"
    assert told["Mail"]["after"] is None


def test_until_when_is_a_day_of_the_organisation_counted_from_when_the_records_were_known():
    history = records("2026-09-01T20:00Z", zone="Asia/Shanghai")
    told = by_title(
        history,
        action("Mail", measure="response", **RAISED),
        action("kept", result={"verdict": "cannot tell yet", "days_until_told": 10.0}),
        action(
            "dated",
            result={"verdict": "cannot tell yet", "days_until_told": 10.0, "counted_at": "2026-08-30T01:00:00Z"},
        ),
    )
    assert {title: entry["until"] for title, entry in told.items()} == {
        "Mail": "2026-10-01",
        "kept": "2026-09-12",
        "dated": "2026-09-09",
    }


@pytest.mark.parametrize("named", ["id", "numbers"])
def test_the_fault_of_a_problems_action_is_followed_in_the_records(named):
    history = records()
    values = {}
    for item in ("pc-1", "pc-2"):
        rows = np.flatnonzero((history.frame["cmdb_ci"] == item).to_numpy())
        source = fault_id(history.fault_signature.fields, history.faults[rows[0]])
        numbers = tuple({"number": number} for number in history.frame["number"].to_numpy()[rows[:3]])
        values[item] = {"source": source} if named == "id" else {"evidence": numbers}
    told = by_title(history, *(action(item, source_kind="problem", **values[item]) for item in values))
    assert told["pc-1"]["verdict"] == "held"
    assert told["pc-1"]["ratio"][1] < 1
    assert told["pc-2"]["verdict"] != "held"
    assert told["pc-2"]["after"] > told["pc-2"]["before"]


def test_once_the_quarter_after_is_over_it_is_said_why_nothing_was_shown():
    frame = records().frame
    same = frame.assign(**dict.fromkeys(("responded_at", "resolved_at"), frame["opened_at"] + pd.Timedelta("1h")))
    history = ReviewHistory.read(as_frame(same), ReviewSettings(), as_of=pd.Timestamp("2026-10-15T00:00Z"))
    told = by_title(
        history,
        action("even", measure="response", evidence=of_team("Mail"), **RAISED),
        action("unrecorded", measure="automatic_right", **RAISED),
    )
    assert {title: entry["verdict"] for title, entry in told.items()} == {
        "even": "no change shown",
        "unrecorded": "not recorded",
    }
    assert {entry["until"] for entry in told.values()} == {None}


def test_an_action_is_judged_by_the_topic_and_the_service_that_it_is_for():
    frame = records().frame
    new = frame["opened_at"] >= pd.Timestamp(DONE)
    topic = np.where(frame["opened_at"].dt.minute % 2 == 0, "Printing", "Hardware")
    hours = np.where((topic == "Printing") & new, 1.0, 6.0) * np.random.default_rng(1).uniform(0.5, 1.5, len(frame))
    answered = frame["opened_at"] + pd.to_timedelta(hours, unit="h")
    frame = frame.assign(category=topic, responded_at=answered, resolved_at=answered)
    since = [pd.Timestamp(f"2026-{month:02}-{day:02}T00:00Z") for month in range(1, 10) for day in range(1, 27)]
    services = ["CRM" if place % 2 else "Mail" for place in range(len(since))]
    outages = [
        Outage(at.to_pydatetime(), service, ["I00001"], 1, service == "CRM" and at >= pd.Timestamp(DONE))
        for at, service in zip(since, services, strict=True)
    ]
    history = ReviewHistory.read(
        as_frame(frame), ReviewSettings(), as_of=pd.Timestamp("2026-10-15T00:00Z"), facts=ReviewFacts(outages=outages)
    )
    scopes = {
        "topic": ("response", {"team": "Mail", "topic": "Printing"}),
        "other topic": ("response", {"team": "Mail", "topic": "Hardware"}),
        "service": ("warnings", {"service": "CRM"}),
        "other service": ("warnings", {"service": "Mail"}),
    }
    told = by_title(
        history,
        *[
            action(title, measure=name, evidence=({"kind": "measure", **scope},), **RAISED)
            for title, (name, scope) in scopes.items()
        ],
    )
    assert {title: entry["verdict"] for title, entry in told.items()} == {
        "topic": "held",
        "other topic": "no change shown",
        "service": "held",
        "other service": "no change shown",
    }


def test_what_is_not_done_or_has_no_measure_is_not_judged():
    assert not outcomes(records(), [action("open", status="open"), action("unmeasured")])


def test_a_measure_that_changed_nothing_is_seldom_said_to_have_done_anything():
    rng, told = np.random.default_rng(9), []
    for _ in range(80):
        opened = pd.Timestamp("2026-01-01T00:00Z") + pd.to_timedelta(np.sort(rng.uniform(0, 273, 240)), unit="D")
        frame = pd.DataFrame(
            {
                "number": [f"I{place}" for place in range(240)],
                "opened_at": opened,
                "satisfaction": rng.choice([1, 2, 3, 4, 5], 240),
                "category": "Hardware",
                "cmdb_ci": [f"pc-{place}" for place in range(240)],
            }
        )
        history = ReviewHistory.read(as_frame(frame), ReviewSettings(), as_of=pd.Timestamp("2026-10-15T00:00Z"))
        told += [entry["verdict"] for entry in outcomes(history, [action("x", measure="satisfaction", **RAISED)])]
    assert len(told) == 80
    assert sum(verdict in ("held", "did not hold") for verdict in told) / 80 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 80)


def two_years(good=0.75, every=1):
    """Return records of one team from July 2024 to September 2026, four a day, every so many of the last quarter's.

    A record is closed after 40 days, until an action clears the backlog and has each closed in 2.
    """
    opened = pd.Timestamp("2024-07-01T00:00Z") + pd.to_timedelta(np.arange(822 * 4) * 6, unit="h")
    opened = opened[(opened < pd.Timestamp("2026-07-01T00:00Z")) | (np.arange(len(opened)) % every == 0)]
    frame = pd.DataFrame({"opened_at": opened, "assignment_group": "Mail", "category": "Hardware"})
    frame["number"] = frame["cmdb_ci"] = [f"I{place:05d}" for place in range(len(frame))]
    shares = np.where(opened < pd.Timestamp("2026-07-01T00:00Z"), 0.75, good)
    frame["satisfaction"] = np.where(np.random.default_rng(3).random(len(frame)) < shares, 5, 2)
    cleared = np.maximum(opened, pd.Timestamp(DONE)) + pd.Timedelta(days=2)
    frame["closed_at"] = np.minimum(opened + pd.Timedelta(days=40), cleared)
    return ReviewHistory.read(as_frame(frame), ReviewSettings(), as_of=pd.Timestamp("2026-10-01T00:00Z"))


YEAR_BEFORE = {"code": "quarters_before", "first_day": "2025-01-01", "last_day": "2025-12-31", "n": 1460}


@pytest.mark.parametrize(
    ("values", "baseline"),
    [
        (RAISED, {"code": "since_raised", "first_day": "2026-04-01", "last_day": "2026-05-14", "n": 176}),
        (RAISED | {"done_at": datetime(2026, 4, 5, tzinfo=UTC)}, YEAR_BEFORE),  # too few since
        (RAISED | {"done_at": datetime(2026, 4, 6, tzinfo=UTC)}, {"code": "since_raised", "n": 20}),
        (  # done before the quarter that is said to have raised it
            RAISED | {"source": "2026Q3"},
            {"code": "quarters_before", "first_day": "2025-04-01", "last_day": "2026-03-31", "n": 1460},
        ),
        (RAISED | {"source": "2024Q4"}, {"code": "since_raised", "first_day": "2025-01-01", "n": 1996}),
        (RAISED | {"source": "2024Q3", "done_at": datetime(2024, 10, 3, tzinfo=UTC)}, None),  # nothing before it
        (  # a person wrote it down: only what came since is new to them
            {"created_at": datetime(2026, 4, 20, tzinfo=UTC)},
            {"code": "since_raised", "first_day": "2026-04-20", "last_day": "2026-05-14", "n": 100},
        ),
        ({"created_at": datetime(2026, 5, 13, tzinfo=UTC)}, YEAR_BEFORE),
        ({"created_at": datetime(2026, 6, 1, tzinfo=UTC)}, YEAR_BEFORE),  # once it was done
        ({"source_kind": "review", "source": "programme"}, YEAR_BEFORE),
        ({}, YEAR_BEFORE),
    ],
)
def test_an_action_is_compared_with_records_that_it_was_not_chosen_by(values, baseline):
    entry = by_title(two_years(), action("x", measure="satisfaction", **values))["x"]
    if baseline is None:
        assert (entry["baseline"], entry["before"], entry["verdict"]) == (None, None, "too few")
        assert entry["until"] is None
    else:
        assert entry["baseline"] == entry["baseline"] | baseline
        assert entry["before"] == pytest.approx(0.75, abs=0.15)
        assert entry["n_after"]


def test_what_an_action_spared_is_no_part_of_how_it_was_before():
    entry = by_title(two_years(), action("x", measure="closure", **RAISED))["x"]
    assert entry["baseline"]["code"] == "since_raised"
    assert (entry["before"], entry["after"], entry["verdict"]) == (0.0, 1.0, "held")


@pytest.mark.parametrize(("every", "verdict"), [(1, "held"), (50, "too few")])
def test_few_records_after_an_action_tell_nothing(every, verdict):
    entry = by_title(two_years(1.0, every), action("x", measure="satisfaction", **RAISED))["x"]
    assert (entry["n_after"] < 10) == (every > 1)
    assert entry["verdict"] == verdict


@pytest.mark.parametrize(("measure", "days"), [("satisfaction", 10), ("satisfaction", 45), ("response", 10)])
def test_the_worst_team_of_a_desk_where_nothing_changes_is_seldom_said_to_be_better(measure, days):
    """Chance makes 2.5 % of it on this side of a 95 % interval; the quarters around the action make 10 %."""
    entries = list(verdicts(Desk(60, measure, days=days), 270))
    held, around = (np.mean([entry[place] == "held" for entry in entries]) for place in (0, 1))
    assert held <= 0.04
    assert around > 0.06  # the quarter that a team was chosen by, against the one after


@pytest.mark.parametrize("measure", ["satisfaction", "response"])
def test_an_action_that_works_is_found_to(measure):
    entries = list(verdicts(Desk(120, measure, effective=True), 18))
    assert np.mean([verdict == "held" for verdict, _ in entries]) >= 0.8
