"""SearchService: the records that are nearest to some words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from api.metrics import Metrics
from api.serving import Serving
from diagnosis.knowledge import is_expired
from diagnosis.redact import Redactor
from diagnosis.search import Answer, Filters
from diagnosis.search.retriever import Hit

Corpus = Literal["knowledge", "incidents"]


@dataclass(frozen=True, slots=True)
class SearchAnswer(Answer):
    """What was found; ``expired`` are the numbers of articles whose validity is over, which stand below the others."""

    expired: frozenset[str] = frozenset()


class SearchService:
    """Searches with the release in service.

    Parameters
    ----------
    serving : Serving
    redactor : Redactor
        Masks personal data in the query, as it is masked in the records.
    metrics : Metrics

    Attributes
    ----------
    find_articles : callable
        Returns the fields of some articles, by number.
    """

    def __init__(self, serving: Serving, redactor: Redactor, metrics: Metrics) -> None:
        self._serving = serving
        self._redactor = redactor
        self._metrics = metrics
        self.find_articles: Callable[[Sequence[str]], Mapping[str, Mapping[str, Any]]] = lambda _numbers: {}

    def search(self, query: str, corpus: Corpus, k: int, filters: Filters | None = None) -> list[tuple[str, float]]:
        """Return numbers and scores of the records that a query finds, in the order of `answer`."""
        return [(hit.number, hit.score) for hit in self.hits(query, corpus, k, filters)]

    def hits(self, query: str, corpus: Corpus, k: int, filters: Filters | None = None) -> list[Hit]:
        """Return the records that a query finds, in the order of `answer`, with their similarity."""
        return self.answer(query, corpus, k, filters).hits

    def answer(self, query: str, corpus: Corpus, k: int, filters: Filters | None = None) -> SearchAnswer:
        """Return the records that a query finds, and the probability that something there answers it.

        The best come first; below them those of the articles whose validity is over, best first again.
        """
        with self._metrics.stage("search"):
            diagnoser = self._serving.current.diagnoser
            answer = diagnoser.answers([self._redactor.redact(query)], corpus, k, filters)[0]
        if corpus != "knowledge":
            return SearchAnswer(answer.hits, answer.covered)
        articles = self.find_articles([hit.number for hit in answer.hits])
        expired = frozenset(number for number, article in articles.items() if is_expired(article))
        return SearchAnswer(sorted(answer.hits, key=lambda hit: hit.number in expired), answer.covered, expired)
