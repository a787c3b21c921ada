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
    frame = pd.DataFrame({
        "number": [f"INC{i}" for i in range(300)],
        "opened_at": opened.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "short_description": "打印机离线 printer offline",
        "cmdb_ci": [f"打印机-{i}" for i in draw.integers(0, 60, 300)],
        "category": "printing",
        "service": draw.choice(["印刷", "mail"], 300),
    })  # fmt: skip
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
    verdict = json.loads(out.out)["fix"]
    assert verdict["verdict"] in {"held", "did not hold", "cannot tell yet"}
    assert verdict["signature"] == {"cmdb_ci": "打印机-35", "category": "printing"}
    assert "The fix of" in told(capsys, "--incidents", incidents, *fix)[1].out


def test_half_a_question_about_a_fix_is_refused(incidents, capsys):
    status, out = told(capsys, "--incidents", incidents, "--since", "2026-03-01")
    assert status == 1
    assert "go together" in out.err


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
