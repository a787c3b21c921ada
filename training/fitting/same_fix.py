"""Which past incidents were solved in the same way: by one article, or with one wording of the resolution."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from diagnosis.suggest.wording import canonical, says_nothing


def fixes_of(incidents: pd.DataFrame, articles: pd.DataFrame) -> list[str]:
    """Return the name of the fix of each incident, ``""`` where none is known; equal for those solved in the same way.

    An article and its translations are one fix, and so is every wording with which an incident names that article.

    Parameters
    ----------
    incidents, articles : DataFrame
        Canonical frames.
    """
    originals = dict(zip(articles["number"], articles["translation_of"], strict=True))
    names = incidents["knowledge"].map(lambda number: f"article {originals.get(number) or number}" if number else "")
    wordings = _wordings(incidents["close_notes"])
    same = _Groups()
    for article, wording in zip(names, wordings, strict=True):
        if article and wording:
            same.join(article, wording)
    return [same.name(article or wording) for article, wording in zip(names, wordings, strict=True)]


def _wordings(resolutions: pd.Series[str]) -> Sequence[str]:
    words = {text: "" if says_nothing(text) else canonical(text) for text in resolutions.unique()}
    return [f"wording {words[text]}" if words[text] else "" for text in resolutions]


class _Groups:
    """Disjoint sets of names, each known by one of them."""

    def __init__(self) -> None:
        self._parents: dict[str, str] = {}

    def name(self, member: str) -> str:
        """Return the name by which the group of a member is known."""
        while (parent := self._parents.get(member, member)) != member:
            self._parents[member] = self._parents.get(parent, parent)
            member = parent
        return member

    def join(self, first: str, second: str) -> None:
        """Make one group of those of two members."""
        self._parents[self.name(first)] = self.name(second)
