"""Tokens of Latin and CJK text: words, and for scripts without spaces single characters and pairs.

Codes, ids, host names, versions and paths are kept whole and in parts, so that ``ERR_CONNECTION_RESET`` is found by its
name and by "connection reset". Traditional and simplified Chinese are not folded into one another.
"""

from __future__ import annotations

import re
import unicodedata

# Han, kana, Hangul: written without spaces, or with spaces that do not bound what one searches for.
HAN = "㐀-䶿一-鿿\uf900-\ufaff\U00020000-\U000323af"  # ideographs, for the inside of a character class
CJK = f"々〆ぁ-ゖァ-ヺー가-힣{HAN}"
_LETTER = rf"[^\W_{CJK}]"
_WORD = rf"{_LETTER}+(?:'{_LETTER}+)*"
_TOKEN = re.compile(rf"(?P<cjk>[{CJK}]+)|{_WORD}(?:[-_./\\:@+#]+{_WORD})*")
_ASCII_WORD = r"[a-z0-9]+(?:'[a-z0-9]+)*"
_ASCII_TOKEN = re.compile(rf"{_ASCII_WORD}(?:[-_./\\:@+#]+{_ASCII_WORD})*")
_SEGMENT = re.compile(r"[/\\:@]+")
_JOINERS = "-_.+#"
_PART = re.compile(rf"[{_JOINERS}]+")
_MAX_WHOLE = 80  # characters: longer than any name one would type; what is longer is kept in parts only


def tokenise(text: str) -> list[str]:
    r"""Split text into lower-case NFKC tokens, in order.

    Words are one token each; joined ones (``ora-12154``, ``10.0.19045``, ``vpn-gw-2``, ``\\files\hr``) give the whole
    and then its parts, path segments before words; a run of CJK characters gives each character and each pair.

    Examples
    --------
    >>> tokenise("VPN 连不上 ORA-12154")
    ['vpn', '连', '连不', '不', '不上', '上', 'ora-12154', 'ora', '12154']
    """
    if text.isascii():
        return _latin_tokens(_ASCII_TOKEN.findall(text.lower()))
    text = unicodedata.normalize("NFKC", text).lower().replace("’", "'")
    tokens: list[str] = []
    for match in _TOKEN.finditer(text):
        run = match[0]
        if match["cjk"]:
            tokens += [gram for i in range(len(run)) for gram in (run[i], run[i : i + 2])][:-1]
        else:
            tokens += _latin_tokens([run])
    return tokens


def _latin_tokens(runs: list[str]) -> list[str]:
    tokens: list[str] = []
    for run in runs:
        if run.isalnum():  # most are: a plain word
            tokens.append(run)
            continue
        segments = _SEGMENT.split(run)
        if len(segments) > 1 and len(run) <= _MAX_WHOLE:
            tokens.append(run)
        for joined in segments:
            segment = joined.strip(_JOINERS)  # "/.config" is found by "config"
            if not segment:
                continue
            tokens.append(segment)
            parts = _PART.split(segment)
            if len(parts) > 1:
                tokens += parts
    return tokens
