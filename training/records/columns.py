"""Which column of a file is which field: the user's own mapping, then the dialect of a known system."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import pandas as pd

from diagnosis.errors import InputError
from diagnosis.incident import CODED_FIELDS, FIELDS, as_frame
from diagnosis.knowledge import KNOWLEDGE_FIELDS, as_knowledge_frame
from diagnosis.phrases import Phrase, either
from training.records.dialects import SYSTEMS, Dialect, common_names, dialects

PRESETS = SYSTEMS
ROWS = "rows"  # for ``number_from``: the place of each row
_SHORTEST_ALIKE = 5  # letters from which on names that are alike mean the same: "part" is no "art"


@dataclass(frozen=True, slots=True)
class RecordKind:
    """What is being read.

    Attributes
    ----------
    name : {"incidents", "knowledge", "changes"}
        Also the table of a preset that translates it; changes have a table of their own.
    canonical : callable
        Makes a canonical frame of one with canonical names.
    fields : tuple of str
        Canonical fields.
    text : tuple of str
        Fields of which a row must have one, if the file has any.
    substitutes : tuple of str
        Fields of which a file must have one if it has no text.
    """

    name: str
    canonical: Callable[[pd.DataFrame], pd.DataFrame]
    fields: tuple[str, ...]
    text: tuple[str, ...]
    substitutes: tuple[str, ...] = ()


INCIDENTS = RecordKind("incidents", as_frame, FIELDS, ("short_description", "description"), CODED_FIELDS)
KNOWLEDGE = RecordKind("knowledge", as_knowledge_frame, KNOWLEDGE_FIELDS, ("title", "symptoms", "cause", "resolution"))
CHANGE_FIELDS = ("number", "opened_at", "started_at", "ended_at", "cmdb_ci", "service", "type", "risk", "state")
CHANGES = RecordKind("changes", pd.DataFrame, (*CHANGE_FIELDS, "short_description"), ("short_description",))


@dataclass(frozen=True, slots=True)
class ColumnPlan:
    """Which columns of a file make which canonical field.

    Attributes
    ----------
    dialect : Dialect or None
        Whose names the file uses, if it is a known system's.
    sources : mapping of str to tuple of str
        Canonical field to the file's columns, the first with a value winning in each row.
    numbered : bool
        Whether rows get their place as number, as the file has none.
    """

    dialect: Dialect | None
    sources: Mapping[str, tuple[str, ...]]
    numbered: bool = False

    def check(self, header: Sequence[str], kind: RecordKind, file: str) -> None:
        """Refuse a file that lacks what every row must have.

        Raises
        ------
        InputError
            If no column holds a number, or none holds a text or a coded field.
        """
        _check_required(header, kind, self.sources, file, numbered=self.numbered)

    @property
    def preset(self) -> str:
        """Name of the preset used, or ``""``."""
        return self.dialect.name if self.dialect else ""


@cache
def _known_keys(kind: str, fields: tuple[str, ...]) -> Mapping[str, str]:
    """Return the names that any dialect has for a field, as they are compared, each with the field."""
    keys = {_key(name): name for name in fields}
    for sources in (*(dialect.sources for dialect in dialects(kind).values()), common_names(kind)):
        for field, names in sources.items():
            if field in fields:
                for name in names:
                    keys.setdefault(_key(name), field)
    return keys


def name_check(kind: RecordKind, mapping: Mapping[str, str] | None) -> Callable[[str], bool]:
    """Return a function that says whether a name is one that a header of this kind may have."""
    keys = {*_known_keys(kind.name, kind.fields), *(_key(column) for column in (mapping or {}).values())}
    return lambda name: _key(name) in keys


def proposed_field(column: str, kind: RecordKind) -> str:
    """Return the field that a column looks like, by any dialect's names for it, or ``""``."""
    keys, key = _known_keys(kind.name, kind.fields), _key(column)
    if key in keys or (key.isascii() and len(key) < _SHORTEST_ALIKE):
        return keys.get(key, "")
    close = difflib.get_close_matches(key, keys, n=1, cutoff=0.8)
    return keys[close[0]] if close else ""


def plan_columns(
    header: Sequence[str],
    kind: RecordKind,
    preset: str | None,
    mapping: Mapping[str, str] | None,
    file: str,
    number_from: str | None = None,
) -> ColumnPlan:
    """Return the plan of `draft_plan`, if it has what every row must have.

    Raises
    ------
    InputError
        As `draft_plan` and `ColumnPlan.check` raise it.
    """
    plan = draft_plan(header, kind, preset, mapping, file, number_from)
    plan.check(header, kind, file)
    return plan


def draft_plan(
    header: Sequence[str],
    kind: RecordKind,
    preset: str | None,
    mapping: Mapping[str, str] | None,
    file: str,
    number_from: str | None = None,
) -> ColumnPlan:
    """Decide which column is which field: ``mapping`` first, then the preset, then the canonical names themselves.

    Parameters
    ----------
    number_from : str or None
        The column that holds the number, or `ROWS` for files that have none.

    Raises
    ------
    InputError
        If the preset, or a field or column of the mapping, is unknown.
    """
    mapping = dict(mapping or {})
    if number_from and number_from != ROWS:
        mapping["number"] = number_from
    _check_mapping(header, kind, mapping, file)
    dialect = _dialect(header, kind, preset, mapping)
    columns_by_key = {_key(name): name for name in reversed(header) if name}
    used = set(mapping.values())
    sources: dict[str, tuple[str, ...]] = {field: (column,) for field, column in mapping.items()}
    for field in kind.fields:
        names = [*(dialect.sources.get(field, ()) if dialect else ()), field]
        columns = dict.fromkeys(columns_by_key[_key(name)] for name in names if _key(name) in columns_by_key)
        if field not in sources and (free := tuple(column for column in columns if column not in used)):
            sources[field] = free
    return ColumnPlan(dialect, sources, number_from == ROWS and "number" not in sources)


def detect_dialect(header: Sequence[str], kind: RecordKind) -> Dialect | None:
    """Return the dialect whose markers all stand in the header; None if the header is canonical or unknown."""
    names = set(header)
    for dialect in dialects(kind.name).values():
        if any(names.issuperset(marker) for marker in dialect.markers):
            return dialect
    return None


def _dialect(header: Sequence[str], kind: RecordKind, name: str | None, mapping: Mapping[str, str]) -> Dialect | None:
    if name is None:
        return None if {"number", *kind.text} & set(mapping) else detect_dialect(header, kind)
    presets = dialects(kind.name)
    if name not in presets:
        values = {"records": kind.name, "presets": tuple(presets), "name": name, "nearest": _nearest(name, presets)}
        raise InputError(Phrase("preset_unknown", values))
    return presets[name]


def _check_mapping(header: Sequence[str], kind: RecordKind, mapping: Mapping[str, str], file: str) -> None:
    for field, column in mapping.items():
        if field not in kind.fields:
            values = {"records": kind.name, "name": field, "nearest": _nearest(field, kind.fields)}
            raise InputError(Phrase("mapping_to_no_field", values))
        if column not in header:
            values = {"column": column, "name": field, **_found(column, header, file)}
            raise InputError(Phrase("mapping_of_no_column", values))


def _check_required(
    header: Sequence[str], kind: RecordKind, sources: Mapping[str, tuple[str, ...]], file: str, *, numbered: bool
) -> None:
    presets = tuple(dialects(kind.name))
    if "number" not in sources and not numbered:
        values = {"name": "number", "presets": presets, "rows": ROWS, **_found("number", header, file)}
        raise InputError(Phrase("column_for_number_missing", values))
    if not any(field in sources for field in (*kind.text, *kind.substitutes)):
        found = _found(" or ".join(kind.text), header, file)
        values = {"names": either(kind.text), "name": kind.text[0], "presets": presets, **found}
        raise InputError(Phrase("column_for_text_missing", values))


def _found(name: str, header: Sequence[str], file: str) -> dict[str, Any]:
    """Return what is said of the columns that a file has, where one was expected."""
    columns = (*header[:40], *(["…"] if len(header) > 40 else [])) or Phrase("without_columns")
    return {"file": file, "columns": columns, "nearest": _nearest(name, header)}


def _nearest(name: str, candidates: Sequence[str] | Mapping[str, object]) -> Phrase | str:
    keys = {_key(candidate): candidate for candidate in candidates}
    close = difflib.get_close_matches(_key(name), keys, n=1)
    return Phrase("nearest", {"name": keys[close[0]]}) if close else ""


def _key(name: str) -> str:
    """Return a column name as it is compared: ``Short description`` and ``short_description`` are one."""
    return re.sub(r"[\s_-]+", "_", name.strip().casefold())
