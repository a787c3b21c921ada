"""Rejects: what an import could not use, one line each, in a CSV file that a person can open and mend."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from diagnosis.phrases import Phrase

VALUE_LENGTH = 40
# What a spreadsheet would run, in either width; a number and a telephone number are none.
_FORMULA = re.compile(r"[=＝]|[+＋－-](?![\d ./:-]*$)")
COLUMNS = ("file", "row", "column", "reason", "value", "action")

Action = Literal["row rejected", "value blanked"]


@dataclass(frozen=True, slots=True)
class Reject:
    """One row that was left out, or one value that was blanked in a row that was kept.

    Attributes
    ----------
    file : str
        Name of the file, as it was given.
    row : int
        Line of the file on which the row begins (CSV, JSON Lines), or its place counted with the header (XLSX) or
        without (JSON, Parquet), first row 1.
    column : str
        Column as the file names it; ``""`` where the whole row is at fault.
    reason : Phrase
        What was expected and what was found; it repeats for every row with the same fault.
    value : str
        The value at fault, cut to `VALUE_LENGTH`; never free text and nothing that looks like a mail address.
    action : {"row rejected", "value blanked"}
        What was done.
    """

    file: str
    row: int
    column: str
    reason: Phrase
    value: str = ""
    action: Action = "row rejected"


class RejectFile:
    """The open reject file, or only a tally where no file is wanted; a context manager.

    Parameters
    ----------
    path : Path or None
        CSV to write, replaced if it exists. It is created only when there is something to write in it.

    Attributes
    ----------
    rows : int
        Rows rejected.
    values : int
        Values blanked.
    reasons : Counter
        Reason to number of lines.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.rows = 0
        self.values = 0
        self.reasons: Counter[Phrase] = Counter()
        self._file: TextIOWrapper | None = None

    def __enter__(self) -> Self:
        if self.path is not None:
            self.path.unlink(missing_ok=True)  # what an earlier run rejected is not of this run
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def write(self, rejects: Iterable[Reject]) -> None:
        """Add lines to the file and to the tally."""
        for reject in rejects:
            self.reasons[reject.reason] += 1
            if reject.action == "row rejected":
                self.rows += 1
            else:
                self.values += 1
            if self.path is not None:
                self._line(reject)

    def _line(self, reject: Reject) -> None:
        if self._file is None:
            assert self.path is not None
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("w", encoding="utf-8-sig", newline="")  # the mark makes Excel read UTF-8
            csv.writer(self._file).writerow(COLUMNS)
        value = _printable(reject.value)
        line = [reject.file, reject.row, _printable(reject.column), str(reject.reason), value, reject.action]
        csv.writer(self._file).writerow(line)


def _printable(value: str) -> str:
    """Return a value as it may stand in a file that is passed around: short, on one line, no address, no formula."""
    value = " ".join(value.split())
    if "@" in value:
        return "<masked>"
    value = f"'{value}" if _FORMULA.match(value) else value
    return value if len(value) <= VALUE_LENGTH else value[: VALUE_LENGTH - 1] + "…"
