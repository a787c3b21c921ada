"""Problem: a chronic fault, what it has cost and will cost, and how much of that a fix would spare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import pandas as pd

from diagnosis.problems.chances import ReturnChances
from diagnosis.problems.identity import Lineage
from diagnosis.problems.joining import JoinedBy, Joining
from diagnosis.problems.prevention import PreventedShares
from diagnosis.recurrence.signature import Signature

Trend = Literal["rising", "steady", "falling"]
ALL, CHRONIC = 1, 2  # fewest incidents of a problem


@dataclass(frozen=True, slots=True)
class Problem:
    """A chronic fault, as it was known at a moment.

    Attributes
    ----------
    id : str
        Made from fields and values, so that a problem keeps it as incidents come.
    joined_by : {"fields", "text", "person"}
        Whether fields say that its incidents are one fault, likeness of texts, or a person.
    incidents, episodes, callers : int
        Records; separate occurrences, what is logged within a day of the first being one; and different callers.
    items, services, groups : mapping of str to int
        Configuration items, services and assignment groups of its incidents, the most frequent first.
    first, last : str
        When it was first and last logged.
    hours_lost : float or None
        Hours to restore so far, each incident for at most 30 days and those still open up to now, without those of
        which nobody can say when they ended; None where no incident of the history has a resolution.
    expected_incidents : float
        Within the horizon, with their 80 % ``interval``.
    expected_hours : float or None
        Hours lost to them.
    preventable_share : float
        Share that a fix prevents, from what fixes achieved in this history; 36 % where nothing is known.
    preventable_hours, preventable_interval : float or None, tuple of float or None
        Hours that a fix would spare, with their 80 % interval.
    trend : {"rising", "steady", "falling"}
        Episodes of the last 30 days, or 90, against all before, by how busy the desk was with other faults: steady
        unless the interval of their ratio says otherwise (95 % for both windows together, wider where episodes come in
        bursts).
    workaround_share : float or None
        Of those resolved, how many read like a workaround.
    fixes : mapping of str to int
        Close codes and articles that it was resolved with, the most frequent first.
    known_fix : str or None
        The article that was used most often on it.
    record : str or None
        The Problem record that its incidents name most often.
    numbers : tuple of str
        Its incidents, the newest first.
    may_be_one_with : tuple of str
        Ids of problems that seem to be the same fault, in another language or without the item: a person decides.
    basis : mapping
        How each figure came about.
    """

    id: str
    signature: Mapping[str, str]
    title: str
    joined_by: JoinedBy
    incidents: int
    episodes: int
    callers: int
    items: Mapping[str, int]
    services: Mapping[str, int]
    groups: Mapping[str, int]
    first: str
    last: str
    hours_lost: float | None
    expected_incidents: float
    interval: tuple[int, int]
    expected_hours: float | None
    preventable_share: float
    preventable_hours: float | None
    preventable_interval: tuple[float, float] | None
    trend: Trend
    workaround_share: float | None
    fixes: Mapping[str, int]
    known_fix: str | None
    record: str | None
    numbers: tuple[str, ...]
    may_be_one_with: tuple[str, ...] = ()
    basis: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the problem as plain JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class ProblemReport:
    """The problems of a history, those with the most preventable hours first.

    Attributes
    ----------
    without_signature : int
        Incidents that belong to no problem.
    origins : int
        Earlier days that the forecast was learned from; 0 where the history is too short and the plain rate stands in.
    joining : Joining
        The fault of each incident, row by row with ``numbers``.
    lineage : Lineage
        How ids went on since the last time, and what people decided.
    shares : PreventedShares
        How much of a fault each kind of measure prevents.
    keys : tuple of str
        Signature of each incident, row by row; empty unless texts joined too.
    chances : mapping of str to ReturnChances
        How likely each fault that texts joined is to come back, by its id.
    own_titles : mapping of str to str
        Title of each problem from its incidents' words, by its id: also of one that a person calls otherwise.
    """

    as_of: pd.Timestamp
    horizon_days: int
    signature: Signature
    problems: tuple[Problem, ...]
    incidents: int
    without_signature: int
    left_out: Mapping[str, int]
    origins: int
    joining: Joining
    numbers: tuple[str, ...]
    lineage: Lineage
    shares: PreventedShares
    keys: tuple[str, ...] = ()
    chances: Mapping[str, ReturnChances] = field(default_factory=dict)
    own_titles: Mapping[str, str] = field(default_factory=dict)

    @property
    def problem_of(self) -> dict[str, str]:
        """Return the id of the fault of each incident that has one, by its number."""
        faults = self.joining.faults
        pairs = zip(self.numbers, self.joining.codes.tolist(), strict=True)
        return {number: faults[code].id for number, code in pairs if code >= 0}


def rank(problem: Problem) -> tuple[float, float, str]:
    """Return the key by which problems are sorted: most preventable hours first, then most expected incidents."""
    return (-(problem.preventable_hours or 0.0), -problem.expected_incidents, problem.id)
