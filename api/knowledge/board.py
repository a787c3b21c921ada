"""KnowledgeBoard: the state of the knowledge base, judged in the background as records change."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pandas as pd

from api.errors import ComputingError, NothingPublishedError
from api.serving import Serving
from diagnosis.background import BackgroundLoop
from diagnosis.diagnoser import Diagnoser
from diagnosis.errors import FaultwiseError
from diagnosis.incident import IncidentBatch
from diagnosis.knowledge import answering_articles
from diagnosis.knowledge_health import KnowledgeHealth, SearchedIncidents, assess_knowledge
from diagnosis.knowledge_health.gaps import with_earlier_ids
from diagnosis.parts import Parts
from diagnosis.phrases import Phrase
from diagnosis.search import Filters
from diagnosis.store import Store
from diagnosis.times import utc_now
from training.fitting.as_of import last_moment

MOST_SEARCHED = 2_000  # newest incidents for which an article is looked for: some milliseconds each
FIRST_WAIT = 10.0  # seconds that a request waits for the first judgement
_LOOK_SECONDS = 3600.0  # the loop's own pause: it is woken when somebody asks
_PAUSE_FACTOR = 3  # the pause after judging, in times of what it took

Give = Callable[[], None]


@dataclass(frozen=True)
class KnowledgeSnapshot:
    """The state of the knowledge base, what the service held then, and the titles of its articles.

    Attributes
    ----------
    judged_at : datetime
        When it was judged.
    is_current : bool
        Whether nothing has changed since; otherwise it is being judged anew.
    """

    state: tuple[object, ...]
    health: KnowledgeHealth
    titles: dict[str, str]
    searched: int
    judged_at: datetime
    is_current: bool = True


class KnowledgeBoard:
    """Judges the knowledge base of the release in service, with what was stored since.

    Who asks is answered with the last judgement; if something has changed since, the next is made in the background.

    Parameters
    ----------
    store : Store
    serving : Serving
    wait : float
        Seconds that a request waits where nothing has been judged yet.
    """

    def __init__(self, store: Store, serving: Serving, wait: float = FIRST_WAIT) -> None:
        self._store = store
        self._serving = serving
        self._wait = wait
        self._loop = BackgroundLoop("knowledge", self._turn, _LOOK_SECONDS)
        self._snapshot: KnowledgeSnapshot | None = None
        self._failure: FaultwiseError | None = None
        self._changed = threading.Condition()
        self._touched: dict[str, int] = {}
        self._next_at = float("-inf")

    def start(self) -> None:
        """Begin; it is judged when somebody asks."""
        self._loop.start()

    def stop(self) -> None:
        """End."""
        self._loop.stop()

    def current(self) -> KnowledgeSnapshot:
        """Return the state of the knowledge base as it was last judged.

        Raises
        ------
        NothingPublishedError
            If no release is in service.
        ComputingError
            If it has not been judged yet, and is not within ``wait`` seconds.
        """
        state = self._state()
        snapshot = self._snapshot
        if snapshot is None or snapshot.state != state:
            self._loop.wake()
        if snapshot is None:
            snapshot = self._first()
        return replace(self._without_touched(snapshot), is_current=snapshot.state == state)

    def touch(self, article: str) -> None:
        """Note that a person has dealt with an article: nothing is said against it until it is judged anew."""
        with self._changed:
            self._touched[article] = self._store.changes.last()
        self._loop.wake()

    def _first(self) -> KnowledgeSnapshot:
        if not self._loop.is_running:
            self._turn()  # a process that serves agents alone judges when it is asked
        with self._changed:
            self._failure = None
            self._changed.wait_for(lambda: self._snapshot is not None or self._failure is not None, self._wait)
            if self._failure is not None:
                raise self._failure
            if self._snapshot is None:
                raise ComputingError(Phrase("knowledge_being_judged"))
            return self._snapshot

    def _state(self) -> tuple[object, ...]:
        current = self._serving.current
        return current.release, current.applied

    def _turn(self) -> None:
        """Judge what has changed since, unless the last judgement has just been made."""
        self._loop.pause(self._next_at - time.monotonic())
        try:
            current, state = self._serving.current, self._state()
        except NothingPublishedError:
            return
        if self._loop.is_stopping or (self._snapshot is not None and self._snapshot.state == state):
            return
        began = time.monotonic()
        is_first = self._snapshot is None
        try:
            snapshot = _judged(current.diagnoser, state, (lambda: None) if is_first else self._give_way())
        except FaultwiseError as error:
            with self._changed:
                self._failure = error
                self._changed.notify_all()
            raise
        if self._snapshot is not None:
            gaps = with_earlier_ids(snapshot.health.gaps, self._snapshot.health.gaps)
            snapshot = replace(snapshot, health=replace(snapshot.health, gaps=gaps))
        with self._changed:
            self._snapshot = snapshot
            self._touched = {name: at for name, at in self._touched.items() if at > current.applied}
            self._next_at = time.monotonic() + _PAUSE_FACTOR * (time.monotonic() - began)
            self._changed.notify_all()

    def _give_way(self) -> Give:
        """Return what pauses for as long as has been worked, so that requests have the processor in between."""
        began = time.monotonic()

        def give() -> None:
            nonlocal began
            self._loop.pause(time.monotonic() - began)
            began = time.monotonic()

        return give

    def _without_touched(self, snapshot: KnowledgeSnapshot) -> KnowledgeSnapshot:
        touched = self._touched.keys()
        if not touched:
            return snapshot
        health = snapshot.health
        return replace(
            snapshot,
            health=replace(
                health,
                stale=tuple(article for article in health.stale if article.number not in touched),
                form=tuple(fault for fault in health.form if fault.number not in touched),
            ),
        )


def _judged(diagnoser: Diagnoser, state: tuple[object, ...], give: Give) -> KnowledgeSnapshot:
    judged_at, parts = utc_now(), diagnoser.parts
    incidents = parts.history.frame().reset_index(drop=True)
    articles = answering_articles(parts.knowledge.frame()).reset_index(drop=True)
    moment = last_moment(incidents)
    as_of = pd.Timestamp.now("UTC") if pd.isna(moment) else moment
    rows = incidents["opened_at"].argsort(kind="stable").to_numpy().astype(np.intp)[-MOST_SEARCHED:]
    newest = IncidentBatch.from_frame(incidents.iloc[rows].reset_index(drop=True))
    texts, searched = _searched(parts, incidents, newest, rows, as_of, give)
    matched = parts.problems.match(newest) if parts.problems is not None else [None] * len(newest)
    numbers = newest.column("number")
    problems = {number: found.id for number, found in zip(numbers, matched, strict=True) if found is not None}
    health = assess_knowledge(
        incidents,
        articles,
        texts,
        searched,
        parts.retriever,
        as_of=as_of,
        now=max(as_of, pd.Timestamp(judged_at)),
        problems=problems,
    )
    titles = dict(zip(articles["number"], articles["title"], strict=True))
    return KnowledgeSnapshot(state, health, titles, len(rows), judged_at)


def _searched(
    parts: Parts,
    incidents: pd.DataFrame,
    newest: IncidentBatch,
    rows: npt.NDArray[np.intp],
    as_of: pd.Timestamp,
    give: Give,
) -> tuple[list[str], SearchedIncidents]:
    """Return the texts of all incidents, and what search says of some; of the others nothing is known."""
    words = parts.prepare(newest).text
    filters = Filters(valid_at=as_of.to_pydatetime())
    found = SearchedIncidents.of(parts.retriever, words, filters, lambda _n: give())
    texts = incidents["short_description"].tolist()
    for row, text in zip(rows.tolist(), words, strict=True):
        texts[row] = text
    return texts, found.spread(rows, len(incidents))
