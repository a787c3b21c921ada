"""The verb `surges`: a replay of files says when a wave would have been announced, and bad files get clear errors."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from api.cli import main
from benchmarks.surge_histories import DAY, START, half_year
from diagnosis.store import Store

WAVE = START + 100 * DAY + 10 * 3600


def iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


@pytest.fixture(scope="module")
def incidents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a half-year in which forty people lose one service within ten minutes."""
    rows = [
        {
            "number": arrival.number,
            "opened_at": iso(arrival.at),
            "short_description": " ".join(arrival.words),
            "caller": arrival.caller,
            **arrival.fields,
        }
        for arrival in half_year(1)[0]
    ]
    rows += [
        {
            "number": f"WAVE{place}",
            "opened_at": iso(WAVE + 15 * place),
            "short_description": "大楼门禁刷卡无反应",
            "caller": f"someone {place}",
            "service": "badge readers",
            "cmdb_ci": f"reader-{place % 8}",
        }
        for place in range(40)
    ]
    path = tmp_path_factory.mktemp("surges") / "incidents.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def surges(capsys: pytest.CaptureFixture[str], *arguments: object) -> list[dict]:
    assert main(["surges", *map(str, arguments), "--json", "--quiet"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["false_alarms_per_month"] == 1.0
    return [surge for surge in content["surges"] if any(number.startswith("WAVE") for number in surge["numbers"])]


def test_the_wave_is_announced_within_its_first_minutes(incidents: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (surge,) = surges(capsys, "--incidents", incidents)
    assert surge["kind"] == "major_incident"
    assert surge["scope"] == {"service": "badge readers"}
    assert pd.Timestamp(surge["at"]) <= pd.Timestamp(WAVE + 180, unit="s", tz="UTC")
    assert len(surge["numbers"]) == 40
    assert surge["over_at"] is not None
    assert surge["expected"] < 0.5 < surge["found"]


def test_alerts_change_and_map_are_joined_to_it(
    incidents: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alerts, changes, service_map = (tmp_path / f"{name}.csv" for name in ("alerts", "changes", "map"))
    pd.DataFrame(
        [
            {"id": f"A{i}", "started_at": iso(WAVE + i), "name": "door offline", "service": "badge readers"}
            for i in range(50)
        ]
        + [{"id": "A99", "started_at": "soon", "name": "x", "service": "y"}]
    ).to_csv(alerts, index=False)
    pd.DataFrame(
        [
            {"number": "CHG1", "started_at": iso(WAVE - 3600), "service": "badge readers", "cmdb_ci": ""},
            {"number": "CHG2", "started_at": iso(WAVE + 3600), "service": "badge readers", "cmdb_ci": ""},
        ]
    ).to_csv(changes, index=False)
    pd.DataFrame([{"from": f"reader-{i}", "to": "badge-server"} for i in range(8)]).to_csv(service_map, index=False)
    (surge,) = surges(
        capsys, "--incidents", incidents, "--alerts", alerts, "--changes", changes, "--service-map", service_map
    )
    assert surge["alerts"] == ["A0"]  # the storm is one
    assert surge["likely_change"] == "CHG1"
    assert surge["likely_item"] == "badge-server"


def test_words_say_what_a_program_reads(incidents: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["surges", "--incidents", str(incidents), "--quiet", "--zone", "Asia/Shanghai"]) == 0
    said = capsys.readouterr().out
    assert "likely major incident: service badge readers" in said
    assert "where <0.1 are usual; 40 incidents and 0 alerts in the end" in said


@pytest.mark.parametrize(
    ("text", "message"),
    [("number,short_description\nA,x\n", "surges need opened_at"), ("number,opened_at\n", "no")],
)
def test_a_history_without_dates_is_refused(
    text: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "odd.csv"
    path.write_text(text)
    assert main(["surges", "--incidents", str(path), "--quiet"]) == 1
    assert message in capsys.readouterr().err


def test_a_file_that_lacks_its_columns_is_refused(
    incidents: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "alerts.csv"
    path.write_text("alert,when\n1,2\n")
    assert main(["surges", "--incidents", str(incidents), "--alerts", str(path), "--quiet"]) == 1
    assert "a column id was expected; found alert, when" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "text", "message"),
    [
        ("--alerts", "", "a header of columns was expected; found an empty file"),
        ("--service-map", "", "a header of columns was expected; found an empty file"),
        (
            "--maintenance",
            "starts_at,ends_at\n2026-01-01T00:00Z,2026-01-02T00:00Z\n2026-01-02T00:00Z,2026-01-01T00:00Z\n",
            "row 3: ends_at was expected after starts_at",
        ),
    ],
)
def test_an_empty_file_or_a_window_set_back_is_refused_with_file_and_row(
    option: str, text: str, message: str, incidents: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "given.csv"
    path.write_text(text)
    assert main(["surges", "--incidents", str(incidents), option, str(path), "--quiet"]) == 1
    assert f"{path}: {message}" in capsys.readouterr().err


def test_one_incident_is_no_surge(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "one.csv"
    path.write_text("number,opened_at,short_description\nA,2026-01-01T00:00:00Z,x\n")
    assert main(["surges", "--incidents", str(path), "--quiet", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["surges"] == []


def test_an_unknown_zone_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["surges", "--incidents", "x", "--zone", "Mars/Olympus"])
    assert end.value.code == 2
    assert "a time zone such as Asia/Shanghai was expected" in capsys.readouterr().err


SAMPLE = Path(__file__).parents[2] / "data" / "sample"


def test_the_outages_planted_in_the_sample_are_announced_and_their_changes_and_alerts_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outages = json.loads((SAMPLE / "planted.json").read_text(encoding="utf-8"))["outages"]
    page = tmp_path / "surges.html"
    arguments = ["--incidents", SAMPLE / "incidents.csv", "--zone", "Asia/Shanghai", "--holidays", "CN", "--html", page]
    for name in ("alerts", "changes", "service-map"):
        arguments += [f"--{name}", SAMPLE / f"{name}.csv"]
    assert main(["surges", *map(str, arguments), "--json", "--quiet", "--language", "zh"]) == 0
    announced = json.loads(capsys.readouterr().out)["surges"]
    found = {}
    for place, outage in enumerate(outages):
        joined = [(len(set(surge["numbers"]) & set(outage["numbers"])), surge) for surge in announced]
        count, surge = max(joined, key=lambda pair: pair[0])
        if count >= 2:
            found[place] = surge
    sudden = [place for place, outage in enumerate(outages) if outage["within_an_hour"]]
    for place in sudden:  # those that can be told from chance by their counts
        delay = pd.Timestamp(found[place]["at"]) - pd.Timestamp(outages[place]["begun_at"])
        assert delay <= pd.Timedelta(minutes=20)
        assert len(set(found[place]["numbers"]) & set(outages[place]["numbers"])) >= 0.9 * outages[place]["incidents"]
        assert outages[place]["alert"] in ["", *found[place]["alerts"]]
        assert found[place]["likely_change"] == (outages[place]["change"] or found[place]["likely_change"])
    assert len(found) >= 0.8 * len(outages)
    others = {surge["id"] for surge in announced} - {surge["id"] for surge in found.values()}
    assert len(others) <= 18  # one a month is promised
    text = page.read_text(encoding="utf-8")
    assert "条告警，自 " in text  # Chinese marks, not ", "
    assert "疑似重大事件" in text
    assert text.count("<svg") == len([surge for surge in announced if surge["kind"] != "silence"])


def test_a_storm_of_one_alert_that_never_ends_is_one_row_and_no_surge(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begin, count = pd.Timestamp("2025-05-01", tz="UTC"), 50_000
    rows = [f"F{i},{(begin + pd.Timedelta(seconds=i)).isoformat()},DiskFull,db-1,Mail" for i in range(count)]
    rows[100], rows[40_000] = rows[40_000], rows[100]  # one comes late
    path = tmp_path / "storm.csv"
    path.write_text("\n".join(["id,started_at,name,cmdb_ci,service", *rows]), encoding="utf-8")
    database = f"sqlite:///{tmp_path / 'f.db'}"
    began = time.process_time()
    assert main(["import", "--alerts", str(path), "--database", database, "--quiet"]) == 0
    assert (time.process_time() - began) / count < 0.001
    store = Store.open(database)
    [alert] = store.alerts.page(10)
    store.close()
    assert (alert.id, alert.repeats, alert.ended_at) == ("F0", count, None)
    assert alert.latest_at == begin + pd.Timedelta(seconds=count - 1)
    incidents = tmp_path / "incidents.csv"
    history = [f"I{day},{(begin + pd.Timedelta(days=day - 30)).isoformat()},slow,Mail" for day in range(32)]
    incidents.write_text("\n".join(["number,opened_at,short_description,service", *history]), encoding="utf-8")
    capsys.readouterr()
    assert main(["surges", "--incidents", str(incidents), "--alerts", str(path), "--quiet", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["surges"] == []
