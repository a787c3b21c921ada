"""Coverage and gaps of a review without a release: search learns from the files, and finds what is planted."""

import json
from pathlib import Path

import pytest

from diagnosis.knowledge import as_knowledge_frame
from diagnosis.review import Quarter
from training.records import load_incidents, load_knowledge
from training.reports.review.coverage import MOST, judged_knowledge

SAMPLE = Path(__file__).resolve().parents[3] / "data" / "sample"
QUARTER = Quarter.parse("2026Q3")


@pytest.fixture(scope="module")
def incidents():
    frame = load_incidents(SAMPLE / "incidents.csv").frame
    return frame[frame["opened_at"] >= "2026-06-01"].reset_index(drop=True)


def test_incidents_of_the_quarter_are_judged_and_what_no_article_answers_is_a_gap(incidents):
    planted = json.loads((SAMPLE / "planted.json").read_text(encoding="utf-8"))["knowledge"]
    articles = load_knowledge(SAMPLE / "knowledge.csv").frame
    as_of = incidents["opened_at"].max()
    judged = judged_knowledge(incidents, articles, QUARTER, planted.get("zone", "Asia/Shanghai"), as_of, max_steps=60)
    assert 0 < len(judged.covered) <= 3 * MOST
    assert judged.covered.between(0, 1).all()
    assert judged.covered.index.is_unique
    of_gaps = [number for gap in judged.gaps for number in gap.numbers]
    assert of_gaps
    assert judged.covered[of_gaps].mean() < 0.5 < judged.covered.mean()


def test_without_articles_nothing_is_said(incidents):
    judged = judged_knowledge(incidents, as_knowledge_frame([]), QUARTER, "UTC", incidents["opened_at"].max())
    assert not len(judged.covered)
    assert judged.gaps == ()
