"""FaultForecast: how often each fault will occur within a horizon, learned from how earlier weeks went on.

A fault's rate decays at several half-lives, and how much of each lasts is learned from the history itself: at earlier
days (rolling origins) the rates of then are fitted to what followed, apart for faults by how long ago and how often
they occurred. Most faults occur once, so their own rates are drawn towards what became of their like (empirical Bayes).
Time is the desk's: a holiday is short, for past and for future days, and the level is that of the usual recent week.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln, xlogy

from diagnosis.arrays import Floats, Ints
from diagnosis.calendars import Calendar
from diagnosis.recurrence.beginning import beginning_of

HALF_LIVES = (5.0, 20.0, 60.0)  # days
RECENT = (7.0, 21.0)  # days of the usual load since the last incident, at which a fault counts as of another kind
OFTEN = 5  # incidents from which a fault counts as frequent
STRANGER = 0.05  # incidents a day that stand for "whatever its own rates are"
WINDOW = 400  # days that are looked at: ten times the half-lives leave nothing of what is older
SHORTEST, STEP, MOST_ORIGINS = 14, 3, 10  # days of history before the first origin, days between them, and how many
WEEKS = 8  # newest weeks, whose median is the desk's level
USUAL, FEWEST_HOLIDAYS = 0.3, 3  # a day is worked from this load on; holidays that tell how quiet they are
QUIETEST = 0.02  # of the usual load: a day cannot be shorter
PRIOR_WEIGHT, PENALTY = 0.1, 0.05
LEVEL = 0.8  # of an interval
FEWEST_ROWS = 5  # rows of origins from which a dispersion is learned
DISPERSIONS = np.geomspace(0.01, 30.0, 40)


@dataclass(frozen=True)
class DeskLoad:
    """Load of the desk's days in units of a usual day, the newest first; day 0 are the 24 hours before the end.

    Attributes
    ----------
    past : ndarray, shape (n_days,)
    week : ndarray, shape (7,)
        Load of the days that are that many days, and whole weeks, before the end.
    holiday : float
        Load of a holiday in units of the same day of a usual week.
    """

    past: Floats
    week: Floats
    holiday: float = 1.0

    @classmethod
    def fit(cls, ages: Floats, n_days: int, holidays: HolidayDays | None = None) -> DeskLoad:
        """Learn from the ages of all incidents in days."""
        logged = np.bincount(ages.astype(np.intp), minlength=n_days)[:n_days].astype(np.float64)
        if n_days < SHORTEST or not logged.any():  # or nothing was logged for more than a year
            return cls(np.ones(n_days), np.ones(7))
        past_holidays = np.zeros(n_days, dtype=bool) if holidays is None else holidays.past[:n_days]
        week = np.array([np.median(logged[day::7]) for day in range(7)]) + QUIETEST * logged.mean()
        week /= week.mean()
        by_week = [logged[first : first + 7].sum() / 7 for first in range(0, n_days - 6, 7)]
        level = max(float(np.median(by_week[:WEEKS])), 1e-9)
        past = np.maximum(logged / level, QUIETEST)
        return cls(past, week, _holiday_load(past, week, past_holidays))

    def ahead(self, days: int, holidays: HolidayDays | None = None) -> float:
        """Return the load of the days to come."""
        load = self.week[(-1 - np.arange(days)) % 7]
        if holidays is not None:
            load = np.where(holidays.ahead[:days], load * self.holiday, load)
        return float(load.sum())


@dataclass(frozen=True)
class HolidayDays:
    """Public holidays as a calendar knows them.

    Attributes
    ----------
    past : ndarray of bool, shape (n_days,)
        The 24 hours that end that many days before the end of the records, the newest first.
    ahead : ndarray of bool, shape (horizon,)
        The 24 hours that begin that many days after it.
    """

    past: npt.NDArray[np.bool_]
    ahead: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, calendar: Calendar, end: datetime, horizon: int, n_days: int = WINDOW) -> HolidayDays:
        """Return the holidays around the end of the records."""
        middles = [end + timedelta(days=day + 0.5) for day in range(-n_days, horizon)]
        is_holiday = np.array([calendar.is_holiday(moment.date()) for moment in middles], dtype=bool)
        return cls(is_holiday[:n_days][::-1], is_holiday[n_days:])


def _holiday_load(past: Floats, week: Floats, is_holiday: npt.NDArray[np.bool_]) -> float:
    """Return the load of a holiday in units of the same day of a usual week; 1 where too few were seen."""
    usual = week[np.arange(len(past)) % 7]
    worked = is_holiday & (usual > USUAL)
    if worked.sum() < FEWEST_HOLIDAYS:
        return 1.0
    return float(np.clip(np.median(past[worked] / usual[worked]), QUIETEST, 1.0))


@dataclass(frozen=True)
class FaultForecast:
    """A fitted forecast of every fault.

    Attributes
    ----------
    expected : ndarray, shape (n_faults,)
        Incidents within the horizon.
    lower, upper : ndarray of int, shape (n_faults,)
        Bounds of the 80 % interval of their number.
    dispersion : tuple of float
        Of the negative binomial distribution, for faults seldom and often seen: variance = mean + dispersion * mean^2.
    origins : int
        Earlier days that it was learned from; 0 where the history is too short and the plain rate stands in.
    spread : ndarray, shape (n_faults,)
        The dispersion of each fault.
    """

    expected: Floats
    lower: Ints
    upper: Ints
    dispersion: tuple[float, float]
    origins: int
    spread: Floats

    def draw(self, fault: int, random: np.random.Generator, size: int) -> Floats:
        """Return draws of a fault's incidents within the horizon."""
        mean, shape = max(float(self.expected[fault]), 1e-9), 1.0 / float(self.spread[fault])
        counts: Floats = random.poisson(random.gamma(shape, mean / shape, size)).astype(np.float64)
        return counts

    @classmethod
    def fit(cls, ages: Floats, faults: Ints, horizon: int, holidays: HolidayDays | None = None) -> FaultForecast:
        """Learn from incidents and forecast.

        Parameters
        ----------
        ages : ndarray, shape (n,)
            Days before the end of the records at which each incident was logged, 0 or more.
        faults : ndarray of int, shape (n,)
            The fault of each, from 0 without gaps.
        horizon : int
            Days.
        holidays : HolidayDays, optional
            Holidays to come are as quiet as those before; by default none are known.
        """
        history = _FaultHistory(ages, faults, holidays)
        span = min(horizon, max(7, (history.n_days - SHORTEST) // 2))
        origins = list(range(span, history.n_days - SHORTEST + 1, STEP))[:MOST_ORIGINS]
        often = history.counts(0) >= OFTEN
        if not origins:
            expected = history.counts(0) / (history.n_days + 7.0) * horizon
            plain = np.ones(len(expected))
            return cls(expected, *_interval(expected, plain), (1.0, 1.0), 0, plain)
        rows = [history.rows(origin, span) for origin in origins]
        x, y, load = (np.concatenate(parts) for parts in zip(*[(r.x, r.y, r.load) for r in rows], strict=True))
        weights = _fit_weights(x * load[:, None], y)
        means, is_often = (x * load[:, None]) @ weights, np.concatenate([r.is_often for r in rows])
        dispersion = (_dispersion(y[~is_often], means[~is_often]), _dispersion(y[is_often], means[is_often]))
        expected = history.features(0) @ weights * history.desk.ahead(horizon, holidays)
        spread = np.where(often, dispersion[1], dispersion[0])
        return cls(expected, *_interval(expected, spread), dispersion, len(origins), spread)


@dataclass(frozen=True)
class _Rows:
    """Faults known at an origin: features, incidents that followed, the desk's load meanwhile, and who is frequent."""

    x: Floats
    y: Floats
    load: Floats
    is_often: npt.NDArray[np.bool_]


class _FaultHistory:
    """Incidents by fault and age, looked at from the end or from an origin some days before it."""

    def __init__(self, ages: Floats, faults: Ints, holidays: HolidayDays | None = None) -> None:
        self.n_faults = int(faults.max()) + 1
        self.n_days = int(min(1.0 - beginning_of(np.sort(-ages), 0.0), WINDOW))
        self.ages, self.faults = ages, faults
        self.desk = DeskLoad.fit(ages[ages < self.n_days], self.n_days, holidays)
        # What lies between, in days of the usual load: a fault that rested over a holiday has not stopped.
        self.elapsed = np.concatenate([[0.0], np.cumsum(self.desk.past)])
        self.desk_ages = np.interp(ages, np.arange(self.n_days + 1), self.elapsed)

    def counts(self, origin: float) -> Floats:
        """Return the incidents of each fault before an origin."""
        return self._sum(self.ages >= origin)

    def features(self, origin: int) -> Floats:
        """Return the decayed rates of each fault, in the column block of its kind, shape (n_faults, n_features)."""
        is_earlier = self.ages >= origin
        age, day = self.ages - origin, np.arange(self.n_days - origin) + 0.5
        rates = [np.full(self.n_faults, STRANGER)]
        for half_life in HALF_LIVES:
            exposure = float(np.exp2(-day / half_life) @ self.desk.past[origin:])
            rates.append(self._sum(is_earlier, np.exp2(-np.maximum(age, 0.0) / half_life)) / exposure)
        since = np.full(self.n_faults, np.inf)
        np.minimum.at(since, self.faults[is_earlier], self.desk_ages[is_earlier] - self.elapsed[origin])
        kind = 2 * np.digitize(since, RECENT) + (self.counts(origin) >= OFTEN)
        n_kinds = 2 * (len(RECENT) + 1)
        in_block = kind[:, None] == np.arange(n_kinds)
        blocks = in_block[:, :, None] * np.column_stack(rates)[:, None, :]
        features: Floats = blocks.reshape(self.n_faults, -1)
        return features

    def rows(self, origin: int, span: int) -> _Rows:
        """Return what an origin teaches of the ``span`` days after it."""
        counts = self.counts(origin)
        occurred = counts > 0
        followed = self._sum((self.ages < origin) & (self.ages >= origin - span))
        load = np.full(int(occurred.sum()), self.desk.past[origin - span : origin].sum())
        return _Rows(self.features(origin)[occurred], followed[occurred], load, counts[occurred] >= OFTEN)

    def _sum(self, rows: npt.NDArray[np.bool_], weights: Floats | None = None) -> Floats:
        values = None if weights is None else weights[rows]
        return np.bincount(self.faults[rows], weights=values, minlength=self.n_faults).astype(np.float64)


def _fit_weights(x: Floats, y: Floats) -> Floats:
    """Return the weights, all positive, under which the counts are most likely (Poisson), lightly tied to a prior."""
    start = np.full(x.shape[1], np.log(PRIOR_WEIGHT))

    def loss(log_weights: Floats) -> tuple[float, Floats]:
        weights, off = np.exp(log_weights), log_weights - start
        mean = np.maximum(x @ weights, 1e-9)
        value = float(np.sum(mean - xlogy(y, mean)) + PENALTY * off @ off)
        slope = ((1.0 - y / mean) @ x) * weights + 2.0 * PENALTY * off
        return value / len(y), slope / len(y)

    from scipy.optimize import minimize  # noqa: PLC0415 - no diagnosis needs it

    optimum = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(-12.0, 2.0)] * len(start))
    weights: Floats = np.exp(optimum.x)
    return weights


def _dispersion(y: Floats, mean: Floats) -> float:
    """Return the dispersion of `DISPERSIONS` under which the counts are most likely; 1 where there are too few."""
    if len(y) < FEWEST_ROWS:
        return 1.0
    mean = np.maximum(mean, 1e-9)
    losses = []
    for dispersion in DISPERSIONS:
        size = 1.0 / dispersion
        log_likelihood = (
            gammaln(y + size) - gammaln(size) + size * np.log(size / (size + mean)) + xlogy(y, mean / (size + mean))
        )
        losses.append(-float(log_likelihood.sum()))
    return float(DISPERSIONS[int(np.argmin(losses))])


def _interval(expected: Floats, dispersion: Floats) -> tuple[Ints, Ints]:
    size = 1.0 / dispersion
    share = size / (size + np.maximum(expected, 1e-9))
    from scipy.stats import nbinom  # noqa: PLC0415 - a third of a second of every start

    lower, upper = (nbinom.ppf(tail, size, share).astype(np.intp) for tail in ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return lower, upper
