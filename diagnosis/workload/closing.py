"""ClosingModel: what share of the open incidents is closed on a day, by how many working days they have waited.

Most incidents are closed within days and few of the old ones ever, so a backlog has no one rate. The chance of being
closed on a day is that of the incident's age times that of the day of the week (proportional fitting); a group's leans
on the desk's. Who is open on a day is known from openings and ends, so earlier days tell how far this is off, and how
much of the change that it expects of a backlog has come: what has not is as if as many were closed as are logged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from diagnosis.arrays import Bools, Floats, Ints
from diagnosis.workload.arrivals import LEADS, draw_level, fit_level_variance
from diagnosis.workload.days import HOLIDAY, N_KINDS

AGES = 46  # working days waited, the last stands for all longer waits
# From which age on incidents of neighbouring ages share a chance.
_AGE_EDGES = (0, 1, 2, 3, 4, 5, 6, 8, 11, 16, 23, 45)
AGE_CLASS = np.searchsorted(_AGE_EDGES, np.arange(AGES), side="right") - 1
N_CLASSES = len(_AGE_EDGES)
WINDOW, HALF_LIFE = 84, 14.0  # days that a fit looks at, and how fast they fade
MOST_ORIGINS = 10
GROUP_PRIOR, PACE_PRIOR, KIND_PRIOR = 5.0, 5.0, 10.0  # closings that a chance of its own must outweigh
AGE_PRIOR = 5.0  # days at risk that an age must outweigh
USUAL = 0.3  # a kind of day is worked from this share of the busiest kind on
MOST = 0.98
PRIOR_SHARES = np.array([1.0, 4.0, 0.25])  # of a backlog's change as expected, none, and on as before
SHARE_TRUST = 2  # earlier days from which on they outweigh that
# Days from which on a record that begins without the backlog of before does not seem to grow for that reason alone.
SETTLED = 56
ERROR_PRIOR = 4.0  # earlier days that the spread of the drawn paths counts for


@dataclass(frozen=True)
class OpenTable:
    """How many incidents could be closed on each day, and how many were, by series, day and working days waited.

    Attributes
    ----------
    at_risk, closed : ndarray, shape (n_series, n_days, AGES)
        The first series is the sum of the others.
    worked : ndarray of bool, shape (n_days + n_ahead,)
        Whether the desk works on a day; those to come too.
    start : int
        Place of the table's first day among all days.
    """

    at_risk: Floats
    closed: Floats
    worked: Bools
    start: int

    @classmethod
    def count(
        cls, series: Ints, opened: Ints, ended: Ints, n_series: int, kinds: Ints, n_past: int, start: int
    ) -> OpenTable:
        """Count the days from ``start`` to the last that is over.

        Parameters
        ----------
        series, opened, ended : ndarray of int, shape (n,)
            Group and places of days; an end that has not come lies behind all days.
        """
        worked = _worked_days(ended, kinds, n_past, start)
        at_risk = np.zeros((n_series + 1, n_past - start, AGES))
        closed = np.zeros_like(at_risk)
        for day in range(start, n_past):
            is_open = (opened <= day) & (ended >= day)
            at_risk[1:, day - start] = _by_age(series[is_open], waited(opened[is_open], day, worked), n_series)
            is_closed = is_open & (ended == day)
            closed[1:, day - start] = _by_age(series[is_closed], waited(opened[is_closed], day, worked), n_series)
        at_risk[0], closed[0] = at_risk[1:].sum(axis=0), closed[1:].sum(axis=0)
        return cls(at_risk, closed, worked, start)


def waited(opened: Ints, day: int, worked: Bools) -> Ints:
    """Return the working days waited on a day, at most the last of `AGES`."""
    before = np.concatenate([[0], np.cumsum(worked)])
    ages = before[day + 1] - before[np.maximum(opened, 0) + 1]
    return np.where(opened < 0, AGES - 1, np.minimum(ages, AGES - 1)).astype(np.intp)


def open_by_age(series: Ints, opened: Ints, day: int, worked: Bools, n_series: int) -> Floats:
    """Return how many incidents of each series are open at a moment of a day, by age; (n_series + 1, AGES)."""
    by_age = np.zeros((n_series + 1, AGES))
    by_age[1:] = _by_age(series, waited(opened, day, worked), n_series)
    by_age[0] = by_age[1:].sum(axis=0)
    return by_age


def _by_age(series: Ints, ages: Ints, n_series: int) -> Floats:
    return np.bincount(series * AGES + ages, minlength=n_series * AGES).reshape(n_series, AGES).astype(np.float64)


def _worked_days(ended: Ints, kinds: Ints, n_past: int, start: int) -> Bools:
    days = np.bincount(ended[(ended >= start) & (ended < n_past)] - start, minlength=n_past - start)
    of_kind = np.equal.outer(kinds[start:n_past], np.arange(N_KINDS))
    seen = of_kind.sum(axis=0)
    mean = (days @ of_kind + days.mean() if len(days) else np.zeros(N_KINDS)) / (seen + 1.0)
    if seen[HOLIDAY] == 0:
        mean[HOLIDAY] = mean[6]
    is_worked: Bools = mean[kinds] >= USUAL * max(float(mean.max()), 1e-9)
    return is_worked


@dataclass(frozen=True)
class ClosingModel:
    """Fitted chances.

    Attributes
    ----------
    by_age : ndarray, shape (n_series, AGES)
        Chance of being closed on an average working day.
    by_kind : ndarray, shape (n_series, N_KINDS)
        By how much a kind of day changes it.
    variance : ndarray, shape (n_series, 2)
        Of the logarithm of the closings: at once, and more for each week ahead.
    shares : ndarray, shape (n_series, 3)
        By earlier weeks, of a backlog's change: as these chances have it, none, and on as in the last four weeks.
    flow : ndarray, shape (n_series,)
        What the backlog grew by a day in the last four weeks.
    drift : ndarray, shape (n_series,)
        Mean square of how far the change was off, a week.
    origins : int
        Of how many earlier days.
    """

    by_age: Floats
    by_kind: Floats
    variance: Floats
    shares: Floats
    flow: Floats
    drift: Floats
    origins: int

    @classmethod
    def fit(cls, table: OpenTable, kinds: Ints, n_past: int, arrivals: Mapping[int, Floats]) -> Self:
        """Learn from the table's days, and from earlier ones how far such a forecast is off.

        Parameters
        ----------
        table : OpenTable
        kinds : ndarray of int, shape (n_days,)
        n_past : int
        arrivals : mapping of int to ndarray, shape (n_series, n_days)
            By earlier day, what could then have been expected to be logged on each day from it on.
        """
        by_age, by_kind = _chances(table, kinds, n_past)
        origins = [day for day in range(n_past - 7, table.start + 20, -7) if day in arrivals][:MOST_ORIGINS]
        excess, squared = np.zeros((len(by_age), LEADS)), np.zeros((len(by_age), LEADS))
        changes, settled = [], []
        for origin in origins:
            weeks = _ClosingWeeks.after(origin, table, kinds, arrivals[origin])
            expected, n_weeks = weeks.expected, weeks.expected.shape[1]
            error = np.minimum((weeks.closed - expected) ** 2, 9 * (expected + 0.04 * expected**2))
            excess[:, :n_weeks] += error - expected
            squared[:, :n_weeks] += expected**2
            changes.append((weeks.expected_changes, weeks.change))
            if origin >= SETTLED:
                settled.append(changes[-1])
        still_open = (table.at_risk[:, -1] - table.closed[:, -1]).sum(axis=1)
        shares = _shares(settled, (still_open + 1.0) / 4)
        drift = np.zeros(len(by_age))
        for expected_changes, change in changes:
            error = change - np.einsum("sc,scw->sw", shares, expected_changes)
            drift += ((error / np.arange(1, error.shape[1] + 1)) ** 2).mean(axis=1) / len(changes)
        variance = fit_level_variance(excess, squared, len(origins))
        return cls(by_age, by_kind, variance, shares, _flow(table, n_past), drift, len(origins))

    def chance(self, series: int, kind: int, share: float = 1.0) -> Floats:
        """Return the chance of being closed on a kind of day, or in a share of it, by age."""
        whole = np.minimum(self.by_age[series] * self.by_kind[series, kind], MOST)
        part: Floats = 1 - (1 - whole) ** share
        return part

    def draw(
        self,
        series: int,
        stock: Floats,
        arrivals: Floats,
        kinds: Ints,
        worked: Bools,
        first_share: float,
        random: np.random.Generator,
    ) -> tuple[Floats, Floats]:
        """Return drawn closings of each day, and what is open at its end, both of shape (n_paths, n_days).

        Parameters
        ----------
        stock : ndarray, shape (AGES,)
            Open now, by age.
        arrivals : ndarray, shape (n_paths, n_days)
        kinds, worked : ndarray, shape (n_days,)
        first_share : float
            Of the first day's closings, what is still to come.
        """
        n_paths, n_days = arrivals.shape
        factor = draw_level(self.variance[series], n_days, random, n_paths)
        by_age = np.tile(stock.astype(np.int64), (n_paths, 1))
        closings, backlog = np.zeros((n_paths, n_days)), np.zeros((n_paths, n_days))
        for day in range(n_days):
            if day and worked[day]:
                by_age = _grow_older(by_age)
            by_age[:, 0] += arrivals[:, day].astype(np.int64)
            chance = self.chance(series, int(kinds[day]), first_share if day == 0 else 1.0)
            chances = 1 - (1 - chance[None, :]) ** factor[:, day : day + 1]
            closed = random.binomial(by_age, chances)
            by_age -= closed
            closings[:, day], backlog[:, day] = closed.sum(axis=1), by_age.sum(axis=1)
        return self._as_confirmed(series, float(stock.sum()), arrivals, backlog, random)

    def _as_confirmed(
        self, series: int, now: float, arrivals: Floats, backlog: Floats, random: np.random.Generator
    ) -> tuple[Floats, Floats]:
        """Return closings and backlog, changed by the share that earlier weeks confirmed and as wide as they say."""
        n_paths, n_days = backlog.shape
        days = np.arange(n_days)
        by_chances, _, by_flow = self.shares[series]
        paths = now + by_chances * (backlog - now) + by_flow * self.flow[series] * (days + 1)
        errors = self.origins * self.drift[series] * ((days + 1) / 7) ** 2 + ERROR_PRIOR * backlog.var(axis=0)
        spread = np.sqrt(np.maximum(errors / (self.origins + ERROR_PRIOR) - paths.var(axis=0), 0.0))
        paths = np.rint(paths + random.normal(0.0, 1.0, (n_paths, 1)) * spread)
        previous = np.full((n_paths, 1), now)
        for day in days:  # nothing below none is open, and nobody opens what was closed
            paths[:, day] = np.clip(paths[:, day], 0.0, previous[:, 0] + arrivals[:, day])
            previous = paths[:, day : day + 1]
        return np.column_stack([np.full(n_paths, now), paths[:, :-1]]) + arrivals - paths, paths


def _grow_older(by_age: npt.NDArray[Any]) -> npt.NDArray[Any]:
    older = np.zeros_like(by_age)
    older[:, 1:] = by_age[:, :-1]
    older[:, -1] += by_age[:, -1]
    return older


def _chances(table: OpenTable, kinds: Ints, until: int) -> tuple[Floats, Floats]:
    """Return the chances by age and kind of day, from the newest days of the table before ``until``."""
    days = np.arange(max(table.start, until - WINDOW), until)
    weight = 0.5 ** ((until - 1 - days) / HALF_LIFE)
    at_risk, closed = (
        _by_class(values[:, days - table.start] * weight[None, :, None]) for values in (table.at_risk, table.closed)
    )
    of_kind = np.equal.outer(kinds[days], np.arange(N_KINDS)).astype(np.float64)
    desk_class, desk_kind = _proportional(at_risk[0], closed[0], of_kind)
    load = desk_kind[kinds[days]]
    expected_risk = np.einsum("sdc,d->sc", at_risk, load)
    # A group is as fast as the desk times a factor of its own, and of each age where it has enough of it.
    pace = (closed.sum(axis=(1, 2)) + PACE_PRIOR) / (expected_risk @ desk_class + PACE_PRIOR)
    usual = pace[:, None] * desk_class
    by_class = (closed.sum(axis=1) + GROUP_PRIOR * usual) / (expected_risk + GROUP_PRIOR)
    expected = np.einsum("sdc,sc,d,dk->sk", at_risk, by_class, load, of_kind)
    by_kind = desk_kind * (np.einsum("sdc,dk->sk", closed, of_kind) + KIND_PRIOR) / (expected + KIND_PRIOR)
    by_class[0], by_kind[0] = desk_class, desk_kind
    return by_class[:, AGE_CLASS], by_kind


def _proportional(at_risk: Floats, closed: Floats, of_kind: Floats) -> tuple[Floats, Floats]:
    """Return chances by class of age, and factors of the kinds of day, whose products give what was closed."""
    by_kind = np.ones(N_KINDS)
    total_risk, total_closed = at_risk.sum(), closed.sum()
    usual = float(total_closed / total_risk) if total_risk else 0.0
    by_class = np.full(N_CLASSES, usual)
    of_class, on_kind = closed.sum(axis=0), closed.sum(axis=1) @ of_kind
    for _ in range(8):
        exposure = at_risk.T @ (of_kind @ by_kind)
        younger = usual
        for place in range(N_CLASSES):  # an age that was hardly seen yet is as the one before it
            younger = by_class[place] = (of_class[place] + AGE_PRIOR * younger) / (exposure[place] + AGE_PRIOR)
        by_kind = (on_kind + KIND_PRIOR) / ((at_risk @ by_class) @ of_kind + KIND_PRIOR)
        if not of_kind[:, HOLIDAY].any():
            by_kind[HOLIDAY] = by_kind[6]
    return by_class, by_kind


def _by_class(values: Floats) -> Floats:
    return np.add.reduceat(values, _AGE_EDGES, axis=2)


@dataclass(frozen=True)
class _ClosingWeeks:
    """The weeks after an earlier day, all of shape (n_series, n_weeks).

    ``expected`` closings know what came meanwhile; ``expected_changes`` of the backlog until each week's end do not:
    by the chances, none, and as in the four weeks before; shape (n_series, 3, n_weeks).
    """

    expected: Floats
    closed: Floats
    expected_changes: Floats
    change: Floats

    @classmethod
    def after(cls, origin: int, table: OpenTable, kinds: Ints, arrivals: Floats) -> _ClosingWeeks:
        by_age, by_kind = _chances(table, kinds, origin)
        n_weeks = min(arrivals.shape[1] // 7, LEADS)
        days = np.arange(origin, origin + 7 * n_weeks)
        stock = table.at_risk[:, origin - 1 - table.start] - table.closed[:, origin - 1 - table.start]
        ends = days[6::7] - table.start
        change = (table.at_risk[:, ends] - table.closed[:, ends]).sum(axis=2) - stock.sum(axis=1, keepdims=True)
        true_arrivals = np.stack([_arrived(table, int(day)) for day in days], axis=1)
        true_closings = table.closed[:, days - table.start].sum(axis=2)
        closings, forecast_closings = (
            _closings(stock, counts, by_age, by_kind[:, kinds[days]], table.worked[days])
            for counts in (true_arrivals, arrivals[:, : len(days)])
        )
        by_week = (len(by_age), n_weeks, 7)
        growth = (arrivals[:, : len(days)] - forecast_closings).reshape(by_week).sum(axis=2).cumsum(axis=1)
        onward = _flow(table, origin)[:, None] * np.arange(7, 7 * n_weeks + 1, 7)
        changes = np.stack([growth, np.zeros_like(growth), onward], axis=1)
        return cls(closings.reshape(by_week).sum(axis=2), true_closings.reshape(by_week).sum(axis=2), changes, change)


def _closings(stock: Floats, arrivals: Floats, by_age: Floats, factors: Floats, worked: Bools) -> Floats:
    """Return the expected closings of each day, of what was left over from the day before and what comes."""
    expected = np.zeros(arrivals.shape)
    for day in range(arrivals.shape[1]):
        stock = _grow_older(stock) if worked[day] else stock.copy()
        stock[:, 0] += arrivals[:, day]
        chance = np.minimum(by_age * factors[:, [day]], MOST)
        expected[:, day] = (stock * chance).sum(axis=1)
        stock = stock * (1 - chance)
    return expected


def _flow(table: OpenTable, until: int) -> Floats:
    """Return what each backlog grew by a day in the four weeks before a day, as far as the table knows them."""
    last, first = until - 1 - table.start, max(until - 29 - table.start, 0)
    backlog = [(table.at_risk[:, day] - table.closed[:, day]).sum(axis=1) for day in (first, last)]
    flow: Floats = (backlog[1] - backlog[0]) / max(last - first, 1)
    return flow


def _shares(changes: list[tuple[Floats, Floats]], noise: Floats) -> Floats:
    """Return the weight of each expectation by its squared errors after earlier days; a group leans on the desk.

    Before any day was compared nothing is expected to change.
    """
    if not changes:
        return np.tile([0.0, 1.0, 0.0], (len(noise), 1))
    squares = np.zeros((len(noise), 3))
    for expected_changes, change in changes:
        errors = (change[:, None] - expected_changes) / np.sqrt(np.arange(1, change.shape[1] + 1))
        squares += (errors**2).mean(axis=2)
    n = len(changes)
    scale = squares.min(axis=1, keepdims=True) / max(n, 1) + noise[:, None]
    weights = np.exp(-(squares - squares.min(axis=1, keepdims=True)) / (2 * scale) * n / (n + SHARE_TRUST))
    weights[0] *= PRIOR_SHARES
    weights[1:] *= weights[0] / weights[0].sum()
    shares: Floats = weights / weights.sum(axis=1, keepdims=True)
    return shares


def _arrived(table: OpenTable, day: int) -> Floats:
    """Return what was logged on a day: who is at risk then and was not left over from the day before."""
    place = day - table.start
    before = (table.at_risk[:, place - 1] - table.closed[:, place - 1]).sum(axis=1)
    logged: Floats = table.at_risk[:, place].sum(axis=1) - before
    return logged
