"""Changes, alerts, service map and planned work: read from files of several systems into the store."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from api.cli import main
from diagnosis.store import Store
from training.records.changes import canonical_change, is_cancelled


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("number,started_at,cmdb_ci,service,short_description", "CHG1,2026-03-02T07:00:00Z,vpn-gw-2,Remote,Renew"),
        (
            "Number,Planned start date,Configuration item,Service,Short description",
            "CHG1,2026-03-02 07:00:00,vpn-gw-2,Remote,Renew",
        ),
        ("编号,计划开始日期,配置项,服务,简短描述", "CHG1,2026-03-02 07:00:00,vpn-gw-2,Remote,Renew"),
        ("ID,打开日期,关联元素,实体,标题", "CHG1,2026-03-02 07:00,vpn-gw-2,Remote,Renew"),
    ],
)
def test_exports_of_several_systems_are_one_change(header: str, row: str, tmp_path: Path) -> None:
    path, database = tmp_path / "changes.csv", f"sqlite:///{tmp_path / 'f.db'}"
    path.write_text(f"{header}\n{row}\n", encoding="utf-8")
    assert main(["import", "--changes", str(path), "--database", database, "--quiet"]) == 0
    store = Store.open(database)
    change = store.change_records.get("CHG1")
    store.close()
    assert (change.cmdb_ci, change.service, change.body["short_description"]) == ("vpn-gw-2", "Remote", "Renew")
    assert change.at is not None
    assert change.at.isoformat() == "2026-03-02T07:00:00+00:00"


def test_what_was_cancelled_changed_nothing() -> None:
    assert (
        canonical_change({"number": "C", "state": {"value": "4", "display_value": "Canceled"}})["state"] == "Canceled"
    )
    assert is_cancelled("Canceled")
    assert is_cancelled("已取消")
    assert not is_cancelled("closed")


def test_alerts_map_and_planned_work_are_imported_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {
        "alerts": "id,started_at,ended_at,name,cmdb_ci\nA1,2026-03-02T07:00:00Z,,Disk,db-1\n"
        "A2,2026-03-02T07:05:00Z,,Disk,db-1\nA3,soon,,Disk,db-1\n",
        "service-map": "from,to,kind\nweb,db,\ndb,web,\n",
        "maintenance": "starts_at,ends_at,service\n2030-01-01T00:00:00Z,2030-01-01T02:00:00Z,Mail*\n",
    }
    database = f"sqlite:///{tmp_path / 'f.db'}"
    arguments = ["import", "--database", database, "--quiet", "--json"]
    for name, text in files.items():
        path = tmp_path / f"{name}.csv"
        path.write_text(text)
        arguments += [f"--{name}", str(path)]
    for _ in range(2):
        assert main(arguments) == 0
    output = capsys.readouterr()
    assert json.loads(output.out.splitlines()[-1])["alerts"]["imported"] == 2
    assert "1 of 3 rows have no readable started_at" in output.err
    store = Store.open(database)
    assert [alert.id for alert in store.alerts.page(9)] == ["A1"]
    assert len(store.service_links.all()) == 2
    assert len(store.maintenance.since(store.maintenance.since(store.alerts.page(1)[0].started_at)[0].starts_at)) == 1
    store.close()


def test_a_window_that_ends_before_it_starts_is_refused_with_its_row(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "maintenance.csv"
    path.write_text("starts_at,ends_at\nsoon,2030-01-01T02:00:00Z\n")
    assert main(["import", "--maintenance", str(path), "--database", f"sqlite:///{tmp_path / 'f.db'}"]) == 1
    assert "row 2: readable starts_at and ends_at were expected" in capsys.readouterr().err
