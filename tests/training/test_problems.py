"""The verb `problems` on the sample history, and on small ones of which it is known what is in them."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from api.cli import main
from api.problems.computing import compute_problems
from diagnosis.problems import ProblemContext
from diagnosis.records import IncidentRecords
from training.records import load_incidents

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


def later_and_known(tmp_path):
    """Return a file of incidents, and one of what was known of them on 2026-03-01: no item, one fix, and some open."""
    head = "number,opened_at,resolved_at,cmdb_ci,service,category,knowledge,short_description\n"
    past = [f"A{i},2026-02-{i + 1:02}T08:00Z,{{}},,mail,app,{{}},mail {'ab'[i % 2]} queue stuck\n" for i in range(20)]
    ends = [f"2026-02-{i + 1:02}T09:00Z" if i < 5 else "2026-03-09T09:00Z" for i in range(20)]
    fixes = ["KB1" if i < 5 else "KB9" for i in range(20)]
    later = [f"B{i},2026-03-{i + 1:02}T08:00Z,,gw-{i % 3},vpn,network,,vpn tunnel drops\n" for i in range(30)]
    whole, known = tmp_path / "whole.csv", tmp_path / "known.csv"
    rows = [row.format(end, fix) for row, end, fix in zip(past, ends, fixes, strict=True)]
    whole.write_text(head + "".join(rows + later), encoding="utf-8")
    by_then = [
        row.format(*((end, fix) if end < "2026-03" else ("", "")))
        for row, end, fix in zip(past, ends, fixes, strict=True)
    ]
    known.write_text(head + "".join(by_then), encoding="utf-8")
    return whole, known


def test_nothing_later_is_looked_at(capsys, tmp_path):
    contents = []
    for file in later_and_known(tmp_path):
        assert main(["problems", "--incidents", str(file), "--as-of", "2026-03-01", "--json", "--quiet"]) == 0
        contents.append(json.loads(capsys.readouterr().out))
    assert contents[0] == contents[1]
    assert {problem["known_fix"] for problem in contents[0]["problems"]} == {"KB1"}


def test_problems_of_an_earlier_moment_are_those_that_the_service_would_have_found(tmp_path):
    reports = []
    for file in later_and_known(tmp_path):
        records = IncidentRecords(load_incidents(file).frame)
        moment = pd.Timestamp("2026-03-01", tz="UTC")
        computed = compute_problems(records, None, 90, ProblemContext(), lambda: False, as_of=moment)
        reports.append((computed.report.problems, computed.report.signature))
    assert reports[0] == reports[1]


def test_incidents_without_a_date_are_refused_though_other_times_are_known(capsys, tmp_path):
    rows = ["number,short_description,cmdb_ci,updated_at"] + [f"I{i},jam,prn-1,2026-01-0{i}" for i in range(1, 6)]
    for column in ("responded_at", "resolved_at", "updated_at"):
        text = "\n".join(rows).replace("updated_at", column)
        (tmp_path / "undated.csv").write_text(text, encoding="utf-8")
        assert main(["problems", "--incidents", str(tmp_path / "undated.csv"), "--quiet"]) == 1
        assert "problems need opened_at; no incident has a date" in capsys.readouterr().err


def test_wrong_usage_is_told(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["problems", "--incidents", str(SAMPLE), "--horizon", "-3"])


def small_history(tmp_path, days, name="small.csv", hours=5):
    """Write a history of 300 days: a printer that fails on these, resolved after some hours, and single faults."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    rows = [("打印机卡纸", "prn-1", day) for day in days] + [(f"thing {n} broke", f"ci-{n}", 12 * n) for n in range(26)]
    lines = ["number,opened_at,resolved_at,short_description,cmdb_ci"]
    for place, (words, item, day) in enumerate(rows):
        opened = start + timedelta(days=day)
        resolved = "" if hours is None else (opened + timedelta(hours=hours)).isoformat()
        lines.append(f"I{place},{opened.isoformat()},{resolved},{words},{item}")
    path = tmp_path / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


MEASURES = """title,problem,numbers,kind,owner,due,done_at
换搓纸轮,PRN-1,,replacement,运维组,2026-06-30,2026-05-31
Clean it,,I0 I1,fix,,,2026-10-25
Too early,打印机卡纸,,fix,,,2020-01-01
Next year,prn-1,,training,HR,2027-01-31,
Lost,Pnone,,fix,,,2026-05-31
Hire people,,,staffing,HR,2026-12-31,
"""


def test_actions_of_a_file_are_judged_and_one_that_cannot_be_says_why_or_when(capsys, tmp_path):
    table = tmp_path / "measures.csv"
    table.write_text(MEASURES, encoding="utf-8")
    history = small_history(tmp_path, range(0, 150, 5))  # every fifth day, and never again after the measure
    words = ["problems", "--incidents", str(history), "--actions", str(table)]
    assert main([*words, "--json"]) == 0
    measures = {measure["title"]: measure for measure in json.loads(capsys.readouterr().out)["actions"]}
    assert measures.keys() == {"换搓纸轮", "Clean it", "Too early", "Next year", "Lost"}
    held = measures["换搓纸轮"]
    assert (held["verdict"], held["kind"], held["owner"]) == ("held", "replacement", "运维组")
    assert held["result"]["incidents"]["happened"] == 0
    assert held["result"]["hours"]["saved"] > 100
    assert measures["Clean it"]["problem"] == held["problem"]
    assert measures["Clean it"]["verdict"] == "cannot tell yet"
    assert [measures[name]["unjudged"] for name in ("Too early", "Next year", "Lost")] == [
        "outside",
        "not done",
        "no such problem",
    ]
    page = tmp_path / "page.html"
    assert main([*words, "--html", str(page)]) == 0
    printed, shown = capsys.readouterr().out, page.read_text(encoding="utf-8")
    for text in ("it held", "cannot tell yet", "cannot be judged", "2026-01-01", "there is no such problem"):
        assert text in printed
        assert text in shown


def test_what_is_printed_is_chinese_if_asked_for(capsys, tmp_path):
    table = tmp_path / "measures.csv"
    table.write_text(MEASURES.replace("Clean it", "清洁"), encoding="utf-8")
    history, page = small_history(tmp_path, range(0, 300, 5)), tmp_path / "page.html"
    words = ["--actions", str(table), "--html", str(page), "--language", "zh", "--quiet"]
    assert main(["problems", "--incidents", str(history), *words]) == 0
    printed = capsys.readouterr()
    for text in ("未见效", "可预防", "平稳", "没有此问题", "起事件"):
        assert text in printed.out
    english = re.compile(r"\b[A-Za-z]{2,}(?: [a-z]{2,}){2,}")
    assert english.search(printed.out + printed.err) is None
    assert (
        english.search(re.sub(r"<style>.*?</style>|<[^>]*>", " ", page.read_text(encoding="utf-8"), flags=re.S)) is None
    )


@pytest.mark.parametrize(("language", "words"), [("en", ("1 incident,", "one incident alone")), ("zh", ("1 起事件",))])
def test_one_incident_is_no_problem_and_an_empty_table_says_why(capsys, tmp_path, language, words):
    path = tmp_path / "one.csv"
    path.write_text("number,opened_at,short_description\n1,2026-01-01,Printer jam\n", encoding="utf-8")
    assert main(["problems", "--incidents", str(path), "--quiet", "--language", language]) == 0
    printed = capsys.readouterr().out
    assert all(text in printed for text in words)
    assert "--all" in printed
    assert "80" not in printed


def test_one_that_is_left_out_is_counted_as_one_and_without_resolutions_hours_are_said_to_be_unknown(capsys, tmp_path):
    history = small_history(tmp_path, range(0, 150, 5), hours=None)
    with history.open("a", encoding="utf-8") as stream:
        stream.write("I99,,,no date,prn-1\n")
    assert main(["problems", "--incidents", str(history), "--quiet"]) == 0
    printed = capsys.readouterr()
    assert "1 incident left out: without opened_at" in printed.err
    assert "hours are not known" in printed.out


@pytest.mark.parametrize("verb", ["problems", "knowledge"])
def test_a_file_without_its_option_is_refused_with_the_option_that_it_needs(capsys, verb):
    with pytest.raises(SystemExit, match="2"):
        main([verb, str(SAMPLE)])
    assert f"did you mean --incidents {SAMPLE}?" in capsys.readouterr().err
