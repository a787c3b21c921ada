"""Records as they are searched: columns, heading, whole text, and passages of a length that says one thing."""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import numpy as np
import pandas as pd

from diagnosis.incident import IncidentBatch

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
UNKNOWN_TIME: int = np.iinfo(np.int64).min


@dataclass(frozen=True)
class SearchRecords:
    """Records of distinct numbers, as search takes them in.

    Attributes
    ----------
    numbers, service, language, audience : list of str, length n
    valid_to, opened_at : list of int, length n
        Microseconds since 1970; `UNKNOWN_TIME` where it is not known.
    texts : mapping of str to list of str
        By field.
    """

    numbers: list[str]
    service: list[str]
    language: list[str]
    audience: list[str]
    valid_to: list[int]
    opened_at: list[int]
    texts: Mapping[str, list[str]]

    @classmethod
    def of(cls, records: IncidentBatch | pd.DataFrame, fields: Sequence[str]) -> Self:
        """Return incidents, or the articles of a canonical frame; of a number that occurs twice the last one."""
        n, column = len(records), records.column if isinstance(records, IncidentBatch) else _reader(records)
        row_of = {number: row for row, number in enumerate(column("number"))}
        rows = list(row_of.values())

        def values(name: str) -> list[Any]:
            every = column(name)
            return every if len(rows) == n else [every[row] for row in rows]

        is_article = not isinstance(records, IncidentBatch)
        blank, never = [""] * len(rows), [UNKNOWN_TIME] * len(rows)
        return cls(
            numbers=list(row_of),
            service=values("service"),
            language=values("language") if is_article else blank,
            audience=values("audience") if is_article else blank,
            valid_to=_microseconds(values("valid_to")) if is_article else never,
            opened_at=never if is_article else _microseconds(values("opened_at")),
            texts={name: values(name) for name in fields},
        )


def _reader(articles: pd.DataFrame) -> Callable[[str], list[Any]]:
    return lambda name: articles[name].tolist()


def _microseconds(moments: Sequence[datetime | None]) -> list[int]:
    return [UNKNOWN_TIME if moment is None or pd.isna(moment) else microseconds(moment) for moment in moments]


def microseconds(moment: datetime) -> int:
    """Return the microseconds from 1970 to a moment; without a zone it is taken as UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // timedelta(microseconds=1)  # exact, as a float of seconds is not


PASSAGE_LENGTH = 1_200  # characters, about 250 tokens: what a general encoder reads at once

_BREAK = re.compile(r"\n\s*\n|\n|(?<=[.!?;])\s+|(?<=[。！？；])")
_NO_LETTER = re.compile(r"[\W\d_]+")


@dataclass(frozen=True, slots=True)
class SearchText:
    """One record as it is searched.

    Attributes
    ----------
    heading : str
        Its title or short description, if that is searched.
    passages : tuple of str
        Its fields, each cut where it is long; none is empty.
    template : int
        64 bits, equal for records whose texts differ in numbers, marks and case alone.
    """

    heading: str
    passages: tuple[str, ...]
    template: int

    @property
    def full_text(self) -> str:
        """Every word that is searched, once."""
        return "\n".join(self.passages)


def search_text(heading: str, bodies: Sequence[str], unsearched: Sequence[str] = ()) -> SearchText:
    """Return a record's heading and other fields as they are searched; blank ones are left out.

    Fields that are not searched tell records apart too: two articles of one resolution and two titles are two articles.
    """
    fields = [text.strip() for text in (heading, *bodies)]
    cut = tuple(passage for text in fields if text for passage in passages(text))
    letters = _NO_LETTER.sub("", "".join([*cut, *unsearched]).lower())
    digest = hashlib.blake2b(letters.encode(), digest_size=8).digest()
    return SearchText(fields[0], cut, int.from_bytes(digest))


def passages(text: str, length: int = PASSAGE_LENGTH) -> list[str]:
    """Cut a text into passages of about equal length, at the ends of paragraphs, lines or sentences.

    A sentence longer than ``length`` characters is cut inside.
    """
    if len(text) <= length:
        return [text]
    count = -(-len(text) // length)
    target = len(text) / count
    parts, start = [], 0
    breaks = [match.end() for match in _BREAK.finditer(text)]
    for place in range(1, count):
        ideal = round(place * target)
        behind = bisect_left(breaks, ideal)
        beside = breaks[max(behind - 1, 0) : behind + 1]
        near = [end for end in beside if start < end and abs(end - ideal) < target / 2]
        end = min(near, key=lambda end: abs(end - ideal)) if near else max(ideal, start + 1)
        parts.append(text[start:end].strip())
        start = end
    return [passage for passage in [*parts, text[start:].strip()] if passage]
