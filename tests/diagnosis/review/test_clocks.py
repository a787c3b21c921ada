"""The clocks of a review are those of the service levels: the same records are in time, late, and still running."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from diagnosis.incident import IncidentBatch, as_frame
from diagnosis.review import Quarter, ReviewHistory, ReviewSettings
from diagnosis.service_levels import ServiceLevelRules, clocks
from training.fitting.as_of import as_known_at

AS_OF = pd.Timestamp("2026-10-02T03:00Z")
QUARTER = Quarter.parse("2026Q3")
OFFICE = {"zone": "Asia/Shanghai", "from": "09:00", "to": "18:00", "holidays": "CN"}
TABLE = {
    "calendar": OFFICE,
    "rules": [
        {"type": "incident", "priority": ["1"], "calendar": "24x7", "response_hours": 1, "restoration_hours": 4},
        {"type": "incident", "service": "Mail", "response_hours": 4, "restoration_hours": 9},
        {"type": ["request", "complaint"], "response_hours": 16},
    ],
}


def simulated(n=3000, seed=3):
    rng = np.random.default_rng(seed)
    opened = pd.Timestamp("2026-06-25T00:00Z") + pd.to_timedelta(np.sort(rng.uniform(0, 99, n)), unit="D")
    answered = opened + pd.to_timedelta(rng.lognormal(0.5, 1.6, n), unit="h")
    resolved = answered + pd.to_timedelta(rng.lognormal(1.0, 1.8, n), unit="h")
    reopened = resolved + pd.to_timedelta(rng.uniform(1, 99, n), unit="h")
    states = rng.choice(["Closed", "Resolved", "On Hold", "In Progress"], n, p=[0.6, 0.2, 0.1, 0.1])
    ended = np.isin(states, ["Closed", "Resolved"])
    return as_frame(
        pd.DataFrame(
            {
                "number": [f"I{place:05d}" for place in range(n)],
                "type": rng.choice(["incident", "request", "complaint"], n, p=[0.7, 0.2, 0.1]),
                "state": states,
                "opened_at": opened,
                "responded_at": answered.where(rng.random(n) < 0.8),
                "resolved_at": resolved.where(ended & (rng.random(n) < 0.97)),
                "closed_at": (resolved + pd.Timedelta("2D")).where(ended & (rng.random(n) < 0.8)),
                "reopened_at": reopened.where(rng.random(n) < 0.1),
                "on_hold_minutes": np.where(rng.random(n) < 0.3, rng.integers(0, 900, n), 0),
                "service": rng.choice(["Mail", "CRM"], n),
                "category": rng.choice(list("klmn"), n),
                "priority": rng.choice(["1 - Critical", "2 - High", "3"], n, p=[0.1, 0.3, 0.6]),
            }
        )
    )


def told(frame, rules, as_of=AS_OF):
    """Return the open clocks and those that are over, by measure, as the service levels read them."""
    batch = IncidentBatch.from_frame(as_known_at(frame, as_of.isoformat()))
    start, stop = (bound.to_pydatetime() for bound in QUARTER.bounds("UTC"))
    measure_of = {
        ("incident", "response"): "response_in_time",
        ("incident", "restoration"): "restoration",
        ("request", "response"): "requests",
        ("complaint", "response"): "complaints",
    }
    standing = {name: {} for name in measure_of.values()}
    for row, of_row in enumerate(clocks(rules, batch, as_of.to_pydatetime())):
        if not start <= batch.column("opened_at")[row] < stop:
            continue
        for name, clock in of_row.items():
            if measure := measure_of.get((batch.column("type")[row], name)):
                standing[measure][batch.column("number")[row]] = clock
    return standing


@pytest.mark.parametrize("table", [TABLE, {}, {"calendar": OFFICE}])
def test_each_record_stands_in_the_review_as_in_the_service_levels(table):
    frame = simulated()
    history = ReviewHistory.read(frame, ReviewSettings(), as_of=AS_OF, rules=table)
    for measure, standing in told(frame, history.rules).items():
        sample = history.sample(measure, QUARTER)
        numbers = history.frame["number"].to_numpy()[sample.rows].tolist()
        assert sorted(numbers) == sorted(standing), measure
        late = sample.duration > sample.limit
        for number, is_late, has_ended in zip(numbers, late.tolist(), sample.happened.tolist(), strict=True):
            clock = standing[number]
            assert has_ended == (not clock.is_open), number
            assert is_late == (clock.status == "missed"), number
        assert {clock.status for clock in standing.values()} >= {"met", "missed"}


def test_the_share_in_time_is_the_plain_one_where_all_clocks_are_over():
    frame = simulated().replace({"state": {"On Hold": "In Progress"}})
    as_of = pd.Timestamp("2026-12-01T00:00Z")
    history = ReviewHistory.read(frame, ReviewSettings(), as_of=as_of, rules=TABLE)
    standing = told(frame, history.rules, as_of)["requests"]
    over = [clock for clock in standing.values() if clock.status in ("met", "missed")]
    assert len(over) == len(standing)
    share = sum(clock.status == "met" for clock in over) / len(over)
    assert history.sample("requests", QUARTER).estimate().value == pytest.approx(share)


def one(**fields):
    row = {"number": "A", "type": "incident", "service": "Mail", "category": "k", "priority": "2", "state": "New"}
    opened = pd.Timestamp("2026-01-05T02:00Z")  # of another quarter: restorations are recorded
    other = {"opened_at": opened, "responded_at": opened, "resolved_at": opened, "state": "Closed", "number": "B"}
    return as_frame(pd.DataFrame([row | fields, row | other]))


def sample_of(frame, measure, as_of=AS_OF, **settings):
    history = ReviewHistory.read(frame, ReviewSettings(**settings), as_of=pd.Timestamp(as_of), rules=TABLE)
    return history.sample(measure, QUARTER)


def test_a_night_does_not_count_in_business_hours():
    frame = one(opened_at=pd.Timestamp("2026-07-01T09:00Z"), responded_at=pd.Timestamp("2026-07-02T02:00Z"))
    assert sample_of(frame, "response").duration[0] * 24 == pytest.approx(2.0)  # 17:00 to 18:00, and 9:00 to 10:00
    assert sample_of(frame, "response_in_time").duration[0] < 1


def test_time_on_hold_moves_the_due_time():
    late = {"opened_at": pd.Timestamp("2026-07-01T02:00Z"), "resolved_at": pd.Timestamp("2026-07-02T03:00Z")}
    shares = [sample_of(one(**late, on_hold_minutes=minutes), "restoration").duration[0] for minutes in (0, 120)]
    assert shares[1] < 1 < shares[0]


def test_what_waits_for_its_caller_is_not_late_and_what_nobody_touches_is():
    opened = pd.Timestamp("2026-07-01T02:00Z")
    waits = sample_of(one(opened_at=opened, state="On Hold", responded_at=opened), "restoration")
    assert waits.duration[0] < 1
    assert not waits.happened[0]
    assert sample_of(one(opened_at=opened, responded_at=opened), "restoration").duration[0] > 1


def test_an_end_that_nobody_wrote_down_runs_no_clock_and_is_counted():
    frame = one(opened_at=pd.Timestamp("2026-07-01T02:00Z"), state="Closed")
    history = ReviewHistory.read(frame, ReviewSettings(), as_of=AS_OF, rules=TABLE)
    assert history.left_out["ended at a time that nobody wrote down (without clocks)"] == 1
    assert not len(history.sample("response_in_time", QUARTER) or ())


def test_hours_of_the_reviews_own_settings_stand_in_place_of_the_rules():
    frame = simulated(800)
    values = [sample_of(frame, "requests", request_hours=hours).estimate().value for hours in (0.1, None, 200.0)]
    assert all(earlier < later for earlier, later in pairwise(values))


def test_a_promise_that_no_rule_makes_has_no_clock():
    rules = ServiceLevelRules.from_settings({"rules": [{"type": "request", "response_hours": 4}]})
    history = ReviewHistory.read(simulated(500), ReviewSettings(), as_of=AS_OF, rules=rules)
    assert not len(history.sample("restoration", QUARTER))
    assert len(history.sample("requests", QUARTER))


def test_a_closure_is_read_as_the_clocks_are():
    opened = pd.Timestamp("2026-07-10T00:00Z")
    hour = pd.Timedelta("1h")

    def closure(**ended):
        times = {name: opened + hours * hour for name, hours in ended.items() if name.endswith("_at")}
        state = ended.get("state", "")
        record = {"number": "A", "type": "incident", "opened_at": opened, **times, "state": state}
        other = {"number": "B", "type": "incident", "opened_at": opened, "closed_at": opened + 40 * 24 * hour}
        frame = as_frame(pd.DataFrame([record, other]))
        history = ReviewHistory.read(frame, ReviewSettings(), as_of=AS_OF)
        sample = history.sample("closure", QUARTER)
        of_record = [happened for row, happened in zip(sample.rows, sample.happened, strict=True) if row == 0]
        return of_record, [history.is_recorded("restoration"), len(sample)]

    assert closure(closed_at=1) == ([True], [True, 2])
    assert closure(closed_at=1, reopened_at=2) == ([False], [True, 2])
    assert closure(closed_at=1, reopened_at=2, resolved_at=3, state="Resolved") == ([False], [True, 2])
    assert closure(state="Closed") == ([], [True, 1])


def test_a_value_that_means_nothing_is_no_service_team_or_priority():
    frame = simulated(300)
    written = {name: np.tile(["N/A", "无", "A", "B"], 75) for name in ("service", "assignment_group")}
    history = ReviewHistory.read(frame.assign(**written), ReviewSettings(), as_of=AS_OF)
    for name in written:
        assert {*history.column(name)} == {"", "A", "B"}
