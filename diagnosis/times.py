"""Times in UTC as they are written and read everywhere: ISO 8601 with ``Z``; and as numbers, to count with."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import numpy as np
import pandas as pd

from diagnosis.arrays import Floats

Moment = TypeVar("Moment", bound=datetime)  # a pandas Timestamp is one too

_EPOCH, _ONE_DAY = datetime(1970, 1, 1, tzinfo=UTC), timedelta(days=1)


def as_utc(moment: Moment) -> Moment:
    """Return a moment in UTC; without a zone it is taken as UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def parse_utc(text: str) -> datetime:
    """Return the moment of an ISO 8601 text in UTC; without a zone it is taken as UTC."""
    return as_utc(datetime.fromisoformat(text))


def from_seconds(seconds: float) -> datetime:
    """Return seconds since 1970 as a moment in UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def days_of(times: pd.Series) -> Floats:
    """Return a column of UTC timestamps as days since 1970, NaN for none."""
    since = times.to_numpy(dtype="datetime64[us]") - np.datetime64(0, "us")
    days: Floats = since / np.timedelta64(1, "D")
    return days


def days_since_1970(times: Sequence[datetime | None]) -> Floats:
    """Return aware times as days since 1970, NaN for none."""
    return np.array([np.nan if time is None else (time - _EPOCH) / _ONE_DAY for time in times], dtype=np.float64)


def format_utc(moment: datetime, *, timespec: str = "auto") -> str:
    """Return a moment as ISO 8601 text in UTC, such as ``2026-03-02T08:15:00Z``.

    Parameters
    ----------
    timespec : str
        As in `datetime.isoformat`: ``"seconds"`` leaves fractions out, ``"auto"`` writes them where there are any.

    Examples
    --------
    >>> format_utc(datetime(2026, 3, 2, 8, 15))
    '2026-03-02T08:15:00Z'
    """
    return as_utc(moment).isoformat(timespec=timespec).replace("+00:00", "Z")


def utc_now() -> datetime:
    """Return the present moment in UTC."""
    return datetime.now(UTC)


def now_text() -> str:
    """Return the present moment to the second, as `format_utc` writes it."""
    return format_utc(utc_now(), timespec="seconds")
