"""What moved a measure: the mix of records apart from how each kind fared, and the problems and groups behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtri

from diagnosis.arrays import Floats, Labels
from diagnosis.review.samples import LEVEL, Sample

TOP = 3


@dataclass(frozen=True, slots=True)
class Decomposition:
    """A difference of two quarters, part by part (Kitagawa 1955); the two parts add up to it.

    Attributes
    ----------
    mix : float
        What comes of more or fewer records of each kind, had every kind fared as on average of both quarters.
    performance : float
        What comes of kinds faring better or worse, at the average mix; with its 95 % interval ``lower``, ``upper``.
    kinds : int
        Kinds of records that both quarters hold; the others count as mix.
    """

    mix: float
    performance: float
    lower: float
    upper: float
    kinds: int


@dataclass(frozen=True, slots=True)
class Contribution:
    """What the records of one problem or group brought to a difference of two quarters.

    Attributes
    ----------
    amount : float
        In the measure's unit; those of all add up to the difference.
    n_before, n_after : int
    value_before, value_after : float or None
        Of its own records; None where there are none.
    """

    name: str
    amount: float
    n_before: int
    n_after: int
    value_before: float | None
    value_after: float | None


def decompose(later: Sample, earlier: Sample, kinds_later: Labels, kinds_earlier: Labels) -> Decomposition | None:
    """Return how much of a difference is mix and how much performance; None where either quarter is empty.

    Parameters
    ----------
    kinds_later, kinds_earlier : ndarray of str
        The kind of each record of the samples, such as its type, priority and service.
    """
    if not len(later) or not len(earlier):
        return None
    joined = _side_by_side(_by_label(later, kinds_later), _by_label(earlier, kinds_earlier))
    weight_1, weight_0 = (joined[name].to_numpy(dtype=float) for name in ("n_1", "n_0"))
    weight_1, weight_0 = weight_1 / weight_1.sum(), weight_0 / weight_0.sum()
    mean_1, mean_0 = (joined[name].to_numpy(dtype=float) for name in ("mean_1", "mean_0"))
    centre = _centre(later, earlier)
    both = (weight_1 > 0) & (weight_0 > 0)
    average = (mean_1[both] + mean_0[both]) / 2 - centre
    mix = float(np.sum((weight_1 - weight_0)[both] * average))
    mix += float(np.sum((weight_1 * (mean_1 - centre))[weight_0 == 0]))
    mix -= float(np.sum((weight_0 * (mean_0 - centre))[weight_1 == 0]))
    share = (weight_1 + weight_0)[both] / 2
    performance = float(np.sum(share * (mean_1 - mean_0)[both]))
    variance = joined[["variance_1", "variance_0"]].to_numpy(dtype=float)[both].sum(axis=1)
    half = float(ndtri(1 - (1 - LEVEL) / 2) * np.sqrt(np.sum(share**2 * variance)))
    return Decomposition(mix, performance, performance - half, performance + half, int(both.sum()))


def contributions(
    later: Sample, earlier: Sample, labels_later: Labels, labels_earlier: Labels, fewest: int = 1
) -> list[Contribution]:
    """Return the `TOP` labels that moved a measure most, the largest amounts first; unlabelled records are left out.

    Parameters
    ----------
    fewest : int
        Records of both quarters together that a label needs to be named.
    """
    if not len(later) or not len(earlier):
        return []
    joined = _side_by_side(_by_label(later, labels_later), _by_label(earlier, labels_earlier))
    centre = _centre(later, earlier)
    part_1 = (joined["n_1"] / len(later) * (joined["mean_1"] - centre)).fillna(0.0)
    part_0 = (joined["n_0"] / len(earlier) * (joined["mean_0"] - centre)).fillna(0.0)
    amounts = (part_1 - part_0)[joined["n_1"] + joined["n_0"] >= fewest].drop("", errors="ignore")
    largest = amounts.abs().sort_values(ascending=False, kind="stable").head(TOP).index
    return [
        Contribution(
            str(name),
            float(amounts[name]),
            int(joined["n_0"][name]),
            int(joined["n_1"][name]),
            _value(joined["mean_0"][name]),
            _value(joined["mean_1"][name]),
        )
        for name in largest
        if amounts[name]
    ]


def join_labels(columns: Sequence[Labels]) -> Labels:
    """Return one label a record of several columns."""
    return np.array([" · ".join(filter(None, values)) for values in zip(*columns, strict=True)], dtype=object)


def _centre(later: Sample, earlier: Sample) -> float:
    return float((later.pseudo_values().mean() + earlier.pseudo_values().mean()) / 2)


def _by_label(sample: Sample, labels: Labels) -> pd.DataFrame:
    """Return count, mean and variance of the mean by label; few records of a label take the spread of all."""
    values: Floats = sample.pseudo_values()
    grouped = pd.Series(values).groupby(pd.Series(labels), sort=True)
    table = pd.DataFrame({"n": grouped.size(), "mean": grouped.mean()})
    spread = float(values.var(ddof=1)) if len(values) > 1 else 0.0
    own = grouped.var(ddof=1).fillna(spread)
    pooled = ((table["n"] - 1) * own + 2 * spread) / (table["n"] + 1)
    table["variance"] = pooled / table["n"]
    return table


def _side_by_side(later: pd.DataFrame, earlier: pd.DataFrame) -> pd.DataFrame:
    joined = later.add_suffix("_1").join(earlier.add_suffix("_0"), how="outer")
    return joined.fillna({"n_1": 0, "n_0": 0})


def _value(number: float) -> float | None:
    return None if pd.isna(number) else float(number)
