"""The verb `review` on the sample history, and what it says of what it cannot use."""

import json
from pathlib import Path

import pandas as pd
import pytest

from api.cli import main
from diagnosis.review import Quarter, ReviewHistory
from diagnosis.review.definitions import BY_NAME
from training.records import load_incidents
from training.records.action_files import read_actions
from training.review import review_settings
from training.settings import load_settings

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


def test_of_exports_that_overlap_the_later_says_how_a_record_ended(capsys, tmp_path):
    head = "number,opened_at,resolved_at,closed_at,cmdb_ci,category,short_description\n"
    (tmp_path / "june.csv").write_text(f"{head}I1,2026-04-05,,,a,x,one\nI2,2026-04-06,,,b,x,two\n")
    (tmp_path / "july.csv").write_text(f"{head}I1,2026-04-05,2026-04-06,2026-04-07,a,x,one\nI3,2026-05-06,,,c,x,new\n")
    files = [str(tmp_path / f"{name}.csv") for name in ("june", "july")]
    assert main(["review", "--incidents", *files, "--as-of", "2026-07-01", "--quiet", "--json"]) == 0
    output = capsys.readouterr()
    content = json.loads(output.out)
    assert content["records"]["quarter"] == 3
    closure = next(measure for measure in content["measures"] if measure["name"] == "closure")
    assert closure["value"] == pytest.approx(1 / 3)
    assert "number repeated" in output.err


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


def test_what_is_left_out_and_what_is_wrong_is_said_in_the_language_that_was_asked_for(capsys, tmp_path):
    alerts = tmp_path / "alerts.csv"
    alerts.write_text("id,started_at,service\nA1,2026-09-01 10:00,CRM\nA2,,CRM\n", encoding="utf-8")
    assert main([*BASE, "--language", "zh", "--alerts", str(alerts)]) == 0
    assert "警告：" in capsys.readouterr().err
    assert main([*BASE, "--language", "zh", "--zone", "Atlantis"]) == 1
    assert "时区应写作 Asia/Shanghai 这样" in capsys.readouterr().err


def test_a_release_judges_which_incidents_an_article_answers(capsys, models):
    assert main([*BASE, "--json", "--release", str(models)]) == 0
    coverage = next(m for m in json.loads(capsys.readouterr().out)["measures"] if m["name"] == "coverage")
    assert coverage["n"] <= 400
    if coverage["verdict"] != "not recorded":  # a release that has learned from too few does not say
        assert 0 <= coverage["interval"][0] <= coverage["value"] <= coverage["interval"][1] <= 1


def test_the_clocks_are_those_of_the_verb_service_levels(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # no release gives rules of its own
    config = tmp_path / "faultwise.toml"
    config.write_text(
        '[service_levels]\ncalendar = { zone = "Asia/Shanghai", from = "09:00", to = "18:00", holidays = "CN" }\n'
        '[[service_levels.rules]]\ntype = "incident"\npriority = ["1", "2"]\n'
        "response_hours = 1\nrestoration_hours = 8\n"
        '[[service_levels.rules]]\ntype = ["incident", "request"]\nresponse_hours = 2\nrestoration_hours = 60\n'
        '[review]\nzone = "Asia/Shanghai"\n',
        encoding="utf-8",
    )
    options = ["--incidents", SAMPLE, "--as-of", "2026-09-30T14:00:00Z", "--config", str(config), "--json"]
    assert main(["service-levels", *options]) == 0
    open_clocks = json.loads(capsys.readouterr().out)["service_levels"]
    assert main(["review", *options, "--quiet", "--quarter", "2026Q3"]) == 0
    review = json.loads(capsys.readouterr().out)
    assert [rule["response_hours"] for rule in review["rules"]] == [1, 2]
    waiting = {
        name: [c for c in open_clocks if (c["type"], c["clock"]) == of and c["standing"] != "missed"]
        for name, of in (
            ("restoration", ("incident", "restoration")),
            ("response_in_time", ("incident", "response")),
            ("requests", ("request", "response")),
        )
    }
    assert waiting["restoration"]
    for measure in review["measures"]:
        if measure["name"] in waiting:
            assert measure["n_open"] == len(waiting[measure["name"]]), measure["name"]
    missed = {c["number"] for c in open_clocks if c["standing"] == "missed" and c["clock"] == "restoration"}
    frame = load_incidents(Path(SAMPLE)).frame
    history = ReviewHistory.read(
        frame,
        review_settings(config, None),
        as_of=pd.Timestamp("2026-09-30T14:00:00Z"),
        rules=load_settings(config).service_levels,
    )
    samples = [history.sample("restoration", Quarter.parse(name)) for name in ("2026Q1", "2026Q2", "2026Q3")]
    late = {
        history.frame["number"][row]
        for sample in samples
        for row in sample.rows[(sample.duration > sample.limit) & ~sample.happened]
    }
    incidents = {number for number in missed if frame.set_index("number")["type"][number] == "incident"}
    assert late == incidents


def test_without_rules_the_programmes_count_and_a_table_that_is_none_is_refused(capsys, tmp_path):
    assert main([*BASE, "--json"]) == 0
    rules = json.loads(capsys.readouterr().out)["rules"]
    assert {rule["type"][0]: rule["response_hours"] for rule in rules} == {
        "incident": 2,
        "request": 48,
        "complaint": 24,
    }
    config = tmp_path / "faultwise.toml"
    config.write_text("service_levels = 3\n", encoding="utf-8")
    assert main([*BASE, "--config", str(config)]) == 1
    assert "service_levels: expected a table" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("quarter", "english", "chinese"),
    [
        (
            "2030Q1",
            "2030Q1 has not begun: the records are known up to 2026-10-31",
            "2030Q1 尚未开始：记录截至 2026-10-31",
        ),
        ("1999Q1", "no record was opened in 1999Q1", "1999Q1 没有登记任何记录；现有记录从 2025-05-02 到 2026-10-31"),
        ("2026Q7", "a quarter such as 2026Q3 was expected, '2026Q7' found", "季度应写作 2026Q3 这样，而不是“2026Q7”"),
    ],
)
def test_a_quarter_that_cannot_be_reviewed_is_refused_in_both_languages(capsys, quarter, english, chinese):
    for language, said in (("en", english), ("zh", chinese)):
        assert main([*BASE, "--language", language, "--quarter", quarter]) == 1
        assert said in capsys.readouterr().err


def measures_of(capsys, *options):
    assert main([*BASE, "--json", "--quarter", "2026Q3", *options]) == 0
    content = json.loads(capsys.readouterr().out)
    return content, {measure["name"]: measure for measure in content["measures"]}


def test_alerts_say_which_outages_were_warned_of(capsys):
    planted = json.loads(Path(SAMPLE).with_name("planted.json").read_text(encoding="utf-8"))["outages"]
    warned = {frozenset(outage["numbers"]) for outage in planted if outage["alert"]}
    files = [str(Path(SAMPLE).with_name(f"{name}.csv")) for name in ("alerts", "changes")]
    content, measures = measures_of(capsys, "--alerts", files[0], "--changes", files[1])
    outages = content["outages"]
    in_quarter = [outage for outage in planted if "2026-06-30T16" <= outage["begun_at"] < "2026-09-30T16"]
    assert measures["warnings"]["n"] == len(outages) >= len(in_quarter) - 2
    for outage in outages:
        assert outage["warned"] == any(set(outage["numbers"]) & numbers for numbers in warned)
    changes = {outage["change"] for outage in in_quarter if outage["change"]}
    assert changes & {outage["change"] for outage in outages}
    spots = {entry["values"]["service"] for entry in content["proposals"] if entry["code"] == "monitor"}
    assert spots
    assert not spots & {outage["service"] for outage in outages if outage["warned"]}


def test_without_alerts_articles_and_store_it_is_said_what_was_not_recorded(capsys):
    content, measures = measures_of(capsys)
    for name in ("deflection", "automatic", "automatic_right", "coverage", "warnings"):
        assert measures[name]["verdict"] == "not recorded"
    assert content["outages"] is content["gaps"] is None


def test_actions_of_a_file_are_judged(capsys, tmp_path):
    planted = json.loads(Path(SAMPLE).with_name("planted.json").read_text(encoding="utf-8"))
    fixed = next(chronic for chronic in planted["chronic"] if chronic["trend"] == "fixed")
    path = tmp_path / "actions.csv"
    path.write_text(
        "title,measure,done_at,team,numbers,source_kind\n"
        "Answer mail faster,response,2026-05-15,Messaging,,\n"
        f"Replace what was fixed,,{fixed['fixed_on']},,{' '.join(fixed['numbers'][:3])},problem\n"
        "Say sorry,complaints,2026-09-01,,,\n",
        encoding="utf-8",
    )
    content, _ = measures_of(capsys, "--actions", str(path))
    told = {entry["title"]: entry for entry in content["outcomes"]}
    assert told["Answer mail faster"]["verdict"] == "did not hold"
    # Three episodes where nine were usual: the 95 % interval of their ratio ends at .9986, and 99 % are asked for.
    assert (told["Replace what was fixed"]["verdict"], told["Replace what was fixed"]["until"][:4]) == (
        "cannot tell yet",
        "2027",
    )
    assert told["Replace what was fixed"]["ratio"][1] < 1
    assert (told["Say sorry"]["verdict"], told["Say sorry"]["until"]) == ("cannot tell yet", "2027-01-01")
    assert {action["title"] for action in content["actions"]} == set(told)


def test_hours_of_a_file_are_held_against_what_is_expected(capsys, tmp_path):
    path, config = tmp_path / "hours.csv", tmp_path / "faultwise.toml"
    path.write_text("assignment_group,hours\nWorkplace Support,1\nMessaging,500\n", encoding="utf-8")
    config.write_text('[review]\nhours_per_record = 2\nholidays = "CN"\n', encoding="utf-8")
    content, _ = measures_of(capsys, "--hours", str(path), "--config", str(config))
    teams = {team["team"]: team for team in content["workload"]["teams"]}
    assert teams["Workplace Support"]["fit"] == "short"
    assert teams["Messaging"]["fit"] == "enough"
    assert teams["Service Desk"]["available"] is None
    assert "Workplace Support" in {e["values"].get("team") for e in content["proposals"] if e["code"] == "staff"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--alerts", "nowhere.csv"], "nowhere.csv"),
        (["--alerts", SAMPLE], "a column id was expected"),
        (["--actions", "nowhere.csv"], "nowhere.csv"),
        (["--actions", SAMPLE], "title"),
        (["--hours", "nowhere.csv"], "nowhere.csv"),
        (["--hours", SAMPLE], "a column hours was expected"),
        (["--knowledge", "nowhere.csv"], "nowhere.csv"),
        (["--from-store", "sqlite:///nowhere.db"], "found both"),
    ],
)
def test_files_that_cannot_be_used_end_with_one_line(capsys, options, words):
    assert main([*BASE, *options]) == (2 if words == "found both" else 1)
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


def test_the_programme_is_printed_and_its_table_is_read_as_actions(capsys, tmp_path):
    path = tmp_path / "plan.csv"
    assert main(["review", "--programme", "2031Q4", "--language", "zh", "--csv", str(path)]) == 0
    assert "2031-10-31  服务经理：" in capsys.readouterr().out
    planned = read_actions(path, tuple(BY_NAME))
    assert len(planned) >= 12
    assert {action.status for action in planned} == {"open"}
    assert all(action.owner and action.due and action.source == "programme" for action in planned)
    assert main(["review", "--programme", "2031Q4", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["actions"]) == len(planned)
    assert main(["review", "--programme", "soon"]) == 1
    assert "soon" in capsys.readouterr().err
