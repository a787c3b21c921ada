"""ArrivalForecast: how many incidents will be logged on each day to come, for the desk and each group.

A day's mean is a level times the rhythm of the week, holidays included. Several plain forecasters (levels of shorter
and longer memory, a trend that fades, the same weeks of last year, parts of the month, the mean of the last four
weeks) are weighted by how well each would have forecast the weeks after earlier days of the same history (rolling
origins; Akaike weights). How wide the interval is comes from the same origins: variance of single days, and of the
level so many weeks ahead.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import xlogy

from diagnosis.arrays import Floats, Ints
from diagnosis.workload.days import HOLIDAY, N_KINDS

HALF_LIVES = (7.0, 21.0, 60.0)  # days
RHYTHM_DAYS, RHYTHM_HALF_LIFE = 84, 42.0
DESK_PRIOR, GROUP_PRIOR, MONTH_PRIOR = 5.0, 20.0, 100.0  # incidents that a rhythm of its own must outweigh
FEWEST_DAYS = 21  # of history before an origin
MOST_ORIGINS, LEADS = 26, 4  # weekly origins, and the weeks after each that are compared
FADING = 0.8  # of a trend, a week
YEAR = 364  # days: fifty-two whole weeks
LEAST_MEAN = 1e-6
# Variance of the level at once, and more a week, of the desk and of a group; and the origins that this stands for.
LEVEL_PRIOR, GROUP_LEVEL_PRIOR, LEVEL_PRIOR_WEIGHT = (0.1**2, 0.05**2), (0.2**2, 0.1**2), 4.0
PRIOR_WEIGHTS = np.array([1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 2.0])  # of the forecasters, before any week is compared
TRUST = 8  # origins from which on the compared weeks outweigh them


@dataclass(frozen=True)
class ArrivalForecast:
    """A fitted forecast of arrivals.

    Attributes
    ----------
    means : ndarray, shape (n_series, n_ahead)
        Expected arrivals of each day; the first series is the desk, whose groups sum to it.
    day_variance : ndarray, shape (n_series,)
        Of a day beyond Poisson's, as a share of the squared mean.
    level_variance : ndarray, shape (n_series, 2)
        Of the logarithm of the level: at once, and more for each week ahead.
    weights : ndarray, shape (n_series, n_forecasters)
    earlier : dict of int to ndarray, shape (n_series, n_days)
        By earlier days that all this was learned from (origins), what it would have expected of the days after each.
    """

    means: Floats
    day_variance: Floats
    level_variance: Floats
    weights: Floats
    earlier: dict[int, Floats]

    @property
    def origins(self) -> int:
        """How many earlier days all this was learned from."""
        return len(self.earlier)

    @classmethod
    def fit(cls, counts: Floats, kinds: Ints, month_parts: Ints, n_ahead: int) -> ArrivalForecast:
        """Learn from daily counts and forecast.

        Parameters
        ----------
        counts : ndarray, shape (n_series, n_days)
            Of days that are over; the first series is the sum of the others.
        kinds, month_parts : ndarray of int, shape (at least n_days + n_ahead,)
            Of these days and of those to come.
        n_ahead : int
        """
        n_days = counts.shape[1]
        origins = list(range(n_days - 7, FEWEST_DAYS - 1, -7))[:MOST_ORIGINS]
        weeks = [_ForecastWeeks.after(origin, counts, kinds, month_parts) for origin in origins]
        weights = _weights(weeks, len(counts))
        means = np.einsum("sc,csd->sd", weights, _forecasters(counts, kinds, month_parts, n_ahead))
        if len(means) > 1:  # groups share what the desk as a whole is expected to get
            sums = np.maximum(means[1:].sum(axis=0), LEAST_MEAN)
            means[1:] *= means[0] / sums
        day_variance = _day_variance(counts, kinds)
        earlier = {o: np.einsum("sc,csd->sd", weights, w.daily) for o, w in zip(origins, weeks, strict=True)}
        return cls(means, day_variance, _level_variance(weeks, weights, day_variance), weights, earlier)

    def draw(self, series: int, random: np.random.Generator, n_paths: int) -> Floats:
        """Return drawn counts of each day to come, shape (n_paths, n_ahead)."""
        mean = self.means[series]
        level = draw_level(self.level_variance[series], len(mean), random, n_paths)
        shape = 1.0 / max(float(self.day_variance[series]), 1e-6)
        noise = random.gamma(shape, 1.0 / shape, (n_paths, len(mean)))
        counts: Floats = random.poisson(mean * level * noise).astype(np.float64)
        return counts


def draw_level(variance: Floats, n_days: int, random: np.random.Generator, n_paths: int) -> Floats:
    """Return factors by which a level is off on each day to come, of mean 1, shape (n_paths, n_days)."""
    steps = random.normal(0.0, np.sqrt(variance[1] / 7), (n_paths, n_days))
    log_level = random.normal(0.0, np.sqrt(variance[0]), (n_paths, 1)) + np.cumsum(steps, axis=1)
    spread = variance[0] + variance[1] * np.arange(1, n_days + 1) / 7
    factors: Floats = np.exp(log_level - spread / 2)
    return factors


@dataclass(frozen=True)
class _ForecastWeeks:
    """The weeks after an origin: what each forecaster said of them, (n_forecasters, n_series, n_weeks), and the truth.

    ``squares`` are sums of squared daily means of the first forecaster: what daily noise adds up to. ``daily`` is what
    each said of each day.
    """

    daily: Floats
    forecasts: Floats
    counts: Floats
    squares: Floats

    @classmethod
    def after(cls, origin: int, counts: Floats, kinds: Ints, month_parts: Ints) -> _ForecastWeeks:
        n_weeks = min((counts.shape[1] - origin) // 7, LEADS)
        days = 7 * n_weeks
        daily = _forecasters(counts[:, :origin], kinds, month_parts, days)
        by_week = daily.reshape(*daily.shape[:2], n_weeks, 7)
        later = counts[:, origin : origin + days].reshape(len(counts), n_weeks, 7)
        return cls(daily, by_week.sum(axis=3), later.sum(axis=2), (by_week.mean(axis=0) ** 2).sum(axis=2))


def _forecasters(counts: Floats, kinds: Ints, month_parts: Ints, n_ahead: int) -> Floats:
    """Return the daily means that each forecaster expects, shape (n_forecasters, n_series, n_ahead)."""
    n_days = counts.shape[1]
    past, ahead = kinds[:n_days], kinds[n_days : n_days + n_ahead]
    rhythm = week_rhythm(counts, past)
    usual = rhythm[:, past]
    levels = [_level(counts, usual, half_life) for half_life in HALF_LIVES]
    flat = [level[:, None] * rhythm[:, ahead] for level in levels]
    weeks_ahead = np.arange(n_ahead) / 7 + 0.5
    trend = _trend(counts, usual)[:, None] * (1 - FADING**weeks_ahead) / (1 - FADING)
    month = _month_factors(counts, usual * levels[1][:, None], month_parts[:n_days])
    means: Floats = np.maximum(
        np.stack(
            [
                *flat,
                flat[1] * np.exp(trend),
                flat[1] * month[:, month_parts[n_days : n_days + n_ahead]],
                flat[1] * _last_year(counts, n_ahead),
                np.where(ahead == HOLIDAY, flat[1], _last_four_weeks(counts, n_ahead)),
            ]
        ),
        LEAST_MEAN,
    )
    return means


def week_rhythm(counts: Floats, kinds: Ints) -> Floats:
    """Return the load of each kind of day in units of the average one, shape (n_series, N_KINDS).

    Few incidents lean on the desk's rhythm, and the desk's on an even week; a holiday is as a Sunday until some were
    seen.
    """
    recent = slice(max(0, len(kinds) - RHYTHM_DAYS), None)
    age = np.arange(len(kinds))[::-1][recent]
    weight = np.where(kinds[recent] == HOLIDAY, 0.0, 0.5 ** (age / RHYTHM_HALF_LIFE))
    of_kind = np.equal.outer(kinds[recent], np.arange(N_KINDS)) * weight[:, None]
    logged, days = counts[:, recent] @ of_kind, of_kind.sum(axis=0)
    level = counts[:, recent] @ weight / max(float(weight.sum()), 1e-9)
    even = level[0] * days
    desk = (logged[0] + DESK_PRIOR) / (even + DESK_PRIOR)
    desk[HOLIDAY] = _holiday_load(counts[0], kinds, desk)
    expected = level[:, None] * desk * days
    rhythm: Floats = desk * (logged + GROUP_PRIOR) / (expected + GROUP_PRIOR)
    rhythm[0] = desk
    return rhythm


def _holiday_load(counts: Floats, kinds: Ints, desk: Floats) -> float:
    """Return the load of a holiday: that of Sundays, and of the holidays that were seen."""
    weekdays = np.arange(5)
    usual_workday = float(desk[weekdays].mean())
    logged = expected = 0.0
    for day in np.flatnonzero(kinds == HOLIDAY):
        around = slice(max(0, day - 14), day + 15)
        workdays = counts[around][kinds[around] < 5]
        if len(workdays):
            logged += float(counts[day])
            expected += float(workdays.mean())
    prior = float(desk[6]) / usual_workday
    return usual_workday * (logged + DESK_PRIOR * prior) / (expected + DESK_PRIOR)


def _level(counts: Floats, usual: Floats, half_life: float) -> Floats:
    """Return the level by days that fade with a half-life, as if a tenth of an incident had been logged besides."""
    weight = 0.5 ** (np.arange(counts.shape[1])[::-1] / half_life)
    level: Floats = (counts @ weight + 0.1 * counts.mean(axis=1)) / (usual @ weight + 0.1)
    return level


def _trend(counts: Floats, usual: Floats) -> Floats:
    """Return the change of the logarithm of the level a week, by the last eight, drawn towards none."""
    n_weeks = min(counts.shape[1] // 7, 8)
    if n_weeks < 8:
        return np.zeros(len(counts))
    days = slice(counts.shape[1] - 7 * n_weeks, None)
    logged = counts[:, days].reshape(len(counts), n_weeks, 7).sum(axis=2)
    load = np.maximum(usual[:, days].reshape(len(counts), n_weeks, 7).sum(axis=2), 1e-9)
    log_level = np.log((logged + 1.0) / load)
    week = np.arange(n_weeks) - (n_weeks - 1) / 2
    slope: Floats = log_level @ week / (week @ week + 1.0)
    return np.clip(slope, -0.2, 0.2)


def _month_factors(counts: Floats, expected: Floats, parts: Ints) -> Floats:
    """Return the load of each part of the month in units of an average day, shape (n_series, 3)."""
    n_days = counts.shape[1]
    if n_days < 90:
        return np.ones((len(counts), 3))
    logged = np.stack([counts[:, parts == part].sum(axis=1) for part in range(3)], axis=1)
    usual = np.stack([expected[:, parts == part].sum(axis=1) for part in range(3)], axis=1)
    usual *= (logged.sum(axis=1) / np.maximum(usual.sum(axis=1), 1e-9))[:, None]
    factors: Floats = (logged + MONTH_PRIOR) / (usual + MONTH_PRIOR)
    return factors


def _last_year(counts: Floats, n_ahead: int) -> Floats:
    """Return how much more came in the same weeks of last year than in the four before them; 1 where none is known."""
    n_days = counts.shape[1]
    if n_days < YEAR + 28:
        return np.ones((len(counts), n_ahead))
    start = n_days - YEAR
    before = counts[:, start - 28 : start].sum(axis=1) / 28
    smooth = np.stack([counts[:, max(0, start + d - 10) : start + d + 11].mean(axis=1) for d in range(n_ahead)], axis=1)
    ratio: Floats = (28 * smooth + 20.0) / (28 * before[:, None] + 20.0)
    return np.clip(ratio, 0.4, 2.5)


def _last_four_weeks(counts: Floats, n_ahead: int) -> Floats:
    """Return the mean of the same weekday in the last four weeks."""
    n_weeks = min(counts.shape[1] // 7, 4)
    if not n_weeks:
        return np.repeat(counts.mean(axis=1, keepdims=True), n_ahead, axis=1)
    week: Floats = counts[:, -7 * n_weeks :].reshape(len(counts), n_weeks, 7).mean(axis=1)
    return week[:, np.arange(n_ahead) % 7]


def _weights(weeks: list[_ForecastWeeks], n_series: int) -> Floats:
    """Return the weight of each forecaster, by the deviance of the weeks after earlier origins."""
    n_forecasters = len(PRIOR_WEIGHTS)
    if not weeks:
        return np.tile(PRIOR_WEIGHTS / PRIOR_WEIGHTS.sum(), (n_series, 1))
    deviance = np.zeros((n_forecasters, n_series))
    pearson, n_weeks = np.zeros((n_forecasters, n_series)), len(weeks)
    for week in weeks:
        mean, count = week.forecasts, week.counts
        loss = 2 * (xlogy(count, np.maximum(count, 1e-300) / mean) - (count - mean))
        deviance += loss.mean(axis=2)  # weeks after one origin are off together
        pearson += ((count - mean) ** 2 / mean).mean(axis=2)
    scale = np.maximum(pearson.min(axis=0) / n_weeks, 1.0)
    score = -deviance / (2 * scale) * n_weeks / (n_weeks + TRUST)
    weights = PRIOR_WEIGHTS[:, None] * np.exp(score - score.max(axis=0))
    shares: Floats = (weights / weights.sum(axis=0)).T
    return shares


def _day_variance(counts: Floats, kinds: Ints) -> Floats:
    """Return the variance of single days beyond Poisson's as a share of the squared mean, given their week's level."""
    n_weeks = min(counts.shape[1] // 7, MOST_ORIGINS)
    if n_weeks < 2:
        return np.full(len(counts), 0.05)
    start = counts.shape[1] - 7 * n_weeks
    rhythm = week_rhythm(counts, kinds[: counts.shape[1]])[:, kinds[start : counts.shape[1]]]
    by_week = counts[:, start:].reshape(len(counts), n_weeks, 7)
    load = rhythm.reshape(len(counts), n_weeks, 7)
    mean = load * (by_week.sum(axis=2) / np.maximum(load.sum(axis=2), 1e-9))[:, :, None]
    excess = ((by_week - mean) ** 2 * 7 / 6 - mean).sum(axis=(1, 2))
    squared = (mean**2).sum(axis=(1, 2))
    variance: Floats = (excess + 0.05 * 30) / (squared + 30)
    return np.clip(variance, 0.0, 2.0)


def _level_variance(weeks: list[_ForecastWeeks], weights: Floats, day_variance: Floats) -> Floats:
    """Return variance of the log level, at once and a week, by the errors beyond the noise of single days."""
    n_series = len(weights)
    excess, squared = np.zeros((n_series, LEADS)), np.zeros((n_series, LEADS))
    for week in weeks:
        mean = np.einsum("sc,csw->sw", weights, week.forecasts)
        noise = mean + day_variance[:, None] * week.squares
        error = np.minimum((week.counts - mean) ** 2, 9 * (noise + 0.04 * mean**2))  # a wild week counts as a bad one
        n_weeks = mean.shape[1]
        excess[:, :n_weeks] += error - noise
        squared[:, :n_weeks] += mean**2
    return fit_level_variance(excess, squared, len(weeks))


def fit_level_variance(excess: Floats, squared: Floats, n_origins: int) -> Floats:
    """Return variance of a log level, at once and more a week, from squared errors beyond the noise; (n_series, 2).

    Parameters
    ----------
    excess, squared : ndarray, shape (n_series, n_leads)
        Sums over origins of squared errors less noise, and of squared means.
    n_origins : int
    """
    leads = np.arange(1, excess.shape[1] + 1)
    prior = np.tile(GROUP_LEVEL_PRIOR[0] + GROUP_LEVEL_PRIOR[1] * leads, (len(excess), 1))
    prior[0] = LEVEL_PRIOR[0] + LEVEL_PRIOR[1] * leads
    typical = squared / max(n_origins, 1)
    weight = LEVEL_PRIOR_WEIGHT * np.maximum(typical, 25.0)
    at_lead = np.maximum((excess + weight * prior) / (squared + weight), 1e-4)
    slope = np.maximum(((at_lead - at_lead.mean(axis=1, keepdims=True)) @ (leads - leads.mean())), 0.0)
    slope = slope / float(((leads - leads.mean()) ** 2).sum())
    at_once = np.maximum(at_lead.mean(axis=1) - slope * leads.mean(), 1e-4)
    variance: Floats = np.stack([at_once, slope], axis=1)
    return variance
