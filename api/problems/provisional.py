"""with_decisions: problems as people have just decided, until everything is counted anew.

Titles, dismissals and whose incidents are whose are exact. What a problem will cost is added up, or divided by its
incidents: good enough for the seconds or minutes until it is forecast.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from diagnosis.problems import Problem, ProblemDecision, ProblemReport
from diagnosis.problems.history import ProblemHistory
from diagnosis.problems.identity import resolve_id, titles_and_dismissals
from diagnosis.problems.problem import rank
from diagnosis.times import format_utc


def with_decisions(
    report: ProblemReport,
    history: ProblemHistory,
    merged: Mapping[str, str],
    decisions: Sequence[ProblemDecision],
    new: Sequence[ProblemDecision],
) -> tuple[ProblemReport, dict[str, str]]:
    """Return a report as new decisions leave it, and the ids that were merged.

    Parameters
    ----------
    merged : mapping of str to str
        Ids that ended before, each to the id that has its incidents.
    decisions, new : sequence of ProblemDecision
        All that hold, and those of them that the report does not have yet; the oldest first.
    """
    problems = {problem.id: problem for problem in report.problems}
    into_of, split_from = dict(merged), dict(report.lineage.split)
    for decision in new:
        name = resolve_id(decision.problem, into_of)
        problem = problems.get(name)
        if problem is None:
            continue
        if decision.kind == "rename":
            problems[name] = replace(problem, title=decision.value)
        elif decision.kind == "merge":
            into = resolve_id(decision.value, into_of)
            if into in problems and into != name:
                problems[into] = _together(problems[into], problems.pop(name), history)
                into_of[name] = into
        elif decision.kind == "split":
            taken = set(decision.numbers)
            part = [number for number in problem.numbers if number in taken]
            others = [number for number in problem.numbers if number not in taken]
            if part and others:
                split = replace(problem, id=decision.value, joined_by="person")
                problems[decision.value] = _part(split, part, history)
                problems[name] = _part(problem, others, history)
                split_from[decision.value] = name
    titles, dismissed = titles_and_dismissals(decisions, report.lineage.ended)
    lineage = replace(report.lineage, titles=titles, dismissed=dismissed, split=split_from)
    ranked = tuple(sorted(problems.values(), key=rank))
    return replace(report, problems=ranked, lineage=lineage), into_of


def _together(problem: Problem, other: Problem, history: ProblemHistory) -> Problem:
    return replace(
        problem,
        incidents=problem.incidents + other.incidents,
        episodes=problem.episodes + other.episodes,
        callers=max(problem.callers, other.callers),
        items=_sum(problem.items, other.items),
        services=_sum(problem.services, other.services),
        groups=_sum(problem.groups, other.groups),
        fixes=_sum(problem.fixes, other.fixes),
        first=min(problem.first, other.first),
        last=max(problem.last, other.last),
        hours_lost=_add(problem.hours_lost, other.hours_lost),
        expected_incidents=round(problem.expected_incidents + other.expected_incidents, 2),
        interval=(problem.interval[0] + other.interval[0], problem.interval[1] + other.interval[1]),
        expected_hours=_add(problem.expected_hours, other.expected_hours),
        preventable_hours=_add(problem.preventable_hours, other.preventable_hours),
        preventable_interval=_add_bounds(problem.preventable_interval, other.preventable_interval),
        known_fix=problem.known_fix or other.known_fix,
        record=problem.record or other.record,
        numbers=history.newest_first([*problem.numbers, *other.numbers]),
    )


def _part(problem: Problem, numbers: Sequence[str], history: ProblemHistory) -> Problem:
    share = len(numbers) / problem.incidents
    times = history.of(numbers)[0]
    first, last = (format_utc(pd.Timestamp(float(day), unit="D", tz="UTC").round("s")) for day in times[[0, -1]])
    bounds = problem.preventable_interval
    return replace(
        problem,
        incidents=len(numbers),
        episodes=_share_of(problem.episodes, share),
        callers=_share_of(problem.callers, share),
        items={name: _share_of(count, share) for name, count in problem.items.items()},
        services={name: _share_of(count, share) for name, count in problem.services.items()},
        groups={name: _share_of(count, share) for name, count in problem.groups.items()},
        first=first,
        last=last,
        hours_lost=_times(problem.hours_lost, share),
        expected_incidents=round(problem.expected_incidents * share, 2),
        interval=(math.floor(problem.interval[0] * share), math.ceil(problem.interval[1] * share)),
        expected_hours=_times(problem.expected_hours, share),
        preventable_hours=_times(problem.preventable_hours, share),
        preventable_interval=None if bounds is None else (round(bounds[0] * share, 2), round(bounds[1] * share, 2)),
        numbers=tuple(numbers),
    )


def _sum(counts: Mapping[str, int], others: Mapping[str, int]) -> dict[str, int]:
    return dict((Counter(counts) + Counter(others)).most_common())


def _add(hours: float | None, others: float | None) -> float | None:
    return hours if others is None else others if hours is None else round(hours + others, 2)


def _add_bounds(bounds: tuple[float, float] | None, others: tuple[float, float] | None) -> tuple[float, float] | None:
    if bounds is None or others is None:
        return bounds or others
    return round(bounds[0] + others[0], 2), round(bounds[1] + others[1], 2)


def _share_of(count: int, share: float) -> int:
    return max(1, round(count * share)) if count else 0


def _times(hours: float | None, share: float) -> float | None:
    return None if hours is None else round(hours * share, 2)
