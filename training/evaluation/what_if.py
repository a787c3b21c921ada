"""What if: the decisions of a past period as they were, and as another release, threshold or rule would have made them.

Everything is counted pair by pair over the same incidents, of which it is known by now what was right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from diagnosis.decisions import ExclusionRule
from diagnosis.incident import frame_as_logged
from diagnosis.live.answered import is_right
from diagnosis.routing import Router
from diagnosis.routing.labels import label_key
from diagnosis.store.observations import Observation
from training.evaluation.bootstrap import Interval, bootstrap_mean
from training.evaluation.misrouting import Misrouting

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Decided:
    """What was, or would have been, decided for one target; all arrays have one entry an incident, in one order.

    Attributes
    ----------
    value : ndarray of str
        Most probable value, or what was automatic.
    probability : ndarray of float
    automatic, right : ndarray of bool
        ``right`` is that of ``value``.
    """

    value: npt.NDArray[np.object_]
    probability: Floats
    automatic: Bools
    right: Bools


@dataclass(frozen=True, slots=True)
class Moves:
    """How many incidents would have gone another way, and a few of them by number.

    ``good`` and ``bad`` count those that are better or worse off: a right one that became automatic and a wrong one
    that went back to a person are good.
    """

    name: str
    incidents: int
    good: int
    bad: int
    numbers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two ways to decide.

    ``hours`` are hours of misrouting, None where they have no meaning for the target.
    """

    automatic: int
    errors: int
    precision: float | None
    hours: float | None


@dataclass(frozen=True)
class TargetReplay:
    """One target under both.

    Attributes
    ----------
    errors : Interval
        Difference in wrong automatic decisions for each 100 incidents, after minus before, with its 95 % interval.
    saved : Interval or None
        Hours of misrouting saved for each 100 incidents.
    """

    target: str
    incidents: int
    before: Side
    after: Side
    moves: tuple[Moves, ...]
    errors: Interval
    saved: Interval | None


def decided_by(
    answers: pd.DataFrame, incidents: pd.DataFrame, target: str, router: Router, threshold: float | None = None
) -> Decided:
    """Return how a release decides.

    Parameters
    ----------
    answers : DataFrame
        Of `training.evaluation.held_out.answers_in`, one row an incident in order of ``incidents``.
    threshold : float, optional
        Least probability of an automatic decision, in place of what is certified.
    """
    value = answers[f"{target}|value"].to_numpy(dtype=object)
    probability = answers[f"{target}|probability"].to_numpy(dtype=np.float64)
    truth = incidents[target].astype("str")
    hit = np.array([label_key(a) == label_key(b) for a, b in zip(value, truth, strict=True)], dtype=bool)
    if threshold is not None:
        return Decided(value, probability, np.asarray(probability >= threshold, dtype=bool), hit)
    automatic = answers[f"{target}|automatic"].to_numpy(dtype=bool)
    # An automatic answer may be the parent of what was most probable, and is then right for all of its classes.
    as_told = answers[f"{target}|right"].to_numpy(dtype=bool)
    same = np.array(
        [label_key(a) == label_key(b) for a, b in zip(answers[f"{target}|truth"], truth, strict=True)], dtype=bool
    )
    parent = np.array([is_right(str(a), b, router) for a, b in zip(value, truth, strict=True)], dtype=bool)
    return Decided(value, probability, automatic, np.where(automatic, np.where(same, as_told, parent), hit))


def decided_in_service(
    seen: Mapping[str, Observation], incidents: pd.DataFrame, target: str, router: Router | None
) -> Decided:
    """Return how the service decided, from its first answer to each incident; ``seen`` holds one for each."""
    told = [seen[number] for number in incidents["number"]]
    truth = incidents[target].astype("str").tolist()
    return Decided(
        np.array([one.value for one in told], dtype=object),
        np.array([np.nan if one.probability is None else one.probability for one in told], dtype=np.float64),
        np.array([one.decision == "automatic" for one in told], dtype=bool),
        np.array([is_right(one.value, t, router) for one, t in zip(told, truth, strict=True)], dtype=bool),
    )


def under_rules(decided: Decided, incidents: pd.DataFrame, target: str, rules: Sequence[ExclusionRule]) -> Decided:
    """Return the decisions with rules in force: what one speaks of goes to a person."""
    if not rules:
        return decided
    records: list[dict[str, Any]] = [
        {str(k): v for k, v in row.items()} for row in frame_as_logged(incidents).to_dict("records")
    ]
    held = [
        any(r.matches(target, row) and label_key(r.value) in ("", label_key(str(value))) for r in rules)
        for row, value in zip(records, decided.value, strict=True)
    ]
    return Decided(decided.value, decided.probability, decided.automatic & ~np.array(held, dtype=bool), decided.right)


def compare_decisions(
    target: str, incidents: pd.DataFrame, before: Decided, after: Decided, cost: Misrouting | None
) -> TargetReplay:
    """Count what would have been different.

    Parameters
    ----------
    incidents : DataFrame
        Canonical frame, in order of the decisions.
    cost : Misrouting, optional
        What misrouting costs; None where the target routes nothing.
    """
    n = len(incidents)
    wrong = [one.automatic & ~one.right for one in (before, after)]
    hours = (None, None) if cost is None else cost.hours(incidents, before, after)
    saved = None if hours[0] is None or hours[1] is None else bootstrap_mean(100 * (hours[0] - hours[1]))
    return TargetReplay(
        target=target,
        incidents=n,
        before=_side(before, hours[0]),
        after=_side(after, hours[1]),
        moves=_moves(incidents["number"].to_numpy(dtype=object), before, after),
        errors=bootstrap_mean(100.0 * (wrong[1].astype(float) - wrong[0].astype(float))),
        saved=saved,
    )


def _side(one: Decided, hours: Floats | None) -> Side:
    automatic, errors = int(one.automatic.sum()), int((one.automatic & ~one.right).sum())
    precision = 1 - errors / automatic if automatic else None
    return Side(automatic, errors, precision, None if hours is None else float(hours.sum()))


def _moves(numbers: npt.NDArray[np.object_], before: Decided, after: Decided, shown: int = 10) -> tuple[Moves, ...]:
    other = np.array([label_key(a) != label_key(b) for a, b in zip(before.value, after.value, strict=True)], dtype=bool)
    kinds = {
        "now automatic": (~before.automatic & after.automatic, after.right, ~after.right),
        "now left to a person": (before.automatic & ~after.automatic, ~before.right, before.right),
        "sent elsewhere": (
            before.automatic & after.automatic & other, after.right & ~before.right, before.right & ~after.right,
        ),
    }  # fmt: skip
    return tuple(
        Moves(name, int(rows.sum()), int((rows & good).sum()), int((rows & bad).sum()), tuple(numbers[rows][:shown]))
        for name, (rows, good, bad) in kinds.items()
    )
