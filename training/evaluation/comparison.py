"""Comparison: two releases on the same later incidents, figure by figure, with paired intervals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from diagnosis.arrays import Floats, Labels, Rows
from diagnosis.diagnoser import Diagnoser
from diagnosis.phrases import Phrase
from diagnosis.recurrence.outcomes import CensoredOutcomes
from diagnosis.recurrence.scores import ipcw
from diagnosis.routing.calibration import expected_calibration_error
from diagnosis.routing.labels import label_key
from training.command_line.output import as_json
from training.evaluation.bootstrap import Interval, bootstrap_macro_f1, bootstrap_mean
from training.evaluation.held_out import HeldOut
from training.evaluation.predictions import SEARCH_DEPTH, Predictions, TargetPredictions, recurrence_outcomes

Slice = Literal["all", "language", "class"]
# Codes of the figures that the gate judges.
ACCURACY, SEARCH_RECALL, BRIER = "figure_accuracy", "figure_search_recall", "figure_brier"
FEWEST_IN_GROUP = 50  # rows; of a smaller language or class nothing can be said


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of both releases over the same rows.

    Attributes
    ----------
    name : Phrase
        What was measured; its code says which figure it is.
    slice, group : str
        Of which kind of rows, and which of them (``""`` for all).
    n : int
        Rows.
    a, b : float
        The figure of each release.
    difference, lower, upper, deviation : float
        ``b - a`` with its 95 % paired bootstrap interval and standard deviation.
    higher_is_better : bool
    """

    name: Phrase
    slice: Slice
    group: str
    n: int
    a: float
    b: float
    difference: float
    lower: float
    upper: float
    deviation: float
    higher_is_better: bool = True

    @property
    def label(self) -> Phrase:
        """What was measured, and of which rows."""
        if self.slice == "language":
            return Phrase("figure_of_language", {"figure": self.name, "language": self.group})
        return Phrase("figure_of_class", {"figure": self.name, "value": self.group}) if self.group else self.name


@dataclass(frozen=True)
class Comparison:
    """Two releases, held against each other.

    Attributes
    ----------
    live, recorded, left_out : int
        Incidents that release A answered itself as it had not seen them; those that A's own evaluation model had
        answered before A learned from them; those that only a release that knew the answer could have answered.
    notes : tuple of Phrase
        What could not be compared, and why.
    labelled : mapping of str to int
        By target that both predict, the compared incidents whose right answer is known.
    """

    a: str
    b: str
    live: int
    recorded: int
    left_out: int
    figures: tuple[Figure, ...]
    notes: tuple[Phrase, ...]
    labelled: Mapping[str, int] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Incidents compared."""
        return self.live + self.recorded

    @property
    def basis(self) -> Phrase:
        """On what the comparison stands."""
        basis = Phrase("compared_on", {"n": self.rows})
        if self.recorded:
            recorded = {"n": self.rows, "recorded": self.recorded, "release": self.a}
            basis = Phrase("compared_on_recorded", recorded)
        if not self.left_out:
            return basis
        without = Phrase("compared_without", {"n": self.left_out, "release": self.a})
        return Phrase("several", {"phrases": (basis, without)})

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        basis = {"basis": str(self.basis), "basis_phrase": self.basis.to_dict()}
        return {**as_json(self), "rows": self.rows, **basis}


def compare(a: Diagnoser, predictions: Predictions | None, b: str, held_out: HeldOut) -> Comparison:
    """Compare release A with the predictions of B, on rows that neither had seen.

    Parameters
    ----------
    a : Diagnoser
        The release to compare with.
    predictions : Predictions or None
        What A predicts of the slice, as `training.evaluation.held_out.honest_predictions` returns it.
    b : str
        Name of the other release.
    held_out : HeldOut
        Incidents with the predictions of B, which had not seen them.
    """
    if predictions is None:
        reason = Phrase("compared_nothing", {"release": a.release})
        return Comparison(a.release, b, 0, 0, len(held_out), (), (reason,))
    rows = np.flatnonzero(np.isin(held_out.predictions.number, predictions.number))
    theirs = held_out.predictions.take(rows)
    ours = predictions.select(theirs.number)
    live = int((~np.isin(ours.number, a.parts.history.frame()["number"].to_numpy(dtype=object))).sum())
    notes: list[Phrase] = []
    figures = [
        *_routing(ours, theirs, notes),
        *_search(ours, theirs, notes),
        # CensoredOutcomes are read off the whole slice: an incident that is left out may be another one's recurrence.
        *_recurrence(ours, rows, held_out, (a.release, b), notes),
    ]
    left_out = len(held_out) - len(rows)
    labelled = {name: int(_common_rows(ours, theirs, name).sum()) for name in theirs.targets if name in ours.targets}
    return Comparison(a.release, b, live, len(rows) - live, left_out, tuple(figures), tuple(notes), labelled)


def _common_rows(a: Predictions, b: Predictions, target: str) -> npt.NDArray[np.bool_]:
    """Return which rows A answers and B has a right answer for."""
    return a.targets[target].answered & b.targets[target].labelled


def _routing(a: Predictions, b: Predictions, notes: list[Phrase]) -> Iterator[Figure]:
    alone = sorted({*a.targets} ^ {*b.targets})
    notes += [Phrase("compared_one_target", {"target": target}) for target in alone]
    for name, theirs in b.targets.items():
        if name not in a.targets:
            continue
        ours = a.targets[name]
        rows = _common_rows(a, b, name)
        if rows.any():
            yield from _target_figures(name, ours.take(rows), theirs.take(rows), b.language[rows])


def _target_figures(name: str, a: TargetPredictions, b: TargetPredictions, language: Labels) -> Iterator[Figure]:
    """Yield the figures of one target; the truth is that of B, for A may not have known the class."""
    truth = _keys(b.truth)
    values = _keys(a.value), _keys(b.value)
    correct = [(value == truth) * 1.0 for value in values]
    target = {"target": name}
    accuracy = Phrase(ACCURACY, target)
    yield _figure(accuracy, "all", "", *correct)
    yield _of(Phrase("figure_macro_f1", target), "all", "", len(truth), *bootstrap_macro_f1(truth, *values))
    yield from _grouped(accuracy, "language", language, *correct)
    yield from _grouped(accuracy, "class", b.truth, *correct)
    yield _figure(
        Phrase("figure_automatic", target), "all", "", *[side.automatic.astype(np.float64) for side in (a, b)]
    )
    errors = [
        expected_calibration_error(side.probability, hits == 1.0) for side, hits in zip((a, b), correct, strict=True)
    ]
    yield _plain(Phrase("figure_calibration_error", target), len(truth), *errors)


def _keys(labels: Labels) -> Labels:
    return np.array([label_key(label) for label in labels], dtype=object)


def _grouped(name: Phrase, kind: Slice, groups: npt.NDArray[np.object_], a: Floats, b: Floats) -> Iterator[Figure]:
    names, counts = np.unique(groups.astype(str), return_counts=True)
    for group in names[np.argsort(-counts, kind="stable")]:
        rows = groups == group
        if rows.sum() >= FEWEST_IN_GROUP:
            yield _figure(name, kind, str(group), a[rows], b[rows])


def _search(a: Predictions, b: Predictions, notes: list[Phrase]) -> Iterator[Figure]:
    # An article that one of the two does not hold says nothing about how well it searches.
    shared = b.search.labelled & (a.search.article == b.search.article)
    if not shared.any():
        notes.append(Phrase("search_not_compared"))
        return
    for k in (1, SEARCH_DEPTH):
        hits = [(side.search.rank[shared] <= k) * 1.0 for side in (a, b)]
        yield _figure(Phrase(SEARCH_RECALL, {"k": k}), "all", "", *hits)


def _recurrence(
    a: Predictions, rows: Rows, held_out: HeldOut, names: tuple[str, str], notes: list[Phrase]
) -> Iterator[Figure]:
    """Yield the Brier score at each shared horizon; ``rows`` are those of the held-out incidents that A answers."""
    ours, theirs = a.recurrence, held_out.predictions.recurrence
    horizons = [] if ours is None or theirs is None else [h for h in theirs.horizons if h in ours.horizons]
    if ours is None or theirs is None or not horizons:
        notes.append(Phrase("recurrence_not_compared"))
        return
    if ours.signature != theirs.signature:
        releases = dict(zip(("a", "b"), names, strict=True))
        signatures = {"a_fields": tuple(ours.signature), "b_fields": tuple(theirs.signature)}
        notes.append(Phrase("recurrence_signatures_differ", {**releases, **signatures}))
        return
    watched = recurrence_outcomes(held_out.predictions, held_out.incidents, held_out.as_of)
    if watched is None:
        notes.append(Phrase("recurrence_not_compared_undated"))
        return
    dated, outcomes = watched
    for days in horizons:
        risk = np.full(len(held_out), np.nan)
        risk[rows] = ours.within(days)
        figure = _brier(days, risk[dated], theirs.within(days)[dated], outcomes)
        if isinstance(figure, Phrase):
            notes.append(figure)
        else:
            yield figure


def _brier(days: int, a: Floats, b: Floats, outcomes: CensoredOutcomes) -> Figure | Phrase:
    """Return the censoring-weighted Brier scores of two risks, or why they say nothing."""
    weight = ipcw(outcomes, days)
    rows = (weight > 0) & np.isfinite(a) & np.isfinite(b)
    # Before anybody was watched that long the only known outcomes are recurrences, and they say nothing.
    followed = int((rows & (outcomes.observed >= days)).sum())
    if followed < FEWEST_IN_GROUP:
        return Phrase("recurrence_horizon_not_compared", {"days": days, "n": followed, "needed": FEWEST_IN_GROUP})
    recurred = (outcomes.recurred & (outcomes.duration <= days))[rows]
    share = weight[rows] / weight[rows].mean()
    losses = [share * (recurred - risk[rows]) ** 2 for risk in (a, b)]
    return _figure(Phrase(BRIER, {"days": days}), "all", "", *losses, higher_is_better=False)


def _figure(name: Phrase, kind: Slice, group: str, a: Floats, b: Floats, *, higher_is_better: bool = True) -> Figure:
    figure = _of(name, kind, group, len(a), float(a.mean()), float(b.mean()), bootstrap_mean(b - a))
    return replace(figure, higher_is_better=higher_is_better)


def _of(name: Phrase, kind: Slice, group: str, n: int, a: float, b: float, gap: Interval) -> Figure:
    return Figure(name, kind, group, n, a, b, gap.mean, gap.lower, gap.upper, gap.deviation)


def _plain(name: Phrase, n: int, a: float, b: float) -> Figure:
    """Return a figure that is no mean over rows, so its difference has no paired interval here."""
    unknown = float("nan")
    return Figure(name, "all", "", n, a, b, b - a, unknown, unknown, unknown, higher_is_better=False)
