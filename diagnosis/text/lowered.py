"""Damaged text whose case was lowered afterwards: the bytes that lower() changed, put back before the repair.

Read as cp1252, the UTF-8 of "ü" is "Ã¼" and that of "加" is "åŠ" and a no-break space; lower() turns them into "ã¼" and
"åš". Of the bytes that may have been there, the one is taken that gives a letter in use.
"""

from __future__ import annotations

import re
from itertools import product

# What cp1252 shows for the bytes 80 to BF (continuations in UTF-8), as it is after lower().
_FOLLOWERS = "".join(chr(b) for b in range(0x80, 0xA0)) + bytes(range(0x80, 0xC0)).decode("cp1252", "ignore") + "ÿ"
_FOLLOWER = f"[{re.escape(_FOLLOWERS)}]"
_BEFORE_LOWER = {"š": "šŠ", "œ": "œŒ", "ž": "žŽ", "ÿ": "Ÿ"}  # of two letters in equal use the first is meant more often

# Two bytes: only followers that no healthy word has after these letters; » may follow a Portuguese ã.
_TWO = re.compile(rf"(?:ã[¡-ª¬-º¼-¿ÿœ]|(?<![^\W\d_])ã[„–‰€]|â[´°§®£])(?!{_FOLLOWER})")
_THREE = re.compile(rf"[ä-é]{_FOLLOWER}{{2}}")


def raise_damage(text: str) -> str:
    """Return damaged text with the case of its bytes as it was; only for text that is damaged and has no capitals."""
    return _THREE.sub(_raise_three, text)


def repair_pairs(text: str) -> str:
    """Repair two-byte characters ("ã¼" for "ü"), which look too healthy for a general repair."""
    return _TWO.sub(_repair_pair, text)


def _repair_pair(match: re.Match[str]) -> str:
    raised = match[0].upper() if match[0][1] in "ÿ" else match[0][0].upper() + match[0][1]
    return raised.encode("cp1252").decode("utf-8").lower()


def _raise_three(match: re.Match[str]) -> str:
    lead, rest = match[0][0], match[0][1:]
    if not any(char in _BEFORE_LOWER for char in rest):
        return match[0]
    candidates = [lead + "".join(pair) for pair in product(*(_BEFORE_LOWER.get(char, char) for char in rest))]
    return min(candidates, key=_rarity)


def _rarity(damaged: str) -> int:
    """Rank a character by the standard tables: GB 2312 and Big5 hold the usual characters before the rare ones."""
    try:
        char = damaged.encode("sloppy-windows-1252").decode("utf-8")
    except UnicodeError:
        return 4
    for rank, (table, first, last) in enumerate((("gb2312", 0xB0, 0xD7), ("big5", 0xA4, 0xC6), ("gb2312", 0xD8, 0xF7))):
        try:
            if first <= char.encode(table)[0] <= last:
                return rank
        except UnicodeError:
            continue
    return 3
