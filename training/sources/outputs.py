"""Outputs of a pull: a file in the import format, or the service's store. Putting a row again changes nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.store.monitoring import ChangeRecords
from diagnosis.store.records import Records
from training.command_line.output import open_atomically
from training.records.stored_monitoring import stored_change

Bodies = Mapping[str, Mapping[str, Any]]


class Output(Protocol):
    """Where rows go."""

    def go_on(self, size: int) -> None:
        """Keep the first ``size`` bytes of what an interrupted pull has put."""

    def put(self, bodies: Bodies) -> int:
        """Put rows by number so that they outlive a power failure; return the bytes put so far."""

    def finish(self) -> None:
        """Make the rows visible."""

    def clear(self) -> None:
        """Drop what only an interrupted pull would need."""


class StoreOutput:
    """Rows in the service's store, where a number is one row."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def go_on(self, size: int) -> None:
        """Keep everything: a page that is put twice is one."""

    def put(self, bodies: Bodies) -> int:
        """Put rows, in one transaction."""
        self._records.put(bodies)
        return 0

    def finish(self) -> None:
        """Do nothing: each page was visible at once."""

    def clear(self) -> None:
        """Do nothing."""


class ChangeOutput(StoreOutput):
    """Changes in the service's store, which holds each under its number."""

    def __init__(self, records: ChangeRecords) -> None:
        self._changes = records

    def put(self, bodies: Bodies) -> int:
        """Put changes, in one transaction."""
        self._changes.put([stored_change(body) for body in bodies.values()])
        return 0


class FileOutput:
    """JSON Lines; rows wait in ``FILE.part`` until the pull is whole, then replace older ones of their number."""

    def __init__(self, path: Path) -> None:
        if not path.name.endswith(".jsonl"):
            raise InputError(Phrase("output_not_jsonl", {"file": path.name}))
        if not path.absolute().parent.is_dir():
            raise InputError(Phrase("folder_missing", {"path": str(path), "folder": str(path.parent)}))
        self.path = path
        self._part = path.with_name(path.name + ".part")

    def go_on(self, size: int) -> None:
        """Keep what a pull has put; what a power failure left behind it goes.

        Raises
        ------
        InputError
            If some of it is gone.
        """
        size_now = self._part.stat().st_size if self._part.exists() else 0
        if size_now < size:
            values = {"path": str(self._part), "expected": size, "found": size_now}
            raise InputError(Phrase("output_cut_off", values))
        with self._part.open("ab") as stream:
            stream.truncate(size)

    def put(self, bodies: Bodies) -> int:
        """Add rows to the end."""
        with self._part.open("ab") as stream:
            for body in bodies.values():
                stream.write(json.dumps(body, ensure_ascii=False).encode() + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
            return stream.tell()

    def finish(self) -> None:
        """Write the file anew, the newest row of each number."""
        newest = {json.loads(line)["number"]: place for place, line in enumerate(self._lines())}
        places = frozenset(newest.values())
        with open_atomically(self.path) as stream:
            stream.writelines(line for place, line in enumerate(self._lines()) if place in places)

    def clear(self) -> None:
        """Drop the rows that waited."""
        self._part.unlink(missing_ok=True)

    def _lines(self) -> Iterator[str]:
        for path in (self.path, self._part):
            if path.exists():
                with path.open(encoding="utf-8") as stream:
                    yield from stream
