"""A review in words: labels, figures and the sentences of its summary, in English or Chinese."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from diagnosis.phrases import CountedForm
from diagnosis.review.definitions import Definition


class Words:
    """The words of a review in one language.

    Parameters
    ----------
    language : str
        Any but Chinese is English.
    """

    def __init__(self, language: str) -> None:
        self.language = "zh" if language.startswith("zh") else "en"

    def __call__(self, kind: str, code: str, **values: object) -> str:
        """Return a label or sentence with its values; a label that is not in the catalogue is the code itself."""
        forms = catalogue()[kind].get(code.casefold() if kind == "channel" else code)
        if forms is None:
            return code
        if not values:
            return forms[self.language]
        return (CountedForm(forms["en"]) if self.language == "en" else forms["zh"]).format(**values)

    def value(self, unit: str, value: float | None, *, signed: bool = False) -> str:
        """Return a figure with its unit: ``27 %``, ``2.1 h``; a dash for none."""
        if value is None:
            return "–"
        code = "hours" if unit == "hours" else "points" if signed else "share"
        return self("unit", code, value=_number(unit, value, signed=signed))

    def interval(self, unit: str, bounds: tuple[float, float] | None, *, signed: bool = False) -> str:
        """Return an interval: ``22 to 33 %``; a dash for none."""
        if bounds is None:
            return "–"
        lower, upper = bounds
        ends = {"lower": _number(unit, lower, signed=signed), "upper": self.value(unit, upper, signed=signed)}
        return self("unit", "interval", **ends)

    def target(self, definition: Definition, target: float | None) -> str:
        """Return a target: ``at most 2 h``; a dash for none."""
        if target is None:
            return "–"
        code = "at_most" if definition.lower_is_better else "at_least"
        return self("unit", code, value=self.value(definition.unit, target))

    def joined(self, parts: list[str], kind: str = "separator") -> str:
        """Return several words or clauses as one."""
        return self("unit", kind).join(parts)


@cache
def catalogue() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    """Return kind to code to language to text."""
    text = files("diagnosis.review").joinpath("words.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _number(unit: str, value: float, *, signed: bool) -> str:
    """Return a figure without its unit: hours, or a share in percent."""
    if unit == "hours":
        places = 0 if abs(value) >= 100 or value == int(value) else 1
    else:
        value *= 100
        near = 0 < abs(value) < 10 or 90 < abs(value) < 100  # where a tenth matters
        places = 1 if near and abs(value - round(value)) > 0.05 else 0
    if round(value, places) == 0:
        return "0"  # without a sign, whatever was rounded to it
    return f"{value:{'+' if signed else ''},.{places}f}".replace("-", "−")
