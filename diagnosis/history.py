"""History and Knowledge: the past incidents and the articles that a release and its service know, by number.

The release brings an unchanging frame; what the service learns later lies over it, so that a change costs nothing of
the frame's size.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from diagnosis.incident import FIELDS, as_frame
from diagnosis.knowledge import KNOWLEDGE_FIELDS, as_knowledge_frame

_FILE = "records.parquet"


class _Records(ABC):
    """Canonical rows by number; of rows with one number the last counts."""

    columns: ClassVar[tuple[str, ...]]

    def __init__(self, frame: pd.DataFrame) -> None:
        canonical = self._canonical(frame)[list(self.columns)]
        self._base = canonical.drop_duplicates("number", keep="last").reset_index(drop=True)
        self._row_of = {number: row for row, number in enumerate(self._base["number"])}
        self._later: dict[str, dict[Hashable, Any]] = {}

    def __len__(self) -> int:
        return len(self._row_of.keys() | self._later.keys())

    def __contains__(self, number: object) -> bool:
        return number in self._later or number in self._row_of

    def rows(self, numbers: Sequence[str]) -> pd.DataFrame:
        """Return the rows of these numbers, in this order; unknown numbers are left out."""
        known = [n for n in numbers if n in self]
        if not any(n in self._later for n in known):
            return self._base.iloc[[self._row_of[n] for n in known]].reset_index(drop=True)
        return self._frame_of([self._record(n) for n in known])

    def frame(self) -> pd.DataFrame:
        """Return every row, the later ones last."""
        stays = [n in self._row_of and n not in self._later for n in self._base["number"]]
        kept = self._base[np.array(stays, dtype=bool)]
        if not self._later:
            return kept.reset_index(drop=True)
        return pd.concat([kept, self._frame_of(list(self._later.values()))], ignore_index=True)

    def upsert(self, frame: pd.DataFrame) -> None:
        """Add rows or replace those of the same number."""
        for record in self._canonical(frame)[list(self.columns)].to_dict("records"):
            self._later[record["number"]] = record

    def remove(self, numbers: Iterable[str]) -> None:
        """Forget rows; unknown numbers are no error."""
        for number in numbers:
            self._later.pop(number, None)
            self._row_of.pop(number, None)

    def save(self, folder: Path) -> None:
        """Write the rows as Parquet."""
        self.frame().to_parquet(folder / _FILE, index=False)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        return cls(pd.read_parquet(folder / _FILE))

    @staticmethod
    @abstractmethod
    def _canonical(frame: pd.DataFrame) -> pd.DataFrame:
        """Return the rows in canonical columns and types."""

    def _record(self, number: str) -> dict[Hashable, Any]:
        later = self._later.get(number)
        return later if later is not None else self._base.iloc[self._row_of[number]].to_dict()

    def _frame_of(self, records: list[dict[Hashable, Any]]) -> pd.DataFrame:
        return self._canonical(pd.DataFrame(records, columns=list(self.columns)))


class History(_Records):
    """Past incidents by number."""

    columns = FIELDS

    @staticmethod
    def _canonical(frame: pd.DataFrame) -> pd.DataFrame:
        return as_frame(frame)


class Knowledge(_Records):
    """Knowledge articles by number."""

    columns = KNOWLEDGE_FIELDS

    @staticmethod
    def _canonical(frame: pd.DataFrame) -> pd.DataFrame:
        return as_knowledge_frame(frame)
