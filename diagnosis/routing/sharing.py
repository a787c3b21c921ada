"""Routers that learned from the same texts read an incident's text once for all of them."""

from __future__ import annotations

from collections.abc import Iterable

from diagnosis.routing.router import Router
from diagnosis.routing.vocabulary import Vocabulary


def share_vocabularies(routers: Iterable[Router]) -> None:
    """Put one vocabulary in the place of equal ones: it remembers the text that it read last, and words' n-grams."""
    distinct: list[Vocabulary] = []
    for router in routers:
        for terms in (router.classifier_.features_.text_, router.classifier_.features_.title_):
            same = next((known for known in distinct if known.equals(terms.vocabulary_)), None)
            if same is None:
                distinct.append(terms.vocabulary_)
            else:
                terms.vocabulary_ = same
