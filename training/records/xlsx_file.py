"""XLSX workbooks as raw chunks of strings: the sheets that hold the table, merged cells filled, numbers as shown."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from training.records.chunk import Chunk, ChunkBuilder, ReadOptions
from training.records.header import SEARCH_ROWS, header_of, header_place, known_names
from training.records.json_file import as_text

# A number format that shows leading zeros, or words before the digits: 0000000, "INC"0000000, 000-0000.
_SHOWN = re.compile(r'(?P<before>(?:"[^"]*"|\\.)*)(?P<zeros>0(?:[0/ -]|\\[/ -])*)(?:;.*)?')
_LOCALE = re.compile(r"\[\$-[0-9A-Fa-f]+\]|\[(?:Black|Blue|Cyan|Green|Magenta|Red|White|Yellow)\]", re.IGNORECASE)
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\s+ref="([A-Z]+\d+:[A-Z]+\d+)"')
_EXACT = 1 << 53  # whole numbers below it are exact in a workbook
_BLOCK = 1 << 20
_MOST_UNPACKED = 8 << 30  # bytes; more is an archive that was made to fill the disk
_MOST_RATIO = 400  # of unpacked to packed bytes


@dataclass(frozen=True, slots=True)
class _Table:
    """The header of a sheet, its place, and how many of its names are known."""

    sheet: Any
    header: list[str]
    place: int
    known_names: int


def read_xlsx(path: Path, options: ReadOptions) -> Iterator[Chunk]:
    """Yield the rows of the sheets that have the table; sheets with other columns are named in the notes.

    A number whose format shows leading zeros keeps them, and a merged cell fills the rows below it.

    Raises
    ------
    InputError
        If the file is not a workbook, has no rows, or lacks the sheet that is asked for.
    """
    with _workbook(path) as workbook:
        sheets = _chosen_sheets(workbook, path, options)
        tables = [table for sheet in sheets if (table := _table(sheet, options))]
        if not tables:
            raise InputError(Phrase("workbook_without_header", {"file": path.name}))
        best = max(tables, key=lambda table: (table.known_names, len(table.header) if not table.known_names else 0))
        same = [table for table in tables if table.header == best.header]
        _note_unread([table for table in tables if table not in same], path, options)
        for table in same:
            part = table.sheet.title if len(same) > 1 else ""
            yield from _chunks(table, path, options.chunk_rows, part)


@contextmanager
def _workbook(path: Path) -> Iterator[Any]:
    import openpyxl  # noqa: PLC0415 - a service reads no workbook, and starts sooner without

    try:
        _check_size(path)
        workbook = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except InputError:
        raise
    except Exception as error:  # openpyxl lets through whatever a damaged part makes its parsers raise
        raise InputError(Phrase("workbook_expected", {"file": path.name, "fault": _first_line(error)})) from error
    try:
        yield workbook
    except InputError:
        raise
    except GeneratorExit:
        raise
    except Exception as error:
        raise InputError(Phrase("file_damaged", {"file": path.name, "fault": _first_line(error)})) from error
    finally:
        workbook.close()


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).strip().split("\n")[0][:200]


def _check_size(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        packed = sum(entry.compress_size for entry in archive.infolist())
        unpacked = sum(entry.file_size for entry in archive.infolist())
    if unpacked > _MOST_UNPACKED or (unpacked > 100 << 20 and unpacked > _MOST_RATIO * packed):
        values = {"file": path.name, "unpacked": unpacked, "packed": packed}
        raise InputError(Phrase("workbook_too_large", values))


def _chosen_sheets(workbook: Any, path: Path, options: ReadOptions) -> list[Any]:  # noqa: ANN401 - a workbook
    if options.sheet is None:
        return list(workbook.worksheets)
    sheets = [sheet for sheet in workbook.worksheets if sheet.title.casefold() == options.sheet.casefold()]
    if not sheets:
        titles = tuple(f"'{sheet.title}'" for sheet in workbook.worksheets)
        values = {"sheet": options.sheet, "file": path.name, "sheets": titles}
        raise InputError(Phrase("sheet_missing", values))
    return sheets


def _table(sheet: Any, options: ReadOptions) -> _Table | None:  # noqa: ANN401 - a sheet
    sheet.reset_dimensions()  # exporters write wrong ones
    rows = [[_cell(cell) for cell in row] for row in islice(sheet.iter_rows(), SEARCH_ROWS)]
    place = header_place(rows, options.is_known)
    if place is None:
        return None
    return _Table(sheet, header_of(rows[place]), place + 1, known_names(rows[place], options.is_known))


def _note_unread(tables: list[_Table], path: Path, options: ReadOptions) -> None:
    for table in tables:
        rows = sum(any(cell is not None for cell in row) for row in table.sheet.iter_rows(values_only=True))
        count = max(rows - table.place, 0)
        if count or table.known_names:
            values = {"file": path.name, "sheet": table.sheet.title, "n": count}
            options.notes.append(Phrase("file_with_unread_sheet", values))


def _chunks(table: _Table, path: Path, chunk_rows: int, part: str) -> Iterator[Chunk]:
    builder = ChunkBuilder(table.header, part)
    fill = _MergedCells(path, table.sheet)
    rows: Iterable[Sequence[Any]] = table.sheet.iter_rows(min_row=table.place + 1)
    for place, row in enumerate(rows, start=table.place + 1):
        texts = fill(place, [_cell(cell) for cell in row[: len(table.header)]])
        if any(texts):
            builder.add(place, texts + [""] * (len(table.header) - len(texts)))
        if len(builder) >= chunk_rows:
            yield builder.take()
    yield builder.take()


class _MergedCells:
    """Fills cells that were merged downwards with the value of the first of them."""

    def __init__(self, path: Path, sheet: Any) -> None:  # noqa: ANN401 - a sheet
        self._ranges = sorted(_merged_ranges(path, sheet), key=lambda bounds: bounds[1], reverse=True)
        self._open: list[tuple[int, int, int, str]] = []

    def __call__(self, place: int, texts: list[str]) -> list[str]:
        while self._ranges and self._ranges[-1][1] <= place:
            left, first, _, last = self._ranges.pop()
            if first == place and left <= len(texts):
                self._open.append((left - 1, first, last, texts[left - 1]))
        self._open = [merged for merged in self._open if merged[2] >= place]
        for column, first, _, value in self._open:
            if place > first:
                texts += [""] * (column + 1 - len(texts))
                texts[column] = texts[column] or value
        return texts


def _merged_ranges(path: Path, sheet: Any) -> list[tuple[int, int, int, int]]:  # noqa: ANN401 - a sheet
    """Return the merged cells of a sheet that cover several rows: (left, first row, right, last row)."""
    from openpyxl.utils.cell import range_boundaries  # noqa: PLC0415 - see `_workbook`

    names: set[bytes] = set()
    with zipfile.ZipFile(path) as archive, archive.open(sheet._worksheet_path.lstrip("/")) as stream:
        tail = b""
        while block := stream.read(_BLOCK):
            names.update(_MERGED.findall(tail + block))
            tail = block[-100:]
    ranges = [range_boundaries(name.decode()) for name in names]
    return [(left, first, right, last) for left, first, right, last in ranges if last > first]


def _cell(cell: Any) -> str:  # noqa: ANN401 - a cell of a sheet
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _EXACT and value == int(value):
        return _as_shown(int(value), cell.number_format or "") or as_text(value) or ""
    return as_text(value) or ""


@lru_cache(maxsize=4096)
def _as_shown(value: int, number_format: str) -> str | None:
    """Return a whole number as its format shows it, None if the format adds neither zeros nor words."""
    match = _SHOWN.fullmatch(_LOCALE.sub("", number_format))
    if match is None:
        return None
    prefix = re.sub(r'"([^"]*)"|\\(.)', r"\1\2", match["before"])
    zeros = match["zeros"].replace("\\", "")
    if zeros == "0" and not any(char.isalpha() for char in prefix):
        return None
    digits = f"{value:0{zeros.count('0')}d}"
    leading = digits[: len(digits) - zeros.count("0")]  # digits that the format has no place for come first
    remaining = iter(digits[len(leading) :])
    return prefix + leading + "".join(next(remaining) if sign == "0" else sign for sign in zeros)
