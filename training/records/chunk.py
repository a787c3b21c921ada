"""Chunk: some rows of a file before they are translated, each under its place in the file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd


@dataclass(frozen=True, slots=True)
class Malformed:
    """A row that could not be read as a row."""

    row: int
    reason: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows as the file has them.

    Attributes
    ----------
    frame : DataFrame of str, shape (n_rows, n_columns)
        Columns are named as in the file and may repeat; the index is each row's place in the file; ``""`` is empty.
    malformed : list of Malformed
        Rows that stood between these and could not be read.
    """

    frame: pd.DataFrame
    malformed: list[Malformed] = field(default_factory=list)


class ChunkBuilder:
    """Collects rows of equal width until `take` is called."""

    def __init__(self, header: Sequence[str]) -> None:
        self.header = list(header)
        self.malformed: list[Malformed] = []
        self._places: list[int] = []
        self._rows: list[Sequence[str]] = []

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, place: int, cells: Sequence[str]) -> None:
        """Add one row."""
        self._places.append(place)
        self._rows.append(cells)

    def take(self) -> Chunk:
        """Return what was collected and start anew."""
        index = pd.Index(np.asarray(self._places, dtype=np.int64))
        columns = list(zip(*self._rows, strict=True)) or [()] * len(self.header)
        frame = string_frame(self.header, columns, index)
        chunk = Chunk(frame, self.malformed)
        self.malformed, self._places, self._rows = [], [], []
        return chunk


def string_frame(header: Sequence[str], columns: Sequence[Sequence[str]], index: pd.Index) -> pd.DataFrame:
    """Return a frame of strings; unlike a mapping, it may have two columns of one name."""
    series = [pd.Series(list(column), index=index, dtype="str") for column in columns]
    frame = pd.concat(series, axis=1) if series else pd.DataFrame(index=index)
    frame.columns = pd.Index(list(header), dtype="object")
    return frame
