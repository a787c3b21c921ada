"""Texts of the pages, in Chinese and English, from one catalogue: `messages.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Literal

from api.telemetry import accepted_language
from diagnosis.phrases import CountedForm

Language = Literal["en", "zh"]


def _read() -> Mapping[Language, Mapping[str, str]]:
    messages = tomllib.loads(files("api.console").joinpath("messages.toml").read_text(encoding="utf-8"))
    return {
        "en": {key: CountedForm(texts["en"]) for key, texts in messages.items()},
        "zh": {key: texts["zh"] for key, texts in messages.items()},
    }


MESSAGES = _read()


def language_for(cookie: str | None, accepted: str) -> Language:
    """Return the language that a person chose, or the first of ours that the browser accepts, or English."""
    return accepted_language(f"{cookie or ''},{accepted}")
