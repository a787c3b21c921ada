"""ServiceLevelModel: what each incident is promised, and how likely it is that it will be late."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import RLock
from typing import Any, Self

import numpy as np
import pandas as pd

from diagnosis.arrays import Floats, Vectors
from diagnosis.errors import InputError, NotFittedError
from diagnosis.findings import ClockRisk, ServiceLevelRisk, WaitHours
from diagnosis.incident import IncidentBatch
from diagnosis.phrases import Phrase
from diagnosis.service_levels.clocks import SECONDS_AN_HOUR, ClockTimes, due_times, seconds
from diagnosis.service_levels.history import WaitHistory
from diagnosis.service_levels.rules import CLOCKS, ClockName, ServiceLevelRules, rules_for
from diagnosis.service_levels.waiting import FEWEST_ENDED, WaitModel
from diagnosis.times import from_seconds

FILE, ARRAYS, STATE = "service_levels.json", "service_levels.npz", "history.json"
SHARES = (0.5, 0.8)


@dataclass(frozen=True)
class OpenRisks:
    """What open incidents risk on one clock at a moment, one entry each; NaN where it is not known.

    Attributes
    ----------
    late : ndarray, shape (n,)
        Probability to miss it, 1 once it is missed.
    gain : ndarray, shape (n,)
        By how much that falls if the incident is taken now, before all others: as if it were logged now, with nobody
        waiting before it. 0 once it is missed.
    hours : ndarray, shape (n, n_shares)
        Hours from the moment within which half, and four of five, of those that have waited as long will have ended;
        NaN beyond 90 days after the opening.
    """

    late: Floats
    gain: Floats
    hours: Floats


class ServiceLevelModel:
    """Due times of response and restoration, and the calibrated probability to miss each.

    Parameters
    ----------
    settings : mapping
        The table ``[service_levels]``; see `ServiceLevelRules`.
    seed : int

    Attributes
    ----------
    rules_ : ServiceLevelRules
    waits_ : dict of ClockName to WaitModel
        Only clocks whose ends the history knows often enough.
    """

    def __init__(self, settings: Mapping[str, Any] | None = None, seed: int = 0) -> None:
        self.settings = settings
        self.seed = seed
        self._lock = RLock()

    @classmethod
    def without_waits(cls) -> Self:
        """Return a model that knows due times alone, by the programme's rules until ``rules_`` is set."""
        model = cls()
        model.rules_, model.waits_ = rules_for({}, []), {}
        return model

    def fit(self, frame: pd.DataFrame, *, as_of: pd.Timestamp, vectors: Vectors | None = None) -> Self:
        """Learn from a canonical incident frame as it was known at ``as_of``.

        Raises
        ------
        InputError
            If no clock could be learned, with the reason; the rules hold all the same, and set due times.
        """
        self.rules_ = rules_for(self.settings or {}, frame["priority"].tolist())
        self.waits_: dict[ClockName, WaitModel] = {}
        order = np.argsort(frame["opened_at"].to_numpy(), kind="stable")
        order = order[frame["opened_at"].notna().to_numpy()[order]]
        if not len(order):
            raise InputError(Phrase("service_levels_have_no_dates"))
        batch = IncidentBatch.from_frame(frame.iloc[order].reset_index(drop=True))
        times = ClockTimes.of(batch)
        end = as_of.timestamp()
        usable = (times.opened <= end) & ~(times.is_closed & np.isnan(times.restored))
        rows = np.flatnonzero(usable)
        batch, times = batch.take(rows), ClockTimes.of(batch.take(rows)).at(end)
        most_ended = 0
        for name in CLOCKS:
            ended = times.ends(name)
            answers = times.responded_apart if name == "response" else ended
            n_ended = int(np.isfinite(ended).sum()) if np.isfinite(answers).any() else 0
            most_ended = max(most_ended, n_ended)
            if n_ended >= FEWEST_ENDED:
                text_vectors = None if vectors is None else vectors[order][rows]
                wait = WaitModel(self._limit(name, batch), self.seed)
                self.waits_[name] = wait.fit(batch, times.opened / 3600, ended / 3600, end / 3600, text_vectors)
        if not self.waits_:
            raise InputError(Phrase("service_levels_have_few_ends", {"n": most_ended, "needed": FEWEST_ENDED}))
        return self

    def _limit(self, name: ClockName, batch: IncidentBatch) -> float:
        """Return the hours that are promised most often, by which the history counts what was late."""
        counts: Counter[float] = Counter()
        for place, n in Counter(self.rules_.places(batch)).items():
            if place is not None and name in self.rules_.rules[place].hours:
                counts[self.rules_.rules[place].hours[name]] += n
        return counts.most_common(1)[0][0] if counts else 4.0

    def assess(
        self, logged: IncidentBatch, vectors: Vectors | None = None, *, joining: bool = False
    ) -> list[ServiceLevelRisk | None]:
        """Return the risk of each incident as it is logged, None for one without a date.

        Each sees those of the batch that were logged before it.

        Parameters
        ----------
        logged : IncidentBatch
            As logged: no later field is looked at.
        joining : bool
            Whether they stay in the history.
        """
        self._check_fitted()
        with self._lock:
            return self._assess(logged.as_logged(), vectors, joining=joining)

    def _assess(self, batch: IncidentBatch, vectors: Vectors | None, *, joining: bool) -> list[ServiceLevelRisk | None]:
        times = ClockTimes.of(batch)
        due = {name: due_times(self.rules_, batch, times, name) for name in CLOCKS}
        numbers = batch.column("number")
        risks: list[ServiceLevelRisk | None] = [None] * len(batch)
        clocks: dict[ClockName, list[ClockRisk | None]] = {name: [None] * len(batch) for name in CLOCKS}
        dated = [row for row in np.argsort(times.opened, kind="stable").tolist() if np.isfinite(times.opened[row])]
        for name, wait in self.waits_.items():
            keys, text = wait.history_.keys(batch), _text(wait, vectors)
            together = joining or len(dated) > 1
            last = max((float(times.opened[row]) for row in dated), default=0.0) / SECONDS_AN_HOUR
            with nullcontext() if joining or not together else wait.history_.restored(keys, last):
                for row in dated:
                    opened = float(times.opened[row]) / SECONDS_AN_HOUR
                    wait.history_.advance(opened)
                    axes = None if text is None else text[row]
                    x = wait.features([keys[row]], opened, [axes], np.array([opened]))
                    clocks[name][row] = _risk(wait, x, opened, float(due[name][row]))
                    if together and numbers[row] and numbers[row] not in wait.history_.open:
                        wait.history_.add(numbers[row], keys[row], opened, axes)
        for row in dated:
            own_clocks = {name: clocks[name][row] or _promise(float(due[name][row])) for name in CLOCKS}
            risks[row] = ServiceLevelRisk(own_clocks["response"], own_clocks["restoration"])
        return risks

    def upsert(self, reported: IncidentBatch, new: Sequence[int], vectors: Vectors | None = None) -> None:
        """Take incidents into the history as they are reported now: new ones, other groups, ends, and reopenings."""
        self._check_fitted()
        times, is_new = ClockTimes.of(reported), set(new)
        resolved, closed = (seconds(reported.column(name)) / SECONDS_AN_HOUR for name in ("resolved_at", "closed_at"))
        former_ends = np.where(np.isfinite(resolved), resolved, closed).tolist()
        with self._lock:
            for name, wait in self.waits_.items():
                keys, text = wait.history_.keys(reported, later=True), _text(wait, vectors)
                ends = times.ends(name)
                for row, number in enumerate(reported.column("number")):
                    opened = float(times.opened[row]) / SECONDS_AN_HOUR
                    if not math.isfinite(opened) or not number:
                        continue
                    axes = None if text is None else text[row]
                    is_waiting = number in wait.history_.open
                    if row in is_new and not is_waiting:
                        wait.history_.add(number, keys[row], opened, axes)
                    elif is_waiting:
                        wait.history_.reassign(number, keys[row], axes)
                    elif np.isnan(ends[row]) and not times.is_closed[row]:
                        wait.history_.resume(number, keys[row], opened, former_ends[row], axes)
                    if np.isfinite(ends[row]):
                        wait.history_.end(number, float(ends[row]) / SECONDS_AN_HOUR)
                    elif times.is_closed[row]:
                        wait.history_.withdraw(number)

    def remove(self, incidents: IncidentBatch) -> None:
        """Forget incidents: who of them waits, and what was learned of how long they waited since training."""
        self._check_fitted()
        times = ClockTimes.of(incidents)
        opened = times.opened / SECONDS_AN_HOUR
        with self._lock:
            for name, wait in self.waits_.items():
                keys, ends = wait.history_.keys(incidents, later=True), times.ends(name) / SECONDS_AN_HOUR
                for row, number in enumerate(incidents.column("number")):
                    wait.history_.remove(number, keys[row], float(opened[row]), float(ends[row]))

    def open_risks(self, name: ClockName, incidents: IncidentBatch, due: Floats, now: float) -> OpenRisks:
        """Return what open incidents risk on a clock by what is known now; NaN without a model.

        Parameters
        ----------
        incidents : IncidentBatch
            As they stand now, the assignment group included.
        due : ndarray, shape (n,)
            Seconds since 1970, NaN for one that nothing is promised.
        now : float
            Seconds since 1970.
        """
        self._check_fitted()
        wait, n = self.waits_.get(name), len(incidents)
        if wait is None or not n:
            return OpenRisks(np.full(n, np.nan), np.full(n, np.nan), np.full((n, len(SHARES)), np.nan))
        hours = now / SECONDS_AN_HOUR
        opened, promised = ClockTimes.of(incidents).opened / SECONDS_AN_HOUR, due / SECONDS_AN_HOUR
        with self._lock:
            history = wait.history_
            history.advance(hours)
            keys, numbers = history.keys(incidents, later=True), incidents.column("number")
            texts = [history.open[number].text if number in history.open else None for number in numbers]
            x = wait.features(keys, hours, texts, opened)
        late, left = wait.assess(x, opened, hours - opened, promised - opened, SHARES)
        still = np.flatnonzero(promised > hours)  # what is missed gains nothing more
        fresh = wait.taken_now(x[still], [keys[row] for row in still.tolist()], hours)
        starts = np.full(len(still), hours)
        gain = np.where(np.isnan(promised), np.nan, 0.0)
        gain[still] = np.maximum(
            late[still] - wait.assess(fresh, starts, np.zeros(len(still)), promised[still] - hours)[0], 0.0
        )
        return OpenRisks(late, gain, left)

    @property
    def known_until(self) -> datetime | None:
        """Up to when outcomes are known to it; None where no clock was learned."""
        self._check_fitted()
        hours = max((wait.history_.known_until for wait in self.waits_.values()), default=-math.inf)
        return from_seconds(hours * SECONDS_AN_HOUR) if math.isfinite(hours) else None

    def describe(self) -> dict[str, Any]:
        """Return what was learned, for the model card."""
        self._check_fitted()
        per_clock = {
            name: {"incidents": wait.n_incidents_, "ended": wait.n_ended_, "counted_late_after_hours": wait.limit}
            for name, wait in self.waits_.items()
        }
        return {"rules": [rule.describe() for rule in self.rules_.rules], "clocks": per_clock}

    def save(self, folder: Path) -> None:
        """Write the fitted model and the state of its history into an empty folder, as JSON and NumPy arrays."""
        self._check_fitted()
        content = {"rules": self.rules_.to_dict(), "seed": self.seed, "clocks": list(self.waits_)}
        (folder / FILE).write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")
        states = {name: wait.history_.to_dict() for name, wait in self.waits_.items()}
        (folder / STATE).write_text(json.dumps(states, ensure_ascii=False), encoding="utf-8")
        arrays = {f"{name}/{part}": a for name, wait in self.waits_.items() for part, a in wait.to_arrays().items()}
        # The names are of arrays, not of its parameters.
        np.savez(folder / ARRAYS, **arrays)  # type: ignore[arg-type]

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a model that `save` wrote.

        Raises
        ------
        InputError
            If a file is missing or is not what `save` writes.
        """
        try:
            content = json.loads((folder / FILE).read_text(encoding="utf-8"))
            states = json.loads((folder / STATE).read_text(encoding="utf-8"))
            with np.load(folder / ARRAYS) as file:
                arrays = dict(file)
            model = cls(content["rules"], content["seed"])
            model.rules_ = ServiceLevelRules.from_settings(content["rules"])
            model.waits_ = {}
            for name in content["clocks"]:
                part = {k.removeprefix(f"{name}/"): a for k, a in arrays.items() if k.startswith(f"{name}/")}
                model.waits_[name] = WaitModel.from_arrays(part, WaitHistory.from_dict(states[name]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"expected a model as saved by ServiceLevelModel in {FILE}; found {error!r}") from error
        return model

    def _check_fitted(self) -> None:
        if not hasattr(self, "waits_"):
            raise NotFittedError("ServiceLevelModel is used before fit; call fit(frame, as_of=...) first")


def _text(wait: WaitModel, vectors: Vectors | None) -> Floats | None:
    return None if wait.text_ is None or vectors is None else wait.text_.describe(vectors, len(vectors))


def _risk(wait: WaitModel, x: Floats, opened: float, due: float) -> ClockRisk:
    limit = due / SECONDS_AN_HOUR - opened
    late, hours = wait.assess(x, np.array([opened]), np.zeros(1), np.array([limit]), SHARES)
    promised = math.isfinite(due)
    return ClockRisk(
        from_seconds(due) if promised else None, float(late[0]) if promised else None, wait_hours(hours[0])
    )


def wait_hours(hours: Floats) -> WaitHours:
    """Return the hours of each share as they are said, None where they lie behind what was learned."""
    return WaitHours(*(None if math.isnan(value) else round(value, 2) for value in hours.tolist()))


def _promise(due: float) -> ClockRisk | None:
    return ClockRisk(from_seconds(due), None) if math.isfinite(due) else None
