"""Parquet as raw chunks of strings; whole numbers stay whole, times become ISO 8601."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from training.records.chunk import Chunk, ReadOptions
from training.records.json_file import as_text


def read_parquet(path: Path, options: ReadOptions) -> Iterator[Chunk]:
    """Yield the rows of a Parquet file, a row group at a time.

    Raises
    ------
    InputError
        If the file is not Parquet.
    """
    try:
        file = pq.ParquetFile(path)
    except pa.ArrowException as error:
        raise InputError(Phrase("parquet_expected", {"file": path.name, "fault": str(error)})) from error
    first = 1
    with file:
        header = list(file.schema_arrow.names)
        yield Chunk(header, [[] for _ in header], [])
        for batch in file.iter_batches(batch_size=options.chunk_rows):
            columns = [_strings(column) for column in batch.columns]
            yield Chunk(header, columns, list(range(first, first + len(batch))))
            first += len(batch)


def _strings(column: pa.Array) -> list[str]:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.dictionary_decode(), kind.value_type
    if pa.types.is_timestamp(kind):
        # Microseconds are all that the time of an incident needs; a time without a zone keeps none.
        times = column.cast(pa.timestamp("us", tz=kind.tz))
        times = times.cast(pa.timestamp("us", tz="UTC")) if kind.tz else times
        return [text or "" for text in pc.strftime(times, "%Y-%m-%dT%H:%M:%S" + ("Z" if kind.tz else "")).to_pylist()]
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_date(kind):
        column = column.cast(pa.string())
    return [as_text(value) or "" for value in column.to_pylist()]
