"""The verb `knowledge` on histories of no, one and few incidents, and on more than it looks for articles to."""

import json
from pathlib import Path

import pandas as pd
import pytest

from api.cli import main
from tests.history import incidents

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample"
ARTICLES = SAMPLE / "knowledge.csv"


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    """Return how to write the last incidents of the sample into a file."""
    frame = pd.read_csv(SAMPLE / "incidents.csv", dtype=str, keep_default_na=False).tail(40)

    def write(count: int) -> Path:
        path = tmp_path_factory.mktemp("few") / "incidents.csv"
        frame.tail(count).iloc[:count].to_csv(path, index=False)
        return path

    return write


def judged(capsys, file, *options):
    assert main(["knowledge", "--incidents", str(file), "--knowledge", str(ARTICLES), "--quiet", *options]) == 0
    return capsys.readouterr()


@pytest.mark.parametrize("count", [0, 1, 5])
def test_few_incidents_judge_what_needs_none(capsys, few, tmp_path, count):
    out, page = tmp_path / "covered.jsonl", tmp_path / "knowledge.html"
    said = judged(capsys, few(count), "--json", "--as-of", "2026-11-01", "--out", str(out), "--html", str(page))
    health = json.loads(said.out)
    assert (health["incidents"], len(out.read_text(encoding="utf-8").splitlines())) == (count, count)
    assert health["gaps"] == []  # one of a kind is none
    assert health["form"]
    assert health["duplicates"]
    assert health["untranslated"]
    assert {reason["code"] for entry in health["stale"] for reason in entry["reasons"]} >= {"stale_expired"}
    assert ("no incident" in said.err) == (count == 0)
    assert page.stat().st_size > 1000


def test_nothing_later_than_the_moment_is_looked_at(capsys, few, tmp_path):
    known_later, out = few(40), tmp_path / "covered.jsonl"
    frame = pd.read_csv(known_later, dtype=str, keep_default_na=False)
    moment = sorted(frame["opened_at"])[20]
    known = frame[frame["opened_at"] <= moment]
    open_still = (known["resolved_at"] > moment) | (known["resolved_at"] == "")
    later = [name for name in ("resolved_at", "closed_at", "responded_at", "reopened_at") if name in known]
    blank = {name: known[name].where(known[name] <= moment, "") for name in later}
    outcome = [name for name in ("state", "close_code", "close_notes", "knowledge", "satisfaction") if name in known]
    known = known.assign(**blank, **{name: known[name].mask(open_still, "") for name in outcome})
    known.to_csv(tmp_path / "known.csv", index=False)
    options = ("--json", "--as-of", moment, "--out", str(out))
    contents = [
        (json.loads(judged(capsys, file, *options).out), out.read_text(encoding="utf-8"))
        for file in (known_later, tmp_path / "known.csv")
    ]
    assert contents[0] == contents[1]
    assert len(contents[0][1].splitlines()) == len(known)


def test_a_gap_names_the_problem_of_its_incidents(capsys, tmp_path):
    past = incidents()
    end = pd.to_datetime(past["opened_at"], utc=True).max()
    rows = [
        {
            "number": f"AQUARIUM-{place}",
            "short_description": "The aquarium on floor nine leaks at its pump",
            "cmdb_ci": "aquarium-1",
            "category": "facilities",
            "opened_at": end - pd.Timedelta(days=3 * place + 1),
        }
        for place in range(12)
    ]
    file = tmp_path / "incidents.csv"
    pd.concat([past, pd.DataFrame(rows)]).to_csv(file, index=False)
    gaps = [gap for gap in json.loads(judged(capsys, file, "--json").out)["gaps"] if "AQUARIUM-0" in gap["numbers"]]
    assert [bool(gap["problem"]) for gap in gaps] == [True]
    assert main(["problems", "--incidents", str(file), "--all", "--json"]) == 0
    problems = json.loads(capsys.readouterr().out)["problems"]
    assert gaps[0]["problem"] in {problem["id"] for problem in problems if "AQUARIUM-0" in problem["numbers"]}


def test_an_article_is_looked_for_to_the_newest_and_every_incident_has_its_line(capsys, few, tmp_path):
    out, file = tmp_path / "covered.jsonl", few(40)
    said = judged(capsys, file, "--newest", "10", "--out", str(out))
    assert "newest 10 incidents" in said.err
    lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    frame = pd.read_csv(file, dtype=str, keep_default_na=False)
    assert [line["number"] for line in lines] == frame["number"].tolist()
    newest = set(frame.sort_values("opened_at", kind="stable")["number"].tail(10))
    assert {line["number"] for line in lines if line["nearest"] is not None} <= newest
