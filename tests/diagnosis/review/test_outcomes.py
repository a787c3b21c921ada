"""What actions achieved: a planted effective measure holds, a planted ineffective one does not, and early ones wait."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from diagnosis.actions import Action
from diagnosis.incident import as_frame
from diagnosis.problems.joining import fault_id
from diagnosis.review import ReviewHistory, ReviewSettings
from diagnosis.review.outcomes import outcomes

DONE = datetime(2026, 5, 15, tzinfo=UTC)  # in the second quarter: the first is before, the third after


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
        action("Mail", measure="response", evidence=of_team("Mail")),
        action("Network", measure="response", evidence=of_team("Network")),
    )
    assert told["Mail"]["verdict"] == "held"
    assert told["Mail"]["interval"][1] < 0 < told["Mail"]["before"] - told["Mail"]["after"]
    assert told["Network"]["verdict"] == "did not hold"
    assert told["Network"]["interval"][0] > 0


def test_before_the_quarter_after_it_is_over_nobody_can_tell_and_it_is_said_until_when():
    told = by_title(records("2026-09-01T00:00Z"), action("Mail", measure="response", evidence=of_team("Mail")))
    assert told["Mail"]["verdict"] == "cannot tell yet"
    assert told["Mail"]["until"] == "2026-10-01"
    assert told["Mail"]["after"] is None


def test_until_when_is_a_day_of_the_organisation_counted_from_when_the_records_were_known():
    history = records("2026-09-01T20:00Z", zone="Asia/Shanghai")
    told = by_title(
        history,
        action("Mail", measure="response"),
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
        told += [entry["verdict"] for entry in outcomes(history, [action("x", measure="satisfaction")])]
    assert len(told) == 80
    assert sum(verdict != "cannot tell yet" for verdict in told) / 80 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 80)
