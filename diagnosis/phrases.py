"""Phrases: what a part has to say, as a code with values, put into words in English or Chinese.

Who computes something says what it means by a code; the catalogue holds the sentence of each code in both languages:
`phrases.toml`, and `refusals.toml` of what was refused. It is put into words where a person reads it, and where a file
keeps it in English.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from itertools import count
from string import Formatter
from typing import Any, Literal, Self

Language = Literal["en", "zh"]
_SEPARATORS: Mapping[Language, str] = {"en": ", ", "zh": "、"}
_ONE = ("1", "+1")
_NOUNS = re.compile(
    "^( (?:more |past |service )?(?:action|alert|answer|article|change|complaint|correction|day|decision|episode|"
    "finding|hour|incident|minute|month|outage|problem|question|rating|record|release|request|row|rule|time|value|"
    "week))s(?![a-z])"
)
_BETWEEN_PHRASES: Mapping[Language, str] = {"en": "; ", "zh": "；"}
# What the entries of names in the catalogue begin with, by the last word of what a value is called.
_NAMES = {
    **dict.fromkeys(("field", "fields", "target"), "field"),
    "language": "language",
    "records": "records",
    "omission": "left_out",
}


@dataclass(frozen=True, slots=True)
class Phrase:
    """A sentence by its code in the catalogue, and the values that stand in it.

    Attributes
    ----------
    code : str
        Name of an entry of `phrases.toml` or `refusals.toml`.
    values : mapping of str to object
        A value is text, a number, another phrase, or a sequence of texts or of phrases. Texts named ``field``,
        ``fields`` or ``target``, also after an underscore, are names of fields, and one named ``language`` is the code
        of a language, ``records`` a kind of them, ``omission`` why records are left out: they are shown in the reader's
        language. Between several phrases stands a semicolon, between ``names`` a comma.

    Examples
    --------
    >>> in_words(Phrase("no_class_left"), "zh")
    '没有剩余的类别'
    """

    code: str
    values: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return in_words(self, "en")

    def __hash__(self) -> int:
        return hash(self.code)  # values may hold what cannot be hashed

    def to_dict(self) -> dict[str, Any]:
        """Return the phrase as JSON values; phrases among its values likewise."""
        return {"code": self.code, "values": {name: _to_json(value) for name, value in self.values.items()}}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Return the phrase that `to_dict` wrote."""
        values = {name: _from_json(value) for name, value in stored["values"].items()}
        if stored["code"] == "too_many_errors" and "right" not in values:  # of a diagnosis that an older version kept
            values["right"] = values["n"] - values["wrong"]
        return cls(stored["code"], values)


def in_words(phrase: Phrase, language: str, *, labels: bool = False) -> str:
    """Return the sentence of a phrase; any language but Chinese is answered in English.

    With ``labels``, English calls fields as agents do: ``configuration item`` and not ``cmdb_ci``.

    Raises
    ------
    KeyError
        If the catalogue lacks the code or the phrase lacks a value.
    """
    reader = _of_reader(language)
    forms = catalogue()[phrase.code]
    form = "one" if reader == "en" and phrase.values.get("n") == 1 and "one" in forms else reader
    values = {name: _shown(name, value, reader, labels) for name, value in phrase.values.items()}
    counts_one = reader == "en" and 1 in phrase.values.values()  # else the singular is not looked for: it takes time
    return (CountedForm(forms[form]) if counts_one else forms[form]).format(**values)


def as_written(text: str) -> Phrase:
    """Return a text that has no code, such as one that an older program kept or a person wrote."""
    return Phrase("as_written", {"text": text})


def percent(share: float, places: int = 0) -> str:
    """Return a share as percent: never 0 % or 100 % for what is neither.

    Examples
    --------
    >>> percent(0.004), percent(0.83), percent(0.9968), percent(0.9968, 1), percent(1.0)
    ('<1%', '83%', '>99%', '99.7%', '100%')
    """
    shown, step = f"{share:.{places}%}", 10.0 ** -(places + 2)
    if share > 0 and float(shown[:-1]) == 0:
        return f"<{step:.{places}%}"
    return f">{1 - step:.{places}%}" if share < 1 and float(shown[:-1]) == 100 else shown


class _Number(float):
    """A number of a phrase; formatted as percent, it is written by `percent`."""

    def __format__(self, form: str) -> str:
        places = re.fullmatch(r"\.(\d)%", form)
        return percent(float(self), int(places[1])) if places else super().__format__(form)


class CountedForm(str):
    """An English form whose nouns are singular after a one: ``{} incidents`` of one is ``1 incident``.

    Examples
    --------
    >>> CountedForm("{} incidents in {} days").format(3, 1)
    '3 incidents in 1 day'
    """

    __slots__ = ()

    def format(self, *args: object, **kwargs: object) -> str:
        """Return the form with its values."""
        places = count()
        parts: list[str] = []
        for literal, name, spec, conversion in Formatter().parse(self):
            parts.append(_NOUNS.sub(r"\1", literal) if parts and parts[-1] in _ONE else literal)
            if name is not None:
                place = f"{{{name or next(places)}{'!' + conversion if conversion else ''}:{spec}}}"
                parts.append(place.format(*args, **kwargs))
        return "".join(parts)


def joined(phrases: Sequence[Phrase]) -> Phrase | None:
    """Return several phrases as one; None if there is none."""
    if len(phrases) < 2:
        return phrases[0] if phrases else None
    return Phrase("several", {"phrases": tuple(phrases)})


def either(names: Sequence[str]) -> str | Phrase:
    """Return names of which one is enough."""
    first, *others = names
    named: str | Phrase = first
    for name in others:
        named = Phrase("either", {"first": named, "second": name})
    return named


def reason_of(prediction: Mapping[str, Any], language: str) -> tuple[str, Language]:
    """Return why a prediction (the contract's object) is not automatic, and the language of that sentence.

    Predictions that were stored without a code have their English sentence alone.
    """
    if code := prediction.get("reason_code"):
        phrase = Phrase.from_dict({"code": code, "values": prediction["reason_values"]})
        return in_words(phrase, language, labels=True), _of_reader(language)
    return prediction["reason"], "en"


def warnings_of(diagnosis: Mapping[str, Any], language: str) -> list[tuple[str, Language]]:
    """Return the warnings of a diagnosis (the contract's object), each with the language of its sentence."""
    if phrases := diagnosis.get("warning_phrases"):
        return [(in_words(Phrase.from_dict(phrase), language, labels=True), _of_reader(language)) for phrase in phrases]
    return [(sentence, "en") for sentence in diagnosis["warnings"]]


def name_in_words(kind: str, name: str, language: Language, *, labels: bool = False) -> str:
    """Return what a field, a language, a kind of records or a reason to leave records out is called.

    What is not in the catalogue keeps its name.

    English sentences name a field as the import format does.
    """
    forms = catalogue().get(f"{kind}_{name}")
    if forms is None:
        return name
    return forms["label"] if labels and language == "en" and "label" in forms else forms[language]


def listed(names: Iterable[str], language: Language) -> str:
    """Return names with what stands between them."""
    return _SEPARATORS[language].join(names)


@cache
def catalogue() -> Mapping[str, Mapping[str, str]]:
    """Return code to form (``en``, ``zh``, and ``one``: English where ``n`` is 1) to sentence."""
    folder = files("diagnosis")
    texts = (folder.joinpath(name).read_text(encoding="utf-8") for name in ("phrases.toml", "refusals.toml"))
    return tomllib.loads("".join(texts))


def _of_reader(language: str) -> Language:
    return "zh" if language.startswith("zh") else "en"


def _shown(name: str, value: Any, language: Language, labels: bool) -> Any:  # noqa: ANN401 - of each kind
    kind = _NAMES.get(name.rpartition("_")[2])
    if isinstance(value, Phrase):
        return in_words(value, language, labels=labels)
    if isinstance(value, float):
        return _Number(value)
    if isinstance(value, str):
        return value if kind is None else name_in_words(kind, value, language, labels=labels)
    if isinstance(value, Sequence):
        if value and isinstance(value[0], Phrase):
            between = (_SEPARATORS if name.endswith("names") else _BETWEEN_PHRASES)[language]
            return between.join(in_words(part, language, labels=labels) for part in value)
        if kind is not None:
            value = [name_in_words(kind, part, language, labels=labels) for part in value]
        return listed(value, language)
    return value


def _to_json(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, Phrase):
        return value.to_dict()
    return [_to_json(part) for part in value] if isinstance(value, tuple | list) else value


def _from_json(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, Mapping):
        return Phrase.from_dict(value)
    return tuple(_from_json(part) for part in value) if isinstance(value, list) else value
