"""Ids that stay: which faults of today continue which of yesterday, and what people decided on them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from diagnosis.problems.joining import Fault, Joining, fault_id

DecisionKind = Literal["rename", "merge", "split", "dismiss", "restore"]
CHRONIC = 2  # incidents from which the id of a fault is kept


@dataclass(frozen=True, slots=True)
class ProblemDecision:
    """What a person decided on a problem.

    Attributes
    ----------
    value : str
        The title (rename), the problem that it joins (merge), the id of the new one (split) or the reason (dismiss).
    numbers : tuple of str
        Incidents that a split takes out.
    decided_at : datetime or None
        When it was: what was opened later was not known to the person. By default when the newest of the numbers was.
    """

    kind: DecisionKind
    problem: str
    value: str = ""
    numbers: tuple[str, ...] = ()
    decided_at: datetime | None = None


@dataclass(frozen=True)
class Lineage:
    """How the ids of faults went on.

    Attributes
    ----------
    merged : mapping of str to str
        Id that ended to the id that has its incidents now, by likeness or by a person, this time or before.
    ended : mapping of str to str
        Those that likeness merged: no incident has their id any more, even without people's decisions.
    split : mapping of str to str
        New id to the id that its incidents came from.
    members : mapping of str to tuple of str
        Numbers of the chronic faults before people's decisions: what the next day is compared with.
    titles : mapping of str to str
        Titles that people gave.
    dismissed : mapping of str to str
        Problems that people dismissed, and why.
    """

    merged: Mapping[str, str] = field(default_factory=dict)
    ended: Mapping[str, str] = field(default_factory=dict)
    split: Mapping[str, str] = field(default_factory=dict)
    members: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)
    dismissed: Mapping[str, str] = field(default_factory=dict)


def settle(
    joining: Joining,
    numbers: Sequence[str],
    earlier: Mapping[str, Sequence[str]],
    decisions: Sequence[ProblemDecision] = (),
    ended: Mapping[str, str] | None = None,
) -> tuple[Joining, Lineage]:
    """Return faults under the ids that they had, with people's decisions applied in order.

    Parameters
    ----------
    joining : Joining
    numbers : sequence of str
        Of the incidents, row by row.
    earlier : mapping of str to sequence of str
        `Lineage.members` of the last time.
    decisions : sequence of ProblemDecision
        The oldest first.
    ended : mapping of str to str, optional
        Ids that likeness merged before, each to the id that had its incidents then: decisions on them go on.
    """
    joining, ended_now, split = _continue_ids(joining, numbers, earlier)
    alive = {fault.id for fault in joining.faults}
    ended = {name: into for name, into in {**(ended or {}), **ended_now}.items() if name not in alive}
    members = {
        joining.faults[place].id: tuple(numbers[row] for row in rows.tolist())
        for place, rows in enumerate(joining.members())
        if len(rows) >= CHRONIC
    }
    joining, merged_by_person, split_by_person = _apply(joining, numbers, decisions, ended)
    titles, dismissed = titles_and_dismissals(decisions, ended)
    merged = ended | merged_by_person
    return joining, Lineage(merged, ended, split | split_by_person, members, titles, dismissed)


def _continue_ids(
    joining: Joining, numbers: Sequence[str], earlier: Mapping[str, Sequence[str]]
) -> tuple[Joining, dict[str, str], dict[str, str]]:
    """Return faults under earlier ids, ids that merged into others, and new ids that were split from others."""
    before = {number: name for name, of_fault in earlier.items() for number in of_fault}
    if not before:
        return joining, {}, {}
    shared: list[Counter[str]] = [Counter() for _ in joining.faults]
    for code, number in zip(joining.codes.tolist(), numbers, strict=True):
        if code >= 0 and number in before:
            shared[code][before[number]] += 1
    ids, merged = _inherited(joining.faults, shared)
    taken, split = {name for name in ids if name} | merged.keys(), dict[str, str]()
    for place, fault in enumerate(joining.faults):
        if ids[place]:
            continue
        ids[place] = _free_id(fault.id, taken)
        taken.add(ids[place])
        if shared[place]:
            split[ids[place]] = shared[place].most_common(1)[0][0]
    faults = [replace(fault, id=name) for fault, name in zip(joining.faults, ids, strict=True)]
    return replace(joining, faults=tuple(faults)), merged, split


def _inherited(faults: Sequence[Fault], shared: Sequence[Counter[str]]) -> tuple[list[str], dict[str, str]]:
    """Return the earlier id that each fault has, ``""`` for none, and the ids that merged into others.

    A fault that is still made under its own id keeps it. Any other earlier id goes to where most of its incidents are.
    """
    ids = [fault.id if shared[place][fault.id] else "" for place, fault in enumerate(faults)]
    parts: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for place, counts in enumerate(shared):
        for name, count in counts.items():
            parts[name].append((-count, place))
    claimed, merged = {name for name in ids if name}, dict[str, str]()
    for name, candidates in sorted(parts.items(), key=lambda item: (min(item[1])[0], item[0])):
        place = min(candidates)[1]
        if name in claimed:
            continue
        if ids[place]:
            merged[name] = ids[place]
        else:
            ids[place] = name
            claimed.add(name)
    return ids, merged


def _free_id(name: str, taken: set[str]) -> str:
    free, count = name, 1
    while free in taken:
        count += 1
        free = fault_id((name,), str(count))
    return free


def _apply(
    joining: Joining, numbers: Sequence[str], decisions: Sequence[ProblemDecision], merged: Mapping[str, str]
) -> tuple[Joining, dict[str, str], dict[str, str]]:
    """Merge and split as people decided."""
    row_of = {number: row for row, number in enumerate(numbers)}
    faults, codes = list(joining.faults), joining.codes.copy()
    places = {fault.id: place for place, fault in enumerate(faults)}
    by_merge: dict[str, str] = {}
    into_of = dict(merged)
    by_split: dict[str, str] = {}
    for decision in decisions:
        name = resolve_id(decision.problem, into_of)
        if decision.kind == "merge":
            into = resolve_id(decision.value, into_of)
            if name == into or name not in places:
                continue
            if into not in places:  # its incidents were deleted: what joins it goes on under its id
                places[into] = len(faults)
                faults.append(replace(faults[places[name]], id=into))
            codes[codes == places[name]] = places[into]
            by_merge[name] = into_of[name] = into
        elif decision.kind == "split" and name in places:
            rows = [row_of[number] for number in decision.numbers if number in row_of]
            rows = [row for row in rows if codes[row] == places[name]]
            if rows and decision.value not in places:
                places[decision.value] = len(faults)
                faults.append(Fault(decision.value, faults[places[name]].signature, "person"))
                codes[rows] = places[decision.value]
                by_split[decision.value] = name
    return joining.regrouped(faults, codes), by_merge, by_split


def resolve_id(name: str, merged: Mapping[str, str]) -> str:
    """Return the id under which a problem goes on: its own, or that of the one that it was merged into."""
    visited = {name}
    while name in merged and merged[name] not in visited:
        name = merged[name]
        visited.add(name)
    return name


def titles_and_dismissals(
    decisions: Sequence[ProblemDecision], ended: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the titles that people gave, and what they dismissed with the reason, by the id that goes on.

    Parameters
    ----------
    ended : mapping of str to str
        What likeness merged. What people merged goes on from their decision: a title or a dismissal before it was of
        the one problem alone.
    """
    into_of = dict(ended)
    titles: dict[str, str] = {}
    dismissed: dict[str, str] = {}
    for decision in decisions:
        name = resolve_id(decision.problem, into_of)
        if decision.kind == "merge" and (into := resolve_id(decision.value, into_of)) != name:
            into_of[name] = into
            titles.pop(name, None)
            dismissed.pop(name, None)
        elif decision.kind == "rename":
            titles[name] = decision.value
        elif decision.kind == "dismiss":
            dismissed[name] = decision.value
        elif decision.kind == "restore":
            dismissed.pop(name, None)
    return titles, dismissed
