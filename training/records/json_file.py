"""JSON Lines, a JSON array, or an array inside an object, as raw chunks; nested values become dotted columns."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

import ijson
import pandas as pd

from diagnosis.errors import InputError

from .chunk import Chunk, Malformed, string_frame
from .encoding import open_text

# Where the systems around us put the rows of an answer: ServiceNow's Table API, Jira's search, Zammad's, others.
WRAPPERS = ("result", "issues", "tickets", "records", "data", "items")
# A reference to another record reads as the first of these that it has.
REFERENCE_NAMES = ("display_value", "name", "displayName", "completename", "value", "key", "fullname", "email", "id")

Record = tuple[int, Any]


def read_json(path: Path, chunk_rows: int) -> Iterator[Chunk]:
    """Yield the records of a JSON or JSON Lines file, which of the two being told from its first line.

    Raises
    ------
    InputError
        If the file is neither, or breaks off in the middle of an array.
    """
    with open_text(path) as stream:
        prefix = _array_prefix(stream, path)
        stream.seek(0)
        records = _lines(stream) if prefix is None else _array(stream, prefix, path)
        yield from _chunks(records, chunk_rows)


def _array_prefix(stream: TextIO, path: Path) -> str | None:
    """Return ijson's prefix of the array's items, or None for JSON Lines."""
    first = next((line for line in stream if line.strip()), "").strip()
    if not first:
        raise InputError(f"expected JSON records in '{path.name}'; found an empty file")
    if first.startswith("["):
        return "item"
    if not first.startswith("{"):
        raise InputError(f"expected JSON Lines or a JSON array in '{path.name}'; found {first[:20]!r}")
    if _wrapper_in(first) is None and _parses(first):
        return None
    stream.seek(0)
    for prefix, event, _ in ijson.parse(stream):
        if event == "start_array" and prefix in WRAPPERS:
            return f"{prefix}.item"
        if event == "start_map" and "." in prefix:
            break
    raise InputError(f"expected an array under one of {', '.join(WRAPPERS)} in '{path.name}'; found none")


def _wrapper_in(first: str) -> str | None:
    """Return the key under which a whole document on one line holds its rows."""
    try:
        document = json.loads(first)
    except ValueError:
        return None
    return next((key for key in WRAPPERS if _is_rows(document.get(key))), None)


def _is_rows(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def _parses(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _lines(stream: TextIO) -> Iterator[Record]:
    for place, line in enumerate(stream, start=1):
        if not line.strip():
            continue
        try:
            yield place, json.loads(line)
        except ValueError as error:
            yield place, error


def _array(stream: TextIO, prefix: str, path: Path) -> Iterator[Record]:
    try:
        yield from enumerate(ijson.items(stream, prefix, use_float=True), start=1)
    except ijson.JSONError as error:
        raise InputError(f"expected valid JSON in '{path.name}'; found {error}") from error


def _chunks(records: Iterable[Record], chunk_rows: int) -> Iterator[Chunk]:
    rows: dict[int, dict[str, str]] = {}
    malformed: list[Malformed] = []
    for place, record in records:
        if isinstance(record, dict):
            rows[place] = flatten(record)
        else:
            malformed.append(Malformed(place, "expected a JSON object"))
        if len(rows) >= chunk_rows:
            yield _chunk(rows, malformed)
            rows, malformed = {}, []
    yield _chunk(rows, malformed)


def _chunk(rows: dict[int, dict[str, str]], malformed: list[Malformed]) -> Chunk:
    header = list(dict.fromkeys(name for row in rows.values() for name in row))
    columns = [[row.get(name, "") for row in rows.values()] for name in header]
    return Chunk(string_frame(header, columns, pd.Index(list(rows), dtype="int64")), malformed)


def flatten(record: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """Return one record as columns of text.

    A reference (``{"link": …, "value": …, "display_value": …}``, ``{"id": …, "name": …}``) becomes a column of its own
    name, and each of its parts a dotted one (``assignment_group.value``); a list becomes its entries' names joined
    by "; "; an Atlassian document its text.

    Examples
    --------
    >>> flatten({"number": "INC1", "assignment_group": {"value": "d62", "display_value": "Network"}})
    {'number': 'INC1', 'assignment_group': 'Network', 'assignment_group.display_value': 'Network', 'assignment_group.value': 'd62'}
    """  # noqa: E501
    row: dict[str, str] = {}
    for key, value in record.items():
        name = prefix + key
        text = as_text(value)
        if text is not None:
            row[name] = text
        if isinstance(value, dict) and value.get("type") != "doc":
            row.update(flatten(value, f"{name}."))
    return row


def as_text(value: Any) -> str | None:  # noqa: ANN401 - any JSON value
    """Return a JSON value as the text of one cell, or None where an object has no name of its own."""
    if isinstance(value, list):
        return "; ".join(text for item in value if (text := as_text(item)))
    if isinstance(value, dict):
        if value.get("type") == "doc":
            return _document_text(value).strip()
        return next((str(value[name]) for name in REFERENCE_NAMES if value.get(name) not in (None, "")), None)
    return _scalar_text(value)


def _scalar_text(value: str | float | bool | None) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _document_text(node: dict[str, Any]) -> str:
    """Return the words of an Atlassian document, one paragraph a line."""
    if node.get("type") == "hardBreak":
        return "\n"
    inner = "".join(_document_text(child) for child in node.get("content", []) if isinstance(child, dict))
    end = "\n" if node.get("type") in {"paragraph", "heading", "codeBlock", "listItem"} else ""
    return str(node.get("text", "")) + inner + end
