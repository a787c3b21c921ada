"""Repair of text that was damaged on its way here: UTF-8 read as cp1252, Excel's escapes, case lowered afterwards.

ftfy does the repair; this module gives it back the bytes that an export took away and leaves all else alone. Quotes,
width of characters, ligatures and HTML are kept as they came: text that was not damaged comes back byte for byte.
"""

from __future__ import annotations

import re
from itertools import product

import ftfy
import pandas as pd
from ftfy.badness import is_bad

# Only the encoding is repaired: ftfy's other habits (straight quotes, half-width signs) would change healthy text.
_CONFIG = ftfy.TextFixerConfig(
    unescape_html=False,
    remove_terminal_escapes=False,
    fix_latin_ligatures=False,
    fix_character_width=False,
    uncurl_quotes=False,
    fix_line_breaks=False,
    fix_surrogates=False,
    remove_control_chars=False,
    normalization=None,
    explain=False,
)

# What cp1252 shows for the bytes 80 to FF; the bytes that it leaves undefined are what Excel escapes.
_CP1252_HIGH = "".join(bytes([b]).decode("cp1252", "ignore") for b in range(0x80, 0x100))
_ESCAPED_BYTE = re.compile(rf"(?<=[{_CP1252_HIGH}])(?:_x00[89][0-9A-F]_)+", re.IGNORECASE)
_ESCAPED_BREAK = re.compile(r"_x000(9|a|d)_", re.IGNORECASE)
_BREAKS = {"9": "\t", "a": "\n", "d": "\r"}
_MOST_TIMES = 5

# Text that was lower-cased after it was damaged: read as cp1252, the UTF-8 of "ü" is "Ã¼" and that of "加" is "åŠ" and
# a no-break space; lower() turns them into "ã¼" and "åš". Of the bytes that may have been there, the one is taken that
# gives a letter in use.
# What cp1252 shows for the bytes 80 to BF (continuations in UTF-8), as it is after lower().
_FOLLOWERS = "".join(chr(b) for b in range(0x80, 0xA0)) + bytes(range(0x80, 0xC0)).decode("cp1252", "ignore") + "ÿ"
_FOLLOWER = f"[{re.escape(_FOLLOWERS)}]"
_BEFORE_LOWER = {"š": "šŠ", "œ": "œŒ", "ž": "žŽ", "ÿ": "Ÿ"}  # of two letters in equal use the first is meant more often

# Two bytes: only followers that no healthy word has after these letters; » may follow a Portuguese ã.
_TWO = re.compile(rf"(?:ã[¡-ª¬-º¼-¿ÿœ]|(?<![^\W\d_])ã[„–‰€]|â[´°§®£])(?!{_FOLLOWER})")
_THREE = re.compile(rf"[ä-é]{_FOLLOWER}{{2}}")


def repair(text: str) -> str:
    """Return the text as it was before it was damaged; healthy text comes back unchanged.

    Repairs UTF-8 that was read as cp1252 (or Latin-1, cp1251 and the others that ftfy knows), wholly or in places,
    bytes that Excel wrote as ``_x009d_``, and two-byte characters whose damage was lower-cased. Idempotent.

    Examples
    --------
    >>> repair("vpn ä¸_x008d_èƒ½è¿žæŽ¥")
    'vpn 不能连接'
    """
    for _ in range(_MOST_TIMES):  # what one repair leaves may read as damage of another kind
        text, previous = _repaired(text), text
        if text == previous:
            break
    return text


def repair_column(column: pd.Series[str]) -> pd.Series[str]:
    """Return a column with every string repaired; missing values stay missing, the index is kept."""
    values = [repair(value) if isinstance(value, str) else value for value in column]
    return pd.Series(values, index=column.index, name=column.name, dtype=column.dtype)


def _repaired(text: str) -> str:
    if "_x00" in text:
        text = _ESCAPED_BREAK.sub(lambda m: _BREAKS[m[1].lower()], text)
        text = _ESCAPED_BYTE.sub(_unescape, text)
    if text.isascii():
        return text
    lowered = text == text.lower()
    if lowered and is_bad(text):
        text = raise_damage(text)
    fixed = ftfy.fix_text(text, _CONFIG)
    if fixed != text:  # ftfy judges line by line; damage in one is evidence against the others
        fixed = "\n".join(map(_reread, fixed.split("\n")))
    return repair_pairs(fixed) if lowered else fixed


def _reread(line: str) -> str:
    """Return a line read as UTF-8, if its cp1252 bytes are that without exception: healthy accents never are."""
    try:
        return line if line.isascii() else _reread(line.encode("sloppy-windows-1252").decode("utf-8"))
    except UnicodeError:
        return line


def _unescape(match: re.Match[str]) -> str:
    return "".join(chr(int(code, 16)) for code in re.findall(r"_x([0-9a-fA-F]{4})_", match[0]))


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
    lead, followers = match[0][0], match[0][1:]
    if not any(char in _BEFORE_LOWER for char in followers):
        return match[0]
    candidates = [lead + "".join(pair) for pair in product(*(_BEFORE_LOWER.get(char, char) for char in followers))]
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
