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
from diagnosis.findings import HorizonRisk, RecurrenceRisk
from diagnosis.prepared import Vectors
from diagnosis.recurrence.closure import ClosureFeatures
from diagnosis.recurrence.estimator import HazardRegression
from diagnosis.recurrence.factors import groups, strongest, values_of
from diagnosis.recurrence.hazard import Floats, grid
from diagnosis.recurrence.history import HISTORY_FIELDS, HistoryState
from diagnosis.recurrence.outcomes import Cohort, Origin, Outcomes, cohort, days_of, outcomes, utc
from diagnosis.recurrence.rates import kaplan_meier
from diagnosis.recurrence.scores import RecurrenceScores, score_horizon
from diagnosis.recurrence.signature import Signature, default_signature
from diagnosis.recurrence.text_axes import TextAxes

History = pd.DataFrame | HistoryState
FILE = "recurrence.joblib"
USUAL_HORIZON = 30
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
    base_rates_ : dict of int to float
        Kaplan-Meier share of incidents that recurred within each horizon.
    base_rate_ : float
        That of the horizon nearest to 30 days.
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
        _check_horizons(self.horizons)
        known = cohort(frame, as_of)
        self.as_of_, self.left_out_ = utc(as_of), known.left_out
        self.signature_ = self.signature or default_signature(known.frame)
        keys = self.signature_.keys(known.frame)
        _require_variety(keys, self.signature_)
        self.fields_ = tuple(name for name in HISTORY_FIELDS if len(known.frame[name].unique()) > 1)
        self.text_ = None if vectors is None else TextAxes.fit(vectors[known.rows])
        self._fit_logging(known, keys, None if vectors is None else vectors[known.rows])
        self._fit_resolution(known, keys)
        return self

    def _fit_logging(self, known: Cohort, keys: pd.Series, vectors: Vectors | None) -> None:
        state = HistoryState(self.signature_, self.fields_)
        x = self._with_text(state.describe(known.frame, add=True), vectors)
        self.columns_ = (*state.columns, *(self.text_.columns if self.text_ else ()))
        seen, usable = self._outcomes(known.frame, keys, self.as_of_, self.origin)
        if not (usable & (seen.observed >= 1.0)).any():
            raise InputError(
                f"recurrence needs incidents with {self.origin}_at and {', '.join(self.signature_.fields)}, watched "
                f"for a day or more after that; found none in {len(keys)}, known at {self.as_of_:%Y-%m-%d %H:%M}"
            )
        seen = seen.take(usable)
        self.logging_ = HazardRegression.fit(x[usable], seen, grid(tuple(self.horizons)))
        rates = kaplan_meier(seen.duration, seen.recurred, self.horizons)
        self.base_rates_ = dict(zip(self.horizons, rates.tolist(), strict=True))
        self.usual_horizon_ = min(self.horizons, key=lambda days: abs(days - USUAL_HORIZON))
        self.base_rate_ = self.base_rates_[self.usual_horizon_]
        self.seen_days_ = float(seen.observed.max())
        self.n_incidents_, self.n_recurred_ = len(seen.recurred), int(seen.recurred.sum())

    def _fit_resolution(self, known: Cohort, keys: pd.Series) -> None:
        seen, usable = self._outcomes(known.frame, keys, self.as_of_, "resolved")
        self.resolution_: HazardRegression | None = None
        if usable.sum() < FEWEST_RESOLVED:
            return
        frame = known.frame
        self.closure_ = ClosureFeatures.fit(frame[usable])
        state = HistoryState(self.signature_, self.fields_)
        x = np.hstack([
            state.describe_at(frame, days_of(frame["resolved_at"]), add=True),
            self.closure_.describe(frame),
        ])  # fmt: skip
        by_time = np.flatnonzero(usable)[np.argsort(-seen.observed[usable], kind="stable")]
        self.resolution_ = HazardRegression.fit(x[by_time], seen.take(by_time), grid(tuple(self.horizons)))

    def state(self, history: pd.DataFrame) -> HistoryState:
        """Return the state of a history, to assess one incident after another without reading it again."""
        self._check_fitted()
        state = HistoryState(self.signature_, self.fields_)
        state.add(history.drop_duplicates("number", keep="last").sort_values("opened_at", kind="stable"))
        return state

    def probabilities(self, frame: pd.DataFrame, history: History, *, vectors: Vectors | None = None) -> Floats:
        """Return the probability of recurring within each horizon, shape (n, n_horizons)."""
        return self.logging_.risk(self._describe(frame, history, vectors), self.horizons)

    def assess(
        self, frame: pd.DataFrame, history: History, *, vectors: Vectors | None = None, language: str = "en"
    ) -> list[RecurrenceRisk]:
        """Return the risk of each incident as logged, in order, with what raised or lowered it.

        Each row sees ``history`` and the earlier rows of ``frame``, which must be in order of ``opened_at``; a given
        state is not changed. ``vectors`` are those of the rows, if the model was fitted with any.
        """
        x = self._describe(frame, history, vectors)
        return self._told(self.logging_, self.columns_, x, self._named(frame), language)

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
        x = self._with_text(state.describe_one(incident, opened_at), vectors)
        named: dict[str, list[Any]] = {name: [incident[name]] for name in {*self.fields_, *self.signature_.fields}}
        named["opened_at"] = [pd.NaT if opened_at is None else opened_at]
        return self._told(self.logging_, self.columns_, x, named, language)[0]

    def assess_resolution(self, frame: pd.DataFrame, history: History, *, language: str = "en") -> list[RecurrenceRisk]:
        """Return the risk, counted from the resolution, of incidents that have just been resolved.

        ``history`` holds what was logged until now, these incidents among it.

        Raises
        ------
        InputError
            If too few incidents were resolved when the model was fitted, or one here has no ``resolved_at``.
        """
        self._check_fitted()
        if self.resolution_ is None:
            raise InputError(f"the moment of resolution needs {FEWEST_RESOLVED} resolved incidents to learn from")
        if frame["resolved_at"].isna().any():
            raise InputError(f"every incident needs resolved_at; {int(frame['resolved_at'].isna().sum())} have none")
        state = history if isinstance(history, HistoryState) else self.state(history)
        history_x, closure_x = state.describe_at(frame, days_of(frame["resolved_at"])), self.closure_.describe(frame)
        columns = (*state.columns, *self.closure_.columns)
        named = {**self._named(frame), **self.closure_.values_of(frame)}
        return self._told(self.resolution_, columns, np.hstack([history_x, closure_x]), named, language)

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
            "definition": f"the same signature ({', '.join(self.signature_.fields)}) logged again within the horizon "
            f"after the incident was {self.origin}, or the incident reopened",
            "signature": list(self.signature_.fields),
            "origin": self.origin,
            "horizons_days": list(self.horizons),
            "as_of": self.as_of_.isoformat(),
            "base_rates": {str(days): rate for days, rate in self.base_rates_.items()},
            "incidents": self.n_incidents_,
            "recurrences_seen": self.n_recurred_,
            "longest_watched_days": self.seen_days_,
            "extrapolated_horizons_days": [days for days in self.horizons if days > self.seen_days_],
            "ridge": self.logging_.ridge,
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
    ) -> tuple[Outcomes, npt.NDArray[np.bool_]]:
        seen = outcomes(frame, keys, as_of, origin)
        return seen, np.isfinite(seen.observed) & (keys != "").to_numpy()

    def _describe(self, frame: pd.DataFrame, history: History, vectors: Vectors | None) -> Floats:
        self._check_fitted()
        state = history if isinstance(history, HistoryState) else self.state(history)
        if len(frame) == 1:
            return self._with_text(state.describe(frame), vectors)
        return self._with_text((state.fork() if state is history else state).describe(frame, add=True), vectors)

    def _with_text(self, x: Floats, vectors: Vectors | None) -> Floats:
        return x if self.text_ is None else np.hstack([x, self.text_.describe(vectors, len(x))])

    def _told(
        self,
        fitted: HazardRegression,
        columns: tuple[str, ...],
        x: Floats,
        named: Mapping[str, Sequence[Any]],
        language: str,
    ) -> list[RecurrenceRisk]:
        risks, factors = fitted.risk(x, self.horizons), groups(columns)
        effects = fitted.effects(x, factors, self.usual_horizon_)
        values, factor_names = values_of(columns, x, named), list(factors)
        return [
            RecurrenceRisk(
                {name: named[name][i] for name in self.signature_.fields},
                tuple(HorizonRisk(d, float(p)) for d, p in zip(self.horizons, risks[i], strict=True)),
                self.base_rate_,
                strongest(factor_names, effects[i], values[i], language),
            )
            for i in range(len(x))
        ]

    def _named(self, frame: pd.DataFrame) -> dict[str, list[Any]]:
        return {name: frame[name].tolist() for name in {*self.fields_, *self.signature_.fields, "opened_at"}}

    def _check_fitted(self) -> None:
        if not hasattr(self, "logging_"):
            raise NotFittedError("RecurrenceModel is used before fit; call fit(frame, as_of=...) first")


def _check_horizons(horizons: Sequence[int]) -> None:
    if not horizons or any(days < 1 for days in horizons) or list(horizons) != sorted(set(horizons)):
        raise InputError(f"horizons need days from 1 up, each longer than the one before; found {tuple(horizons)}")


def _require_variety(keys: pd.Series, signature: Signature) -> None:
    kinds = len(keys[keys != ""].unique())
    if kinds < 2:
        raise InputError(
            f"recurrence needs at least two different signatures ({', '.join(signature.fields)}); found {kinds} in "
            f"{len(keys)} incidents, so either every incident would be a recurrence or none could be"
        )
