"""JSON Lines, a JSON array, or an array inside an object, as raw chunks; nested values become dotted columns."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from io import RawIOBase
from pathlib import Path
from typing import Any, TextIO

import ijson
import pandas as pd

from diagnosis.errors import InputError

from .chunk import Chunk, Malformed, string_frame
from .encoding import open_text, open_utf8

# Where the systems around us put the rows of an answer: ServiceNow's Table API, Jira's search, Zammad's, others.
WRAPPERS = ("result", "issues", "tickets", "records", "data", "items")
# A reference to another record reads as the first of these that it has.
REFERENCE_NAMES = ("display_value", "name", "displayName", "completename", "value", "key", "fullname", "email", "id")

Record = tuple[int, Any]


def read_json(path: Path, chunk_rows: int) -> Iterator[Chunk]:
    """Yield the records of a JSON or JSON Lines file.

    A name ending in ``.json`` may hold either; the other names hold JSON Lines.

    Raises
    ------
    InputError
        If the file is neither, or breaks off in the middle of an array.
    """
    prefix = _array_prefix(path) if ".json" in path.suffixes else None
    if prefix is None:
        with open_text(path) as stream:
            yield from _chunks(_lines(stream), chunk_rows)
    else:
        with open_utf8(path) as stream:
            yield from _chunks(_array(stream, prefix, path), chunk_rows)


def _array_prefix(path: Path) -> str | None:
    """Return ijson's prefix of the items of the array that holds the records, or None for JSON Lines."""
    with open_utf8(path) as stream:
        found = "nothing"
        events = ijson.parse(stream, multiple_values=True)
        try:
            for prefix, event, _ in events:
                if event == "start_array" and prefix in ("", *WRAPPERS):
                    return f"{prefix}.item" if prefix else "item"
                if (prefix, event) == ("", "end_map"):
                    return None
                if prefix == "" and event not in {"start_map", "map_key"}:
                    found = f"a {event}"
                    break
        except ijson.JSONError as error:
            raise InputError(f"expected JSON records in '{path.name}'; found {_said(error)}") from error
    known = f"JSON Lines, an array of objects, or one under {', '.join(WRAPPERS)}"
    raise InputError(f"expected {known} in '{path.name}'; found {found}")


def _said(error: ijson.JSONError) -> str:
    """Return the first line of what the parser, which speaks in bytes, has to say."""
    message = error.args[0] if error.args else "an error"
    text = message.decode("utf-8", errors="replace") if isinstance(message, bytes) else str(message)
    return text.strip().split("\n")[0]


def _lines(stream: TextIO) -> Iterator[Record]:
    for place, line in enumerate(stream, start=1):
        if not line.strip():
            continue
        try:
            yield place, json.loads(line)
        except ValueError as error:
            yield place, error


def _array(stream: RawIOBase, prefix: str, path: Path) -> Iterator[Record]:
    try:
        yield from enumerate(ijson.items(stream, prefix, use_float=True), start=1)
    except ijson.JSONError as error:
        raise InputError(f"expected valid JSON in '{path.name}'; found {_said(error)}") from error


def _chunks(records: Iterable[Record], chunk_rows: int) -> Iterator[Chunk]:
    rows: dict[int, dict[str, str]] = {}
    malformed: list[Malformed] = []
    for place, record in records:
        if isinstance(record, dict):
            rows[place] = flatten(record)
        else:
            malformed.append(Malformed(place, "expected a JSON object"))
        if len(rows) >= chunk_rows:
            yield chunk_of(rows, malformed)
            rows, malformed = {}, []
    yield chunk_of(rows, malformed)


def chunk_of(rows: Mapping[int, Mapping[str, str]], malformed: list[Malformed]) -> Chunk:
    """Return flattened records as a chunk, each under its place; a name that a record lacks is empty there."""
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
    >>> row = flatten({"number": "INC1", "assignment_group": {"value": "d62", "display_value": "Network"}})
    >>> row["assignment_group"], row["assignment_group.value"]
    ('Network', 'd62')
    """
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
