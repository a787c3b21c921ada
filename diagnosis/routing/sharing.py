"""Routers that learned from the same texts read an incident's text once, and hold what they learned of them once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, Self, TypeVar

from diagnosis.routing.features import IncidentFeatures
from diagnosis.routing.meaning import Meaning
from diagnosis.routing.router import Router
from diagnosis.routing.topics import Topics
from diagnosis.routing.vocabulary import Vocabulary


class _Comparable(Protocol):
    def equals(self, other: Self) -> bool: ...


_One = TypeVar("_One", bound=_Comparable)


def share_features(routers: Iterable[Router]) -> None:
    """Put one set of features in the place of equal ones; where only parts are equal, these.

    Features remember the incident that they read last, a vocabulary its text and words' n-grams.
    """
    known: list[IncidentFeatures] = []
    vocabularies: list[Vocabulary] = []
    topics: list[Topics] = []
    meanings: list[Meaning] = []
    for router in routers:
        features = _known(known, router.classifier_.features_)
        router.classifier_.features_ = router.suggester_.features_ = features
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
