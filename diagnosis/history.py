"""History: the past incidents that a release and its service know, looked up by number.

The release brings an unchanging frame; what the service learns later lies over it, so that a change costs nothing of
the frame's size.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from diagnosis.incident import FIELDS, as_frame

_FILE = "incidents.parquet"


class History:
    """Past incidents by number.

    Parameters
    ----------
    frame : DataFrame
        Canonical incident frame, personal data masked; of rows with one number the last counts.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self._base = as_frame(frame)[list(FIELDS)].drop_duplicates("number", keep="last").reset_index(drop=True)
        self._row_of = {number: row for row, number in enumerate(self._base["number"])}
        self._later: dict[str, dict[str, Any]] = {}

    def __len__(self) -> int:
        return len(self._row_of.keys() | self._later.keys())

    def __contains__(self, number: object) -> bool:
        return number in self._later or number in self._row_of

    def rows(self, numbers: Sequence[str]) -> pd.DataFrame:
        """Return the incidents of these numbers, in this order; unknown numbers are left out."""
        known = [n for n in numbers if n in self]
        if not any(n in self._later for n in known):
            return self._base.iloc[[self._row_of[n] for n in known]].reset_index(drop=True)
        return as_frame(pd.DataFrame([self._record(n) for n in known], columns=list(FIELDS)))

    def frame(self) -> pd.DataFrame:
        """Return every incident, the changed ones last."""
        kept = self._base[~self._base["number"].isin(self._later)]
        kept = kept[kept["number"].isin(self._row_of)]
        if not self._later:
            return kept.reset_index(drop=True)
        return pd.concat([kept, as_frame(pd.DataFrame(list(self._later.values())))], ignore_index=True)

    def upsert(self, frame: pd.DataFrame) -> None:
        """Add incidents or replace those of the same number."""
        for record in as_frame(frame)[list(FIELDS)].to_dict("records"):
            self._later[record["number"]] = record

    def remove(self, numbers: Iterable[str]) -> None:
        """Forget incidents; unknown numbers are no error."""
        for number in numbers:
            self._later.pop(number, None)
            self._row_of.pop(number, None)

    def save(self, folder: Path) -> None:
        """Write the incidents as Parquet."""
        self.frame().to_parquet(folder / _FILE, index=False)

    @classmethod
    def load(cls, folder: Path) -> History:
        """Read what `save` wrote."""
        return cls(pd.read_parquet(folder / _FILE))

    def _record(self, number: str) -> dict[str, Any]:
        later = self._later.get(number)
        return later if later is not None else self._base.iloc[self._row_of[number]].to_dict()
