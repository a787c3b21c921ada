"""FittedRisk: a hazard fitted from logging or from resolution on, and the risks and factors that it gives incidents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from diagnosis.arrays import Floats
from diagnosis.findings import HorizonRisk, RecurrenceRisk
from diagnosis.recurrence.factors import groups, strongest, values_of
from diagnosis.recurrence.hazard import HazardRegression, grid
from diagnosis.recurrence.outcomes import CensoredOutcomes, Origin, definition
from diagnosis.recurrence.rates import kaplan_meier
from diagnosis.recurrence.rhythm import DeskRhythm
from diagnosis.recurrence.signature import Signature

USUAL_HORIZON = 30


@dataclass(frozen=True)
class HazardRows:
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

    def probabilities(self, rows: HazardRows) -> Floats:
        """Return the probability of recurring within each horizon, shape (n, n_horizons)."""
        return self.regression.risk(rows.x, rows.start, list(self.base_rates))

    def assess(self, rows: HazardRows, signature: Signature) -> list[RecurrenceRisk]:
        """Return the risk of each incident with its strongest factors, in English (`in_language`)."""
        risks, factors = self.probabilities(rows), groups(rows.columns)
        effects = self.regression.effects(rows.x, rows.start, factors, self.usual_horizon)
        values, names = values_of(rows.columns, rows.x, rows.readable), list(factors)
        column_of = dict(zip(signature.fields, signature.columns, strict=True))
        meaning = str(definition(column_of, self.origin))
        return [
            RecurrenceRisk(
                signature={name: rows.readable[column][i] for name, column in column_of.items()},
                horizons=tuple(HorizonRisk(d, float(p)) for d, p in zip(self.base_rates, risks[i], strict=True)),
                base_rate=self.base_rate,
                factors=strongest(names, effects[i], values[i]),
                definition=meaning,
                origin=self.origin,
            )
            for i in range(len(rows.x))
        ]

    def to_arrays(self, name: str) -> dict[str, npt.NDArray[Any]]:
        """Return what was fitted as arrays to be saved, each under a name that begins with ``name``."""
        horizons, rates = list(self.base_rates), list(self.base_rates.values())
        own = {"horizons": np.array(horizons), "base_rates": np.array(rates), **self.regression.to_arrays()}
        return {f"{name}.{part}": array for part, array in own.items()}

    @classmethod
    def from_arrays(
        cls, name: str, origin: Origin, arrays: Mapping[str, npt.NDArray[Any]], rhythm: DeskRhythm
    ) -> FittedRisk:
        """Return what `to_arrays` gave."""
        own = {part: arrays[part] for part in arrays if part.startswith(f"{name}.")}
        parts = {part.removeprefix(f"{name}."): array for part, array in own.items()}
        rates = dict(zip(parts["horizons"].tolist(), parts["base_rates"].tolist(), strict=True))
        return cls(origin, HazardRegression.from_arrays(parts, rhythm), rates)
