"""The kinds of value that a record may hold, checked at the edge so that no database and no model ever stumbles."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.text import plain_text
from diagnosis.text.cleaning import one_line
from diagnosis.validation import quote_value
from training.records.times import AMBIGUOUS, AMBIGUOUS_ZONE, parse_time

MAX_DEPTH = 6
MAX_TEXT = 200_000  # characters, once the markup is gone
_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
_YEARS = {"first": _EARLIEST.year, "last": _LATEST.year - 1}
_EXPECTED = {
    AMBIGUOUS: Phrase("time_of_two_readings"),
    AMBIGUOUS_ZONE: Phrase("time_of_several_zones"),
}


def _empty(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    return "" if value is None else value


def _unknown(value: Any) -> Any:  # noqa: ANN401
    return None if value == "" else value


def _plain(value: Any) -> Any:  # noqa: ANN401
    return plain_text(value) if isinstance(value, str) and "\x00" not in value else value


def _limited(value: str) -> str:
    if len(value) > MAX_TEXT:
        raise InputError(Phrase("text_too_long", {"most": MAX_TEXT, "found": len(value)}))
    return value


def _no_nul(value: str) -> str:
    if "\x00" in value:
        raise InputError(Phrase("text_with_nul"))
    return value


def _time(value: Any) -> Any:  # noqa: ANN401
    """Return a time as files and payloads are read; what stands alone has no column that decides its order."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return value
    time = parse_time(str(value))
    if isinstance(time, Phrase):
        values = {"expected": _EXPECTED.get(time, time), "found": quote_value(value)}
        raise InputError(Phrase("expected_and_found", values))
    return time


def _moment(value: Any) -> Any:  # noqa: ANN401
    """Return a time that must be there; a zero date is none."""
    time = _time(value)
    if time is None:
        raise InputError(Phrase("time_needed", {"found": quote_value(value) if value else Phrase("none_found")}))
    return time


def recorded_time(value: datetime) -> datetime:
    """Return a time in UTC, if a record may have it."""
    moment = value.replace(tzinfo=UTC) if value.tzinfo is None else value
    if not _EARLIEST <= moment < _LATEST:
        raise InputError(Phrase("time_out_of_range", {**_YEARS, "value": value.isoformat()}))
    return moment.astimezone(UTC)


def _day(value: date) -> date:
    if not _EARLIEST.date() <= value < _LATEST.date():
        raise InputError(Phrase("date_out_of_range", {**_YEARS, "value": value.isoformat()}))
    return value


_text = (BeforeValidator(_empty), AfterValidator(_no_nul))
Word = Annotated[str, StringConstraints(max_length=1000), *_text]
# Markup goes before the limit: a pasted picture must not push the words out.
Text = Annotated[str, AfterValidator(_limited), BeforeValidator(_plain), *_text]
Line = Annotated[Word, AfterValidator(one_line)]
Name = Annotated[Word, StringConstraints(min_length=1, max_length=255)]
Number = Annotated[
    str,
    StringConstraints(min_length=1, max_length=255, strip_whitespace=True),
    AfterValidator(_no_nul),
    Field(description="Unique number of the record", examples=["INC0010023"]),
]
Day = Annotated[date, AfterValidator(_day)]
Time = Annotated[Annotated[datetime, AfterValidator(recorded_time)] | None, BeforeValidator(_time)]
Moment = Annotated[datetime, AfterValidator(recorded_time), BeforeValidator(_moment)]
Kind = Annotated[Literal["incident", "request", "complaint"], BeforeValidator(lambda value: value or "incident")]
Satisfaction = Annotated[Annotated[int, Field(ge=1, le=5)] | None, BeforeValidator(_unknown)]
Count = Annotated[Annotated[int, Field(ge=0, le=1_000_000)] | None, BeforeValidator(_unknown)]


class In(BaseModel):
    """Base of what is sent to us: numbers are taken where words are expected, as many systems send them."""

    model_config = ConfigDict(coerce_numbers_to_str=True, frozen=True)


class Strict(In):
    """Base of what is sent to us where an unknown name is a mistake."""

    model_config = ConfigDict(extra="forbid")


class Out(BaseModel):
    """Base of what we send: every field is always there."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def check_extra(value: Any, depth: int = 0) -> Any:  # noqa: ANN401 - any JSON value
    """Return a value of a column that the format does not name, if every database can hold it.

    Raises
    ------
    InputError
        If it is nested more than `MAX_DEPTH` deep, holds a NUL character or a number that is not finite.
    """
    if depth > MAX_DEPTH:
        raise InputError(Phrase("nested_too_deep", {"most": MAX_DEPTH}))
    if isinstance(value, str):
        if "\x00" in value or not _is_text(value):
            raise InputError(Phrase("text_not_storable"))
    elif isinstance(value, float) and not math.isfinite(value):
        raise InputError(Phrase("number_not_finite"))
    elif isinstance(value, dict):
        for name, item in value.items():
            check_extra(name, depth + 1)
            check_extra(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            check_extra(item, depth + 1)
    return value


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
