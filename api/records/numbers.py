"""Numbers that are known already: in another case, or with the words of another incident."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

from diagnosis.phrases import Phrase
from diagnosis.text.stop_words import STOP_WORDS
from diagnosis.text.tokens import tokenise

LEAST_SHARED = 0.5  # of the words of the shorter report: a report that was only extended shares nearly all
_QUOTED = 120  # characters of the report that is known

Fields = Mapping[str, Any]


def spellings(number: str) -> list[str]:
    """Return a number as it is, and in letters of either case and of usual width.

    Examples
    --------
    >>> spellings("inc0010023")
    ['inc0010023', 'INC0010023']
    """
    plain = unicodedata.normalize("NFKC", number)
    return list(dict.fromkeys((number, plain, plain.upper(), plain.lower())))


def has_other_words(report: Fields, record: Fields) -> bool:
    """Whether two reports share less than half of the words of the shorter one; not where one has none."""
    words, record_words = _words(report), _words(record)
    shorter = min(len(words), len(record_words))
    return shorter > 0 and len(words & record_words) < LEAST_SHARED * shorter


def warning_of(report: Fields, number: str, records: Mapping[str, Fields]) -> Phrase | None:
    """Return what is to be said of the number of a report.

    Parameters
    ----------
    records : mapping of str to mapping
        Those of the incidents with the `spellings` of the number that there were before.
    """
    if number in records:
        if not has_other_words(report, records[number]):
            return None
        return Phrase("number_has_other_words", {"number": number, "text": _text(records[number])[:_QUOTED].strip()})
    other = next((spelling for spelling in spellings(number) if spelling in records), None)
    return None if other is None else Phrase("number_in_other_case", {"number": number, "other": other})


def _words(report: Fields) -> set[str]:
    return {word for word in tokenise(_text(report)) if len(word) > 1 and word not in STOP_WORDS}


def _text(report: Fields) -> str:
    return f"{report.get('short_description') or ''} {report.get('description') or ''}".strip()
