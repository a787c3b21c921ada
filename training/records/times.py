"""Times as exports and payloads write them, read as UTC."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo, available_timezones

from diagnosis.errors import InputError
from diagnosis.phrases import Phrase

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
AMBIGUOUS = Phrase("day_or_month_first")
AMBIGUOUS_ZONE = Phrase("zone_of_several_meanings")
UNREADABLE = Phrase("time_expected")

_ISO = re.compile(r"\d{4}-\d{2}-\d{2}(?:[Tt ]|$)")
# What databases write for no time: year zero or one, and the zero of Unix.
_NOTHING = re.compile(r"[0:./ -]{8,}|000[01]-0[01]-0[01][T ].*|1970-01-01[T ]00:00(?::00(?:\.0+)?)?(?:Z|\+00:?00)?")
_NOTHING_STARTS = frozenset({"0000", "0001", "1970", "00/0", "00-0", "00.0"})

_CHINESE_DIGITS = "一二三四五六七八九十"
_HALVES = "AM|PM|a\\.m\\.|p\\.m\\.|上午|下午|凌晨|早上|清晨|中午|傍晚|晚上|夜里|午前|午後|오전|오후"
_CLOCK = (
    rf"(?:[ T,]*(?P<half>{_HALVES})?\s*(?P<hour>\d{{1,2}})"
    r"(?:[:.h](?P<minute>\d{2})(?:[:.](?P<second>\d{2})(?:[.,]\d+)?)?"
    r"|\s*[点點时時시]\s*(?:(?P<minute_word>\d{1,2})\s*[分분]?|(?P<part>半|一刻|三刻))?\s*(?:(?P<second_word>\d{1,2})\s*[秒초])?)?"
    rf"\s*(?P<half_after>{_HALVES})?)?"
)
_ZONE = r"(?:\s*[(\[]?(?P<zone>(?:UTC|GMT)?[+-]\d{1,2}(?::?\d{2})?|[A-Z][A-Za-z]+/[A-Za-z_/]+|[A-Z]{1,5})[)\]]?)?"
_END = rf"{_CLOCK}{_ZONE}$"
_YEAR = r"(?P<year>\d{4}|\d{2})"
_MONTH = rf"(?P<month>[^\W\d_]{{3,14}}\.?|(?:\d{{1,2}}|[{_CHINESE_DIGITS}]{{1,2}})[月월])"
_FORMS = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        rf"(?P<year>\d{{4}})\s?[-/.年년]\s?(?P<month>\d{{1,2}})\s?[-/.月월]\s?(?P<day>\d{{1,2}})\s?[日号號일]?\.?{_END}",
        rf"(?P<day>\d{{1,2}})\. ?(?P<month>\d{{1,2}})\. ?{_YEAR}\.?{_END}",
        rf"(?P<day>\d{{1,2}})(?:[-/ .]+|\s+de\s+){_MONTH}(?:[-/ .,]+|\s+de\s+){_YEAR}{_END}",
        rf"(?P<month>[^\W\d_]{{3,14}})\.?[ -]+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?[ -]+(?P<year>\d{{4}}){_END}",
        # as C's asctime writes it, and Request Tracker's spreadsheets
        rf"(?P<month>[^\W\d_]{{3,14}})\.? +(?P<day>\d{{1,2}}) +(?P<hour>\d{{1,2}}):(?P<minute>\d{{2}})"
        rf"(?::(?P<second>\d{{2}}))?{_ZONE} +(?P<year>\d{{4}})$",
        rf"(?P<year>\d{{4}})[-/ ](?P<month>[^\W\d_]{{3,14}}\.?)[-/ ](?P<day>\d{{1,2}}){_END}",
        rf"(?P<year>(?:19|20)\d{{2}})(?P<month>\d{{2}})(?P<day>\d{{2}})[T ](?P<hour>\d{{2}}):?(?P<minute>\d{{2}})"
        rf"(?::?(?P<second>\d{{2}}))?{_ZONE}$",
    )
)
_AMBIGUOUS = re.compile(rf"(?P<first>\d{{1,2}})[-/](?P<second_number>\d{{1,2}})[-/]{_YEAR}{_END}", re.IGNORECASE)
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
# The name of the day says nothing that the date does not.
_WEEKDAY = re.compile(
    r"^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun|Mo|Di|Mi|Do|Fr|Sa|So)(?:[a-zäß]*)?[.,]{0,2} +(?=\S*\d|[A-Z])"
    r"|^(?:lunes|martes|miércoles|jueves|viernes|sábado|domingo|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche"
    r"|lunedì|martedì|mercoledì|giovedì|venerdì|sabato|domenica|(?:segunda|terça|quarta|quinta|sexta)(?:-feira)?"
    r"|maandag|dinsdag|woensdag|donderdag|vrijdag|zaterdag|zondag|poniedziałek|wtorek|środa|czwartek|piątek|sobota"
    r"|niedziela|понедельник|вторник|среда|четверг|пятница|суббота|воскресенье)[.,]{0,2} +(?=\d)"
    r"|(?<=\d) \([A-Za-z ]+\)$|[(（]?(?:星期|礼拜|周|週)[一二三四五六日天][)）]?|\([月火水木金土日]\)",
    re.IGNORECASE,
)
# Words between a day and its clock, and after them, in the long forms of several languages.
_BEFORE_CLOCK = re.compile(r"(?<=\d),? +(?:à|às|at|a las|um|kl\.?|г\.?|р\.),? +(?=\d)|(?<=\d) +Uhr$", re.IGNORECASE)
_SPACED_HALF = re.compile(r"(?<=\d)\s*([ap])\.\s?m\.?", re.IGNORECASE)
_DB2 = re.compile(r"^(\d{4}-\d{2}-\d{2})-(\d{2})\.(\d{2})\.(\d{2})")
_DOT_NET = re.compile(r"^/Date\((\d+)(?:[+-]\d{4})?\)/$")  # milliseconds in UTC, whatever offset stands behind them
_ZONE_TWICE = re.compile(r"(?<= [+-]\d{4}) [A-Z]{3,4}$")  # as Go prints a time
_CHINESE_NUMBER = re.compile(r"[〇零一二三四五六七八九十]{1,4}(?=[年月日号號點点时時分秒])")
_EVENING = frozenset({"PM", "P.M.", "下午", "傍晚", "晚上", "夜里", "午後", "오후"})
_MORNING = frozenset({"AM", "A.M.", "上午", "凌晨", "早上", "清晨", "午前", "오전"})
_NIGHT = frozenset({"晚上", "夜里"})  # twelve at night is the end of the day
_PARTS = {"半": 30, "一刻": 15, "三刻": 45}
# Abbreviations that mean one zone to whoever writes them; CST (China, America), IST and AST are not among them.
_ABBREVIATIONS = {
    "Z": 0,
    "UTC": 0,
    "GMT": 0,
    "UT": 0,
    "WET": 0,
    "WEST": 60,
    "BST": 60,
    "CET": 60,
    "MEZ": 60,
    "CEST": 120,
    "MESZ": 120,
    "EET": 120,
    "EEST": 180,
    "MSK": 180,
    "HKT": 480,
    "SGT": 480,
    "JST": 540,
    "KST": 540,
    "AEST": 600,
    "AEDT": 660,
    "EST": -300,
    "EDT": -240,
    "CDT": -300,
    "MST": -420,
    "MDT": -360,
    "PST": -480,
    "PDT": -420,
}


@dataclass(frozen=True, slots=True)
class ParsedTimes:
    """Times of a column, and why some are unknown.

    Attributes
    ----------
    times : list of datetime or None
        In UTC; None where the cell is empty or at fault.
    faults : dict of int to Phrase
        Position of each cell at fault to the reason.
    """

    times: list[datetime | None]
    faults: dict[int, Phrase]


def parse_times(
    texts: Sequence[str],
    day_first: bool | None = None,
    latest: datetime | None = None,
    zone: tzinfo = UTC,
) -> ParsedTimes:
    """Read a column of times written in any of the usual ways.

    Parameters
    ----------
    texts : sequence of str
        ``""`` is unknown, and so are the zero dates of databases.
    day_first : bool or None
        Which of the two numbers of 03/04/2026 is the day; None if the column does not say (`day_comes_first`).
    latest : datetime or None
        Times after it cannot be and are faults, as are those before `EARLIEST`.
    zone : tzinfo
        Of times that name none.

    Notes
    -----
    Read are ISO 8601, ``2026/1/31 8:15``, ``2026年1月31日 下午3点15分``, ``31.01.2026 08:15``, ``31/Jan/26 5:20 PM``
    (Jira, months in the languages of ``months.toml``), ``Jan 31, 2026``, Excel serial days, seconds and milliseconds
    since 1970, ``20260131`` and ``20260131081500``, and ``31/01/2026`` where the column decides which is the day; each
    with a zone behind it: ``+0800``, ``GMT+8``, ``CET``, ``Asia/Shanghai``.
    """
    times: list[datetime | None] = []
    faults: dict[int, Phrase] = {}
    for place, text in enumerate(texts):
        parsed = parse_time(text, day_first, zone)
        if isinstance(parsed, datetime):
            fault = _fault_of(parsed, latest)
            parsed = fault or parsed
        if isinstance(parsed, Phrase):
            faults[place] = parsed
        times.append(parsed if isinstance(parsed, datetime) else None)
    return ParsedTimes(times, faults)


def parse_time(text: str, day_first: bool | None = None, zone: tzinfo = UTC) -> datetime | Phrase | None:
    """Return one time in UTC, None for no time, or the reason why it cannot be read; see `parse_times`.

    Examples
    --------
    >>> parse_time("2026年1月31日 下午3点15分").isoformat()
    '2026-01-31T15:15:00+00:00'
    """
    text = text.strip()
    if not text or (text[:4] in _NOTHING_STARTS and _NOTHING.fullmatch(text)):
        return None
    if _ISO.match(text):
        try:
            return _in_utc(datetime.fromisoformat(text.upper()), zone)
        except ValueError:
            pass
    text = " ".join(_plain(unicodedata.normalize("NFKC", text[:100])).split())
    if _NUMBER.fullmatch(text):
        return _from_number(text, zone)
    return _from_words(text, day_first, zone)


def day_comes_first(texts: Sequence[str]) -> bool | None:
    """Return whether ``03/04/2026`` in this column is 3 April (True), 4 March (False), or undecided (None)."""
    matches = [match for text in texts if (match := _AMBIGUOUS.match(text.strip()))]
    if any(int(match["first"]) > 12 for match in matches):
        return True
    return False if any(int(match["second_number"]) > 12 for match in matches) else None


def has_either_way(texts: Sequence[str]) -> bool:
    """Return whether any value has its day and month in an order that the value itself does not tell."""
    return any(_AMBIGUOUS.match(text.strip()) for text in texts)


def zone_named(name: str) -> tzinfo:
    """Return the zone of times that name none.

    Parameters
    ----------
    name : str
        ``Asia/Shanghai``, ``UTC``, or an offset such as ``+08:00``.

    Raises
    ------
    InputError
        If there is no such zone.
    """
    offset = _offset(name.strip())
    if isinstance(offset, tzinfo):
        return offset
    raise InputError(Phrase("zone_unknown", {"name": name}))


def _fault_of(time: datetime, latest: datetime | None) -> Phrase | None:
    if time < EARLIEST:
        return Phrase("time_too_early", {"year": f"{EARLIEST:%Y}"})
    return Phrase("time_to_come") if latest is not None and time > latest else None


def _in_utc(time: datetime, zone: tzinfo) -> datetime | Phrase:
    try:
        return (time if time.tzinfo else time.replace(tzinfo=zone)).astimezone(UTC)
    except OverflowError:
        return UNREADABLE


def _plain(text: str) -> str:
    """Return a time without what its language puts around the numbers, in the digits and signs of `_FORMS`."""
    text = _WEEKDAY.sub(" ", text)
    if not text.isascii():
        text = _CHINESE_NUMBER.sub(_in_digits, text)
    text = _BEFORE_CLOCK.sub(" ", _SPACED_HALF.sub(r" \1m", text))
    return _ZONE_TWICE.sub("", _DOT_NET.sub(r"\1", _DB2.sub(r"\1 \2:\3:\4", text)))


def _in_digits(match: re.Match[str]) -> str:
    """Return a Chinese number up to 99, or one written digit by digit as years are."""
    word = match[0].replace("〇", "零")
    if "十" not in word:
        return "".join(str("零一二三四五六七八九".index(char)) for char in word)
    tens, _, units = word.partition("十")
    if len(tens) > 1 or len(units) > 1 or "十" in units or "零" in tens + units:
        return match[0]
    return str(10 * ("零" + _CHINESE_DIGITS).index(tens or "一") + ("零" + _CHINESE_DIGITS).index(units or "零"))


def _from_number(text: str, zone: tzinfo) -> datetime | Phrase:
    value, digits = float(text), text.partition(".")[0]
    try:
        if len(digits) == 8 and digits[:2] in {"19", "20"}:
            return _in_utc(datetime.strptime(digits, "%Y%m%d"), zone)  # noqa: DTZ007 - the zone follows
        if len(digits) in {12, 14} and digits[:2] in {"19", "20"}:
            form = "%Y%m%d%H%M%S"[: len(digits) - 2]
            return _in_utc(datetime.strptime(digits, form), zone)  # noqa: DTZ007
    except ValueError:
        pass
    if 20_000 <= value <= 80_000:  # days since Excel's day 0; 08:15 comes as 08:14:59.999
        seconds = round(value * 86_400)
        return _in_utc(datetime(1899, 12, 30) + timedelta(seconds=seconds), zone)  # noqa: DTZ001
    if 631_152_000 <= value <= 4_102_444_800:
        return datetime.fromtimestamp(round(value), UTC)
    if 631_152_000_000 <= value <= 4_102_444_800_000:
        return datetime.fromtimestamp(round(value / 1000), UTC)
    return UNREADABLE


def _from_words(text: str, day_first: bool | None, zone: tzinfo) -> datetime | Phrase:
    for form in _FORMS:
        if match := form.match(text):
            return _assembled(match, match["day"], _month(match["month"]), zone)
    match = _AMBIGUOUS.match(text)
    if match is None:
        return UNREADABLE
    if day_first is None:
        return AMBIGUOUS
    first, second = match["first"], match["second_number"]
    day, month = (first, second) if day_first else (second, first)
    return _assembled(match, day, int(month), zone)


def _assembled(match: re.Match[str], day: str, month: int | None, zone: tzinfo) -> datetime | Phrase:
    parts = match.groupdict()
    own_zone = _offset(parts["zone"]) if parts["zone"] else zone
    if month is None or isinstance(own_zone, Phrase):
        return own_zone if isinstance(own_zone, Phrase) else UNREADABLE
    year = int(match["year"])
    year += 0 if year > 99 else 1900 if year >= 70 else 2000
    hour, days = _hour(parts)
    minute = parts["minute"] or parts.get("minute_word") or _PARTS.get(parts.get("part") or "", 0)
    second = parts["second"] or parts.get("second_word") or 0
    try:
        time = datetime(year, month, int(day), hour, int(minute), int(second), tzinfo=own_zone)
        return _in_utc(time + timedelta(days=days), own_zone)
    except (ValueError, OverflowError):
        return UNREADABLE


def _hour(parts: dict[str, str | None]) -> tuple[int, int]:
    """Return the hour of the day, and how many days later it is (twelve at night)."""
    hour = int(parts["hour"] or 0)
    half = (parts.get("half") or parts.get("half_after") or "").upper()
    if half in _NIGHT and hour == 12:
        return 0, 1
    if (half in _EVENING and hour < 12) or (half == "中午" and hour < 6):
        return hour + 12, 0
    return (0, 0) if half in _MORNING and hour == 12 else (hour, 0)


def _month(word: str) -> int | None:
    word = word.casefold().rstrip(".").removesuffix("月").removesuffix("월")
    if word.isascii() and word.isdigit():
        return int(word)
    if word and set(word) <= set(_CHINESE_DIGITS):
        return {"十": 10, "十一": 11, "十二": 12}.get(word) or (
            _CHINESE_DIGITS.index(word) + 1 if len(word) == 1 else None
        )
    return _months().get(word)


@cache
def _months() -> dict[str, int]:
    table = tomllib.loads(files(__package__).joinpath("months.toml").read_text(encoding="utf-8"))
    return {name.casefold(): int(number) for number, names in table.items() for name in names}


@cache
def _offset(name: str) -> tzinfo | Phrase:
    """Return the zone of a name or offset, or the reason why it is none."""
    upper = name.upper()
    if upper in _ABBREVIATIONS:
        minutes = _ABBREVIATIONS[upper]
    elif match := re.fullmatch(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?(\d{2}))?", upper):
        minutes = int(match[1] + "1") * (60 * int(match[2]) + int(match[3] or 0))
    elif name in available_timezones() and "/" in name:
        return ZoneInfo(name)
    else:
        return AMBIGUOUS_ZONE if upper in {"CST", "IST", "AST"} else UNREADABLE
    return timezone(timedelta(minutes=minutes)) if abs(minutes) < 24 * 60 else UNREADABLE
