"""Which column of a file is which field: presets for the exports of known systems, then the user's own mapping."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import pandas as pd

from diagnosis.errors import InputError
from diagnosis.incident import CODED_FIELDS, FIELDS, as_frame
from diagnosis.knowledge import KNOWLEDGE_FIELDS, as_knowledge_frame

PRESETS = ("servicenow", "jira", "zammad", "glpi")


@dataclass(frozen=True, slots=True)
class Kind:
    """What is being read.

    Attributes
    ----------
    name : {"incidents", "knowledge"}
        Also the table of a preset that translates it.
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


INCIDENTS = Kind("incidents", as_frame, FIELDS, ("short_description", "description"), CODED_FIELDS)
KNOWLEDGE = Kind("knowledge", as_knowledge_frame, KNOWLEDGE_FIELDS, ("title", "symptoms", "cause", "resolution"))


@dataclass(frozen=True, slots=True)
class Preset:
    """The field names of one system's exports, in order of preference, and the headers that give it away."""

    name: str
    markers: Sequence[Sequence[str]]
    sources: Mapping[str, Sequence[str]]
    tree: str


@dataclass(frozen=True, slots=True)
class ColumnPlan:
    """Which columns of a file make which canonical field.

    Attributes
    ----------
    preset : str
        Name of the preset used, or ``""``.
    sources : mapping of str to tuple of str
        Canonical field to the file's columns, the first with a value winning in each row.
    tree : str
        What separates the steps of a category that is written as a path, or ``""``.
    """

    preset: str
    sources: Mapping[str, tuple[str, ...]]
    tree: str = ""


@cache
def presets_for(kind: Kind) -> tuple[Preset, ...]:
    """Return the presets that know this kind of record, in order of `PRESETS`."""
    found = []
    for name in PRESETS:
        table = tomllib.loads(files(__package__).joinpath("presets", f"{name}.toml").read_text(encoding="utf-8"))
        markers = table["markers" if kind is INCIDENTS else "knowledge_markers"]
        if kind.name in table:
            found.append(Preset(name, markers, table[kind.name], table.get("tree", "")))
    return tuple(found)


def plan_columns(
    header: Sequence[str], kind: Kind, preset: str | None, mapping: Mapping[str, str] | None, file: str
) -> ColumnPlan:
    """Decide which column is which field: ``mapping`` first, then the preset, then the canonical names themselves.

    Raises
    ------
    InputError
        If the preset or a field or column of the mapping is unknown, or no column holds what every row must have.
    """
    mapping = dict(mapping or {})
    _check_mapping(header, kind, mapping, file)
    chosen = _preset(header, kind, preset, mapping)
    names = {_key(name): name for name in reversed(header)}
    taken = set(mapping.values())
    sources: dict[str, tuple[str, ...]] = {field: (column,) for field, column in mapping.items()}
    for field in kind.fields:
        wanted = [*(chosen.sources.get(field, ()) if chosen else ()), field]
        columns = dict.fromkeys(names[_key(name)] for name in wanted if _key(name) in names)
        if field not in sources and (free := tuple(c for c in columns if c not in taken)):
            sources[field] = free
    plan = ColumnPlan(chosen.name, sources, chosen.tree) if chosen else ColumnPlan("", sources)
    _check_required(header, kind, plan, file)
    return plan


def detect_preset(header: Sequence[str], kind: Kind) -> Preset | None:
    """Return the preset whose markers all stand in the header; none if the header is canonical or unknown."""
    names = set(header)
    for preset in presets_for(kind):
        if any(names.issuperset(marker) for marker in preset.markers):
            return preset
    return None


def _preset(header: Sequence[str], kind: Kind, name: str | None, mapping: Mapping[str, str]) -> Preset | None:
    if name is None:
        return None if {"number", *kind.text} & set(mapping) else detect_preset(header, kind)
    known = {preset.name: preset for preset in presets_for(kind)}
    if name not in known:
        raise InputError(
            f"expected a preset for {kind.name} among {', '.join(known)}; found '{name}'{_near(name, known)}"
        )
    return known[name]


def _check_mapping(header: Sequence[str], kind: Kind, mapping: Mapping[str, str], file: str) -> None:
    for field, column in mapping.items():
        if field not in kind.fields:
            raise InputError(f"expected a field of {kind.name} to map to; found '{field}'{_near(field, kind.fields)}")
        if column not in header:
            raise InputError(
                f"expected the column '{column}' (mapped to {field}) in '{file}'; "
                f"found {_listed(header)}{_near(column, header)}"
            )


def _check_required(header: Sequence[str], kind: Kind, plan: ColumnPlan, file: str) -> None:
    wanted = " or ".join(kind.text)
    if "number" not in plan.sources:
        missing = "number"
    elif not any(field in plan.sources for field in (*kind.text, *kind.substitutes)):
        missing = wanted
    else:
        return
    raise InputError(
        f"expected a column for {missing} in '{file}'; found {_listed(header)}"
        f"{_near(missing, header)}; name it with --map {missing.split(' ')[0]}=COLUMN"
        f" or use a preset ({', '.join(p.name for p in presets_for(kind))})"
    )


def _listed(header: Sequence[str]) -> str:
    return ", ".join(header[:40]) + (", …" if len(header) > 40 else "") or "no columns"


def _near(name: str, candidates: Sequence[str] | Mapping[str, object]) -> str:
    keys = {_key(candidate): candidate for candidate in candidates}
    found = difflib.get_close_matches(_key(name), keys, n=1)
    return f" (nearest: '{keys[found[0]]}')" if found else ""


def _key(name: str) -> str:
    """Return a column name as it is compared: ``Short description`` and ``short_description`` are one."""
    return re.sub(r"[\s_-]+", "_", name.strip().casefold())
