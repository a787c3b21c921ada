"""Comparison: two releases on the same later incidents, figure by figure, with paired intervals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from diagnosis.diagnoser import Diagnoser
from diagnosis.recurrence.scores import ipcw
from diagnosis.routing.calibration import expected_calibration_error
from diagnosis.routing.labels import label_key
from training.evaluation.bootstrap import Interval, bootstrap_macro_f1, bootstrap_mean
from training.evaluation.held_out import HeldOut, answers_in
from training.evaluation.predictions import horizons_of, outcomes_of, targets_of
from training.output import without_nan

Floats = npt.NDArray[np.float64]
Slice = Literal["all", "language", "class"]
FEWEST_IN_GROUP = 50  # rows; of a smaller language or class nothing can be said


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of both releases over the same rows.

    Attributes
    ----------
    name, slice, group : str
        What was measured, of which kind of rows, and which of them (``""`` for all).
    n : int
        Rows.
    a, b : float
        The figure of each release.
    difference, lower, upper, deviation : float
        ``b - a`` with its 95 % paired bootstrap interval and standard deviation.
    higher_is_better : bool
    """

    name: str
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
    def label(self) -> str:
        """What was measured, in words."""
        return self.name if not self.group else f"{self.name}, {self.slice} {self.group}"


@dataclass(frozen=True)
class Comparison:
    """Two releases, held against each other.

    Attributes
    ----------
    live, kept, left_out : int
        Incidents that release A answered itself as it had not seen them; those that A's own evaluation model had
        answered before A learned from them; those that only a release that knew the answer could have been asked.
    notes : tuple of str
        What could not be compared, and why.
    """

    a: str
    b: str
    live: int
    kept: int
    left_out: int
    figures: tuple[Figure, ...]
    notes: tuple[str, ...]

    @property
    def rows(self) -> int:
        """Incidents compared."""
        return self.live + self.kept

    @property
    def basis(self) -> str:
        """On what the comparison stands, in words."""
        words = f"{self.rows:,} later incidents that neither had seen"
        if self.kept:
            words += f" ({self.kept:,} of them answered by {self.a}'s own evaluation model before it learned from them)"
        if self.left_out:
            words += f"; {self.left_out:,} left out, which {self.a} was trained on"
        return words

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        plain: dict[str, Any] = without_nan({**asdict(self), "rows": self.rows, "basis": self.basis})
        return plain


def compare(a: Diagnoser, a_folder: Path, b: str, slice_: HeldOut) -> Comparison:
    """Compare release A with the answers of B, on rows that neither had seen.

    Parameters
    ----------
    a : Diagnoser
        The release to compare with; it answers the rows that are not in its history.
    a_folder : Path
        Where it lies: rows that it has learned from since are answered by what it keeps of its evaluation model.
    b : str
        Name of the other release.
    slice_ : HeldOut
        Incidents that B's answers are honest on, and these answers.
    """
    return compare_answers(a, answers_in(a, a_folder, slice_.incidents, slice_.as_of), b, slice_)


def compare_answers(a: Diagnoser, answers: pd.DataFrame, b: str, slice_: HeldOut) -> Comparison:
    """Compare release A with the answers of B, where A has been asked already: see `compare`.

    Parameters
    ----------
    answers : DataFrame
        What A answers to the slice: `training.evaluation.held_out.answers_in`.
    """
    if answers.empty:
        answers = slice_.answers.iloc[:0]  # nothing in common, and the same columns
    live = int((~answers["number"].isin(a.parts.history.frame()["number"])).sum())
    ours = slice_.take(pd.Index(answers["number"]))
    answers = answers.set_index("number").loc[ours.answers["number"]].reset_index()
    notes: list[str] = []
    figures = [
        *_routing(answers, ours, notes),
        *_search(answers, ours, notes),
        # Outcomes are read off the whole slice: an incident that is left out may be another one's recurrence.
        *_recurrence(answers, slice_, a, notes),
    ]
    return Comparison(
        a.release, b, live, len(answers) - live, len(slice_.answers) - len(answers), tuple(figures), tuple(notes)
    )


def _routing(a: pd.DataFrame, b: HeldOut, notes: list[str]) -> Iterator[Figure]:
    ours, theirs = targets_of(b.answers), targets_of(a)
    notes += [f"{target} is answered by one of the two alone" for target in sorted({*ours} ^ {*theirs})]
    for target in ours:
        truth = b.answers[f"{target}|truth"]
        told = ((truth != "") & a.get(f"{target}|value", pd.Series([None] * len(a))).notna()).to_numpy(dtype=bool)
        if target not in theirs or not told.any():
            continue
        keys = truth[told].map(label_key).to_numpy()
        said = [frame[f"{target}|value"][told].map(label_key).to_numpy() for frame in (a, b.answers)]
        right = [(one == keys) * 1.0 for one in said]
        name = f"{target}: accuracy"
        yield _figure(name, "all", "", *right)
        yield _of(f"{target}: macro-F1", "all", "", int(told.sum()), *bootstrap_macro_f1(keys, said[0], said[1]))
        yield from _grouped(name, "language", b.answers["language"][told].to_numpy(), *right)
        yield from _grouped(name, "class", truth[told].to_numpy(), *right)
        automatic = [frame[f"{target}|automatic"][told].to_numpy(dtype=float) for frame in (a, b.answers)]
        yield _figure(f"{target}: automatic", "all", "", *automatic)
        errors = [
            expected_calibration_error(frame[f"{target}|probability"][told].to_numpy(dtype=float), hit == 1.0)
            for frame, hit in zip((a, b.answers), right, strict=True)
        ]
        yield _plain(f"{target}: calibration error", int(told.sum()), *errors)


def _grouped(name: str, kind: Slice, groups: npt.NDArray[np.object_], a: Floats, b: Floats) -> Iterator[Figure]:
    names, counts = np.unique(groups.astype(str), return_counts=True)
    for group in names[np.argsort(-counts, kind="stable")]:
        rows = groups == group
        if rows.sum() >= FEWEST_IN_GROUP:
            yield _figure(name, kind, str(group), a[rows], b[rows])


def _search(a: pd.DataFrame, b: HeldOut, notes: list[str]) -> Iterator[Figure]:
    article = b.answers["search|article"]
    # An article that one of the two does not hold says nothing about how well it searches.
    both = ((article != "") & (a["search|article"].to_numpy() == article.to_numpy())).to_numpy()
    if not both.any():
        notes.append("search was not compared: no incident names an article that both releases hold")
        return
    ranks = [frame["search|rank"][both].to_numpy(dtype=float) for frame in (a, b.answers)]
    for k in (1, 10):
        yield _figure(f"search: recall at {k}", "all", "", *[(rank <= k) * 1.0 for rank in ranks])


def _recurrence(a: pd.DataFrame, b: HeldOut, diagnoser: Diagnoser, notes: list[str]) -> Iterator[Figure]:
    model = diagnoser.parts.recurrence
    horizons = [days for days in horizons_of(b.answers) if days in horizons_of(a)]
    if model is None or not horizons:
        notes.append("recurrence was not compared: one of the two has no model of it, or they share no horizon")
        return
    if tuple(model.signature_.fields) != b.signature:
        notes.append(
            f"recurrence was not compared: the same fault is {', '.join(model.signature_.fields)} for "
            f"{diagnoser.release} and {', '.join(b.signature)} for the other"
        )
        return
    numbers, seen = outcomes_of(b.incidents, b.signature, b.as_of)
    for days in horizons:
        risks = [f.set_index("number")[f"recurrence|{days}"].reindex(numbers).to_numpy(float) for f in (a, b.answers)]
        weight = ipcw(seen, days)
        told = (weight > 0) & np.isfinite(risks[0]) & np.isfinite(risks[1])
        # Before anybody was watched that long the only known outcomes are recurrences, and they say nothing.
        followed = int((told & (seen.observed >= days)).sum())
        if followed < FEWEST_IN_GROUP:
            notes.append(
                f"recurrence within {days} days was not compared: {followed} incidents were watched that long, "
                f"{FEWEST_IN_GROUP} are needed"
            )
            continue
        came = (seen.recurred & (seen.duration <= days))[told]
        share = weight[told] / weight[told].mean()
        losses = [share * (came - risk[told]) ** 2 for risk in risks]
        yield _figure(f"recurrence in {days} days: Brier", "all", "", *losses, higher_is_better=False)


def _figure(name: str, kind: Slice, group: str, a: Floats, b: Floats, *, higher_is_better: bool = True) -> Figure:
    figure = _of(name, kind, group, len(a), float(a.mean()), float(b.mean()), bootstrap_mean(b - a))
    return replace(figure, higher_is_better=higher_is_better)


def _of(name: str, kind: Slice, group: str, n: int, a: float, b: float, gap: Interval) -> Figure:
    return Figure(name, kind, group, n, a, b, gap.mean, gap.lower, gap.upper, gap.deviation)


def _plain(name: str, n: int, a: float, b: float) -> Figure:
    """Return a figure that is no mean over rows, so its difference has no paired interval here."""
    unknown = float("nan")
    return Figure(name, "all", "", n, a, b, b - a, unknown, unknown, unknown, higher_is_better=False)
