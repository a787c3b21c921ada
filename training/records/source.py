"""Source: a file that was found fit to be read, and the reader of its format."""

from __future__ import annotations

import difflib
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile

import pyarrow as pa

from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from training.records.chunk import Chunk, ReadOptions
from training.records.csv_file import read_csv
from training.records.encoding import open_binary
from training.records.json_file import read_json
from training.records.parquet_file import read_parquet
from training.records.xlsx_file import read_xlsx

Reader = Callable[[Path, ReadOptions], Iterator[Chunk]]
READERS: dict[str, Reader] = {
    ".csv": read_csv,
    ".tsv": read_csv,
    ".txt": read_csv,
    ".json": read_json,
    ".jsonl": read_json,
    ".ndjson": read_json,
    ".parquet": read_parquet,
    ".pq": read_parquet,
    ".xlsx": read_xlsx,
    ".xlsm": read_xlsx,
}
BINARY = (".parquet", ".pq", ".xlsx", ".xlsm")
# What the readers meet in the middle of a file that was cut off or damaged.
_DAMAGE = (EOFError, OSError, zlib.error, BadZipFile, ParseError, pa.ArrowException)


@dataclass(frozen=True, slots=True)
class Source:
    """One file and how to read it."""

    path: Path
    reader: Reader

    def chunks(self, options: ReadOptions) -> Iterator[Chunk]:
        """Read the file from its start.

        Raises
        ------
        InputError
            If the file breaks off or cannot be unpacked.
        """
        try:
            yield from self.reader(self.path, options)
        except _DAMAGE as error:
            raise _damaged(self.path, error) from error


def open_source(path: Path) -> Source:
    """Return how to read a file.

    Raises
    ------
    InputError
        If it is missing, a directory, empty, damaged at its start, or of a format that is not read.
    """
    if path.is_dir():
        inside = sorted(p.name for p in path.iterdir() if p.is_file())[:5]
        code = "file_expected" if inside else "file_expected_empty"
        raise InputError(Phrase(code, {"path": str(path), "files": tuple(inside)}))
    if not path.exists():
        raise InputError(Phrase("file_missing", {"path": str(path), "nearest": _nearest_file(path)}))
    reader = READERS.get(_suffix(path))
    if reader is None:
        advice = Phrase("save_as_xlsx") if _suffix(path) == ".xls" else ""
        values = {"endings": tuple(READERS), "file": path.name, "advice": advice}
        raise InputError(Phrase("file_of_other_kind", values))
    with open_binary(path) as stream:
        try:
            start = stream.read(1)
        except _DAMAGE as error:
            raise _damaged(path, error) from error
    if not start:
        raise InputError(Phrase("file_empty", {"path": str(path)}))
    return Source(path, reader)


def _damaged(path: Path, error: Exception) -> InputError:
    return InputError(Phrase("file_damaged", {"file": path.name, "fault": str(error)}))


def _suffix(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix == ".gz":
        inner = Path(path.stem).suffix.lower()
        return suffix if inner in BINARY else inner
    return suffix


def _nearest_file(path: Path) -> Phrase | str:
    if not path.parent.is_dir():
        return Phrase("nor_its_directory")
    near = difflib.get_close_matches(path.name, [p.name for p in path.parent.iterdir()], n=1)
    return Phrase("nearest", {"name": near[0]}) if near else ""
