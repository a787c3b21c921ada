"""Gaps: incidents that say the same and that no article answers, those that cost the most hours first."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import pandas as pd

from diagnosis.arrays import Floats
from diagnosis.knowledge import KnowledgeArticle
from diagnosis.placeholders import is_placeholder
from diagnosis.problems.hours import HoursLost
from diagnosis.problems.titles import titles_of
from diagnosis.times import as_utc, days_of

LIKE = 0.5  # cosine with the mean of a gap from which an incident belongs to it
FEWEST = 2  # incidents of a gap: what came once needs no article
_ROOM = 64  # groups that there is room for at first
_SCOPE = ("service", "category", "subcategory")


@dataclass(frozen=True, slots=True)
class Gap:
    """Incidents that no article answers.

    Attributes
    ----------
    id : str
        Made from the first incident, so that it stays as others come; as that leaves, `with_earlier_ids` keeps it.
    problem : str or None
        The problem that most of them belong to.
    hours_lost : float or None
        Hours to restore, each for at most thirty days, without incidents of which nobody can say when they ended; None
        without resolutions.
    covered : float
        Mean probability that an article answers them after all.
    nearest : str
        The article that comes nearest most often; ``""`` if none does.
    numbers : tuple of str
        The newest first.
    draft : KnowledgeArticle or None
        What an article could say, from those best resolved; None where no resolution says anything.
    """

    id: str
    title: str
    incidents: int
    hours_lost: float | None
    covered: float
    nearest: str
    problem: str | None
    numbers: tuple[str, ...]
    draft: KnowledgeArticle | None = None


def grouped(
    frame: pd.DataFrame,
    rows: npt.NDArray[np.intp],
    vectors: npt.NDArray[np.float32],
) -> list[npt.NDArray[np.intp]]:
    """Return the rows in groups: those that say the same about one service, category and subcategory.

    Parameters
    ----------
    rows : ndarray of int
        In order of time.
    vectors : ndarray of float32, shape (n, d)
        Unit vectors of the texts of the whole frame.
    """
    groups: dict[tuple[str, ...], list[int]] = defaultdict(list)
    columns = {name: frame[name].tolist() for name in _SCOPE}
    for row in rows.tolist():
        scope = tuple("" if is_placeholder(columns[name][row]) else columns[name][row] for name in _SCOPE)
        groups[scope].append(row)
    return [part for members in groups.values() for part in _alike(np.array(members, dtype=np.intp), vectors)]


def _alike(rows: npt.NDArray[np.intp], vectors: npt.NDArray[np.float32]) -> list[npt.NDArray[np.intp]]:
    """Return rows in groups: each joins the group whose mean is nearest, or begins one."""
    sums = np.zeros((_ROOM, vectors.shape[1]), dtype=np.float32)
    norms = np.zeros(_ROOM, dtype=np.float32)
    members: list[list[int]] = []
    for row in rows.tolist():
        count = len(members)
        cosines = sums[:count] @ vectors[row] / np.maximum(norms[:count], 1e-9)
        best = int(cosines.argmax()) if count else -1
        if best >= 0 and cosines[best] >= LIKE:
            members[best].append(row)
        else:
            if count == len(sums):
                sums, norms = (np.concatenate([part, np.zeros_like(part)]) for part in (sums, norms))
            best = count
            members.append([row])
        sums[best] += vectors[row]
        norms[best] = np.linalg.norm(sums[best])
    return [np.array(group, dtype=np.intp) for group in members]


def find_gaps(
    frame: pd.DataFrame,
    rows: npt.NDArray[np.intp],
    covered: Floats,
    nearest: Sequence[str],
    vectors: npt.NDArray[np.float32],
    problems: Mapping[str, str],
    as_of: pd.Timestamp,
) -> list[tuple[Gap, npt.NDArray[np.intp]]]:
    """Return the gaps with their rows, those that cost the most hours first.

    Parameters
    ----------
    frame : DataFrame, shape (n, ...)
        Canonical, in order of time.
    rows : ndarray of int
        Those that no article answers.
    covered : ndarray of float, shape (n,)
    nearest : sequence of str, length n
        The article that comes nearest to each, ``""`` if none does.
    """
    parts = [part for part in grouped(frame, rows, vectors) if len(part) >= FEWEST]
    lost = HoursLost.of(frame, float(days_of(pd.Series([as_utc(as_of)]))[0]))
    any_resolved = bool(lost.is_resolved.any())
    short, long = frame["short_description"].tolist(), frame["description"].tolist()
    numbers = frame["number"].tolist()
    texts = [[short[row].strip() or long[row].strip() for row in part[::-1]] for part in parts]
    titles = titles_of(texts, [f"{numbers[part[0]]}" for part in parts])
    gaps = []
    for part, title in zip(parts, titles, strict=True):
        members = [numbers[row] for row in part[::-1]]
        gap = Gap(
            id=_id_of(numbers[part[0]]),
            title=title,
            incidents=len(part),
            hours_lost=round(float(np.nansum(lost.hours[part])), 1) if any_resolved else None,
            covered=round(float(covered[part].mean()), 3),
            nearest=_most_common([nearest[row] for row in part]),
            problem=_problem(members, problems),
            numbers=tuple(members),
        )
        gaps.append((gap, part))
    return sorted(gaps, key=lambda entry: (-(entry[0].hours_lost or 0.0), -entry[0].incidents, entry[0].id))


def with_earlier_ids(gaps: Sequence[Gap], earlier: Sequence[Gap]) -> tuple[Gap, ...]:
    """Return gaps under the ids that they had, though their first incidents have left what is looked at since.

    An id goes on with the gap that has most of its incidents.
    """
    before = {number: gap.id for gap in earlier for number in gap.numbers}
    shares = [
        (-count, name, place)
        for place, gap in enumerate(gaps)
        for name, count in Counter(before[number] for number in gap.numbers if number in before).items()
    ]
    id_of: dict[int, str] = {}
    for _, name, place in sorted(shares):
        if place not in id_of and name not in id_of.values():
            id_of[place] = name
    taken = set(id_of.values())
    for place, gap in enumerate(gaps):
        if place not in id_of:
            id_of[place] = gap.id if gap.id not in taken else _id_of(f"{gap.id} {gap.numbers[0]}")
    return tuple(replace(gap, id=id_of[place]) for place, gap in enumerate(gaps))


def _id_of(number: str) -> str:
    return f"G{blake2b(number.encode(), digest_size=6).hexdigest()}"


def _problem(members: Sequence[str], problems: Mapping[str, str]) -> str | None:
    """Return the problem of more than half of some incidents."""
    name = _most_common([problems.get(number, "") for number in members])
    return name if 2 * sum(problems.get(number) == name for number in members) > len(members) else None


def _most_common(names: Sequence[str]) -> str:
    present = [name for name in names if name]
    return max(dict.fromkeys(present), key=present.count) if present else ""
