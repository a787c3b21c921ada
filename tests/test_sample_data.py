"""The sample data: made again byte for byte, as unruly as its README says, and readable by the import."""

import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from training.records import load_incidents, load_knowledge

SAMPLE = Path(__file__).parents[1] / "data" / "sample"
EXPORTED = datetime(2026, 10, 31, 16, tzinfo=UTC)


@pytest.fixture(scope="module")
def incidents():
    return load_incidents(SAMPLE / "incidents.csv", now=EXPORTED)


@pytest.fixture(scope="module")
def articles():
    return load_knowledge(SAMPLE / "knowledge.csv", now=EXPORTED)


def test_the_script_writes_the_same_bytes(tmp_path):
    subprocess.run([sys.executable, SAMPLE / "generate.py", "--out", tmp_path], check=True)
    for name in ("incidents.csv", "knowledge.csv", "README.md"):
        assert (tmp_path / name).read_bytes() == (SAMPLE / name).read_bytes(), f"{name}: run data/sample/generate.py"


def test_every_row_imports_and_damage_is_repaired(incidents, articles):
    assert incidents.counts.rejected == incidents.counts.blanked == 0
    assert 3500 < incidents.counts.imported < 4500
    assert articles.counts.imported == 120
    text = incidents.frame["short_description"] + incidents.frame["description"]
    assert not text.str.contains("_x00|Ã|ä¸|å¤", regex=True).any()
    assert incidents.counts.repaired > 80


def test_files_are_small():
    for name in ("incidents.csv", "knowledge.csv"):
        assert (SAMPLE / name).stat().st_size < 2_500_000


def test_both_languages_carry_about_half(incidents):
    by_people = incidents.frame[incidents.frame["contact_type"] != "monitoring"]
    text = by_people["short_description"] + by_people["description"]
    chinese = text.str.count(r"[\u4e00-\u9fff]") > 0.2 * text.str.len()
    assert 0.42 < chinese.mean() < 0.58


def test_about_fifteen_percent_come_back_within_thirty_days(incidents):
    known = incidents.frame[incidents.frame["cmdb_ci"] != ""].sort_values("opened_at")
    next_one = known.groupby(["cmdb_ci", "category"])["opened_at"].shift(-1)
    wait = (next_one - known["opened_at"]).dt.total_seconds() / 86400
    seen = known["opened_at"] <= pd.Timestamp(EXPORTED) - pd.Timedelta("30D")
    assert 0.12 < (wait[seen] <= 30).mean() < 0.18


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


def test_articles_used_exist_and_translations_point_at_them(incidents, articles):
    numbers = set(articles.frame["number"])
    assert set(incidents.frame["knowledge"]) - {""} <= numbers
    assert set(articles.frame["translation_of"]) - {""} <= numbers
    assert (articles.frame["valid_to"] < pd.Timestamp(EXPORTED)).sum() >= 10
    assert articles.frame["resolution"].str.match(r"1\. .+\n2\. ").all()
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
