"""Routers that learned from the same texts read an incident's text once, and hold what they learned of them once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, Self, TypeVar

from diagnosis.routing.features import IncidentFeatures
from diagnosis.routing.meaning import Meaning
from diagnosis.routing.router import Router
from diagnosis.routing.topics import Topics
from diagnosis.routing.vocabulary import Vocabulary
from diagnosis.routing.word_vectors import WordVectors


class _Comparable(Protocol):
    def equals(self, candidate: Self) -> bool: ...


_Part = TypeVar("_Part", bound=_Comparable)


def share_features(routers: Iterable[Router]) -> None:
    """Put one set of features in the place of equal ones; where only parts are equal, these.

    Features remember the incident that they read last, a vocabulary its text and words' n-grams.
    """
    distinct: list[IncidentFeatures] = []
    vocabularies: list[Vocabulary] = []
    topics: list[Topics] = []
    meanings: list[Meaning] = []
    word_vectors: list[WordVectors] = []
    for classifier in (of_router for router in routers for of_router in (router.classifier_, router.suggester_)):
        features = classifier.features_ = _shared(distinct, classifier.features_)
        for terms in (features.text_, features.title_):
            terms.vocabulary_ = _shared(vocabularies, terms.vocabulary_)
        features.topics_ = _shared(topics, features.topics_)
        features.meaning_ = _shared(meanings, features.meaning_)
        features.word_vectors_ = _shared(word_vectors, features.word_vectors_)


def _shared(distinct: list[_Part], part: _Part) -> _Part:
    """Return the equal of one among those known, or note it."""
    same = next((candidate for candidate in distinct if candidate.equals(part)), part)
    if same is part:
        distinct.append(part)
    return same
