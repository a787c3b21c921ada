"""Plots of a report, as SVG that stands in the page.

They hold numbers and our own words; names that come from the data stand in tables, where the reader's browser has the
fonts for them.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from training.command_line.wording import ENGLISH, Wording
from training.evaluation.predictions import TargetPredictions
from training.reports.tables import share, wilson

BLUE, GREY, RED, PALE = "#2868b2", "#8a949e", "#b3261e", "#c9dcf2"
_BINS = 10
# Text stays text: the page's own fonts, selectable, and a tenth of the size.
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "faultwise",
    "font.size": 10.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.grid": True,
    "grid.color": "#eceff3",
    "axes.axisbelow": True,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
}


def reliability(labelled: TargetPredictions, t: Wording = ENGLISH) -> str:
    """Return how often answers were right against how probable they were said to be, in bins of equal size."""
    order = np.argsort(labelled.probability, kind="stable")
    bins = [rows for rows in np.array_split(order, min(_BINS, len(order))) if len(rows)]
    probabilities = [float(labelled.probability[rows].mean()) for rows in bins]
    shares = [share(labelled.correct[rows]) for rows in bins]
    values = [s.value for s in shares]
    ends = [[s.value - s.lower for s in shares], [s.upper - s.value for s in shares]]
    with mpl.rc_context(STYLE):
        figure, axes = axes_of(t("Reliability"), t("predicted probability"), t("share that was right"))
        axes.plot([0, 1], [0, 1], color=GREY, lw=1, ls="--")
        axes.errorbar(probabilities, values, yerr=ends, fmt="o", color=BLUE, ecolor=PALE, elinewidth=3, ms=5)
        axes.set(xlim=(0, 1.02), ylim=(0, 1.02))
        return svg_of(figure)


def precision_coverage(labelled: TargetPredictions, t: Wording = ENGLISH) -> str:
    """Return the precision of the answers above each probability against their share, with what is automatic."""
    order = np.argsort(-labelled.probability, kind="stable")
    counts = np.arange(1, len(order) + 1)
    precision = np.cumsum(labelled.correct[order]) / counts
    points = np.unique(np.linspace(min(9, len(order) - 1), len(order) - 1, 300).astype(int))
    coverage = counts[points] / len(order)
    lower, upper = wilson(precision[points], counts[points])
    lowest = min(float(precision[points].min()), labelled.precision) - 0.05
    with mpl.rc_context(STYLE):
        figure, axes = axes_of(
            t("Precision against coverage"), t("share of incidents answered"), t("share of these that is right")
        )
        axes.fill_between(coverage, lower, upper, color=PALE, lw=0, alpha=0.6)
        axes.plot(coverage, precision[points], color=BLUE, lw=1.8, label=t("above a probability"))
        axes.axhline(
            labelled.precision, color=GREY, lw=1, ls="--", label=t("promised, {}", f"{labelled.precision:.0%}")
        )
        if labelled.automatic.any():
            _mark_automatic(axes, labelled, t("certified"))
        axes.set(xlim=(0, 1.02), ylim=(max(lowest, 0), 1.01))
        axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
        axes.legend(frameon=False, loc="lower left")
        return svg_of(figure)


def _mark_automatic(axes: Axes, labelled: TargetPredictions, label: str) -> None:
    """Mark the share and precision of the automatic answers, with its interval."""
    right = share(labelled.decision_correct[labelled.automatic])
    ends = [[right.value - right.lower], [right.upper - right.value]]
    coverage = float(labelled.automatic.mean())
    axes.errorbar([coverage], [right.value], yerr=ends, fmt="D", color=RED, capsize=3, label=label)


def learning_curve(points: Sequence[Mapping[str, float | str]], labelled: int, t: Wording = ENGLISH) -> str:
    """Return accuracy on the later incidents, ``labelled`` of them, against the number learned from."""
    counts, accuracy = (np.array([float(point[name]) for point in points]) for name in ("incidents", "accuracy"))
    lower, upper = wilson(accuracy, labelled)
    with mpl.rc_context(STYLE):
        figure, axes = axes_of(t("Learning curve"), t("incidents learned from"), t("accuracy on later incidents"))
        axes.set_xscale("log")
        axes.errorbar(
            counts, accuracy, [accuracy - lower, upper - accuracy], fmt="o-", color=BLUE, ecolor=PALE, elinewidth=3
        )
        axes.set_xticks(counts, [f"{n:,.0f}" for n in counts])
        axes.minorticks_off()
        axes.set(ylim=(max(lower.min() - 0.02, 0), min(upper.max() + 0.02, 1.005)))
        axes.yaxis.set_major_formatter("{x:.2f}")
        return svg_of(figure)


def axes_of(title: str, across: str, up: str) -> tuple[Figure, Axes]:
    """Return an empty plot with its title and what its axes mean."""
    figure = Figure(figsize=(5.2, 3.7), layout="constrained")
    axes = figure.subplots()
    axes.set(title=title, xlabel=across, ylabel=up)
    return figure, axes


def svg_of(figure: Figure) -> str:
    """Return a plot as an SVG element."""
    buffer = io.StringIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph \d+")  # text stays text: the reader's browser has the fonts
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]
