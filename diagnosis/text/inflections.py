"""Inflections of English words: what else a word may be written as, for a question in words that no record holds."""

from __future__ import annotations

import re
from collections.abc import Sequence

from diagnosis.text.stop_words import STOP_WORDS

_SHORTEST = 4  # letters of a word that is looked at, and of a stem one less
_ENDINGS = (("ying", "y"), ("ing", ""), ("ies", "y"), ("ied", "y"), ("ed", ""), ("es", ""), ("s", ""))
_NO_ENDING = re.compile(r"eed$|ss$|us$|is$")
_VOWEL = re.compile(r"[aeiouy]")
_DOUBLED = re.compile(r"([bdgklmnprt])\1$")
_DOUBLES = re.compile(r"(?:^|[^aeiou])[aeiou][bdgklmnprt]$")
_HISSES = re.compile(r"(?:[sxz]|ch|sh)$")


def inflections(word: str) -> list[str]:
    """Return the other inflections of an English word by its regular endings, lower-case; some are no words.

    Examples
    --------
    >>> inflections("jamming")[:3]
    ['jam', 'jams', 'jammed']
    >>> "freezes" in inflections("freezing"), inflections("vpn"), inflections("status")
    (True, [], [])
    """
    lower = word.lower()
    if len(lower) < _SHORTEST or not (lower.isascii() and lower.isalpha()) or lower in STOP_WORDS:
        return []
    if _NO_ENDING.search(lower) and not lower.endswith("ss"):
        return []
    forms = dict.fromkeys(form for stem in _stems(lower) for form in _forms(stem))
    return [form for form in forms if form != lower and form not in STOP_WORDS]


def _stems(word: str) -> Sequence[str]:
    stems = [word]
    for ending, instead in _ENDINGS if not word.endswith("ss") else ():
        if word.endswith(ending):
            base = word[: -len(ending)] + instead
            if not _VOWEL.search(base):  # string, bring
                break
            one_consonant = [base[:-1]] if _DOUBLED.search(base) else []
            silent = [f"{base}e"] if ending in ("ing", "ed") and not one_consonant else []
            stems = [*one_consonant, base, *silent, *([word[:-1]] if ending == "es" else [])]
            break
    return [stem for stem in stems if len(stem) >= _SHORTEST - 1]


def _forms(stem: str) -> tuple[str, ...]:
    if stem.endswith("e"):
        return stem, f"{stem}s", f"{stem}d", f"{stem[:-1]}ing"
    if stem.endswith("y") and stem[-2] not in "aeiou":
        return stem, f"{stem[:-1]}ies", f"{stem[:-1]}ied", f"{stem}ing"
    if _HISSES.search(stem):
        return stem, f"{stem}es", f"{stem}ed", f"{stem}ing"
    long_stem = f"{stem}{stem[-1]}" if _DOUBLES.search(stem) else stem
    regular = (f"{stem}ed", f"{stem}ing") if long_stem != stem else ()
    return stem, f"{stem}s", f"{long_stem}ed", f"{long_stem}ing", *regular
