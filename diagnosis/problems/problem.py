"""Problems: the chronic faults of a history, what each will cost, and how much of that a fix would spare."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from diagnosis.arrays import Floats
from diagnosis.errors import InputError
from diagnosis.incident import IncidentBatch
from diagnosis.placeholders import is_placeholder
from diagnosis.problems.forecast import FaultForecast
from diagnosis.problems.titles import titles_of
from diagnosis.recurrence.features import reads_like_workaround
from diagnosis.recurrence.outcomes import cohort, days_of, utc
from diagnosis.recurrence.signature import SEPARATOR, Signature
from diagnosis.recurrence.verdict import episodes, ratio_interval

Trend = Literal["rising", "steady", "falling"]
LATE = 30.0  # days that a trend compares with all before them, and the longest that one incident costs
FEWEST_EVENTS = 3  # episodes that a trend needs
HOURS_PRIOR = 1.0  # resolved incidents that the usual time to restore counts for
ASSUMED_SHARE = 0.5  # of the incidents that a fix prevents, where nothing says what such fixes have achieved
ALL, CHRONIC = 1, 2  # fewest incidents of a problem


@dataclass(frozen=True, slots=True)
class Problem:
    """A chronic fault, as it was known at a moment.

    Attributes
    ----------
    id : str
        Made from the signature's fields and values, so that a problem keeps it as incidents come.
    incidents, episodes, callers : int
        Records; separate occurrences, what is logged within a day of the first being one; and different callers.
    first, last : str
        When it was first and last logged.
    hours_lost : float or None
        Hours to restore so far, each incident for at most 30 days and those still open up to now; None where no
        incident of the history has a resolution.
    expected_incidents : float
        Within the horizon, with their 80 % ``interval``.
    expected_hours, preventable_hours : float or None
        Hours lost to them, and those that a fix would spare: half, assumed with caution (``preventable_share``).
    trend : {"rising", "steady", "falling"}
        Episodes of the last 30 days against all before: steady unless the exact 95 % interval of their ratio says
        otherwise.
    workaround_share : float or None
        Of those resolved, how many read like a workaround.
    known_fix : str or None
        The article that was used most often on it.
    record : str or None
        The Problem record that its incidents name most often.
    numbers : tuple of str
        Its incidents, the newest first.
    """

    id: str
    signature: Mapping[str, str]
    title: str
    incidents: int
    episodes: int
    callers: int
    first: str
    last: str
    hours_lost: float | None
    expected_incidents: float
    interval: tuple[int, int]
    expected_hours: float | None
    preventable_share: float
    preventable_hours: float | None
    trend: Trend
    workaround_share: float | None
    known_fix: str | None
    record: str | None
    numbers: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the problem as plain JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class ProblemReport:
    """The problems of a history, those with the most preventable hours first.

    Attributes
    ----------
    without_signature : int
        Incidents that belong to no problem, for they lack a field of the signature.
    origins : int
        Earlier days that the forecast was learned from; 0 where the history is too short and the plain rate stands in.
    """

    as_of: pd.Timestamp
    horizon_days: int
    signature: Signature
    problems: tuple[Problem, ...]
    incidents: int
    without_signature: int
    left_out: Mapping[str, int]
    origins: int


def find_problems(
    frame: pd.DataFrame,
    signature: Signature,
    *,
    as_of: pd.Timestamp,
    horizon: int = 90,
    fewest: int = CHRONIC,
) -> ProblemReport:
    """Join incidents into problems by signature, and rank them by what preventing each is worth.

    Parameters
    ----------
    frame : DataFrame
        Canonical incident frame.
    horizon : int
        Days that are forecast.
    fewest : int
        Incidents that a problem needs; with 1 every fault is listed.

    Raises
    ------
    InputError
        If the horizon is no number of days, no incident can be judged, or none has the signature.
    """
    if horizon < 1:
        raise InputError(f"a horizon needs 1 day or more; found {horizon}")
    eligible = cohort(frame, as_of)
    incidents = signature.place(IncidentBatch.from_frame(eligible.frame))
    keys = signature.keys(incidents).to_numpy(dtype=object)
    rows = np.flatnonzero(keys != "")
    if not len(rows):
        raise InputError(f"problems need incidents with {', '.join(signature.fields)}; found none in {len(incidents)}")
    faults, names = pd.factorize(keys[rows])
    end = days_of(pd.Series([utc(as_of)]))[0]
    opened = days_of(eligible.frame["opened_at"])[rows]
    forecast = FaultForecast.fit(end - opened, faults.astype(np.intp), horizon)
    members = _members(faults, len(names))
    listed = [fault for fault in range(len(names)) if len(members[fault]) >= fewest]
    facts = _Facts(incidents.take(rows), opened, end)
    titles = facts.titles(signature, [names[fault] for fault in listed], [members[fault] for fault in listed])
    problems = [
        facts.problem(signature, str(names[fault]), title, members[fault], forecast, fault)
        for fault, title in zip(listed, titles, strict=True)
    ]
    problems.sort(key=_rank)
    return ProblemReport(
        utc(as_of),
        horizon,
        signature,
        tuple(problems),
        len(incidents),
        len(incidents) - len(rows),
        eligible.left_out,
        forecast.origins,
    )


def problem_id(signature: Signature, key: str) -> str:
    """Return the id of a problem: the same for the same values of the same fields, whatever else is in the history."""
    name = SEPARATOR.join((*signature.fields, key))
    return f"P{blake2b(name.encode(), digest_size=6).hexdigest()}"


class _Facts:
    """The incidents that have a signature, in order of time, and what is counted of them by problem."""

    def __init__(self, incidents: IncidentBatch, opened: Floats, end: float) -> None:
        self.incidents, self.opened, self.end = incidents, opened, end
        self.column = {
            name: incidents.column(name)
            for name in ("number", "caller", "knowledge", "problem", "short_description", "description")
        }
        resolved = days_of(incidents.frame["resolved_at"])
        self.is_resolved = resolved >= opened
        self.hours = 24.0 * np.minimum(np.where(self.is_resolved, resolved, end) - opened, LATE)
        self.is_workaround = reads_like_workaround(incidents)
        self.any_resolved = bool(self.is_resolved.any())
        self.usual_hours = float(self.hours.sum() / max(self.is_resolved.sum(), 1))

    def titles(self, signature: Signature, keys: Sequence[str], members: Sequence[npt.NDArray[np.intp]]) -> list[str]:
        words = self.column["short_description"], self.column["description"]
        texts = [[words[0][row].strip() or words[1][row].strip() for row in rows[::-1]] for rows in members]
        fallbacks = [" / ".join(filter(None, signature.values(key).values())) for key in keys]
        return titles_of(texts, fallbacks)

    def problem(
        self,
        signature: Signature,
        key: str,
        title: str,
        rows: npt.NDArray[np.intp],
        forecast: FaultForecast,
        fault: int,
    ) -> Problem:
        starts, resolved = episodes(self.opened[rows]), self.is_resolved[rows]
        expected, hours = float(forecast.expected[fault]), float(self.hours[rows].sum())
        # Those still open are censored: their hours count, their ends do not (exponential times, gamma prior).
        per_incident = (hours + HOURS_PRIOR * self.usual_hours) / (int(resolved.sum()) + HOURS_PRIOR)
        expected_hours = expected * min(per_incident, 24.0 * LATE) if self.any_resolved else None
        numbers, times = self.column["number"], self.incidents.column("opened_at")
        return Problem(
            id=problem_id(signature, key),
            signature=signature.values(key),
            title=title,
            incidents=len(rows),
            episodes=len(starts),
            callers=len({caller for row in rows if not is_placeholder(caller := self.column["caller"][row])}),
            first=times[rows[0]].isoformat(),
            last=times[rows[-1]].isoformat(),
            hours_lost=round(hours, 1) if self.any_resolved else None,
            expected_incidents=round(expected, 4),
            interval=(int(forecast.lower[fault]), int(forecast.upper[fault])),
            expected_hours=None if expected_hours is None else round(expected_hours, 2),
            preventable_share=ASSUMED_SHARE,
            preventable_hours=None if expected_hours is None else round(ASSUMED_SHARE * expected_hours, 2),
            trend=_trend(starts, float(self.opened[0]), self.end),
            workaround_share=_share(self.is_workaround[rows], resolved),
            known_fix=_most_common(self.column["knowledge"][row] for row in rows),
            record=_most_common(self.column["problem"][row] for row in rows),
            numbers=tuple(numbers[row] for row in rows[::-1]),
        )


def _members(faults: npt.NDArray[np.intp], n_faults: int) -> list[npt.NDArray[np.intp]]:
    order = np.argsort(faults, kind="stable")
    bounds = np.searchsorted(faults[order], np.arange(n_faults + 1))
    return [order[start:end] for start, end in pairwise(bounds.tolist())]


def _trend(starts: Floats, first: float, end: float) -> Trend:
    cut = end - LATE
    n_before, n_after = int((starts < cut).sum()), int((starts >= cut).sum())
    if cut - first < LATE or n_before + n_after < FEWEST_EVENTS:
        return "steady"
    lower, upper = ratio_interval(n_before, cut - first, n_after, LATE)
    return "rising" if lower > 1 else "falling" if upper is not None and upper < 1 else "steady"


def _share(part: npt.NDArray[np.bool_], of: npt.NDArray[np.bool_]) -> float | None:
    return round(float(part[of].mean()), 3) if of.any() else None


def _most_common(values: Iterable[str]) -> str | None:
    counts = Counter(value for value in values if not is_placeholder(value))
    return counts.most_common(1)[0][0] if counts else None


def _rank(problem: Problem) -> tuple[float, float, str]:
    return (-(problem.preventable_hours or 0.0), -problem.expected_incidents, problem.id)
