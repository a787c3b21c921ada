"""`faultwise service-levels`: what is late, what is at risk, and what to take first."""

import json

import pytest

from api.cli import main
from tests.training.conftest import solved

ROWS = """number,opened_at,priority,short_description,state,responded_at,resolved_at,type
LATE,2026-11-27T06:00:00Z,1 - Critical,VPN down,In Progress,2026-11-27T06:30:00Z,,incident
FRESH,2026-11-27T11:00:00Z,1 - Critical,Mail slow,New,,,incident
HELD,2026-11-27T06:00:00Z,1 - Critical,Waiting,On Hold,,,incident
DONE,2026-11-27T05:00:00Z,1 - Critical,Fixed,Closed,2026-11-27T05:10:00Z,2026-11-27T06:00:00Z,incident
BACK,2026-11-27T05:00:00Z,3 - Moderate,Typing error,Closed,,2026-11-27T04:00:00Z,incident
"""


@pytest.fixture
def incidents(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # no folder of releases here
    file = tmp_path / "incidents.csv"
    file.write_text(ROWS, encoding="utf-8")
    return str(file)


def test_due_times_are_said_without_a_release(incidents, capsys) -> None:
    assert main(["service-levels", "--incidents", incidents, "--as-of", "2026-11-27T12:00:00Z", "--json"]) == 0
    written = capsys.readouterr()
    content = json.loads(written.out)
    assert content["counts"] == {"at_risk": 0, "missed": 1, "running": 2, "paused": 2}
    late = content["service_levels"][0]
    assert (late["number"], late["clock"], late["hours_left"]) == ("LATE", "restoration", -2.0)
    assert "1 row: expected a time after opened_at" in written.err
    assert "fits no incident" in written.err


def test_rules_of_a_file_count_in_place_of_the_programme_s(incidents, tmp_path, capsys) -> None:
    config = tmp_path / "settings.toml"
    config.write_text("[[service_levels.rules]]\nrestoration_hours = 100\n", encoding="utf-8")
    arguments = ["service-levels", "--incidents", incidents, "--as-of", "2026-11-27T12:00:00Z", "--config", str(config)]
    assert main([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["counts"]["missed"] == 0
    assert main(arguments) == 0
    assert "running" in capsys.readouterr().out


def test_a_release_says_how_likely_each_is_missed(incidents, models, capsys) -> None:
    arguments = ["service-levels", "--incidents", incidents, "--release", str(models)]
    assert main([*arguments, "--as-of", "2026-11-27T12:00:00Z", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    rows = content["service_levels"]
    fresh = [row for row in rows if row["number"] == "FRESH" and row["clock"] == "restoration"]
    assert all(0 <= row["probability_missed"] <= 1 for row in fresh)
    assert all(0 < row["hours"]["p50"] <= row["hours"]["p80"] for row in fresh)
    (late,) = [row for row in rows if row["standing"] == "missed"]
    assert 0 < late["hours"]["p50"] <= late["hours"]["p80"], "when it will be restored is not known by its being late"
    assert {row["hours"] for row in rows if row["standing"] == "paused"} == {None}
    first = max(rows, key=lambda row: row["gain"] or 0.0)
    named = tuple(content[f"take_first{name}"] for name in ("", "_clock", "_gain"))
    assert named == ((first["number"], first["clock"], first["gain"]) if first["gain"] else (None, None, None))


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", ("p50 h", "p80 h: hours from now")), ("zh", ("半数 h", "从现在起半数、八成在多少小时内完成"))],
)
def test_hours_are_printed_in_both_languages(incidents, models, capsys, language, words) -> None:
    arguments = ["service-levels", "--incidents", incidents, "--as-of", "2026-11-27T12:00:00Z", "--language", language]
    assert main([*arguments, "--release", str(models)]) == 0
    printed = capsys.readouterr().out
    assert all(word in printed for word in words)
    assert main(arguments) == 0
    assert words[1] not in capsys.readouterr().out, "without a release none is known"


def test_a_moment_before_the_end_of_what_the_release_learned_from_is_warned_of(incidents, models, capsys) -> None:
    listed = ["service-levels", "--incidents", incidents, "--release", str(models), "--as-of"]
    assert main([*listed, "2026-11-27T12:00:00Z"]) == 0
    assert "knows of outcomes" not in capsys.readouterr().err
    assert main([*listed, "2024-01-01"]) == 0
    assert "later than 2024-01-01 00:00: its probabilities are too good" in capsys.readouterr().err


def test_a_release_that_no_clock_could_be_learned_of_keeps_its_rules(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    config, diagnoses = tmp_path / "settings.toml", tmp_path / "diagnoses.jsonl"
    rules = "[[service_levels.rules]]\nresponse_hours = 3\nrestoration_hours = 9\n"
    rules += '[[service_levels.rules]]\nservice = "Fax"\nresponse_hours = 1\n'
    config.write_text("encoder_steps = 20\naudit = false\nevaluate = false\n" + rules, encoding="utf-8")
    rows = solved(60).assign(resolved_at=None, closed_at=None, responded_at=None)
    rows.to_csv(tmp_path / "incidents.csv", index=False)
    train = [
        "train",
        "--incidents",
        "incidents.csv",
        "--target",
        "category",
        "--config",
        str(config),
        "--out",
        "models",
    ]
    assert main(train) == 0
    written = capsys.readouterr()
    assert "service levels were not trained" in written.err
    assert "rule 2 (service Fax: response 1 h) fits no incident" in written.err
    new = tmp_path / "new.csv"
    new.write_text("number,opened_at,short_description\nA,2026-11-27T06:00:00Z,VPN down\n", encoding="utf-8")
    assert main(["diagnose", "--release", "models", "--incidents", str(new), "--out", str(diagnoses)]) == 0
    levels = json.loads(diagnoses.read_text(encoding="utf-8"))["service_levels"]
    due = {name: (clock["due_at"], clock["probability_missed"]) for name, clock in levels.items()}
    assert due == {"response": ("2026-11-27T09:00:00Z", None), "restoration": ("2026-11-27T15:00:00Z", None)}
    listed = ["service-levels", "--incidents", str(new), "--release", "models", "--as-of", "2026-11-27T12:00:00Z"]
    capsys.readouterr()
    assert main([*listed, "--json"]) == 0
    written = capsys.readouterr()
    assert json.loads(written.out)["counts"] == {"at_risk": 0, "missed": 1, "running": 1, "paused": 0}
    assert "service levels were not trained" in written.err


def test_without_any_date_it_says_so(tmp_path, capsys) -> None:
    file = tmp_path / "undated.csv"
    file.write_text("number,short_description\nA,VPN\n", encoding="utf-8")
    assert main(["service-levels", "--incidents", str(file)]) == 1
    assert "no incident has a date" in capsys.readouterr().err
