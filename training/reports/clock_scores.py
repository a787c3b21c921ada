"""How true the risks of the clocks were on held-out incidents: scores, and what was said against what came."""

from __future__ import annotations

from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
import pandas as pd
from sklearn.metrics import brier_score_loss, roc_auc_score

from diagnosis.arrays import Bools, Floats
from diagnosis.incident import IncidentBatch
from diagnosis.service_levels import ServiceLevelRules
from diagnosis.service_levels.clocks import ClockTimes, due_times
from diagnosis.service_levels.rules import CLOCKS
from training.command_line.wording import ENGLISH, Wording
from training.evaluation.held_out import HeldOut
from training.reports.plots import BLUE, GREY, PALE, STYLE, axes_of, svg_of
from training.reports.tables import Share, share

FEWEST, _BINS = 30, 8


@dataclass(frozen=True)
class ClockScores:
    """One clock on held-out incidents whose due time has passed.

    Attributes
    ----------
    late : Share
        That was answered, or restored, too late or not at all.
    mean : float
        Mean of the probabilities.
    brier : float
    auc : float or None
        None where all, or none, were late.
    plot : str
    """

    name: str
    late: Share
    mean: float
    brier: float
    auc: float | None
    plot: str


def clock_scores(held_out: HeldOut, rules: ServiceLevelRules, t: Wording = ENGLISH) -> list[ClockScores]:
    """Return the scores of each clock that enough held-out incidents were promised."""
    if not held_out.predictions.clocks or pd.isna(held_out.as_of):
        return []
    batch = IncidentBatch.from_frame(held_out.incidents)
    end = held_out.as_of.timestamp()
    times = ClockTimes.of(batch).at(end)
    scores = []
    for name in CLOCKS:
        predicted = held_out.predictions.clocks.get(name)
        if predicted is None:
            continue
        due = due_times(rules, batch, times, name)
        is_paused = times.on_hold & np.isnan(times.ends(name))  # not late, however long it waits
        readable = times.has_clock(name, end) & ~is_paused
        # Whoever ended before a due time that is still to come is left out with those who wait for it.
        rows = np.flatnonzero(readable & np.isfinite(predicted.probability) & (due <= end))
        if len(rows) >= FEWEST:
            late = ~(times.ends(name)[rows] <= due[rows])
            scores.append(_scores(name, predicted.probability[rows], late, t))
    return scores


def _scores(name: str, probability: Floats, late: Bools, t: Wording) -> ClockScores:
    is_mixed = bool(late.any() and not late.all())
    return ClockScores(
        name,
        share(late),
        float(probability.mean()),
        float(brier_score_loss(late, probability)),
        float(roc_auc_score(late, probability)) if is_mixed else None,
        reliability(name, probability, late, t),
    )


def reliability(name: str, probability: Floats, late: Bools, t: Wording = ENGLISH) -> str:
    """Return the share that was late against the probability that was said, in bins of equal size."""
    order = np.argsort(probability, kind="stable")
    bins = np.array_split(order, min(_BINS, max(len(order) // 15, 1)))
    means = [float(probability[rows].mean()) for rows in bins]
    shares = [share(late[rows]) for rows in bins]
    ends = [[s.value - s.lower for s in shares], [s.upper - s.value for s in shares]]
    with mpl.rc_context(STYLE):
        figure, axes = axes_of(
            t("Calibration of {}", t(name)), t("probability to be late, as logged"), t("share that was late")
        )
        axes.plot([0, 1], [0, 1], color=GREY, lw=1, ls="--")
        axes.errorbar(means, [s.value for s in shares], yerr=ends, fmt="o", color=BLUE, ecolor=PALE, elinewidth=3, ms=5)
        axes.set(xlim=(0, 1.02), ylim=(0, 1.02))
        return svg_of(figure)
