"""Progress: how far a pull has come, in a small file beside its output, and when the last whole one began."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Self

from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.release import write_json
from diagnosis.times import format_utc, now_text, parse_utc
from training.sources.page import Cursor

log = logging.getLogger(__name__)

_MARGIN = timedelta(days=1)  # clocks differ, and some systems compare in the zone of their user


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a pull has come.

    Attributes
    ----------
    origin : mapping of str to str
        What is pulled and where it goes; a file that says something else is not gone on with.
    fields : mapping of str to str
        What is read into which field beside the preset: a pull that reads other fields reads every record again.
    since : str
        Only what changed at or after this moment is asked for; ``""`` for all.
    began : str
        When the pull under way began; ``""`` between two.
    cursor : mapping
        Where its next page begins.
    rows, size : int
        Rows that it has put so far, and the bytes of the output that hold them.
    """

    origin: dict[str, str]
    fields: dict[str, str] = field(default_factory=dict)
    since: str = ""
    began: str = ""
    cursor: Cursor = field(default_factory=dict)
    rows: int = 0
    size: int = 0

    @classmethod
    def load(cls, path: Path, origin: dict[str, str], since: str, fields: dict[str, str]) -> Self:
        """Read the file, or begin; ``since`` counts for a first pull only.

        Raises
        ------
        InputError
            If it is not readable, or of another pull.
        """
        if not path.exists():
            return cls(origin, fields, since)
        try:
            state = json.loads(path.read_text(encoding="utf-8"))
            if "asked" in state:  # as files of version 1 named it
                state["origin"] = state.pop("asked")
            progress = cls(**state)
        except (ValueError, TypeError) as error:
            raise InputError(Phrase("import_state_unreadable", {"path": str(path), "fault": str(error)})) from error
        for name, value in origin.items():
            if progress.origin.get(name) != value:
                values = {"path": str(path), "name": name, "expected": value, "found": progress.origin.get(name)}
                raise InputError(Phrase("import_state_of_another", values))
        if progress.fields != fields:
            log.warning("%s: other fields are read than before, so everything is read again", path)
            return cls(origin, fields, since)
        return progress

    def save(self, path: Path) -> None:
        """Write the file, in one step."""
        write_json(path, asdict(self))

    def begun(self) -> Progress:
        """Return it with a pull under way: the one that was broken off, or a new one."""
        return self if self.began else replace(self, began=now_text())

    def advanced(self, cursor: Cursor, rows: int, size: int) -> Progress:
        """Return it after a page."""
        return replace(self, cursor=cursor, rows=self.rows + rows, size=size)

    def finished(self) -> Progress:
        """Return it after the last page: the next pull asks for what changed since this one began."""
        since = format_utc(parse_utc(self.began) - _MARGIN)
        return replace(self, since=since, began="", cursor={}, rows=0, size=0)
