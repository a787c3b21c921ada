"""HazardRegression: features in any units and a censored outcome in, calibrated risks and their reasons out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from diagnosis.recurrence.hazard import Floats, LogisticHazard, fit_hazard, trials
from diagnosis.recurrence.outcomes import Outcomes
from diagnosis.recurrence.rhythm import EVEN, DeskRhythm

RIDGES = (10.0, 100.0, 300.0, 1000.0, 3000.0)
LATER = 0.3  # share of the incidents, the newest, that the ridge is chosen on
ENOUGH = 20_000  # newest incidents that are enough to choose it
FAR = 5.0  # standard deviations: a value farther out says no more than this
MIN_EVENTS = 10  # with fewer recurrences, or fewer survivals, only the base rate can be learned


@dataclass(frozen=True)
class HazardRegression:
    """A hazard fitted on standardised features; a missing value counts as the mean, an extreme one as `FAR`."""

    mean: Floats
    scale: Floats
    hazard: LogisticHazard
    ridge: float
    rhythm: DeskRhythm

    @classmethod
    def fit(cls, x: Floats, start: Floats, seen: Outcomes, edges: Floats, rhythm: DeskRhythm) -> HazardRegression:
        """Fit on incidents in order of time.

        One thread, so that the last bits do not depend on how many cores there are.

        Parameters
        ----------
        x : ndarray, shape (n, n_features)
        start : ndarray, shape (n,)
            Where each incident's time starts, in days since 1970.
        seen : Outcomes of the n incidents
        edges : ndarray, shape (n_intervals + 1,)
        rhythm : DeskRhythm
            The clock by which intervals are long or short.
        """
        at_risk, event = trials(seen, edges)
        known = np.isfinite(x)
        count = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, x, 0.0).sum(axis=0) / count
        spread = np.sqrt((np.where(known, x - mean, 0.0) ** 2).mean(axis=0))
        constant = spread < 1e-9
        if min(event.sum(), at_risk[:, 0].sum() - event.sum()) < MIN_EVENTS:
            constant[:] = True
        scale = np.where(constant, np.inf, spread)  # what never varied says nothing
        if constant.all():
            rhythm = EVEN  # the base rate is the same for all
        z, widths = cls._z(x, mean, scale), rhythm.log_widths(start, edges)
        with threadpool_limits(limits=1, user_api="blas"):
            ridge = RIDGES[-1] if constant.all() else choose_ridge(z, seen, edges, widths)
            return cls(mean, scale, fit_hazard(z, at_risk, event, edges, ridge, widths), ridge, rhythm)

    @staticmethod
    def _z(x: Floats, mean: Floats, scale: Floats) -> Floats:
        z = (np.where(np.isfinite(x), x, mean) - mean) / scale
        return np.clip(z, -FAR, FAR)

    def risk(self, x: Floats, start: Floats, days: npt.ArrayLike) -> Floats:
        """Return the probability of recurring within each number of days after ``start``, shape (n, n_days)."""
        return self.hazard.risk(self._z(x, self.mean, self.scale), days, self._widths(start))

    def _widths(self, start: Floats) -> Floats:
        return self.rhythm.log_widths(start, self.hazard.edges)

    def effects(self, x: Floats, start: Floats, groups: Mapping[str, Sequence[int]], days: int) -> Floats:
        """Return how much each group of features moved the risk from what it is with that group at its mean.

        Returns
        -------
        ndarray, shape (n, n_groups)
            Differences of probability within ``days``.
        """
        z = self._z(x, self.mean, self.scale)
        full = self.hazard.log_odds(z, self._widths(start))
        last = int(np.searchsorted(self.hazard.edges, days))
        base = np.logaddexp(0.0, full[:, :last]).sum(axis=1)
        of_group = np.zeros((z.shape[1], len(groups)))
        for j, columns in enumerate(groups.values()):
            of_group[columns, j] = 1.0
        effect, drift = (z * self.hazard.effect) @ of_group, (z * self.hazard.drift) @ of_group
        moved = effect[..., None] + drift[..., None] * self.hazard.clock[:last]
        without = np.logaddexp(0.0, full[:, None, :last] - moved).sum(axis=2)
        effects: Floats = np.exp(-without) - np.exp(-base)[:, None]
        return effects


def choose_ridge(z: Floats, seen: Outcomes, edges: Floats, widths: Floats) -> float:
    """Return the ridge that predicts the newest incidents best from the older ones, each as known at the time.

    Rows must be in order of time; the measure is the log-likelihood of the newest incidents' own trials. One slice of
    time is a noisy judge, so the largest ridge within one standard error of the best is taken (Breiman et al. 1984).
    """
    newest = slice(max(len(z) - ENOUGH, 0), None)
    z, widths = z[newest], widths[newest]
    seen = Outcomes(seen.duration[newest], seen.recurred[newest], seen.observed[newest])
    cut = float(np.quantile(seen.observed, LATER))
    older = seen.observed > cut
    past, later = seen.as_known(cut).take(older), seen.take(~older)
    at_risk, event = trials(later, edges)
    losses = []
    for ridge in RIDGES:
        hazard = fit_hazard(z[older], *trials(past, edges), edges, ridge, widths[older])
        eta = hazard.log_odds(z[~older], widths[~older])
        losses.append(np.sum(at_risk * np.logaddexp(0.0, eta) - event * eta, axis=1))
    worse = np.array(losses) - losses[int(np.argmin(np.sum(losses, axis=1)))]
    error = worse.std(axis=1) * np.sqrt(worse.shape[1])
    return max(ridge for ridge, row, spread in zip(RIDGES, worse, error, strict=True) if row.sum() <= spread)
