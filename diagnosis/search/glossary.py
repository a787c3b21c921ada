"""The built-in Chinese-English glossary of IT terms: pairs for training, and words to add to a question."""

from __future__ import annotations

import csv
import re
from functools import cache, lru_cache
from importlib import resources

from diagnosis.text.tokens import CJK

# Where a term can stand: words between spaces, or characters of a script without them.
_RUNS = re.compile(rf"[a-z][a-z-]*(?: [a-z][a-z-]*)*|[{CJK}]+")
_MAX_CHARS = 4_000


@cache
def _entries() -> tuple[tuple[str, str], ...]:
    with resources.files("diagnosis.search").joinpath("glossary.csv").open(encoding="utf-8") as file:
        return tuple((row["zh"], row["en"]) for row in csv.DictReader(file))


def glossary_pairs() -> list[tuple[str, str]]:
    """Return every (Chinese term, English term) of the glossary."""
    return list(_entries())


@lru_cache(maxsize=64)  # both corpora are asked the same
def translated(text: str) -> str:
    r"""Return the other language's terms for the glossary terms of a text, one a line, in order; ``""`` if none.

    Examples
    --------
    >>> translated("打印机 卡纸").split("\n")
    ['printer', 'paper jam']
    """
    translations: list[str] = []
    for run in _RUNS.findall(text[:_MAX_CHARS].lower()):
        pieces = run.split() if run.isascii() else list(run)
        joint = " " if run.isascii() else ""
        place = 0
        while place < len(pieces):
            longest = _longest().get(pieces[place], 1)  # most words begin no term
            for length in range(min(longest, len(pieces) - place), 0, -1):
                terms = _translations().get(joint.join(pieces[place : place + length]))
                if terms:
                    translations += terms
                    break
            place += length
    return "\n".join(dict.fromkeys(translations))


@cache
def _longest() -> dict[str, int]:
    """Return first word or character to the words or characters of the longest term that begins with it."""
    longest: dict[str, int] = {}
    for term in _translations():
        pieces = term.split() if term.isascii() else list(term)
        longest[pieces[0]] = max(longest.get(pieces[0], 1), len(pieces))
    return longest


@cache
def _translations() -> dict[str, list[str]]:
    """Return term to terms of the other language; an English one also in its plural."""
    translations: dict[str, list[str]] = {}
    for zh, en in _entries():
        translations.setdefault(zh, []).append(en)
        translations.setdefault(en, []).append(zh)
        if not en.endswith("s"):
            translations.setdefault(f"{en}s", []).append(zh)
    return translations
