"""What a question asks for exactly: records by their number, or by a code that stands in them as it is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from diagnosis.search.catalogue import Catalogue
from diagnosis.search.codes import codes_of, holds
from diagnosis.search.ids import Ids
from diagnosis.search.lexical import AskedWords, LexicalIndex
from diagnosis.search.views import Found, Mask, Rows, values_at

# A code is looked for by itself and its rarest part: the others (the "srv" of srv-0815) may stand in every row.
CODE_TERMS = 2
_MOST_CODES = 16
_HOLDERS = 25  # records that a code is looked for in
_SHORT = 200  # characters: so short a question with a code in it asks for the code
_NAMED_BY = 5  # a code that more records hold names none of them


@dataclass(frozen=True)
class Exact:
    """The codes of a question and the records that may be found by them.

    Attributes
    ----------
    codes : tuple of str
    short : bool
        Whether the question is hardly more than its codes.
    numbered : ndarray of int
        Places of the records whose number is one of the codes.
    found : (ndarray of int, ndarray of float64)
        Places of the records that hold codes or are numbered so, and how many each holds.
    """

    codes: tuple[str, ...]
    short: bool
    numbered: Rows
    found: Found

    def shares(self, places: Rows) -> npt.NDArray[np.float64]:
        """Return the share of the codes that each of some records holds."""
        return values_at(places, self.found) / max(len(self.codes), 1)

    def named(self, places: Rows, words: LexicalIndex, catalogue: Catalogue) -> Rows:
        """Return which of some records are asked for by number, or by a code that few of them hold."""
        named = np.isin(places, self.numbered)
        if self.short:
            some = np.flatnonzero(np.isin(places, self.found[0]))
            for code in self.codes:
                holders = some[holding(words, catalogue, places[some], code)]
                named[holders] |= len(holders) <= _NAMED_BY
        return np.flatnonzero(named)


_NOTHING = np.empty(0, dtype=np.intp)
_NO_CODE = Exact((), False, _NOTHING, (_NOTHING, np.empty(0)))


def codes_asked(text: str) -> tuple[str, ...]:
    """Return the codes of a question that are looked for."""
    return codes_of(text)[:_MOST_CODES]


def asked_exactly(
    text: str,
    by_code: Sequence[AskedWords],
    words: LexicalIndex,
    catalogue: Catalogue,
    mask: Mask | None,
    excluded: frozenset[int],
) -> Exact:
    """Return what a question asks for exactly, among the records that may be found.

    Parameters
    ----------
    text : str
    by_code : sequence of AskedWords
        Each of its codes, put to the whole texts by `CODE_TERMS` terms.
    words : LexicalIndex
        Of the whole texts.
    catalogue : Catalogue
    mask : ndarray of bool, shape (n_records,), optional
        Which may be found; all if not given.
    excluded : frozenset of int
        Places that may not.
    """
    codes = codes_asked(text)
    if not codes:
        return _NO_CODE
    held: dict[int, int] = {}
    for code, asked in zip(codes, by_code, strict=True):
        if asked.n_unknown > 1:  # a record that holds it has all its parts, if not always itself by itself
            continue
        places, _ = asked.nearest(_HOLDERS, mask)
        for place in places[holding(words, catalogue, places, code)].tolist():
            held[place] = held.get(place, 0) + 1
    written = [text[at : at + len(code)] for code in codes if (at := text.lower().find(code)) >= 0]
    spelt = list(dict.fromkeys([*codes, *map(str.upper, codes), *written]))
    found = dict.fromkeys(catalogue.places_of(Ids(spelt)).tolist())
    numbered = [at for at in found if at >= 0 and at not in excluded and (mask is None or mask[at])]
    for place in numbered:
        held[place] = held.get(place, 0) + len(codes)
    places, counts = np.array([*held], dtype=np.intp), np.array([*held.values()], dtype=np.float64)
    return Exact(codes, len(text) <= _SHORT, np.array(numbered, dtype=np.intp), (places, counts))


def holding(words: LexicalIndex, catalogue: Catalogue, places: Rows, code: str) -> Mask:
    """Return which of some records hold a code as a whole word.

    One that has it among its terms does; only of the others the text is read.
    """
    held: Mask = np.isin(places, words.places_with(code))
    others = np.flatnonzero(~held)
    texts = catalogue.passages_at(places[others]) if len(others) else []
    held[others] = [any(holds(passage, code) for passage in passages) for passages in texts]
    return held
