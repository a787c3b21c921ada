"""Parquet and XLSX as raw chunks of strings; whole numbers stay whole, times become ISO 8601."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time
from itertools import islice
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from openpyxl.utils.exceptions import InvalidFileException

from diagnosis.errors import InputError

from .chunk import Chunk, ChunkBuilder
from .json_file import as_text

HEADER_SEARCH_ROWS = 10  # reports put a title above their header


def read_parquet(path: Path, chunk_rows: int) -> Iterator[Chunk]:
    """Yield the rows of a Parquet file, a row group at a time.

    Raises
    ------
    InputError
        If the file is not Parquet.
    """
    try:
        file = pq.ParquetFile(path)
    except pa.ArrowException as error:
        raise InputError(f"expected a Parquet file in '{path.name}'; found {error}") from error
    first = 1
    with file:
        header = file.schema_arrow.names
        yield Chunk(pd.DataFrame({name: pd.Series(dtype="str") for name in header}))
        for batch in file.iter_batches(batch_size=chunk_rows):
            frame = pd.concat([_strings(column).to_pandas() for column in batch.columns], axis=1)
            frame.columns = pd.Index(header, dtype="object")
            frame.index = pd.RangeIndex(first, first + len(frame))
            first += len(frame)
            yield Chunk(frame.astype("str").fillna(""))


def _strings(column: pa.Array) -> pa.Array:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.dictionary_decode(), kind.value_type
    if pa.types.is_timestamp(kind):
        # Microseconds are all that the time of an incident needs, and all that the canonical frame keeps.
        return pc.strftime(column.cast(pa.timestamp("us", tz=kind.tz or "UTC")).cast(pa.timestamp("us", tz="UTC")))
    if pa.types.is_floating(kind) or pa.types.is_nested(kind):
        values = [as_text(None if value != value else value) for value in column.to_pylist()]  # noqa: PLR0124 - NaN
        return pa.array(values, pa.string())
    return column.cast(pa.string())


def read_xlsx(path: Path, chunk_rows: int) -> Iterator[Chunk]:
    """Yield the rows of the first sheet that has any; the header is the first row that is as wide as the table.

    Raises
    ------
    InputError
        If the file is not a workbook or has no rows.
    """
    try:
        workbook = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except (BadZipFile, InvalidFileException, KeyError, OSError) as error:
        raise InputError(f"expected an XLSX workbook in '{path.name}'; found {error}") from error
    try:
        for sheet in workbook.worksheets:
            sheet.reset_dimensions()  # exporters write wrong ones
            rows = enumerate(sheet.iter_rows(values_only=True), start=1)
            if found := _find_header(rows):
                header, following = found
                yield from _xlsx_chunks(header, following, rows, chunk_rows)
                return
    finally:
        workbook.close()
    raise InputError(f"expected a header in '{path.name}'; found no sheet with any row")


Row = tuple[int, Sequence[Any]]


def _find_header(rows: Iterator[Row]) -> tuple[list[str], list[Row]] | None:
    """Return the header and the rows after it that were read to find it."""
    start = list(islice(rows, HEADER_SEARCH_ROWS))
    widths = [sum(cell is not None for cell in cells) for _, cells in start]
    if not any(widths):
        return None
    # Rows of data may have empty cells, a header has none: it is the first row of at least half the widest.
    at = next(i for i, width in enumerate(widths) if 2 * width >= max(widths))
    header = [str(cell).strip() if cell is not None else "" for cell in start[at][1]]
    while header and not header[-1]:
        header.pop()
    return header, start[at + 1 :]


def _xlsx_chunks(header: list[str], start: list[Row], rest: Iterable[Row], chunk_rows: int) -> Iterator[Chunk]:
    builder = ChunkBuilder(header)
    for rows in (start, rest):
        for place, cells in rows:
            texts = [_cell(cell) for cell in cells[: len(header)]]
            if any(texts):
                builder.add(place, texts + [""] * (len(header) - len(texts)))
            if len(builder) >= chunk_rows:
                yield builder.take()
    yield builder.take()


def _cell(value: Any) -> str:  # noqa: ANN401 - a cell of a sheet
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return as_text(value) or ""
