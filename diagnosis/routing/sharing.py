"""Routers that learned from the same texts read an incident's text once, and hold what they learned of them once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, Self, TypeVar

from diagnosis.routing.meaning import Meaning
from diagnosis.routing.router import Router
from diagnosis.routing.topics import Topics
from diagnosis.routing.vocabulary import Vocabulary


class _Comparable(Protocol):
    def equals(self, other: Self) -> bool: ...


_One = TypeVar("_One", bound=_Comparable)


def share_features(routers: Iterable[Router]) -> None:
    """Put one vocabulary in the place of equal ones, one map to topics, and one to meaning.

    A vocabulary remembers the text that it read last, and words' n-grams; topics are the most of a small router.
    """
    vocabularies: list[Vocabulary] = []
    topics: list[Topics] = []
    meanings: list[Meaning] = []
    for router in routers:
        features = router.classifier_.features_
        for terms in (features.text_, features.title_):
            terms.vocabulary_ = _known(vocabularies, terms.vocabulary_)
        features.topics_ = _known(topics, features.topics_)
        features.meaning_ = _known(meanings, features.meaning_)


def _known(known: list[_One], one: _One) -> _One:
    """Return the equal of one among those known, or note it."""
    same = next((other for other in known if other.equals(one)), one)
    if same is one:
        known.append(one)
    return same
