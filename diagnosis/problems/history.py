"""ProblemHistory: when the incidents of problems were logged, how long each took, and what became of measures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from diagnosis.actions import Action
from diagnosis.arrays import Floats, Ints
from diagnosis.problems.follow_up import ExpectedIncidents, FollowUp, follow_up, watched_since
from diagnosis.problems.hours import HoursLost
from diagnosis.problems.problem import Problem, ProblemReport
from diagnosis.recurrence.beginning import beginning_of
from diagnosis.recurrence.verdict import episodes, monitored_rows
from diagnosis.times import as_utc, days_of

MONTHS = 24  # newest months of a timeline


class ProblemHistory:
    """Times and hours of incidents by number.

    Parameters
    ----------
    frame : DataFrame
        Canonical incident frame.
    report : ProblemReport
        Found in it.
    """

    def __init__(self, frame: pd.DataFrame, report: ProblemReport) -> None:
        self.end = float(days_of(pd.Series([report.as_of]))[0])
        opened, lost = days_of(frame["opened_at"]), HoursLost.of(frame, self.end)
        self._row = {number: row for row, number in enumerate(frame["number"].tolist())}
        self._opened, self._is_monitored = opened, monitored_rows(frame)
        self._hours, self._any_resolved = lost.hours, bool(lost.is_resolved.any())
        rows = [self._row[number] for number in report.numbers]
        self.first = beginning_of(np.sort(opened[rows]), self.end) if rows else self.end

    def of(self, numbers: Sequence[str]) -> tuple[Floats, Floats | None]:
        """Return when incidents were logged in days since 1970, sorted, and the hours that each took, if known.

        NaN for an incident whose end nobody can say; None instead of hours where none of the history was resolved.
        """
        rows = self._rows(numbers)
        return self._opened[rows], self._hours[rows] if self._any_resolved else None

    def newest_first(self, numbers: Sequence[str]) -> tuple[str, ...]:
        """Return numbers, the incident that was logged last first."""
        return tuple(sorted(numbers, key=lambda number: -self._opened[self._row[number]]))

    def follow(self, problem: Problem, action: Action) -> FollowUp | None:
        """Return what became of a measure on a problem since it was done; None where its date lies outside."""
        if action.done_at is None:
            return None
        done_at, expectation = as_utc(pd.Timestamp(action.done_at)), ExpectedIncidents.of(action.expected_effect)
        # What was expected after the measure had begun to work knows of it: then the rate before it stands in.
        is_early = expectation is not None and expectation.as_of is not None and expectation.as_of <= done_at
        times, hours = self.of(problem.numbers)
        return follow_up(
            times,
            hours,
            done_at,
            first=self.first,
            end=self.end,
            forecast=expectation if is_early else None,
            signature=problem.signature,
            is_monitored=self._is_monitored[self._rows(problem.numbers)],
        )

    def watched_since(self, problem: Problem, date: pd.Timestamp) -> pd.Timestamp:
        """Return since when a problem is watched: a measure before that has nothing to be compared with."""
        rows = self._rows(problem.numbers)
        since = watched_since(
            self._opened[rows], date, first=self.first, end=self.end, is_monitored=self._is_monitored[rows]
        )
        return pd.Timestamp(since, unit="D", tz="UTC")

    def by_month(self, numbers: Sequence[str]) -> list[tuple[str, int, int]]:
        """Return the newest months up to the end of the records, each with its incidents and episodes."""
        rows = self._rows(numbers)
        times = self._opened[rows]
        end = pd.Timestamp(self.end, unit="D")
        months = pd.period_range(end=end.to_period("M"), periods=MONTHS, freq="M")
        incidents = _months_of(times).value_counts()
        starts = _months_of(episodes(times, self._is_monitored[rows])).value_counts()
        first = _months_of(times[:1]).iloc[0] if len(times) else months[-1]
        return [
            (str(month), int(incidents.get(month, 0)), int(starts.get(month, 0)))
            for month in months
            if month >= first - 1
        ]

    def _rows(self, numbers: Sequence[str]) -> Ints:
        rows = np.array([self._row[number] for number in numbers], dtype=np.intp)
        return rows[np.argsort(self._opened[rows], kind="stable")]


def _months_of(days: Floats) -> pd.Series:
    return pd.Series(pd.to_datetime(days, unit="D")).dt.to_period("M")
