"""The verb `problems` on the sample history."""

import json
import re
from pathlib import Path

import pytest

from api.cli import main

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample" / "incidents.csv"
FIELDS = {
    *("id", "signature", "title", "incidents", "episodes", "callers", "hours_lost", "expected_incidents", "interval"),
    *("expected_hours", "preventable_hours", "trend", "workaround_share", "known_fix", "record", "numbers"),
}


def answer(capsys, *options):
    assert main(["problems", "--incidents", str(SAMPLE), "--json", *options]) == 0
    return json.loads(capsys.readouterr().out)


def test_problems_are_printed_as_the_contract_has_them(capsys):
    content = answer(capsys, "--top", "5", "--horizon", "30")
    assert content["horizon_days"] == 30
    assert len(content["problems"]) == 5
    assert content["problems"][0].keys() >= FIELDS
    hours = [problem["preventable_hours"] for problem in content["problems"]]
    assert hours == sorted(hours, reverse=True)
    everything = answer(capsys, "--all", "--horizon", "30")["problems"]
    assert min(problem["incidents"] for problem in everything) == 1
    assert content["problems"][0] in everything


def test_a_page_and_a_table_show_the_same_problems(capsys, tmp_path):
    page = tmp_path / "problems.html"
    assert main(["problems", "--incidents", str(SAMPLE), "--top", "3", "--html", str(page)]) == 0
    printed = capsys.readouterr().out
    for problem in answer(capsys, "--top", "3")["problems"]:
        assert problem["id"] in printed
        assert problem["id"] in page.read_text(encoding="utf-8")


def test_the_page_is_there_in_chinese_with_pictures_of_the_months(capsys, tmp_path):
    page = tmp_path / "problems.html"
    assert main(["problems", "--incidents", str(SAMPLE), "--top", "2", "--html", str(page), "--language", "zh"]) == 0
    capsys.readouterr()
    text = page.read_text(encoding="utf-8")
    assert '<html lang="zh">' in text
    assert "可预防" in text
    assert "Preventable" not in text
    pictures = [label.split(", ") for label in re.findall(r'<svg[^>]*aria-label="([^"]*)"', text)]
    counted = [sum(map(int, label)) for label in pictures]
    assert counted == [problem["incidents"] for problem in answer(capsys, "--top", "2")["problems"]]


@pytest.mark.parametrize("options", [["--signature", "colour"], ["--as-of", "1995-01-01"]])
def test_what_cannot_be_done_ends_with_one_line(capsys, options):
    assert main(["problems", "--incidents", str(SAMPLE), *options]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_wrong_usage_is_told(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["problems", "--incidents", str(SAMPLE), "--horizon", "-3"])
