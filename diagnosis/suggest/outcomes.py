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

from diagnosis.arrays import Floats
from diagnosis.errors import InputError
from diagnosis.findings import IncidentEvidence, UseCounts
from diagnosis.suggest.success import Prior, fit_priors
from diagnosis.suggest.uses import OUTCOMES, Uses, decayed

_MOSTLY = 0.5  # share of the uses of a solution that read like a workaround, above which it is one
Solution = tuple[Sequence[int], Sequence[str]]  # the keys and the ids that it goes by


@dataclass(frozen=True, slots=True)
class SolutionRecord:
    """What is known of one solution: weighted uses that held and failed, and how long restoring took.

    ``is_workaround`` says whether most of its uses call it one, and ``prior`` is the average of its kind; ``uses``
    are the places of its uses, newest first, for `SolutionOutcomes.evidence`, and ``counts`` how many there are;
    ``hours`` is the geometric mean.
    """

    successes: float
    failures: float
    is_workaround: bool
    prior: Prior
    hours: float | None
    uses: npt.NDArray[np.intp]
    counts: UseCounts


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
    priors_ : sequence of Prior, length 2
        The average fix and the average workaround: that a workaround held twice proves less than that a fix did.
    hours_ : float
        Typical hours to restore service (geometric mean), NaN where no times are known.
    recurred_ : dict of str to int
        Incident number to the days until its fault was logged again, for those of which that was seen.
    """

    def __init__(self, half_life_days: float = 365.0) -> None:
        self.half_life_days = half_life_days
        self.prior_ = Prior()
        self.priors_: Sequence[Prior] = (Prior(), Prior())
        self.hours_ = float("nan")
        self.recurred_: Mapping[str, int] = {}
        self._feedback: dict[str, dict[str, tuple[bool, float]]] = {}  # by suggestion, then by id
        self._set_uses(Uses.empty())
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
        self._set_uses(Uses.of(incidents, days, as_of))
        successes, failures = self._uses.weights(self._uses.last, self.half_life_days)
        starts = np.flatnonzero(np.diff(self._uses.keys, prepend=self._uses.keys[:1] + np.uint64(1)))
        if len(successes):
            n_held, n_failed = np.maximum(np.add.reduceat(successes, starts), 0.0), np.add.reduceat(failures, starts)
            ends = np.append(starts[1:], len(self._uses))
            share = np.add.reduceat(self._uses.is_workaround.astype(float), starts) / (ends - starts)
            self.prior_, *self.priors_ = fit_priors(n_held, n_failed, share > _MOSTLY)
        self.hours_ = _typical(self._uses.hours)
        again = np.flatnonzero(np.isfinite(days))
        self.recurred_ = {str(incidents["number"].iloc[row]): int(days[row]) for row in again}
        return self

    def record(self, suggestion: str, worked: bool, at: datetime | None = None, feedback_id: str = "") -> None:
        """Take an agent's feedback on a suggestion, by its id: it counts as one more use, from now on.

        Parameters
        ----------
        feedback_id : str
            The same is counted once. Without one it is always something new.
        """
        word = (worked, _day(at or datetime.now(UTC)))
        with self._lock:
            existing = self._feedback.get(suggestion, {})
            name = feedback_id or f"unnamed {len(existing)}"
            self._feedback = {**self._feedback, suggestion: {**existing, name: word}}
            self._mark([suggestion])

    def take_back(self, suggestion: str, feedback_id: str) -> None:
        """Forget an agent's feedback on a suggestion; feedback that was never given is no error."""
        with self._lock:
            remaining = {name: word for name, word in self._feedback.get(suggestion, {}).items() if name != feedback_id}
            self._feedback = {**self._feedback, suggestion: remaining}

    def of(self, solutions: Sequence[Solution], now: datetime) -> list[SolutionRecord]:
        """Return what is known of each solution that goes by these keys and ids; an incident counts once.

        Feedback on the resolution of any incident among its uses is feedback on this solution.
        """
        today = _day(now)
        rows = self._uses.having([keys for keys, _ in solutions])
        at = np.concatenate([np.empty(0, dtype=np.intp), *rows])
        part = np.repeat(np.arange(len(rows)), [len(of_one) for of_one in rows])
        successes, failures = (_sums(w, part, len(rows)) for w in self._uses.weights(today, self.half_life_days, at))
        logs, with_hours = _log_hours(self._uses.hours[at])
        hours, timed = (_sums(w, part[with_hours], len(rows)) for w in (logs, np.ones(len(logs))))
        feedback = [
            self._feedback_weights(ids, places, today) for (_, ids), places in zip(solutions, rows, strict=True)
        ]
        return [
            SolutionRecord(
                max(0.0, successes[i]) + good,
                failures[i] + bad,
                *self._kind(rows[i]),
                math.exp(hours[i] / timed[i]) if timed[i] else None,
                rows[i],
                self._uses.counts(rows[i], *words),
            )
            for i, ((good, bad), words) in enumerate(feedback)
        ]

    def evidence(self, record: SolutionRecord, similarity: Mapping[str, float], n: int) -> tuple[IncidentEvidence, ...]:
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
        unrelated = record.uses[~near]
        chosen = [*alike, *unrelated[:n].tolist()][:n]
        failures = [use for use in alike if self._uses.failed(use)] or unrelated[self._uses.failed(unrelated)][
            :1
        ].tolist()
        if failures and failures[0] not in chosen:
            chosen = [*chosen[:-1], failures[0]]
        uses = [(str(self._uses.numbers[use]), OUTCOMES[self._uses.outcomes[use]]) for use in chosen]
        return tuple(IncidentEvidence(number, similarity.get(number), outcome) for number, outcome in uses)

    def _kind(self, uses: npt.NDArray[np.intp]) -> tuple[bool, Prior]:
        """Return whether a solution with these uses is a workaround, and the average of its kind."""
        if not len(uses):
            return False, self.prior_
        is_workaround = bool(self._uses.is_workaround[uses].mean() > _MOSTLY)
        return is_workaround, self.priors_[is_workaround]

    def _feedback_weights(
        self, ids: Sequence[str], uses: npt.NDArray[np.intp], today: float
    ) -> tuple[tuple[float, float], tuple[int, int]]:
        """Return the weight of the feedback of agents for and against a solution, and how many said so."""
        feedback = self._feedback
        if not feedback:
            return (0.0, 0.0), (0, 0)
        with_feedback = uses[self._has_feedback[self._uses.incidents[0][uses]]]
        good = bad = 0.0
        n_good = n_bad = 0
        for suggestion in feedback.keys() & {*ids, *(f"incident:{self._uses.numbers[use]}" for use in with_feedback)}:
            for worked, day in feedback[suggestion].values():
                weight = float(decayed(np.array([today - day]), self.half_life_days)[0])
                good, bad = good + weight * worked, bad + weight * (not worked)
                n_good, n_bad = n_good + worked, n_bad + (not worked)
        return (good, bad), (n_good, n_bad)

    def _mark(self, suggestions: Iterable[str]) -> None:
        """Note on which incidents there is feedback, so that a solution of thousands of uses is looked up at once."""
        code_of = self._uses.incidents[1]
        numbers = (name.removeprefix("incident:") for name in suggestions if name.startswith("incident:"))
        self._has_feedback[[code_of[number] for number in numbers if number in code_of]] = True

    def _set_uses(self, uses: Uses) -> None:
        self._uses = uses
        self._has_feedback = np.zeros(len(uses.incidents[1]), dtype=bool)
        self._mark(self._feedback)

    def save(self, folder: Path) -> None:
        """Write uses, feedback and what was fitted into an empty folder."""
        self._uses.save(folder / "uses.arrow")
        state = {
            "half_life_days": self.half_life_days,
            "hours": None if np.isnan(self.hours_) else self.hours_,
            "prior": asdict(self.prior_),
            "priors": [asdict(prior) for prior in self.priors_],
            "recurred": dict(self.recurred_),
            "feedback": self._feedback,
        }
        (folder / "outcomes.json").write_text(json.dumps(state, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` has written."""
        state = json.loads((folder / "outcomes.json").read_text(encoding="utf-8"))
        outcomes = cls(state["half_life_days"])
        outcomes.hours_ = float("nan") if state["hours"] is None else state["hours"]
        outcomes.prior_ = Prior(**state["prior"])
        outcomes.priors_ = [Prior(**values) for values in state.get("priors", [state["prior"]] * 2)]
        outcomes.recurred_ = state["recurred"]
        outcomes._feedback = {
            name: {feedback_id: (bool(worked), float(day)) for feedback_id, (worked, day) in words.items()}
            for name, words in state["feedback"].items()
        }
        outcomes._set_uses(Uses.load(folder / "uses.arrow"))
        return outcomes


def _typical(hours: Floats) -> float:
    logs, _ = _log_hours(hours)
    return float(np.exp(logs.mean())) if len(logs) else float("nan")


def _log_hours(hours: Floats) -> tuple[Floats, npt.NDArray[np.intp]]:
    """Return the logarithms of the hours that are known, and their places."""
    with_hours = np.flatnonzero(np.isfinite(hours) & (hours >= 0))
    return np.log(np.maximum(hours[with_hours], 0.01)), with_hours


def _sums(values: Floats, part: npt.NDArray[np.intp], n: int) -> list[float]:
    sums: list[float] = np.bincount(part, weights=values, minlength=n).tolist()
    return sums


def _day(moment: datetime) -> float:
    return moment.timestamp() / 86_400
