"""Identifiers in a question: records asked for by number, or by a code that stands in them."""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from diagnosis.arrays import Rows
from diagnosis.search.index.bm25 import LexicalIndex, WordQuery
from diagnosis.search.index.ids import Ids
from diagnosis.search.index.metadata import RecordMetadata
from diagnosis.search.index.segments import Mask, Ranking, values_at

# Letters and digits together (0x80070005, ORA-12154, KB0000042), or a number that is called an error or a code. Both
# kinds stand near its beginning: to look further from every word of a rule of dashes or a long path would take seconds.
_NEAR = r"[A-Za-z0-9_.\-]{0,80}"
_MIXED = rf"(?<![A-Za-z0-9])(?=[A-Za-z0-9])(?={_NEAR}[0-9])(?={_NEAR}[A-Za-z])[A-Za-z0-9]+(?:[-_.:][A-Za-z0-9]+)*"
_CALLED = r"(?:error|code|status|event|id|错误码?|代码|[状态返回故障报]{2}码|错误号)[\s:：#(]*([0-9]{3,})"
_CODE = re.compile(rf"{_CALLED}|({_MIXED})", re.IGNORECASE)
_SPACED = re.compile(r"(?<![a-z0-9])([a-z]{2,10})[ \u00a0]([0-9]{3,})(?![a-z0-9])")
_JOINT = re.compile(r"[-_.:]+")
_PADDED = re.compile(r"0x0*([0-9a-f]{2,}?)l?|0*([0-9][0-9a-f]{3,})h|([a-z]+)0+([1-9][0-9]{2,})|0+([1-9][0-9]{2,})")
_WORD_OR_NUMBER = re.compile(r"[^0-9]*|[^A-Za-z]*")
_MIN_LENGTH = 4  # "v2" and "p1" name nothing
_WITHIN = frozenset(string.ascii_lowercase + string.digits)  # beside one of these, a code is part of a longer word


@lru_cache(maxsize=64)  # both corpora are asked the same, to find and to rank
def codes_of(text: str) -> tuple[str, ...]:
    """Return the codes and ids of a text in lower case, in order, each once; a number that stands alone is one.

    Examples
    --------
    >>> codes_of("ORA-12154 after update, error 809, 0x80070005 twice: 0x80070005")
    ('ora-12154', '809', '0x80070005')
    """
    alone = text.strip()
    if alone.isascii() and alone.isdigit() and len(alone) >= _MIN_LENGTH:
        return (alone,)
    return _all_codes(text)


def _all_codes(text: str) -> tuple[str, ...]:
    called = ((match[1], match[2]) for match in _CODE.finditer(text))
    return tuple(dict.fromkeys(number or code.lower() for number, code in called if number or _is_mixed(code)))


def _is_mixed(code: str) -> bool:
    """Tell whether letters and digits stand in the code itself: in "on..2" the pattern sees the digit behind it."""
    return len(code) >= _MIN_LENGTH and not _WORD_OR_NUMBER.fullmatch(code)


def holds(text: str, code: str) -> bool:
    """Return whether a text holds a code as a whole word, however case, joints and a leading 0x are written.

    Examples
    --------
    >>> holds("HTTP 502 Bad Gateway", "http502"), holds("0x80070005", "80070005"), holds("ORA-009421", "ora00942")
    (True, True, False)
    """
    lowered = text.lower()
    start = lowered.find(code)  # not by a pattern: to compile one for each code costs more than all the looking
    while start >= 0:
        stop = start + len(code)
        if lowered[start - 1 : start] not in _WITHIN and lowered[stop : stop + 1] not in _WITHIN:
            return True
        start = lowered.find(code, start + 1)
    return _plain(code) in _plain_codes(lowered)


@lru_cache(maxsize=4_096)
def _plain_codes(lowered: str) -> frozenset[str]:
    """Return the codes of a text in plain form, hosts without their domain, and letters with the number behind them."""
    spaced = [letters + digits for letters, digits in _SPACED.findall(lowered)]
    codes = _all_codes(lowered)
    hosts = [code.partition(".")[0] for code in codes if "." in code]
    return frozenset(map(_plain, [*codes, *hosts, *spaced]))


def _plain(code: str) -> str:
    """Return a code without joints, 0x or h, and zeros before its number: ``0x0000007B`` and ``7Bh``, ``ORA-00942``."""
    match = _PADDED.fullmatch(_JOINT.sub("", code))
    return "".join(part for part in match.groups() if part) if match else _JOINT.sub("", code)


# A code is looked for by itself and its rarest part: the others (the "srv" of srv-0815) may stand in every row.
CODE_TERMS = 2
_SPELT_OTHERWISE = 2  # a record that holds a code has its parts, but not the code or a part as this question spells it
_MOST_CODES = 16
_HOLDERS = 25  # records that a code is looked for in
_SHORT = 200  # characters: so short a question with a code in it asks for the code
_NAMED_BY = 5  # a code that more records hold names none of them


@dataclass(frozen=True)
class IdentifierMatches:
    """The codes of a question and the records that may be found by them.

    Attributes
    ----------
    codes : tuple of str
    short : bool
        Whether the question is hardly more than its codes.
    numbered : ndarray of int
        Places of the records whose number is one of the codes.
    is_number : bool
        Whether the question is the number of a record and nothing else.
    holders : (ndarray of int, ndarray of float64)
        Places of the records that hold codes or are numbered so, and how many each holds.
    """

    codes: tuple[str, ...]
    short: bool
    numbered: Rows
    is_number: bool
    holders: Ranking

    def shares(self, places: Rows) -> npt.NDArray[np.float64]:
        """Return the share of the codes that each of some records holds."""
        return values_at(places, self.holders) / max(len(self.codes), 1)

    def identified(self, places: Rows, words: LexicalIndex, metadata: RecordMetadata) -> Rows:
        """Return which of some records are asked for by number, or by a code that few of them hold."""
        identified = np.isin(places, self.numbered)
        if self.short and not self.is_number:
            holders_of_any = np.flatnonzero(np.isin(places, self.holders[0]))
            for code in self.codes:
                holders = holders_of_any[holding(words, metadata, places[holders_of_any], code)]
                identified[holders] |= len(holders) <= _NAMED_BY
        return np.flatnonzero(identified)


_NOTHING = np.empty(0, dtype=np.intp)
_NO_CODE = IdentifierMatches((), False, _NOTHING, False, (_NOTHING, np.empty(0)))


def codes_asked(text: str) -> tuple[str, ...]:
    """Return the codes of a question that are looked for."""
    return codes_of(text)[:_MOST_CODES]


def identifier_matches(
    text: str,
    by_code: Sequence[WordQuery],
    words: LexicalIndex,
    metadata: RecordMetadata,
    mask: Mask | None,
    excluded: frozenset[int],
) -> IdentifierMatches:
    """Return what a question asks for exactly, among the records that may be found.

    Parameters
    ----------
    text : str
    by_code : sequence of WordQuery
        Each of its codes, put to the whole texts by `CODE_TERMS` terms.
    words : LexicalIndex
        Of the whole texts.
    metadata : RecordMetadata
    mask : ndarray of bool, shape (n_records,), optional
        Which may be found; all if not given.
    excluded : frozenset of int
        Places that may not.
    """
    codes = codes_asked(text)
    if not codes:
        return _NO_CODE
    n_codes: dict[int, int] = {}
    for code, query in zip(codes, by_code, strict=True):
        if query.n_unknown > _SPELT_OTHERWISE:
            continue
        places, _ = query.nearest(_HOLDERS, mask)
        for place in places[holding(words, metadata, places, code)].tolist():
            n_codes[place] = n_codes.get(place, 0) + 1
    as_written = [text[at : at + len(code)] for code in codes if (at := text.lower().find(code)) >= 0]
    spelt = list(dict.fromkeys([*codes, *map(str.upper, codes), *as_written]))
    numbers_spelt = dict.fromkeys(metadata.places_of(Ids(spelt)).tolist())
    numbered = [at for at in numbers_spelt if at >= 0 and at not in excluded and (mask is None or mask[at])]
    for place in numbered:
        n_codes[place] = n_codes.get(place, 0) + len(codes)
    places, counts = np.array([*n_codes], dtype=np.intp), np.array([*n_codes.values()], dtype=np.float64)
    is_number = bool(numbered) and codes == (text.strip().lower(),)
    return IdentifierMatches(codes, len(text) <= _SHORT, np.array(numbered, dtype=np.intp), is_number, (places, counts))


def holding(words: LexicalIndex, metadata: RecordMetadata, places: Rows, code: str) -> Mask:
    """Return which of some records hold a code as a whole word.

    One that has it among its terms does; only of the others the text is read.
    """
    holds_code: Mask = np.isin(places, words.places_with(code))
    remaining = np.flatnonzero(~holds_code)
    texts = metadata.passages_at(places[remaining]) if len(remaining) else []
    holds_code[remaining] = [any(holds(passage, code) for passage in passages) for passages in texts]
    return holds_code
