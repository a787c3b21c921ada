"""Dialects: how each system writes a ticket, one table a system, read by files, sources and webhooks alike.

A table (``servicenow.toml``, ``jira.toml``, ``zammad.toml``, ``glpi.toml``, ``rt.toml``) says
which of the system's names is which field of ours, what its codes mean, and in which states a ticket is not resolved.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from diagnosis.incident import TYPES

SYSTEMS = ("servicenow", "jira", "zammad", "glpi", "rt")

_WHOLE_NUMBER = re.compile(r"-?\d{1,9}")


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one system writes records of one kind.

    Attributes
    ----------
    name : str
    markers : sequence of sequence of str
        Headers that give the system away: all names of one of them.
    sources : mapping of str to sequence of str
        Canonical field to the system's names for it, in order of preference.
    tree : str
        What separates the steps of a category that is written as a path, or ``""``.
    meanings : mapping of str to mapping of str to str
        By field, what a code or a word in another language means, both in lower case.
    open_states : frozenset of str
        States, in lower case, in which a ticket is not resolved: a time of resolution in it is of an earlier one.
    open_when : mapping of str to frozenset of str
        Other columns that say the same, each with its values in lower case.
    seconds : frozenset of str
        Names of columns that count seconds where ours count minutes.
    removed : mapping of str to pattern
        By field, what is no part of the value: digits grouped by spaces, ids behind names.
    steps : mapping of str to sequence of (float, str)
        By field, from which number on a value has a name, in ascending order.
    """

    name: str
    markers: Sequence[Sequence[str]]
    sources: Mapping[str, Sequence[str]]
    tree: str = ""
    meanings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    open_states: frozenset[str] = frozenset()
    open_when: Mapping[str, frozenset[str]] = field(default_factory=dict)
    seconds: frozenset[str] = frozenset()
    removed: Mapping[str, re.Pattern[str]] = field(default_factory=dict)
    steps: Mapping[str, Sequence[tuple[float, str]]] = field(default_factory=dict)

    def meaning(self, name: str, value: str) -> str:
        """Return what a value of a field means."""
        pattern = self.removed.get(name)
        if pattern is not None:
            value = pattern.sub("", value)
        if name in self.steps and _WHOLE_NUMBER.fullmatch(value):
            return next((word for step, word in reversed(self.steps[name]) if int(value) >= step), value)
        return self.meanings.get(name, {}).get(value.casefold(), value)


@cache
def dialects(kind: str) -> Mapping[str, Dialect]:
    """Return the dialects that know a kind of record (``incidents`` or ``knowledge``), in order of `SYSTEMS`."""
    tables = {}
    for name in SYSTEMS:
        table = tomllib.loads(files(__package__).joinpath(f"{name}.toml").read_text(encoding="utf-8"))
        if kind in table:
            tables[name] = _dialect(name, kind, table)
    return tables


@cache
def common_names(kind: str) -> Mapping[str, Sequence[str]]:
    """Return names that a field has in the lists and exports of others: good for a proposal, not for a mapping."""
    text = files(__package__).joinpath("common.toml").read_text(encoding="utf-8")
    names: Mapping[str, Sequence[str]] = tomllib.loads(text)[kind]
    return names


@cache
def type_words() -> frozenset[str]:
    """Return the words that systems have for incidents, requests and complaints, in lower case; codes are no words."""
    words = (word for dialect in dialects("incidents").values() for word in dialect.meanings.get("type", {}))
    return frozenset(TYPES).union(word for word in words if not word.isdigit())


def _dialect(name: str, kind: str, table: Mapping[str, Any]) -> Dialect:
    if kind != "incidents":
        return Dialect(name, table["knowledge_markers"], table[kind])
    return Dialect(
        name,
        table["markers"],
        table[kind],
        table.get("tree", ""),
        {name: _meanings(meanings) for name, meanings in table.get("values", {}).items()},
        frozenset(state.casefold() for state in table.get("open_states", ())),
        {name: frozenset(map(str.casefold, values)) for name, values in table.get("open_when", {}).items()},
        frozenset(table.get("seconds", ())),
        {name: re.compile(pattern) for name, pattern in table.get("removed", {}).items()},
        {name: sorted((step, word) for word, step in steps.items()) for name, steps in table.get("steps", {}).items()},
    )


def _meanings(table: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Turn a meaning and how it is written around: from each spelling, in lower case, to the meaning."""
    spellings = {spelling.casefold(): meaning for meaning, words in table.items() for spelling in words}
    return spellings | {meaning.casefold(): meaning for meaning in table}
