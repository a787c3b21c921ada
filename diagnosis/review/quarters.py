"""Quarters of the organisation's zone: 2026Q3 from its first moment to the first moment of the next."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pandas as pd

from diagnosis.errors import InputError
from diagnosis.phrases import Phrase

_FORM = re.compile(r"(\d{4})-?[Qq]([1-4])")


@dataclass(frozen=True, slots=True, order=True)
class Quarter:
    """A quarter of a year.

    Examples
    --------
    >>> quarter = Quarter.parse("2026Q1")
    >>> str(quarter.previous), str(quarter.year_before)
    ('2025Q4', '2025Q1')
    """

    year: int
    number: int

    def __str__(self) -> str:
        return f"{self.year}Q{self.number}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the quarter that a text such as ``2026Q3`` names.

        Raises
        ------
        InputError
            If it names none.
        """
        match = _FORM.fullmatch(text.strip())
        if match is None or not 1970 <= int(match[1]) <= 2200:
            raise InputError(Phrase("review_quarter_wrong", {"value": text}))
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def of(cls, moment: datetime, zone: str) -> Self:
        """Return the quarter of a moment in a zone."""
        local = moment.astimezone(zone_of(zone))
        return cls(local.year, (local.month + 2) // 3)

    @property
    def previous(self) -> Quarter:
        """The quarter before."""
        return Quarter(self.year - 1, 4) if self.number == 1 else Quarter(self.year, self.number - 1)

    @property
    def following(self) -> Quarter:
        """The quarter after."""
        return Quarter(self.year + 1, 1) if self.number == 4 else Quarter(self.year, self.number + 1)

    @property
    def year_before(self) -> Quarter:
        """The same quarter a year before."""
        return Quarter(self.year - 1, self.number)

    def bounds(self, zone: str) -> tuple[pd.Timestamp, pd.Timestamp]:
        """Return the quarter's first moment and the next quarter's, in UTC."""
        return self._start(zone), self.following._start(zone)

    @property
    def first_day(self) -> date:
        """The first day of the quarter."""
        return date(self.year, 3 * self.number - 2, 1)

    def _start(self, zone: str) -> pd.Timestamp:
        local = datetime(self.year, 3 * self.number - 2, 1, tzinfo=zone_of(zone))
        return pd.Timestamp(local.astimezone(UTC))


def zone_of(name: str) -> ZoneInfo:
    """Return a time zone by its name.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InputError(Phrase("zone_wrong", {"value": name})) from error


def last_complete_quarter(as_of: datetime, zone: str) -> Quarter:
    """Return the last quarter that was over at a moment.

    Examples
    --------
    >>> str(last_complete_quarter(datetime(2026, 9, 30, 16, tzinfo=UTC), "Asia/Shanghai"))
    '2026Q3'
    """
    return Quarter.of(as_of, zone).previous
