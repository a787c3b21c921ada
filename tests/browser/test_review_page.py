"""The page of a review that stands alone: folded on a phone, whole on a wide screen and on paper."""

import json
from pathlib import Path

import pandas as pd
import pytest

from diagnosis.review import Quarter, ReviewHistory, ReviewSettings, review_quarter
from training.records import load_incidents
from training.reports.review.page import review_page

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample" / "incidents.csv"
HIDDEN = (
    '[...document.querySelectorAll("details table")].filter(t => !t.checkVisibility({contentVisibilityAuto: true}))'
)


@pytest.fixture(scope="module")
def content():
    history = ReviewHistory.read(
        load_incidents(SAMPLE).frame, ReviewSettings(), as_of=pd.Timestamp("2026-10-31T16:00Z")
    )
    return json.loads(json.dumps(review_quarter(history, Quarter.parse("2026Q3"))))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_it_is_folded_on_a_phone_and_whole_on_a_wide_screen_and_on_paper(chromium, tmp_path, content, language):
    file = tmp_path / "review.html"
    file.write_text(review_page(content, language), encoding="utf-8")
    page = chromium.new_page(viewport={"width": 360, "height": 740})
    page.goto(file.as_uri())
    n_folded = page.evaluate('document.querySelectorAll("details table").length')
    assert page.evaluate(f"{HIDDEN}.length") == n_folded > 10
    assert page.locator("#measures table").is_visible()
    page.goto(f"{file.as_uri()}#definition-closure")
    assert page.locator("#definition-closure").is_visible()
    page.goto(f"{file.as_uri()}#proposals")
    assert page.locator("#proposals table").is_visible()
    page.evaluate('document.querySelectorAll("details").forEach(part => { part.open = true })')
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.goto("about:blank")
    page.goto(file.as_uri())
    page.emulate_media(media="print")
    page.wait_for_function(f"{HIDDEN}.length === 0")
    page.emulate_media(media="screen")
    page.set_viewport_size({"width": 1200, "height": 900})
    page.wait_for_function(f"{HIDDEN}.length === 0")
    page.close()
