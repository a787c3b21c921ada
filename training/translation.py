"""Translation: what reports and commands say, in English or Chinese, from one catalogue: `chinese.toml`.

The catalogue leads from an English sentence to the Chinese one, with ``{}`` for each value, as gettext does. A sentence
that was put together elsewhere, or kept with a release (`Translation.sentence`), is recognised by its words, and the
values in it are translated in turn. Reasons with a code (`diagnosis.phrases`) are recognised too.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Literal

from diagnosis.phrases import CountedForm, catalogue

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")
_WORD = re.compile(r"[A-Za-z]{2,}")
_PLURAL = re.compile(r"\b(incident|article|day|finding|rule|row|text|time|value)s\b")
_PLACE = re.compile(r"{(\w*)(?::[^}]*)?}")


@dataclass(frozen=True, slots=True)
class Translation:
    """The words of one language.

    Examples
    --------
    >>> Translation("zh")("{} incidents", "1,200")
    '1,200 起事件'
    >>> Translation("zh").sentence("category: calibration error")
    '分类：校准误差'
    >>> Translation("en").sentence("category: calibration error")
    'category: calibration error'
    """

    language: Language = "en"

    def __call__(self, english: str, *values: object) -> str:
        """Return a sentence of the catalogue with its values.

        Raises
        ------
        KeyError
            If the catalogue lacks it.
        """
        form = CountedForm(english) if self.language == "en" else _sentences()[english]
        return form.format(*values)

    def sentence(self, text: str) -> str:
        """Return a finished sentence in this language; one that is not in the catalogue, as a name, stays as it is."""
        return text if self.language == "en" else _in_chinese(text)

    def lines(self, text: str) -> str:
        """Return each line of a text in this language, with its indentation."""
        if self.language == "en":
            return text
        return "\n".join(
            line[: len(line) - len(line.lstrip())] + _in_chinese(line.strip()) for line in text.split("\n")
        )

    def listed(self, names: Iterable[str]) -> str:
        """Return names with what stands between them."""
        return (", " if self.language == "en" else "、").join(names)

    def field(self, name: str) -> str:
        """Return what a field is called."""
        return name if self.language == "en" else _field_names().get(name, name)


ENGLISH = Translation()


def padded(text: str, width: int, *, right: bool = False) -> str:
    """Return text filled up to a width on a terminal, where a Chinese character takes two places."""
    space = " " * max(width - width_of(text), 0)
    return space + text if right else text + space


def cut(text: str, width: int) -> str:
    """Return the beginning of a text that fits into a width on a terminal."""
    if width_of(text) <= width:
        return text
    while width_of(text) >= width:
        text = text[:-1]
    return f"{text.rstrip()}…"


def width_of(text: str) -> int:
    """Return how many places a text takes on a terminal."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


@lru_cache(maxsize=4096)
def _in_chinese(text: str) -> str:
    chinese = _recognised(text)
    return text if chinese is None else chinese


def _recognised(text: str) -> str | None:
    """Return a sentence in Chinese; None if it is not in the catalogue.

    What leaves the fewest words in English counts: a value may hold the words of another sentence, and a sentence with
    a semicolon may be two.
    """
    whole = _sentences().get(text) or _field_names().get(text)
    if whole is not None:
        return whole
    candidates = list(_matches(text))
    sentences = text.split("; ")
    parts = [_recognised(part) for part in sentences] if len(sentences) > 1 else [None]
    if None not in parts:
        candidates.append("；".join(filter(None, parts)))
    if candidates:
        return min(candidates, key=lambda candidate: len(_WORD.findall(candidate)))
    names = text.split(", ")
    return (
        "、".join(map(_in_chinese, names)) if len(names) > 1 and all(name in _field_names() for name in names) else None
    )


def _matches(text: str) -> Iterator[str]:
    for pattern, places, chinese in _patterns():
        match = pattern.fullmatch(text)
        if match is not None:
            yield _filled(chinese, dict(zip(places, match.groups(), strict=True)))


def _filled(form: str, values: Mapping[str, str]) -> str:
    numbers = iter(range(len(values)))
    return _PLACE.sub(lambda place: _in_chinese(values[place[1] or str(next(numbers))]), form)


@cache
def _sentences() -> Mapping[str, str]:
    return tomllib.loads(files("training").joinpath("chinese.toml").read_text(encoding="utf-8"))


@cache
def _field_names() -> Mapping[str, str]:
    prefix = "field_"
    return {code.removeprefix(prefix): forms["zh"] for code, forms in catalogue().items() if code.startswith(prefix)}


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], tuple[str, ...], str], ...]:
    """Return what recognises each sentence with values, those with the most words of their own first."""
    pairs = [(english, chinese) for english, chinese in _sentences().items() if _PLACE.search(english)]
    for code, forms in catalogue().items():
        if not code.startswith("field_") and code != "several":
            pairs += [(forms[form], forms["zh"]) for form in ("en", "one") if form in forms]
    pairs.sort(key=lambda pair: -len(_PLACE.sub("", pair[0])))
    return tuple(_recogniser(english, chinese) for english, chinese in pairs if _PLACE.sub("", english).strip())


def _recogniser(english: str, chinese: str) -> tuple[re.Pattern[str], tuple[str, ...], str]:
    # A name that stands twice in a phrase is two groups; the later one counts, as both hold the same.
    places = tuple(place[1] or str(number) for number, place in enumerate(_PLACE.finditer(english)))
    literals = _PLACE.sub("\x00", english).split("\x00")
    pattern = "(.+?)".join(re.escape(literal.replace("{{", "{").replace("}}", "}")) for literal in literals)
    pattern = _PLURAL.sub(r"\1s?", pattern)
    return re.compile(pattern, re.DOTALL), places, chinese
