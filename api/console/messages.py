"""Texts of the pages, in Chinese and English, from one catalogue: `messages.toml`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Literal

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
    tags = [cookie or "", *re.findall(r"[a-z]+", accepted.lower())]
    first = next((tag for tag in tags if tag in MESSAGES), "en")
    return "zh" if first == "zh" else "en"
