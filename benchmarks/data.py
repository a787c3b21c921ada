"""Where the benchmarks find real data: a folder beside the repository that is no part of it."""

from __future__ import annotations

import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data"


def shared(name: str) -> Path:
    """Return the folder of one data set, or end the program with a sentence that says what is missing."""
    folder = FOLDER / name
    if not folder.is_dir():
        sys.exit(f"this benchmark needs the data set {name!r} in {FOLDER}, which is not there")
    return folder
