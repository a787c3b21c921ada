"""The verb `review` on the sample history, and what it says of what it cannot use."""

import json
from pathlib import Path

import pytest

from api.cli import main

SAMPLE = str(Path(__file__).resolve().parents[2] / "data" / "sample" / "incidents.csv")
BASE = ["review", "--incidents", SAMPLE, "--zone", "Asia/Shanghai", "--quiet"]


def test_the_last_complete_quarter_is_printed_as_the_contract_has_it(capsys):
    assert main([*BASE, "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["quarter"] == "2026Q3"
    recurrence = content["measures"][0]
    assert recurrence["name"] == "recurrence"
    assert recurrence.keys() >= {"value", "interval", "n", "target", "verdict", "previous"}
    assert recurrence["previous"] == recurrence["compared"]["value"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_sentences_are_printed_in_both_languages(capsys, language):
    assert main([*BASE, "--language", language]) == 0
    assert "Messaging" in capsys.readouterr().out


def test_limits_and_targets_come_from_the_configuration(capsys, tmp_path):
    config = tmp_path / "faultwise.toml"
    config.write_text('[review]\nzone = "Asia/Shanghai"\n[review.targets]\nrecurrence = 0.9\n', encoding="utf-8")
    assert main(["review", "--incidents", SAMPLE, "--quiet", "--config", str(config), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["measures"][0]["verdict"] == "met"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--quarter", "2031Q1"], "has not begun"),
        (["--quarter", "2011Q1"], "no record was opened"),
        (["--quarter", "spring"], "such as 2026Q3"),
        (["--zone", "Atlantis"], "time zone"),
        (["--as-of", "1990-02-02"], "opened after as_of"),
    ],
)
def test_what_cannot_be_reviewed_ends_with_one_line(capsys, options, words):
    assert main([*BASE, *options]) == 1
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


def test_a_release_judges_which_incidents_an_article_answers(capsys, models):
    assert main([*BASE, "--json", "--release", str(models)]) == 0
    coverage = next(m for m in json.loads(capsys.readouterr().out)["measures"] if m["name"] == "coverage")
    assert coverage["n"] <= 400
    if coverage["verdict"] != "not recorded":  # a release that has learned from too few does not say
        assert 0 <= coverage["interval"][0] <= coverage["value"] <= coverage["interval"][1] <= 1
