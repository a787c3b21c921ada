"""follow_measures: which problem each measure of a list is about, and what became of it since its date."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

from diagnosis.actions import Action
from diagnosis.problems.follow_up import measure_effect
from diagnosis.problems.history import ProblemHistory
from diagnosis.problems.prevention import MeasureEffect
from diagnosis.problems.problem import Problem, ProblemReport
from diagnosis.times import format_utc

_BETWEEN = re.compile(r"[\s/,，、]+")  # values of a signature, however they are written one after the other
Unjudged = Literal["no such problem", "not done", "outside"]


@dataclass(frozen=True, slots=True)
class FollowedMeasure:
    """A measure and what became of it.

    Attributes
    ----------
    problem : Problem or None
        None where the measure names none that is known.
    result : mapping or None
        What `FollowUp.to_dict` says; None where it cannot be judged.
    unjudged : {"no such problem", "not done", "outside"} or None
        Why not: "outside" is a date before the problem's first episode or after the records.
    until : date or None
        When it can be told, where it cannot be told yet.
    """

    action: Action
    problem: Problem | None
    result: Mapping[str, Any] | None = None
    unjudged: Unjudged | None = None
    until: date | None = None

    @property
    def effect(self) -> MeasureEffect | None:
        """What it teaches of its kind."""
        return None if self.result is None else measure_effect(self.action.kind, self.result)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        action, problem = self.action, self.problem
        moments = {name: value and value.isoformat() for name, value in (("due", action.due), ("until", self.until))}
        return {
            "title": action.title,
            "problem": None if problem is None else problem.id,
            "kind": action.kind,
            "owner": action.owner,
            "status": action.status,
            "done_at": None if action.done_at is None else format_utc(action.done_at),
            **moments,
            "unjudged": self.unjudged,
            "verdict": None if self.result is None else self.result["verdict"],
            "result": self.result,
        }


def follow_measures(actions: Iterable[Action], report: ProblemReport, history: ProblemHistory) -> list[FollowedMeasure]:
    """Follow the measures that are about a problem, or say that they are.

    A measure names its problem by id, title or the values of its signature, or is about the one that most incidents of
    its evidence belong to.
    """
    names = _names(report.problems)
    by_id, problem_of = {problem.id: problem for problem in report.problems}, report.problem_of
    measures = []
    for action in actions:
        numbers = [action.source, *(str(item["number"]) for item in action.evidence if "number" in item)]
        counts = Counter(problem_of[number] for number in numbers if number in problem_of)
        problem = names.get(_folded(action.source)) or (by_id.get(counts.most_common(1)[0][0]) if counts else None)
        if problem is not None or action.source_kind == "problem":
            measures.append(_followed(action, problem, report, history))
    return measures


def _followed(
    action: Action, problem: Problem | None, report: ProblemReport, history: ProblemHistory
) -> FollowedMeasure:
    if problem is None:
        return FollowedMeasure(action, None, unjudged="no such problem")
    if action.status != "done" or action.done_at is None:
        return FollowedMeasure(action, problem, unjudged="not done")
    follow_up = history.follow(problem, action)
    if follow_up is None:
        return FollowedMeasure(action, problem, unjudged="outside")
    wait = follow_up.verdict.days_until_told
    until = None if wait is None else (report.as_of + timedelta(days=wait)).date()
    return FollowedMeasure(action, problem, follow_up.to_dict(format_utc(report.as_of)), None, until)


def _names(problems: Sequence[Problem]) -> dict[str, Problem]:
    """Return problems by id, title and values; where two have a name, the one that comes first."""
    names: dict[str, Problem] = {}
    for name_of in (lambda p: p.id, lambda p: ", ".join(p.signature.values()), lambda p: p.title):
        for problem in problems:
            names.setdefault(_folded(name_of(problem)), problem)
    return names


def _folded(text: str) -> str:
    return _BETWEEN.sub(" ", text).strip().casefold()
