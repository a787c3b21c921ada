"""Delimited text as raw chunks: every cell a string, every row under the line of the file on which it begins."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import TextIO

from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.text import valid_text
from training.records.chunk import Chunk, ChunkBuilder, Malformed, ReadOptions
from training.records.encoding import detect_encoding, open_text
from training.records.header import SEARCH_ROWS, header_of, header_place, known_names

DELIMITERS = (",", ";", "\t", "|")
MAX_FIELD = 1_000_000  # characters; a longer cell is nearly always a quote that is never closed
_SAMPLE_LINES = 40
_MOST_BLANK_LINES = 1_000  # above the header
# Spreadsheets are kept from reading a number as one by writing it as a formula, or after an apostrophe.
_GUARDED = re.compile(r"""="(?P<text>[^"]*)"|=T\("(?P<inner>[^"]*)"\)|'(?P<digits>\d+)""")


def read_csv(path: Path, options: ReadOptions) -> Iterator[Chunk]:
    """Yield the rows of a delimited file; the delimiter, the encoding, the header and a ``sep=`` line are found out.

    Raises
    ------
    InputError
        If the file holds no header.
    """
    csv.field_size_limit(MAX_FIELD)
    encoding = options.encoding or detect_encoding(path)
    if note := encoding.note(path.name):
        options.notes.append(note)
    with open_text(path, encoding) as stream:
        lines = _Lines(stream)
        start, delimiter = _start(lines, options)
        lines.push_back(start)
        rows = _rows(csv.reader(lines, delimiter=delimiter), lines)
        yield from _chunks(rows, options, path)


class _Lines:
    """The lines of a file without characters that are none, and whether all of them were taken."""

    def __init__(self, stream: TextIO) -> None:
        self._lines = iter(stream)
        self.exhausted = False
        self.skipped = 0  # lines before those that are read as rows

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines, None)
        if line is None:
            self.exhausted = True
            raise StopIteration
        return line.replace("\0", "") if "\0" in line else line

    def push_back(self, lines: list[str]) -> None:
        """Give lines back that were taken."""
        self._lines, self.exhausted = chain(lines, self._lines), False


def _start(lines: _Lines, options: ReadOptions) -> tuple[list[str], str]:
    """Return the first lines that are read as rows, and the delimiter that their table has."""
    blank = 0
    for line in islice(lines, _MOST_BLANK_LINES):
        if line.strip():
            break
        blank += 1
    else:
        line = ""
    lines.skipped = blank
    if line.lower().startswith("sep="):
        lines.skipped += 1
        return [], line.rstrip("\r\n")[4:5] or ","
    sample = [line, *islice(lines, _SAMPLE_LINES - 1)]

    def fitness(delimiter: str) -> tuple[int, int]:
        rows = _sample_rows(sample, delimiter)
        widths = sorted(len(row) for row in rows if any(row))
        return max((known_names(row, options.is_known) for row in rows), default=0), widths[-1] if widths else 0

    return [text for text in sample if text], max(DELIMITERS, key=fitness)


def _sample_rows(lines: list[str], delimiter: str) -> list[list[str]]:
    rows: list[list[str]] = []
    try:
        for row in islice(csv.reader(lines, delimiter=delimiter), SEARCH_ROWS):
            rows.append(row)  # noqa: PERF402 - those before an error count
    except csv.Error:
        pass
    return rows


Row = tuple[int, "list[str] | Malformed"]


def _rows(reader: csv._reader, lines: _Lines) -> Iterator[Row]:  # type: ignore[name-defined]
    """Yield each row under its line, or what is wrong with it."""
    while True:
        line = reader.line_num + lines.skipped + 1
        try:
            cells = next(reader, None)
        except csv.Error:
            # The reader goes on at the next line, so one unclosed quote costs the lines it swallowed, not the file.
            reason = Phrase("csv_cell_too_long", {"most": MAX_FIELD})
            yield line, Malformed(line, reason)
            continue
        if cells is None:
            return
        if lines.exhausted:
            # The reader asks for another line only inside a quote: this row ended with the file and not by itself.
            swallowed = reader.line_num + lines.skipped - line
            yield line, Malformed(line, Phrase("csv_quote_open"), f"and the lines after it: {swallowed:,}")
            return
        yield line, [_cell(cell) for cell in cells]


def _cell(text: str) -> str:
    if text.startswith(("=", "'")) and (match := _GUARDED.fullmatch(text)):
        return match[match.lastgroup or 0]
    return text if text.isascii() else valid_text(text)


def _chunks(rows: Iterator[Row], options: ReadOptions, path: Path) -> Iterator[Chunk]:
    start = list(islice(rows, SEARCH_ROWS))
    tables = [(at, cells) for at, (_, cells) in enumerate(start) if isinstance(cells, list)]
    place = header_place([cells for _, cells in tables], options.is_known)
    if place is None:
        raise InputError(Phrase("csv_without_header", {"file": path.name}))
    at, cells = tables[place]
    builder = ChunkBuilder(header_of(cells))
    for line, row in chain(start[at + 1 :], rows):
        if isinstance(row, Malformed):
            builder.malformed.append(row)
        else:
            _add(builder, line, row)
        if len(builder) >= options.chunk_rows:
            yield builder.take()
    yield builder.take()


def _add(builder: ChunkBuilder, line: int, cells: list[str]) -> None:
    width = len(builder.header)
    if not any(cells):
        return
    while len(cells) > width and not cells[-1].strip():
        cells.pop()
    if 1 < len(cells) <= width or width == 1 == len(cells):
        # Spreadsheets leave the empty cells at the end of a row out.
        builder.add(line, cells + [""] * (width - len(cells)))
        return
    # Which cell is whose can no longer be known: a guess would put one field's value into another.
    reason = Phrase("csv_more_cells" if len(cells) > width else "csv_fewer_cells", {"width": width})
    builder.malformed.append(Malformed(line, reason, f"{len(cells)} cell{'s' if len(cells) != 1 else ''}"))
