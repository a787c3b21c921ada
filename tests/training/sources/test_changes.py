"""Changes from a system's API: all of them, once, masked, whatever happens on the way, and later only what changed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from api.cli import main
from diagnosis.store import Store
from tests.api.remote import Remote
from tests.training.sources import systems
from training.records.monitoring_files import read_changes

SYSTEMS: dict[str, Callable[[], Any]] = {
    "servicenow": lambda: systems.ServiceNow(table="change_request"),
    "jira": systems.Jira,
    "glpi": lambda: systems.Glpi(kind="Change"),
    "rt": systems.Rt,
}
QUERIES = {"jira": 'issuetype = "[System] Change"', "rt": "Queue = 'Changes'"}
USERS = {"servicenow": "faultwise", "jira": "bot@example.com"}
ASKED = {"servicenow": "sysparm_query", "jira": "nextPageToken", "glpi": "range", "rt": "query"}


def count_of(name: str) -> int:
    return systems.COUNT // 3 if name == "rt" else systems.COUNT


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.sources.caller._BACKOFF", 0.01)
    for name in (*SYSTEMS, "zammad"):
        monkeypatch.setattr(f"training.sources.{name}.PAGE", systems.PAGES[name])
        prefix = f"FAULTWISE_INTEGRATIONS__{name.upper()}__"
        monkeypatch.setenv(f"{prefix}USER", USERS.get(name, ""))
        monkeypatch.setenv(f"{prefix}TOKEN", "secret")
        monkeypatch.setenv(f"{prefix}APP_TOKEN", "app")


def words(name: str, remote: Remote, *more: str) -> list[str]:
    url = remote.url + ("/glpi" if name == "glpi" else "")
    query = ["--query", QUERIES[name]] if name in QUERIES else []
    return ["import", "--source", name, "--kind", "changes", "--url", url, "--quiet", *query, *more]


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_change_comes_once_through_refusals_and_failures(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "changes.jsonl"
    with Remote(SYSTEMS[name]().answer) as remote:
        remote.failures = [(500, {}), (429, {}, {"Retry-After": "0"}), (503, {})]
        assert main(words(name, remote, "--out", str(out), "--json")) == 0
        asked = [request.query.get("jql") or request.query.get("query") or "" for request in remote.requests]
    assert json.loads(capsys.readouterr().out)["changes"]["imported"] == count_of(name)
    assert name not in QUERIES or any(f"({QUERIES[name]})" in text for text in asked)
    changes = {change.number: change for change in read_changes(out, pytest.fail)}
    is_one_cancelled = name in ("servicenow", "glpi")
    assert len(changes) == count_of(name) - is_one_cancelled
    text = out.read_text(encoding="utf-8")
    assert "example.com" not in text, "nothing that was not asked for"
    number = {"servicenow": "INC0000007", "jira": "SP-7", "glpi": "8", "rt": "8"}[name]
    change = changes[number]
    assert (change.short_description, change.at) == ("printer 7 jams", 1_767_251_700.0)
    assert change.cmdb_ci == ("vpn-gw-2" if is_one_cancelled else "")


@pytest.mark.parametrize("name", SYSTEMS)
def test_an_import_of_changes_goes_on_where_it_was_and_later_asks_for_what_changed(name: str, tmp_path: Path) -> None:
    database, system = f"sqlite:///{tmp_path / 'f.db'}", SYSTEMS[name]()
    more = ["--database", database, "--state", str(tmp_path / "state.json")]

    def stored() -> dict[str, str]:
        store = Store.open(database)
        try:
            return {change.number: change.body["short_description"] for change in store.change_records.page(1000)}
        finally:
            store.close()

    with Remote() as remote:
        away = {"servicenow": 3, "jira": 3, "glpi": 4, "rt": 9}[name]
        remote.answer = lambda r: (403, {}) if len(remote.requests) >= away else system.answer(r)
        assert main(words(name, remote, *more)) == 1
        assert 0 < len(stored()) < count_of(name)
        remote.answer = system.answer
        assert main(words(name, remote, *more)) == 0
        assert len(stored()) == count_of(name)
        number, whole = system.change(7, "更换证书"), len(remote.requests)
        assert main(words(name, remote, *more)) == 0
        assert len(remote.requests) < 2 * whole
    assert stored()[number] == "更换证书"
    assert len(stored()) == count_of(name)


def test_a_field_of_theirs_is_read_by_its_name_and_a_row_without_a_time_is_written_down(tmp_path: Path) -> None:
    out, rejects, system = tmp_path / "changes.jsonl", tmp_path / "rejects.csv", systems.Jira()
    system.issues = system.issues[:5]
    for place, issue in enumerate(system.issues):
        issue["fields"] |= {"customfield_77": "2026-03-01T08:00:00.000+0800", "components": [{"name": "VPN"}]}
        if place == 3:
            issue["fields"] |= {"created": None, "customfield_77": None}
    with Remote(system.answer) as remote:
        mapped = ["--map", "started_at=fields.customfield_77", "--map", "cmdb_ci=fields.customfield_10050"]
        assert main(words("jira", remote, "--out", str(out), "--rejects", str(rejects), *mapped)) == 0
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [row["number"] for row in rows] == ["SP-0", "SP-1", "SP-2", "SP-4"]
    assert {(row["started_at"], row["cmdb_ci"], row["service"]) for row in rows} == {
        ("2026-03-01T00:00:00Z", "Network", "VPN")
    }
    assert "a change with a number and a readable time" in rejects.read_text(encoding="utf-8")


def test_times_that_name_no_zone_are_of_the_zone_that_is_said(tmp_path: Path) -> None:
    out = tmp_path / "changes.jsonl"
    with Remote(SYSTEMS["glpi"]().answer) as remote:
        assert main(words("glpi", remote, "--out", str(out), "--timezone", "Asia/Shanghai")) == 0
    change = next(change for change in read_changes(out, pytest.fail) if change.number == "8")
    assert change.at == 1_767_251_700.0 - 8 * 3600


def test_what_cannot_be_asked_for_changes_is_said_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--out", str(tmp_path / "changes.jsonl")]
    with Remote(systems.Jira().answer) as remote:
        for name in ("jira", "rt", "zammad"):
            assert main(["import", "--source", name, "--kind", "changes", "--url", remote.url, "--quiet", *out]) == 1
    assert main(["import", "--kind", "changes", "--incidents", "x.csv"]) == 2
    assert main(["import", "--source", "rt", "--kind", "changes", "--articles"]) == 2
    messages = capsys.readouterr().err.splitlines()
    parts = ["type of issue", "queue", "a source of changes among", "expected --source with --kind", "found both"]
    assert [part in message for part, message in zip(parts, messages, strict=True)] == [True] * 5
