"""What the page of a problem shows beside its figures: the timeline with what was expected, and measures in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from api.problems.service import ProblemView
from diagnosis.actions import Action
from diagnosis.problems.follow_up import ExpectedIncidents

AHEAD = 3  # months to come
DAYS_A_MONTH = 30.4


@dataclass(frozen=True, slots=True)
class Month:
    """A month of the timeline.

    Attributes
    ----------
    incidents, episodes : int or None
        None for a month to come.
    expected : float or None
        Incidents expected; None where nothing was expected yet.
    measures : tuple of str
        Titles of the measures that were done in it.
    """

    month: str
    incidents: int | None
    episodes: int | None
    expected: float | None
    measures: tuple[str, ...]


def timeline(view: ProblemView) -> Sequence[Month]:
    """Return the months of a problem, the next ones too: from its first proposal on, what had been expected then."""
    measures: dict[str, list[str]] = {}
    for action in view.actions:
        if action.status == "done" and action.done_at is not None:
            measures.setdefault(f"{action.done_at:%Y-%m}", []).append(action.title)
    since, per_month = _first_expectation(view)
    months = []
    for month, incidents, episodes in view.timeline:
        expected = per_month if since is not None and month >= since else None
        months.append(Month(month, incidents, episodes, expected, tuple(measures.get(month, ()))))
    last = pd.Period(view.timeline[-1][0], freq="M") if view.timeline else None
    coming = view.expected_per_month * DAYS_A_MONTH / 30.0
    if last is not None:
        months += [Month(str(last + ahead), None, None, round(coming, 1), ()) for ahead in range(1, AHEAD + 1)]
    return months


def _first_expectation(view: ProblemView) -> tuple[str | None, float | None]:
    """Return from which month on something had been expected, and how many incidents a month."""
    expectations = [expectation for action in view.actions if (expectation := _expectation(action)) is not None]
    return min(expectations, default=(None, None))


def _expectation(action: Action) -> tuple[str, float] | None:
    result, expectation = action.result or {}, ExpectedIncidents.of(action.expected_effect)
    if action.done_at is not None and result.get("days_after"):
        per_month = result["incidents"]["expected"] / result["days_after"] * DAYS_A_MONTH
        return f"{action.done_at:%Y-%m}", round(per_month, 1)
    if action.status not in ("proposed", "open") or expectation is None or expectation.as_of is None:
        return None
    return f"{expectation.as_of:%Y-%m}", round(expectation.incidents / expectation.horizon_days * DAYS_A_MONTH, 1)
