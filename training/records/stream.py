"""RecordStream: files of any known kind become canonical chunks; what cannot be used is written down and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypedDict, Unpack

import pandas as pd

from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from training.records.chunk import Chunk, ReadOptions
from training.records.columns import ColumnPlan, RecordKind, name_check, plan_columns
from training.records.encoding import named_encoding
from training.records.reject import Reject, RejectFile
from training.records.source import Source, open_source
from training.records.times import day_comes_first, has_either_way, zone_named
from training.records.translate import ALL_TIMES, Translation, Translator, coalesced

Paths = str | Path | Iterable[str | Path]
CHUNK_ROWS = 50_000

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
    reasons : mapping of Phrase to int
        Why rows were rejected and values blanked, most frequent first.
    notes : tuple of Phrase
        What a person should know of the files as wholes, such as a file without any text.
    """

    read: int = 0
    imported: int = 0
    rejected: int = 0
    repaired: int = 0
    blanked: int = 0
    presets: Mapping[str, str] = field(default_factory=dict)
    reasons: Mapping[Phrase, int] = field(default_factory=dict)
    notes: tuple[Phrase, ...] = ()


class ImportOptions(TypedDict, total=False):
    """How records are to be read; every option may be left out.

    Attributes
    ----------
    preset : {"servicenow", "jira", "zammad", "glpi", "rt"} or None
        Whose field names the files use; None finds it out from each header.
    mapping : mapping of str to str or None
        Canonical field to the file's column; wins over the preset.
    number_from : str or None
        The column that holds the number, or ``rows`` to number the rows of a file that has none.
    encoding : str or None
        Of text files that are not UTF-8; None finds it out, and the notes say what was assumed.
    sheet : str or None
        Of a workbook; None reads the sheets that have the columns, and the notes name those that were not read.
    timezone : str or None
        Of times that name no zone (``Asia/Shanghai``, ``+08:00``); UTC if not given.
    rejects : Path or None
        CSV to write rejected rows and blanked values to.
    chunk_rows : int
        Rows to hold at once, 50,000 if not given.
    progress : callable or None
        Called after each chunk with the number of rows read in it.
    every_row : bool
        Keep each row that has a number, without text or repeated though it may be: for diagnosing, where every row is
        owed an answer.
    keep_repeated : bool
        Keep rows whose number an earlier row has: where exports overlap, the later says how a record ended.
    now : datetime or None
        Moment of the import (aware); times more than a day after it are blanked. The clock's if not given.
    """

    preset: str | None
    mapping: Mapping[str, str] | None
    number_from: str | None
    encoding: str | None
    sheet: str | None
    timezone: str | None
    rejects: Path | None
    chunk_rows: int
    progress: Progress | None
    every_row: bool
    keep_repeated: bool
    now: datetime | None


class RecordStream(Iterator[pd.DataFrame]):
    """Canonical chunks of one or more files, in order; `counts` grows as they are taken."""

    def __init__(self, kind: RecordKind, paths: Paths, **options: Unpack[ImportOptions]) -> None:
        self.kind, self._options = kind, options
        self._chunk_rows = options.get("chunk_rows", CHUNK_ROWS)
        if self._chunk_rows < 1:
            raise InputError(Phrase("chunk_rows_too_few", {"value": self._chunk_rows}))
        self._sources = [open_source(path) for path in _as_paths(paths)]  # all are checked before the first is read
        self._latest = (options.get("now") or datetime.now(UTC)) + timedelta(days=1)
        self._zone = zone_named(options.get("timezone") or "UTC")
        self._read_options = read_options(kind, options)
        self._rejects = RejectFile(options.get("rejects"))
        self._seen: set[str] = set()
        self._tally: Counter[str] = Counter()
        self._presets: dict[str, str] = {}
        self._notes = self._read_options.notes
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
        translator = Translator(
            file, self.kind, self._latest, every_row=options.get("every_row", False), zone=self._zone
        )
        header: dict[str, None] = {}
        orders: dict[str, bool | None] = {}
        plan: ColumnPlan | None = None
        for chunk in source.chunks(self._read_options):
            if plan is None or not header.keys() >= set(chunk.header):  # JSON names a column when it has one
                if not chunk.header and chunk.malformed:
                    self._rejects.write(Reject(file, bad.row, "", bad.reason, bad.value) for bad in chunk.malformed)
                    continue
                header |= dict.fromkeys(chunk.header)
                plan = self._plan(list(header), file)
            _decide_orders(source, chunk, plan, orders, self._read_options)
            frame = self._unique(translator.translate(chunk, plan, orders), file, plan)
            if len(frame):
                yield self.kind.canonical(frame)
            if progress := options.get("progress"):
                progress(len(chunk) + len(chunk.malformed))
        if plan is not None:
            self._note(plan, file, translator)

    def _plan(self, header: list[str], file: str) -> ColumnPlan:
        options = self._options
        return plan_columns(
            header, self.kind, options.get("preset"), options.get("mapping"), file, options.get("number_from")
        )

    def _unique(self, translation: Translation, file: str, plan: ColumnPlan) -> pd.DataFrame:
        """Leave out rows whose number was seen before, in this file or an earlier one: the first is kept."""
        keeps = self._options.get("every_row") or self._options.get("keep_repeated")
        repeated: list[bool] = []
        rejects = list(translation.rejects)
        column, reason = plan.sources.get("number", ("number",))[0], Phrase("number_repeated")
        for number, place in zip(translation.columns["number"], translation.places, strict=True):
            is_repeated = number in self._seen and not keeps
            repeated.append(is_repeated)
            self._seen.add(number)
            if is_repeated:
                rejects.append(Reject(file, place, column, reason, number))
        self._rejects.write(sorted(rejects, key=lambda reject: reject.row))
        self._tally["imported"] += repeated.count(False)
        self._tally["repaired"] += sum(
            mended and not again for mended, again in zip(translation.repaired, repeated, strict=True)
        )
        frame = translation.frame()
        return frame[[not again for again in repeated]] if any(repeated) else frame

    def _note(self, plan: ColumnPlan, file: str, translator: Translator) -> None:
        if plan.preset:
            self._presets[file] = plan.preset
        if not set(self.kind.text) & set(plan.sources):
            columns = dict(zip(("first", "second"), self.kind.text, strict=False))
            code = "file_without_two_texts" if len(columns) > 1 else "file_without_text"
            self._notes.append(Phrase(code, {"file": file, **columns}))
        if translator.scientific:
            values = {"file": file, "number": translator.scientific}
            self._notes.append(Phrase("file_with_rounded_numbers", values))


def read_options(kind: RecordKind, options: ImportOptions) -> ReadOptions:
    """Return how the files of an import are read.

    Raises
    ------
    InputError
        If there is no such encoding.
    """
    encoding = options.get("encoding")
    return ReadOptions(
        options.get("chunk_rows", CHUNK_ROWS),
        named_encoding(encoding) if encoding else None,
        options.get("sheet"),
        name_check(kind, options.get("mapping")),
        [],
    )


def _decide_orders(
    source: Source, chunk: Chunk, plan: ColumnPlan, orders: dict[str, bool | None], options: ReadOptions
) -> None:
    """Find out for each time field of the file whether 03/04/2026 begins with the day: one value of the file decides.

    The file is read once more only if it has such times and this chunk does not decide.
    """
    for name in (name for name in ALL_TIMES if name in plan.sources and name not in orders):
        names = plan.sources[name]
        if has_either_way(coalesced(chunk, names)):
            again = replace(options, chunk_rows=max(1000, len(chunk)), notes=[])
            decisions = (day_comes_first(coalesced(piece, names)) for piece in source.chunks(again))
            orders[name] = next((decision for decision in decisions if decision is not None), None)


def _as_paths(paths: Paths) -> list[Path]:
    listed = [Path(paths)] if isinstance(paths, str | Path) else [Path(path) for path in paths]
    if not listed:
        raise InputError(Phrase("file_needed"))
    return listed
