"""A review as page, document and table, in both languages, from its JSON alone."""

import csv
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from docx import Document

from api.cli import main
from diagnosis.review import Quarter, ReviewHistory, ReviewSettings, review_quarter
from training.records import load_incidents
from training.reports.review.document import review_document
from training.reports.review.page import review_page
from training.reports.review.tables import COLUMNS, review_csv

SAMPLE = Path(__file__).resolve().parents[3] / "data" / "sample" / "incidents.csv"


@pytest.fixture(scope="module")
def content():
    frame = load_incidents(SAMPLE).frame
    frame.loc[frame["service"] == "CRM", "service"] = '=CRM <script>alert("1")</script>\x01\x0b\ufffe $x^$'
    history = ReviewHistory.read(frame, ReviewSettings(zone="Asia/Shanghai"), as_of=pd.Timestamp("2026-10-31T16:00Z"))
    return json.loads(json.dumps(review_quarter(history, Quarter.parse("2026Q3"))))


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.ids, self.links, self.sources = set(), set(), set(), []

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.tags.add(tag)
        self.ids.add(values.get("id"))
        if values.get("href", "").startswith("#"):
            self.links.add(values["href"][1:])
        self.sources += [values[name] for name in ("src",) if name in values]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_stands_alone_and_its_links_lead_somewhere(content, language):
    text = review_page(content, language)
    tags = Tags()
    tags.feed(text)
    assert tags.links <= tags.ids
    assert {f"definition-{measure['name']}" for measure in content["measures"]} <= tags.links
    assert tags.sources == []
    assert "script" not in tags.tags
    assert "@media print" in text
    assert text.count("<svg") == 2
    assert ("用户满意度" in text) == (language == "zh")


def test_a_history_that_begins_in_the_quarter_is_compared_with_nothing():
    frame = load_incidents(SAMPLE).frame
    begun = frame[frame["opened_at"] >= pd.Timestamp("2026-07-01T00:00Z")]
    history = ReviewHistory.read(begun, ReviewSettings(), as_of=pd.Timestamp("2026-10-31T16:00Z"))
    content = json.loads(json.dumps(review_quarter(history, Quarter.parse("2026Q3"))))
    text = review_page(content, "en")
    assert "Nothing is recorded of the quarter before." in text
    assert "0 in the quarter before" not in text
    assert "One quarter alone is recorded" in text
    assert "上季度没有记录" in review_page(content, "zh")


def test_what_moved_a_figure_by_nothing_that_shows_is_not_named(content):
    text = review_page(content, "en")
    assert "Messaging +0.7 h" in text
    assert not re.search(r"[+−]0\.0 h[;<]", text)


def test_a_channel_that_moved_by_less_than_a_point_is_no_sentence(content):
    changed = json.loads(json.dumps(content))
    for row in changed["voice"]["channels"]:
        row["channel"] = row["channel"].title()
        for compared in ("previous", "year_before"):
            row[compared] = {"share": row["share"], "difference": 0.004, "changed": "moved"}
    assert "Contacts by" not in review_page(changed, "en")
    assert "电话" in review_page(changed, "zh")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_document_opens_and_says_what_the_page_says(content, language):
    document = Document(io.BytesIO(review_document(content, language)))
    assert len(document.inline_shapes) == 2
    words = "\n".join(paragraph.text for paragraph in document.paragraphs)
    assert "Messaging" in words
    first = [[cell.text for cell in row.cells] for row in document.tables[0].rows]
    assert len(first) == 1 + len(content["measures"])
    assert first[1][1] in review_page(content, language)
    assert any("\u4e00" <= letter <= "\u9fff" for letter in first[0][0]) == (language == "zh")


def test_the_table_has_each_figure_and_no_formula(content):
    rows = list(csv.DictReader(io.StringIO(review_csv(content).removeprefix("\ufeff"))))
    assert tuple(rows[0]) == COLUMNS
    response = next(row for row in rows if row["measure"] == "response" and row["compared_with"] == "2026Q2")
    measure = next(entry for entry in content["measures"] if entry["name"] == "response")
    assert float(response["value"]) == measure["value"]
    assert float(response["difference"]) == measure["compared"]["difference"]
    assert not [row["name"] for row in rows if row["name"].startswith("=")]
    assert any(row["name"].startswith("'=CRM") for row in rows)


def test_the_command_writes_all_three(tmp_path, capsys):
    page, document, table = (tmp_path / f"review.{kind}" for kind in ("html", "docx", "csv"))
    options = ["--html", str(page), "--docx", str(document), "--csv", str(table), "--language", "zh"]
    command = ["review", "--incidents", str(SAMPLE), "--zone", "Asia/Shanghai", "--quiet", *options]
    assert main(command) == 0
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert document.read_bytes()[:2] == b"PK"
    assert table.read_bytes()[:3] == b"\xef\xbb\xbf"
    assert main([*command, "--html", str(tmp_path / "nowhere" / "review.html")]) == 1


OUTCOME = {"title": "Answer faster", "action": "", "done_at": "2026-05-15T00:00:00Z", "measure": "response"}
OUTCOME |= {"unit": "hours", "before": 4.0, "after": 2.0, "ratio": None, "interval": [-3.0, -1.0], "n_after": 60}
OUTCOME |= {"verdict": "held", "until": None}
DAYS = {"first_day": "2026-04-01", "last_day": "2026-05-14"}


@pytest.mark.parametrize(
    ("language", "lines"),
    [
        (
            "en",
            [
                "since it was proposed: 2026-04-01 to 2026-05-14, 1 record",
                "before the quarter that it was chosen by: 2026-04-01 to 2026-05-14, 1,460 records",
                "since the fault was first seen: 2026-04-01 to 2026-05-14, 3 episodes",
                "nothing: too few earlier records, or only those that it was chosen by",
                "–",
            ],
        ),
        (
            "zh",
            [
                "提出之后：2026-04-01 至 2026-05-14，1 件",
                "选定所依据的季度之前：2026-04-01 至 2026-05-14，1,460 件",
                "故障首次出现以来：2026-04-01 至 2026-05-14，3 次",
                "无：早期工单不足，或仅有选定时所依据的工单",
                "–",
            ],
        ),
    ],
)
def test_page_and_document_say_what_an_action_is_compared_with(content, language, lines):
    counts = {"since_raised": 1, "quarters_before": 1460, "since_first": 3}
    baselines = [*({"code": code, **DAYS, "n": n} for code, n in counts.items()), None]
    outcomes = [{**OUTCOME, "baseline": baseline} for baseline in baselines]
    changed = {**content, "outcomes": [*outcomes, OUTCOME]}  # the last is of a review from before it was said
    document = Document(io.BytesIO(review_document(changed, language)))
    columns = [column.cells for table in document.tables for column in table.columns]
    (cells,) = [cells for cells in columns if cells[0].text in ("Compared with", "比较基准")]
    assert [cell.text for cell in cells[1:]] == lines
    text = review_page(changed, language)
    assert all(line in text for line in lines)
