"""The sample data: made again byte for byte, as unruly as its README says, and readable by the import."""

import json
import re
import subprocess
import sys
import zlib
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from api.surges.contingency import contingency_pages
from training.records import load_incidents, load_knowledge
from training.records.monitoring_files import read_alerts, read_changes, read_service_map

SAMPLE = Path(__file__).parents[1] / "data" / "sample"
TABLES = ("incidents.csv", "knowledge.csv", "contingency.csv", "alerts.csv", "changes.csv", "service-map.csv")
EXPORTED = datetime(2026, 10, 31, 16, tzinfo=UTC)


@pytest.fixture(scope="module")
def incidents():
    return load_incidents(SAMPLE / "incidents.csv", now=EXPORTED)


@pytest.fixture(scope="module")
def articles():
    return load_knowledge(SAMPLE / "knowledge.csv", now=EXPORTED)


@pytest.fixture(scope="module")
def planted():
    return json.loads((SAMPLE / "planted.json").read_text(encoding="utf-8"))


def test_the_script_writes_the_same_bytes(tmp_path):
    subprocess.run([sys.executable, SAMPLE / "generate.py", "--out", tmp_path], check=True)
    assert {path.name for path in tmp_path.iterdir()} == {*TABLES, "planted.json", "README.md"}
    for name in (*TABLES, "planted.json", "README.md"):
        assert (tmp_path / name).read_bytes() == (SAMPLE / name).read_bytes(), f"{name}: run data/sample/generate.py"


def test_every_row_imports_and_damage_is_repaired(incidents, articles):
    assert incidents.counts.rejected == incidents.counts.blanked == 0
    assert 3500 < incidents.counts.imported < 4500
    assert articles.counts.imported == 132
    text = incidents.frame["short_description"] + incidents.frame["description"]
    assert not text.str.contains("_x00|Ã|ä¸|å¤", regex=True).any()
    assert incidents.counts.repaired > 80


def test_contingency_plans_say_what_to_do_and_whom_to_call(articles):
    plans = load_knowledge(SAMPLE / "contingency.csv", now=EXPORTED).frame
    assert set(plans["number"]).isdisjoint(articles.frame["number"])
    assert set(plans["owner"]) <= set(articles.frame["owner"])
    pages = contingency_pages(plans.to_dict("records"))
    assert {page.service for page in pages} - set(articles.frame["service"]) == {""}
    assert all(page.contact and page.steps.startswith("1. ") for page in pages)


def test_files_are_small():
    for name in TABLES:
        packed = zlib.compress((SAMPLE / name).read_bytes())  # as git holds it
        assert len(packed) < 1_000_000


def test_both_languages_carry_about_half(incidents):
    by_people = incidents.frame[incidents.frame["contact_type"] != "monitoring"]
    text = by_people["short_description"] + by_people["description"]
    chinese = text.str.count(r"[\u4e00-\u9fff]") > 0.2 * text.str.len()
    assert 0.42 < chinese.mean() < 0.58


def test_about_a_fifth_comes_back_within_thirty_days(incidents):
    known = incidents.frame[incidents.frame["cmdb_ci"] != ""].sort_values("opened_at")
    next_one = known.groupby(["cmdb_ci", "category"])["opened_at"].shift(-1)
    wait = (next_one - known["opened_at"]).dt.total_seconds() / 86400
    seen = known["opened_at"] <= pd.Timestamp(EXPORTED) - pd.Timedelta("30D")
    assert 0.15 < (wait[seen] <= 30).mean() < 0.22


def test_a_workaround_is_followed_by_the_fault_more_often_than_a_fix(incidents):
    known = incidents.frame[incidents.frame["cmdb_ci"] != ""].sort_values("opened_at")
    next_one = known.groupby(["cmdb_ci", "category"])["opened_at"].shift(-1)
    soon = (next_one - known["opened_at"]) <= pd.Timedelta("30D")
    rate = soon.groupby(known["close_code"]).mean()
    assert rate["Solved (Workaround)"] > 1.5 * rate["Solved (Permanently)"]


def test_one_category_appears_late_and_some_incidents_are_still_open(incidents):
    frame = incidents.frame
    assert frame.loc[frame["category"] == "AI Assistant", "opened_at"].min() >= pd.Timestamp("2026-06-01", tz="UTC")
    open_ = frame[frame["resolved_at"].isna()]
    assert 20 < len(open_) < 120
    assert (open_["close_notes"] == "").all()
    assert (frame["resolved_at"].dropna() <= EXPORTED).all()
    assert frame["opened_at"].is_monotonic_increasing


def test_articles_used_exist_and_translations_point_at_them(incidents, articles, planted):
    numbers = set(articles.frame["number"])
    assert set(incidents.frame["knowledge"]) - {""} <= numbers
    assert set(articles.frame["translation_of"]) - {""} <= numbers
    assert (articles.frame["valid_to"] < pd.Timestamp(EXPORTED)).sum() >= 10
    malformed = articles.frame["number"].isin([entry["number"] for entry in planted["knowledge"]["form"]])
    assert articles.frame.loc[~malformed, "resolution"].str.match(r"1\. .+\n2\. ").all()
    assert set(articles.frame["audience"]) == {"internal", "self_service"}


def test_nobody_in_it_can_exist(incidents):
    everything = (SAMPLE / "incidents.csv").read_text(encoding="utf-8")
    domains = set(re.findall(r"@([a-z0-9.-]+\.[a-z]+)", everything))
    assert domains <= {"example.com", "example.org", "example.net"}
    addresses = set(re.findall(r"\b\d{1,3}(?:\.\d{1,3}){3}\b", everything))
    assert all(address.startswith("192.0.2.") for address in addresses)
    assert not re.search(r"(?<!\d)1[3-9]\d{9}(?!\d)", everything)  # no Chinese mobile number


def test_the_readme_says_that_it_is_synthetic():
    text = (SAMPLE / "README.md").read_text(encoding="utf-8")
    assert "synthetic" in text
    assert "mean little" in text


def test_times_types_and_states_agree(incidents, planted):
    frame = incidents.frame
    assert dict(frame["type"].value_counts()) == planted["types"]
    waited = frame["responded_at"].notna()
    assert (frame.loc[waited, "responded_at"] >= frame.loc[waited, "opened_at"]).all()
    both = waited & frame["resolved_at"].notna()
    assert (frame.loc[both, "responded_at"] <= frame.loc[both, "resolved_at"]).all()
    assert (frame.loc[frame["state"] == "Closed", "closed_at"]).notna().all()
    assert {"Closed", "On Hold"} <= set(frame["state"]) <= {"New", "In Progress", "On Hold", "Resolved", "Closed"}
    took = (frame["resolved_at"] - frame["opened_at"]).dt.total_seconds() / 60
    held = frame["on_hold_minutes"].astype(float)
    assert (held[took.notna()] <= took[took.notna()]).all()


def test_chronic_faults_stand_in_the_history_as_planted(incidents, planted):
    frame = incidents.frame.set_index("number")
    for chronic in planted["chronic"]:
        rows = frame.loc[chronic["numbers"]]
        assert set(rows["cmdb_ci"]) == {chronic["cmdb_ci"]}
        assert (rows["close_code"] == "Solved (Workaround)").sum() == chronic["workarounds"] > 0.8 * len(rows)
        if chronic["fixed_on"]:
            fixed = pd.Timestamp(chronic["fixed_on"], tz=planted["zone"])
            same = frame[(frame["cmdb_ci"] == chronic["cmdb_ci"]) & (frame["category"] == chronic["category"])]
            assert (same["opened_at"] >= fixed).sum() < 5  # others on that item
            assert (same["opened_at"] < fixed).sum() > 10
    rising = [chronic["by_quarter"] for chronic in planted["chronic"] if chronic["trend"] == "rising"]
    assert rising[0]["2026Q3"] > 5 * rising[0]["2025Q4"]


def test_a_group_got_slower_and_callers_left_the_phone(incidents, planted):
    frame = incidents.frame
    quarter = frame["opened_at"].dt.tz_convert(planted["zone"]).dt.tz_localize(None).dt.to_period("Q").astype(str)
    slower = planted["slower_group"]
    response = (frame["responded_at"] - frame["opened_at"]).dt.total_seconds() / 3600
    medians = response[frame["assignment_group"] == slower["assignment_group"]].groupby(quarter).median()
    assert medians[slower["quarter"]] > 3 * medians["2026Q2"]
    by_phone = (frame["contact_type"] == "phone").groupby(quarter).mean()
    assert by_phone["2026Q3"] < 0.6 * by_phone["2026Q1"]


def test_alerts_changes_and_the_map_are_read_as_surges_reads_them(planted):
    complaints = []
    alerts = {alert.id: alert for alert in read_alerts(SAMPLE / "alerts.csv", complaints.append)}
    changes = {change.number: change for change in read_changes(SAMPLE / "changes.csv", complaints.append)}
    assert complaints == []
    assert read_service_map(SAMPLE / "service-map.csv").needs
    for outage in planted["outages"]:
        begun = pd.Timestamp(outage["begun_at"]).timestamp()
        if outage["alert"]:
            assert 0 < begun - alerts[outage["alert"]].at < 3600
        if outage["change"]:
            assert 0 < begun - changes[outage["change"]].at < 3600
    noise = [alert for alert in alerts.values() if alert.name == planted["meaningless_alert"]["name"]]
    assert len(noise) == planted["meaningless_alert"]["alerts"] > 200


def test_outages_within_an_hour_are(incidents, planted):
    opened = incidents.frame.set_index("number")["opened_at"]
    for outage in planted["outages"]:
        moments = opened.loc[outage["numbers"]]
        assert len(moments) == outage["incidents"] >= 5
        if outage["within_an_hour"]:
            assert moments.max() - moments.min() <= pd.Timedelta("1h")


def test_articles_have_the_faults_that_are_planted(incidents, articles, planted):
    frame = articles.frame.set_index("number")
    form = {entry["number"]: entry["lacks"] for entry in planted["knowledge"]["form"]}
    assert all((frame.loc[number, "title"] == "") == ("title" in lacks) for number, lacks in form.items())
    assert set(planted["knowledge"]["never_used"]).isdisjoint(incidents.frame["knowledge"])
    gone = planted["knowledge"]["item_gone"]
    uses = incidents.frame[incidents.frame["knowledge"].isin(gone["articles"])]
    assert uses["opened_at"].max() < pd.Timestamp(gone["last_seen_by"], tz="UTC")
    assert len(uses) > 5
