"""RecurrenceModel: how likely is this fault to come back, within each horizon."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from diagnosis.arrays import Floats, Vectors
from diagnosis.errors import InputError, NotFittedError
from diagnosis.findings import RecurrenceRisk
from diagnosis.incident import IncidentBatch
from diagnosis.phrases import Phrase
from diagnosis.recurrence.features import ClosureFeatures, TextAxes
from diagnosis.recurrence.fitted import FittedRisk, HazardRows
from diagnosis.recurrence.hazard import check_horizons
from diagnosis.recurrence.outcomes import CensoredOutcomes, Origin, censored_outcomes, cohort, definition
from diagnosis.recurrence.rhythm import DeskRhythm
from diagnosis.recurrence.scores import RecurrenceScores, score_horizon
from diagnosis.recurrence.signature import Signature, default_signature, require_variety
from diagnosis.recurrence.state import HISTORY_PAIRS, HistoryState, Incidents, varying_fields
from diagnosis.times import as_utc, days_since_1970, format_utc

History = Incidents | HistoryState
FILE, ARRAYS = "recurrence.json", "recurrence.npz"
FEWEST_RESOLVED = 50  # resolved incidents that a model of the moment of resolution needs


class RecurrenceModel:
    """Probability that the fault of an incident is logged again, learned from incidents most of which may still recur.

    Parameters
    ----------
    signature : Signature, optional
        What the same fault is; by default what the data support (`default_signature`).
    horizons : sequence of int
        Days.
    origin : {"opened", "resolved"}
        Where the time of the model for a new incident starts; at the moment of resolution it starts there.
    seed : int
        Part of every estimator's contract; this fit draws nothing at random.

    Attributes
    ----------
    signature_ : Signature
    rhythm_ : DeskRhythm
        The desk's own clock.
    seen_days_ : float
        The longest that an incident was watched; risks beyond it keep the hazard of the last interval seen.
    """

    def __init__(
        self,
        signature: Signature | None = None,
        horizons: Sequence[int] = (7, 30, 90),
        origin: Origin = "opened",
        seed: int = 0,
    ) -> None:
        self.signature = signature
        self.horizons = horizons
        self.origin = origin
        self.seed = seed

    def fit(
        self,
        frame: pd.DataFrame,
        *,
        as_of: pd.Timestamp,
        texts: Sequence[str] | None = None,  # noqa: ARG002 - the contract of every part; vectors say it
        vectors: Vectors | None = None,
    ) -> Self:
        """Learn from a canonical incident frame as it was known at ``as_of``.

        Raises
        ------
        InputError
            If recurrence cannot be learned from these incidents, with the reason.
        """
        check_horizons(self.horizons)
        eligible = cohort(frame, as_of)
        self.as_of_, self.left_out_ = as_utc(as_of), eligible.left_out
        self.signature_ = self.signature or default_signature(eligible.frame)
        incidents = self.signature_.place(IncidentBatch.from_frame(eligible.frame))
        keys = self.signature_.keys(incidents)
        require_variety(keys, self.signature_)
        self.fields_ = varying_fields(incidents, self.signature_)
        opened = days_since_1970(incidents.column("opened_at"))
        self.rhythm_ = DeskRhythm.fit(opened, days_since_1970([self.as_of_])[0])
        self.text_ = None if vectors is None else TextAxes.fit(vectors[eligible.rows])
        self._fit_logging(incidents, keys, None if vectors is None else vectors[eligible.rows])
        self._fit_resolution(incidents, keys)
        return self

    def _fit_logging(self, incidents: IncidentBatch, keys: pd.Series, vectors: Vectors | None) -> None:
        state = HistoryState(self.signature_, self.fields_)
        x = self._with_text(state.describe(incidents, add=True), vectors)
        self.columns_ = (*state.columns, *(self.text_.columns if self.text_ else ()))
        outcomes, usable = self._outcomes(incidents.frame, keys, self.as_of_, self.origin)
        if not (usable & (outcomes.observed >= 1.0)).any():
            values = {
                "field": f"{self.origin}_at",
                "fields": tuple(self.signature_.fields),
                "n": len(keys),
                "at": f"{self.as_of_:%Y-%m-%d %H:%M}",
            }
            raise InputError(Phrase("recurrence_has_no_watched_incidents", values))
        outcomes = outcomes.take(usable)
        start = days_since_1970(incidents.column(f"{self.origin}_at"))[usable]
        self.logging_ = FittedRisk.fit(self.origin, x[usable], start, outcomes, self.horizons, self.rhythm_)
        self.seen_days_ = float(outcomes.observed.max())
        self.n_incidents_, self.n_recurred_ = len(outcomes.recurred), int(outcomes.recurred.sum())

    def _fit_resolution(self, incidents: IncidentBatch, keys: pd.Series) -> None:
        outcomes, usable = self._outcomes(incidents.frame, keys, self.as_of_, "resolved")
        self.resolution_: FittedRisk | None = None
        if usable.sum() < FEWEST_RESOLVED:
            return
        self.closure_ = ClosureFeatures.fit(incidents.take(np.flatnonzero(usable)))
        state, start = HistoryState(self.signature_, self.fields_), days_since_1970(incidents.column("resolved_at"))
        x = np.hstack([state.describe_at(incidents, start, joining=incidents), self.closure_.describe(incidents)])
        rows = np.flatnonzero(usable)[np.argsort(-outcomes.observed[usable], kind="stable")]  # in order of time
        watched = outcomes.take(rows)
        self.resolution_ = FittedRisk.fit("resolved", x[rows], start[rows], watched, self.horizons, self.rhythm_)

    @property
    def base_rates_(self) -> dict[int, float]:
        """Kaplan-Meier share of incidents that recurred within each horizon."""
        return self.logging_.base_rates

    @property
    def base_rate_(self) -> float:
        """That of the horizon nearest to 30 days."""
        return self.logging_.base_rate

    @property
    def usual_horizon_(self) -> int:
        """The horizon nearest to 30 days."""
        return self.logging_.usual_horizon

    def state(self, history: pd.DataFrame) -> HistoryState:
        """Return the state of a history, to assess one incident after another without reading it again."""
        self._check_fitted()
        state = HistoryState(self.signature_, self.fields_)
        state.add(history.drop_duplicates("number", keep="last").sort_values("opened_at", kind="stable"))
        return state

    def probabilities(self, incidents: Incidents, history: History, *, vectors: Vectors | None = None) -> Floats:
        """Return the probability of recurring within each horizon, shape (n, n_horizons)."""
        self._check_fitted()
        return self.logging_.probabilities(self._describe(incidents, history, vectors))

    def assess(self, incidents: Incidents, history: History, *, vectors: Vectors | None = None) -> list[RecurrenceRisk]:
        """Return the risk of each incident as logged, in order, with what raised or lowered it, in English.

        Each row sees ``history`` and the earlier rows of ``incidents``, which must be in order of ``opened_at``; a
        given state is not changed. ``vectors`` are those of the rows, if the model was fitted with any.
        """
        self._check_fitted()
        return self.logging_.assess(self._describe(incidents, history, vectors), self.signature_)

    def assess_resolution(
        self, incidents: Incidents, history: History, *, joining: Incidents | None = None
    ) -> list[RecurrenceRisk]:
        """Return the risk, counted from the resolution, of incidents that have just been resolved.

        ``history`` holds what was logged until now, these incidents among it, or ``joining`` does: incidents that join
        the history as time passes, so that each sees those opened before it was resolved (a given state then changes).

        Raises
        ------
        InputError
            If too few incidents were resolved to learn from, or one here has no ``resolved_at``.
        """
        self._check_fitted()
        if self.resolution_ is None:
            raise InputError(Phrase("too_few_resolved", {"needed": FEWEST_RESOLVED}))
        batch = IncidentBatch.of(incidents)
        if unresolved := sum(time is None for time in batch.column("resolved_at")):
            raise InputError(Phrase("incidents_unresolved", {"unresolved": unresolved}))
        state = self._state_of(history)
        placed, start = state.place(batch), days_since_1970(batch.column("resolved_at"))
        x = np.hstack([state.describe_at(placed, start, joining=joining), self.closure_.describe(placed)])
        readable = {**self._readable(placed), **self.closure_.values_of(placed)}
        rows = HazardRows((*state.columns, *self.closure_.columns), x, start, readable)
        return self.resolution_.assess(rows, self.signature_)

    def evaluate(self, frame: pd.DataFrame, history: History, *, as_of: pd.Timestamp) -> RecurrenceScores:
        """Return how good the risks of these incidents were, each horizon that any was watched for.

        Parameters
        ----------
        frame : DataFrame
            Incidents logged after those the model was fitted on; those logged by its ``as_of`` are left out, for the
            model has seen part of their outcome.
        history : DataFrame or HistoryState
            What was logged before them.
        as_of : Timestamp
            When their outcomes were looked at.

        Raises
        ------
        InputError
            If no incident was logged after the model's ``as_of`` and watched for the shortest horizon.
        """
        self._check_fitted()
        eligible = cohort(frame, as_of).frame
        keys = self.signature_.keys(eligible)
        outcomes, usable = self._outcomes(eligible, keys, as_utc(as_of), self.origin)
        usable &= (eligible["opened_at"] >= self.as_of_).to_numpy()
        later = eligible[usable].reset_index(drop=True)
        outcomes = outcomes.take(usable)
        watched = [(j, days) for j, days in enumerate(self.horizons) if (outcomes.observed >= days).any()]
        if not watched:
            days = {"since": f"{self.as_of_:%Y-%m-%d}", "at": f"{as_utc(as_of):%Y-%m-%d}", "days": min(self.horizons)}
            raise InputError(Phrase("no_recurrence_scores", {**days, "later": len(later)}))
        risk = self.probabilities(later, history)
        return RecurrenceScores(tuple(score_horizon(risk[:, j], outcomes, days) for j, days in watched))

    def describe(self) -> dict[str, Any]:
        """Return what recurrence means here, for the model card."""
        self._check_fitted()
        return {
            "definition": str(definition(self.signature_.fields, self.origin)),
            "signature": list(self.signature_.fields),
            "origin": self.origin,
            "horizons_days": list(self.horizons),
            "as_of": format_utc(self.as_of_),
            "base_rates": {str(days): rate for days, rate in self.base_rates_.items()},
            "incidents": self.n_incidents_,
            "recurrences_seen": self.n_recurred_,
            "longest_watched_days": self.seen_days_,
            "extrapolated_horizons_days": [days for days in self.horizons if days > self.seen_days_],
            "ridge": self.logging_.regression.ridge,
            "at_resolution": self.resolution_ is not None,
            "left_out": self.left_out_,
        }

    def save(self, folder: Path) -> None:
        """Write the fitted model into an empty folder, as JSON and NumPy arrays."""
        self._check_fitted()
        content = {
            "signature": self.signature_.fields,
            "horizons": list(self.horizons),
            "origin": self.origin,
            "seed": self.seed,
            "as_of": format_utc(self.as_of_),
            "left_out": self.left_out_,
            "fields": self.fields_,
            "columns": self.columns_,
            "longest_watched_days": self.seen_days_,
            "incidents": self.n_incidents_,
            "recurrences_seen": self.n_recurred_,
            "closure": None if self.resolution_ is None else self.closure_.frequent,
        }
        (folder / FILE).write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")
        arrays = {f"rhythm.{name}": np.asarray(value) for name, value in vars(self.rhythm_).items()}
        if self.text_ is not None:
            arrays |= {"text.mean": self.text_.mean, "text.axes": self.text_.axes}
        arrays |= self.logging_.to_arrays("logging")
        if self.resolution_ is not None:
            arrays |= self.resolution_.to_arrays("resolution")
        # The names are of arrays, not of its parameters.
        np.savez(folder / ARRAYS, **arrays)  # type: ignore[arg-type]

    @classmethod
    def load(cls, folder: Path) -> RecurrenceModel:
        """Read a model that `save` wrote.

        Raises
        ------
        InputError
            If a file is missing or is not what `save` writes.
        """
        try:
            content = json.loads((folder / FILE).read_text(encoding="utf-8"))
            with np.load(folder / ARRAYS) as file:
                arrays = dict(file)
            return cls._from_saved(content, arrays)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"expected a model as saved by RecurrenceModel in {FILE}; found {error!r}") from error

    @classmethod
    def _from_saved(cls, content: dict[str, Any], arrays: dict[str, npt.NDArray[Any]]) -> RecurrenceModel:
        signature = Signature(tuple(content["signature"]))
        model = cls(signature, tuple(content["horizons"]), content["origin"], content["seed"])
        model.signature_, model.as_of_ = signature, pd.Timestamp(content["as_of"])
        model.left_out_, model.seen_days_ = content["left_out"], content["longest_watched_days"]
        model.fields_, model.columns_ = tuple(content["fields"]), tuple(content["columns"])
        model.n_incidents_, model.n_recurred_ = content["incidents"], content["recurrences_seen"]
        model.rhythm_ = DeskRhythm(float(arrays["rhythm.start"]), arrays["rhythm.past"], arrays["rhythm.week"])
        model.text_ = TextAxes(arrays["text.mean"], arrays["text.axes"]) if "text.mean" in arrays else None
        model.logging_ = FittedRisk.from_arrays("logging", model.origin, arrays, model.rhythm_)
        model.resolution_ = None
        if content["closure"] is not None:
            model.closure_ = ClosureFeatures({name: tuple(values) for name, values in content["closure"].items()})
            model.resolution_ = FittedRisk.from_arrays("resolution", "resolved", arrays, model.rhythm_)
        return model

    def _outcomes(
        self, frame: pd.DataFrame, keys: pd.Series, as_of: pd.Timestamp, origin: Origin
    ) -> tuple[CensoredOutcomes, npt.NDArray[np.bool_]]:
        outcomes = censored_outcomes(frame, keys, as_of, origin)
        return outcomes, np.isfinite(outcomes.observed) & (keys != "").to_numpy()

    def _state_of(self, history: History) -> HistoryState:
        if isinstance(history, HistoryState):
            return history
        return self.state(history.frame if isinstance(history, IncidentBatch) else history)

    def _describe(self, incidents: Incidents, history: History, vectors: Vectors | None) -> HazardRows:
        batch, state = IncidentBatch.of(incidents), self._state_of(history)
        join = len(batch) > 1  # a single incident has no earlier rows to see
        state = state.fork() if join and state is history else state
        placed = state.place(batch, learn=join)
        x = self._with_text(state.describe(placed, add=join), vectors)
        return HazardRows(self.columns_, x, days_since_1970(placed.column("opened_at")), self._readable(placed))

    def _with_text(self, x: Floats, vectors: Vectors | None) -> Floats:
        return x if self.text_ is None else np.hstack([x, self.text_.describe(vectors, len(x))])

    def _readable(self, incidents: IncidentBatch) -> dict[str, list[Any]]:
        fields = (name for name in self.fields_ if name not in HISTORY_PAIRS)
        return {name: incidents.column(name) for name in {*fields, *self.signature_.columns, "opened_at"}}

    def _check_fitted(self) -> None:
        if not hasattr(self, "logging_"):
            raise NotFittedError("RecurrenceModel is used before fit; call fit(frame, as_of=...) first")
