"""Records as they are searched: columns, heading, whole text, and passages of a length that says one thing."""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from diagnosis.incident import Incident

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
UNKNOWN_TIME: int = np.iinfo(np.int64).min
Times = Sequence[int] | npt.NDArray[np.int64]


@dataclass(frozen=True)
class Entries:
    """Records of distinct numbers, as search takes them in.

    Attributes
    ----------
    numbers, service, language, audience : list of str, length n
    valid_to, opened_at : sequence of int, length n
        Microseconds since 1970; `UNKNOWN_TIME` where it is not known.
    texts : mapping of str to list of str
        By field.
    """

    numbers: list[str]
    service: list[str]
    language: list[str]
    audience: list[str]
    valid_to: Times
    opened_at: Times
    texts: Mapping[str, list[str]]

    @classmethod
    def of_frame(cls, frame: pd.DataFrame, fields: Sequence[str]) -> Self:
        """Return the rows of a canonical frame; of a number that occurs twice the last one."""
        rows = frame.drop_duplicates("number", keep="last")
        service, language, audience = (
            rows[name].tolist() if name in rows else [""] * len(rows) for name in ("service", "language", "audience")
        )
        return cls(
            rows["number"].tolist(), service, language, audience,
            valid_to=_times_of(rows, "valid_to"), opened_at=_times_of(rows, "opened_at"),
            texts={name: rows[name].tolist() for name in fields},
        )  # fmt: skip

    @classmethod
    def of_incidents(cls, incidents: Sequence[Incident], fields: Sequence[str]) -> Self:
        """Return some incidents, without a frame: a frame of a few rows costs more than to search them."""
        rows = list({incident.number: incident for incident in incidents}.values())
        nothing, never = [""] * len(rows), [UNKNOWN_TIME] * len(rows)
        return cls(
            [row.number for row in rows], [row.service for row in rows], nothing, nothing,
            valid_to=never,
            opened_at=[UNKNOWN_TIME if row.opened_at is None else microseconds(row.opened_at) for row in rows],
            texts={name: [getattr(row, name) for row in rows] for name in fields},
        )  # fmt: skip


def microseconds(moment: datetime) -> int:
    """Return the microseconds from 1970 to a moment; without a zone it is taken as UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // timedelta(microseconds=1)  # exact, as a float of seconds is not


def _times_of(frame: pd.DataFrame, name: str) -> npt.NDArray[np.int64]:
    times = frame[name] if name in frame else pd.Series(pd.NaT, index=frame.index)
    stamps = pd.to_datetime(times, utc=True).astype("datetime64[us, UTC]")
    return stamps.dt.tz_localize(None).to_numpy().astype("datetime64[us]").astype(np.int64)


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
    def whole(self) -> str:
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
    found, start = [], 0
    breaks = [match.end() for match in _BREAK.finditer(text)]
    for place in range(1, count):
        ideal = round(place * target)
        behind = bisect_left(breaks, ideal)
        beside = breaks[max(behind - 1, 0) : behind + 1]
        near = [end for end in beside if start < end and abs(end - ideal) < target / 2]
        end = min(near, key=lambda end: abs(end - ideal)) if near else max(ideal, start + 1)
        found.append(text[start:end].strip())
        start = end
    return [passage for passage in [*found, text[start:].strip()] if passage]
