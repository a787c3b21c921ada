from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.settings import Settings
from tests.serving import Serving


@pytest.fixture(scope="session")
def client(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Yield a client with every scope of a service with a real release on SQLite; tests use numbers of their own."""
    database = tmp_path_factory.mktemp("service") / "faultwise.db"
    # Every test comes from the same address, and many try wrong keys.
    settings = Settings(database=f"sqlite:///{database}", models=models, wrong_keys_per_minute=1_000_000)
    with Serving(settings) as client:
        yield client
