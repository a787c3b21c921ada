"""Where the benchmarks find real data: a folder beside the repository that is no part of it, or one that is named."""

from __future__ import annotations

import os
import sys
from pathlib import Path

VARIABLE = "FAULTWISE_BENCHMARK_DATA"
FOLDER = Path(os.environ.get(VARIABLE, Path(__file__).resolve().parents[2] / "shared" / "data"))


def shared(name: str) -> Path:
    """Return the folder of one data set, or end the program with a sentence that says what is missing."""
    folder = FOLDER / name
    if not folder.is_dir():
        sys.exit(
            f"this benchmark needs the data set {name!r} in {FOLDER}, which is not there; "
            f"name another folder with `python -m benchmarks --data FOLDER` or {VARIABLE}"
        )
    return folder
