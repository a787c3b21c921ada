"""FaultFacts: what is counted of the incidents of each fault, and what follows for its worth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from diagnosis.arrays import Floats, Ints
from diagnosis.incident import IncidentBatch
from diagnosis.placeholders import is_placeholder
from diagnosis.problems.forecast import FaultForecast
from diagnosis.problems.hours import LATE, HoursLost
from diagnosis.problems.joining import Fault
from diagnosis.problems.prevention import PreventedShare
from diagnosis.problems.problem import Problem, Trend
from diagnosis.problems.titles import titles_of, without_form
from diagnosis.recurrence.beginning import beginning_of
from diagnosis.recurrence.features import reads_like_workaround
from diagnosis.recurrence.verdict import EPISODE, LEVEL, episodes, monitored_rows, ratio_interval
from diagnosis.redact import Redactor
from diagnosis.times import format_utc

WINDOWS = (30.0, 90.0)  # days that a trend compares with all before them
FEWEST_EVENTS = 3  # episodes that a trend needs
# Episodes for which it counts that every day is as busy as any other, at least and in those of the fault itself: of the
# desk's load no more is believed than its own episodes are many.
STEADY_DESK, STEADY_DESK_SHARE = 20.0, 2.0
MONTH = 30.0  # days
FEWEST_MONTHS = 3  # from which it is seen whether episodes come in bursts
PRIORS = np.geomspace(0.5, 32.0, 13)  # resolved incidents that the usual time to restore may count for
MOST_NAMED = 5  # items, services, groups and fixes that are named
DRAWS = 400  # of which the interval of preventable hours is made
TAILS = (0.1, 0.9)

_COLUMNS = (
    *("number", "caller", "knowledge", "problem", "short_description", "description"),
    *("cmdb_ci", "service", "assignment_group", "close_code"),
)


@dataclass(frozen=True, slots=True)
class _TimeToRestore:
    """Hours to restore an incident of one fault: exponential, their rate gamma with this shape and rate.

    Those still open are censored: their hours count among those ``lost``, their ends do not. Those whose end nobody
    can say count in neither.
    """

    lost: float
    resolved: int
    open: int
    shape: float
    rate: float

    @property
    def per_incident(self) -> float:
        return min(self.rate / self.shape, 24.0 * LATE)

    def draw(self, random: np.random.Generator, size: int) -> Floats:
        return np.minimum(self.rate / random.gamma(self.shape, 1.0, size), 24.0 * LATE)

    def to_dict(self) -> dict[str, float]:
        return {"per_incident": round(self.per_incident, 2), "resolved": self.resolved, "open": self.open}


class FaultFacts:
    """The incidents of a history in order of time, and what is counted of them by fault.

    Parameters
    ----------
    incidents : IncidentBatch
    opened : ndarray, shape (n,)
        Days since 1970.
    end : float
        When the history is looked at, in days since 1970.
    lost : HoursLost
    """

    def __init__(self, incidents: IncidentBatch, opened: Floats, end: float, lost: HoursLost) -> None:
        self.incidents, self.opened, self.end = incidents, opened, end
        self.first = beginning_of(opened, end)
        self.column = {name: incidents.column(name) for name in _COLUMNS}
        self.is_resolved, self.is_open = lost.is_resolved, lost.is_open
        self.hours = np.nan_to_num(lost.hours)
        self.is_workaround = reads_like_workaround(incidents)
        self.any_resolved = bool(self.is_resolved.any())
        self.usual_hours = float(self.hours.sum() / max(self.is_resolved.sum(), 1))
        self.prior = 1.0
        self.load: Floats = np.zeros(0)
        self._times = incidents.column("opened_at")
        self._is_monitored = monitored_rows(incidents.frame)
        self._redactor = Redactor()

    def learn(self, members: Sequence[Ints]) -> None:
        """Learn from all faults what single ones are held against: usual hours, and the desk's load."""
        self._learn_hours(members)
        self._learn_load(members)

    def _learn_hours(self, members: Sequence[Ints]) -> None:
        """Learn how many resolved incidents the usual time to restore counts for, beside a fault's own.

        Hours are exponential, their rate by fault gamma around the usual one: what is most likely of `PRIORS` (the
        marginal likelihood in closed form).
        """
        from scipy.special import gammaln  # noqa: PLC0415 - no diagnosis needs it

        n = np.array([self.is_resolved[rows].sum() for rows in members], dtype=np.float64)[:, None]
        total = np.array([self.hours[rows].sum() for rows in members])[:, None]
        scale = PRIORS * max(self.usual_hours, 1e-6)
        likelihood = (
            PRIORS * np.log(scale) - gammaln(PRIORS) + gammaln(PRIORS + n) - (PRIORS + n) * np.log(scale + total)
        )
        self.prior = float(PRIORS[int(np.argmax(likelihood.sum(axis=0)))])

    def _learn_load(self, members: Sequence[Ints]) -> None:
        """Count the desk's load that trends are held against: the episodes of every fault, a flood of one being one."""
        starts = [self._starts(rows) for rows in members]
        self.load = np.sort(np.concatenate(starts)) if starts else np.zeros(0)

    def _starts(self, rows: Ints) -> Floats:
        return episodes(self.opened[rows], self._is_monitored[rows])

    def titles(self, faults: Sequence[Fault], members: Sequence[Ints]) -> list[str]:
        """Return a title for each fault, from its incidents' words."""
        words = without_form(self.column["short_description"]), self.column["description"]
        texts = [[words[0][row].strip() or words[1][row].strip() for row in rows[::-1]] for rows in members]
        fallbacks = [" / ".join(filter(None, fault.signature.values())) for fault in faults]
        return titles_of(texts, fallbacks)

    def problem(
        self, fault: Fault, title: str, rows: Ints, forecast: FaultForecast, place: int, share: PreventedShare
    ) -> Problem:
        """Return a fault with all that is known of it."""
        starts, resolved = self._starts(rows), self.is_resolved[rows]
        trend, trend_basis = trend_of(starts, self.first, self.end, self.load)
        restoring = self._time_to_restore(rows)
        return Problem(
            id=fault.id,
            signature=self._masked(fault),
            title=title,
            joined_by=fault.joined_by,
            incidents=len(rows),
            episodes=len(starts),
            callers=len({caller for row in rows if not is_placeholder(caller := self.column["caller"][row])}),
            items=self._counted("cmdb_ci", rows),
            services=self._counted("service", rows),
            groups=self._counted("assignment_group", rows),
            first=format_utc(self._times[rows[0]]),
            last=format_utc(self._times[rows[-1]]),
            hours_lost=round(restoring.lost, 1) if self.any_resolved else None,
            expected_incidents=round(float(forecast.expected[place]), 4),
            interval=(int(forecast.lower[place]), int(forecast.upper[place])),
            **self._worth(fault, restoring, forecast, place, share),
            trend=trend,
            workaround_share=_share(self.is_workaround[rows], resolved),
            fixes=self._fixes(rows[resolved]),
            known_fix=_most_common(self.column["knowledge"][row] for row in rows),
            record=_most_common(self.column["problem"][row] for row in rows),
            numbers=tuple(self.column["number"][row] for row in rows[::-1]),
            basis={
                "trend": trend_basis,
                "expected": self._incidents_lately(rows) | _how_expected(forecast, place),
                "hours": restoring.to_dict() | self._usual(),
                "share": share.to_dict(),
            },
        )

    def _time_to_restore(self, rows: Ints) -> _TimeToRestore:
        n_resolved, lost = int(self.is_resolved[rows].sum()), float(self.hours[rows].sum())
        shape, rate = n_resolved + self.prior, lost + self.prior * self.usual_hours
        return _TimeToRestore(lost, n_resolved, int(self.is_open[rows].sum()), shape, rate)

    def _worth(
        self, fault: Fault, restoring: _TimeToRestore, forecast: FaultForecast, place: int, share: PreventedShare
    ) -> dict[str, Any]:
        """Return the fields of a Problem that say what its incidents will cost, and how much of that a fix spares.

        Hours are those to restore, not of people: each caller who reports a fault is an incident of it, so callers
        count already, and how many others wait in silence no record says.

        The 80 % interval multiplies draws of three: incidents are negative binomial, the hours of one follow the gamma
        posterior of exponential times, the share its own. Equal facts give equal draws: the seed is the fault's id.
        """
        known_share = round(share.share, 3)
        if not self.any_resolved:
            hours = ("expected_hours", "preventable_hours", "preventable_interval")
            return {"preventable_share": known_share} | dict.fromkeys(hours)
        expected_hours = float(forecast.expected[place]) * restoring.per_incident
        random = np.random.default_rng(np.frombuffer(fault.id.encode(), dtype=np.uint8))
        counts = forecast.draw(place, random, DRAWS)
        spared = counts * restoring.draw(random, DRAWS) * share.draw(random, DRAWS)
        lower, upper = np.quantile(spared, TAILS)
        return {
            "expected_hours": round(expected_hours, 2),
            "preventable_share": known_share,
            "preventable_hours": round(known_share * expected_hours, 2),
            "preventable_interval": (round(float(lower), 1), round(float(upper), 1)),
        }

    def _incidents_lately(self, rows: Ints) -> dict[str, int]:
        opened = self.opened[rows]
        return {f"incidents_last_{days:.0f}_days": int((opened >= self.end - days).sum()) for days in WINDOWS}

    def _usual(self) -> dict[str, float]:
        return {"usual_per_incident": round(self.usual_hours, 2), "usual_counts_for": round(self.prior, 1)}

    def _masked(self, fault: Fault) -> dict[str, str]:
        return {
            name: self._redactor.redact(value) if name == "text" else value for name, value in fault.signature.items()
        }

    def _counted(self, name: str, rows: Ints) -> dict[str, int]:
        column = self.column[name]
        return dict(Counter(column[row] for row in rows if not is_placeholder(column[row])).most_common(MOST_NAMED))

    def _fixes(self, rows: Ints) -> dict[str, int]:
        article, code = self.column["knowledge"], self.column["close_code"]
        values = [v for row in rows for v in (article[row], code[row]) if not is_placeholder(v)]
        return dict(Counter(values).most_common(MOST_NAMED))


def _how_expected(forecast: FaultForecast, place: int) -> dict[str, float]:
    """Return how many earlier days taught the forecast, and its spread: variance = mean + spread * mean^2."""
    return {"origins": forecast.origins, "spread": round(float(forecast.spread[place]), 4)}


def trend_of(starts: Floats, first: float, end: float, load: Floats | None = None) -> tuple[Trend, Mapping[str, Any]]:
    """Return the trend and its evidence: the first window whose interval says rising or falling, else the shortest.

    Days count by how busy the desk was with its other faults: where a whole desk rests, no fault of it has got better.

    Parameters
    ----------
    starts : ndarray, shape (n,)
        When its episodes began, sorted, in days since 1970; what lies before the records is not counted.
    first, end : float
        Beginning and end of the records, in days since 1970.
    load : ndarray, shape (m,), optional
        When the episodes of all faults began, its own among them; by default each day counts the same.
    """
    starts = starts[starts >= first]
    load = starts if load is None else load[load >= first]
    windows = [evidence for days in WINDOWS if (evidence := _compared(starts, first, end, days, load)) is not None]
    for evidence in windows:
        if evidence["lower"] > 1:
            return "rising", evidence
        if evidence["upper"] is not None and evidence["upper"] < 1:
            return "falling", evidence
    return "steady", windows[0] if windows else {}


def _compared(starts: Floats, first: float, end: float, days: float, load: Floats) -> dict[str, Any] | None:
    """Return how often episodes began in the last days against all before, while none was going on.

    An episode of a day begins at most once a day: were those days counted too, a doubling of a frequent fault would
    hardly be seen. Episodes that come in bursts count for fewer (quasi-likelihood; Wedderburn 1974).
    """
    cut = end - days
    before, n_after = starts[starts < cut], int((starts >= cut).sum())
    n_before = len(before)
    if cut - first < days or n_before + n_after < FEWEST_EVENTS:
        return None
    n_others, others_after = len(load) - len(starts), int((load >= cut).sum()) - n_after
    steady = max(STEADY_DESK, STEADY_DESK_SHARE * len(starts))
    share = (others_after + steady * days / (end - first)) / (n_others + steady)
    busy_before, busy_after = (1 - share) * (end - first), share * (end - first)
    spread = _spread(before, first, cut)
    # Two windows are looked at, so each has half of the 5 % (Bonferroni).
    level = 1 - (1 - LEVEL) / len(WINDOWS)
    free_before, free_after = busy_before * _free(n_before, cut - first), busy_after * _free(n_after, days)
    lower, upper = ratio_interval(n_before / spread, free_before, n_after / spread, free_after, level=level)
    return {
        "days": days,
        "episodes": n_after,
        "days_before": round(cut - first),
        "episodes_before": n_before,
        "load": round((busy_after / days) / (busy_before / (cut - first)), 2),
        "ratio": None if not n_before else round((n_after / free_after) / (n_before / free_before), 2),
        "spread": round(spread, 2),
        "lower": round(lower, 3),
        "upper": None if upper is None else round(upper, 3),
    }


def _free(n_episodes: int, days: float) -> float:
    """Return the share of some days on which no episode went on, so that one could begin."""
    return max(days - EPISODE * n_episodes, EPISODE) / days


def _spread(before: Floats, first: float, cut: float) -> float:
    """Return how many times the variance of a plain fault's counts those of a fault have; 1 at least.

    Of the episodes of each month and the next (von Neumann 1941), so that a slow change is none. The counts of episodes
    that last a day vary less than those of incidents would.
    """
    months = int((cut - first) // MONTH)
    if months < FEWEST_MONTHS or not len(before):
        return 1.0
    counts = np.histogram(before, bins=months, range=(cut - MONTH * months, cut))[0]
    mean = float(counts.mean())
    plain = mean * (1.0 - EPISODE * mean / MONTH) ** 2
    return max(1.0, float((np.diff(counts) ** 2).mean()) / 2 / plain) if plain > 0 else 1.0


def _share(part: npt.NDArray[np.bool_], of: npt.NDArray[np.bool_]) -> float | None:
    return round(float(part[of].mean()), 3) if of.any() else None


def _most_common(values: Iterable[str]) -> str | None:
    counts = Counter(value for value in values if not is_placeholder(value))
    return counts.most_common(1)[0][0] if counts else None
