"""Catalogue: what the filters of a search look at, in columns, in the order in which the indexes keep their rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import pandas as pd

WORDS = ("service", "language", "audience")
TIMES = ("valid_to", "opened_at")
Places = npt.NDArray[np.intp]
_UNKNOWN_TIME, _LAST = np.iinfo(np.int64).min, np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Filters:
    """What may be found; a field left as it is does not filter.

    Attributes
    ----------
    service, language : str
        As they stand in the record; a record of unknown language is of every language.
    audience : str
        ``"self_service"`` finds only what was written for self-service: a record that does not say for whom it is, such
        as every incident, is for agents alone. ``"internal"`` finds everything.
    valid_at : datetime, optional
        Leaves out articles that had expired by then.
    opened_before : datetime, optional
        Leaves out incidents opened then or later, or at an unknown time.
    exclude : frozenset of str
        Numbers.
    """

    service: str = ""
    language: str = ""
    audience: str = ""
    valid_at: datetime | None = None
    opened_before: datetime | None = None
    exclude: frozenset[str] = frozenset()


@dataclass
class Catalogue:
    """Rows of one corpus: number, filter fields and how many passages each has; grows at the end."""

    row_of: dict[str, int] = field(default_factory=dict)
    frame: pd.DataFrame = field(default_factory=lambda: _columns(pd.DataFrame({"number": []}), []))
    alive: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=bool))
    _opened: tuple[int, int] | None = None  # the first and the last time, once asked for
    _passage_starts: Places | None = None  # likewise

    @classmethod
    def of(cls, frame: pd.DataFrame) -> Catalogue:
        """Return the catalogue of the columns that another one had."""
        rows = {number: row for row, number in enumerate(frame["number"])}
        return cls(rows, frame, np.ones(len(frame), dtype=bool))

    def __len__(self) -> int:
        return len(self.row_of)

    def add(self, frame: pd.DataFrame, n_passages: Sequence[int]) -> None:
        """Add rows behind the others; those that are here already count as added anew."""
        self.remove(frame["number"].tolist())
        first = len(self.alive)
        self.row_of.update({number: first + place for place, number in enumerate(frame["number"])})
        self.frame = pd.concat([self.frame, _columns(frame, n_passages)], ignore_index=True)
        self.alive = np.concatenate([self.alive, np.ones(len(frame), dtype=bool)])
        self._opened = self._passage_starts = None

    def remove(self, numbers: Sequence[str]) -> None:
        """Remove rows; an unknown number is passed over."""
        rows = [self.row_of.pop(number) for number in numbers if number in self.row_of]
        self.alive[rows] = False
        self._passage_starts = None
        if len(self.alive) > 2 * len(self.row_of) + 1_000:
            self.frame, self.alive = self.frame[self.alive].reset_index(drop=True), self.alive[self.alive]
            self.row_of = {number: row for row, number in enumerate(self.frame["number"])}

    def place_of(self, number: str) -> int:
        """Return the place of a number among the living rows, -1 if it is not here."""
        row = self.row_of.get(number)
        return -1 if row is None else int(np.count_nonzero(self.alive[:row]))

    @property
    def passage_starts(self) -> Places:
        """Where the passages of each living row begin among all of theirs, and where the last ones end."""
        if self._passage_starts is None:
            counts = self.frame["n_passages"].to_numpy()[self.alive]
            self._passage_starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.intp)
        return self._passage_starts

    def allowed(self, filters: Filters | None) -> npt.NDArray[np.bool_] | None:
        """Return which living rows pass, in order, or None if all of them do."""
        if filters is None or filters == Filters():
            return None
        if filters.opened_before is not None and self._all_opened_before(filters.opened_before):
            filters = replace(filters, opened_before=None)
            return self.allowed(filters)
        passes = np.ones(len(self.alive), dtype=bool)
        if filters.service:
            passes &= (self.frame["service"] == filters.service).to_numpy()
        if filters.language:
            passes &= self.frame["language"].isin([filters.language, ""]).to_numpy()
        if filters.audience and filters.audience != "internal":
            passes &= (self.frame["audience"] == filters.audience).to_numpy()
        if filters.valid_at is not None:
            until = self.frame["valid_to"].to_numpy()
            passes &= (until == _UNKNOWN_TIME) | (until > _microseconds(filters.valid_at))
        if filters.opened_before is not None:
            opened = self.frame["opened_at"].to_numpy()
            passes &= (opened != _UNKNOWN_TIME) & (opened < _microseconds(filters.opened_before))
        passes[[self.row_of[number] for number in filters.exclude if number in self.row_of]] = False
        living: npt.NDArray[np.bool_] = passes[self.alive]
        return None if living.all() else living

    def _all_opened_before(self, moment: datetime) -> bool:
        """Return whether this needs no look at the rows, as for every incident that was logged just now."""
        if self._opened is None:
            opened = self.frame["opened_at"].to_numpy()
            self._opened = int(opened.min(initial=_LAST)), int(opened.max(initial=_UNKNOWN_TIME))
        earliest, latest = self._opened
        return earliest > _UNKNOWN_TIME and latest < _microseconds(moment)

    def by_passage(self, allowed: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Return the mask of living rows as one of their passages."""
        return np.repeat(allowed, self.frame["n_passages"].to_numpy()[self.alive])


def _columns(frame: pd.DataFrame, n_passages: Sequence[int]) -> pd.DataFrame:
    columns: dict[str, object] = {"number": frame["number"].astype("str").to_numpy(dtype=object)}
    columns |= {
        name: frame[name].to_numpy(dtype=object) if name in frame else np.full(len(frame), "", dtype=object)
        for name in WORDS
    }
    for name in TIMES:
        times = frame[name] if name in frame else pd.Series(pd.NaT, index=frame.index)
        stamps = pd.to_datetime(times, utc=True).astype("datetime64[us, UTC]")
        columns[name] = stamps.dt.tz_localize(None).to_numpy().astype("datetime64[us]").astype(np.int64)
    return pd.DataFrame({**columns, "n_passages": np.asarray(n_passages, dtype=np.int64)})


def _microseconds(moment: datetime) -> int:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(aware.timestamp() * 1_000_000)
