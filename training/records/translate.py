"""Translation of a raw chunk into canonical columns: names, meanings, empty words, times, counts, text, every fault."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from diagnosis.incident import COUNT_FIELDS, TIME_FIELDS
from diagnosis.phrases import Phrase
from diagnosis.text import plain_text, repair
from training.records.chunk import Chunk
from training.records.columns import ColumnPlan, RecordKind
from training.records.dialects import Dialect
from training.records.reject import Reject
from training.records.times import parse_times

# Words by which databases and spreadsheets write "no value"; in this spelling only, for "Null" is also a surname.
NULL_WORDS = frozenset(
    [
        "NULL",
        "null",
        "None",
        "NaN",
        "nan",
        "NaT",
        "<NA>",
        "#N/A",
        "\\N",
        "(null)",
        "(empty)",
        "(空)",
        "-- None --",
        "-- 无 --",
        "Not set",
    ]
)
# Bytes read in the wrong encoding show as Latin, Greek or Cyrillic signs: text of ASCII and CJK alone is as it was.
# Looking for them first makes reading several times as fast.
SUSPECT = re.compile("_x00|[^\x00-\x7f\u3000-\u303f\u3400-\u9fff\uff00-\uffef]")
FUTURE_FIELDS = ("valid_to", "review_at")  # times that may lie in the future
ALL_TIMES = (*TIME_FIELDS, *FUTURE_FIELDS)
WORDS = frozenset({"short_description", "description", "close_notes", "title", "symptoms", "cause", "resolution"})
MAX_NUMBER = 255  # characters
_TYPES = ("incident", "request", "complaint")
_SCALES = {"satisfaction": (1, 5)}  # what lies outside is of another scale
_ROUNDED = frozenset({"on_hold_minutes", "satisfaction"})
_FINAL_NUMBER = re.compile(r"\s*\((?P<number>[^()]{1,60})\)$")
_GROUPING = re.compile("(?<=\\d)[ \u00a0\u202f](?=\\d)")
_SCIENTIFIC = re.compile(r"\d(?:[.,]\d+)?E\+\d{2,}", re.IGNORECASE)

Columns = dict[str, list[Any]]


@dataclass(frozen=True, slots=True)
class Translation:
    """The usable rows of a chunk in canonical names, with the faults found in it.

    Attributes
    ----------
    columns : dict of str to list
        Words as str, times as datetime in UTC or None, counts as int or None.
    places : list of int
        Each row's place in the file.
    repaired : list of bool
        For each row, whether damaged text in it was mended.
    rejects : list of Reject
        In order of the file.
    """

    columns: Columns
    places: list[int]
    repaired: list[bool]
    rejects: list[Reject]

    def frame(self) -> pd.DataFrame:
        """Return the rows as a frame of canonical types, indexed by their place in the file."""
        arrays = {name: pd.array(column, dtype=_dtype(name)) for name, column in self.columns.items()}
        return pd.DataFrame(arrays, index=pd.Index(self.places, dtype="int64"), copy=False)


def _dtype(name: str) -> Any:  # noqa: ANN401 - as pandas has it
    if name in ALL_TIMES:
        return pd.DatetimeTZDtype("us", "UTC")
    return pd.Int64Dtype() if name in COUNT_FIELDS else pd.StringDtype(na_value=np.nan)


class Translator:
    """Translates the chunks of one file, or the tickets of one system.

    Parameters
    ----------
    file : str
        Name of the file, for rejects.
    kind : RecordKind
        Incidents or knowledge.
    latest : datetime
        Times after it have not come yet and cannot be when something happened.
    every_row : bool
        Keep rows without any text.
    zone : tzinfo
        Of times that name none.

    Attributes
    ----------
    scientific : str
        A number that a spreadsheet had rounded (``1.01E+11``), ``""`` if none was met.
    """

    def __init__(
        self, file: str, kind: RecordKind, latest: datetime, *, every_row: bool = False, zone: tzinfo = UTC
    ) -> None:
        self.file, self.kind, self.latest, self.every_row, self.zone = file, kind, latest, every_row, zone
        self.scientific = ""

    def translate(self, chunk: Chunk, plan: ColumnPlan, orders: Mapping[str, bool | None]) -> Translation:
        """Return a chunk translated by ``plan``; ``orders`` says for a time field whether the day comes first."""
        return _ChunkTranslation(self, chunk, plan, orders).result()


class _ChunkTranslation:
    """The translation of one chunk: columns that become canonical step by step, and faults that are collected."""

    def __init__(
        self, translator: Translator, chunk: Chunk, plan: ColumnPlan, orders: Mapping[str, bool | None]
    ) -> None:
        self._settings, self._chunk, self._plan, self._orders = translator, chunk, plan, orders
        self._file = f"{translator.file}[{chunk.part}]" if chunk.part else translator.file
        self._columns: Columns = {
            name: self._coalesced(name) for name in translator.kind.fields if name in plan.sources
        }
        if plan.numbered:
            stem = Path(self._file).name.split(".")[0] + (f"-{chunk.part}" if chunk.part else "")
            self._columns["number"] = [f"{stem}-{place}" for place in chunk.places]
        self._useless: dict[int, tuple[str, Phrase]] = {}  # position to column and reason
        self._rejects: list[Reject] = []

    def result(self) -> Translation:
        split_tree(self._columns, self._plan.dialect.tree if self._plan.dialect else "")
        self._columns |= _extra(self._chunk, self._plan)
        repaired = self._repair()
        self._words()
        self._meanings()
        self._titles()
        self._find_useless()
        for name in [name for name in self._columns if name in self._settings.kind.fields]:
            if name in ALL_TIMES:
                self._times(name)
            elif name in COUNT_FIELDS:
                self._counts(name)
        self._order_times()
        return self._usable(repaired)

    def _coalesced(self, name: str) -> list[str]:
        """Return a field's words: the first value of each row among its columns, with seconds as minutes."""
        dialect = self._plan.dialect
        scaled = dialect.seconds if dialect else frozenset()
        return coalesced(self._chunk, self._plan.sources[name], scaled)

    def _repair(self) -> list[bool]:
        """Mend damaged text, looking at each distinct value once; return which rows had any."""
        changed = [False] * len(self._chunk)
        for name, column in self._columns.items():
            distinct = {value for value in column if not value.isascii() or "_x00" in value}
            mended = {value: repair(value) for value in distinct if SUSPECT.search(value)}
            mended = {value: text for value, text in mended.items() if text != value}
            if mended:
                self._columns[name] = [mended.get(value, value) for value in column]
                changed = [was or value in mended for was, value in zip(changed, column, strict=True)]
        return changed

    def _words(self) -> None:
        """Undo the markup of free text."""
        for name in WORDS.intersection(self._columns):
            self._columns[name] = _mapped(plain_text, self._columns[name])

    def _meanings(self) -> None:
        """Say what codes mean, and blank the resolution of tickets that are open again."""
        dialect = self._plan.dialect
        if "type" in self._columns:
            self._columns["type"] = _mapped(self._type, self._columns["type"])
        if dialect is None:
            return
        for name in {*dialect.meanings, *dialect.removed, *dialect.steps}.intersection(self._columns) - {"type"}:
            self._columns[name] = _mapped(partial(dialect.meaning, name), self._columns[name])
        if "contact_type" in self._columns:
            self._columns["contact_type"] = [value.lower() for value in self._columns["contact_type"]]
        is_open = self._open_rows(dialect)
        if any(is_open):
            for name in {"resolved_at", "closed_at"}.intersection(self._columns):
                column = self._columns[name]
                self._columns[name] = ["" if opened else time for opened, time in zip(is_open, column, strict=True)]

    def _open_rows(self, dialect: Dialect) -> list[bool]:
        """Return for each row whether its ticket is open, by its state or by a column that says it for every state."""
        is_open = [state.casefold() in dialect.open_states for state in self._columns.get("state", ())]
        is_open = is_open or [False] * len(self._chunk)
        for name, values in dialect.open_when.items():
            for column in self._chunk.columns_named(name):
                is_open = [was or value.casefold() in values for was, value in zip(is_open, column, strict=True)]
        return is_open

    def _titles(self) -> None:
        """Take a ticket's own number out of the end of its title, where an export wrote it."""
        titles = self._columns.get("short_description")
        if titles and self._plan.dialect:
            self._columns["short_description"] = [
                _without_number(title, number) for title, number in zip(titles, self._columns["number"], strict=True)
            ]

    def _type(self, value: str) -> str:
        """Return one of the three types: a word that is none of them is an incident's."""
        meaning = self._plan.dialect.meaning("type", value) if self._plan.dialect else value
        meaning = meaning.casefold()
        return meaning if meaning in _TYPES else _TYPES[0]

    def _find_useless(self) -> None:
        """Find the rows that cannot be used."""
        text = [self._columns[name] for name in self._settings.kind.text if name in self._columns]
        if text and not self._settings.every_row:
            names = [name for name in self._settings.kind.text if name in self._columns]
            columns = dict(zip(("first", "second"), names, strict=False))
            reason = (self._source(names[0]), Phrase("text_expected" if len(names) < 2 else "texts_expected", columns))
            for row, values in enumerate(zip(*text, strict=True)):
                if not any(values):
                    self._useless[row] = reason
        for row, number in enumerate(self._columns["number"]):
            if not number:
                self._useless[row] = (self._source("number"), Phrase("number_expected"))
            elif len(number) > MAX_NUMBER:
                self._useless[row] = (self._source("number"), Phrase("number_too_long", {"most": MAX_NUMBER}))
            elif number[-1].isdigit() and "+" in number and _SCIENTIFIC.fullmatch(number):
                self._settings.scientific = number

    def _times(self, name: str) -> None:
        latest = None if name in FUTURE_FIELDS else self._settings.latest
        column = self._columns[name]
        parsed = parse_times(column, self._orders.get(name), latest, self._settings.zone)
        for row, reason in parsed.faults.items():
            self._blank(name, row, reason, column[row])
        self._columns[name] = parsed.times

    def _counts(self, name: str) -> None:
        least, greatest = _SCALES.get(name, (0, 2**31))
        reason = Phrase("count_expected")
        if name in _SCALES:
            reason = Phrase("count_on_scale_expected", {"least": least, "most": greatest})
        counts: list[int | None] = []
        for row, text in enumerate(self._columns[name]):
            count = _whole_number(text, rounded=name in _ROUNDED)
            if text and (count is None or not least <= count <= greatest):
                self._blank(name, row, reason, text)
                count = None
            counts.append(count)
        self._columns[name] = counts

    def _order_times(self) -> None:
        """Blank times of later moments that lie before the logging."""
        opened = self._columns.get("opened_at")
        if opened is None:
            return
        for name in TIME_FIELDS:
            if name == "opened_at" or name not in self._columns:
                continue
            column = list(self._columns[name])
            for row, (time, start) in enumerate(zip(column, opened, strict=True)):
                if time is not None and start is not None and time < start:
                    self._blank(name, row, Phrase("time_before_opened"), str(time))
                    column[row] = None
            self._columns[name] = column

    def _blank(self, name: str, row: int, reason: Phrase, value: str) -> None:
        """Note that a value was left out of a row that is kept."""
        if row not in self._useless:
            place = self._chunk.places[row]
            self._rejects.append(Reject(self._file, place, self._source(name), reason, value, "value blanked"))

    def _source(self, name: str) -> str:
        return self._plan.sources.get(name, (name,))[0]

    def _usable(self, repaired: list[bool]) -> Translation:
        places, numbers = self._chunk.places, self._columns["number"]
        rejects = [Reject(self._file, bad.row, "", bad.reason, bad.value) for bad in self._chunk.malformed]
        rejects += [
            Reject(self._file, places[row], column, reason, str(numbers[row]))
            for row, (column, reason) in self._useless.items()
        ]
        rejects = sorted([*rejects, *self._rejects], key=lambda reject: reject.row)
        if not self._useless:
            return Translation(self._columns, places, repaired, rejects)
        keep = [row for row in range(len(places)) if row not in self._useless]
        columns = {name: [column[row] for row in keep] for name, column in self._columns.items()}
        return Translation(columns, [places[row] for row in keep], [repaired[row] for row in keep], rejects)


def coalesced(chunk: Chunk, names: Sequence[str], seconds: frozenset[str] = frozenset()) -> list[str]:
    """Return the first value of each row among columns, trimmed, empty words as ``""``.

    Columns of one name are joined by ``; ``; those in ``seconds`` are divided by 60.
    """
    result: list[str] | None = None
    for name in names:
        columns = [_trimmed(column) for column in chunk.columns_named(name)]
        if not columns:
            continue
        values = columns[0] if len(columns) == 1 else _joined(columns)
        if name in seconds:
            values = [_minutes(value) for value in values]
        result = values if result is None else [ours or value for ours, value in zip(result, values, strict=True)]
    return [""] * len(chunk) if result is None else result


def split_tree(columns: Columns, separator: str) -> None:
    """Split a category written as a path (``Hardware > Laptop``) where the file has no subcategory of its own."""
    if separator and "category" in columns and "subcategory" not in columns:
        parts = [category.partition(separator) for category in columns["category"]]
        columns["category"] = [first.strip() for first, _, _ in parts]
        columns["subcategory"] = [below.strip() for _, _, below in parts]


def _without_number(title: str, number: str) -> str:
    match = _FINAL_NUMBER.search(title)
    is_own = match is not None and _GROUPING.sub("", match["number"]) == number
    return title[: match.start()] or title if match and is_own else title


def _trimmed(column: list[str]) -> list[str]:
    return ["" if (text := value.strip()) in NULL_WORDS else text for value in column]


def _joined(columns: list[list[str]]) -> list[str]:
    return ["; ".join(value for value in row if value) for row in zip(*columns, strict=True)]


def _minutes(seconds: str) -> str:
    try:
        return str(round(float(seconds) / 60))
    except (ValueError, OverflowError):
        return seconds


def _mapped(function: Callable[[str], str], column: list[str]) -> list[str]:
    """Apply a function to each distinct value once."""
    values = {value: function(value) for value in set(column)}
    return [values[value] for value in column]


def _whole_number(text: str, *, rounded: bool) -> int | None:
    try:
        number = float(text)
        return round(number) if rounded or number.is_integer() else None
    except (ValueError, OverflowError):
        return None


def _extra(chunk: Chunk, plan: ColumnPlan) -> Columns:
    """Return the columns that no field uses, as they came; cells of repeated ones joined by ``; ``."""
    used = {name for names in plan.sources.values() for name in names}
    extra: Columns = {}
    for name in dict.fromkeys(chunk.header):
        if name in used or not name:
            continue
        columns = chunk.columns_named(name)
        extra[f"original_{name}" if name in plan.sources else name] = (
            columns[0] if len(columns) == 1 else _joined(columns)
        )
    return extra
