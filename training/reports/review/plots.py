"""Plots of a review: each measure over the last quarters with its target, and the channels' shares."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import findSystemFonts, fontManager
from matplotlib.ft2font import FT2Font
from matplotlib.ticker import FuncFormatter, MaxNLocator

from diagnosis.review import Words
from training.reports.plots import BLUE, GREY, PALE, RED, STYLE, svg_of

Content = Mapping[str, Any]
ACROSS = 3  # small plots side by side
RESOLUTION = 200  # dots an inch of pictures
_CHINESE = re.compile(
    r"(NotoSans|SourceHanSans)\w*(CJK|SC|CN)?.*Regular|wqy-|msyh|PingFang|STHeiti|simhei|DroidSansFallback",
    re.IGNORECASE,
)


@cache
def chinese_font() -> str:
    """Return a font of this machine that has Chinese characters; empty where there is none."""
    for path in sorted(findSystemFonts()):
        if _CHINESE.search(Path(path).name) and _has_chinese(path):
            fontManager.addfont(path)
            return fontManager.ttflist[-1].name
    return ""


def _has_chinese(path: str) -> bool:
    try:
        return bool(FT2Font(path).get_char_index(ord("率")))
    except (OSError, RuntimeError):  # a font that matplotlib cannot read
        return False


def trends(content: Content, words: Words) -> Figure | None:
    """Return a small plot for each measure that has two quarters or more; None where none has."""
    drawn = [measure for measure in content["measures"] if len(measure["trend"]) > 1]
    if not drawn:
        return None
    down = -(-len(drawn) // ACROSS)
    figure = Figure(figsize=(9.6, 2.3 * down), layout="constrained")
    grid = np.atleast_1d(figure.subplots(down, ACROSS, squeeze=False)).ravel()
    for axes, measure in zip(grid, drawn, strict=False):
        _trend(axes, measure, words)
    for axes in grid[len(drawn) :]:
        axes.set_axis_off()
    return figure


def channels(content: Content, words: Words) -> Figure | None:
    """Return the channels' shares now, a quarter before and a year before; None without channels."""
    rows = [row for row in content["voice"]["channels"] if row["share"] is not None]
    if not rows:
        return None
    names = [words("channel", row["channel"]) for row in rows]
    series = {content["quarter"]: [row["share"] for row in rows]}
    for compared, quarter in (("previous", content["previous_quarter"]), ("year_before", content["year_before"])):
        if any(row[compared] for row in rows):  # a quarter without records has no bars to explain
            series[quarter] = [row[compared]["share"] if row[compared] else 0 for row in rows]
    figure = Figure(figsize=(8.4, 0.5 * len(rows) + 0.9), layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(rows))
    for step, (label, colour) in enumerate(zip(series, (BLUE, PALE, GREY), strict=False)):
        axes.barh(places + 0.26 * (step - 1), series[label], height=0.24, color=colour, label=label)
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _place: f"{value:.0%}"))
    axes.legend(frameon=False, loc="lower right")
    return figure


def _trend(axes: Axes, measure: Content, words: Words) -> None:
    points: Sequence[Content] = measure["trend"]
    factor = 1 if measure["unit"] == "hours" else 100
    values = np.array([point["value"] for point in points]) * factor
    bounds = np.array([point["interval"] for point in points]).T * factor
    places = np.arange(len(points))
    ends = np.clip([values - bounds[0], bounds[1] - values], 0, None)
    axes.errorbar(places, values, ends, fmt="o-", color=BLUE, ecolor=PALE, elinewidth=4, ms=4, lw=1.4)
    if measure["target"] is not None:
        axes.axhline(measure["target"] * factor, color=RED, lw=1, ls="--")
    axes.set_title(words("measure", measure["name"]), fontsize=10)
    axes.set_xticks(places, [point["quarter"][2:] for point in points], fontsize=8.5)
    axes.yaxis.set_major_locator(MaxNLocator(4))
    suffix = " h" if measure["unit"] == "hours" else "%"
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _place: f"{value:g}{suffix}"))


PLOTS = {"trends": trends, "channels": channels}


def drawing(name: str, content: Content, words: Words) -> str:
    """Return a plot as an SVG element; empty where there is nothing to draw."""
    with mpl.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph \d+")  # text stays text: the reader's browser has the fonts
        figure = PLOTS[name](content, words)
        return "" if figure is None else svg_of(figure)


def picture(name: str, content: Content, words: Words) -> bytes:
    """Return a plot as a PNG; empty where there is nothing to draw. Without a Chinese font its words are English."""
    font = chinese_font() if words.language == "zh" else ""
    shown = Words("en") if words.language == "zh" and not font else words
    with mpl.rc_context(STYLE | {"font.family": [*filter(None, [font]), "DejaVu Sans"]}):
        figure = PLOTS[name](content, shown)
        if figure is None:
            return b""
        stream = io.BytesIO()
        figure.savefig(stream, format="png", dpi=RESOLUTION)
        return stream.getvalue()
