"""Which of an article's translations stands first: who asks in Chinese reads Chinese."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from diagnosis.search.retriever import Hit


def own_language_first(hits: Sequence[Hit], known: Mapping[str, Mapping[str, Any]], language: str) -> list[Hit]:
    """Return hits with the translations of one article put in order among themselves, those in the language first.

    A translation that was found trades place and score with the one that was found before it; nothing else moves.

    Parameters
    ----------
    hits : sequence of Hit
        Best first.
    known : mapping of str to mapping
        ``language`` and ``translation_of`` of each article by its number.
    """
    places: dict[str, list[int]] = defaultdict(list)
    for place, hit in enumerate(hits):
        article = known.get(hit.number, {})
        places[str(article.get("translation_of") or hit.number)].append(place)
    ordered = list(hits)
    for family in places.values():
        foreign_last = sorted(family, key=lambda place: known.get(hits[place].number, {}).get("language") != language)
        for place, chosen in zip(family, foreign_last, strict=True):
            ordered[place] = replace(hits[chosen], score=hits[place].score)
    return ordered
