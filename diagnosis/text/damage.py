"""Repair of text that was damaged on its way here: UTF-8 read as cp1252, Excel's escapes, case lowered afterwards.

ftfy does the repair; this module gives it back the bytes that an export took away and leaves all else alone. Quotes,
width of characters, ligatures and HTML are kept as they came: text that was not damaged comes back byte for byte.
"""

from __future__ import annotations

import re

import ftfy
import pandas as pd
from ftfy.badness import is_bad

from diagnosis.text.lowered import raise_damage, repair_pairs

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
        text, before = _repaired(text), text
        if text == before:
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
