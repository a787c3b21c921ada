"""Wording: what reports and commands say, in English or Chinese.

What a command or a page says of itself is written there in English; its Chinese stands in `chinese.toml`, found by the
English form with ``{}`` for each value, as gettext does. What was computed elsewhere comes as a phrase: a code with
values, whose sentences stand in `diagnosis/phrases.toml`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import get_args

from diagnosis.phrases import CountedForm, Language, Phrase, in_words, listed, name_in_words

LANGUAGES: tuple[Language, ...] = get_args(Language)


@dataclass(frozen=True, slots=True)
class Wording:
    """The words of one language.

    Examples
    --------
    >>> Wording("zh")("{} incidents", "1,200")
    '1,200 起事件'
    >>> Wording("zh")(Phrase("figure_calibration_error", {"target": "category"}))
    '分类：校准误差'
    """

    language: Language = "en"

    def __call__(self, said: str | Phrase, *values: object) -> str:
        """Return an English form of the catalogue with its values, or a phrase, in this language.

        Raises
        ------
        KeyError
            If the catalogue lacks it.
        """
        if isinstance(said, Phrase):
            return in_words(said, self.language)
        form = CountedForm(said) if self.language == "en" else chinese()[said]
        return form.format(*values)

    def listed(self, names: Iterable[str]) -> str:
        """Return names with what stands between them."""
        return listed(names, self.language)

    def field(self, name: str) -> str:
        """Return what a field is called."""
        return name_in_words("field", name, self.language)

    def name_of(self, kind: str, name: str) -> str:
        """Return what a language or a kind of records is called; a name that is not in the catalogue stays."""
        return name_in_words(kind, name, self.language)


ENGLISH = Wording()


@cache
def chinese() -> Mapping[str, str]:
    """Return English form to Chinese form."""
    return tomllib.loads(files("training.command_line").joinpath("chinese.toml").read_text(encoding="utf-8"))
