"""What programs read: files that are whole or not there, and JSON without NaN."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from safetensors import SafetensorError

from diagnosis.errors import FaultwiseError, InputError, ReleaseError


@contextmanager
def open_atomically(path: Path) -> Iterator[TextIO]:
    """Open a text file (UTF-8) that takes its place only when all of it is written."""
    with _beside(path) as beside, beside.open("w", encoding="utf-8") as stream:
        yield stream


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file that takes its place only when all of it is written."""
    with _beside(path) as beside:
        beside.write_bytes(data)


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    if not path.parent.is_dir():
        raise InputError(f"{path}: the folder {path.parent} was expected to exist")
    if path.is_dir():
        raise InputError(f"{path}: a file to write was expected, a folder found")
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield beside
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Say in the user's words that parts could not be written, as to a full disk.

    Raises
    ------
    ReleaseError
        For what safetensors and FAISS raise then; an OSError says it by itself.
    """
    try:
        yield
    except FaultwiseError:
        raise
    except (SafetensorError, RuntimeError) as error:
        raise ReleaseError(f"{folder}: the release could not be written ({error})") from error


def without_nan(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return a JSON value whose unknown numbers are null: JSON has no NaN (RFC 8259)."""
    if isinstance(value, Mapping):
        return {name: without_nan(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
