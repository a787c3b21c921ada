"""KnowledgeBoard: the state of the knowledge base, judged anew when records change."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from api.serving import Serving
from diagnosis.diagnoser import Diagnoser
from diagnosis.incident import IncidentBatch
from diagnosis.knowledge_health import KnowledgeHealth, SearchedIncidents, assess_knowledge
from diagnosis.parts import Parts
from diagnosis.search import Filters
from training.fitting.as_of import last_moment

MOST_SEARCHED = 2_000  # newest incidents for which an article is looked for: some milliseconds each


@dataclass(frozen=True)
class KnowledgeSnapshot:
    """The state of the knowledge base, what the service held then, and the titles of its articles."""

    state: tuple[object, ...]
    health: KnowledgeHealth
    titles: dict[str, str]
    searched: int


class KnowledgeBoard:
    """Judges the knowledge base of the release in service, with what was stored since.

    It is judged when it is asked for and something has changed; the answer is kept until then.

    Parameters
    ----------
    serving : Serving
    """

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._snapshot: KnowledgeSnapshot | None = None
        self._judging = threading.Lock()

    def current(self) -> KnowledgeSnapshot:
        """Return the state of the knowledge base.

        Raises
        ------
        NothingPublishedError
            If no release is in service.
        """
        with self._judging:
            current = self._serving.current
            state = (current.release, current.applied)
            if self._snapshot is None or self._snapshot.state != state:
                self._snapshot = _judged(current.diagnoser, state)
            return self._snapshot


def _judged(diagnoser: Diagnoser, state: tuple[object, ...]) -> KnowledgeSnapshot:
    parts = diagnoser.parts
    incidents, articles = parts.history.frame().reset_index(drop=True), parts.knowledge.frame().reset_index(drop=True)
    moment = last_moment(incidents)
    as_of = pd.Timestamp.now("UTC") if pd.isna(moment) else moment
    rows = incidents["opened_at"].argsort(kind="stable").to_numpy().astype(np.intp)[-MOST_SEARCHED:]
    newest = IncidentBatch.from_frame(incidents.iloc[rows].reset_index(drop=True))
    texts, searched = _searched(parts, incidents, newest, rows, as_of)
    matched = parts.problems.match(newest) if parts.problems is not None else [None] * len(newest)
    numbers = newest.column("number")
    problems = {number: found.id for number, found in zip(numbers, matched, strict=True) if found is not None}
    health = assess_knowledge(incidents, articles, texts, searched, parts.retriever, as_of=as_of, problems=problems)
    titles = dict(zip(articles["number"], articles["title"], strict=True))
    return KnowledgeSnapshot(state, health, titles, len(rows))


def _searched(
    parts: Parts, incidents: pd.DataFrame, newest: IncidentBatch, rows: npt.NDArray[np.intp], as_of: pd.Timestamp
) -> tuple[list[str], SearchedIncidents]:
    """Return the texts of all incidents, and what search says of some; of the others nothing is known."""
    words = parts.prepare(newest).text
    found = SearchedIncidents.of(parts.retriever, words, Filters(valid_at=as_of.to_pydatetime()))
    texts = incidents["short_description"].tolist()
    covered, nearest = np.full(len(incidents), np.nan), [""] * len(incidents)
    vectors = np.zeros((len(incidents), parts.retriever.encoder.dimensions), dtype=np.float32)
    covered[rows], vectors[rows] = found.covered, found.vectors
    for row, text, number in zip(rows.tolist(), words, found.nearest, strict=True):
        texts[row], nearest[row] = text, number
    return texts, SearchedIncidents(covered, nearest, vectors)
