"""Reasons and warnings of the core, which speaks English, in the language of the person who reads: `reasons.toml`."""

from __future__ import annotations

import re
import tomllib
from functools import lru_cache
from importlib.resources import files

from api.console.messages import MESSAGES, Language

_FIGURES = {"n", "needed", "wrong", "all", "p", "q", "bound"}
_PLACE = re.compile(r"\\{(\w+)\\}")


def _read() -> list[tuple[re.Pattern[str], str]]:
    table = tomllib.loads(files("api.console").joinpath("reasons.toml").read_text(encoding="utf-8"))
    return [(re.compile(_PLACE.sub(_group, re.escape(english)), re.DOTALL), said) for english, said in table["said"]]


def _group(place: re.Match[str]) -> str:
    name = place[1]
    holds = "s?" if name == "s" else r"[\d.%]+" if name in _FIGURES else ".+?"
    return f"(?P<{name}>{holds})"


_SAID = _read()


@lru_cache(maxsize=4096)
def in_language(reason: str, language: Language) -> tuple[str, Language]:
    """Return a reason in a language, and which language that is: English where it is none of those in the table.

    Examples
    --------
    >>> in_language("no class is left", "zh")
    ('没有剩余的类别', 'zh')
    >>> in_language("something new", "zh")
    ('something new', 'en')
    """
    if language == "en":
        return reason, "en"
    for pattern, said in _SAID:
        if found := pattern.fullmatch(reason):
            parts = {name: _part(name, text) for name, text in found.groupdict().items()}
            if all(part is not None for part in parts.values()):
                return said.format(**parts), "zh"
    return reason, "en"


def _part(name: str, text: str) -> str | None:
    """Return what stands in a place, None where it is a reason that is not known."""
    if name.startswith("reason"):
        said, language = in_language(text, "zh")
        return said if language == "zh" else None
    if name in ("field", "fields"):
        return "、".join(_field(one) for one in text.split(", "))
    return text


def _field(name: str) -> str:
    words = MESSAGES["zh"]
    return words.get(f"field_{name}", words["description"] if name == "text" else name)
