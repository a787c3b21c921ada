"""Words of a text in any script, and the character n-grams inside words.

Chinese and Japanese runs are divided into words; traditional and simplified characters, full-width and half-width
letters, upper and lower case read alike.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from diagnosis.text.chinese import chinese_words, has_han, simplified
from diagnosis.text.tokens import CJK

_RUN = re.compile(rf"[{CJK}]+|[^\W_{CJK}]+")
_IS_CJK = re.compile(rf"[{CJK}]")
_MAX_CHARS = 20_000  # what is read of one text: the gist stands early, and a pasted log must not cost seconds
_MAX_WORD = 60  # characters of one word that are cut into n-grams: longer "words" are encoded data
_LATIN_SIZES = range(2, 6)
_CJK_SIZES = range(1, 5)


def words_of(text: str) -> list[str]:
    """Return the words of a text in order, lower-case NFKC, Chinese in simplified characters.

    Examples
    --------
    >>> words_of("VPN 印表機卡紙")
    ['vpn', '印表机', '卡纸']
    """
    text = text[:_MAX_CHARS]
    if text.isascii():
        return _RUN.findall(text.lower())
    runs: list[str] = _RUN.findall(simplified(unicodedata.normalize("NFKC", text)).lower())
    return [word for run in runs for word in (chinese_words(run) if has_han(run) else (run,))]


def character_grams(word: str) -> Iterator[str]:
    """Yield the character n-grams of one word; spaces mark where a Latin word begins and ends."""
    is_cjk = _IS_CJK.match(word) is not None
    padded = word[:_MAX_WORD] if is_cjk else f" {word[:_MAX_WORD]} "
    for size in _CJK_SIZES if is_cjk else _LATIN_SIZES:
        for start in range(len(padded) - size + 1):
            yield padded[start : start + size]
