"""Uses: each time that a solution was applied to an incident, and what became of it as far as it was seen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Literal, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from pandas.util import hash_array

from diagnosis.arrays import Floats
from diagnosis.findings import UseCounts
from diagnosis.suggest.wording import canonical, says_nothing
from diagnosis.text.workarounds import calls_itself_workaround
from diagnosis.times import days_of

Outcome = Literal["held", "reopened", "recurred", "open"]
OUTCOMES: tuple[Outcome, ...] = ("held", "reopened", "recurred", "open")
_REOPENED, _RECURRED = OUTCOMES.index("reopened"), OUTCOMES.index("recurred")
HORIZON = 30.0  # days without a return after which a fix is said to have held

Keys = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Uses:
    """Uses in order of solution, then newest first; all arrays have one entry a use.

    Attributes
    ----------
    keys : ndarray of uint64
        The solution.
    numbers : ndarray of object
        The incident.
    outcomes : ndarray of int8
        Position in `OUTCOMES`.
    watched_share : ndarray of float64
        Share of the horizon for which the use was watched.
    days : ndarray of float64
        When it was applied, in days since 1970; NaN if that is not known.
    hours : ndarray of float64
        From opened to resolved; NaN if that is not known.
    is_workaround : ndarray of bool
        Whether close code or resolution call it a workaround.
    last : float
        Day until which outcomes were seen.
    """

    keys: Keys
    numbers: npt.NDArray[np.object_]
    outcomes: npt.NDArray[np.int8]
    watched_share: Floats
    days: Floats
    hours: Floats
    is_workaround: npt.NDArray[np.bool_]
    last: float

    @classmethod
    def empty(cls) -> Self:
        """Return no uses at all."""
        none = np.empty(0)
        codes, flags = none.astype(np.int8), none.astype(bool)
        return cls(none.astype(np.uint64), none.astype(object), codes, none, none, none, flags, 0.0)

    @classmethod
    def of(cls, incidents: pd.DataFrame, recurred_within_days: Floats, as_of: datetime | None) -> Self:
        """Read the uses from a canonical incident frame: of the article named, and of the resolution written down."""
        times = {name: days_of(incidents[name]) for name in ("opened_at", "resolved_at", "closed_at", "reopened_at")}
        applied = np.where(np.isnan(times["resolved_at"]), times["closed_at"], times["resolved_at"])
        undated = np.isnan(np.concatenate(list(times.values()))).all()
        last = as_of.timestamp() / 86_400 if as_of else _latest(times.values())
        outcomes, watched_share = _outcomes(
            incidents, times["reopened_at"], recurred_within_days, last - applied, undated
        )
        hours = (applied - times["opened_at"]) * 24
        articles = incidents["knowledge"].to_numpy(dtype=object)
        notes = [("" if says_nothing(text) else canonical(text)) for text in incidents["close_notes"]]
        texts = zip(incidents["close_code"], incidents["close_notes"], strict=True)
        is_workaround = np.array([calls_itself_workaround(f"{code} {text}") for code, text in texts], dtype=bool)
        numbers = incidents["number"].to_numpy(dtype=object)
        columns = (numbers, outcomes, watched_share, applied, hours, is_workaround)
        parts = []
        for keys, present in ((article_keys(articles), articles != ""), (wording_keys(notes), np.array(notes) != "")):
            parts.append([keys[present], *(column[present] for column in columns)])
        joined = [np.concatenate(pair) for pair in zip(*parts, strict=True)]
        order = np.lexsort((-np.nan_to_num(joined[4], nan=-np.inf), joined[0]))
        keys, numbers, codes, watched_share, days, hours, is_workaround = (column[order] for column in joined)
        return cls(keys, numbers, codes, watched_share, days, hours, is_workaround, last)

    def __len__(self) -> int:
        return len(self.keys)

    @cached_property
    def incidents(self) -> tuple[npt.NDArray[np.intp], dict[str, int]]:
        """Return a code for the incident of each use, and the codes by number."""
        codes, names = pd.factorize(self.numbers)
        return codes, {str(name): code for code, name in enumerate(names)}

    def having(self, solutions: Sequence[Iterable[int]]) -> list[npt.NDArray[np.intp]]:
        """Return for each solution, given by its keys, the places of its uses, newest first, an incident once."""
        keys_by_solution = [list(dict.fromkeys(keys)) for keys in solutions]
        keys = np.array([key for of_one in keys_by_solution for key in of_one], dtype=np.uint64)
        bounds = [np.searchsorted(self.keys, keys, side=side).tolist() for side in ("left", "right")]
        spans = zip(*bounds, strict=True)
        return [
            self._once([np.arange(start, end) for start, end in islice(spans, len(of_one)) if end > start])
            for of_one in keys_by_solution
        ]

    def _once(self, spans: Sequence[npt.NDArray[np.intp]]) -> npt.NDArray[np.intp]:
        """Return the places of some spans, each newest first, together newest first and an incident once."""
        if len(spans) < 2:
            return spans[0] if spans else np.empty(0, dtype=np.intp)
        rows = np.concatenate(spans)
        rows = rows[np.argsort(-np.nan_to_num(self.days[rows], nan=-np.inf), kind="stable")]
        _, first = np.unique(self.incidents[0][rows], return_index=True)
        return rows[np.sort(first)]

    def weights(
        self, today: float, half_life: float, rows: npt.NDArray[np.intp] | None = None
    ) -> tuple[Floats, Floats]:
        """Return how much each use, or each at the given places, counts as held and as failed.

        A failure counts one, and both together count the share of the horizon that was watched. So of uses watched for
        a tenth of it, a tenth of the failures to come stands against a tenth of the uses, and the rate is right.
        """
        places = slice(None) if rows is None else rows
        age = decayed(today - self.days[places], half_life)
        failed = self.failed(places)
        return (self.watched_share[places] - failed) * age, failed * age

    def failed(self, places: npt.NDArray[np.intp] | slice | int) -> npt.NDArray[np.bool_]:
        """Return which of the uses at these places did not hold."""
        codes = self.outcomes[places]
        return np.asarray((codes == _REOPENED) | (codes == _RECURRED))

    def counts(self, places: npt.NDArray[np.intp], good: int = 0, bad: int = 0) -> UseCounts:
        """Return how many of the uses at these places held, failed or are open, with those that agents told of."""
        codes = np.bincount(self.outcomes[places], minlength=len(OUTCOMES)).tolist()
        by_outcome = dict(zip(OUTCOMES, codes, strict=True))
        n_failed = by_outcome["reopened"] + by_outcome["recurred"]
        return UseCounts(by_outcome["held"] + good, n_failed + bad, by_outcome["open"])

    def save(self, path: Path) -> None:
        """Write one row a use, as an Arrow file."""
        columns = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "last"}
        columns["numbers"] = pa.array(self.numbers, pa.string())
        table = pa.table(columns, metadata={"last": repr(self.last)})
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` has written."""
        table = pa.ipc.open_file(pa.memory_map(str(path))).read_all().combine_chunks()
        last = float(table.schema.metadata[b"last"])
        names = [f.name for f in fields(cls) if f.name != "last"]
        columns = {name: table[name].to_numpy() for name in names if name in table.column_names}
        columns.setdefault("is_workaround", np.zeros(len(table), dtype=bool))  # releases of before do not say
        return cls(**columns, last=last)


def article_keys(numbers: Iterable[str]) -> Keys:
    """Return the keys of articles."""
    return _keys("knowledge", numbers)


def wording_keys(notes: Iterable[str]) -> Keys:
    """Return the keys of resolutions, by their canonical wording."""
    return _keys("says", notes)


def decayed(age: Floats, half_life: float) -> Floats:
    """Return what a use of that many days counts; one without a date counts in full."""
    weights: Floats = np.exp2(-np.maximum(np.nan_to_num(age, nan=0.0), 0.0) / half_life)
    return weights


def _keys(kind: str, names: Iterable[str]) -> Keys:
    values = np.array([f"{kind}:{name}" for name in names], dtype=object)
    keys: Keys = hash_array(values, categorize=False) if len(values) else np.empty(0, dtype=np.uint64)
    return keys


def _outcomes(
    incidents: pd.DataFrame, reopened_at: Floats, recurred: Floats, watched: Floats, undated: bool
) -> tuple[npt.NDArray[np.int8], Floats]:
    """Return what became of each use, and for which share of the horizon it was watched."""
    reopened = (incidents["reopen_count"].fillna(0).to_numpy(dtype=float) > 0) | np.isfinite(reopened_at)
    again = np.isfinite(recurred) & (recurred <= HORIZON)
    watched = np.where(undated, HORIZON, np.clip(np.nan_to_num(watched, nan=0.0), 0.0, HORIZON))
    names = np.select([reopened, again, watched >= HORIZON], [1, 2, 0], default=3).astype(np.int8)
    return names, watched / HORIZON


def _latest(times: Iterable[Floats]) -> float:
    finite = np.concatenate(list(times))
    finite = finite[np.isfinite(finite)]
    return float(finite.max()) if len(finite) else 0.0
