"""Measures of a quarter: value, interval, verdict, and whether it changed; by service, team, type and so on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from diagnosis.review.definitions import DEFINITIONS, DIMENSIONS, Definition
from diagnosis.review.drivers import Contribution, Decomposition, contributions, decompose, join_labels
from diagnosis.review.history import ReviewHistory
from diagnosis.review.quarters import Quarter
from diagnosis.review.samples import Estimate, EstimateChange, Sample, change_of

Verdict = Literal["met", "missed", "too few", "no target", "not recorded"]
Direction = Literal["better", "worse", "no change shown", "too few"]
QUARTERS = 6  # of the trend
MOST_ROWS = 12  # of a breakdown, the largest
CHRONIC = 3  # records of a fault in both quarters before it is named
KINDS = ("type", "priority", "service")  # what makes one record harder than another


@dataclass(frozen=True, slots=True)
class QuarterComparison:
    """A measure beside its value in an earlier quarter.

    Attributes
    ----------
    difference, interval : float, pair of float or None
        Later less earlier, with its 95 % interval; None where one of the two is not known.
    changed : {"better", "worse", "no change shown", "too few"}
    """

    quarter: str
    value: float | None
    interval: tuple[float, float] | None
    n: int
    difference: float | None
    difference_interval: tuple[float, float] | None
    changed: Direction


@dataclass(frozen=True, slots=True)
class BreakdownRow:
    """A measure of the records that have one value of a dimension."""

    name: str
    value: float | None
    interval: tuple[float, float] | None
    n: int
    n_open: int
    verdict: Verdict
    previous: QuarterComparison | None


@dataclass(frozen=True, slots=True)
class Point:
    """A measure's value in one of the last quarters."""

    quarter: str
    value: float
    interval: tuple[float, float]
    n: int


@dataclass(frozen=True, slots=True)
class Driver:
    """What moved a measure since an earlier quarter."""

    decomposition: Decomposition | None
    problems: tuple[Contribution, ...]
    groups: tuple[Contribution, ...]


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure of a quarter.

    Attributes
    ----------
    n, n_open : int
        Records that it is of, and those of them that still waited when the history was known.
    verdict : str
        ``"too few"`` where the interval spans the target.
    trend : tuple of Point
        The last `QUARTERS` quarters that hold records, the reviewed one last.
    by : mapping of str to list of BreakdownRow
        By dimension, the largest first; months in order.
    """

    name: str
    unit: str
    value: float | None
    interval: tuple[float, float] | None
    n: int
    n_open: int
    target: float | None
    lower_is_better: bool
    verdict: Verdict
    previous: QuarterComparison | None = None
    year_before: QuarterComparison | None = None
    trend: tuple[Point, ...] = ()
    by: dict[str, list[BreakdownRow]] = field(default_factory=dict)
    drivers: Driver | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the measure as plain JSON values, ``previous`` being the value as the contract has it."""
        plain = asdict(self)
        comparison = plain.pop("previous")
        return plain | {"previous": comparison["value"] if comparison else None, "compared": comparison}


def measures(history: ReviewHistory, quarter: Quarter) -> list[Measure]:
    """Return every measure of a quarter, in order of `DEFINITIONS`."""
    return [_measure(history, definition, quarter) for definition in DEFINITIONS]


def _measure(history: ReviewHistory, definition: Definition, quarter: Quarter) -> Measure:
    target = history.settings.target(definition.name)
    sample = history.sample(definition.name, quarter)
    if sample is None or (definition.source != "records" and not len(sample)):  # the service was not there yet
        return Measure(
            definition.name,
            definition.unit,
            None,
            None,
            0,
            0,
            target,
            definition.lower_is_better,
            "not recorded",
        )
    estimate = sample.estimate()
    earlier = None if definition.name in history.events else history.sample(definition.name, quarter.previous)
    by_record = definition.name not in history.events
    return Measure(
        name=definition.name,
        unit=definition.unit,
        value=estimate.value if estimate else None,
        interval=_interval(estimate),
        n=len(sample),
        n_open=sample.n_open,
        target=target,
        lower_is_better=definition.lower_is_better,
        verdict=verdict_of(definition, estimate, target),
        previous=_compared(history, definition, estimate, quarter.previous),
        year_before=_compared(history, definition, estimate, quarter.year_before),
        trend=_trend(history, definition.name, quarter),
        by={name: _breakdown(history, definition, sample, earlier, name, quarter) for name in DIMENSIONS}
        if by_record
        else {"month": _months_of_events(history, definition, sample, quarter)},
        drivers=_drivers(history, sample, earlier)
        if earlier is not None and estimate and earlier.estimate() and _enough(history, sample, earlier)
        else None,
    )


def _trend(history: ReviewHistory, name: str, quarter: Quarter) -> tuple[Point, ...]:
    points: list[Point] = []
    for _ in range(QUARTERS):
        sample = history.sample(name, quarter)
        estimate = sample.estimate() if sample is not None else None
        if estimate is not None:
            points.append(Point(str(quarter), estimate.value, (estimate.lower, estimate.upper), estimate.n))
        quarter = quarter.previous
    return tuple(reversed(points))


def verdict_of(definition: Definition, estimate: Estimate | None, target: float | None, fewest: int = 1) -> Verdict:
    """Return whether the whole interval lies on the right side of the target."""
    if estimate is None:
        return "too few"
    if target is None:
        return "no target"
    if estimate.n < fewest:
        return "too few"
    lower, upper = estimate.lower, estimate.upper
    if definition.lower_is_better:
        lower, upper, target = -upper, -lower, -target
    return "met" if lower >= target else "missed" if upper < target else "too few"


def direction_of(definition: Definition, change: EstimateChange) -> Direction:
    """Return whether a change is one, and for the better."""
    if not change.changed:
        return "no change shown"
    return "better" if (change.difference < 0) == definition.lower_is_better else "worse"


def _compared(
    history: ReviewHistory, definition: Definition, estimate: Estimate | None, quarter: Quarter
) -> QuarterComparison | None:
    sample = history.sample(definition.name, quarter)
    if sample is None or not len(sample):
        return None
    return _comparison(history, definition, estimate, sample.estimate(), str(quarter))


def _comparison(
    history: ReviewHistory,
    definition: Definition,
    later: Estimate | None,
    earlier: Estimate | None,
    quarter: str,
    comparisons: int = 1,
) -> QuarterComparison:
    if later is None or earlier is None:
        value = earlier.value if earlier else None
        return QuarterComparison(quarter, value, _interval(earlier), earlier.n if earlier else 0, None, None, "too few")
    change = change_of(later, earlier, comparisons)
    enough = min(later.n, earlier.n) >= history.settings.fewest_of(definition.name)
    direction: Direction = direction_of(definition, change) if enough else "too few"
    return QuarterComparison(
        quarter,
        earlier.value,
        _interval(earlier),
        earlier.n,
        change.difference,
        (change.lower, change.upper),
        direction,
    )


def _breakdown(
    history: ReviewHistory,
    definition: Definition,
    sample: Sample,
    earlier: Sample | None,
    dimension: str,
    quarter: Quarter,
) -> list[BreakdownRow]:
    labels = history.teams if dimension == "assignment_group" else history.column(dimension)
    inside = labels[sample.rows]
    names = _largest(inside, by_name=dimension == "month")
    if len(names) < 2 and dimension not in ("month", "assignment_group"):  # an action is asked of a single team too
        return []
    before = labels[earlier.rows] if earlier is not None and dimension != "month" else np.array([], dtype=object)
    rows = []
    for name in names:
        part = sample.take(inside == name)
        estimate = part.estimate()
        previous = None
        if earlier is not None and dimension != "month" and (same := before == name).any():
            was = earlier.take(same).estimate()
            previous = _comparison(history, definition, estimate, was, str(quarter.previous), len(names))
        rows.append(_row(history, definition, name, estimate, part, previous))
    return rows


def _months_of_events(
    history: ReviewHistory, definition: Definition, sample: Sample, quarter: Quarter
) -> list[BreakdownRow]:
    """Return the months of what is of no record, and so of no service, team or type."""
    labels = history.event_months(definition.name, quarter)
    parts = [(name, sample.take(labels == name)) for name in np.unique(labels).tolist()]
    return [_row(history, definition, name, part.estimate(), part, None) for name, part in parts]


def _row(
    history: ReviewHistory,
    definition: Definition,
    name: str,
    estimate: Estimate | None,
    sample: Sample,
    previous: QuarterComparison | None,
) -> BreakdownRow:
    target = history.settings.target(definition.name)
    return BreakdownRow(
        name,
        estimate.value if estimate else None,
        _interval(estimate),
        len(sample),
        sample.n_open,
        verdict_of(definition, estimate, target, history.settings.fewest),
        previous,
    )


def _largest(labels: npt.NDArray[np.object_], *, by_name: bool) -> list[str]:
    counts = pd.Series(labels[labels != ""]).value_counts()
    if by_name:
        return sorted(map(str, counts.index))
    ordered = sorted(counts.items(), key=lambda entry: (-entry[1], str(entry[0])))
    return [str(name) for name, _ in ordered[:MOST_ROWS]]


def _enough(history: ReviewHistory, *samples: Sample) -> bool:
    return min(map(len, samples)) >= history.settings.fewest


def _drivers(history: ReviewHistory, later: Sample, earlier: Sample) -> Driver:
    kinds = [join_labels([history.column(name)[sample.rows] for name in KINDS]) for sample in (later, earlier)]
    faults = [history.faults[sample.rows] for sample in (later, earlier)]
    groups = [history.teams[sample.rows] for sample in (later, earlier)]
    return Driver(
        decompose(later, earlier, kinds[0], kinds[1]),
        tuple(_titled(history, contributions(later, earlier, faults[0], faults[1], CHRONIC))),
        tuple(contributions(later, earlier, groups[0], groups[1])),
    )


def _titled(history: ReviewHistory, parts: Iterable[Contribution]) -> list[Contribution]:
    """Return contributions of faults under names that people read."""
    signature = history.fault_signature
    if signature is None:
        return []
    titled = []
    for part in parts:
        values = " · ".join(filter(None, signature.values(part.name).values()))
        titled.append(
            Contribution(values, part.amount, part.n_before, part.n_after, part.value_before, part.value_after)
        )
    return titled


def _interval(estimate: Estimate | None) -> tuple[float, float] | None:
    return (estimate.lower, estimate.upper) if estimate else None
