"""Chunk: some rows of a file before they are translated, each under its place in the file; and how a file is read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from diagnosis.phrases import Phrase
from training.records.encoding import Encoding


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How a file is read.

    Attributes
    ----------
    chunk_rows : int
        Rows to hold at once.
    encoding : Encoding or None
        Of a text file; None finds it out.
    sheet : str or None
        Of a workbook; None takes the sheets that have the columns.
    is_known : callable of str
        Whether a name is one that a header may have: how the header is told from titles above it.
    notes : list of Phrase
        What a person should know of the file is added here.
    """

    chunk_rows: int = 50_000
    encoding: Encoding | None = None
    sheet: str | None = None
    is_known: Callable[[str], bool] = lambda _name: False
    notes: list[Phrase] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Malformed:
    """A row that could not be read as a row."""

    row: int
    reason: Phrase
    value: str = ""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows as the file has them, by column.

    Attributes
    ----------
    header : list of str
        Names as in the file; they may repeat.
    columns : list of list of str
        Cells, a list for each name; ``""`` is empty.
    places : list of int
        Each row's place in the file.
    malformed : list of Malformed
        Rows that stood between these and could not be read.
    part : str
        The sheet that they come from, where a file has several.
    """

    header: list[str]
    columns: list[list[str]]
    places: list[int]
    malformed: list[Malformed] = field(default_factory=list)
    part: str = ""

    def __len__(self) -> int:
        return len(self.places)

    def columns_named(self, name: str) -> list[list[str]]:
        """Return the columns of a name."""
        return [column for title, column in zip(self.header, self.columns, strict=True) if title == name]


class ChunkBuilder:
    """Collects rows of equal width until `take` is called."""

    def __init__(self, header: Sequence[str], part: str = "") -> None:
        self.header = list(header)
        self.part = part
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
        columns = [list(column) for column in zip(*self._rows, strict=True)] or [[] for _ in self.header]
        chunk = Chunk(self.header, columns, self._places, self.malformed, self.part)
        self.malformed, self._places, self._rows = [], [], []
        return chunk
