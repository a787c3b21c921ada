"""A quarter's review of the sample history finds what was planted there, and says what it cannot tell."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from diagnosis.errors import InputError
from diagnosis.incident import as_frame
from diagnosis.review import (
    MeasuredEvents,
    Quarter,
    ReviewFacts,
    ReviewHistory,
    ReviewSettings,
    Words,
    last_complete_quarter,
    review_quarter,
    summary,
)
from diagnosis.review.definitions import DEFINITIONS, DIMENSIONS
from diagnosis.review.measures import measures
from diagnosis.review.proposals import proposals
from diagnosis.review.summary import action_title
from diagnosis.review.wording import catalogue
from training.records import load_incidents

SAMPLE = Path(__file__).resolve().parents[3] / "data" / "sample"


@pytest.fixture(scope="module")
def planted():
    return json.loads((SAMPLE / "planted.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def records():
    return load_incidents(SAMPLE / "incidents.csv").frame


@pytest.fixture(scope="module")
def history(records, planted):
    settings = ReviewSettings(zone=planted["zone"])
    return ReviewHistory.read(records, settings, as_of=pd.Timestamp(planted["exported_at"]))


@pytest.fixture(scope="module")
def review(history):
    return review_quarter(history, Quarter.parse("2026Q3"))


def measure(review, name):
    return next(entry for entry in review["measures"] if entry["name"] == name)


def test_quarters_begin_in_the_organisations_zone():
    start, stop = Quarter.parse("2026Q3").bounds("Asia/Shanghai")
    assert start == pd.Timestamp("2026-06-30T16:00Z")
    assert stop == pd.Timestamp("2026-09-30T16:00Z")
    assert last_complete_quarter(datetime(2026, 9, 30, 15, 59, tzinfo=UTC), "Asia/Shanghai") == Quarter(2026, 2)
    with pytest.raises(InputError, match="2026Q5"):
        Quarter.parse("2026Q5")


def test_the_slower_group_is_found_with_its_topic(review, planted):
    slower = planted["slower_group"]["assignment_group"]
    response = measure(review, "response")
    assert response["compared"]["changed"] == response["year_before"]["changed"] == "worse"
    assert response["drivers"]["groups"][0]["name"] == slower
    assert response["drivers"]["decomposition"]["lower"] > 0
    worse = [row["name"] for row in response["by"]["assignment_group"] if row["previous"]["changed"] == "worse"]
    assert worse == [slower]
    assert ("slow", slower) in [(need["kind"], need["team"]) for need in review["needs"]]
    assert ("clock_worse", slower) in [(entry["code"], entry["values"].get("team")) for entry in review["proposals"]]


def test_what_missed_its_target_without_a_team_that_stands_out_is_the_whole_desks(review):
    clocks = {
        entry["measure"]: entry["values"]["team"] for entry in review["proposals"] if entry["code"].startswith("clock_")
    }
    missed = {measure["name"] for measure in review["measures"] if measure["verdict"] == "missed"}
    assert clocks["complaints"] == "Service Desk"
    assert clocks.keys() >= missed & {"restoration", "complaints"}
    assert clocks["restoration"] == ""
    titles = [action_title(entry, Words("en")) for entry in review["proposals"]]
    assert "Whole desk: bring Faults restored in time to its target" in titles


def test_late_complaints_are_found(review, planted):
    assert planted["complaints"]["late_quarter"] == "2026Q3"
    assert measure(review, "complaints")["compared"]["changed"] == "worse"
    assert measure(review, "complaints")["verdict"] == "missed"


def test_the_channel_that_moved_is_found(review, history, planted):
    channels = {row["channel"]: row for row in review_quarter(history, Quarter.parse("2026Q2"))["voice"]["channels"]}
    moved = planted["channel"]
    assert channels[moved["from"]]["previous"]["changed"] == "moved"
    assert channels[moved["from"]]["previous"]["difference"] < -0.1
    assert channels["wechat"]["previous"]["difference"] > 0
    counts = moved["by_quarter"]["2026Q3"]
    shown = {row["channel"]: row for row in review["voice"]["channels"]}
    assert shown["phone"]["year_before"]["changed"] == "moved"
    assert shown["phone"]["n"] == pytest.approx(counts["phone"], abs=20)  # complaints come on top


def test_fixed_and_rising_chronic_faults_are_among_what_moved_recurrence(review, planted):
    trends = {chronic["trend"]: chronic["cmdb_ci"] for chronic in planted["chronic"]}
    problems = {
        part["name"].split(" · ")[0]: part["amount"] for part in measure(review, "recurrence")["drivers"]["problems"]
    }
    assert problems[trends["fixed"]] < 0
    assert review["problems"][0]["signature"]["cmdb_ci"] == trends["rising"]


def test_the_fix_that_stopped_working_is_a_need(review):
    assert ("fix_fails", "Workplace Support") in [(need["kind"], need["team"]) for need in review["needs"]]


def test_every_measure_has_its_parts_or_says_that_it_is_not_recorded(review):
    assert [entry["name"] for entry in review["measures"]] == [definition.name for definition in DEFINITIONS]
    for entry in review["measures"]:
        if entry["verdict"] == "not recorded":
            assert entry["value"] is entry["interval"] is None
            continue
        lower, upper = entry["interval"]
        assert lower <= entry["value"] <= upper
        assert set(entry["by"]) == set(DIMENSIONS)
        assert [row["name"] for row in entry["by"]["month"]] == ["2026-07", "2026-08", "2026-09"]
    json.dumps(review)


def test_the_same_records_give_the_same_review_in_any_order_and_from_overlapping_exports(records, history, review):
    shuffled = records.sample(frac=1.0, random_state=0)
    twice = pd.concat([records.iloc[:3000], shuffled], ignore_index=True)
    again = ReviewHistory.read(twice, history.settings, as_of=history.as_of)
    assert again.left_out["number repeated"] == 3000
    assert again.data_hash == history.data_hash
    assert review_quarter(again, Quarter.parse("2026Q3"))["measures"] == review["measures"]


def test_the_same_records_have_the_same_hash_at_another_moment(records, history):
    later = ReviewHistory.read(records, history.settings, as_of=history.as_of + pd.Timedelta("1h"))
    assert later.data_hash == history.data_hash


def test_a_time_that_was_not_written_down_in_a_quarter_is_not_recorded_in_it_and_nothing_got_better(records, history):
    start, _ = Quarter.parse("2026Q3").bounds(history.settings.zone)
    before = records["opened_at"] < start
    blank = {name: records[name].mask(before) for name in ("responded_at", "sla_response_minutes", "closed_at")}
    settings, as_of = history.settings, history.as_of
    told = {
        quarter: {
            entry["name"]: entry
            for entry in review_quarter(
                ReviewHistory.read(records.assign(**blank), settings, as_of=as_of), Quarter.parse(quarter)
            )["measures"]
        }
        for quarter in ("2026Q2", "2026Q3")
    }
    for name in ("response", "closure"):
        assert told["2026Q2"][name]["verdict"] == "not recorded"
        assert told["2026Q3"][name]["value"] is not None
        assert told["2026Q3"][name]["compared"] is None


def test_questions_and_warnings_have_months_of_the_organisations_zone(records, history):
    at = [
        pd.Timestamp(f"2026-{month}-{day}T20:00Z").timestamp() / 86_400 for month in ("07", "08") for day in (5, 15, 31)
    ]
    facts = ReviewFacts(questions=MeasuredEvents.of(at, [True, True, False, True, False, False]))
    read = ReviewHistory.read(records, history.settings, as_of=history.as_of, facts=facts)
    deflection = next(entry for entry in measures(read, Quarter.parse("2026Q3")) if entry.name == "deflection")
    months = [(row.name, row.n, row.value) for row in deflection.by["month"]]
    assert [(name, n) for name, n, _ in months] == [("2026-07", 2), ("2026-08", 3), ("2026-09", 1)]
    assert deflection.n == 6


def test_a_quarter_before_the_first_decision_has_none_recorded(records, history):
    last = records["number"].tail(50)
    read = ReviewHistory.read(
        records,
        history.settings,
        as_of=history.as_of,
        facts=ReviewFacts(by_number={"automatic": pd.Series(1.0, index=last)}),
    )
    told = {quarter: measures(read, Quarter.parse(quarter)) for quarter in ("2026Q2", "2026Q4")}
    verdicts = {
        quarter: next(entry.verdict for entry in entries if entry.name == "automatic")
        for quarter, entries in told.items()
    }
    assert verdicts["2026Q2"] == "not recorded"
    assert verdicts["2026Q4"] == "no target"


def test_what_was_reopened_is_not_closed_and_what_was_closed_at_an_unknown_time_is_not_counted(history):
    opened = pd.date_range("2026-07-02", periods=60, freq="D", tz="UTC")
    frame = pd.DataFrame(
        {
            "number": [f"C{place:03d}" for place in range(60)],
            "opened_at": opened,
            "closed_at": opened + pd.Timedelta("1h"),
            "reopened_at": pd.Series(opened + pd.Timedelta("1D")).where(np.arange(60) < 20),
            "state": np.where(np.arange(60) < 20, "In Progress", "Closed"),
        }
    )
    frame["closed_at"] = frame["closed_at"].mask(np.arange(60) >= 50)
    settings = ReviewSettings(zone=history.settings.zone)
    read = ReviewHistory.read(as_frame(frame), settings, as_of=pd.Timestamp("2026-12-31T00:00Z"))
    closure = next(entry for entry in measures(read, Quarter.parse("2026Q3")) if entry.name == "closure")
    assert closure.n == 50
    assert closure.value == pytest.approx(0.6)


def test_the_summary_names_what_got_worse_first_and_counts_what_it_leaves_out(review):
    changed = next(entry for entry in review["measures"] if entry["compared"] and entry["value"] is not None)
    entries = [
        {
            **changed,
            "drivers": None,
            "compared": {
                **changed["compared"],
                "changed": changed_to,
                "difference": 0.1,
                "difference_interval": [0.05, 0.15],
            },
        }
        for changed_to in ["better"] * 5 + ["worse"] * 2
    ]
    text = "\n".join(summary({**review, "measures": entries}, Words("en")))
    assert text.index("worse") < text.index("better")
    assert "changed besides, in the table below: 2." in text


def test_other_records_have_another_hash(records, history):
    fewer = ReviewHistory.read(records.iloc[:-1], history.settings, as_of=history.as_of)
    assert fewer.data_hash != history.data_hash


@pytest.mark.parametrize(
    ("quarter", "words"), [("2027Q1", "has not begun"), ("2024Q1", "no record was opened in 2024Q1")]
)
def test_quarters_without_records_are_refused_with_what_there_is(history, quarter, words):
    with pytest.raises(InputError, match=words):
        review_quarter(history, Quarter.parse(quarter))


def test_a_running_quarter_says_so(history):
    running = review_quarter(history, Quarter.parse("2026Q4"))
    assert running["complete"] is False
    assert any("not over" in sentence for sentence in summary(running, Words("en")))


def test_a_measure_without_its_column_is_not_recorded(records, history):
    bare = records.drop(columns=["responded_at", "sla_response_minutes", "satisfaction", "type"])
    review = review_quarter(
        ReviewHistory.read(as_frame(bare), history.settings, as_of=history.as_of), Quarter.parse("2026Q3")
    )
    missing = {entry["name"] for entry in review["measures"] if entry["verdict"] == "not recorded"}
    assert {"response", "requests", "complaints", "satisfaction"} <= missing
    assert "closure" not in missing


def test_targets_and_limits_are_settings(records, history):
    settings = ReviewSettings.from_mapping(
        {"zone": "Asia/Shanghai", "restoration_hours": 1, "targets": {"recurrence": 0.5}}
    )
    review = review_quarter(ReviewHistory.read(records, settings, as_of=history.as_of), Quarter.parse("2026Q3"))
    assert measure(review, "recurrence")["verdict"] == "met"
    assert measure(review, "restoration")["value"] < 0.5


@pytest.mark.parametrize(
    "table",
    [
        {"zone": "Atlantis"},
        {"targets": {"happiness": 1}},
        {"targets": {"recurrence": 5}},
        {"recurrence_days": 0},
        {"satisfied": "4"},
        {"colour": 1},
        {"targets": 3},
    ],
)
def test_settings_that_cannot_be_used_are_refused(table):
    with pytest.raises(InputError):
        ReviewSettings.from_mapping(table)


def test_both_languages_have_every_word_with_the_same_values():
    for kind, codes in catalogue().items():
        for code, forms in codes.items():
            assert set(forms) == {"en", "zh"}, (kind, code)
            names = [{part.split("}")[0] for part in forms[language].split("{")[1:]} for language in forms]
            assert names[0] == names[1], (kind, code)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_summary_says_what_was_found(review, language):
    text = "\n".join(summary(review, Words(language)))
    assert "Messaging" in text
    assert ("phone" if language == "en" else "电话") in text
    assert "{" not in text


def test_no_change_planted_is_seldom_called_one():
    rng, changed, compared = np.random.default_rng(11), 0, 0
    for _ in range(12):
        n = 300
        opened = pd.Timestamp("2026-01-01T00:00Z") + pd.to_timedelta(np.sort(rng.uniform(0, 181, n)), unit="D")
        frame = pd.DataFrame(
            {
                "number": [f"I{i}" for i in range(n)],
                "opened_at": opened,
                "responded_at": opened + pd.to_timedelta(rng.lognormal(0, 1, n), unit="h"),
                "resolved_at": opened + pd.to_timedelta(rng.lognormal(2, 1, n), unit="h"),
                "closed_at": opened + pd.to_timedelta(rng.lognormal(5.5, 1, n), unit="h"),
                "service": rng.choice(["a", "b", "c"], n),
                "category": rng.choice(list("klmnopqrstuvw"), n),
                "priority": rng.choice(["1", "2", "3"], n),
                "satisfaction": rng.choice([1, 2, 3, 4, 5], n),
            }
        )
        history = ReviewHistory.read(as_frame(frame), ReviewSettings(), as_of=pd.Timestamp("2026-07-01T00:00Z"))
        for entry in measures(history, Quarter.parse("2026Q2")):
            if entry.previous:
                compared += 1
                changed += entry.previous.changed in ("better", "worse")
    assert compared > 50
    assert changed / compared <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / compared)


def test_a_proposal_keeps_its_id_while_order_titles_and_figures_change():
    def gap(name, title, incidents):
        return {"id": name, "title": title, "incidents": incidents, "numbers": ["I1"]}

    def ids(*gaps):
        listed = proposals(Quarter(2026, 3), [], [], [], gaps=gaps)
        return {entry["values"]["gap"]: entry["id"] for entry in listed}

    before = ids(gap("g1", "VPN drops", 9), gap("g2", "VPN drops", 4))
    assert len(set(before.values())) == 2
    assert ids(gap("g3", "Mail", 12), gap("g2", "VPN drops at night", 10), gap("g1", "VPN drops", 9)).items() >= (
        before.items()
    )


def test_shares_are_not_judged_in_the_first_days_of_a_quarter():
    rng, begin = np.random.default_rng(11), pd.Timestamp("2026-07-01T00:00Z")
    as_of = begin + pd.Timedelta(days=10)
    days = np.concatenate([rng.uniform(-90, 0, 600), rng.uniform(0, 10, 300)])
    opened = begin + pd.to_timedelta(days, unit="D")
    closed = pd.Series(opened + pd.to_timedelta(rng.exponential(15, 900), unit="D"))
    frame = pd.DataFrame(
        {
            "number": [f"I{place}" for place in range(900)],
            "opened_at": opened,
            "closed_at": closed.where(closed <= as_of),
            "resolved_at": closed.where(closed <= as_of),
            "category": "Hardware",
            "cmdb_ci": rng.integers(0, 200, 900).astype(str),
        }
    )
    running = review_quarter(ReviewHistory.read(as_frame(frame), ReviewSettings(), as_of=as_of), Quarter(2026, 3))
    for name in ("closure", "recurrence"):
        entry = measure(running, name)
        assert (entry["value"], entry["interval"], entry["verdict"], entry["drivers"]) == (None, None, "too few", None)
        assert entry["compared"]["value"] is not None
        assert entry["compared"]["changed"] == "too few"
        assert (entry["n"], entry["n_open"] > 100) == (300, True)
    assert any("none was watched to the limit" in sentence for sentence in summary(running, Words("en")))
    assert any("尚无工单观察到期限" in sentence for sentence in summary(running, Words("zh")))


def test_the_summary_counts_only_proposals_that_nobody_has_decided_on(review):
    open_ones = [entry | {"decision": None} for entry in review["proposals"]]
    assert len(open_ones) > 2
    decided = [open_ones[0] | {"decision": "taken"}, open_ones[1] | {"decision": "dropped"}, *open_ones[2:]]
    text = summary(review | {"proposals": decided}, Words("en"))[-1]
    assert action_title(open_ones[2], Words("en")) in text
    assert action_title(open_ones[0], Words("en")) not in text
    assert str(len(open_ones) - 2) in text
    everything = [entry | {"decision": "dropped"} for entry in open_ones]
    assert len(summary(review | {"proposals": everything}, Words("en"))) == len(summary(review, Words("en"))) - 1
