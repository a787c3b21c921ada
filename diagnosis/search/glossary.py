"""The built-in Chinese-English glossary of IT terms: pairs for training, and words to add to a question."""

from __future__ import annotations

import csv
from functools import cache
from importlib import resources


@cache
def _entries() -> tuple[tuple[str, str], ...]:
    with resources.files("diagnosis.search").joinpath("glossary.csv").open(encoding="utf-8") as file:
        return tuple((row["zh"], row["en"]) for row in csv.DictReader(file))


def glossary_pairs() -> list[tuple[str, str]]:
    """Return every (Chinese term, English term) of the glossary."""
    return list(_entries())
