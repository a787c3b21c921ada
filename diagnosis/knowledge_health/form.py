"""Faults of form: what an article lacks of what every article should say, and translations that are missing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from diagnosis.knowledge import ended_articles
from diagnosis.suggest.wording import says_nothing
from diagnosis.text import language

STANDARD = ("title", "symptoms", "cause", "resolution", "steps", "audience", "owner", "review_at")
_SHARE = 0.05  # of the articles that a language needs, so that the others are expected in it
_STEP = re.compile(
    r"^\s*(?:\d+[.)、．]|[-*•·]|[①-⑳]|[（(]\d+[)）]|step \d|第[一二三四五六七八九十]步)",
    re.MULTILINE | re.IGNORECASE,
)
_SENTENCE = re.compile(r"[。！？；]+|[.!?;]+(?:\s|$)|\n")
_PROSE = 3  # sentences without a list from which steps are missing
_REFERENCE = re.compile(r"^\W*(?:please\s+)?(?:(?:see|refer to|as in|siehe)\b|详见|参见|参考|请见|见)", re.IGNORECASE)
_SHORT = 60  # characters: a reference that is so short says nothing itself


@dataclass(frozen=True, slots=True)
class FormFault:
    """An article, and what it lacks of `STANDARD`."""

    number: str
    lacks: tuple[str, ...]


def form_faults(articles: pd.DataFrame) -> list[FormFault]:
    """Return the articles that lack something, those that lack most first.

    Parameters
    ----------
    articles : DataFrame
        Canonical.
    """
    columns = ["number", *(name for name in STANDARD if name != "steps")]
    rows = articles[columns].to_dict("records")
    faults = [FormFault(str(row["number"]), _lacks(row)) for row in rows]
    return sorted((fault for fault in faults if fault.lacks), key=lambda fault: -len(fault.lacks))


def _lacks(row: Mapping[Hashable, Any]) -> tuple[str, ...]:
    resolution = str(row["resolution"])
    missing = {name for name in ("title", "symptoms", "cause", "audience", "owner") if not str(row[name]).strip()}
    if pd.isna(row["review_at"]):
        missing.add("review_at")
    if says_nothing(resolution) or (len(resolution.strip()) < _SHORT and _REFERENCE.match(resolution)):
        missing.add("resolution")
    elif not _STEP.search(resolution) and len([part for part in _SENTENCE.split(resolution) if part.strip()]) >= _PROSE:
        missing.add("steps")
    return tuple(name for name in STANDARD if name in missing)


def languages_of(articles: pd.DataFrame) -> list[str]:
    """Return the language of each article: as it says, or as its words are."""
    texts = articles["title"] + "\n" + articles["resolution"]
    return [
        said.split("-")[0].lower() or language(text) for said, text in zip(articles["language"], texts, strict=True)
    ]


def families_of(articles: pd.DataFrame) -> list[str]:
    """Return the number of the original of each article: the same for all translations of one."""
    return [of or number for number, of in zip(articles["number"], articles["translation_of"], strict=True)]


def untranslated(articles: pd.DataFrame, demand: Mapping[tuple[str, str], int], as_of: pd.Timestamp) -> list[str]:
    """Return the articles that a language of the knowledge base lacks, those that are asked for most in it first.

    Parameters
    ----------
    articles : DataFrame
        Canonical.
    demand : mapping of (number, language) to int
        Incidents in a language that an article answers.
    as_of : Timestamp
        Articles that ran out before it need no translation.
    """
    languages, families = languages_of(articles), families_of(articles)
    used_languages = {name for name, n in Counter(languages).items() if name != "und" and n >= _SHARE * len(languages)}
    if len(used_languages) < 2:
        return []
    present: dict[str, set[str]] = {}
    for family, name in zip(families, languages, strict=True):
        present.setdefault(family, set()).add(name)
    missing: list[tuple[int, str]] = []
    is_current = ~ended_articles(articles, as_of)[0]
    for number, family, name, current in zip(articles["number"], families, languages, is_current, strict=True):
        lacking = used_languages - present[family]
        if name in used_languages and lacking and current:
            missing.append((sum(demand.get((number, other), 0) for other in lacking), number))
    return [number for _, number in sorted(missing, key=lambda entry: (-entry[0], entry[1]))]


def steps_of(text: str) -> Sequence[str]:
    """Return the sentences of a resolution, as steps."""
    return [re.sub(r"^\s*\d+[.)、]\s*", "", part).strip() for part in _SENTENCE.split(text) if part.strip()]
