"""SolutionOutcomes: what happened after each article and each past resolution was applied."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from diagnosis.errors import InputError
from diagnosis.findings import IncidentEvidence
from diagnosis.suggest.success import Prior, fit_prior
from diagnosis.suggest.uses import OUTCOMES, Floats, Uses, decayed

Solution = tuple[Sequence[int], Sequence[str]]  # the keys and the ids that it goes by


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of one solution: weighted uses that held and failed, and how long restoring took.

    ``uses`` are the places of its uses, newest first, for `SolutionOutcomes.evidence`; ``hours`` is the geometric mean.
    """

    held: float
    failed: float
    hours: float | None
    uses: npt.NDArray[np.intp]


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
        self._feedback: dict[str, dict[str, tuple[bool, float]]] = {}  # by suggestion, then by the id of what was said
        self._learned(Uses.empty())
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
        self._learned(Uses.of(incidents, days, as_of))
        held, failed = self._uses.weights(self._uses.last, self.half_life_days)
        starts = np.flatnonzero(np.diff(self._uses.keys, prepend=self._uses.keys[:1] + np.uint64(1)))
        if len(held):
            self.prior_ = fit_prior(np.maximum(np.add.reduceat(held, starts), 0.0), np.add.reduceat(failed, starts))
        self.hours_ = _typical(self._uses.hours)
        again = np.flatnonzero(np.isfinite(days))
        self.recurred_ = {str(incidents["number"].iloc[row]): int(days[row]) for row in again}
        return self

    def record(self, suggestion: str, worked: bool, at: datetime | None = None, said: str = "") -> None:
        """Take an agent's word on a suggestion, by its id: it counts as one more use, from now on.

        Parameters
        ----------
        said : str
            Id of what was said; the same is counted once. Without one it is always something new.
        """
        word = (worked, _day(at or datetime.now(UTC)))
        with self._lock:
            before = self._feedback.get(suggestion, {})
            name = said or f"unnamed {len(before)}"
            self._feedback = {**self._feedback, suggestion: {**before, name: word}}
            self._mark([suggestion])

    def take_back(self, suggestion: str, said: str) -> None:
        """Forget an agent's word on a suggestion; to forget what was never said is no error."""
        with self._lock:
            kept = {name: word for name, word in self._feedback.get(suggestion, {}).items() if name != said}
            self._feedback = {**self._feedback, suggestion: kept}

    def of(self, solutions: Sequence[Solution], now: datetime) -> list[Record]:
        """Return what is known of each solution that goes by these keys and ids; an incident counts once.

        What agents said of the resolution of any incident among its uses is said of this solution.
        """
        today = _day(now)
        rows = self._uses.having([keys for keys, _ in solutions])
        at = np.concatenate([np.empty(0, dtype=np.intp), *rows])
        part = np.repeat(np.arange(len(rows)), [len(of_one) for of_one in rows])
        held, failed = (_sums(w, part, len(rows)) for w in self._uses.weights(today, self.half_life_days, at))
        logs, known = _log_hours(self._uses.hours[at])
        hours, timed = (_sums(w, part[known], len(rows)) for w in (logs, np.ones(len(logs))))
        said = [self._said(ids, places, today) for (_, ids), places in zip(solutions, rows, strict=True)]
        return [
            Record(
                max(0.0, held[i]) + good, failed[i] + bad, math.exp(hours[i] / timed[i]) if timed[i] else None, rows[i]
            )
            for i, (good, bad) in enumerate(said)
        ]

    def evidence(self, record: Record, similarity: Mapping[str, float], n: int) -> tuple[IncidentEvidence, ...]:
        """Return the ``n`` most telling uses: on the most similar incidents, then the latest, and a failure if any.

        Parameters
        ----------
        record : Record
        similarity : mapping of str to float
            Of the incidents at hand that it was used on.
        n : int
        """
        if not len(record.uses):
            return ()
        codes, code_of = self._uses.incidents
        near = np.isin(codes[record.uses], [code_of[number] for number in similarity if number in code_of])
        alike = sorted(record.uses[near].tolist(), key=lambda use: -similarity[str(self._uses.numbers[use])])
        others = record.uses[~near]
        shown = [*alike, *others[:n].tolist()][:n]
        failures = [use for use in alike if self._uses.failed(use)] or others[self._uses.failed(others)][:1].tolist()
        if failures and failures[0] not in shown:
            shown = [*shown[:-1], failures[0]]
        told = [(str(self._uses.numbers[use]), OUTCOMES[self._uses.outcomes[use]]) for use in shown]
        return tuple(IncidentEvidence(number, similarity.get(number), outcome) for number, outcome in told)

    def _said(self, ids: Sequence[str], uses: npt.NDArray[np.intp], today: float) -> tuple[float, float]:
        """Return the weight of what agents said for and against a solution."""
        feedback = self._feedback
        if not feedback:
            return 0.0, 0.0
        told = uses[self._told_of[self._uses.incidents[0][uses]]]
        good = bad = 0.0
        for suggestion in feedback.keys() & {*ids, *(f"incident:{self._uses.numbers[use]}" for use in told)}:
            for worked, day in feedback[suggestion].values():
                weight = float(decayed(np.array([today - day]), self.half_life_days)[0])
                good, bad = good + weight * worked, bad + weight * (not worked)
        return good, bad

    def _mark(self, suggestions: Iterable[str]) -> None:
        """Note of which incidents agents have spoken, so that a solution of thousands of uses is looked up at once."""
        code_of = self._uses.incidents[1]
        numbers = (name.removeprefix("incident:") for name in suggestions if name.startswith("incident:"))
        self._told_of[[code_of[number] for number in numbers if number in code_of]] = True

    def _learned(self, uses: Uses) -> None:
        self._uses = uses
        self._told_of = np.zeros(len(uses.incidents[1]), dtype=bool)
        self._mark(self._feedback)

    def save(self, folder: Path) -> None:
        """Write uses, feedback and what was fitted into an empty folder."""
        self._uses.save(folder / "uses.arrow")
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
        outcomes.hours_ = float("nan") if state["hours"] is None else state["hours"]
        outcomes.prior_ = Prior(**state["prior"])
        outcomes.recurred_ = state["recurred"]
        outcomes._feedback = {
            name: {said: (bool(worked), float(day)) for said, (worked, day) in words.items()}
            for name, words in state["feedback"].items()
        }
        outcomes._learned(Uses.load(folder / "uses.arrow"))
        return outcomes


def _typical(hours: Floats) -> float:
    logs, _ = _log_hours(hours)
    return float(np.exp(logs.mean())) if len(logs) else float("nan")


def _log_hours(hours: Floats) -> tuple[Floats, npt.NDArray[np.intp]]:
    """Return the logarithms of the hours that are known, and their places."""
    known = np.flatnonzero(np.isfinite(hours) & (hours >= 0))
    return np.log(np.maximum(hours[known], 0.01)), known


def _sums(values: Floats, part: npt.NDArray[np.intp], n: int) -> list[float]:
    sums: list[float] = np.bincount(part, weights=values, minlength=n).tolist()
    return sums


def _day(moment: datetime) -> float:
    return moment.timestamp() / 86_400
