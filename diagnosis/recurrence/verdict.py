"""Did the fix hold? The hazard of a signature before and after a date, with an interval and a plain answer."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.special import pdtr

from diagnosis.arrays import Bools, Floats
from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.recurrence.beginning import beginning_of
from diagnosis.recurrence.outcomes import cohort
from diagnosis.recurrence.signature import Signature
from diagnosis.statistics import proportion_interval
from diagnosis.times import as_utc, days_of, format_utc

Verdict = Literal["held", "did not hold", "cannot tell yet"]
LEVEL = 0.95
# Of the interval that has to lie below 1: a fault is acted on because it came often, and what came often by chance
# comes less often afterwards (regression to the mean), so that at 95 % up to a tenth of fixes that do nothing held.
SURE = 0.99
HALVED = 0.5  # a fix worth the name at least halves the hazard
REMAINING = 0.1  # and one that works leaves about a tenth: what the time still needed is reckoned for
POWER = 0.8
FLOOD = 0.125  # days: what monitoring files so soon after its last report is the same outage
EPISODE = 1.0  # days: incidents of one signature logged this soon after the first are one episode, reported by many
MAX_DAYS = 3650  # days: farther than that, "how long until" is not an answer


@dataclass(frozen=True, slots=True)
class FixVerdict:
    """Whether a signature recurs less since a date.

    Attributes
    ----------
    episodes_before, episodes_after : int
        Separate occurrences: what is logged within a day of an episode's first incident belongs to it, and what
        monitoring files within three hours of its last report.
    days_before, days_after : float
    hazard_before, hazard_after : float
        Episodes a day.
    ratio : float or None
        After over before, with the bounds of its exact 95 % interval; None without an episode before.
    verdict : {"held", "did not hold", "cannot tell yet"}
    days_until_told : int or None
        More days to watch until a fix that leaves a tenth of the hazard would be told with probability 0.8; None where
        the verdict is known, or where no time is long enough.
    """

    signature: dict[str, str]
    date: str
    episodes_before: int
    episodes_after: int
    days_before: float
    days_after: float
    hazard_before: float
    hazard_after: float
    ratio: float | None
    lower: float
    upper: float | None
    verdict: Verdict
    days_until_told: int | None

    def to_dict(self) -> dict[str, Any]:
        """Return the verdict as plain JSON values."""
        return asdict(self)


def fix_verdict(
    frame: pd.DataFrame, signature: Signature, key: str, date: pd.Timestamp, *, as_of: pd.Timestamp
) -> FixVerdict:
    """Compare a signature's hazard before and after ``date`` (a change, a Problem closed, an article published).

    Given how many episodes there were in all, those after the date are binomial, so the interval of the ratio of two
    Poisson hazards is exact (Przyborowski and Wilenski 1940; Clopper and Pearson 1934). It has *held* if even the whole
    99 % interval is below 1 and the hazard was at least halved, *did not hold* if the whole 95 % interval is above a
    half.

    Raises
    ------
    InputError
        If the signature was never logged, or the date does not lie inside the records.
    """
    eligible = cohort(frame, as_of).frame
    times = days_of(eligible["opened_at"])
    of_signature = (signature.keys(eligible) == key).to_numpy()
    signature_times = times[of_signature]
    if not key or not len(signature_times):
        raise InputError(Phrase("verdict_on_nothing", {"value": str(signature.values(key))}))
    cut, end = days_of(pd.Series([as_utc(date), as_utc(as_of)])).tolist()
    first = beginning_of(times, end)
    if not first < cut < end:
        days = {"first": pd.Timestamp(first, unit="D"), "last": as_utc(as_of), "day": as_utc(date)}
        raise InputError(Phrase("fix_outside_records", {name: f"{day:%Y-%m-%d}" for name, day in days.items()}))
    return verdict_of(
        signature_times,
        first,
        cut,
        end,
        signature=signature.values(key),
        date=as_utc(date),
        is_monitored=monitored_rows(eligible)[of_signature],
    )


def verdict_of(
    times: Floats,
    first: float,
    cut: float,
    end: float,
    *,
    signature: dict[str, str],
    date: pd.Timestamp,
    is_monitored: Bools | None = None,
) -> FixVerdict:
    """Compare the hazard of incidents before and after a cut.

    Parameters
    ----------
    times : ndarray, shape (n,)
        When the incidents were logged, sorted, in days since 1970; what lies before the records is not counted.
    first, cut, end : float
        Beginning of the records, date of the fix and end of the records, in days since 1970.
    is_monitored : ndarray of bool, shape (n,), optional
        Which of them monitoring filed.
    """
    inside = times >= first
    starts = episodes(times[inside], None if is_monitored is None else is_monitored[inside])
    events_before, events_after = int((starts < cut).sum()), int((starts >= cut).sum())
    days_before, days_after = float(cut - first), float(end - cut)
    lower, upper = ratio_interval(events_before, days_before, events_after, days_after)
    ratio = (events_after / days_after) / (events_before / days_before) if events_before else None
    verdict = _verdict(events_before, days_before, events_after, days_after)
    undecided = verdict == "cannot tell yet"
    return FixVerdict(
        signature=signature,
        date=format_utc(date),
        episodes_before=events_before,
        episodes_after=events_after,
        days_before=days_before,
        days_after=days_after,
        hazard_before=events_before / days_before,
        hazard_after=events_after / days_after,
        ratio=ratio,
        lower=lower,
        upper=upper,
        verdict=verdict,
        days_until_told=_days_until(events_before, days_before, events_after, days_after) if undecided else None,
    )


def ratio_interval(
    events_before: float, days_before: float, events_after: float, days_after: float, level: float = LEVEL
) -> tuple[float, float | None]:
    """Return the exact interval of the hazard after over before; the upper bound is None where there is none."""
    # Of all events, those after are binomial.
    low, high = proportion_interval(events_after, events_before + events_after, level)
    scale = days_before / days_after
    return scale * low / (1 - low), (scale * high / (1 - high) if events_before else None)


def episodes(times: Floats, is_monitored: Bools | None = None) -> Floats:
    """Return when each episode began: one incident, all those logged within a day of it, and a flood of monitoring.

    What a monitor files within hours of its last report goes on about one outage, however many days that lasts. What
    people report does not: were a day of silence needed to end an episode, a fault of every day would be one that never
    ends, and seem to come more often as it comes less.

    Parameters
    ----------
    times : ndarray, shape (n,)
        When the incidents were logged, sorted, in days.
    is_monitored : ndarray of bool, shape (n,), optional
        Which of them monitoring filed; by default none.
    """
    return episode_bounds(times, is_monitored)[0]


def episode_bounds(times: Floats, is_monitored: Bools | None = None) -> tuple[Floats, Floats]:
    """Return when each episode began, and from when on, without any more reports, another would begin."""
    starts: list[float] = []
    ends: list[float] = []
    monitored = [False] * len(times) if is_monitored is None else is_monitored.tolist()
    for time, is_flood in zip(times.tolist(), monitored, strict=True):
        if not starts or time > ends[-1]:
            starts.append(time)
            ends.append(time + EPISODE)
        if is_flood:
            ends[-1] = max(ends[-1], time + FLOOD)
    return np.array(starts), np.array(ends)


def monitored_rows(frame: pd.DataFrame) -> Bools:
    """Return which incidents of a canonical frame monitoring filed."""
    return (frame["contact_type"].str.lower() == "monitoring").to_numpy(dtype=bool)


def _verdict(events_before: int, days_before: float, events_after: int, days_after: float) -> Verdict:
    counts = events_before, days_before, events_after, days_after
    _, upper = ratio_interval(*counts, SURE)
    is_halved = events_after / days_after <= HALVED * events_before / days_before
    if upper is not None and upper < 1 and is_halved:
        return "held"
    return "did not hold" if ratio_interval(*counts)[0] > HALVED else "cannot tell yet"


def _days_until(events_before: int, days_before: float, events_after: int, days_after: float) -> int | None:
    """Return the days still to watch until a fix that works from now on would be told with probability `POWER`."""
    if not events_before:
        return None
    for extra_days in np.unique(np.geomspace(1, MAX_DAYS, 200).astype(int)).tolist():
        if _power(events_before, days_before, events_after, days_after, float(extra_days)) >= POWER:
            return int(extra_days)
    return None


def _power(events_before: int, days_before: float, events_after: int, days_after: float, extra_days: float) -> float:
    watched, expected = days_after + extra_days, REMAINING * events_before / days_before * extra_days
    max_after = events_after - 1  # episodes after the date with which the verdict would still be that the fix held
    while True:
        if _verdict(events_before, days_before, max_after + 1, watched) != "held":
            break
        max_after += 1
    return float(pdtr(max_after - events_after, expected)) if max_after >= events_after else 0.0
