"""Delimited text as raw chunks: every cell a string, every row under the line of the file on which it begins."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from diagnosis.errors import InputError

from .chunk import Chunk, ChunkBuilder, Malformed
from .encoding import open_text

DELIMITERS = (",", ";", "\t")
MAX_FIELD = 1_000_000  # characters; a longer cell is nearly always a quote that is never closed


def read_csv(path: Path, chunk_rows: int) -> Iterator[Chunk]:
    """Yield the rows of a delimited file; the delimiter, the encoding and a ``sep=`` line are found out.

    Raises
    ------
    InputError
        If the file holds no header.
    """
    csv.field_size_limit(MAX_FIELD)
    with open_text(path) as stream:
        delimiter, skipped = _delimiter(stream, path)
        lines = _Lines(stream)
        reader = csv.reader(lines, delimiter=delimiter)
        header = _header(reader, path)
        yield from _chunks(reader, lines, header, skipped, chunk_rows)


class _Lines:
    """The lines of a file without null characters, and whether all of them were taken."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.exhausted = False

    def __iter__(self) -> Iterator[str]:
        for line in self._stream:
            yield line.replace("\0", "")
        self.exhausted = True


def _chunks(
    reader: csv._reader,  # type: ignore[name-defined]
    lines: _Lines,
    header: list[str],
    skipped: int,
    chunk_rows: int,
) -> Iterator[Chunk]:
    builder = ChunkBuilder(header)
    while True:
        line = reader.line_num + skipped + 1
        try:
            cells = next(reader, None)
        except csv.Error:
            # The reader goes on at the next line, so one unclosed quote costs the lines it swallowed, not the file.
            builder.malformed.append(Malformed(line, f"a cell longer than {MAX_FIELD:,} characters (unclosed quote?)"))
            continue
        if cells is None:
            break
        if lines.exhausted:
            # The reader asks for another line only inside a quote: this row ended with the file and not by itself.
            swallowed = reader.line_num + skipped - line
            reason = "a quote that is never closed (is the file cut off?)"
            builder.malformed.append(Malformed(line, reason, f"and the lines after it: {swallowed:,}"))
            break
        _add(builder, line, cells, len(header))
        if len(builder) >= chunk_rows:
            yield builder.take()
    yield builder.take()


def _add(builder: ChunkBuilder, line: int, cells: list[str], width: int) -> None:
    if not any(cells):
        return
    while len(cells) > width and not cells[-1].strip():
        cells.pop()
    if len(cells) == width:
        builder.add(line, cells)
    else:
        # Which cell is whose can no longer be known: a guess would put one field's value into another.
        reason = f"{'more' if len(cells) > width else 'fewer'} cells than the header's {width}"
        builder.malformed.append(Malformed(line, reason, f"{len(cells)} cells"))


def _delimiter(stream: TextIO, path: Path) -> tuple[str, int]:
    """Return the delimiter of the header, and how many lines before the header were consumed (``sep=;``)."""
    first = stream.readline()
    if not first.strip():
        raise InputError(f"expected a header in the first line of '{path.name}'; found an empty line or an empty file")
    if first.lower().startswith("sep="):
        return first.rstrip("\r\n")[4:5] or ",", 1
    stream.seek(0)
    counts = {d: len(next(csv.reader([first], delimiter=d))) for d in DELIMITERS}
    return max(DELIMITERS, key=lambda d: counts[d]), 0


def _header(reader: csv._reader, path: Path) -> list[str]:  # type: ignore[name-defined]
    header = [name.strip() for name in next(reader, [])]
    while header and not header[-1]:
        header.pop()
    if not header:
        raise InputError(f"expected a header in '{path.name}'; found none")
    return header
