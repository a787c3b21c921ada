"""Tables of a report: per class, per group of incidents, confusion, search."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import binomtest

from training.evaluation.held_out import HeldOut
from training.evaluation.predictions import LOOKED_AT

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
MOST_ROWS = 40
_CONFUSED = 12  # classes of the confusion table; the others are one row
_FEWEST = 10  # incidents below which a group is not shown
OTHER = "(others)"
_TWO_SIDED = 1.959964  # standard deviations that hold 95 % of a normal distribution


@dataclass(frozen=True, slots=True)
class Share:
    """A share of incidents with its 95 % interval (Wilson, 1927); NaN of none."""

    n: int
    value: float
    lower: float
    upper: float


def share(hits: npt.ArrayLike) -> Share:
    """Return the share of true values."""
    hit = np.asarray(hits, dtype=bool)
    if not len(hit):
        return Share(0, float("nan"), 0.0, 1.0)
    found = binomtest(int(hit.sum()), len(hit)).proportion_ci(method="wilson")
    return Share(len(hit), float(hit.mean()), float(found.low), float(found.high))


def wilson(shares: Floats, counts: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Return the ends of the 95 % intervals of many shares (Wilson, 1927), each of so many incidents."""
    n, z = np.asarray(counts, dtype=np.float64), _TWO_SIDED
    middle = (shares + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(shares * (1 - shares) / n + z**2 / (4 * n**2))
    return middle - half, middle + half


@dataclass(frozen=True)
class Answered:
    """What was answered for one target, on the incidents whose truth is known.

    Attributes
    ----------
    rows : ndarray of bool
        Which of the held-out incidents these are.
    """

    target: str
    rows: Bools
    truth: npt.NDArray[np.object_]
    value: npt.NDArray[np.object_]
    probability: npt.NDArray[np.float64]
    rank: npt.NDArray[np.float64]
    automatic: Bools
    right: Bools

    @property
    def hit(self) -> Bools:
        """Where the most probable class is the true one."""
        return np.asarray(self.truth == self.value, dtype=bool)


def answered(held: HeldOut, target: str) -> Answered:
    """Return the answers of a target."""
    columns = {name: held.answers[f"{target}|{name}"] for name in ("truth", "value", "probability", "rank")}
    rows = ((columns["truth"] != "") & columns["value"].notna()).to_numpy(dtype=bool)
    flags = (held.answers[f"{target}|{name}"][rows].to_numpy(dtype=bool) for name in ("automatic", "right"))
    truth, value = (columns[name][rows].to_numpy(dtype=object) for name in ("truth", "value"))
    probability, rank = (columns[name][rows].to_numpy(dtype=float) for name in ("probability", "rank"))
    return Answered(target, rows, truth, value, probability, rank, *flags)


@dataclass(frozen=True, slots=True)
class ClassRow:
    """One class: support, precision and recall with intervals, and its automatic answers."""

    name: str
    support: int
    precision: Share
    recall: Share
    automatic: Share


def class_table(one: Answered) -> list[ClassRow]:
    """Return the classes by support, the first `MOST_ROWS`."""
    names, counts = np.unique(one.truth.astype(str), return_counts=True)
    order = np.argsort(-counts, kind="stable")[:MOST_ROWS]
    return [
        ClassRow(
            str(name),
            int(count),
            share(one.hit[one.value == name]),
            share(one.hit[one.truth == name]),
            share(one.right[(one.value == name) & one.automatic]),
        )
        for name, count in zip(names[order], counts[order], strict=True)
    ]


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One group of incidents: how many were right, and how many automatic and right."""

    name: str
    accuracy: Share
    automatic: float
    precision: Share


def group_table(one: Answered, groups: pd.Series, *, by_name: bool = False) -> list[GroupRow]:
    """Return accuracy and automatic answers by group, the largest first or in order of their names."""
    told = groups.to_numpy(dtype=object)[one.rows]
    counts = pd.Series(told).value_counts()
    names = [name for name in counts.index if counts[name] >= _FEWEST][:MOST_ROWS]
    rows = []
    for name in sorted(names) if by_name else names:
        inside = told == name
        accepted = inside & one.automatic
        rows.append(
            GroupRow(
                str(name) or "(none)",
                share(one.hit[inside]),
                float(one.automatic[inside].mean()),
                share(one.right[accepted]),
            )
        )
    return rows


def groupings(held: HeldOut) -> dict[str, tuple[pd.Series, bool]]:
    """Return what incidents are grouped by, each with whether its groups have an order of their own."""
    frame = held.incidents
    found = {
        "language": (held.answers["language"], False),
        "channel": (frame["contact_type"], False),
        "service": (frame["service"], False),
        "month": (frame["opened_at"].dt.strftime("%Y-%m").fillna(""), True),
    }
    return {name: (groups, order) for name, (groups, order) in found.items() if (groups != "").any()}


@dataclass(frozen=True)
class Confusion:
    """How often incidents of one class (row) were taken for another (column); shares of the row."""

    names: list[str]
    counts: npt.NDArray[np.int64]
    shares: npt.NDArray[np.float64]


def confusion(one: Answered) -> Confusion:
    """Return the confusion of the most common classes, all others put together."""
    common = pd.Series(one.truth).value_counts().index[:_CONFUSED].tolist()
    rest = bool(set(one.truth) - set(common) or set(one.value) - set(common))
    names = [*common, *([OTHER] if rest else [])]
    place = {name: i for i, name in enumerate(common)}
    rows, columns = ([place.get(name, len(common)) for name in side] for side in (one.truth, one.value))
    counts = np.zeros((len(names), len(names)), dtype=np.int64)
    np.add.at(counts, (rows, columns), 1)
    return Confusion(names, counts, counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))


def search_table(held: HeldOut) -> list[tuple[str, list[Share]]]:
    """Return recall at 1, 5 and 10, of all incidents that an article solved and by language."""
    asked = (held.answers["search|article"] != "").to_numpy()
    rank, spoken = held.answers["search|rank"].to_numpy(dtype=float), held.answers["language"].to_numpy(dtype=object)
    groups = [("all", asked), *((str(name), asked & (spoken == name)) for name in pd.unique(spoken[asked]))]
    return [
        (name, [share(rank[rows] <= k) for k in (1, 5, LOOKED_AT)])
        for name, rows in groups
        if rows.sum() >= _FEWEST or (name == "all" and rows.any())
    ]
