"""RecordMetadata: the records of one corpus with what filters look at, in the order in which the indexes keep them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from diagnosis.arrays import Rows
from diagnosis.placeholders import is_placeholder
from diagnosis.search.index.ids import Ids
from diagnosis.search.index.segments import Mask, SegmentedIndex, SegmentView, located, places_of, ranks
from diagnosis.search.passages import UNKNOWN_TIME, SearchRecords, SearchText, microseconds

PASSAGE = "\x1f"  # between a number and the place of the passage in its record
_FILE = "records.arrow"
_WORDS = ("service", "language", "audience")
_TIMES = ("valid_to", "opened_at")
_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in _WORDS),
        *((name, pa.int64()) for name in _TIMES),
        ("n_passages", pa.int32()),
        ("template", pa.uint64()),
        ("passages", pa.list_(pa.large_string())),
    ]
)
_LAST = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Filters:
    """What may be found; a field left as it is does not filter.

    Attributes
    ----------
    service, language : str
        As they stand in the record. A service such as "N/A" does not filter; a record of unknown language is of every
        language.
    audience : str
        ``"self_service"`` finds only what was written for self-service: a record that does not say for whom it is, such
        as every incident, is for agents alone. ``"internal"`` finds everything.
    valid_at : datetime, optional
        Leaves out articles that had expired by then.
    opened_before : datetime, optional
        Leaves out incidents opened then or later, or at an unknown time.
    exclude : frozenset of str
        Numbers.
    """

    service: str = ""
    language: str = ""
    audience: str = ""
    valid_at: datetime | None = None
    opened_before: datetime | None = None
    exclude: frozenset[str] = frozenset()


@dataclass(frozen=True)
class MetadataSegment:
    """Records that do not change: ids, and what else is known of them, one row each.

    Attributes
    ----------
    ids : Ids
    rows : pyarrow.RecordBatch
        See `_SCHEMA`.
    """

    ids: Ids
    rows: pa.RecordBatch

    settled = True

    def column(self, name: str) -> npt.NDArray[Any]:
        """Return a column of numbers, not copied."""
        column: npt.NDArray[Any] = self.rows.column(name).to_numpy()
        return column

    @cached_property
    def starts(self) -> Rows:
        """Where the passages of each record begin among those of all, and where the last ones end."""
        starts: Rows = self.rows.column("passages").offsets.to_numpy()
        return starts

    def texts_at(self, passages: Rows) -> list[str]:
        """Return some passages, by their places among those of all records."""
        texts: list[str] = self.rows.column("passages").flatten().take(pa.array(passages)).to_pylist()
        return texts

    @cached_property
    def opened(self) -> tuple[int, int]:
        """The first and the last time that a record was opened."""
        times = self.column("opened_at")
        return int(times.min(initial=_LAST)), int(times.max(initial=UNKNOWN_TIME))


class RecordMetadata(SegmentedIndex[MetadataSegment]):
    """The records of one corpus: texts and filter fields by number, in the order in which all indexes keep them."""

    def __init__(self) -> None:
        super().__init__()
        self._starts: tuple[object, Rows] | None = None  # where passages begin, and the views that this is true of

    def add(self, ids: Ids, entries: SearchRecords, texts: Sequence[SearchText]) -> None:
        """Add records that are not here yet, by distinct numbers."""
        columns = {
            **{name: getattr(entries, name) for name in (*_WORDS, *_TIMES)},
            "n_passages": [len(text.passages) for text in texts],
            "template": [text.template for text in texts],
            "passages": [text.passages for text in texts],
        }
        arrays = [pa.array(columns[field.name], field.type) for field in _SCHEMA]
        self._insert(MetadataSegment(ids, pa.RecordBatch.from_arrays(arrays, schema=_SCHEMA)), new=True)

    def place_of(self, number: str) -> int:
        """Return the place of a number among the living rows, -1 if it is not here."""
        return int(self.places_of(Ids([number]))[0])

    def templates_at(self, places: Rows) -> npt.NDArray[np.uint64]:
        """Return what is equal for records whose texts differ in numbers, marks and case alone."""
        templates = np.zeros(len(places), dtype=np.uint64)
        for view, targets, rows in located(self._views, places):
            templates[targets] = view.segment.column("template")[rows]
        return templates

    def places_of_template(self, template: int) -> Rows:
        """Return the places of all records of one template, those added first first."""
        places, start = [], 0
        for view in self._views:
            rows = np.flatnonzero(view.segment.column("template") == np.uint64(template))
            places.append(start + ranks(view.dead, rows[view.alive[rows]]))
            start += view.n_alive
        return np.concatenate([np.empty(0, dtype=np.intp), *places])

    def passages_at(self, places: Rows) -> list[list[str]]:
        """Return the passages of some records."""
        by_record: list[list[str]] = [[]] * len(places)
        for view, targets, rows in located(self._views, places):
            starts = view.segment.starts
            counts = starts[rows + 1] - starts[rows]
            first = np.cumsum(counts) - counts
            texts = view.segment.texts_at(np.arange(counts.sum()) + np.repeat(starts[rows] - first, counts))
            for i, start, count in zip(targets.tolist(), first.tolist(), counts.tolist(), strict=True):
                by_record[i] = texts[start : start + count]
        return by_record

    def passage_at(self, places: Rows, passages: Rows) -> list[str]:
        """Return one passage of each of some records, the last where it has fewer, ``""`` of one that has none."""
        passage_of = [""] * len(places)
        for view, targets, rows in located(self._views, places):
            starts = view.segment.starts
            last = starts[rows + 1] - starts[rows] - 1
            with_passages = last >= 0
            within = np.minimum(passages[targets[with_passages]], last[with_passages])
            texts = view.segment.texts_at(starts[rows[with_passages]] + within)
            for i, text in zip(targets[with_passages].tolist(), texts, strict=True):
                passage_of[i] = text
        return passage_of

    def passage_names(self, numbers: Sequence[str]) -> list[str]:
        """Return how indexes name the passages of these records."""
        return passage_names(numbers, np.diff(self.passage_starts)[self.places_of(Ids(numbers))].tolist())

    def passage_names_at(self, passages: Rows) -> list[str]:
        """Return how indexes name the passages at these places among those of all living rows."""
        places = np.searchsorted(self.passage_starts, passages, side="right") - 1
        within = (passages - self.passage_starts[places]).tolist()
        return [f"{number}{PASSAGE}{i}" for number, i in zip(self.names_at(places), within, strict=True)]

    @property
    def passage_starts(self) -> Rows:
        """Where the passages of each living row begin among all of theirs, and where the last ones end."""
        views = self._views
        if self._starts is None or self._starts[0] is not views:
            counts = [view.segment.column("n_passages")[view.alive] for view in views]
            self._starts = views, np.cumsum(np.concatenate([[0], *counts]), dtype=np.intp)
        return self._starts[1]

    def by_passage(self, allowed: Mask) -> Mask:
        """Return the mask of living rows as one of their passages."""
        return np.repeat(allowed, np.diff(self.passage_starts))

    def allowed(self, filters: Filters | None) -> Mask | None:
        """Return which living rows pass, in order, or None if all of them do."""
        views = self._views
        if filters is not None and _all_opened_before(views, filters.opened_before):
            filters = replace(filters, opened_before=None)
        if filters is None or not any(getattr(filters, name) for name in Filters.__slots__):
            return None
        passes = np.concatenate([np.empty(0, dtype=bool), *(_passing(v.segment, filters)[v.alive] for v in views)])
        excluded = places_of(views, Ids(list(filters.exclude)))
        passes[excluded[excluded >= 0]] = False
        return None if passes.all() else passes

    def save(self, folder: Path) -> None:
        """Write the records into a folder, as one segment."""
        with self._at_rest() as views:
            for view in views:
                view.segment.ids.save(folder)
                with pa.OSFile(str(folder / _FILE), "wb") as file, pa.ipc.new_file(file, _SCHEMA) as writer:
                    writer.write_batch(view.segment.rows)

    @classmethod
    def load(cls, folder: Path) -> RecordMetadata:
        """Read what `save` has written; the records stay on disk and are shared by the processes that read them."""
        metadata = cls()
        if (folder / _FILE).exists():
            rows = pa.ipc.open_file(pa.memory_map(str(folder / _FILE))).get_batch(0)
            metadata._insert(MetadataSegment(Ids.load(folder), rows))
        return metadata

    def _merge(self, views: Sequence[SegmentView[MetadataSegment]]) -> MetadataSegment:
        living = [v.segment.rows.filter(pa.array(v.alive)) if len(v.dead) else v.segment.rows for v in views]
        rows = pa.Table.from_batches(living).combine_chunks().to_batches()
        ids = Ids.joined([(view.segment.ids, view.alive) for view in views])
        return MetadataSegment(ids, rows[0] if rows else living[0])


def passage_names(numbers: Sequence[str], counts: Sequence[int]) -> list[str]:
    """Return how indexes name the passages of records that have so many each."""
    return [f"{number}{PASSAGE}{i}" for number, n in zip(numbers, counts, strict=True) for i in range(n)]


def _passing(segment: MetadataSegment, filters: Filters) -> Mask:
    """Return which rows pass all filters but that of numbers."""
    passes = np.ones(len(segment.ids), dtype=bool)
    if not is_placeholder(filters.service):
        passes &= _is(segment, "service", filters.service)
    if filters.language:
        passes &= _is(segment, "language", filters.language, "")
    if filters.audience and filters.audience != "internal":
        passes &= _is(segment, "audience", filters.audience)
    if filters.valid_at is not None:
        until = segment.column("valid_to")
        passes &= (until == UNKNOWN_TIME) | (until > microseconds(filters.valid_at))
    if filters.opened_before is not None:
        opened = segment.column("opened_at")
        passes &= (opened != UNKNOWN_TIME) & (opened < microseconds(filters.opened_before))
    return passes


def _is(segment: MetadataSegment, name: str, *values: str) -> Mask:
    matches: Mask = pc.is_in(segment.rows.column(name), pa.array(values, pa.string())).to_numpy(zero_copy_only=False)
    return matches


def _all_opened_before(views: Sequence[SegmentView[MetadataSegment]], moment: datetime | None) -> bool:
    """Return whether this needs no look at the rows, as for every incident that was logged just now."""
    if moment is None:
        return True
    limits = [view.segment.opened for view in views]
    return all(first > UNKNOWN_TIME and last < microseconds(moment) for first, last in limits)
