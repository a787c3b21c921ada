import json

import numpy as np
import pandas as pd
import pytest

from api.cli import main

START = pd.Timestamp("2026-01-01", tz="UTC")


@pytest.fixture
def incidents(tmp_path):
    draw = np.random.default_rng(0)
    opened = START + pd.to_timedelta(np.sort(draw.uniform(0, 100, 300)), unit="D")
    frame = pd.DataFrame(
        {
            "number": [f"INC{i}" for i in range(300)],
            "opened_at": opened.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "short_description": "打印机离线 printer offline",
            "cmdb_ci": [f"打印机-{i}" for i in draw.integers(0, 60, 300)],
            "category": "printing",
            "service": draw.choice(["印刷", "mail"], 300),
        }
    )
    file = tmp_path / "incidents.csv"
    frame.to_csv(file, index=False)
    return file


def told(capsys, *arguments):
    status = main(["recurrence", *map(str, arguments)])
    return status, capsys.readouterr()


def test_json_holds_the_rates_and_their_bands(incidents, capsys):
    status, out = told(
        capsys, "--incidents", incidents, "--by", "service", "--by", "month", "--horizons", "7,30", "--json"
    )
    answer = json.loads(out.out)
    assert status == 0
    assert answer["signature"] == ["cmdb_ci", "category"]
    assert set(answer["rates"]) == {"all", "service", "month"}
    for row in answer["rates"]["all"]:
        assert row["lower"] <= row["rate"] <= row["upper"]
        assert row["naive"] < row["rate"]
    # 60 items share 3 incidents a day, so an item breaks every 20 days.
    assert answer["rates"]["all"][1]["rate"] == pytest.approx(1 - np.exp(-30 / 20), abs=0.06)
    assert sum(row["incidents"] for row in answer["rates"]["service"] if row["days"] == 7) == 300


def test_text_says_it_to_a_person(incidents, capsys):
    status, out = told(capsys, "--incidents", incidents, "--by", "month", "--by", "service")
    assert status == 0
    assert "by month:" in out.out
    assert "印刷" in out.out
    assert "missed" in out.out


def test_a_fix_gets_its_verdict(incidents, capsys):
    fix = ("--fix", "cmdb_ci=打印机-35", "category=printing", "--since", "2026-03-01")
    status, out = told(capsys, "--incidents", incidents, *fix, "--json")
    assert (status, out.err) == (0, "")
    content = json.loads(out.out)
    verdict = content["fix"]
    assert verdict["date"] == "2026-03-01T00:00:00Z"
    assert content["as_of"].endswith("Z")
    assert verdict["verdict"] in {"held", "did not hold", "cannot tell yet"}
    assert verdict["signature"] == {"cmdb_ci": "打印机-35", "category": "printing"}
    assert "The fix of" in told(capsys, "--incidents", incidents, *fix)[1].out


def test_half_a_question_about_a_fix_is_refused(incidents, capsys):
    status, out = told(capsys, "--incidents", incidents, "--since", "2026-03-01")
    assert status == 2
    assert "go together" in out.err
    status, out = told(capsys, "--incidents", incidents, "--fix", "cmdb_ci=x", "--since", "2026-03-01")
    assert status == 1
    assert "cmdb_ci=… category=…; found cmdb_ci=…" in out.err


def test_no_dates_is_one_clear_line(tmp_path, capsys):
    file = tmp_path / "undated.csv"
    file.write_text("number,short_description,category\n1,x,a\n2,y,b\n", encoding="utf-8")
    status, out = told(capsys, "--incidents", file)
    assert status == 1
    assert "opened_at" in out.err


@pytest.mark.parametrize("wrong", [("--horizons", "7,x"), ("--target", "5"), ("--fix", "cmdb_ci")])
def test_wrong_usage_ends_with_2(incidents, wrong, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["recurrence", "--incidents", str(incidents), *wrong])
    assert ended.value.code == 2


def written(tmp_path, change):
    """Write the usual incidents after a change to them, and return the file."""
    draw = np.random.default_rng(1)
    days = np.sort(draw.uniform(0, 100, 200))
    frame = pd.DataFrame(
        {
            "number": [f"INC{i}" for i in range(200)],
            "opened_at": (START + pd.to_timedelta(days, unit="D")).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "resolved_at": (START + pd.to_timedelta(days + 0.2, unit="D")).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "short_description": "打印机离线",
            "cmdb_ci": [f"ci-{i}" for i in draw.integers(0, 50, 200)],
            "category": "printing",
        }
    )
    file = tmp_path / "changed.csv"
    change(frame).to_csv(file, index=False)
    return file


def seven_days(capsys, file, *more):
    status, out = told(
        capsys, "--incidents", file, "--signature", "cmdb_ci,category", "--horizons", "7", "--json", *more
    )
    return status, (json.loads(out.out)["rates"]["all"][0] if status == 0 else out.err)


def few(frame, column, value):
    return frame.assign(**{column: frame[column].where(np.arange(len(frame)) >= 5, value)})


@pytest.mark.parametrize(
    ("wrong", "left"),
    [
        (lambda f: few(f, "opened_at", "1899-12-31T00:00:00Z"), 195),
        (lambda f: few(f, "opened_at", "2199-01-01T00:00:00Z"), 195),
        (lambda f: few(f, "opened_at", ""), 195),
        (lambda f: few(f, "resolved_at", "2020-01-01T00:00:00Z"), 200),
        (lambda f: pd.concat([f, f[:5]], ignore_index=True), 200),
    ],
    ids=["before 1990", "in the future", "no date", "resolved before opened", "duplicate numbers"],
)
def test_a_few_bad_rows_leave_the_rate_as_it_is(tmp_path, capsys, wrong, left):
    _, clean = seven_days(capsys, written(tmp_path, lambda f: f))
    status, rates = seven_days(capsys, written(tmp_path, wrong))
    assert status == 0
    assert rates["incidents"] == left
    assert rates["rate"] == pytest.approx(clean["rate"], abs=0.03)
    assert rates["followed"] == pytest.approx(clean["followed"], abs=0.02)


def test_only_bad_dates_say_which(tmp_path, capsys):
    status, said = seven_days(
        capsys, written(tmp_path, lambda f: f.assign(opened_at="1899-12-31T00:00:00Z", resolved_at=""))
    )
    assert status == 1
    assert "opened" in said


def test_none_recur_all_recur_and_one_signature_have_rates_with_honest_bands(tmp_path, capsys):
    _, none = seven_days(capsys, written(tmp_path, lambda f: f.assign(cmdb_ci=[f"ci-{i}" for i in range(200)])))
    assert (none["rate"], none["naive"]) == (0.0, 0.0)
    assert 0 < none["upper"] < 0.05
    _, one = seven_days(capsys, written(tmp_path, lambda f: f.assign(cmdb_ci="ci-0")))
    assert one["rate"] == pytest.approx(1.0)
    assert one["lower"] < 0.1, "one fault, however often it came back, says little of others"


def test_nobody_watched_for_the_horizon_is_not_yet(tmp_path, capsys):
    status, rates = seven_days(capsys, written(tmp_path, lambda f: f), "--as-of", "2026-01-04")
    assert status == 0
    assert (rates["rate"], rates["verdict"]) == (None, "not proven")


def test_like_texts_may_be_the_signature_and_a_fix_is_named_by_the_first(tmp_path, capsys):
    said = ["打印机离线", "打印机又离线了", "磁盘空间不足"]
    file = written(tmp_path, lambda f: f.assign(short_description=[said[i % 3] for i in range(200)], cmdb_ci="ci-0"))
    fix = ("--signature", "cmdb_ci,text", "--fix", "cmdb_ci=ci-0", "text=打印机离线", "--since", "2026-03-01", "--json")
    status, out = told(capsys, "--incidents", file, *fix)
    answer = json.loads(out.out)
    assert status == 0
    assert answer["fix"]["signature"] == {"cmdb_ci": "ci-0", "text": "打印机离线"}
    assert answer["fix"]["episodes_before"] > 20
