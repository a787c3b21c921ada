"""Files that are whole or not there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from diagnosis.errors import InputError


@contextmanager
def written(path: Path) -> Iterator[TextIO]:
    """Open a text file (UTF-8) that takes its place only when all of it is written."""
    if not path.parent.is_dir():
        raise InputError(f"{path}: the folder {path.parent} was expected to exist")
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("w", encoding="utf-8") as stream:
            yield stream
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
