"""Values of coded fields that mean "nothing": what people and systems write where they have nothing to write.

They are nothing in features, signatures and filters: two incidents on the configuration item "N/A" have no item in
common. What was imported is kept as it came, and in a target such a value may be a class of its own.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

# Compared without case, width, spaces and signs around them, and in simplified characters.
PLACEHOLDERS = frozenset(
    {
        "n/a",
        "na",
        "n.a",
        "n\\a",
        "none",
        "nothing",
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
        "not provided",
        "not selected",
        "none selected",
        "no ci",
        "no configuration item",
        "no asset",
        "unknown ci",
        "unknown configuration item",
        "unknown asset",
        "tbd",
        "tba",
        "to be determined",
        "to be defined",
        "blank",
        "empty",
        "dummy",
        "no value",
        "unbekannt",
        "keine",
        "keine angabe",
        "k.a",
        "无",
        "未知",
        "不详",
        "不明",
        "不清楚",
        "不知道",
        "不适用",
        "空",
        "空白",
        "暂无",
        "没有",
        "无配置项",
        "没有配置项",
        "未知配置项",
        "无资产",
        "未填",
        "未填写",
        "未指定",
        "未提供",
        "未选择",
        "未确定",
        "未设置",
        "未说明",
        "未分类",
        "待定",
        "待补充",
        "待确认",
    }
)
_COMPACT = frozenset(value.replace(" ", "") for value in PLACEHOLDERS)
_TRADITIONAL = str.maketrans("無沒暫適類補詳確認選擇項資產設說寫", "无没暂适类补详确认选择项资产设说写")
_OUTER_SIGNS = re.compile(r"^[\W_]+|[\W_]+$")
_BETWEEN = re.compile(r"[\s,;、|]+")
_ZERO_TIME = re.compile(r"[0./:\-tz ]*0[0./:\-tz ]*")


@lru_cache(maxsize=65_536)
def is_placeholder(value: str) -> bool:
    """Return whether a value means "nothing": empty, signs alone, zeros of a date, or `PLACEHOLDERS`, one or several.

    Examples
    --------
    >>> [is_placeholder(value) for value in ("?", "-", "N / A", "(none)", "无", "0000-00-00 00:00:00", "0", "vpn-gw-2")]
    [True, True, True, True, True, True, False, False]
    """
    plain = unicodedata.normalize("NFKC", value).casefold().translate(_TRADITIONAL).strip()
    if not any(map(str.isalnum, plain)) or _is_listed(plain) or all(map(_is_listed, _BETWEEN.split(plain))):
        return True
    return len(plain) >= 8 and _ZERO_TIME.fullmatch(plain.strip("()[]")) is not None


def _is_listed(plain: str) -> bool:
    compact = _OUTER_SIGNS.sub("", "".join(plain.split()))
    return not compact or compact in _COMPACT


def without_placeholders(values: Iterable[str]) -> list[str]:
    """Return the values of a coded field, ``""`` for one that means "nothing"."""
    return ["" if is_placeholder(value) else value for value in values]
