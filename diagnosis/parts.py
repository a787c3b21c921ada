"""Parts: what a release is made of, and each part's folder in it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, Self

import pandas as pd

from diagnosis.incident import Incident, IncidentBatch
from diagnosis.phrases import Phrase
from diagnosis.records import IncidentRecords, KnowledgeRecords
from diagnosis.recurrence import HistoryState, RecurrenceModel
from diagnosis.redact import Redactor
from diagnosis.reference import Reference
from diagnosis.routing import Router, share_features
from diagnosis.search import Corpus, Retriever
from diagnosis.suggest import Suggester
from diagnosis.text import TextNormaliser

_FILE = "parts.json"
_STATE = "recurrence_state"  # what the whole history comes to: to read it again would take seconds of every start


class Saved(Protocol):
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

    def __post_init__(self) -> None:
        share_features(self.routers.values())
        if self.recurrence is not None and self.state is None:
            self.state = self.recurrence.state(self.history.frame())

    def clean(self, texts: Sequence[str]) -> list[str]:
        """Return texts masked and cleaned, as the parts that learn see them."""
        return self.normaliser.normalise_texts([self.redactor.redact(text) for text in texts])

    def upsert_incidents(self, masked: pd.DataFrame | Sequence[Incident]) -> None:
        """Add incidents, personal data masked, to what is searched and counted; one of a known number is replaced."""
        if not isinstance(masked, pd.DataFrame):
            self._upsert_few(masked)
            return
        new = [number not in self.history for number in masked["number"]]
        self.history.upsert(masked)
        if self.state is not None:
            self.state.add(masked[new])
        # Last, for this may fail and be done again: by then an incident is not new any more.
        self.retriever.upsert("incidents", clean_incidents(masked, self.normaliser))

    def _upsert_few(self, masked: Sequence[Incident]) -> None:
        """Do the same without frames, each of which would cost more than all else together."""
        new = [incident for incident in masked if incident.number not in self.history]
        self.history.upsert(masked)
        if self.state is not None:
            self.state.add(IncidentBatch.from_incidents(new))
        titles = self.normaliser.normalise_titles([incident.short_description for incident in masked])
        texts = self.normaliser.normalise_texts([incident.description for incident in masked])
        cleaned = [
            replace(incident, short_description=title, description=text)
            for incident, title, text in zip(masked, titles, texts, strict=True)
        ]
        self.retriever.upsert("incidents", cleaned)

    def upsert_articles(self, masked: pd.DataFrame) -> None:
        """Add articles, personal data masked, to what is searched; one of a known number is replaced."""
        self.knowledge.upsert(masked)
        self.retriever.upsert("knowledge", clean_articles(masked, self.normaliser))

    def remove(self, corpus: Corpus, numbers: Sequence[str]) -> None:
        """Forget articles or incidents; unknown numbers are no error."""
        self.retriever.remove(corpus, numbers)
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
        )

    def _folders(self) -> dict[str, Saved]:
        routing = {f"routing/{place}": router for place, router in enumerate(self.routers.values())}
        parts: dict[str, Saved] = {
            "text": self.normaliser,
            "search": self.retriever,
            "suggest": self.suggester,
            "history": self.history,
            "knowledge": self.knowledge,
            "reference": self.reference,
            **routing,
        }
        if self.recurrence is None or self.state is None:
            return parts
        return {**parts, "recurrence": self.recurrence, _STATE: self.state}


def clean_incidents(frame: pd.DataFrame, normaliser: TextNormaliser) -> pd.DataFrame:
    """Return a canonical incident frame with its words cleaned, as search and encoder read them."""
    return frame.assign(
        short_description=normaliser.normalise_titles(frame["short_description"].tolist()),
        description=normaliser.normalise_texts(frame["description"].tolist()),
        close_notes=normaliser.normalise_texts(frame["close_notes"].tolist()),
    )


def clean_articles(frame: pd.DataFrame, normaliser: TextNormaliser) -> pd.DataFrame:
    """Return a canonical knowledge frame with its words cleaned."""
    bodies = {name: normaliser.normalise_texts(frame[name].tolist()) for name in ("symptoms", "cause", "resolution")}
    return frame.assign(title=normaliser.normalise_titles(frame["title"].tolist()), **bodies)
