"""The page of surges: when each would have been announced, its course beside what is usual, and what it joined."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import pandas as pd
from markupsafe import Markup

from training.reports.page import render

Language = Literal["en", "zh"]
_BAR, _GAP, _HEIGHT = 9, 2, 90  # pixels
_MOST_STEPS = 72  # of twenty minutes: a day
_MOST_TITLES = 8

_WORDS: Mapping[str, tuple[str, str]] = {
    "title": ("Surges", "事件突增"),
    "comma": (", ", "，"),
    "between": (", ", "、"),
    "colon": (": ", "："),
    "lead": (
        "{} announced between {} and {}, of {:,} incidents; false alarms that are accepted: at most {:g} a month. "
        "The first two weeks are only learned from. Times are of {}.",
        "{1} 至 {2} 共发出 {0} 次预警，数据含 {3:,} 条事件；误报每月平均不超过 {4:g} 次。最初两周只用于学习。"
        "时间为 {5} 时区。",
    ),
    "none": ("Nothing would have been announced.", "不会发出任何预警。"),
    "by_month": ("Announcements by month", "每月预警数"),
    "surge": ("Surge", "突增"),
    "major_incident": ("Likely major incident", "疑似重大事件"),
    "silence": ("No incidents came in", "没有事件进入"),
    "everything": ("all incidents", "全部事件"),
    "service": ("service", "服务"),
    "cmdb_ci": ("configuration item", "配置项"),
    "location": ("location", "地点"),
    "category": ("category", "分类"),
    "word": ("word", "词语"),
    "announced": ("Announced", "发出预警"),
    "since": ("since {}", "自 {} 起"),
    "over": ("over {}", "{} 结束"),
    "not_over": ("not over at the end", "数据截止时未结束"),
    "counts": (
        "{} where {} are usual; {} incidents and {} alerts in the end",
        "{} 起，平时 {} 起；最终关联 {} 起事件、{} 条告警",
    ),
    "silent": ("{:.1f} are usual in that time", "该时段平时应有 {:.1f} 起"),
    "services": ("Services", "受影响的服务"),
    "item": ("Likely item", "可能的配置项"),
    "change": ("Likely change", "可能的变更"),
    "past": ("Earlier ones here: {}", "此处以往 {} 次"),
    "incidents": ("Joined incidents", "关联的事件"),
    "picture": ("Count every 20 minutes; the line is what is usual", "每 20 分钟事件数；折线为平时水平"),
    "more": ("and {} more", "另有 {} 起"),
}


def surges_page(
    surges: Sequence[Mapping[str, Any]], frame: pd.DataFrame, zone: str, rate: float, language: Language = "en"
) -> str:
    """Return the page of a replay.

    Parameters
    ----------
    surges : sequence of mapping
        As `diagnosis.surges.replay.replay_surges` returns them.
    frame : DataFrame
        The incidents that were replayed.
    zone : str
        In which times are shown.
    rate : float
        False alarms a month.
    """
    words = {name: forms[0 if language == "en" else 1] for name, forms in _WORDS.items()}
    titles = dict(zip(frame["number"], frame["short_description"], strict=True))
    first, last = (moment.tz_convert(zone) for moment in (frame["opened_at"].min(), frame["opened_at"].max()))
    lead = words["lead"].format(
        len(surges), f"{first:%Y-%m-%d}", f"{last:%Y-%m-%d}", int(frame["opened_at"].notna().sum()), rate, zone
    )
    rows = [_row(surge, titles, zone) for surge in surges]
    return render(
        "surges.html", language=language, words=words, lead=lead, surges=rows, months=_months(surges, first, last, zone)
    )


def _row(surge: Mapping[str, Any], titles: Mapping[str, str], zone: str) -> dict[str, Any]:
    numbers = surge["numbers"]
    return {
        **surge,
        "at": in_zone(surge["at"], zone),
        "since": in_zone(surge["since"], zone),
        "over_at": in_zone(surge["over_at"], zone) if surge["over_at"] else "",
        "usual": usual_text(surge["expected"]),
        "titles": [(number, titles.get(number, "")) for number in numbers[:_MOST_TITLES]],
        "further": max(0, len(numbers) - _MOST_TITLES),
        "picture": _picture(surge["course"], zone),
    }


def usual_text(expected: float) -> str:
    """Return how many are usual; a few hundredths are not none."""
    return f"{expected:.1f}" if expected >= 0.05 else "<0.1"


def _months(
    surges: Sequence[Mapping[str, Any]], first: pd.Timestamp, last: pd.Timestamp, zone: str
) -> list[tuple[str, int]]:
    counts = Counter(f"{pd.Timestamp(surge['at']).tz_convert(zone):%Y-%m}" for surge in surges)
    months = pd.period_range(first.strftime("%Y-%m"), last.strftime("%Y-%m"), freq="M")
    return [(str(month), counts.get(str(month), 0)) for month in months]


def _picture(course: Sequence[Sequence[float]], zone: str) -> Markup:
    """Return the course as bars, with a line of what is usual."""
    steps = course[:_MOST_STEPS]
    if not steps:
        return Markup()
    tallest = max(max(count, usual) for _, count, usual in steps) or 1
    width = len(steps) * (_BAR + _GAP)
    bars, points = [], []
    for place, (at, count, usual) in enumerate(steps):
        height = _HEIGHT * count / tallest
        left = place * (_BAR + _GAP)
        label = f"{pd.Timestamp(at, unit='s', tz='UTC').tz_convert(zone):%m-%d %H:%M}: {count:g} ({usual:.1f})"
        bars.append(
            Markup('<rect x="{}" y="{:.1f}" width="{}" height="{:.1f}"><title>{}</title></rect>').format(
                left, _HEIGHT - height, _BAR, height, label
            )
        )
        points.append(f"{left + _BAR / 2:.1f},{_HEIGHT - _HEIGHT * usual / tallest:.1f}")
    text = Markup('<text x="0" y="{}">{}</text><text x="{}" y="{}" text-anchor="end">{}</text>').format(
        _HEIGHT + 14, _clock(steps[0][0], zone), width, _HEIGHT + 14, _clock(steps[-1][0], zone)
    )
    line = Markup('<polyline points="{}"/>').format(" ".join(points))
    return Markup('<svg class="course" viewBox="0 -4 {} {}" width="{}" role="img">{}{}{}</svg>').format(
        width, _HEIGHT + 22, width, Markup().join(bars), line, text
    )


def _clock(at: float, zone: str) -> str:
    return f"{pd.Timestamp(at, unit='s', tz='UTC').tz_convert(zone):%H:%M}"


def in_zone(moment: str, zone: str) -> str:
    """Return a moment to the minute, as clocks of a time zone show it."""
    return f"{pd.Timestamp(moment).tz_convert(zone):%Y-%m-%d %H:%M}"
