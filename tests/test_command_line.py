"""The command line as its users meet it: each verb in a process of its own or as `main`, on a real release."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from api.cli import VERBS, main
from diagnosis.releases import Releases
from tests.history import articles, incidents


def run(*arguments: object) -> int:
    return main([str(a) for a in arguments])


@pytest.fixture
def later(tmp_path: Path) -> Path:
    """Return a file of later incidents, out of order, with an empty one, a repeated one and one that knows too much."""
    rows = incidents(40, seed=5)
    rows["number"] = "NEW" + rows["number"]
    rows["opened_at"] = (pd.to_datetime(rows["opened_at"]) + pd.Timedelta(days=150)).astype(str)
    odd = pd.DataFrame([{"number": "EMPTY"}, {"number": "NEWINC000003", "description": "repeated number"}])
    path = tmp_path / "later.csv"
    pd.concat([rows.iloc[::-1], odd]).to_csv(path, index=False)
    return path


def test_help_names_every_verb_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        run("--help")
    assert end.value.code == 0
    shown = capsys.readouterr().out
    for verb in VERBS:
        assert re.search(rf"^    {verb}\s", shown, re.MULTILINE)
        with pytest.raises(SystemExit) as end:
            run(verb, "--help")
        assert end.value.code == 0
        assert f"faultwise {verb}" in capsys.readouterr().out.split("example:")[1]


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        ["trian"],
        ["train", "--seed", "x"],
        ["search", "--k", "0"],
        ["diagnose"],
        ["tune", "--minutes", "long"],
        ["diagnose", "--incidents", "x", "--out", "x", "--jobs", "0"],
    ],
)
def test_wrong_usage_is_status_2(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        run(*wrong)
    assert end.value.code == 2
    assert not re.search(r"invalid _\w+ value", capsys.readouterr().err), "a name of ours says nothing"


def test_options_that_miss_one_another_are_status_2_and_one_line_in_both_languages(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for wrong in (
        ["import"],
        ["import", "--kind", "changes"],
        ["import", "--source", "rt", "--incidents", "x.csv"],
        ["export"],
        ["train", "--out", str(tmp_path)],
        ["audit", "--incidents", "x.csv", "--from-store"],
        ["recurrence", "--incidents", "x.csv", "--since", "2026-01-01"],
    ):
        assert run(*wrong) == 2, wrong
        english = capsys.readouterr().err
        assert run(*wrong, "--language", "zh") == 2, wrong
        chinese = capsys.readouterr().err
        assert len(english.splitlines()) == len(chinese.splitlines()) == 1
        assert re.search("[一-鿿]", chinese), chinese


def test_what_cannot_be_done_is_status_1_and_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("train", "--incidents", tmp_path / "no.csv", "--out", tmp_path) == 1
    assert run("diagnose", "--release", tmp_path, "--incidents", tmp_path / "no.csv", "--out", tmp_path / "o") == 1
    assert run("publish", "nothing", "--models", tmp_path) == 1
    assert run("rollback", "--models", tmp_path) == 1
    nowhere = ("--database", f"sqlite:///{tmp_path / 'mistyped.db'}")
    assert run("export", "--incidents", tmp_path / "i.jsonl", *nowhere) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 5
    assert "mistyped.db; found no such file" in lines[4]
    assert not (tmp_path / "mistyped.db").exists()
    assert "no.csv" in lines[0]
    assert "holds no release" in lines[1]


def test_every_row_with_a_number_is_diagnosed_in_order_of_time(models: Path, later: Path, tmp_path: Path) -> None:
    out = tmp_path / "said.jsonl"
    assert run("diagnose", "--release", models, "--incidents", later, "--out", out, "--quiet") == 0
    said = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    numbers = [d["incident"] for d in said]
    assert len(numbers) == 42
    dated = [n for n in numbers if n not in ("EMPTY", "NEWINC000003")]
    assert dated == sorted(dated)
    (empty,) = [d for d in said if d["incident"] == "EMPTY"]
    assert {p["decision"] for p in empty["predictions"].values()} == {"abstained"}
    assert empty["recurrence"] is None
    assert empty["warnings"]
    # What was resolved later in the file is not known yet, what was logged earlier in it is.
    seen = {s["number"] for d in said for s in d["similar_incidents"]}
    assert any(n.startswith("NEW") for n in seen)
    for position, diagnosis in enumerate(said[:40]):
        earlier = set(numbers[:position])
        assert all(s["number"] in earlier for s in diagnosis["similar_incidents"] if s["number"].startswith("NEW"))
        assert all(not s["resolution"] for s in diagnosis["similar_incidents"] if s["number"].startswith("NEW"))


def test_later_fields_of_the_file_change_nothing(models: Path, later: Path, tmp_path: Path) -> None:
    rows = pd.read_csv(later, dtype=str, keep_default_na=False)
    rows.assign(assignment_group="x", close_notes="y", resolved_at="", reopen_count="3").to_csv(later, index=False)
    blank = tmp_path / "blank.csv"
    rows.drop(columns=["assignment_group", "close_notes", "resolved_at", "reopen_count"]).to_csv(blank, index=False)
    answers = []
    for path in (later, blank):
        out = tmp_path / f"{path.stem}.jsonl"
        assert run("diagnose", "--release", models, "--incidents", path, "--out", out, "--quiet") == 0
        said = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
        answers.append([{k: v for k, v in d.items() if k not in ("id", "created_at")} for d in said])
    assert answers[0] == answers[1]


def test_a_folder_is_no_file_to_write(models: Path, later: Path, tmp_path: Path, capsys) -> None:
    assert run("diagnose", "--release", models, "--incidents", later, "--out", tmp_path, "--quiet") == 1
    assert f"{tmp_path}: a file to write was expected" in capsys.readouterr().err


def test_search_answers_every_query_in_both_languages(models: Path, tmp_path: Path) -> None:
    queries, out = tmp_path / "q.csv", tmp_path / "hits.jsonl"
    texts = ["打印机卡纸", "printer paper jam", "", "。"]
    pd.DataFrame({"number": list("abcd"), "description": texts}).to_csv(queries, index=False)
    for corpus in ("knowledge", "incidents"):
        options = ("--queries", queries, "--in", corpus, "--k", 3, "--out", out, "--quiet")
        assert run("search", "--release", models, *options) == 0
        lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
        assert [line["query"] for line in lines] == list("abcd")
        assert [len(line["hits"]) > 0 for line in lines] == [True, True, False, False]
        for line in lines:
            scores = [hit["score"] for hit in line["hits"]]
            assert len(scores) <= 3
            assert scores == sorted(scores, reverse=True)


def test_a_knowledge_base_alone_makes_a_release_with_a_warning_for_each_thing_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    knowledge, rejects = tmp_path / "k.csv", tmp_path / "rejects.csv"
    theirs = articles().rename(columns={"title": "Betreff"})
    pd.concat([theirs, pd.DataFrame([{"number": "EMPTY"}])]).to_csv(knowledge, index=False)
    options = ("--map", "title=Betreff", "--rejects", rejects, "--out", tmp_path / "m", "--quiet", "--json")
    assert run("train", "--knowledge", knowledge, *options) == 0
    shown = capsys.readouterr()
    assert "warning: 1 row: expected text in title" in shown.err
    assert "EMPTY" in rejects.read_text(encoding="utf-8-sig")
    assert set(json.loads(shown.out)["left_out"]) == {"category", "assignment_group", "recurrence", "service_levels"}
    assert shown.err.count("warning: ") >= 3
    assert "no incident has a date" in shown.err


def test_publish_roll_back_and_list(own_models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    newest, oldest = (s.release for s in Releases(own_models).summaries())
    assert run("publish", newest, "--models", own_models, "--json") == 1
    refused = json.loads(capsys.readouterr().out)
    assert (refused["published"], refused["refused"]) == (None, True)
    assert run("publish", newest, "--models", own_models, "--force", "no slice was held out", "--json") == 0
    assert json.loads(capsys.readouterr().out)["published"] == newest
    assert run("rollback", "--models", own_models, "--reason", "wrong groups") == 0
    capsys.readouterr()
    assert run("releases", "--models", own_models, "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert [r["release"] for r in shown["releases"] if r["published"]] == [oldest]
    # The release that was taken back stays in the record, with why it was in service and why it no longer is.
    assert [entry["release"] for entry in shown["history"]] == [oldest, newest, oldest]
    assert shown["history"][1]["reason"].startswith("forced: no slice was held out")
    assert (shown["history"][2]["reason"], shown["history"][2]["rolled_back"]) == ("wrong groups", newest)
    assert run("releases", "--models", own_models) == 0
    assert f"in place of {newest}, rolled back: wrong groups" in capsys.readouterr().out
    Releases(own_models).publish(newest, "once more")
    assert run("rollback", "--models", own_models) == 0
    assert run("releases", "--models", own_models) == 0
    assert capsys.readouterr().out.endswith(f"in place of {newest}, rolled back\n")


def test_import_and_export_are_a_round_trip(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, database = tmp_path / "i.csv", f"sqlite:///{tmp_path / 'f.db'}"
    rows = incidents(30)
    rows.loc[0, "description"] = "请联系 li.wei@example.com 或 13800138000"
    pd.concat([rows, rows.head(1)]).to_csv(source, index=False)
    rejects = tmp_path / "rejects.csv"
    options = ("--incidents", source, "--rejects", rejects, "--database", database, "--quiet", "--json")
    assert run("import", *options) == 0
    counts = json.loads(capsys.readouterr().out)["incidents"]
    assert (counts["read"], counts["imported"], counts["rejected"]) == (31, 30, 1)
    assert len(rejects.read_text(encoding="utf-8").splitlines()) == 2
    out = tmp_path / "back.jsonl"
    assert run("export", "--incidents", out, "--database", database, "--quiet") == 0
    back = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [b["number"] for b in back] == sorted(rows["number"])
    assert back[0]["description"] == "请联系 <EMAIL> 或 <PHONE>"
    assert back[1]["close_notes"] == rows["close_notes"][1]


def test_a_verb_is_a_script_too(models: Path) -> None:
    asked = [sys.executable, "-m", "training.list_releases", "--models", str(models), "--json"]
    done = subprocess.run(asked, capture_output=True, text=True, check=True)
    assert len(json.loads(done.stdout)["releases"]) == 2
