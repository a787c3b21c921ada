"""Discrete-time hazard: the chance of recurring in each interval, for those that have not recurred before it.

An incident counts in an interval as one Bernoulli trial (a person-period row), so the likelihood of right-censored
times is that of a logistic regression (Cox 1972; Allison 1982; Singer and Willett 1993). An interval that was only
partly observed is left out whole: to count its event but not its survival would raise the hazard.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve
from scipy.special import expit
from threadpoolctl import threadpool_limits

from diagnosis.arrays import Floats
from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.recurrence.outcomes import CensoredOutcomes
from diagnosis.recurrence.rhythm import EVEN, DeskRhythm

# Bursts come back within the hour, chronic faults week by week: intervals widen as the hazard flattens.
EDGES = (0.0, 1 / 24, 0.25, 1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 14.0, 18.0, 22.0, 26.0, 30.0, 45.0, 60.0, 90.0)
SMOOTHNESS = 0.3  # ties the level of an interval to the one before it; decides only where little was seen
RIDGES = (10.0, 100.0, 300.0, 1000.0, 3000.0)
TUNING_SHARE = 0.3  # share of the incidents, the newest, that the ridge is chosen on
MAX_TUNING_ROWS = 20_000  # newest incidents that are enough to choose it
MAX_DEVIATIONS = 5.0  # standard deviations: a value farther out says no more than this
MIN_EVENTS = 10  # with fewer recurrences, or fewer survivals, only the base rate can be learned
MAX_ROUNDS = 50
TOLERANCE = 1e-8


def check_horizons(horizons: Sequence[int]) -> None:
    """Refuse horizons that are not days from 1 up, in order.

    Raises
    ------
    InputError
        If they are not.
    """
    if not horizons or any(days < 1 for days in horizons) or list(horizons) != sorted(set(horizons)):
        raise InputError(Phrase("horizons_wrong", {"value": str(tuple(horizons))}))


def grid(horizons: tuple[int, ...]) -> Floats:
    """Return interval edges in days, from 0 to the last horizon, each horizon among them."""
    longest = max(horizons)
    edges = {edge for edge in EDGES if edge < longest} | {float(days) for days in horizons}
    edges |= set(np.arange(90.0, longest, 30.0).tolist())
    return np.array(sorted(edges))


def trials(outcomes: CensoredOutcomes, edges: Floats) -> tuple[Floats, Floats]:
    """Return which intervals each incident was at risk in and wholly observed, and in which it recurred.

    Parameters
    ----------
    outcomes : CensoredOutcomes of n incidents
    edges : ndarray, shape (n_intervals + 1,)

    Returns
    -------
    at_risk, event : ndarray of 0 and 1, shape (n, n_intervals)
    """
    start, end = edges[:-1], edges[1:]
    reached = (outcomes.duration[:, None] > start) | (start == 0)
    at_risk = reached & (outcomes.observed[:, None] >= end)
    event = at_risk & outcomes.recurred[:, None] & (outcomes.duration[:, None] <= end)
    return at_risk.astype(np.float64), event.astype(np.float64)


@dataclass(frozen=True)
class LogisticHazard:
    """A fitted hazard: log-odds = log(width) + level[k] + z @ effect + clock[k] * (z @ drift).

    Widths are those of the calendar, or what a desk's own clock makes of each interval (`DeskRhythm`).
    ``clock`` is the standardised log-time of an interval, so ``drift`` lets what matters within the hour fade with
    the weeks (hazards are not proportional). Beyond the last interval observed, level and clock stay as they were.

    Attributes
    ----------
    edges : ndarray, shape (n_intervals + 1,)
    level, clock : ndarray, shape (n_intervals,)
    effect, drift : ndarray, shape (n_features,)
    """

    edges: Floats
    level: Floats
    clock: Floats
    effect: Floats
    drift: Floats

    def log_odds(self, z: Floats, widths: Floats | None = None) -> Floats:
        """Return the log-odds of recurring in each interval, shape (n, n_intervals).

        Parameters
        ----------
        z : ndarray, shape (n, n_features)
        widths : ndarray, shape (n, n_intervals), optional
            Logarithm of each incident's interval widths; by default those of the calendar.
        """
        widths = offset(self.edges) if widths is None else widths
        return widths + self.level + (z @ self.effect)[:, None] + np.outer(z @ self.drift, self.clock)

    def risk(self, z: Floats, days: npt.ArrayLike, widths: Floats | None = None) -> Floats:
        """Return the probability of recurring within each number of days (which must be edges), shape (n, n_days)."""
        alive = np.cumsum(-np.logaddexp(0.0, self.log_odds(z, widths)), axis=1)
        last = np.searchsorted(self.edges, np.asarray(days, dtype=float)) - 1
        risk: Floats = -np.expm1(alive[:, last])
        return risk


def offset(edges: Floats) -> Floats:
    """Return the log of each interval's width, so that levels are log-rates a day."""
    return np.log(np.diff(edges))


def fit_hazard(
    z: Floats, at_risk: Floats, event: Floats, edges: Floats, ridge: float, widths: Floats | None = None
) -> LogisticHazard:
    """Fit by penalised maximum likelihood, without ever writing the person-period rows out.

    Every row of one incident shares its features, so gradient and Hessian need only the features weighted by sums over
    intervals: memory is O(n (features + intervals)), not O(n features intervals). The loss is strictly convex, and
    Newton's steps, halved where they overshoot, reach its one minimum in about ten rounds.

    Parameters
    ----------
    z : ndarray, shape (n, n_features)
        Standardised features.
    at_risk, event : ndarray, shape (n, n_intervals)
        From `trials`.
    edges : ndarray, shape (n_intervals + 1,)
    ridge : float
        Penalty on ``effect`` and ``drift``, in units of one incident.
    widths : ndarray, shape (n, n_intervals), optional
        Logarithm of each incident's interval widths; by default those of the calendar.
    """
    loss = _PenalisedLoss(z, at_risk, event, edges, ridge, offset(edges) if widths is None else widths)
    theta = np.concatenate([np.full(len(edges) - 1, loss.start), np.zeros(2 * z.shape[1])])
    value = loss.value(theta)
    for _ in range(MAX_ROUNDS):
        slope, curvature = loss.derivatives(theta)
        step = cho_solve(cho_factor(curvature), slope)
        length, promised = 1.0, float(slope @ step)
        while (reached := loss.value(theta - length * step)) > value - 1e-4 * length * promised and length > 1e-6:
            length /= 2
        theta, gained, value = theta - length * step, value - reached, reached
        if gained < TOLERANCE * (1.0 + abs(value)):
            break
    level, effect, drift = loss.split(theta)
    return LogisticHazard(edges, level, loss.clock, effect, drift)


class _PenalisedLoss:
    """Minus the log-likelihood plus half the penalty, as a function of (level, effect, drift) end to end."""

    def __init__(self, z: Floats, at_risk: Floats, event: Floats, edges: Floats, ridge: float, widths: Floats) -> None:
        self.z, self.at_risk, self.event = z, at_risk, event
        self.offset, self.clock = widths, _clock(edges, at_risk)
        k, p = at_risk.shape[1], z.shape[1]
        self.parts = [k, k + p]
        self.start = float(np.log((event.sum() + 0.5) / ((at_risk * np.exp(widths)).sum() + 1.0)))
        self.centre = np.concatenate([np.full(k, self.start), np.zeros(2 * p)])
        steps = np.diff(np.eye(k), axis=0)  # level[k+1] - level[k]
        self.penalty = np.diag(np.concatenate([np.zeros(k), np.full(2 * p, ridge)]))
        self.penalty[:k, :k] = SMOOTHNESS * (steps.T @ steps)
        self.penalty[0, 0] += SMOOTHNESS

    def split(self, theta: Floats) -> tuple[Floats, Floats, Floats]:
        level, effect, drift = np.split(theta, self.parts)
        return level, effect, drift

    def _log_odds(self, theta: Floats) -> Floats:
        level, effect, drift = self.split(theta)
        eta: Floats = self.offset + level + (self.z @ effect)[:, None] + np.outer(self.z @ drift, self.clock)
        return eta

    def value(self, theta: Floats) -> float:
        eta, off = self._log_odds(theta), theta - self.centre
        return float(np.sum(self.at_risk * np.logaddexp(0.0, eta) - self.event * eta) + 0.5 * off @ self.penalty @ off)

    def derivatives(self, theta: Floats) -> tuple[Floats, Floats]:
        z, clock = self.z, self.clock
        share = expit(self._log_odds(theta))
        residual, weight = self.at_risk * share - self.event, self.at_risk * share * (1.0 - share)
        slope = np.concatenate([residual.sum(axis=0), z.T @ residual.sum(axis=1), z.T @ (residual @ clock)])
        plain, tilted, squared = (z.T @ (z * (weight @ power)[:, None]) for power in (clock**0, clock, clock**2))
        across = np.hstack([weight.T @ z, (weight * clock).T @ z])
        curvature = np.block(
            [[np.diag(weight.sum(axis=0)), across], [across.T, np.block([[plain, tilted], [tilted, squared]])]]
        )
        return slope + self.penalty @ (theta - self.centre), curvature + self.penalty


def _clock(edges: Floats, at_risk: Floats) -> Floats:
    time = np.log((edges[1:] + edges[:-1]) / 2)
    count = at_risk.sum(axis=0)
    last = int(np.flatnonzero(count)[-1]) if count.any() else 0
    time = np.minimum(time, time[last])
    clock: Floats = (time - np.average(time, weights=count + 1e-9)) / max(float(np.ptp(time)) / 2, 1e-9)
    return clock


@dataclass(frozen=True)
class HazardRegression:
    """A hazard fitted on standardised features; a missing value counts as the mean, an extreme one is clipped."""

    mean: Floats
    scale: Floats
    hazard: LogisticHazard
    ridge: float
    rhythm: DeskRhythm

    @classmethod
    def fit(
        cls, x: Floats, start: Floats, outcomes: CensoredOutcomes, edges: Floats, rhythm: DeskRhythm
    ) -> HazardRegression:
        """Fit on incidents in order of time.

        One thread, so that the last bits do not depend on how many cores there are.

        Parameters
        ----------
        x : ndarray, shape (n, n_features)
        start : ndarray, shape (n,)
            Where each incident's time starts, in days since 1970.
        outcomes : CensoredOutcomes of the n incidents
        edges : ndarray, shape (n_intervals + 1,)
        rhythm : DeskRhythm
            The clock by which intervals are long or short.
        """
        at_risk, event = trials(outcomes, edges)
        finite = np.isfinite(x)
        count = np.maximum(finite.sum(axis=0), 1)
        mean = np.where(finite, x, 0.0).sum(axis=0) / count
        spread = np.sqrt((np.where(finite, x - mean, 0.0) ** 2).mean(axis=0))
        constant = spread < 1e-9
        if min(event.sum(), at_risk[:, 0].sum() - event.sum()) < MIN_EVENTS:
            constant[:] = True
        scale = np.where(constant, np.inf, spread)  # what never varied says nothing
        if constant.all():
            rhythm = EVEN  # the base rate is the same for all
        z, widths = cls._z(x, mean, scale), rhythm.log_widths(start, edges)
        with threadpool_limits(limits=1, user_api="blas"):
            ridge = RIDGES[-1] if constant.all() else choose_ridge(z, outcomes, edges, widths)
            return cls(mean, scale, fit_hazard(z, at_risk, event, edges, ridge, widths), ridge, rhythm)

    @staticmethod
    def _z(x: Floats, mean: Floats, scale: Floats) -> Floats:
        z = (np.where(np.isfinite(x), x, mean) - mean) / scale
        return np.clip(z, -MAX_DEVIATIONS, MAX_DEVIATIONS)

    def risk(self, x: Floats, start: Floats, days: npt.ArrayLike) -> Floats:
        """Return the probability of recurring within each number of days after ``start``, shape (n, n_days)."""
        return self.hazard.risk(self._z(x, self.mean, self.scale), days, self._widths(start))

    def _widths(self, start: Floats) -> Floats:
        return self.rhythm.log_widths(start, self.hazard.edges)

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return what was fitted, but for the rhythm, as arrays to be saved."""
        hazard = {part.name: getattr(self.hazard, part.name) for part in fields(self.hazard)}
        by_calendar = self.rhythm is EVEN
        scalars = {"ridge": np.array(self.ridge), "by_calendar": np.array(by_calendar)}
        return {"mean": self.mean, "scale": self.scale, **hazard, **scalars}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]], rhythm: DeskRhythm) -> HazardRegression:
        """Return what `to_arrays` gave; ``rhythm`` counts unless it was fitted by the calendar."""
        hazard = LogisticHazard(**{part.name: arrays[part.name] for part in fields(LogisticHazard)})
        clock = EVEN if arrays["by_calendar"] else rhythm
        return cls(arrays["mean"], arrays["scale"], hazard, float(arrays["ridge"]), clock)

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
        contribution = effect[..., None] + drift[..., None] * self.hazard.clock[:last]
        without = np.logaddexp(0.0, full[:, None, :last] - contribution).sum(axis=2)
        effects: Floats = np.exp(-without) - np.exp(-base)[:, None]
        return effects


def choose_ridge(z: Floats, outcomes: CensoredOutcomes, edges: Floats, widths: Floats) -> float:
    """Return the ridge that predicts the newest incidents best from the older ones, each as known at the time.

    Rows must be in order of time; the measure is the log-likelihood of the newest incidents' own trials. One slice of
    time is a noisy judge, so the largest ridge within one standard error of the best is taken (Breiman et al. 1984).
    """
    newest = slice(max(len(z) - MAX_TUNING_ROWS, 0), None)
    z, widths = z[newest], widths[newest]
    outcomes = CensoredOutcomes(outcomes.duration[newest], outcomes.recurred[newest], outcomes.observed[newest])
    cut = float(np.quantile(outcomes.observed, TUNING_SHARE))
    older = outcomes.observed > cut
    past, later = outcomes.as_known(cut).take(older), outcomes.take(~older)
    at_risk, event = trials(later, edges)
    losses = []
    for ridge in RIDGES:
        hazard = fit_hazard(z[older], *trials(past, edges), edges, ridge, widths[older])
        eta = hazard.log_odds(z[~older], widths[~older])
        losses.append(np.sum(at_risk * np.logaddexp(0.0, eta) - event * eta, axis=1))
    worse = np.array(losses) - losses[int(np.argmin(np.sum(losses, axis=1)))]
    error = worse.std(axis=1) * np.sqrt(worse.shape[1])
    return max(ridge for ridge, row, spread in zip(RIDGES, worse, error, strict=True) if row.sum() <= spread)
