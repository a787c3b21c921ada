"""RecurrenceModel: how likely is this fault to come back, within each horizon."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import joblib
import numpy as np
import numpy.typing as npt
import pandas as pd

from diagnosis.errors import InputError, NotFittedError
from diagnosis.findings import RecurrenceRisk
from diagnosis.phrases import Phrase
from diagnosis.prepared import Vectors
from diagnosis.recurrence.features import ClosureFeatures, TextAxes
from diagnosis.recurrence.fitted import FeatureRows, FittedRisk
from diagnosis.recurrence.hazard import Floats, check_horizons
from diagnosis.recurrence.outcomes import CensoredOutcomes, Origin, censored_outcomes, cohort, days_of, definition, utc
from diagnosis.recurrence.rhythm import DeskRhythm
from diagnosis.recurrence.scores import RecurrenceScores, score_horizon
from diagnosis.recurrence.signature import Signature, default_signature, require_variety
from diagnosis.recurrence.state import EPOCH, HISTORY_PAIRS, HistoryState, telling_fields

History = pd.DataFrame | HistoryState
FILE = "recurrence.joblib"
FEWEST_RESOLVED = 50  # resolved incidents that a model of the moment of resolution needs
DAY = pd.Timedelta(days=1)


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
    base_rates_ : dict of int to float
        Kaplan-Meier share of incidents that recurred within each horizon.
    base_rate_ : float
        That of the horizon nearest to 30 days.
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
        known = cohort(frame, as_of)
        self.as_of_, self.left_out_ = utc(as_of), known.left_out
        self.signature_ = self.signature or default_signature(known.frame)
        placed = self.signature_.place(known.frame)
        keys = self.signature_.keys(placed)
        require_variety(keys, self.signature_)
        self.fields_ = telling_fields(placed, self.signature_)
        self.rhythm_ = DeskRhythm.fit(days_of(placed["opened_at"]), (self.as_of_ - EPOCH) / DAY)
        self.text_ = None if vectors is None else TextAxes.fit(vectors[known.rows])
        self._fit_logging(placed, keys, None if vectors is None else vectors[known.rows])
        self._fit_resolution(placed, keys)
        return self

    def _fit_logging(self, frame: pd.DataFrame, keys: pd.Series, vectors: Vectors | None) -> None:
        state = HistoryState(self.signature_, self.fields_)
        x = self._with_text(state.describe(frame, add=True), vectors)
        self.columns_ = (*state.columns, *(self.text_.columns if self.text_ else ()))
        seen, usable = self._outcomes(frame, keys, self.as_of_, self.origin)
        if not (usable & (seen.observed >= 1.0)).any():
            values = {
                "field": f"{self.origin}_at",
                "fields": tuple(self.signature_.fields),
                "n": len(keys),
                "at": f"{self.as_of_:%Y-%m-%d %H:%M}",
            }
            raise InputError(Phrase("recurrence_has_no_watched_incidents", values))
        seen = seen.take(usable)
        self.logging_ = FittedRisk.fit(
            self.origin, x[usable], self._start(frame)[usable], seen, self.horizons, self.rhythm_
        )
        self.base_rates_, self.base_rate_ = self.logging_.base_rates, self.logging_.base_rate
        self.usual_horizon_ = self.logging_.usual_horizon
        self.seen_days_ = float(seen.observed.max())
        self.n_incidents_, self.n_recurred_ = len(seen.recurred), int(seen.recurred.sum())

    def _fit_resolution(self, frame: pd.DataFrame, keys: pd.Series) -> None:
        seen, usable = self._outcomes(frame, keys, self.as_of_, "resolved")
        self.resolution_: FittedRisk | None = None
        if usable.sum() < FEWEST_RESOLVED:
            return
        self.closure_ = ClosureFeatures.fit(frame[usable])
        state, start = HistoryState(self.signature_, self.fields_), days_of(frame["resolved_at"])
        x = np.hstack([state.describe_at(frame, start, joining=frame), self.closure_.describe(frame)])
        rows = np.flatnonzero(usable)[np.argsort(-seen.observed[usable], kind="stable")]  # in order of time
        self.resolution_ = FittedRisk.fit(
            "resolved", x[rows], start[rows], seen.take(rows), self.horizons, self.rhythm_
        )

    def state(self, history: pd.DataFrame) -> HistoryState:
        """Return the state of a history, to assess one incident after another without reading it again."""
        self._check_fitted()
        state = HistoryState(self.signature_, self.fields_)
        state.add(history.drop_duplicates("number", keep="last").sort_values("opened_at", kind="stable"))
        return state

    def probabilities(self, frame: pd.DataFrame, history: History, *, vectors: Vectors | None = None) -> Floats:
        """Return the probability of recurring within each horizon, shape (n, n_horizons)."""
        self._check_fitted()
        return self.logging_.probabilities(self._describe(frame, history, vectors))

    def assess(
        self, frame: pd.DataFrame, history: History, *, vectors: Vectors | None = None, language: str = "en"
    ) -> list[RecurrenceRisk]:
        """Return the risk of each incident as logged, in order, with what raised or lowered it.

        Each row sees ``history`` and the earlier rows of ``frame``, which must be in order of ``opened_at``; a given
        state is not changed. ``vectors`` are those of the rows, if the model was fitted with any.
        """
        self._check_fitted()
        return self.logging_.tell(self._describe(frame, history, vectors), self.signature_, language)

    def assess_one(
        self,
        incident: Mapping[str, str],
        opened_at: datetime | None,
        state: HistoryState,
        vectors: Vectors | None = None,
        language: str = "en",
    ) -> RecurrenceRisk:
        """Return what `assess` says of one incident, given by field; a frame of one row costs more than the answer.

        Parameters
        ----------
        incident : mapping of str to str
            Its fields as logged.
        opened_at : datetime, optional
            In UTC.
        state : HistoryState
        vectors : ndarray of float32, shape (1, n_dimensions), optional
        """
        self._check_fitted()
        placed = state.place_one(incident)
        x = self._with_text(state.describe_one(placed, opened_at), vectors)
        named: dict[str, list[Any]] = {name: [placed[name]] for name in self._shown}
        named["opened_at"] = [pd.NaT if opened_at is None else opened_at]
        start = np.array([np.nan if opened_at is None else (opened_at - EPOCH) / DAY])
        return self.logging_.tell(FeatureRows(self.columns_, x, start, named), self.signature_, language)[0]

    def assess_resolution(
        self, frame: pd.DataFrame, history: History, *, joining: pd.DataFrame | None = None, language: str = "en"
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
            raise InputError(f"the moment of resolution needs {FEWEST_RESOLVED} resolved incidents to learn from")
        if frame["resolved_at"].isna().any():
            raise InputError(f"every incident needs resolved_at; {int(frame['resolved_at'].isna().sum())} have none")
        state = history if isinstance(history, HistoryState) else self.state(history)
        placed, start = state.place(frame), days_of(frame["resolved_at"])
        x = np.hstack([state.describe_at(placed, start, joining=joining), self.closure_.describe(placed)])
        named = {**self._named(placed), **self.closure_.values_of(placed)}
        asked = FeatureRows((*state.columns, *self.closure_.columns), x, start, named)
        return self.resolution_.tell(asked, self.signature_, language)

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
        known = cohort(frame, as_of).frame
        keys = self.signature_.keys(known)
        seen, usable = self._outcomes(known, keys, utc(as_of), self.origin)
        usable &= (known["opened_at"] >= self.as_of_).to_numpy()
        later = known[usable].reset_index(drop=True)
        seen = seen.take(usable)
        told = [(j, days) for j, days in enumerate(self.horizons) if (seen.observed >= days).any()]
        if not told:
            raise InputError(
                f"scores need incidents opened after {self.as_of_:%Y-%m-%d} and watched for {min(self.horizons)} days; "
                f"found {len(later)} opened after it, known at {utc(as_of):%Y-%m-%d}"
            )
        risk = self.probabilities(later, history)
        return RecurrenceScores(tuple(score_horizon(risk[:, j], seen, days) for j, days in told))

    def describe(self) -> dict[str, Any]:
        """Return what recurrence means here, for the model card."""
        self._check_fitted()
        return {
            "definition": definition(self.signature_.fields, self.origin),
            "signature": list(self.signature_.fields),
            "origin": self.origin,
            "horizons_days": list(self.horizons),
            "as_of": self.as_of_.isoformat(),
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
        """Write the fitted model into an empty folder."""
        self._check_fitted()
        joblib.dump(self, Path(folder) / FILE)

    @classmethod
    def load(cls, folder: Path) -> RecurrenceModel:
        """Read a model that `save` wrote."""
        model = joblib.load(Path(folder) / FILE)
        if not isinstance(model, cls):
            raise InputError(f"{Path(folder) / FILE} should hold a RecurrenceModel; found {type(model).__name__}")
        return model

    def _outcomes(
        self, frame: pd.DataFrame, keys: pd.Series, as_of: pd.Timestamp, origin: Origin
    ) -> tuple[CensoredOutcomes, npt.NDArray[np.bool_]]:
        seen = censored_outcomes(frame, keys, as_of, origin)
        return seen, np.isfinite(seen.observed) & (keys != "").to_numpy()

    def _start(self, frame: pd.DataFrame) -> Floats:
        return days_of(frame["opened_at" if self.origin == "opened" else "resolved_at"])

    def _describe(self, frame: pd.DataFrame, history: History, vectors: Vectors | None) -> FeatureRows:
        many, state = len(frame) != 1, history if isinstance(history, HistoryState) else self.state(history)
        state = state.fork() if many and state is history else state
        placed = state.place(frame, learn=many)
        x = self._with_text(state.describe(placed, add=many), vectors)
        return FeatureRows(self.columns_, x, days_of(placed["opened_at"]), self._named(placed))

    def _with_text(self, x: Floats, vectors: Vectors | None) -> Floats:
        return x if self.text_ is None else np.hstack([x, self.text_.describe(vectors, len(x))])

    @property
    def _shown(self) -> set[str]:
        return {*(name for name in self.fields_ if name not in HISTORY_PAIRS), *self.signature_.columns}

    def _named(self, frame: pd.DataFrame) -> dict[str, list[Any]]:
        return {name: frame[name].tolist() for name in (*self._shown, "opened_at")}

    def _check_fitted(self) -> None:
        if not hasattr(self, "logging_"):
            raise NotFittedError("RecurrenceModel is used before fit; call fit(frame, as_of=...) first")
