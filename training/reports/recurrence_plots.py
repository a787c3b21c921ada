"""Plots of recurrence: were the risks true, did they rank, and how often did faults come back."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.ticker import PercentFormatter

from diagnosis.recurrence.scores import HorizonScores
from training.command_line.wording import ENGLISH, Wording
from training.reports.plots import BLUE, GREY, PALE, RED, STYLE, axes_of, svg_of

_COLOURS = (BLUE, "#d08a1d", "#3b8f6b", RED, GREY)


def calibration(scores: Sequence[HorizonScores], t: Wording = ENGLISH) -> str:
    """Return the Kaplan-Meier share that recurred against the predicted risk, in bins of equal size by risk."""
    greatest = max(max(predicted, share) for score in scores for predicted, share, _ in score.calibration)
    top = min(1.05 * greatest, 1.02)
    with mpl.rc_context(STYLE):
        figure, axes = axes_of(
            t("Calibration of recurrence"), t("predicted risk"), t("share that recurred (Kaplan-Meier)")
        )
        axes.plot([0, 1], [0, 1], color=GREY, lw=1, ls="--")
        for score, colour in zip(scores, _COLOURS, strict=False):
            predicted, share = ([point[i] for point in score.calibration] for i in (0, 1))
            # No line: between bins of a few incidents it would draw jumps that mean nothing.
            axes.plot(
                predicted, share, "o", color=colour, ms=5, alpha=0.85, label=t("{} days", score.days), clip_on=False
            )
        axes.set(xlim=(0, top), ylim=(0, top))
        axes.legend(frameon=False, loc="upper left")
        return svg_of(figure)


def discrimination(scores: Sequence[HorizonScores], t: Wording = ENGLISH) -> str:
    """Return the time-dependent AUC of each horizon's risk by the day at which recurrence is looked at."""
    with mpl.rc_context(STYLE):
        figure, axes = axes_of(t("Discrimination of recurrence"), t("days after the origin"), t("time-dependent AUC"))
        for score, colour in zip(scores, _COLOURS, strict=False):
            days, auc = ([point[i] for point in score.auc_by_day] for i in (0, 1))
            axes.plot(days, auc, "o-", color=colour, ms=3, lw=1.2, label=t("risk within {} days", score.days))
        axes.axhline(0.5, color=GREY, lw=1, ls="--")
        worst = min((auc for score in scores for _, auc in score.auc_by_day), default=0.5)
        axes.set(ylim=(max(min(0.45, worst - 0.03), 0), 1.005), xlim=(0, None))
        axes.legend(frameon=False, loc="upper right")
        return svg_of(figure)


def rate_by_month(rates: pd.DataFrame, days: int, target: float, t: Wording = ENGLISH) -> str:
    """Return each month's corrected recurrence rate with its band, and the naive one beside it.

    A month of which nobody was watched long enough has no corrected rate, but it has a naive one: that is the month
    that looks best.
    """
    rows = rates[rates["days"] == days].reset_index(drop=True)
    months, estimated = np.arange(len(rows)), rows["rate"].notna().to_numpy()
    rate, lower, upper = (rows[name].to_numpy(float) for name in ("rate", "lower", "upper"))
    with mpl.rc_context(STYLE):
        figure, axes = axes_of(t("Recurrence within {} days, by month of opening", days), "", t("share that recurred"))
        ends = np.array([rate - lower, upper - rate])[:, estimated]
        axes.errorbar(months[estimated], rate[estimated], yerr=ends, fmt="none", ecolor=PALE, elinewidth=5, zorder=1)
        axes.plot(
            months[estimated],
            rate[estimated],
            "o-",
            color=BLUE,
            ms=4,
            lw=1.2,
            label=t("corrected for the time observed, with its 95 % band"),
        )
        axes.plot(
            months, rows["naive"].to_numpy(float), "s:", color=GREY, ms=3, lw=1, label=t("uncorrected, always too low")
        )
        axes.axhline(target, color=RED, lw=1, ls="--", label=t("target {}", f"{target:.0%}"))
        step = max(len(rows) // 8, 1)
        axes.set_xticks(months[::step], [str(name) for name in rows["group"].iloc[::step]], rotation=30, ha="right")
        tallest = np.nanmax(np.concatenate([upper, rows["naive"].to_numpy(float), [target]]))
        axes.set(ylim=(0, 1.3 * tallest), xlim=(-0.5, len(rows) - 0.5))
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.legend(frameon=False, loc="upper left", ncols=2, fontsize=8.5)
        return svg_of(figure)
