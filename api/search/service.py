"""SearchService: the records that are nearest to some words."""

from __future__ import annotations

from typing import Literal

from api.metrics import Metrics
from api.serving import Serving
from diagnosis.redact import Redactor
from diagnosis.search import Answer, Filters
from diagnosis.search.retriever import Hit

Corpus = Literal["knowledge", "incidents"]


class SearchService:
    """Searches with the release in service.

    Parameters
    ----------
    serving : Serving
    redactor : Redactor
        Masks personal data in the query, as it is masked in the records.
    metrics : Metrics
    """

    def __init__(self, serving: Serving, redactor: Redactor, metrics: Metrics) -> None:
        self._serving = serving
        self._redactor = redactor
        self._metrics = metrics

    def search(self, query: str, corpus: Corpus, k: int, filters: Filters | None = None) -> list[tuple[str, float]]:
        """Return numbers and scores of the records that a query finds, best first."""
        return [(hit.number, hit.score) for hit in self.hits(query, corpus, k, filters)]

    def hits(self, query: str, corpus: Corpus, k: int, filters: Filters | None = None) -> list[Hit]:
        """Return the records that a query finds, best first, with their similarity."""
        return self.answer(query, corpus, k, filters).hits

    def answer(self, query: str, corpus: Corpus, k: int, filters: Filters | None = None) -> Answer:
        """Return what `hits` returns, and the probability that something there answers the query."""
        with self._metrics.stage("search"):
            diagnoser = self._serving.current.diagnoser
            return diagnoser.answers([self._redactor.redact(query)], corpus, k, filters)[0]
