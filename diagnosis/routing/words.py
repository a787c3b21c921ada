"""Words of a text in any script, and the character n-grams inside words.

A run of Chinese, Japanese or Korean characters counts as a word, and its n-grams stand for the words that it does not
separate.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

CJK = "々〆㐀-䶿一-鿿豈-﫿ぁ-ゖァ-ヺー가-힣\U00020000-\U000323af"
_UNIT = re.compile(rf"[{CJK}]+|[^\W_{CJK}]+")
_IS_CJK = re.compile(rf"[{CJK}]")
_MAX_CHARS = 20_000  # what is read of one text: the gist stands early, and a pasted log must not cost seconds
_MAX_UNIT = 60  # characters of one word that are cut into n-grams: longer "words" are encoded data
_SIZES = range(2, 6)


def units(text: str) -> list[str]:
    """Return the words of a text in order, lower-case NFKC; a run of CJK characters is one word."""
    text = text[:_MAX_CHARS]
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return _UNIT.findall(text.lower())


def is_cjk(unit: str) -> bool:
    """Tell whether a unit is a run of Chinese, Japanese or Korean characters."""
    return _IS_CJK.match(unit) is not None


def character_grams(unit: str) -> Iterator[str]:
    """Yield the character n-grams of one word; spaces mark where a Latin word begins and ends."""
    padded = unit[:_MAX_UNIT] if is_cjk(unit) else f" {unit[:_MAX_UNIT]} "
    if len(padded) == 1:
        yield padded
    for size in _SIZES:
        for start in range(len(padded) - size + 1):
            yield padded[start : start + size]


def placed_grams(word: str) -> Iterator[tuple[str, int]]:
    """Yield the n-grams of a word with the position of their first character; -1 is the space before a Latin word."""
    shift = 0 if is_cjk(word) else -1
    previous, at = 0, 0
    for gram in character_grams(word):
        at = at + 1 if len(gram) == previous else 0
        previous = len(gram)
        yield gram, at + shift
