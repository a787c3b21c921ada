"""Parts of a record as they are searched: its heading, its whole text, and passages of a length that says one thing."""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

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
