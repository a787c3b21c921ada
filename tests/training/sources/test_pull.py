"""Incidents from a system's API: all of them, once, masked, whatever happens on the way."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from api.cli import main
from diagnosis.store import Store
from tests.api.remote import Remote
from tests.training.sources import systems
from tests.waiting import soon
from training.records import load_incidents
from training.sources.caller import Caller, SourceError

SYSTEMS = {
    "servicenow": systems.ServiceNow,
    "jira": systems.Jira,
    "zammad": systems.Zammad,
    "glpi": systems.Glpi,
    "rt": systems.Rt,
}
USERS = {"servicenow": "faultwise", "jira": "bot@example.com"}
MODULE = {
    "servicenow": "u_module",
    "jira": "fields.customfield_10051",
    "zammad": "module",
    "glpi": "76",
    "rt": "CF.{Module}",
}
ROOT = Path(__file__).parents[3]
_SMALL_PAGES = """
import importlib, sys
importlib.import_module(f"training.sources.{sys.argv[1]}").PAGE = int(sys.argv[2])
from api.cli import main
sys.exit(main(sys.argv[3:]))
"""


def count_of(name: str) -> int:
    return systems.COUNT // 3 if name in ("zammad", "rt") else systems.COUNT


@pytest.fixture(autouse=True)
def credentials(monkeypatch):
    monkeypatch.setattr("training.sources.caller._BACKOFF", 0.01)
    for name in SYSTEMS:
        monkeypatch.setattr(f"training.sources.{name}.PAGE", systems.PAGES[name])
        prefix = f"FAULTWISE_INTEGRATIONS__{name.upper()}__"
        monkeypatch.setenv(f"{prefix}USER", USERS.get(name, ""))
        monkeypatch.setenv(f"{prefix}TOKEN", "secret")
        monkeypatch.setenv(f"{prefix}APP_TOKEN", "app")


def words(name: str, remote: Remote, out: Path, *more: str) -> list[str]:
    url = remote.url + ("/glpi" if name == "glpi" else "")
    return ["import", "--source", name, "--url", url, "--out", str(out), "--quiet", *more]


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_incident_comes_once_through_refusals_and_failures(name, tmp_path, capsys) -> None:
    out = tmp_path / "incidents.jsonl"
    with Remote(SYSTEMS[name]().answer) as remote:
        remote.failures = [(500, {}), (429, {}, {"Retry-After": "0"}), (503, {})]
        assert main(words(name, remote, out, "--keep", MODULE[name], "--json")) == 0
    counts = json.loads(capsys.readouterr().out)["incidents"]
    rows = lines(out)
    numbers = [row["number"] for row in rows]
    assert len(numbers) == len(set(numbers)) == count_of(name) == counts["imported"]
    assert "@example.com" not in out.read_text(encoding="utf-8"), "personal data is masked as in files"
    assert {row[MODULE[name]] for row in rows} == {"m0", "m1", "m2", "m3"}
    loaded = load_incidents(out)
    assert loaded.counts.rejected == loaded.counts.blanked == 0
    place = int(loaded.frame["number"].iloc[3].rpartition("-")[2].removeprefix("INC").removeprefix("10"))
    place -= name in ("glpi", "rt")
    row = loaded.frame.iloc[3]
    assert row["short_description"] == systems.words(place)[0]
    assert f"{row['opened_at']:%Y-%m-%d %H:%M:%S}" == systems.opened(place)
    assert "<EMAIL>" in row["description"]
    assert {path.name for path in tmp_path.iterdir()} >= {"incidents.jsonl", "incidents.jsonl.state.json"}
    assert not (tmp_path / "incidents.jsonl.part").exists()


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_second_import_reads_what_changed(name, tmp_path) -> None:
    system, out = SYSTEMS[name](), tmp_path / "incidents.jsonl"
    with Remote(system.answer) as remote:
        assert main(words(name, remote, out)) == 0
        before, asked = lines(out), len(remote.requests)
        changed = system.change(7, "投影仪没有信号")
        assert main(words(name, remote, out)) == 0
        assert len(remote.requests) - asked < asked
    after = lines(out)
    assert len(after) == len(before)
    assert [row["short_description"] for row in after if row["number"] == changed] == ["投影仪没有信号"]
    same = {row["number"]: row for row in before if row["number"] != changed}
    assert {row["number"]: row for row in after if row["number"] != changed} == same


# Requests after which a system is away, and the one that goes on: neither the first page nor the first of all.
@pytest.mark.parametrize(
    ("name", "away", "asked"),
    [
        ("servicenow", 4, "sysparm_query"),
        ("jira", 3, "nextPageToken"),
        ("zammad", 35, "page"),
        ("glpi", 4, "range"),
        ("rt", 9, "query"),
    ],
)
def test_an_import_that_broke_off_goes_on_where_it_was(name, away, asked, tmp_path) -> None:
    out, system = tmp_path / "incidents.jsonl", SYSTEMS[name]()
    with Remote() as remote:
        remote.answer = lambda r: (403, {}) if len(remote.requests) >= away else system.answer(r)
        assert main(words(name, remote, out)) == 1
        assert not out.exists(), "half a file is never visible"
        assert 0 < len(lines(out.with_name("incidents.jsonl.part"))) < count_of(name)
        remote.answer, before = system.answer, len(remote.requests)
        assert main(words(name, remote, out)) == 0
        first = next(r.query[asked] for r in remote.requests[before:] if asked in r.query)
    numbers = [row["number"] for row in lines(out)]
    assert len(numbers) == len(set(numbers)) == count_of(name)
    assert first not in ("1", f"0-{systems.PAGES['glpi'] - 1}", "ORDERBYsys_updated_on^ORDERBYsys_id", "id > 0")


def test_an_import_that_is_killed_loses_and_doubles_nothing(tmp_path) -> None:
    out, system = tmp_path / "incidents.jsonl", systems.ServiceNow()
    part = out.with_name("incidents.jsonl.part")
    with Remote() as remote:
        # From then on it does not answer any more, as when the network is cut.
        remote.answer = lambda r: (503, {}, {"Retry-After": "60"}) if len(remote.requests) >= 4 else system.answer(r)
        more = ["servicenow", str(systems.PAGES["servicenow"]), *words("servicenow", remote, out)]
        process = subprocess.Popen([sys.executable, "-c", _SMALL_PAGES, *more], cwd=ROOT, env=os.environ)
        assert soon(lambda: len(remote.requests) > 4, 120)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not out.exists()
        assert 0 < len(lines(part)) < systems.COUNT
        with part.open("a", encoding="utf-8") as stream:
            stream.write('{"number": "half a li')  # what a power failure leaves
        remote.answer = system.answer
        assert main(words("servicenow", remote, out)) == 0
    numbers = [row["number"] for row in lines(out)]
    assert len(numbers) == len(set(numbers)) == systems.COUNT


def test_a_page_token_that_has_expired_loses_nothing(tmp_path) -> None:
    out, system = tmp_path / "incidents.jsonl", systems.Jira()
    with Remote() as remote:
        remote.answer = lambda r: (403, {}) if len(remote.requests) == 2 else system.answer(r)
        assert main(words("jira", remote, out)) == 1
        system.tokens.clear()
        remote.answer = system.answer
        assert main(words("jira", remote, out)) == 0
    numbers = [row["number"] for row in lines(out)]
    assert len(numbers) == len(set(numbers)) == systems.COUNT


def test_tickets_deleted_during_the_import_hide_no_others(tmp_path) -> None:
    out, system = tmp_path / "incidents.jsonl", systems.Zammad()
    with Remote() as remote:

        def answer(request):
            if len(remote.requests) == 5:
                del system.tickets[:6]
            return (403, {}) if len(remote.requests) == 30 else system.answer(request)

        remote.answer = answer
        assert main(words("zammad", remote, out)) == 1
        del system.tickets[:14]  # while it rested: more than a page
        remote.answer = system.answer
        assert main(words("zammad", remote, out)) == 0
    assert {row["number"] for row in lines(out)} >= {ticket["number"] for ticket in system.tickets}


def test_a_resolution_of_zammad_is_what_the_mail_says(tmp_path) -> None:
    out = tmp_path / "incidents.jsonl"
    with Remote(systems.Zammad().answer) as remote:
        assert main(words("zammad", remote, out)) == 0
    assert {row.get("close_notes") for row in lines(out)} == {"Cleaned all rollers of the second tray", None}


def test_what_rt_tells_of_a_ticket(tmp_path) -> None:
    out = tmp_path / "incidents.jsonl"
    with Remote(systems.Rt().answer) as remote:
        assert main(words("rt", remote, out)) == 0
    solved, waiting = lines(out)[:2]
    assert (solved["close_notes"], solved["state"]) == (
        "Cleaned all rollers of the second tray and the sensor below",
        "resolved",
    )
    assert solved["resolved_at"] == "2026-05-01T00:00:00Z"
    assert solved["responded_at"] == solved["opened_at"], "a comment of ours is no response, a correspondence is"
    assert (solved["caller"], solved["assignment_group"], "assigned_to" in solved) == ("Li Lei", "Network", False)
    assert not {"close_notes", "resolved_at", "responded_at"} & set(waiting)


def test_a_session_that_ends_is_opened_anew(tmp_path) -> None:
    out, system = tmp_path / "incidents.jsonl", systems.Glpi()
    with Remote() as remote:

        def answer(request):
            if len(remote.requests) == 3:
                system.sessions.clear()
            return system.answer(request)

        remote.answer = answer
        assert main(words("glpi", remote, out)) == 0
    assert len(lines(out)) == systems.COUNT
    assert not system.sessions, "the last one was closed"


def test_the_store_takes_the_same_rows(tmp_path, capsys) -> None:
    database, state = f"sqlite:///{tmp_path / 'f.db'}", str(tmp_path / "state.json")
    with Remote(systems.ServiceNow().answer) as remote:
        more = ["--database", database, "--state", state, "--quiet", "--query", "number>=INC0000100", "--json"]
        asked = ["import", "--source", "servicenow", "--url", remote.url, *more]
        assert main(asked) == 0
        assert main([*asked[:-2], "number>=INC0000150"]) == 1
    said = capsys.readouterr()
    assert json.loads(said.out)["incidents"]["imported"] == systems.COUNT - 100
    assert "it is of another import" in said.err
    store = Store.open(database)
    held = list(store.incidents.page(2_000, None))
    store.close()
    assert len(held) == systems.COUNT - 100
    assert held[2].body["description"] == "请联系 <EMAIL>，三楼"


def test_what_cannot_be_asked_is_said_in_one_line(tmp_path, capsys, monkeypatch) -> None:
    out = tmp_path / "incidents.jsonl"
    with Remote(systems.ServiceNow().answer) as remote:
        assert main(words("servicenow", remote, out, "--query", "active=true^NQactive=false")) == 1
        assert main(words("jira", remote, out, "--query", "project = SP order by key")) == 1
        assert main(words("zammad", remote, out, "--query", "state:open")) == 1
        assert main(words("servicenow", remote, tmp_path / "out.csv")) == 1
        assert main([*words("servicenow", remote, out), "--url", "https://me:secret@example.com"]) == 1
        assert main([*words("servicenow", remote, out), "--incidents", "x.csv"]) == 2
        monkeypatch.setenv("FAULTWISE_INTEGRATIONS__SERVICENOW__TOKEN", "wrong")
        assert main([*words("servicenow", remote, out), "--state", str(tmp_path / "s.json")]) == 1
        monkeypatch.delenv("FAULTWISE_INTEGRATIONS__SERVICENOW__TOKEN")
        assert main(words("servicenow", remote, out)) == 1
    said = capsys.readouterr().err.splitlines()
    assert [line.startswith("faultwise: ") for line in said] == [True] * 8
    for line, part in zip(
        said, ["^NQ", "ORDER BY", "no query", ".jsonl", "environment", "found both", "401", "TOKEN"], strict=True
    ):
        assert part in line
    assert "secret" not in "\n".join(said)


def test_two_imports_into_one_file_are_refused(tmp_path, capsys) -> None:
    from filelock import FileLock

    out = tmp_path / "incidents.jsonl"
    with Remote(systems.ServiceNow().answer) as remote, FileLock(tmp_path / ".incidents.jsonl.state.json.lock"):
        assert main(words("servicenow", remote, out)) == 1
    assert "another import is writing it" in capsys.readouterr().err


def test_the_waits_are_what_the_server_asks_for_or_grow_and_are_told(caplog) -> None:
    waits: list[float] = []
    with Remote() as remote:
        remote.failures = [(429, {}, {"Retry-After": "7"}), (500, {}), (502, None), (503, {}, {"Retry-After": "soon"})]
        with Caller(remote.url, first_wait=1.0, wait=waits.append) as caller:
            assert caller.get("/x")[0] == {}
            assert waits == [7.0, 2.0, 4.0, 8.0]
            assert f"{remote.url}/x: 429 Too Many Requests; asked again in 7 s" in caplog.text
            remote.failures = [(500, {})] * 9
            with pytest.raises(SourceError, match="asked 8 times and the last answer was 500"):
                caller.get("/x")
            remote.failures = [(429, {}, {"Retry-After": "86400"})]
            with pytest.raises(SourceError, match="asked 1 time and"):
                caller.get("/x")


def test_own_fields_are_those_of_the_service_and_what_is_not_read_is_said(tmp_path, capsys, monkeypatch) -> None:
    out = tmp_path / "incidents.jsonl"
    with Remote(systems.Rt().answer) as remote:
        assert main(words("rt", remote, out)) == 0
        assert f"CF.{{Module}} ({systems.COUNT // 3} rows)" in capsys.readouterr().err
        assert "category" not in lines(out)[0]
        monkeypatch.setenv("FAULTWISE_INTEGRATIONS__RT__FIELDS", '{"Module": "category"}')
        assert main(words("rt", remote, out)) == 0  # what is read has changed, so everything is read again
        assert "CF.{Module}" not in capsys.readouterr().err
        assert {row["category"] for row in lines(out)} == {"m0", "m1", "m2", "m3"}
        asked = len(remote.requests)
        assert main(words("rt", remote, out, "--map", "subcategory=CF.{Module}")) == 0
        assert len(remote.requests) > asked + 5
        assert {row["subcategory"] for row in lines(out)} == {"m0", "m1", "m2", "m3"}
        capsys.readouterr()
        assert main(words("rt", remote, out, "--map", "location=CF.{Modul}")) == 0
        assert "no record has a value of CF.{Modul}, which was to be read as location" in capsys.readouterr().err
        monkeypatch.setenv("FAULTWISE_INTEGRATIONS__RT__FIELDS", '{"Module": "colour"}')
        assert main(words("rt", remote, out)) == 1
        assert "expected fields of an incident; found colour" in capsys.readouterr().err
        monkeypatch.setenv("FAULTWISE_INTEGRATIONS__RT__FIELDS", "Module=category")
        assert main(words("rt", remote, out)) == 1
        assert "expected JSON" in capsys.readouterr().err


def test_a_page_without_an_own_field_is_read_too(tmp_path, monkeypatch) -> None:
    """Tickets of another queue, and those that were merged away, have none of it."""
    out, system = tmp_path / "incidents.jsonl", systems.Rt()
    for place in range(systems.PAGES["rt"]):
        system.tickets[place]["CustomFields"] = []
    monkeypatch.setenv("FAULTWISE_INTEGRATIONS__RT__FIELDS", '{"Module": "category"}')
    with Remote(system.answer) as remote:
        assert main(words("rt", remote, out)) == 0
    assert sum(bool(row.get("category")) for row in lines(out)) == systems.COUNT // 3 - systems.PAGES["rt"]


@pytest.mark.parametrize(
    ("name", "own", "value"),
    [("jira", "customfield_10051", "m0"), ("servicenow", "u_module", "m0"), ("glpi", "76", "m0")],
)
def test_own_fields_of_every_system(name, own, value, tmp_path, monkeypatch) -> None:
    out = tmp_path / "incidents.jsonl"
    monkeypatch.setenv(f"FAULTWISE_INTEGRATIONS__{name.upper()}__FIELDS", json.dumps({own: "subcategory"}))
    with Remote(SYSTEMS[name]().answer) as remote:
        assert main(words(name, remote, out)) == 0
    assert value in {row["subcategory"] for row in lines(out)}
