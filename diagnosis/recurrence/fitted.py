"""What a fitted hazard says of incidents: the risk within each horizon, and what raised or lowered it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from diagnosis.findings import HorizonRisk, RecurrenceRisk
from diagnosis.recurrence.factors import groups, strongest, values_of
from diagnosis.recurrence.hazard import Floats, HazardRegression, grid
from diagnosis.recurrence.outcomes import CensoredOutcomes, Origin, definition
from diagnosis.recurrence.rates import kaplan_meier
from diagnosis.recurrence.rhythm import DeskRhythm
from diagnosis.recurrence.signature import Signature

USUAL_HORIZON = 30


@dataclass(frozen=True)
class FeatureRows:
    """Incidents as a hazard sees them.

    Attributes
    ----------
    columns : tuple of str
        Names of the features.
    x : ndarray, shape (n, n_features)
    start : ndarray, shape (n,)
        Where each incident's time starts, in days since 1970.
    named : mapping of str to sequence of length n
        Values of fields as a person reads them.
    """

    columns: tuple[str, ...]
    x: Floats
    start: Floats
    readable: Mapping[str, Sequence[Any]]


@dataclass(frozen=True)
class FittedRisk:
    """A hazard fitted from one moment on (logging or resolution), with the base rates that its answers stand beside.

    Attributes
    ----------
    base_rates : dict of int to float
        Kaplan-Meier share of the incidents that recurred within each horizon.
    """

    origin: Origin
    regression: HazardRegression
    base_rates: dict[int, float]

    @classmethod
    def fit(
        cls,
        origin: Origin,
        x: Floats,
        start: Floats,
        outcomes: CensoredOutcomes,
        horizons: Sequence[int],
        rhythm: DeskRhythm,
    ) -> FittedRisk:
        """Fit on incidents in order of time; see `HazardRegression.fit`."""
        regression = HazardRegression.fit(x, start, outcomes, grid(tuple(horizons)), rhythm)
        rates = kaplan_meier(outcomes.duration, outcomes.recurred, horizons)
        return cls(origin, regression, dict(zip(horizons, rates.tolist(), strict=True)))

    @property
    def usual_horizon(self) -> int:
        """The horizon nearest to 30 days: what a single figure speaks of."""
        return min(self.base_rates, key=lambda days: abs(days - USUAL_HORIZON))

    @property
    def base_rate(self) -> float:
        """The share that recurred within the usual horizon."""
        return self.base_rates[self.usual_horizon]

    def probabilities(self, rows: FeatureRows) -> Floats:
        """Return the probability of recurring within each horizon, shape (n, n_horizons)."""
        return self.regression.risk(rows.x, rows.start, list(self.base_rates))

    def tell(self, rows: FeatureRows, signature: Signature, language: str) -> list[RecurrenceRisk]:
        """Return the risk of each incident with its strongest factors, in words of the language."""
        risks, factors = self.probabilities(rows), groups(rows.columns)
        effects = self.regression.effects(rows.x, rows.start, factors, self.usual_horizon)
        values, names = values_of(rows.columns, rows.x, rows.readable), list(factors)
        of_signature = dict(zip(signature.fields, signature.columns, strict=True))
        return [
            RecurrenceRisk(
                {name: rows.readable[column][i] for name, column in of_signature.items()},
                tuple(HorizonRisk(d, float(p)) for d, p in zip(self.base_rates, risks[i], strict=True)),
                self.base_rate,
                strongest(names, effects[i], values[i], language),
                definition(of_signature, self.origin, language),
            )
            for i in range(len(rows.x))
        ]
