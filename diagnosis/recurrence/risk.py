"""RecurrenceModel: how likely is this fault to come back, within each horizon."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import joblib
import numpy as np
import pandas as pd

from diagnosis.errors import InputError, NotFittedError
from diagnosis.findings import HorizonRisk, RecurrenceRisk
from diagnosis.incident import CODED_FIELDS
from diagnosis.prepared import Vectors
from diagnosis.recurrence.estimator import HazardRegression
from diagnosis.recurrence.factors import groups, strongest
from diagnosis.recurrence.hazard import Floats, grid
from diagnosis.recurrence.history import HistoryState
from diagnosis.recurrence.outcomes import Origin, Outcomes, cohort, outcomes, utc
from diagnosis.recurrence.rates import kaplan_meier
from diagnosis.recurrence.signature import Signature, default_signature

History = pd.DataFrame | HistoryState
FILE = "recurrence.joblib"
USUAL_HORIZON = 30


class RecurrenceModel:
    """Probability that the fault of an incident is logged again, learned from incidents most of which may still recur.

    Parameters
    ----------
    signature : Signature, optional
        What the same fault is; by default what the data support (`default_signature`).
    horizons : sequence of int
        Days.
    origin : {"opened", "resolved"}
        Where the time of the model for a new incident starts.
    seed : int
        Reaches every random draw.

    Attributes
    ----------
    signature_ : Signature
    base_rates_ : dict of int to float
        Kaplan-Meier share of incidents that recurred within each horizon.
    base_rate_ : float
        That of the horizon nearest to 30 days.
    """

    def __init__(
        self,
        signature: Signature | None = None,
        horizons: Sequence[int] = (7, 30, 90),
        origin: Origin = "opened",
        seed: int = 0,
    ) -> None:
        self.signature = signature
        self.horizons = tuple(horizons)
        self.origin = origin
        self.seed = seed

    def fit(
        self,
        frame: pd.DataFrame,
        *,
        as_of: pd.Timestamp,
        texts: Sequence[str] | None = None,
        vectors: Vectors | None = None,
    ) -> Self:
        """Learn from a canonical incident frame as it was known at ``as_of``.

        Raises
        ------
        InputError
            If recurrence cannot be learned from these incidents, with the reason.
        """
        known = cohort(frame, as_of)
        self.as_of_ = utc(as_of)
        self.left_out_ = known.left_out
        self.signature_ = self.signature or default_signature(known.frame)
        keys = self.signature_.keys(known.frame)
        _require_variety(keys, self.signature_)
        self.fields_ = tuple(name for name in CODED_FIELDS if len(known.frame[name].unique()) > 1)
        state = HistoryState(self.signature_, self.fields_)
        x = state.describe(known.frame, add=True)
        seen = outcomes(known.frame, keys, self.as_of_, self.origin)
        usable = np.isfinite(seen.observed) & (keys != "").to_numpy()
        seen = Outcomes(seen.duration[usable], seen.recurred[usable], seen.observed[usable])
        self.columns_ = state.columns
        self.logging_ = HazardRegression.fit(x[usable], seen, grid(self.horizons))
        rates = kaplan_meier(seen.duration, seen.recurred, self.horizons)
        self.base_rates_ = dict(zip(self.horizons, rates.tolist(), strict=True))
        self.usual_horizon_ = min(self.horizons, key=lambda days: abs(days - USUAL_HORIZON))
        self.base_rate_ = self.base_rates_[self.usual_horizon_]
        self.n_incidents_, self.n_recurred_ = len(seen.recurred), int(seen.recurred.sum())
        return self

    def state(self, history: pd.DataFrame) -> HistoryState:
        """Return the state of a history, to assess one incident after another without reading it again."""
        self._check_fitted()
        state = HistoryState(self.signature_, self.fields_)
        state.add(history.sort_values("opened_at", kind="stable"))
        return state

    def probabilities(self, frame: pd.DataFrame, history: History) -> Floats:
        """Return the probability of recurring within each horizon, shape (n, n_horizons)."""
        x = self._describe(frame, history)
        return self.logging_.risk(x, self.horizons)

    def assess(self, frame: pd.DataFrame, history: History, *, language: str = "en") -> list[RecurrenceRisk]:
        """Return the risk of each incident as logged, in order, with what raised or lowered it.

        Each row sees ``history`` and the earlier rows of ``frame``, which must be in order of ``opened_at``; a given
        state is not changed.
        """
        x = self._describe(frame, history)
        risks = self.logging_.risk(x, self.horizons)
        factors = groups(self.columns_)
        effects = self.logging_.effects(x, factors, self.usual_horizon_)
        values = {name: frame[name].tolist() for name in {*self.fields_, *self.signature_.fields, "opened_at"}}
        assessed = []
        for i in range(len(frame)):
            row = {name: column[i] for name, column in values.items()}
            assessed.append(
                RecurrenceRisk(
                    {name: row[name] for name in self.signature_.fields},
                    tuple(HorizonRisk(d, float(p)) for d, p in zip(self.horizons, risks[i], strict=True)),
                    self.base_rate_,
                    strongest(list(factors), effects[i], x[i], self.columns_, row, language),
                )
            )
        return assessed

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

    def _describe(self, frame: pd.DataFrame, history: History) -> Floats:
        self._check_fitted()
        state = history if isinstance(history, HistoryState) else self.state(history)
        if len(frame) == 1:
            return state.describe(frame)
        return (state.fork() if state is history else state).describe(frame, add=True)

    def _check_fitted(self) -> None:
        if not hasattr(self, "logging_"):
            raise NotFittedError("RecurrenceModel is used before fit; call fit(frame, as_of=...) first")


def _require_variety(keys: pd.Series, signature: Signature) -> None:
    kinds = keys[keys != ""].nunique()
    if kinds < 2:
        raise InputError(
            f"recurrence needs at least two different signatures ({', '.join(signature.fields)}); found {kinds} in "
            f"{len(keys)} incidents, so either every incident would be a recurrence or none could be"
        )
