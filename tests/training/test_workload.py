"""`faultwise workload`: what will be logged, closed and open in the coming weeks."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from api.cli import main
from diagnosis.incident import IncidentBatch
from diagnosis.workload import forecast_workload
from training.records import load_incidents
from training.reports.workload_page import workload_page

NOW = "2026-06-01T00:00:00Z"


@pytest.fixture(scope="module")
def incidents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty weeks of ten incidents a day, closed within the day by one group and not at all by the other of late."""
    rng, start, rows = np.random.default_rng(0), datetime(2026, 1, 12, tzinfo=UTC), []
    for day in range(140):
        for place in range(rng.poisson(10)):
            opened = start + timedelta(days=day, hours=float(rng.uniform(0, 20)))
            is_left = place % 2 and day > 110
            end = "" if is_left else (opened + timedelta(hours=3)).isoformat()
            rows.append(f"N{day}-{place},{opened.isoformat()},{end},{('Network', 'Mail')[place % 2]},mail is slow")
    file = tmp_path_factory.mktemp("workload") / "incidents.csv"
    file.write_text(
        "number,opened_at,resolved_at,assignment_group,short_description\n" + "\n".join(rows), encoding="utf-8"
    )
    return file


def test_a_program_reads_desk_and_groups(incidents: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["workload", "--incidents", str(incidents), "--as-of", NOW, "--horizon", "14", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert (content["horizon_days"], content["zone"], len(content["desk"]["days"])) == (14, "UTC", 15)
    assert [week["first"] for week in content["desk"]["weeks"]] == ["2026-06-01", "2026-06-08"]
    assert 55 < content["desk"]["weeks"][0]["logged"]["expected"] < 85
    first, second = content["groups"]
    assert (first["assignment_group"], first["trend"], second["trend"]) == ("Mail", "growing", "steady")
    low, high = first["days"][-1]["backlog"]["interval"]
    assert first["open_now"] < low < high


def test_words_say_the_same(incidents: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["workload", "--incidents", str(incidents), "--as-of", NOW]) == 0
    text = capsys.readouterr().out
    assert "2026-06-01 to 06-07" in text
    assert "growing" in next(line for line in text.splitlines() if line.startswith("Mail"))


@pytest.mark.parametrize(("language", "words"), [("en", ("Workload", "growing")), ("zh", ("工作量预测", "增加"))])
def test_a_page_opens_anywhere(
    incidents: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], language: str, words: tuple[str, str]
) -> None:
    page = tmp_path / "workload.html"
    arguments = ["workload", "--incidents", str(incidents), "--as-of", NOW, "--html", str(page)]
    assert main([*arguments, "--language", language]) == 0
    html = page.read_text(encoding="utf-8")
    assert all(word in html for word in words)
    assert html.count("<svg") == 2
    assert "src=" not in html


def test_names_of_groups_are_escaped(incidents: Path) -> None:
    frame = load_incidents([incidents]).frame
    batch = IncidentBatch.from_frame(frame.assign(assignment_group="<script>x</script>"))
    assert "<script>x" not in workload_page(forecast_workload(batch, datetime(2026, 6, 1, tzinfo=UTC)))


@pytest.mark.parametrize(
    ("rows", "options", "status", "message"),
    [
        ("A,,,Mail,x", [], 1, "no incident has a date"),
        ("A,2026-05-01T00:00:00Z,,Mail,x", ["--holidays", "XX"], 1, "holidays"),
        ("A,2026-05-01T00:00:00Z,,Mail,x", ["--zone", "Mars"], 1, "time zone"),
        ("A,2026-05-01T00:00:00Z,,Mail,x", ["--as-of", "2026-04-01"], 1, "logged by the given moment"),
        ("A,2026-05-01T00:00:00Z,,Mail,x\nB,,,Mail,x", [], 0, "want of opened_at: 1 of 2 incidents"),
        ("A,2026-05-01T00:00:00Z,,Mail,x", [], 0, "mostly assumed"),
    ],
)
def test_what_cannot_be_used_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rows: str, options: list[str], status: int, message: str
) -> None:
    file = tmp_path / "incidents.csv"
    file.write_text(f"number,opened_at,resolved_at,assignment_group,short_description\n{rows}\n", encoding="utf-8")
    assert main(["workload", "--incidents", str(file), *options]) == status
    assert message in capsys.readouterr().err


def test_a_horizon_out_of_range_is_wrong_usage(incidents: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["workload", "--incidents", str(incidents), "--horizon", "999"])
    assert stopped.value.code == 2
    assert "1 to 120" in capsys.readouterr().err
