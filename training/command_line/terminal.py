"""Text in columns on a terminal, where a Chinese character takes two places."""

from __future__ import annotations

import unicodedata


def padded(text: str, width: int, *, right: bool = False) -> str:
    """Return text filled up to a width."""
    space = " " * max(width - width_of(text), 0)
    return space + text if right else text + space


def cut(text: str, width: int) -> str:
    """Return the beginning of a text that fits into a width."""
    if width_of(text) <= width:
        return text
    while width_of(text) >= width:
        text = text[:-1]
    return f"{text.rstrip()}…"


def width_of(text: str) -> int:
    """Return how many places a text takes."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
