"""Messages: an event in words, for people who are told by mail or in a group chat."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from diagnosis.findings import answer_kind
from diagnosis.phrases import percent
from diagnosis.store.subscriptions import Language

_COLON: Mapping[Language, str] = {"en": ": ", "zh": "："}
_LONGEST = 200  # characters of a value
_NO_PERSON_READS = {"id", "diagnosis", "created_at", "language", "warnings", "similar_incidents", "suggestions"}


@dataclass(frozen=True, slots=True)
class Message:
    """An event in one language.

    Attributes
    ----------
    title : str
        What happened, in one line.
    lines : tuple of str
        What is known of it, each a name and a value.
    """

    title: str
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """Title and lines as plain text."""
        return "\n".join((self.title, *self.lines))


def message_of(event: Mapping[str, Any], language: Language) -> Message:
    """Return an event's body (type, timestamp, data) in words."""
    data: Mapping[str, Any] = event["data"]
    forms = _catalogue()["title"].get(event["type"])
    title = event["type"] if forms is None else forms[language].format_map(_Plain(data))
    return Message(_one_line(title), tuple(_lines(data, language)))


class _Plain(dict[str, Any]):
    """Values of an event; one that an event lacks is nothing, as a message must go out all the same."""

    def __missing__(self, name: str) -> str:
        return "?"


def _lines(data: Mapping[str, Any], language: Language) -> list[str]:
    lines = []
    for name, value in data.items():
        if name in _NO_PERSON_READS or value in (None, "", [], {}):
            continue
        if name == "predictions":
            lines += [
                _line(target, _prediction(prediction, language), language) for target, prediction in value.items()
            ]
        elif isinstance(value, Mapping):
            lines += [_line(part, content, language) for part, content in value.items() if _is_plain(content)]
        elif isinstance(value, list) and all(map(_is_plain, value)):
            lines.append(_line(name, ", ".join(map(str, value)), language))
        elif _is_plain(value):
            lines.append(_line(name, value, language))
    return lines


def _line(name: str, value: object, language: Language) -> str:
    forms = _catalogue()["field"].get(name)
    shown = f"{value:.3g}" if isinstance(value, float) else str(value)
    return _one_line(f"{name if forms is None else forms[language]}{_COLON[language]}{shown}")


def _prediction(prediction: Mapping[str, Any], language: Language) -> str:
    kind = answer_kind(prediction)
    if kind in ("decided", "not_sure"):
        words = _catalogue()["answer"][kind][language]
        return f"{prediction['value']} ({words})" if kind == "decided" else words
    chance = prediction["probability"]
    return str(prediction["value"]) + (f" ({percent(chance)})" if chance is not None else "")


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _one_line(text: str) -> str:
    return " ".join(text.split())[:_LONGEST]


@cache
def _catalogue() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    return tomllib.loads(files("api.webhooks").joinpath("messages.toml").read_text(encoding="utf-8"))
