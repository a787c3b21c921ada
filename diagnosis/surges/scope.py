"""Scope: what incidents are counted by, such as all of one service."""

from __future__ import annotations

from typing import Literal, NamedTuple

ScopeKind = Literal["all", "service", "cmdb_ci", "location", "category", "word"]


class Scope(NamedTuple):
    """A field and its value; ``all`` has none."""

    kind: ScopeKind
    value: str = ""

    def to_dict(self) -> dict[str, str]:
        """Return the scope as the contract shows it: empty for everything."""
        return {} if self.kind == "all" else {self.kind: self.value}


EVERYTHING = Scope("all")
FIELDS: tuple[ScopeKind, ...] = ("service", "cmdb_ci", "location", "category")
