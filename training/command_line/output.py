"""What programs read: files that are whole or not there, and JSON without NaN whose sentences keep their codes."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TextIO

from safetensors import SafetensorError

from diagnosis.errors import FaultwiseError, InputError, ReleaseError
from diagnosis.phrases import Phrase, as_written


@contextmanager
def open_atomically(path: Path) -> Iterator[TextIO]:
    """Open a text file (UTF-8) that takes its place only when all of it is written."""
    with _beside(path) as beside, beside.open("w", encoding="utf-8") as stream:
        yield stream


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file that takes its place only when all of it is written."""
    with _beside(path) as beside:
        beside.write_bytes(data)


def folder_missing(path: Path) -> Phrase:
    """Return that the folder of a file to write is not there."""
    return Phrase("folder_missing", {"path": str(path), "folder": str(path.parent)})


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    if not path.parent.is_dir():
        raise InputError(folder_missing(path))
    if path.is_dir():
        raise InputError(Phrase("file_to_write_expected", {"path": str(path)}))
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
        raise ReleaseError(Phrase("release_not_written", {"folder": folder, "fault": str(error)})) from error


def without_nan(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return a JSON value whose unknown numbers are null: JSON has no NaN (RFC 8259)."""
    if isinstance(value, Mapping):
        return {name: without_nan(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def as_json(value: Any) -> Any:  # noqa: ANN401 - anything made of dataclasses, JSON values and phrases
    """Return plain JSON values, unknown numbers null.

    A phrase is its English sentence. Where an attribute of a dataclass holds phrases, their codes and values stand
    beside it: those of ``why`` as ``why_phrase``, those of several ``notes`` as ``note_phrases``.
    """
    if isinstance(value, Phrase):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        plain: dict[str, Any] = {}
        for attribute in fields(value):
            inner = getattr(value, attribute.name)
            plain[attribute.name] = as_json(inner)
            plain |= _phrases_of(attribute.name, inner)
        return plain
    if isinstance(value, Mapping):
        return {str(name): as_json(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(inner) for inner in value]
    return without_nan(value)


def phrase_from(stored: Mapping[str, Any], name: str) -> Phrase:
    """Return the phrase that `as_json` wrote of an attribute; the sentence alone where a file holds no code."""
    phrase = stored.get(f"{name}_phrase")
    return as_written(stored[name]) if phrase is None else Phrase.from_dict(phrase)


def _phrases_of(name: str, value: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
    if isinstance(value, Phrase):
        return {f"{name}_phrase": without_nan(value.to_dict())}
    several = f"{name.removesuffix('s')}_phrases"
    if isinstance(value, Mapping) and any(isinstance(inner, Phrase) for inner in value.values()):
        return {several: {key: without_nan(inner.to_dict()) for key, inner in value.items()}}
    if isinstance(value, Sequence) and value and isinstance(value[0], Phrase):
        return {several: [without_nan(inner.to_dict()) for inner in value]}
    return {}
