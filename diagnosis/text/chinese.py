"""Chinese text: traditional characters read as simplified ones (OpenCC), and words (jieba's dictionary, by rjieba)."""

from __future__ import annotations

import re
from functools import cache

import opencc
import rjieba

from diagnosis.text.tokens import HAN

_HAN = re.compile(f"[{HAN}]")


def has_han(text: str) -> bool:
    """Tell whether a text holds a Chinese character."""
    return _HAN.search(text) is not None


def simplified(text: str) -> str:
    """Return text with traditional Chinese characters replaced by simplified ones, each by one.

    Examples
    --------
    >>> simplified("防火牆")
    '防火墙'
    """
    if not has_han(text):
        return text
    converted: str = _converter().convert(text)
    return converted if len(converted) == len(text) else text


def chinese_words(run: str) -> list[str]:
    """Return the words of a run of characters without spaces; joined they are the run.

    Examples
    --------
    >>> chinese_words("打印机卡纸")
    ['打印机', '卡纸']
    """
    words: list[str] = rjieba.cut(run, False)
    return words


@cache
def _converter() -> opencc.OpenCC:
    return opencc.OpenCC("t2s")
