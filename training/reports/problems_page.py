"""The page of problems: ranked, each with its months, its interval and how its figures came about, in two languages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd
from markupsafe import Markup

from diagnosis.problems import Problem, ProblemReport
from training.reports.page import render

Language = Literal["en", "zh"]
MONTHS = 18  # newest months of a problem's picture
_BAR, _GAP, _HEIGHT = 5, 2, 26  # pixels

_WORDS: Mapping[str, tuple[str, str]] = {
    "title": ("Problems", "问题"),
    "lead": (
        "Chronic faults by {}, as known on {}: {:,} from {:,} incidents, {:,} of which belong to none. Those with the "
        "most preventable hours come first.",
        "按{}划分的通病，数据截至 {}：共 {:,} 个问题，来自 {:,} 条事件，其中 {:,} 条不属于任何问题。"
        "按可预防工时从多到少排列。",
    ),
    "caption": (
        "Expected: incidents within the next {} days with their 80 % interval, learned from how the faults of earlier "
        "weeks went on. Preventable: the hours that they will cost, times the share that a fix prevents.",
        "预计：未来 {} 天的事件数及其 80% 区间，由较早各周故障的延续情况学得。"
        "可预防：这些事件将损失的工时乘以修复可预防的比例。",
    ),
    "problem": ("Problem", "问题"),
    "months": ("Incidents by month", "每月事件数"),
    "incidents": ("Incidents", "事件数"),
    "episodes": ("Episodes", "发生次数"),
    "callers": ("Callers", "报障人数"),
    "hours_lost": ("Hours lost", "已损失工时"),
    "trend": ("Trend", "趋势"),
    "expected": ("Expected", "预计"),
    "expected_hours": ("Expected hours", "预计工时"),
    "preventable": ("Preventable", "可预防"),
    "workarounds": ("Workarounds", "临时措施"),
    "article": ("Article", "知识文章"),
    "record": ("Record", "问题记录"),
    "rising": ("rising", "上升"),
    "steady": ("steady", "平稳"),
    "falling": ("falling", "下降"),
    "to": ("{} to {}", "{} 至 {}"),
    "how": ("How these figures came about", "数字的由来"),
    "how_expected": (
        "{} incidents in the last 30 days, {} in the last 90; learned at {} earlier days.",
        "近 30 天 {} 条，近 90 天 {} 条；由 {} 个较早日期学得。",
    ),
    "how_hours": (
        "{:.1f} h an incident, from {} resolved and {} open; the usual is {:.1f} h.",
        "每条 {:.1f} 小时，来自 {} 条已解决、{} 条未解决；通常为 {:.1f} 小时。",
    ),
    "how_share": ("A fix prevents {:.0%} ({:.0%} to {:.0%}).", "修复可预防 {:.0%}（{:.0%} 至 {:.0%}）。"),
    "assumed": ("Assumed with caution.", "为谨慎假设。"),
    "learned": ("Learned from this history.", "由本历史学得。"),
    "how_trend": (
        "{} episodes in the last {:.0f} days, {} in the {} before: {} to {} times as often.",
        "近 {1:.0f} 天 {0} 次，此前 {3} 天 {2} 次：为此前的 {4} 至 {5} 倍。",
    ),
}


@dataclass(frozen=True, slots=True)
class Words:
    """The words of the page in one language."""

    language: Language

    def __getitem__(self, name: str) -> str:
        return _WORDS[name][self.language == "zh"]


def problems_page(
    report: ProblemReport, problems: Sequence[Problem], opened: Mapping[str, pd.Timestamp], language: Language = "en"
) -> str:
    """Return the problems as a page that opens anywhere.

    Parameters
    ----------
    opened : mapping of str to Timestamp
        When each incident was logged, by number.
    """
    pictures = {problem.id: month_bars(problem, opened, report.as_of) for problem in problems}
    longest = max((p.preventable_interval[1] for p in problems if p.preventable_interval), default=0.0)
    return render(
        "problems.html",
        report=report,
        problems=problems,
        words=Words(language),
        language=language,
        pictures=pictures,
        longest=max(longest, 1e-9),
    )


def month_bars(problem: Problem, opened: Mapping[str, pd.Timestamp], as_of: pd.Timestamp) -> Markup:
    """Return the incidents of the newest months as a picture."""
    end = as_of.year * 12 + as_of.month
    counts = [0] * MONTHS
    for number in problem.numbers:
        place = MONTHS - 1 - (end - opened[number].year * 12 - opened[number].month)
        if place >= 0:
            counts[place] += 1
    highest = max(*counts, 1)
    width = MONTHS * (_BAR + _GAP)
    bars = Markup("").join(
        Markup('<rect x="{}" y="{}" width="{}" height="{}"/>').format(
            place * (_BAR + _GAP), _HEIGHT - round(_HEIGHT * count / highest), _BAR, round(_HEIGHT * count / highest)
        )
        for place, count in enumerate(counts)
        if count
    )
    label = ", ".join(map(str, counts))
    return Markup(
        '<svg width="{0}" height="{1}" viewBox="0 0 {0} {1}" role="img" aria-label="{2}" fill="#2868b2">{3}</svg>'
    ).format(width, _HEIGHT, label, bars)
