"""Translation of a raw chunk into a canonical frame: names, empty words, times, counts, repair, and every fault."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from diagnosis.incident import COUNT_FIELDS, TIME_FIELDS
from diagnosis.text import repair_column

from .chunk import Chunk
from .columns import ColumnPlan, Kind
from .reject import Reject
from .times import parse_times

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
    ]
)
# Bytes read in the wrong encoding show as Latin, Greek or Cyrillic signs: text of ASCII and CJK alone is as it was.
# Looking for them first makes reading several times as fast.
SUSPECT = "_x00|[^\x00-\x7f\u3000-\u303f\u3400-\u9fff\uff00-\uffef]"
UNCERTAIN_LATER = ("valid_to",)  # a time that may lie in the future


@dataclass(frozen=True, slots=True)
class Translation:
    """A chunk in canonical names, with the faults found in it.

    Attributes
    ----------
    frame : DataFrame
        Usable rows, indexed by their place in the file.
    repaired : Series of bool
        For each row of ``frame``, whether damaged text in it was mended.
    rejects : list of Reject
        In order of the file.
    """

    frame: pd.DataFrame
    repaired: pd.Series
    rejects: list[Reject]


class Translator:
    """Translates the chunks of one file.

    Parameters
    ----------
    file : str
        Name of the file, for rejects.
    kind : Kind
        Incidents or knowledge.
    latest : Timestamp
        Times after it have not come yet and cannot be when something happened.
    every_row : bool
        Keep rows without any text.
    """

    def __init__(self, file: str, kind: Kind, latest: pd.Timestamp, *, every_row: bool) -> None:
        self.file, self.kind, self.latest, self.every_row = file, kind, latest, every_row

    def translate(self, chunk: Chunk, plan: ColumnPlan, orders: Mapping[str, bool | None]) -> Translation:
        """Return a chunk translated by ``plan``; ``orders`` says for a time field whether the day comes first."""
        raw = chunk.frame
        columns = {name: coalesced(raw, plan.sources[name]) for name in self.kind.fields if name in plan.sources}
        split_tree(columns, plan.tree)
        columns, repaired = _repair({**columns, **_extra(raw, plan)})
        rejects = [Reject(self.file, bad.row, "", bad.reason, bad.value) for bad in chunk.malformed]
        useless = self._useless(columns, plan)
        for field in (f for f in self.kind.fields if f in columns):
            if field in TIME_FIELDS or field in UNCERTAIN_LATER:
                latest = None if field in UNCERTAIN_LATER else self.latest
                parsed = parse_times(columns[field], orders.get(field), latest)
                rejects += self._blanked(field, parsed.faults, columns[field], plan, useless)
                columns[field] = parsed.times
            elif field in COUNT_FIELDS:
                rejects += self._count(field, columns, plan, useless)
        rejects += self._disordered(columns, plan, useless)
        rejects += [
            Reject(self.file, row, column, reason, str(columns["number"][row]))
            for row, (column, reason) in useless.items()
        ]
        keep = ~raw.index.isin(list(useless))
        frame = pd.DataFrame(columns, index=raw.index).loc[keep]
        return Translation(frame, repaired[keep], sorted(rejects, key=lambda reject: reject.row))

    def _useless(self, columns: Mapping[str, pd.Series], plan: ColumnPlan) -> dict[int, tuple[str, str]]:
        """Return the rows that cannot be used, with the column and the reason."""
        found: dict[int, tuple[str, str]] = {}
        text = [field for field in self.kind.text if field in columns]
        if text and not self.every_row:
            empty = pd.concat([columns[field] == "" for field in text], axis=1).all(axis=1)
            reason = f"expected text in {' or '.join(text)}; found none"
            found |= dict.fromkeys(empty.index[empty], (plan.sources[text[0]][0], reason))
        unnumbered = columns["number"] == ""
        reason = "expected a number; found an empty cell"
        return found | dict.fromkeys(unnumbered.index[unnumbered], (plan.sources["number"][0], reason))

    def _count(
        self, field: str, columns: dict[str, pd.Series], plan: ColumnPlan, useless: Mapping[int, object]
    ) -> list[Reject]:
        text = columns[field]
        value = pd.to_numeric(text.where(text != ""), errors="coerce")
        whole = value.where((value >= 0) & (value % 1 == 0))
        faults = dict.fromkeys(text.index[(text != "") & whole.isna()], "expected a whole number of at least 0")
        columns[field] = whole.astype("Int64")
        return self._blanked(field, faults, text, plan, useless)

    def _disordered(
        self, columns: dict[str, pd.Series], plan: ColumnPlan, useless: Mapping[int, object]
    ) -> list[Reject]:
        """Blank times of later moments that lie before the logging."""
        rejects: list[Reject] = []
        for field in TIME_FIELDS[1:]:
            if field in columns and "opened_at" in columns:
                early = columns[field] < columns["opened_at"]
                faults = dict.fromkeys(early.index[early], "expected a time after opened_at")
                rejects += self._blanked(field, faults, columns[field].astype("str"), plan, useless)
                columns[field] = columns[field].mask(early)
        return rejects

    def _blanked(
        self, field: str, faults: Mapping[int, str], values: pd.Series, plan: ColumnPlan, useless: Mapping[int, object]
    ) -> list[Reject]:
        column = plan.sources[field][0]
        return [
            Reject(self.file, row, column, reason, str(values[row]), "value blanked")
            for row, reason in faults.items()
            if row not in useless
        ]


def coalesced(raw: pd.DataFrame, names: tuple[str, ...]) -> pd.Series:
    """Return the first value of each row among columns (which may repeat), trimmed, empty words as ``""``."""
    result = pd.Series("", index=raw.index, dtype="str")
    for name in names:
        for column in _columns_named(raw, name):
            text = column.str.strip()
            result = result.where(result != "", text.mask(text.isin(NULL_WORDS), ""))
    return result


def split_tree(columns: dict[str, pd.Series], separator: str) -> None:
    """Split a category written as a path (``Hardware > Laptop``) where the file has no subcategory of its own."""
    if separator and "category" in columns and "subcategory" not in columns:
        parts = columns["category"].str.split(separator, n=1, regex=False)
        columns["category"] = parts.str[0].str.strip()
        columns["subcategory"] = parts.str[1].fillna("").str.strip()


def _extra(raw: pd.DataFrame, plan: ColumnPlan) -> dict[str, pd.Series]:
    """Return the columns that no field uses, as they came; cells of repeated ones joined by "; "."""
    used = {name for names in plan.sources.values() for name in names}
    extra: dict[str, pd.Series] = {}
    for name in dict.fromkeys(raw.columns):
        if name in used or not name:
            continue
        first, *others = _columns_named(raw, name)
        for other in others:
            first = first.str.cat(other.where(other == "", "; " + other)).str.removeprefix("; ")
        extra[f"original_{name}" if name in plan.sources else name] = first
    return extra


def _columns_named(raw: pd.DataFrame, name: str) -> list[pd.Series]:
    return [raw.iloc[:, at] for at, found in enumerate(raw.columns) if found == name]


def _repair(columns: Mapping[str, pd.Series]) -> tuple[dict[str, pd.Series], pd.Series]:
    """Return columns with damaged text mended, and which rows had any; each distinct value is looked at once."""
    mended: dict[str, pd.Series] = {}
    index = columns["number"].index
    changed = pd.Series(False, index=index)
    for name, column in columns.items():
        codes, values = pd.factorize(column)
        distinct = pd.Series(values, dtype="str")
        suspect = distinct.str.contains(SUSPECT, regex=True)
        distinct[suspect] = repair_column(distinct[suspect])
        mended[name] = distinct.take(codes).set_axis(index)
        changed |= mended[name] != column
    return mended, changed
