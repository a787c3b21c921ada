"""Tables of a report: per class, per group of incidents, confusion, search."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import binomtest

from diagnosis.arrays import Floats, Labels
from training.evaluation.held_out import HeldOut
from training.evaluation.predictions import SEARCH_DEPTH, Predictions, TargetPredictions

MOST_ROWS = 40
_CONFUSED = 12  # classes of the confusion table; the others are one row
_FEWEST = 10  # incidents below which a group is not shown
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
    interval = binomtest(int(hit.sum()), len(hit)).proportion_ci(method="wilson")
    return Share(len(hit), float(hit.mean()), float(interval.low), float(interval.high))


def wilson(shares: Floats, counts: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Return the ends of the 95 % intervals of many shares (Wilson, 1927), each of so many incidents."""
    n, z = np.asarray(counts, dtype=np.float64), _TWO_SIDED
    middle = (shares + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(shares * (1 - shares) / n + z**2 / (4 * n**2))
    return middle - half, middle + half


@dataclass(frozen=True, slots=True)
class ClassRow:
    """One class: support, precision and recall with intervals, and its automatic answers."""

    name: str
    support: int
    precision: Share
    recall: Share
    automatic: Share


def class_table(labelled: TargetPredictions) -> list[ClassRow]:
    """Return the classes by support, the first `MOST_ROWS`.

    Parameters
    ----------
    labelled : TargetPredictions
        Of incidents whose truth is known.
    """
    names, counts = np.unique(labelled.truth.astype(str), return_counts=True)
    order = np.argsort(-counts, kind="stable")[:MOST_ROWS]
    return [
        ClassRow(
            name=str(names[place]),
            support=int(counts[place]),
            precision=share(labelled.correct[labelled.value == names[place]]),
            recall=share(labelled.correct[labelled.truth == names[place]]),
            automatic=share(labelled.decision_correct[(labelled.value == names[place]) & labelled.automatic]),
        )
        for place in order
    ]


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One group of incidents: how many were right, and how many automatic and right."""

    name: str
    accuracy: Share
    automatic: float
    precision: Share


def group_table(
    labelled: TargetPredictions, groups: Labels, *, by_name: bool = False, none: str = "(none)"
) -> list[GroupRow]:
    """Return accuracy and automatic answers by group, the largest first or in order of their names.

    Parameters
    ----------
    labelled : TargetPredictions
        Of incidents whose truth is known.
    groups : ndarray of str, shape (n,)
        The group of each.
    none : str
        What the group without a name is called.
    """
    counts = pd.Series(groups).value_counts()
    names = [name for name in counts.index if counts[name] >= _FEWEST][:MOST_ROWS]
    return [
        _group_row(str(name) or none, labelled.take(groups == name)) for name in (sorted(names) if by_name else names)
    ]


def _group_row(name: str, labelled: TargetPredictions) -> GroupRow:
    return GroupRow(
        name=name,
        accuracy=share(labelled.correct),
        automatic=float(labelled.automatic.mean()),
        precision=share(labelled.decision_correct[labelled.automatic]),
    )


def groupings(held_out: HeldOut) -> dict[str, tuple[Labels, bool]]:
    """Return what incidents are grouped by, each with whether its groups have an order of their own."""
    frame = held_out.incidents
    months = frame["opened_at"].dt.strftime("%Y-%m").fillna("")
    columns = {
        "language": (held_out.predictions.language, False),
        "channel": (frame["contact_type"].to_numpy(dtype=object), False),
        "service": (frame["service"].to_numpy(dtype=object), False),
        "month": (months.to_numpy(dtype=object), True),
    }
    return {name: (groups, ordered) for name, (groups, ordered) in columns.items() if (groups != "").any()}


@dataclass(frozen=True)
class Confusion:
    """How often incidents of one class (row) were taken for another (column); shares of the row."""

    names: list[str]
    counts: npt.NDArray[np.int64]
    shares: npt.NDArray[np.float64]


def confusion(labelled: TargetPredictions, remainder: str = "(others)") -> Confusion:
    """Return the confusion of the most common classes, all others put together under one name."""
    common = pd.Series(labelled.truth).value_counts().index[:_CONFUSED].tolist()
    has_others = bool((set(labelled.truth) | set(labelled.value)) - set(common))
    names = [*common, *([remainder] if has_others else [])]
    place = {name: i for i, name in enumerate(common)}
    rows, columns = ([place.get(name, len(common)) for name in labels] for labels in (labelled.truth, labelled.value))
    counts = np.zeros((len(names), len(names)), dtype=np.int64)
    np.add.at(counts, (rows, columns), 1)
    return Confusion(names, counts, counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))


def search_table(predictions: Predictions) -> list[tuple[str, list[Share]]]:
    """Return recall at 1, 5 and 10, of all incidents that an article solved and by language."""
    labelled, rank, language = predictions.search.labelled, predictions.search.rank, predictions.language
    groups = [
        ("all", labelled),
        *((str(name), labelled & (language == name)) for name in pd.unique(language[labelled])),
    ]
    return [
        (name, [share(rank[rows] <= k) for k in (1, 5, SEARCH_DEPTH)])
        for name, rows in groups
        if rows.sum() >= _FEWEST or (name == "all" and rows.any())
    ]
