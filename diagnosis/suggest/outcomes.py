"""SolutionOutcomes: what happened after each article and each past resolution was applied."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd

from diagnosis.errors import InputError
from diagnosis.suggest.success import Prior, fit_prior
from diagnosis.suggest.uses import OUTCOMES, Floats, Outcome, Uses, decayed


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of one solution: weighted uses that held and failed, and how long restoring took.

    ``uses`` are the incidents it was used on, newest first, each with its outcome; ``hours`` is their geometric mean.
    """

    held: float = 0.0
    failed: float = 0.0
    hours: float | None = None
    uses: tuple[tuple[str, Outcome], ...] = ()


class SolutionOutcomes:
    """Outcomes by solution, learned in one pass over the history and moved by feedback at once.

    A solution is an article, by number, or what resolutions say, by their canonical wording. A use that is too recent
    for its outcome to be known counts for the share of the thirty days that has been seen.

    Parameters
    ----------
    half_life_days : float, default 365
        Age at which a use counts half: systems change, and so does what helps.

    Attributes
    ----------
    prior_ : Prior
        The average solution, towards which small samples are shrunk.
    hours_ : float
        Typical hours to restore service (geometric mean), NaN where no times are known.
    recurred_ : dict of str to int
        Incident number to the days until its fault was logged again, for those of which that was seen.
    """

    def __init__(self, half_life_days: float = 365.0) -> None:
        self.half_life_days = half_life_days
        self.prior_ = Prior()
        self.hours_ = float("nan")
        self.recurred_: Mapping[str, int] = {}
        self._uses = Uses.empty()
        self._feedback: dict[str, list[tuple[bool, float]]] = {}
        self._lock = threading.Lock()

    def fit(
        self, incidents: pd.DataFrame, recurred_within_days: Floats | None = None, as_of: datetime | None = None
    ) -> Self:
        """Learn from a canonical incident frame.

        Parameters
        ----------
        incidents : DataFrame, shape (n, ...)
        recurred_within_days : ndarray of float, shape (n,), optional
            Days from the resolution until the same fault was logged again, NaN where that was not seen.
        as_of : datetime, optional
            Until when outcomes were seen; the last time in the frame by default.

        Raises
        ------
        InputError
            If there are not as many days as incidents.
        """
        days = np.full(len(incidents), np.nan) if recurred_within_days is None else np.asarray(recurred_within_days)
        if days.shape != (len(incidents),):
            raise InputError(f"expected days for each of {len(incidents)} incidents; found shape {days.shape}")
        days = days.astype(np.float64)
        self._uses = Uses.of(incidents, days, as_of)
        held, failed = self._uses.weights(self._uses.last, self.half_life_days)
        starts = np.flatnonzero(np.diff(self._uses.keys, prepend=self._uses.keys[:1] + np.uint64(1)))
        if len(held):
            self.prior_ = fit_prior(np.maximum(np.add.reduceat(held, starts), 0.0), np.add.reduceat(failed, starts))
        self.hours_ = _typical(self._uses.hours)
        again = np.flatnonzero(np.isfinite(days))
        self.recurred_ = {str(incidents["number"].iloc[row]): int(days[row]) for row in again}
        return self

    def record(self, suggestion: str, worked: bool, at: datetime | None = None) -> None:
        """Take an agent's word on a suggestion, by its id: it counts as one more use, from now on."""
        said = (worked, _day(at or datetime.now(UTC)))
        with self._lock:
            self._feedback = {**self._feedback, suggestion: [*self._feedback.get(suggestion, []), said]}

    def of(self, keys: Iterable[np.uint64], suggestions: Iterable[str], now: datetime) -> Record:
        """Return what is known of a solution that goes by these keys and ids; an incident counts once.

        What agents said of the resolution of any incident among its uses is said of this solution.
        """
        today = _day(now)
        uses = self._uses.having(keys)
        held, failed = uses.weights(today, self.half_life_days)
        good, bad = max(0.0, float(held.sum())), float(failed.sum())
        feedback = self._feedback
        for suggestion in feedback.keys() & {*suggestions, *(f"incident:{number}" for number in uses.numbers)}:
            for worked, day in feedback[suggestion]:
                weight = float(decayed(np.array([today - day]), self.half_life_days)[0])
                good, bad = good + weight * worked, bad + weight * (not worked)
        hours = _typical(uses.hours)
        named = zip(uses.numbers, (OUTCOMES[code] for code in uses.outcomes), strict=True)
        return Record(good, bad, None if np.isnan(hours) else hours, tuple(named))

    def save(self, folder: Path) -> None:
        """Write uses, feedback and what was fitted into an empty folder."""
        self._uses.save(folder / "uses.parquet")
        state = {
            "half_life_days": self.half_life_days, "hours": None if np.isnan(self.hours_) else self.hours_,
            "prior": asdict(self.prior_), "recurred": dict(self.recurred_), "feedback": self._feedback,
        }  # fmt: skip
        (folder / "outcomes.json").write_text(json.dumps(state, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` has written."""
        state = json.loads((folder / "outcomes.json").read_text(encoding="utf-8"))
        outcomes = cls(state["half_life_days"])
        outcomes._uses = Uses.load(folder / "uses.parquet")
        outcomes.hours_ = float("nan") if state["hours"] is None else state["hours"]
        outcomes.prior_ = Prior(**state["prior"])
        outcomes.recurred_ = state["recurred"]
        outcomes._feedback = {name: [(bool(w), float(d)) for w, d in said] for name, said in state["feedback"].items()}
        return outcomes


def _typical(hours: Floats) -> float:
    known = hours[np.isfinite(hours) & (hours >= 0)]
    return float(np.exp(np.log(np.maximum(known, 0.01)).mean())) if len(known) else float("nan")


def _day(moment: datetime) -> float:
    return moment.timestamp() / 86_400
