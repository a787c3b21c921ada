"""The page of the workload: what comes and is closed by day, the backlog, and each group's weeks, in two languages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal
from zoneinfo import ZoneInfo

from markupsafe import Markup

from diagnosis.workload import Amount, WorkloadForecast
from training.reports.page import render

Language = Literal["en", "zh"]
_WIDTH, _HEIGHT, _LEFT, _FOOT = 960, 220, 44, 22  # pixels

_WORDS: Mapping[str, tuple[str, str]] = {
    "title": ("Workload", "工作量预测"),
    "lead": (
        "{:,} open on {}; {:,} logged and {:,} closed in the last 28 days. The next {} days, from {:,} incidents of "
        "{:,} days; days are of {}.",
        "截至 {1}，未解决 {0:,} 起；近 28 天登记 {2:,} 起、关闭 {3:,} 起。以下为未来 {4} 天的预测，"
        "依据 {6:,} 天内的 {5:,} 起事件；日期为 {7} 时区。",
    ),
    "assumed": (
        "The history is too short to compare forecasts with what came: the intervals are mostly assumed.",
        "历史数据太短，无法将预测与实际情况比较：区间主要依据假设。",
    ),
    "logged": ("Logged", "登记"),
    "closed": ("Closed", "关闭"),
    "backlog": ("Open", "未解决"),
    "logged_picture": ("Logged each day, and expected with the 80 % interval", "每日登记数，以及预计数与 80% 区间"),
    "backlog_picture": ("Open at the end of each day, with the 80 % interval", "每日结束时未解决数，含 80% 区间"),
    "week": ("Week", "周"),
    "to": ("{} to {}", "{} 至 {}"),
    "open_then": ("Open at its end", "周结束时未解决"),
    "group": ("Group", "处理组"),
    "none": ("no group", "未分组"),
    "open_now": ("Open now", "当前未解决"),
    "rate": ("Closed a working day", "每工作日关闭比例"),
    "days": ("Working days of backlog", "积压工作日数"),
    "open_end": ("Open after {} days", "{} 天后未解决"),
    "trend": ("Backlog", "积压趋势"),
    "growing": ("growing", "增加"),
    "steady": ("steady", "平稳"),
    "shrinking": ("shrinking", "减少"),
    "chance": ("{:.0%} larger", "增加的概率 {:.0%}"),
    "caption": (
        "Closed a working day: the share of open incidents that was closed on a working day of the last 28 days. "
        "Those whose backlog grows most come first.",
        "每工作日关闭比例：近 28 天内，每个工作日关闭的未解决事件所占比例。积压增加最多的处理组排在最前。",
    ),
}


def workload_page(forecast: WorkloadForecast, language: Language = "en") -> str:
    """Return the forecast as a page that opens anywhere."""
    words = {name: forms[language == "zh"] for name, forms in _WORDS.items()}
    desk = forecast.desk
    lead = words["lead"].format(
        desk.open_now,
        f"{forecast.as_of.astimezone(ZoneInfo(forecast.zone)):%Y-%m-%d %H:%M}",
        desk.logged_last_28_days,
        desk.closed_last_28_days,
        forecast.horizon_days,
        forecast.n_incidents,
        forecast.history_days,
        forecast.zone,
    )
    past = [(f"{day:%m-%d}", float(logged)) for day, logged, _ in forecast.past]
    ahead = [(f"{day.day:%m-%d}", day.logged) for day in desk.days]
    return render(
        "workload.html",
        language=language,
        words=words,
        lead=lead,
        forecast=forecast,
        logged_picture=course(past, ahead, words["logged_picture"]),
        backlog_picture=course([], [(f"{day.day:%m-%d}", day.backlog) for day in desk.days], words["backlog_picture"]),
    )


def course(past: Sequence[tuple[str, float]], ahead: Sequence[tuple[str, Amount]], label: str) -> Markup:
    """Return counts of past days as bars, and of days to come as a line within its interval, as a picture."""
    highest = max([count for _, count in past] + [amount.upper for _, amount in ahead] + [1])
    step = (_WIDTH - _LEFT) / max(len(past) + len(ahead), 1)
    height = _HEIGHT - _FOOT

    def x(place: float) -> float:
        return round(_LEFT + step * (place + 0.5), 1)

    def y(value: float) -> float:
        return round(height - (height - 12) * value / highest, 1)

    parts = [_axis(highest, y)]
    parts += [
        Markup('<rect x="{}" y="{}" width="{:.1f}" height="{:.1f}" class="past"><title>{}: {:g}</title></rect>').format(
            x(place) - step * 0.4, y(count), step * 0.8, height - y(count), day, count
        )
        for place, (day, count) in enumerate(past)
    ]
    places = [x(len(past) + place) for place in range(len(ahead))]
    upper = [f"{at},{y(amount.upper)}" for at, (_, amount) in zip(places, ahead, strict=True)]
    lower = [f"{at},{y(amount.lower)}" for at, (_, amount) in zip(places, ahead, strict=True)]
    parts.append(Markup('<polygon points="{}" class="interval"/>').format(" ".join([*upper, *reversed(lower)])))
    line = " ".join(f"{at},{y(amount.expected)}" for at, (_, amount) in zip(places, ahead, strict=True))
    parts.append(Markup('<polyline points="{}" class="line"/>').format(line))
    parts += [
        Markup('<circle cx="{}" cy="{}" r="3" class="point"><title>{}: {:g} ({} – {})</title></circle>').format(
            at, y(amount.expected), day, amount.expected, amount.lower, amount.upper
        )
        for at, (day, amount) in zip(places, ahead, strict=True)
    ]
    days = [*(day for day, _ in past), *(day for day, _ in ahead)]
    parts += [
        Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>').format(x(place), _HEIGHT - 6, days[place])
        for place in range(0, len(days), max(len(days) // 10, 1))
    ]
    return Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        _WIDTH, _HEIGHT, label, Markup("").join(parts)
    )


def _axis(highest: float, y: Callable[[float], float]) -> Markup:
    values = sorted({0, round(highest / 2), round(highest)})
    return Markup("").join(
        Markup(
            '<line x1="{}" x2="{}" y1="{}" y2="{}" class="grid"/><text x="{}" y="{}" text-anchor="end">{:,}</text>'
        ).format(_LEFT, _WIDTH, y(value), y(value), _LEFT - 6, y(value) + 4, value)
        for value in values
    )
