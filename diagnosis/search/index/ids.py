"""Ids: a column of distinct names that finds a name's row, mapped from disk where it was saved."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pandas.util import hash_array

FILE = "ids.arrow"
Hashes = npt.NDArray[np.uint64]


class Ids:
    """Names by row and rows by name.

    A dict of a million names takes about 100 MB, and their strings nearly as much. An Arrow column with the names'
    sorted 64-bit hashes and their rows takes 12 bytes a name beside its letters, and stays on disk once it is there.

    Parameters
    ----------
    names : sequence of str
        Distinct names.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = pa.array(names, pa.string())
        self.hashes: Hashes = hash_array(np.array(names, dtype=object), categorize=False)

    def __len__(self) -> int:
        return len(self._names)

    @classmethod
    def joined(cls, parts: Sequence[tuple[Ids, npt.NDArray[np.bool_]]]) -> Ids:
        """Return the names of several columns that are marked, in order."""
        joined = cls.__new__(cls)
        names = [ids._names if marked.all() else ids._names.filter(pa.array(marked)) for ids, marked in parts]
        joined._names = pa.concat_arrays(names)
        joined.hashes = np.concatenate([ids.hashes[marked] for ids, marked in parts])
        return joined

    @property
    def names(self) -> list[str]:
        """All names in order."""
        names: list[str] = self._names.to_pylist()
        return names

    def at(self, rows: npt.NDArray[np.intp]) -> list[str]:
        """Return the names of some rows."""
        names: list[str] = self._names.take(pa.array(rows)).to_pylist()
        return names

    @cached_property
    def hashes(self) -> Hashes:
        """Hashes in order of the names."""
        ascending, order = self._index
        hashes = np.empty_like(ascending)
        hashes[order] = ascending
        return hashes

    @cached_property
    def _index(self) -> tuple[Hashes, npt.NDArray[np.int32]]:
        """Hashes in ascending order, and the row of each: needed of names only that others are looked up among."""
        order = np.argsort(self.hashes, kind="stable").astype(np.int32)
        return self.hashes[order], order

    def find(self, names: Ids) -> npt.NDArray[np.intp]:
        """Return the row of each wanted name, -1 where it is not here."""
        rows = np.full(len(names), -1, dtype=np.intp)
        if not len(self):
            return rows
        ascending, order = self._index
        places = ascending.searchsorted(names.hashes)
        candidates = np.flatnonzero(ascending[np.minimum(places, len(self) - 1)] == names.hashes)
        if not len(candidates):
            return rows
        rows[candidates] = order[places[candidates]]
        for i, ours, theirs in zip(candidates.tolist(), self.at(rows[candidates]), names.at(candidates), strict=True):
            if ours != theirs:
                rows[i] = self._among_equals(places[i], theirs)
        return rows

    def save(self, folder: Path) -> None:
        """Write the names and their hashes into a folder."""
        table = pa.table({"name": self._names, "hash": self._index[0], "row": self._index[1]})
        with pa.OSFile(str(folder / FILE), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)

    @classmethod
    def load(cls, folder: Path) -> Ids:
        """Read what `save` has written; it stays on disk and is shared by the processes that read it."""
        ids = cls.__new__(cls)
        table = pa.ipc.open_file(pa.memory_map(str(folder / FILE))).read_all()
        ids._names, hashes, rows = (column.chunk(0) for column in table.columns)
        ids._index = hashes.to_numpy(), rows.to_numpy()
        return ids

    def _among_equals(self, place: int, name: str) -> int:
        """Walk the names of equal hash from the first."""
        ascending, order = self._index
        first = ascending[place]
        while place < len(self) and ascending[place] == first:
            row = int(order[place])
            if self._names[row].as_py() == name:
                return row
            place += 1
        return -1
