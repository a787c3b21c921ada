"""ChangeEffect: how much more often incidents follow a change than they come otherwise, with an interval.

Incidents within an hour of the one before are one episode: an outage that makes fifty tickets followed the change once.
Given how many episodes there were in all, those within a day after a change are binomial where rates are as the rhythm
of the other incidents has them, so that the exact interval of a proportion gives that of the ratio of rates
(Przyborowski and Wilenski, 1940). Without the rhythm, changes on Tuesdays would be followed more often than the
weekend is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from diagnosis.phrases import Phrase
from diagnosis.statistics import proportion_interval

DAY = 86_400.0
WINDOW = DAY  # after a change, in which an incident follows it
EPISODE = 3_600.0
LEAST_CHANGES, LEAST_EPISODES = 5, 5
_STEADY = 50.0  # incidents that each weekday, and three hours of a day, are given alike, so that few make no rhythm
Floats = npt.NDArray[np.float64]
Verdict = Literal["more", "less", "not shown", "too few"]


@dataclass(frozen=True, slots=True)
class ChangeEffect:
    """Incidents after changes beside the others, on one item or service.

    Attributes
    ----------
    changes, recent : int
        Changes in the time looked at, and those of the last 24 hours.
    episodes, after : int
        Episodes of incidents, and those of them that began within a day after a change.
    ratio : float or None
        Rate of episodes in the day after a change over the rate otherwise; None where it cannot be counted.
    interval : pair of float or None
        Exact 95 % interval of the ratio.
    verdict : str
        ``more`` or ``less`` where the interval leaves out 1; ``too few`` below five changes or five episodes.
    """

    changes: int
    recent: int
    episodes: int
    after: int
    ratio: float | None
    interval: tuple[float, float] | None
    verdict: Verdict

    def statement(self) -> Phrase:
        """Return what the figures say, in words."""
        values: dict[str, Any] = {"n": self.changes, "after": self.after, "episodes": self.episodes}
        if self.ratio is None or self.interval is None or self.verdict == "too few":
            return Phrase("change_effect_too_few", values)
        low, high = self.interval
        values |= {"ratio": self.ratio, "low": low, "high": high}
        code = {"more": "change_effect_more", "less": "change_effect_less"}.get(self.verdict, "change_effect_none")
        return Phrase(code, values)


def change_effect(
    incidents: Sequence[float],
    changes: Sequence[float],
    start: float,
    end: float,
    others: Sequence[float] | Floats = (),
) -> ChangeEffect:
    """Return how incidents of one item or service follow its changes between two times (seconds since the epoch).

    Parameters
    ----------
    others : sequence of float
        When the other incidents of the desk came: the rhythm of days and hours that these would follow too.

    Examples
    --------
    >>> day = 86_400.0
    >>> changes = [day * 10 * place for place in range(1, 10)]
    >>> follow = [moment + 3_600 for moment in changes]
    >>> effect = change_effect([*follow, 5 * day, 15 * day, 25 * day], changes, 0.0, 100 * day)
    >>> effect.after, effect.episodes, round(effect.ratio), effect.verdict
    (9, 12, 30, 'more')
    """
    began = np.array(sorted(moment for moment in changes if start <= moment < end))
    recent = int(((began > end - DAY) & (began <= end)).sum())
    moments = np.array(sorted(moment for moment in incidents if start <= moment < end))
    if len(moments):
        moments = moments[np.concatenate([[True], np.diff(moments) > EPISODE])]
    episodes, after, exposed = len(moments), 0, 0.0
    exposure = _Exposure(start, end, np.asarray(others, dtype=np.float64))
    if len(began):
        ends = np.minimum(began + WINDOW, np.append(began[1:], end))  # windows that overlap count once
        exposed = float(exposure.between(began, np.minimum(ends, end)).sum())
        place = np.searchsorted(began, moments, side="right") - 1
        after = int(((place >= 0) & (moments - began[np.maximum(place, 0)] < WINDOW)).sum()) if episodes else 0
    otherwise = float(exposure.between(np.array([start]), np.array([end]))[0]) - exposed
    if not episodes or exposed <= 0 or otherwise <= 0:
        return ChangeEffect(len(began), recent, episodes, after, None, None, "too few")
    scale = otherwise / exposed
    low, high = (_odds(share) * scale for share in proportion_interval(after, episodes))
    ratio = _odds(after / episodes) * scale
    verdict: Verdict = "more" if low > 1 else "less" if high < 1 else "not shown"
    if len(began) < LEAST_CHANGES or episodes < LEAST_EPISODES:
        verdict = "too few"
    return ChangeEffect(len(began), recent, episodes, after, ratio, (low, high), verdict)


class _Exposure:
    """How many incidents are usual in a time, as a desk's others come by weekday and hour; 1 a second on average."""

    def __init__(self, start: float, end: float, others: Floats) -> None:
        hours = np.floor(others[(others >= start) & (others < end)] / 3600).astype(np.int64)
        days = np.bincount(hours // 24 % 7, minlength=7) + _STEADY
        daily = np.bincount(hours % 24, minlength=24) + _STEADY / 3
        self._edges = np.arange(np.floor(start / 3600), np.ceil(end / 3600) + 1)
        places = self._edges[:-1].astype(np.int64)
        usual = (days / days.mean())[places // 24 % 7] * (daily / daily.mean())[places % 24]
        self._sums = np.append(0.0, np.cumsum(usual)) * 3600

    def between(self, since: Floats, until: Floats) -> Floats:
        """Return the exposure of each of several times, shape (n,)."""
        sums: Floats = np.interp(until / 3600, self._edges, self._sums)
        sums -= np.interp(since / 3600, self._edges, self._sums)
        return sums


def _odds(share: float) -> float:
    return share / (1 - share) if share < 1 else float("inf")
