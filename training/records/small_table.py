"""Small tables that people keep by hand, as CSV files in UTF-8 with a header."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from diagnosis.errors import InputError
from diagnosis.phrases import Phrase


def read_text(path: Path) -> str:
    """Return the text of a file.

    Raises
    ------
    InputError
        If it cannot be read as UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(Phrase("text_unreadable", {"path": str(path), "fault": str(error)})) from error


def column_expected(path: Path, column: str | Phrase, columns: Iterable[str]) -> Phrase:
    """Return that a table lacks a column, and which it has."""
    found = tuple(columns) or Phrase("none_found")
    return Phrase("column_expected", {"path": str(path), "column": column, "columns": found})


def row_refused(path: Path, place: int, fault: Phrase) -> Phrase:
    """Return why a row of a table cannot be used."""
    return Phrase("row_refused", {"path": str(path), "place": place, "fault": fault})


def rows_of(path: Path, text: str, required: Sequence[str]) -> list[dict[str, str]]:
    """Return the rows of a table by column, without the spaces around names and values.

    Parameters
    ----------
    path : Path
        For what is said of the file.
    required : sequence of str
        Columns that have to be there.

    Raises
    ------
    InputError
        If one of these is missing.
    """
    reader = csv.DictReader(io.StringIO(text))
    names = [name.strip() for name in reader.fieldnames or ()]
    if missing := [name for name in required if name not in names]:
        raise InputError(column_expected(path, missing[0], names))
    return [
        {str(name).strip(): value.strip() for name, value in row.items() if isinstance(value, str)} for row in reader
    ]
