"""Parts: what a release is made of, and each part's folder in it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol, Self

import pandas as pd

from diagnosis.incident import FIELDS, PEOPLE_FIELDS, IncidentBatch
from diagnosis.knowledge import answering_articles
from diagnosis.phrases import Phrase
from diagnosis.prepared import PreparedIncidents
from diagnosis.problems.index import ProblemIndex
from diagnosis.records import IncidentRecords, KnowledgeRecords
from diagnosis.recurrence import HistoryState, RecurrenceModel
from diagnosis.redact import Redactor
from diagnosis.reference import Reference
from diagnosis.routing import Router, share_features
from diagnosis.search import Corpus, Retriever
from diagnosis.service_levels import ServiceLevelModel
from diagnosis.suggest import Suggester
from diagnosis.suggest.wording import says_nothing
from diagnosis.text import TextNormaliser
from diagnosis.text.normaliser import joined
from diagnosis.text.person_names import KnownPeople

_FILE = "parts.json"
_STATE = "recurrence_state"  # what the whole history comes to: to read it again would take seconds of every start

_SERVICE_LEVELS = "service_levels"


class SavedPart(Protocol):
    """A part that writes itself into an empty folder."""

    def save(self, folder: Path) -> None:
        """Write what was learned."""


@dataclass
class Parts:
    """The parts of a release, fitted.

    Attributes
    ----------
    routers : mapping of str to Router
        By target.
    recurrence : RecurrenceModel or None
        None where the data could not support it; ``left_out`` says why.
    left_out : mapping of str to Phrase
        What was not trained, and the reason: shown as a warning with each diagnosis that lacks it.
    reference : Reference
        What it learned from, for drift to be told.
    state : HistoryState or None
        What the history says of the next incident; made from it where it is not given.
    service_levels : ServiceLevelModel or None
        None where the data could not support it.
    """

    redactor: Redactor
    normaliser: TextNormaliser
    retriever: Retriever
    routers: Mapping[str, Router]
    recurrence: RecurrenceModel | None
    suggester: Suggester
    history: IncidentRecords
    knowledge: KnowledgeRecords
    reference: Reference
    left_out: Mapping[str, Phrase] = field(default_factory=dict)
    state: HistoryState | None = None
    problems: ProblemIndex | None = None
    service_levels: ServiceLevelModel | None = None
    people: KnownPeople = field(default_factory=KnownPeople)

    def __post_init__(self) -> None:
        share_features(self.routers.values())
        # Of the history alone: a retriever that held these parts would live on with them until a collection.
        self.retriever.find_resolved = partial(_numbers_with_resolution, self.history)
        self.people.add(self.history.distinct(PEOPLE_FIELDS))
        if self.recurrence is not None and self.state is None:
            self.state = self.recurrence.state(self.history.frame())

    def clean(self, texts: Sequence[str]) -> list[str]:
        """Return texts masked and cleaned, as the parts that learn see them."""
        return self.normaliser.normalise_texts([self.redactor.redact(text) for text in texts])

    def prepare(self, masked: IncidentBatch) -> PreparedIncidents:
        """Return incidents, personal data masked, as the parts that learn see them: as logged, cleaned, encoded."""
        logged = masked.as_logged()
        cleaned = clean_incidents(logged, self.normaliser)
        words = zip(cleaned.column("short_description"), cleaned.column("description"), strict=True)
        text = [joined(title, body) for title, body in words]
        vectors, general = self.retriever.encoder.encode(text), self.retriever.general_vectors(text)
        return PreparedIncidents(logged, text, vectors, general, cleaned=cleaned, reported=masked, people=self.people)

    def upsert_incidents(self, batch: PreparedIncidents) -> None:
        """Add incidents to what is searched and counted; one of a known number is replaced, and not counted anew."""
        new = self.index_incidents(batch)
        self.count_incidents(batch, new)
        self.time_incidents(batch, new)

    def index_incidents(self, batch: PreparedIncidents) -> list[int]:
        """Add incidents to what is searched; return the rows whose numbers the history did not hold."""
        self.retriever.upsert("incidents", batch.cleaned)  # first: where this fails, all of it may be done again
        new = [row for row, number in enumerate(batch.column("number")) if number not in self.history]
        self.history.upsert(batch.reported)
        self.people.add({name for column in PEOPLE_FIELDS for name in batch.reported.column(column)})
        return new

    def time_incidents(self, batch: PreparedIncidents, new: Sequence[int]) -> None:
        """Let clocks know who waits, for which group, and whose wait has ended."""
        if self.service_levels is not None:
            self.service_levels.upsert(batch.reported, new, batch.vectors)

    def count_incidents(self, batch: PreparedIncidents, rows: Sequence[int]) -> None:
        """Count some of the incidents in the history that recurrence is judged by."""
        if self.state is not None and rows:
            self.state.add(batch.incidents if len(rows) == len(batch) else batch.incidents.take(rows))

    def upsert_articles(self, masked: pd.DataFrame) -> None:
        """Add articles, personal data masked, to what is searched; one of a known number is replaced.

        Contingency plans are kept and not searched.
        """
        self.knowledge.upsert(masked)
        articles = answering_articles(masked)
        self.retriever.upsert("knowledge", clean_articles(articles, self.normaliser))
        plans = set(masked["number"]) - set(articles["number"])
        self.retriever.remove("knowledge", sorted(plans))  # they may have been other articles before

    def remove(self, corpus: Corpus, numbers: Sequence[str]) -> None:
        """Forget articles or incidents; unknown numbers are no error."""
        self.retriever.remove(corpus, numbers)
        if corpus == "incidents" and self.service_levels is not None:
            self.service_levels.remove(IncidentBatch.from_rows(list(self.history.records(numbers, FIELDS).values())))
        (self.history if corpus == "incidents" else self.knowledge).remove(numbers)

    def save(self, folder: Path) -> None:
        """Write every part into its own folder below an empty one."""
        for name, part in self._folders().items():
            (folder / name).mkdir(parents=True)
            part.save(folder / name)
        description = {
            "masked": sorted(self.redactor.kinds),
            "targets": list(self.routers),
            "left_out": {part: reason.to_dict() for part, reason in self.left_out.items()},
        }
        (folder / _FILE).write_text(json.dumps(description, ensure_ascii=False, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote; the release has been checked before."""
        description = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        recurrence = folder / "recurrence"
        return cls(
            redactor=Redactor(frozenset(description["masked"])),
            normaliser=TextNormaliser.load(folder / "text"),
            retriever=Retriever.load(folder / "search"),
            routers={
                target: Router.load(folder / "routing" / str(place))
                for place, target in enumerate(description["targets"])
            },
            recurrence=RecurrenceModel.load(recurrence) if recurrence.is_dir() else None,
            suggester=Suggester.load(folder / "suggest"),
            history=IncidentRecords.load(folder / "history"),
            knowledge=KnowledgeRecords.load(folder / "knowledge"),
            reference=Reference.load(folder / "reference"),
            left_out={part: Phrase.from_dict(reason) for part, reason in description["left_out"].items()},
            state=HistoryState.load(folder / _STATE) if recurrence.is_dir() else None,
            service_levels=ServiceLevelModel.load(levels) if (levels := folder / _SERVICE_LEVELS).is_dir() else None,
        )

    def _folders(self) -> dict[str, SavedPart]:
        routing = {f"routing/{place}": router for place, router in enumerate(self.routers.values())}
        parts: dict[str, SavedPart] = {
            "text": self.normaliser,
            "search": self.retriever,
            "suggest": self.suggester,
            "history": self.history,
            "knowledge": self.knowledge,
            "reference": self.reference,
            **routing,
        }
        if self.service_levels is not None:
            parts[_SERVICE_LEVELS] = self.service_levels
        if self.recurrence is None or self.state is None:
            return parts
        return {**parts, "recurrence": self.recurrence, _STATE: self.state}


def clean_incidents(incidents: IncidentBatch, normaliser: TextNormaliser) -> IncidentBatch:
    """Return incidents with their words cleaned, as search and encoder read them."""
    return incidents.with_columns(
        {
            "short_description": normaliser.normalise_titles(incidents.column("short_description")),
            "description": normaliser.normalise_texts(incidents.column("description")),
            "close_notes": normaliser.normalise_texts(incidents.column("close_notes")),
        }
    )


def clean_articles(frame: pd.DataFrame, normaliser: TextNormaliser) -> pd.DataFrame:
    """Return a canonical knowledge frame with its words cleaned."""
    bodies = {name: normaliser.normalise_texts(frame[name].tolist()) for name in ("symptoms", "cause", "resolution")}
    return frame.assign(title=normaliser.normalise_titles(frame["title"].tolist()), **bodies)


def _numbers_with_resolution(history: IncidentRecords, numbers: Sequence[str]) -> set[str]:
    """Return which of some past incidents have a resolution that says something."""
    rows = history.records(numbers, ("number", "close_notes"))
    return {number for number, row in rows.items() if not says_nothing(row["close_notes"])}
