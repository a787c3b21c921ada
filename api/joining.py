"""Joining: what is stored joins the history and the indexes of a loaded release."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from diagnosis.errors import StoreError
from diagnosis.incident import IncidentBatch
from diagnosis.knowledge import KNOWLEDGE_FIELDS, as_knowledge_frame
from diagnosis.prepared import PreparedIncidents
from diagnosis.redact import ALL_KINDS
from diagnosis.release import STORE, Manifest
from diagnosis.store import Store
from diagnosis.store.changes import ChangeCursor, Changes
from diagnosis.store.records import Record

if TYPE_CHECKING:
    from diagnosis.diagnoser import Diagnoser

log = logging.getLogger(__name__)

_MOST_EXPECTED = 5_000  # incidents kept as they were prepared until the change feed brings them


@dataclass
class LoadedRelease:
    """A loaded release, the last stored change that was applied to it, and incidents prepared for its history."""

    release: str
    diagnoser: Diagnoser
    applied: int = 0
    _prepared: dict[str, tuple[Mapping[str, Any], PreparedIncidents, int]] = field(default_factory=dict, repr=False)

    def expect(self, record: Mapping[str, Any], prepared: PreparedIncidents, row: int) -> None:
        """Keep an incident as it was prepared to be diagnosed, until the change feed brings it."""
        if record["number"] in self.diagnoser.parts.history:  # most likely stored long ago
            return
        if len(self._prepared) >= _MOST_EXPECTED:  # what others stored meanwhile never comes
            self._prepared.clear()
        self._prepared[record["number"]] = record, prepared, row

    def prepare(self, records: Sequence[Record]) -> PreparedIncidents:
        """Return stored incidents as they join the history; what was diagnosed here is not prepared anew."""
        batches: list[PreparedIncidents] = []
        unprepared: list[int] = []
        for place, record in enumerate(records):
            expected = self._prepared.pop(record.number, None)
            if expected is not None and expected[0] == record.body:
                batches.append(expected[1].take([expected[2]]))
            else:
                unprepared.append(place)
        if unprepared:
            incidents = IncidentBatch.from_rows([records[place].body for place in unprepared])
            batches.append(self.diagnoser.prepare(incidents, masked=ALL_KINDS))  # so they came into the store
        later = set(unprepared)
        order = [place for place in range(len(records)) if place not in later] + unprepared
        together = PreparedIncidents.concatenate(batches)
        return together if order == sorted(order) else together.take(np.argsort(order))


def load_release(folder: Path, load: Callable[[Path], Diagnoser], store: Store) -> LoadedRelease:
    """Load a release; of one that was trained from this store, only what was stored since is still to join."""
    return LoadedRelease(folder.name, load(folder), joined_upto(folder, store))


def joined_upto(folder: Path, store: Store) -> int:
    """Return the change of a store up to which a release was made from it; 0 if it was made from something else."""
    made_from = Manifest.read(folder).data.get(STORE)
    return store.changes.resume(ChangeCursor.from_dict(made_from)) if made_from else 0


def join_next(release: LoadedRelease, store: Store) -> Changes:
    """Let the next page of stored changes join a release, and return it; it says whether that was the last."""
    changes = store.changes.since(release.applied)
    try:
        _join(changes, release)
    except Exception:  # one record that cannot be taken in must not keep the others out
        log.exception("changes applied one by one")
        for change in _single_changes(changes):
            _join_alone(change, release, store)
        _join(replace(changes, incidents=[], articles=[]), release)
    release.applied = changes.upto
    return changes


def _join_alone(change: Changes, release: LoadedRelease, store: Store) -> None:
    try:
        _join(change, release)
    except Exception as error:
        if isinstance(error, StoreError):  # of the vectors that are kept there
            store.database.ping()  # while it is away the change is not lost: it is taken in at the next turn
        (record,) = (*change.incidents, *change.articles)
        log.exception("change not searched", extra={"fields": {"sequence": record.sequence}})


def _join(changes: Changes, release: LoadedRelease) -> None:
    diagnoser = release.diagnoser
    incidents, deleted_incidents = _split_deleted(changes.incidents)
    articles, deleted_articles = _split_deleted(changes.articles)
    if deleted_incidents:
        diagnoser.remove("incidents", deleted_incidents)
    if deleted_articles:
        diagnoser.remove("knowledge", deleted_articles)
    if incidents:
        diagnoser.upsert_incidents(release.prepare(incidents))
    if articles:
        rows = [{name: record.body.get(name) for name in KNOWLEDGE_FIELDS} for record in articles]
        frame = as_knowledge_frame(pd.DataFrame(rows, columns=list(KNOWLEDGE_FIELDS)))
        diagnoser.upsert_articles(frame, masked=ALL_KINDS)
    for feedback in changes.feedback:
        if feedback.suggestion is None:
            continue
        # By its id: the release may have learned of it in training.
        if feedback.undone_at is not None:
            diagnoser.parts.suggester.take_back(feedback.suggestion, feedback.id)
        else:
            worked = feedback.kind == "suggestion_worked"
            diagnoser.parts.suggester.record(feedback.suggestion, worked, feedback.created_at, feedback.id)


def _single_changes(changes: Changes) -> Iterator[Changes]:
    for record in changes.incidents:
        yield replace(changes, incidents=[record], articles=[], feedback=[])
    for record in changes.articles:
        yield replace(changes, incidents=[], articles=[record], feedback=[])


def _split_deleted(records: Sequence[Record]) -> tuple[list[Record], list[str]]:
    present = [record for record in records if not record.deleted]
    return present, [record.number for record in records if record.deleted]
