"""Times as exports write them, read as UTC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pandas as pd

EARLIEST = pd.Timestamp("1990-01-01", tz="UTC")
AMBIGUOUS = "day and month could be either way round, and no value of the column decides"
UNREADABLE = "expected a time (ISO 8601 or a usual export format)"

_SECONDS = r"(?:[:.](?P<second>\d{2})(?:[.,]\d+)?)?"
_HALF = "AM|PM|上午|下午"
_TIME = rf"(?P<hour>\d{{1,2}})[:.](?P<minute>\d{{2}}){_SECONDS}"
_CLOCK = rf"(?:[ T,]+(?P<before>{_HALF})?\s*{_TIME}\s*(?P<after>{_HALF})?)?$"
_YEAR = r"(?P<year>\d{4}|\d{2})"
_MONTH = r"(?P<month>[A-Za-z]{3,9}|(?:\d{1,2}|[一二三四五六七八九十]{1,2})月)"
YEAR_FIRST = rf"^(?P<year>\d{{4}})[-/.年](?P<month>\d{{1,2}})[-/.月](?P<day>\d{{1,2}})日?{_CLOCK}"
DOTTED = rf"^(?P<day>\d{{1,2}})\.(?P<month>\d{{1,2}})\.{_YEAR}{_CLOCK}"
NAMED = rf"^(?P<day>\d{{1,2}})[-/ .]+{_MONTH}[-/ .,]+{_YEAR}{_CLOCK}"
NAMED_US = rf"^(?P<month>[A-Za-z]{{3,9}})\.? +(?P<day>\d{{1,2}}),? +(?P<year>\d{{4}}){_CLOCK}"
EITHER = rf"^(?P<first>\d{{1,2}})[-/](?P<other>\d{{1,2}})[-/]{_YEAR}{_CLOCK}"
_ENGLISH_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_CHINESE_MONTHS = ("一", "二", "三", "四", "五", "六", "七", "八", "九", "十", "十一", "十二")


@dataclass(frozen=True, slots=True)
class ParsedTimes:
    """Times of a column, and why some are unknown.

    Attributes
    ----------
    times : Series of datetime64[us, UTC]
        ``NaT`` where the cell is empty or at fault.
    faults : dict of int to str
        Index of each cell at fault to the reason.
    """

    times: pd.Series
    faults: dict[int, str]


def parse_times(column: pd.Series, day_first: bool | None = None, latest: pd.Timestamp | None = None) -> ParsedTimes:
    """Read a column of times written in any of the usual ways.

    Parameters
    ----------
    column : Series of str
        ``""`` is unknown.
    day_first : bool or None
        Which of the two numbers of 03/04/2026 is the day; None if the column does not say (`day_comes_first`).
    latest : Timestamp or None
        Times after it cannot be and are faults, as are those before `EARLIEST`.

    Returns
    -------
    ParsedTimes

    Notes
    -----
    Read are ISO 8601 with or without zone (without: UTC), ``2026/1/31 8:15``, ``2026年1月31日 08:15``, ``31.01.2026
    08:15``, ``31/Jan/26 5:20 PM`` (Jira), ``Jan 31, 2026``, Excel serial days, seconds and milliseconds since 1970,
    ``20260131`` and ``20260131081500``, and ``31/01/2026`` where the column decides which is the day.
    """
    text = column.str.strip()
    text = text.str.replace(r"\s*(?:UTC|GMT)$", "", regex=True)
    present = text[text != ""]
    times = pd.Series(pd.NaT, index=column.index, dtype="datetime64[us, UTC]")
    iso = present.str.match(r"^\d{4}-\d{2}-\d{2}")
    times.update(_iso(present[iso]))
    number = present.str.fullmatch(r"\d+(?:\.\d+)?")
    times.update(_numbers(present[number]))
    rest = present[times[present.index].isna() & ~number]
    either = rest.str.match(EITHER)
    for pattern in (YEAR_FIRST, DOTTED, NAMED, NAMED_US):
        times.update(_assembled(rest[~either], pattern))
    if day_first is not None:
        times.update(_assembled(rest[either], EITHER, day_first=day_first))
    faults = dict.fromkeys(present.index[times[present.index].isna()], UNREADABLE)
    if day_first is None:
        faults |= dict.fromkeys(rest.index[either], AMBIGUOUS)
    return _within(times, faults, latest)


def day_comes_first(column: pd.Series) -> bool | None:
    """Return whether ``03/04/2026`` in this column is 3 April (True), 4 March (False), or undecided (None)."""
    parts = column.str.strip().str.extract(EITHER)
    first, other = (pd.to_numeric(parts[name], errors="coerce") for name in ("first", "other"))
    if (first > 12).any():
        return True
    return False if (other > 12).any() else None


def has_either_way(column: pd.Series) -> bool:
    """Return whether any value has its day and month in an order that the value itself does not tell."""
    return bool(column.str.strip().str.match(EITHER).any())


def _iso(text: pd.Series) -> pd.Series:
    return pd.to_datetime(text, format="ISO8601", utc=True, errors="coerce").astype("datetime64[us, UTC]")


def _numbers(text: pd.Series) -> pd.Series:
    whole = text.str.split(".").str[0]
    value = pd.to_numeric(text)
    pieces = [
        _from(value[value.between(20_000, 80_000)], unit="D", origin="1899-12-30"),  # Excel's day 0
        _from(value[value.between(631_152_000, 4_102_444_800)], unit="s"),
        _from(value[value.between(631_152_000_000, 4_102_444_800_000)], unit="ms"),
        _compact(text[whole.str.fullmatch(r"(?:19|20)\d{6}")], "%Y%m%d"),
        _compact(text[whole.str.fullmatch(r"(?:19|20)\d{12}")], "%Y%m%d%H%M%S"),
    ]
    return pd.Series(pd.concat(pieces))


def _from(value: pd.Series, unit: Literal["D", "s", "ms"], origin: str = "unix") -> pd.Series:
    if value.empty:
        return _iso(value.astype("str"))
    times: pd.Series = pd.to_datetime(value, unit=unit, origin=origin, utc=True)
    rounded: pd.Series = times.dt.round("s")  # a serial day is a float: 08:15 comes as 08:14:59.999
    return pd.Series(rounded.astype("datetime64[us, UTC]"))


def _compact(text: pd.Series, form: str) -> pd.Series:
    times: pd.Series = pd.to_datetime(text, format=form, utc=True, errors="coerce")
    return times.astype("datetime64[us, UTC]")


def _assembled(text: pd.Series, pattern: str, *, day_first: bool | None = None) -> pd.Series:
    parts = text.str.extract(pattern, flags=2)  # re.IGNORECASE
    parts = parts[parts["year"].notna()]
    if day_first is not None:
        names = {"first": "day", "other": "month"} if day_first else {"first": "month", "other": "day"}
        parts = parts.rename(columns=names)
    number = {name: pd.to_numeric(parts[name], errors="coerce") for name in ("year", "day", "minute", "second")}
    fields = pd.DataFrame(
        {
            "year": number["year"].where(number["year"] > 99, number["year"] + 2000),
            "month": parts["month"].map(_month),
            "day": number["day"],
            "hour": _hour(parts),
            "minute": number["minute"].fillna(0),
            "second": number["second"].fillna(0),
        }
    )
    return pd.to_datetime(fields, utc=True, errors="coerce").astype("datetime64[us, UTC]")


def _month(text: str) -> float:
    text = text.removesuffix("月")
    if text.isascii() and text.isdigit():
        return int(text)
    for names, name in ((_ENGLISH_MONTHS, text[:3].lower()), (_CHINESE_MONTHS, text)):
        if name in names:
            return names.index(name) + 1
    return float("nan")


def _hour(parts: pd.DataFrame) -> pd.Series:
    hour = pd.to_numeric(parts["hour"], errors="coerce").fillna(0)
    half = parts["after"].fillna(parts["before"]).fillna("").str.upper()
    after = half.isin(["PM", "下午"]) & (hour < 12)
    midnight = half.isin(["AM", "上午"]) & (hour == 12)
    return hour.mask(after, hour + 12).mask(midnight, 0)


def _within(times: pd.Series, faults: dict[int, str], latest: pd.Timestamp | None) -> ParsedTimes:
    early = times < EARLIEST
    late = times > latest if latest is not None else early & False
    faults |= dict.fromkeys(times.index[early], f"expected a time after {EARLIEST:%Y}")
    faults |= dict.fromkeys(times.index[late], "expected a time that has already come")
    return ParsedTimes(times.mask(early | late), faults)
