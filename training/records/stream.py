"""RecordStream: files of any known kind become canonical chunks; what cannot be used is written down and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypedDict, Unpack

import numpy as np
import pandas as pd

from diagnosis.errors import InputError
from diagnosis.incident import TIME_FIELDS

from .chunk import Chunk
from .columns import ColumnPlan, Kind, plan_columns
from .reject import Reject, RejectFile
from .source import Source, open_source
from .times import day_comes_first, has_either_way
from .translate import Translation, Translator, coalesced

Paths = str | Path | Iterable[str | Path]
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class ImportCounts:
    """What an import did.

    Attributes
    ----------
    read, imported, rejected : int
        Rows; ``read == imported + rejected``.
    repaired : int
        Imported rows in which damaged text was mended.
    blanked : int
        Values left out of rows that were kept (a time or a count that cannot be).
    presets : mapping of str to str
        File name to the preset that translated it, for each file that one did.
    reasons : mapping of str to int
        Why rows were rejected and values blanked, most frequent first.
    notes : tuple of str
        What a person should know of the files as wholes, such as a file without any text.
    """

    read: int = 0
    imported: int = 0
    rejected: int = 0
    repaired: int = 0
    blanked: int = 0
    presets: Mapping[str, str] = field(default_factory=dict)
    reasons: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class ImportOptions(TypedDict, total=False):
    """How records are to be read; every option may be left out.

    Attributes
    ----------
    preset : {"servicenow", "jira", "zammad", "glpi"} or None
        Whose field names the files use; None finds it out from each header.
    mapping : mapping of str to str or None
        Canonical field to the file's column; wins over the preset.
    rejects : Path or None
        CSV to write rejected rows and blanked values to.
    chunk_rows : int
        Rows to hold at once, 50,000 if not given.
    progress : callable or None
        Called after each chunk with the number of rows read in it.
    every_row : bool
        Keep each row that has a number, without text or repeated though it may be: for diagnosing, where every row is
        owed an answer.
    now : datetime or None
        Moment of the import (aware); times more than a day after it are blanked. The clock's if not given.
    """

    preset: str | None
    mapping: Mapping[str, str] | None
    rejects: Path | None
    chunk_rows: int
    progress: Progress | None
    every_row: bool
    now: datetime | None


class RecordStream(Iterator[pd.DataFrame]):
    """Canonical chunks of one or more files, in order; `counts` grows as they are taken."""

    def __init__(self, kind: Kind, paths: Paths, **options: Unpack[ImportOptions]) -> None:
        self.kind, self._options = kind, options
        self._chunk_rows = options.get("chunk_rows", 50_000)
        if self._chunk_rows < 1:
            raise InputError(f"expected chunk_rows of at least 1; found {self._chunk_rows}")
        self._sources = [open_source(path) for path in _as_paths(paths)]  # all are checked before the first is read
        self._latest = pd.Timestamp(options.get("now") or datetime.now(UTC)) + timedelta(days=1)
        self._rejects = RejectFile(options.get("rejects"))
        self._seen: set[str] = set()
        self._tally: Counter[str] = Counter()
        self._presets: dict[str, str] = {}
        self._notes: list[str] = []
        self._chunks = self._run()

    def __next__(self) -> pd.DataFrame:
        """Return the next chunk."""
        return next(self._chunks)

    @property
    def counts(self) -> ImportCounts:
        """What was done so far."""
        return ImportCounts(
            read=self._tally["imported"] + self._rejects.rows,
            imported=self._tally["imported"],
            rejected=self._rejects.rows,
            repaired=self._tally["repaired"],
            blanked=self._rejects.values,
            presets=dict(self._presets),
            reasons=dict(self._rejects.reasons.most_common()),
            notes=tuple(self._notes),
        )

    def _run(self) -> Iterator[pd.DataFrame]:
        with self._rejects:
            for source in self._sources:
                yield from self._file(source)

    def _file(self, source: Source) -> Iterator[pd.DataFrame]:
        file, options = source.path.name, self._options
        translator = Translator(file, self.kind, self._latest, every_row=options.get("every_row", False))
        header: dict[str, None] = {}
        orders: dict[str, bool | None] = {}
        plan: ColumnPlan | None = None
        for chunk in source.chunks(self._chunk_rows):
            if plan is None or not header.keys() >= set(chunk.frame.columns):  # JSON names a column when it has one
                header |= dict.fromkeys(chunk.frame.columns)
                plan = plan_columns(list(header), self.kind, options.get("preset"), options.get("mapping"), file)
            _decide_orders(source, chunk, plan, orders)
            frame = self._unique(translator.translate(chunk, plan, orders), file, plan)
            if len(frame):
                yield self.kind.canonical(frame)
            if progress := options.get("progress"):
                progress(len(chunk.frame) + len(chunk.malformed))
        if plan is not None:
            self._note(plan, file)

    def _unique(self, translation: Translation, file: str, plan: ColumnPlan) -> pd.DataFrame:
        """Leave out rows whose number was seen before, in this file or an earlier one: the first is kept."""
        frame, rejects = translation.frame, translation.rejects
        number = frame["number"]
        if self._options.get("every_row"):
            repeated = pd.Series(False, index=number.index)
        else:  # asked one by one: `isin` would copy all that was seen for each chunk
            repeated = number.duplicated() | np.array([name in self._seen for name in number], dtype=bool)
        column, reason = plan.sources["number"][0], "expected a number that no earlier row has"
        rejects = rejects + [Reject(file, int(row), column, reason, number[row]) for row in number.index[repeated]]
        self._rejects.write(sorted(rejects, key=lambda reject: reject.row))
        self._seen.update(number[~repeated])
        self._tally["imported"] += int((~repeated).sum())
        self._tally["repaired"] += int(translation.repaired[~repeated].sum())
        return frame[~repeated]

    def _note(self, plan: ColumnPlan, file: str) -> None:
        if plan.preset:
            self._presets[file] = plan.preset
        if not set(self.kind.text) & set(plan.sources):
            self._notes.append(f"'{file}' has no column for {' or '.join(self.kind.text)}: only its fields are used")


def _decide_orders(source: Source, chunk: Chunk, plan: ColumnPlan, orders: dict[str, bool | None]) -> None:
    """Find out for each time field of the file whether 03/04/2026 begins with the day: one value of the file decides.

    The file is read once more only if it has such times and this chunk does not decide.
    """
    for name in (f for f in (*TIME_FIELDS, "valid_to") if f in plan.sources and f not in orders):
        names = plan.sources[name]
        if has_either_way(coalesced(chunk.frame, names)):
            decisions = (
                day_comes_first(coalesced(piece.frame, names)) for piece in source.chunks(max(1000, len(chunk.frame)))
            )
            orders[name] = next((decision for decision in decisions if decision is not None), None)


def _as_paths(paths: Paths) -> list[Path]:
    found = [Path(paths)] if isinstance(paths, str | Path) else [Path(path) for path in paths]
    if not found:
        raise InputError("expected at least one file to read; found none")
    return found
