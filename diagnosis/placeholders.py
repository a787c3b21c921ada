"""Values of coded fields that mean "nothing": what people and systems write where they have nothing to write.

They are nothing in features, signatures and filters: two incidents on the configuration item "N/A" have no item in
common. What was imported is kept as it came, and in a target such a value may be a class of its own.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

# Compared without case, width, outer spaces and brackets.
PLACEHOLDERS = frozenset(
    {
        "n/a",
        "na",
        "n.a",
        "n.a.",
        "n\\a",
        "#n/a",
        "none",
        "null",
        "nil",
        "nan",
        "nat",
        "unknown",
        "undefined",
        "unspecified",
        "not specified",
        "not applicable",
        "not available",
        "not known",
        "not set",
        "tbd",
        "tba",
        "to be determined",
        "to be defined",
        "blank",
        "empty",
        "dummy",
        "no value",
        "-none-",
        "unbekannt",
        "keine",
        "无",
        "無",
        "未知",
        "不详",
        "不明",
        "不适用",
        "不適用",
        "空",
        "空白",
        "暂无",
        "暫無",
        "没有",
        "未填",
        "未填写",
        "未指定",
        "未分类",
        "待定",
        "待补充",
    }
)
_ZERO_TIME = re.compile(r"[0./:\-tz ]*0[0./:\-tz ]*")
_BRACKETS = "()[]{}<>\"'“”‘’【】「」"


@lru_cache(maxsize=65_536)
def is_placeholder(value: str) -> bool:
    """Return whether a value means "nothing": empty, signs alone, zeros of a date, or one of `PLACEHOLDERS`.

    Examples
    --------
    >>> [is_placeholder(value) for value in ("?", "-", "N/A", "(none)", "无", "0000-00-00 00:00:00", "0", "vpn-gw-2")]
    [True, True, True, True, True, True, False, False]
    """
    plain = unicodedata.normalize("NFKC", value).strip().strip(_BRACKETS).strip().casefold()
    if not any(map(str.isalnum, plain)):
        return True
    if plain in PLACEHOLDERS:
        return True
    return len(plain) >= 8 and _ZERO_TIME.fullmatch(plain) is not None


def without_placeholders(values: Iterable[str]) -> list[str]:
    """Return the values of a coded field, ``""`` for one that means "nothing"."""
    return ["" if is_placeholder(value) else value for value in values]
