"""IncidentRecords and KnowledgeRecords: past incidents and articles by number.

The release brings an unchanging frame; what the service learns later lies over it, so that a change costs nothing of
the frame's size.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from diagnosis.incident import FIELDS, IncidentBatch, as_frame
from diagnosis.knowledge import KNOWLEDGE_FIELDS, as_knowledge_frame

_FILE = "records.arrow"


class _Records(ABC):
    """Canonical rows by number; of rows with one number the last counts.

    Attributes
    ----------
    version : int
        Grows with each change.
    """

    columns: ClassVar[tuple[str, ...]]

    def __init__(self, frame: pd.DataFrame) -> None:
        canonical = self._canonical(frame)[list(self.columns)].drop_duplicates("number", keep="last")
        self._begin(pa.Table.from_pandas(canonical, preserve_index=False).combine_chunks())

    def _begin(self, base: pa.Table) -> None:
        # Arrow, because a few rows out of many must cost next to nothing, and a row of a frame does not.
        self._base = base
        self._row_of = {number: row for row, number in enumerate(base["number"].to_pylist())}
        self._later: dict[str, dict[str, Any]] = {}
        self.version = 0

    def __len__(self) -> int:
        return len(self._row_of.keys() | self._later.keys())

    def __contains__(self, number: object) -> bool:
        return number in self._later or number in self._row_of

    def records(self, numbers: Iterable[str], columns: Sequence[str] | None = None) -> dict[str, dict[str, Any]]:
        """Return the rows of these numbers by number, in this order; unknown numbers are left out.

        What is not known is ``""``, and None for times (otherwise aware datetimes) and counts. With ``columns``, a row
        holds these at least: each time that need not be made from its number saves as much as twenty words.
        """
        distinct = list(dict.fromkeys(numbers))
        # Each is looked up once: another thread may remove it at any moment.
        later = {n: row for n in distinct if (row := self._later.get(n)) is not None}
        base = {n: at for n in distinct if n not in later and (at := self._row_of.get(n)) is not None}
        table = self._base if columns is None else self._base.select(columns)
        rows = table.take(pa.array(base.values(), pa.int64())).to_pylist()
        by_number = dict(zip(base, rows, strict=True)) | later
        return {n: by_number[n] for n in distinct if n in by_number}

    def rows(self, numbers: Iterable[str]) -> pd.DataFrame:
        """Return the rows of these numbers as a canonical frame, in this order; unknown numbers are left out."""
        return self._frame_of(list(self.records(numbers).values()))

    def frame(self, columns: Sequence[str] | None = None, numbers: Collection[str] | None = None) -> pd.DataFrame:
        """Return every row, or those of some numbers, the later ones last.

        With ``columns``, ``number`` among them, the other columns are empty: most of a history is its texts, some
        hundred megabytes of a large one.
        """
        later = {number: row for number, row in dict(self._later).items() if numbers is None or number in numbers}
        unchanged = [
            row
            for number, row in list(self._row_of.items())
            if number not in later and (numbers is None or number in numbers)
        ]
        table = self._base if columns is None else self._base.select(columns)
        base = self._canonical(table.take(pa.array(unchanged, pa.int64())).to_pandas())
        if not later:
            return base
        return pd.concat([base, self._frame_of(list(later.values()))], ignore_index=True)

    def distinct(self, columns: Sequence[str]) -> set[str]:
        """Return the texts that stand in some columns, each once; with what a row held before it was replaced."""
        base = {value for name in columns for value in pc.unique(self._base[name]).to_pylist()}
        return {
            value for value in base | {row[name] for row in list(self._later.values()) for name in columns} if value
        }

    def _put(self, rows: Iterable[dict[str, Any]]) -> None:
        """Add canonical rows, or replace those of the same number."""
        self._later.update({row["number"]: row for row in rows})
        self.version += 1

    def remove(self, numbers: Iterable[str]) -> None:
        """Forget rows; unknown numbers are no error."""
        for number in numbers:
            self._later.pop(number, None)
            self._row_of.pop(number, None)
        self.version += 1

    def save(self, folder: Path) -> None:
        """Write the rows as an Arrow file."""
        # Without a frame between: that would hold the interpreter for a second at 100,000 rows.
        later = dict(self._later)
        unchanged = [row for number, row in list(self._row_of.items()) if number not in later]
        table = self._base.take(pa.array(unchanged, pa.int64()))
        if later:
            rows = pa.Table.from_pylist(list(later.values())).select(self.columns)
            # A base without rows knows no types.
            table = pa.concat_tables([table, rows], promote_options="permissive").combine_chunks()
        with pa.OSFile(str(folder / _FILE), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote; the rows stay on disk and are shared by the processes that read them."""
        records = cls.__new__(cls)
        records._begin(pa.ipc.open_file(pa.memory_map(str(folder / _FILE))).read_all())
        return records

    @staticmethod
    @abstractmethod
    def _canonical(frame: pd.DataFrame) -> pd.DataFrame:
        """Return the rows in canonical columns and types."""

    def _frame_of(self, records: list[dict[str, Any]]) -> pd.DataFrame:
        return self._canonical(pd.DataFrame(records, columns=list(self.columns)))


class IncidentRecords(_Records):
    """Past incidents by number."""

    columns = FIELDS

    def upsert(self, incidents: IncidentBatch) -> None:
        """Add incidents, or replace those of the same number; extra columns are left out."""
        self._put(incidents.row(row) for row in range(len(incidents)))

    @staticmethod
    def _canonical(frame: pd.DataFrame) -> pd.DataFrame:
        return as_frame(frame)


class KnowledgeRecords(_Records):
    """Articles of the knowledge base by number, and which of them are translations of one another."""

    columns = KNOWLEDGE_FIELDS

    def upsert(self, articles: pd.DataFrame) -> None:
        """Add the rows of a canonical frame, or replace those of the same number."""
        rows = pa.Table.from_pandas(articles[list(self.columns)], preserve_index=False).to_pylist()
        self._put(rows)
        self._relate(rows)

    def in_language(self, number: str, language: str) -> str:
        """Return the number of an article in a language: its own, its original's or a translation's.

        Where there is none in that language, it is the article's own number. ``zh`` stands for ``zh-CN`` too.
        """
        original = self._original_of.get(number, number)
        for member in [number, original, *sorted(self._translations.get(original, ()))]:
            if self._languages.get(member) == language:
                return member
        return number

    def remove(self, numbers: Iterable[str]) -> None:
        """Forget articles; unknown numbers are no error."""
        numbers = list(numbers)
        super().remove(numbers)
        for number in numbers:
            self._languages.pop(number, None)

    def _begin(self, base: pa.Table) -> None:
        super()._begin(base)
        self._original_of: dict[str, str] = {}
        self._translations: dict[str, frozenset[str]] = {}
        self._languages: dict[str, str] = {}
        self._relate(base.select(("number", "translation_of", "language")).to_pylist())

    def _relate(self, rows: Iterable[Mapping[str, Any]]) -> None:
        for row in rows:
            number, original = row["number"], row["translation_of"]
            self._languages[number] = row["language"].lower().partition("-")[0]
            previous = self._original_of.pop(number, "")
            if previous:
                self._translations[previous] -= {number}
            if original:
                self._original_of[number] = original
                # A new set each time: another thread may be reading the one before.
                self._translations[original] = self._translations.get(original, frozenset()) | {number}

    @staticmethod
    def _canonical(frame: pd.DataFrame) -> pd.DataFrame:
        return as_knowledge_frame(frame)
