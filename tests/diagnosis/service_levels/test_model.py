"""ServiceLevelModel: how likely a clock is missed, learned from incidents of which some still wait."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from diagnosis import Incident
from diagnosis.errors import InputError, NotFittedError
from diagnosis.incident import IncidentBatch, as_frame
from diagnosis.service_levels import ServiceLevelModel, ServiceLevelRules
from diagnosis.service_levels.history import WaitHistory, varying
from diagnosis.service_levels.queue import open_clocks, take_first
from diagnosis.service_levels.waiting import EDGES

START = pd.Timestamp("2026-03-02", tz="UTC")
DAYS, PER_DAY = 100, 20
AS_OF = START + pd.Timedelta(days=80)
MEAN_HOURS = {"mail": 1.0, "vpn": 4.0, "erp": 20.0}  # the truth: exponential waits


@pytest.fixture(scope="module")
def waits():
    """Return incidents with exponential waits, each configuration item with a mean of its own."""
    draw = np.random.default_rng(7)
    n = DAYS * PER_DAY
    opened = START + pd.to_timedelta(np.sort(draw.uniform(0, DAYS * 24, n)), unit="h")
    items = draw.choice(list(MEAN_HOURS), n)
    hours = draw.exponential([MEAN_HOURS[item] for item in items])
    return as_frame(
        pd.DataFrame(
            {
                "number": [f"INC{i:05d}" for i in range(n)],
                "opened_at": opened.round("s"),
                "cmdb_ci": items,
                "category": draw.choice(["a", "b"], n),
                "priority": "3",
                "resolved_at": (opened + pd.to_timedelta(hours, unit="h")).round("s"),
                "responded_at": (opened + pd.to_timedelta(hours / 4, unit="h")).round("s"),
            }
        )
    )


def known_at(frame, moment):
    past = frame[frame["opened_at"] <= moment].reset_index(drop=True)
    times = {name: past[name].where(past[name] <= moment) for name in ("resolved_at", "responded_at")}
    return past.assign(**times)


@pytest.fixture(scope="module")
def saved(waits, tmp_path_factory):
    folder = tmp_path_factory.mktemp("service_levels")
    ServiceLevelModel().fit(known_at(waits, AS_OF), as_of=AS_OF).save(folder)
    return folder


@pytest.fixture
def model(saved):
    return ServiceLevelModel.load(saved)


def later_part(waits):
    return waits[waits["opened_at"] > AS_OF].reset_index(drop=True)


def missed(risks, clock="restoration"):
    return np.array([getattr(risk, clock).probability_missed for risk in risks])


def test_the_probability_is_that_of_the_truth(model, waits):
    later = later_part(waits)
    probability = missed(model.assess(IncidentBatch.from_frame(later), joining=True))
    for item, mean in MEAN_HOURS.items():
        here = (later["cmdb_ci"] == item).to_numpy()
        assert probability[here].mean() == pytest.approx(np.exp(-4 / mean), abs=0.12)
    response = missed(model.assess(IncidentBatch.from_frame(later)), "response")
    erp = (later["cmdb_ci"] == "erp").to_numpy()
    assert response[erp].mean() == pytest.approx(np.exp(-2 / 5), abs=0.12)


def test_half_and_four_of_five_end_within_the_hours_that_are_said(model, waits):
    later = later_part(waits)
    hours = (later["resolved_at"] - later["opened_at"]).dt.total_seconds().to_numpy() / 3600
    risks = model.assess(IncidentBatch.from_frame(later))
    for share in ("p50", "p80"):
        said = np.array([getattr(risk.restoration.hours, share) for risk in risks])
        assert (hours <= said).mean() == pytest.approx(int(share[1:]) / 100, abs=0.07)


def test_who_has_waited_long_is_judged_by_what_is_left(model):
    now = AS_OF.to_pydatetime()
    opened = now - timedelta(hours=3)
    batch = IncidentBatch.of([Incident("X1", opened_at=opened, cmdb_ci="vpn", category="a", priority="3")])
    due = np.array([(opened + timedelta(hours=4)).timestamp()])
    (left,) = model.open_risks("restoration", batch, due, now.timestamp()).late
    assert left == pytest.approx(np.exp(-1 / 4), abs=0.15)  # exponential waits have no memory


def test_hours_are_those_that_are_left_to_incidents_that_have_waited_as_long(waits):
    draw = np.random.default_rng(3)
    slow = draw.random(len(waits)) < 0.3  # who is not done within 2 h waits for a part: three days more
    hours = np.where(slow, 74.0 + draw.exponential(1.0, len(waits)), draw.exponential(0.5, len(waits)))
    frame = waits.assign(cmdb_ci="erp", resolved_at=waits["opened_at"] + pd.to_timedelta(hours, unit="h"))
    model = ServiceLevelModel().fit(known_at(frame, AS_OF), as_of=AS_OF)
    now = AS_OF.to_pydatetime()
    left = {}
    for waited in (0.0, 10.0, 40.0):
        opened = now - timedelta(hours=waited)
        batch = IncidentBatch.of([Incident("X1", opened_at=opened, cmdb_ci="erp", category="a", priority="3")])
        (left[waited],) = model.open_risks("restoration", batch, np.array([np.nan]), now.timestamp()).hours
    assert left[0.0][0] < 6
    assert left[10.0][0] == pytest.approx(65, abs=15)
    assert left[40.0][0] == pytest.approx(35, abs=15)
    assert all(half <= most for half, most in left.values())


def test_what_is_left_is_what_came_of_incidents_that_were_open_at_a_moment(model, waits):
    later = later_part(waits)
    hours = (later["resolved_at"] - later["opened_at"]).dt.total_seconds().to_numpy() / 3600
    for elapsed in (1.0, 5.0):  # each at a moment of its own, so that there are enough of them
        still = later[hours > elapsed].reset_index(drop=True)
        left = hours[hours > elapsed] - elapsed
        due = np.full(1, np.nan)
        expected = np.array(
            [
                model.open_risks(
                    "restoration", IncidentBatch.from_frame(still.iloc[row : row + 1]), due, at.timestamp()
                ).hours[0]
                for row, at in enumerate(still["opened_at"] + pd.Timedelta(hours=elapsed))
            ]
        )
        assert (left <= expected[:, 0]).mean() == pytest.approx(0.5, abs=0.1)
        assert (left <= expected[:, 1]).mean() == pytest.approx(0.8, abs=0.1)


def test_open_ones_are_censored_and_not_taken_as_quick(waits):
    # In the last days before `as_of` only quick ones have ended; dropping the others would make all look quick.
    early = START + pd.Timedelta(days=50)
    known = known_at(waits, early)
    later = waits[(waits["opened_at"] > early) & (waits["cmdb_ci"] == "erp")].iloc[:60].reset_index(drop=True)
    ended = known[known["resolved_at"].notna()].reset_index(drop=True)
    risks = [
        missed(ServiceLevelModel().fit(frame, as_of=early).assess(IncidentBatch.from_frame(later))).mean()
        for frame in (known, ended)
    ]
    assert risks[0] == pytest.approx(np.exp(-4 / MEAN_HOURS["erp"]), abs=0.15)
    assert risks[0] > risks[1]


def test_nothing_later_is_looked_at(model, saved, waits):
    later = later_part(waits)
    plain = missed(model.assess(IncidentBatch.from_frame(later.iloc[:200]), joining=True))
    changed = later.assign(
        resolved_at=later["opened_at"], assignment_group="Night", state="Closed", reassignment_count=9, close_code="x"
    )
    again = missed(ServiceLevelModel.load(saved).assess(IncidentBatch.from_frame(changed.iloc[:200]), joining=True))
    assert plain.tolist() == again.tolist()
    fewer = missed(ServiceLevelModel.load(saved).assess(IncidentBatch.from_frame(later.iloc[:100]), joining=True))
    assert fewer.tolist() == plain[:100].tolist()  # nor at incidents that come after it


def test_training_looks_at_nothing_later_than_its_moment(waits):
    end = START + pd.Timedelta(days=30)
    batch = IncidentBatch.of([Incident("X", opened_at=end.to_pydatetime(), cmdb_ci="vpn", category="a")])
    known = known_at(waits, end)
    with_future = waits[waits["opened_at"] <= end].reset_index(drop=True)  # outcomes after the moment still in it
    risks = [missed(ServiceLevelModel().fit(frame, as_of=end).assess(batch))[0] for frame in (known, with_future)]
    assert risks[0] == risks[1]


def test_the_same_data_and_seed_give_the_same_and_a_saved_model_answers_alike(model, saved, waits, tmp_path):
    batch = IncidentBatch.from_frame(later_part(waits).iloc[:50])
    first = model.assess(batch)
    assert ServiceLevelModel.load(saved).assess(batch) == first
    model.save(tmp_path)
    assert ServiceLevelModel.load(tmp_path).assess(batch) == first
    with np.load(saved / "service_levels.npz", allow_pickle=False) as arrays:
        assert all(arrays[name].dtype != object for name in arrays)


def test_a_batch_that_does_not_join_leaves_the_history_as_it_was(model, waits):
    before = [wait.history_.to_dict() for wait in model.waits_.values()]
    model.assess(IncidentBatch.from_frame(later_part(waits).iloc[:40]))
    after = [wait.history_.to_dict() for wait in model.waits_.values()]
    for old, new in zip(before, after, strict=True):
        assert new["open"] == old["open"]
        assert new["counts"]["cmdb_ci"] == old["counts"]["cmdb_ci"]


def counts_of(history):
    """Return what a history counts by field and value; values of none are left out."""
    return {
        (name, value): (counts.open, counts.logged, counts.waited, round(counts.log_hours, 6), counts.late)
        for name, values in history.counts.items()
        for value, counts in values.items()
        if counts.logged or counts.open
    }


def test_what_is_deleted_waits_no_more_and_is_counted_no_more(model):
    histories = [wait.history_ for wait in model.waits_.values()]
    before = [counts_of(history) for history in histories]
    opened = (AS_OF + pd.Timedelta(hours=1)).to_pydatetime()
    fields = {"opened_at": opened, "cmdb_ci": "erp", "category": "a", "priority": "3"}
    ends = {"responded_at": opened + timedelta(hours=1), "resolved_at": opened + timedelta(hours=9)}
    batch = IncidentBatch.of([Incident("WAITS", **fields), Incident("ENDED", **fields, **ends)])
    model.upsert(batch, [0, 1])
    assert [counts_of(history) for history in histories] != before
    model.remove(batch)
    assert [counts_of(history) for history in histories] == before
    assert not any("WAITS" in history.open for history in histories)


def test_what_is_deleted_while_it_waits_too_long_is_not_counted_as_late():
    history = WaitHistory(("cmdb_ci",), 4.0)
    history.add("OTHER", {"cmdb_ci": "erp"}, 1.0)
    history.end("OTHER", 9.0)
    history.advance(9.0)
    before = counts_of(history)
    history.add("LATE", {"cmdb_ci": "erp"}, 2.0)
    history.advance(9.0)
    assert history.counts["cmdb_ci"]["erp"].late == 2
    history.remove("LATE", {}, 2.0, np.nan)
    assert counts_of(history) == before


def test_what_is_reopened_waits_in_the_queue_again_and_its_wait_is_counted_once(model):
    opened = (AS_OF + pd.Timedelta(hours=1)).to_pydatetime()
    fields = {"opened_at": opened, "cmdb_ci": "erp", "category": "a", "priority": "3"}
    history = model.waits_["restoration"].history_
    queue, waited = history.counts["cmdb_ci"]["erp"].open, history.counts["cmdb_ci"]["erp"].waited

    def report(new=(), **times):
        hours = {name: opened + timedelta(hours=after) for name, after in times.items()}
        model.upsert(IncidentBatch.of([Incident("AGAIN", **fields, **hours)]), new)
        counts = history.counts["cmdb_ci"]["erp"]
        return "AGAIN" in history.open, counts.open - queue, counts.waited - waited

    assert report([0]) == (True, 1, 0)
    assert report(resolved_at=1) == (False, 0, 1)
    assert report(resolved_at=1, reopened_at=2) == (True, 1, 0)
    assert report(resolved_at=3, reopened_at=2) == (False, 0, 1)


def test_what_is_closed_without_a_time_waits_no_longer(model):
    fields = {"opened_at": AS_OF.to_pydatetime(), "cmdb_ci": "erp", "category": "a"}
    model.upsert(IncidentBatch.of([Incident("SHUT", **fields)]), [0])
    assert "SHUT" in model.waits_["restoration"].history_.open
    model.upsert(IncidentBatch.of([Incident("SHUT", **fields, state="Closed")]), [])
    assert "SHUT" not in model.waits_["restoration"].history_.open


def test_an_incident_that_is_reassigned_is_judged_anew(waits):
    draw = np.random.default_rng(1)
    groups = draw.choice(["Day", "Night"], len(waits))
    slow = pd.to_timedelta(np.where(groups == "Night", 30.0, 0.0), unit="h")
    frame = waits.assign(assignment_group=groups, resolved_at=waits["resolved_at"] + slow)
    model = ServiceLevelModel().fit(known_at(frame, AS_OF), as_of=AS_OF)
    now = AS_OF.to_pydatetime()
    opened = now - timedelta(minutes=45)
    risks, hours = {}, {}
    for group in ("Day", "Night"):
        incident = Incident("X1", opened_at=opened, cmdb_ci="vpn", category="a", priority="3", assignment_group=group)
        due = np.array([(opened + timedelta(hours=4)).timestamp()])
        of_group = model.open_risks("restoration", IncidentBatch.of([incident]), due, now.timestamp())
        (risks[group],), (hours[group],) = of_group.late, of_group.hours
    assert risks["Night"] > risks["Day"] + 0.2
    assert hours["Night"][0] > hours["Day"][0] + 10
    assert hours["Night"][1] > hours["Day"][1]


def test_the_queue_says_what_is_late_at_risk_and_what_to_take_first(model):
    now = AS_OF.to_pydatetime()

    def incident(number, hours, item, **fields):
        opened = now - timedelta(hours=hours)
        return Incident(number, opened_at=opened, responded_at=opened, cmdb_ci=item, category="a", **fields)

    batch = IncidentBatch.of(
        [
            incident("LATE", 5, "erp"),
            incident("RISK", 1, "erp"),
            incident("FINE", 0.5, "mail"),
            incident("HELD", 3, "erp", state="On Hold"),
            incident("DONE", 3, "erp", resolved_at=now - timedelta(hours=1)),
        ]
    )
    rows = open_clocks(batch, now, model.rules_, model)
    assert {row.number: row.standing for row in rows} == {
        "RISK": "at_risk",
        "LATE": "missed",
        "FINE": "running",
        "HELD": "paused",
    }
    assert [row.number for row in rows][:2] == ["RISK", "LATE"]
    assert rows[1].probability_missed == 1.0
    assert rows[1].gain == 0.0
    gains = {"RISK": 0.3, "FINE": 0.1}
    assert take_first([replace(row, gain=gains.get(row.number, row.gain)) for row in rows]).number == "RISK"
    assert take_first([replace(row, gain=row.gain and 0.0) for row in rows]) is None
    without = {row.number: row.probability_missed for row in open_clocks(batch, now, model.rules_)}
    assert without == {"RISK": None, "LATE": 1.0, "FINE": None, "HELD": None}
    hours = {row.number: row.hours for row in rows}
    assert hours["HELD"] is None, "nobody knows when its caller answers"
    assert hours["RISK"].p50 == pytest.approx(np.log(2) * MEAN_HOURS["erp"], rel=0.5)
    assert hours["LATE"].p50 == pytest.approx(hours["RISK"].p50, rel=0.5)  # exponential waits have no memory
    assert hours["FINE"].p80 < hours["RISK"].p50
    assert {row.hours for row in open_clocks(batch, now, model.rules_)} == {None}


def test_many_incidents_are_judged_as_each_alone(model):
    now = AS_OF.to_pydatetime()
    draw = np.random.default_rng(5)
    incidents = [
        Incident(f"N{i}", opened_at=now - timedelta(hours=float(hours)), cmdb_ci=item, category="a", priority="3")
        for i, (hours, item) in enumerate(zip(draw.exponential(20, 60), draw.choice(list(MEAN_HOURS), 60), strict=True))
    ]
    due = np.array([(incident.opened_at + timedelta(hours=30)).timestamp() for incident in incidents])
    together = model.open_risks("restoration", IncidentBatch.of(incidents), due, now.timestamp())
    for row, incident in enumerate(incidents):
        alone = model.open_risks("restoration", IncidentBatch.of([incident]), due[row : row + 1], now.timestamp())
        for name in ("late", "gain", "hours"):
            assert getattr(together, name)[row] == pytest.approx(getattr(alone, name)[0], rel=1e-9)


@pytest.mark.parametrize(("hours", "standing"), [(1, "running"), (6.7, "running"), (6.8, "at_risk"), (8, "at_risk")])
def test_without_a_model_what_has_passed_is_counted_in_business_hours(hours, standing):
    calendar = {"zone": "Asia/Shanghai", "from": "09:00", "to": "18:00"}
    rules = ServiceLevelRules.from_settings({"rules": [{"calendar": calendar, "restoration_hours": 9}]})
    friday = datetime(2026, 11, 27, 9, tzinfo=UTC)  # 17 h in Shanghai; it is due on Monday at 17 h
    now = friday + timedelta(hours=hours) if hours == 1 else friday + timedelta(days=2, hours=15 + hours)
    (clock,) = open_clocks(IncidentBatch.of([Incident("A", opened_at=friday)]), now, rules)
    assert (clock.standing, clock.probability_missed) == (standing, None)


def test_without_dates_or_ends_it_says_what_is_lacking(waits):
    with pytest.raises(InputError, match="no incident has a date"):
        ServiceLevelModel().fit(as_frame([Incident("A"), Incident("B")]), as_of=AS_OF)
    open_only = as_frame(waits.assign(resolved_at=pd.NaT, responded_at=pd.NaT))
    with pytest.raises(InputError, match="0 incidents were answered or resolved"):
        ServiceLevelModel().fit(open_only, as_of=AS_OF)
    with pytest.raises(NotFittedError):
        ServiceLevelModel().assess(IncidentBatch.of([Incident("A")]))


def test_a_history_without_responses_times_restoration_alone(waits):
    frame = known_at(waits, START + pd.Timedelta(days=20)).assign(responded_at=pd.NaT)
    model = ServiceLevelModel().fit(as_frame(frame), as_of=START + pd.Timedelta(days=20))
    (risk,) = model.assess(IncidentBatch.of([Incident("A", opened_at=datetime(2026, 3, 23, tzinfo=UTC))]))
    assert risk.response.due_at == datetime(2026, 3, 23, 2, tzinfo=UTC)
    assert risk.response.probability_missed is None
    assert 0 < risk.restoration.probability_missed < 1


def test_where_everything_ends_at_once_nothing_is_likely_to_be_late(waits):
    at_once = waits["opened_at"] + pd.Timedelta(minutes=5)
    frame = waits.assign(resolved_at=at_once, responded_at=at_once)
    model = ServiceLevelModel().fit(known_at(frame, AS_OF), as_of=AS_OF)
    (risk,) = model.assess(IncidentBatch.from_frame(later_part(waits).iloc[:1]))
    assert risk.restoration.probability_missed < 0.01


def test_an_incident_without_a_date_has_no_risk(model):
    assert model.assess(IncidentBatch.of([Incident("A", cmdb_ci="vpn")])) == [None]


def test_reopened_negative_and_doubled_rows_do_no_harm(waits):
    frame = known_at(waits, AS_OF)
    odd = frame.iloc[:60].assign(resolved_at=frame["opened_at"].iloc[:60] - pd.Timedelta(hours=3))
    reopened = frame.iloc[60:90].assign(reopened_at=AS_OF)
    mixed = as_frame(pd.concat([odd, reopened, frame.iloc[90:600], frame.iloc[590:600]], ignore_index=True))
    model = ServiceLevelModel().fit(mixed, as_of=AS_OF)
    assert model.waits_["restoration"].n_incidents_ == 550  # those that ended before they began are left out
    batch = IncidentBatch.of([Incident("A", opened_at=AS_OF.to_pydatetime())])
    assert 0 < missed(model.assess(batch))[0] < 1


def test_counts_are_those_of_a_plain_count(waits):
    frame = known_at(waits, AS_OF).iloc[:300]
    batch = IncidentBatch.from_frame(frame.reset_index(drop=True))
    history = WaitHistory(varying(batch), 4.0)
    opened = [moment.timestamp() / 3600 for moment in batch.column("opened_at")]
    ended = [np.nan if m is None else m.timestamp() / 3600 for m in batch.column("resolved_at")]
    now = max(opened)
    for number, keys, at in zip(batch.column("number"), history.keys(batch), opened, strict=True):
        history.add(number, keys, at)
    for end, number in sorted((end, n) for end, n in zip(ended, batch.column("number"), strict=True) if end <= now):
        history.end(number, end)
    history.advance(now)
    vpn = frame["cmdb_ci"].to_numpy() == "vpn"
    waited, known = np.array(ended) - opened, np.array(ended) <= now
    overdue = ~known & (np.array(opened) + 4 <= history.known_until)
    counts = history.counts["cmdb_ci"]["vpn"]
    assert counts.open == (vpn & ~known).sum()
    assert counts.waited == (vpn & (known | overdue)).sum()
    assert counts.late == (vpn & ((known & (waited > 4)) | overdue)).sum()
    row = dict(zip(history.columns, history.describe({"cmdb_ci": "vpn", "category": ""}, now), strict=True))
    assert np.expm1(row["logged: cmdb_ci, 24 h"]) == pytest.approx((vpn & (np.array(opened) > now - 24)).sum())
    assert np.isnan(row["ended: category"])


def test_intervals_begin_at_nothing_and_hold_the_limits_that_are_promised():
    assert {0.0, 2.0, 4.0, 24.0, 48.0} <= set(EDGES.tolist())


def test_what_came_back_after_a_quick_end_and_is_still_open_takes_long():
    n = 400
    opened = START + pd.to_timedelta(np.linspace(0, 60 * 24, n), unit="h")
    resolved = opened + pd.Timedelta(minutes=20)
    frame = pd.DataFrame({"number": [f"I{i}" for i in range(n)], "opened_at": opened, "resolved_at": resolved})
    frame["cmdb_ci"] = np.where(np.arange(n) % 2, "gate", "desk")
    reopened = (resolved + pd.Timedelta(hours=5)).where(frame["cmdb_ci"] == "gate")
    as_of = opened[-1] + pd.Timedelta(days=1)
    model = ServiceLevelModel().fit(as_frame(frame.assign(reopened_at=reopened)), as_of=as_of)
    new = [{"number": item, "opened_at": as_of, "cmdb_ci": item} for item in ("gate", "desk")]
    gate, desk = (risk.restoration.hours.p80 for risk in model.assess(IncidentBatch.of(new)))
    assert desk < 1
    assert gate is None or gate > 24
