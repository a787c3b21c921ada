"""Diagnoser: an incident goes in, a diagnosis comes out. One incident is a batch of one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import pandas as pd
from ulid import ULID

from diagnosis.decisions import NO_DECISIONS, HumanDecisions
from diagnosis.findings import Diagnosis, Prediction, RecurrenceRisk, SimilarIncident, Suggestion
from diagnosis.incident import CODED_FIELDS, Incident, as_frame, frame_as_logged
from diagnosis.knowledge import KnowledgeArticle, as_knowledge_frame
from diagnosis.parts import Parts
from diagnosis.phrases import Phrase, in_words
from diagnosis.prepared import PreparedIncidents
from diagnosis.recurrence.assessment import assess, assess_as_predicted, assess_resolved
from diagnosis.recurrence.factors import advice, in_language
from diagnosis.redact.records import mask_articles, mask_incident, mask_incidents
from diagnosis.release import check_release
from diagnosis.search import Corpus, Filters, Hit
from diagnosis.search.retriever import own_language_first
from diagnosis.text import language

SIMILAR = 5
SUGGESTIONS = 5
_FRAME_FROM = 64  # incidents from which columns pay for themselves
CANDIDATES = 30  # what search hands to suggestion, before outcomes reorder it
# What is read of a past incident and of an article to make a suggestion, and of a past incident to show it beside.
_TOLD = ("number", "short_description", "close_notes", "knowledge")
_ARTICLE = ("number", "title", "resolution", "audience", "language", "translation_of", "valid_to")
_TRANSLATED = ("number", "language", "translation_of")
_SHOWN = (
    "number", "short_description", "close_notes", "opened_at", "resolved_at", "closed_at", "reopened_at",
    "reopen_count",
)  # fmt: skip
_DESCRIBED = ("number", "description")  # of one without a short description

# What is read when it is first needed, such as the model of languages, is read before a person waits for it.
_FIRST = Incident("", short_description="the printer on the second floor does not print", description="打印机 卡纸")

_NOTHING = Phrase("nothing_to_judge_by")


@dataclass
class Diagnoser:
    """The parts of a release, and an incident's way through them.

    Several threads may diagnose and search while another adds or removes records.
    """

    release: str
    parts: Parts

    @classmethod
    def load(cls, folder: Path | str) -> Self:
        """Check a release file by file, then load it.

        Raises
        ------
        ReleaseError
            If it is missing, altered or of a foreign version.
        """
        manifest = check_release(Path(folder))
        diagnoser = cls(manifest.release, Parts.load(Path(folder)))
        diagnoser.diagnose(_FIRST)
        return diagnoser

    def diagnose(self, incident: Incident, decisions: HumanDecisions = NO_DECISIONS) -> Diagnosis:
        """Return the diagnosis of one incident."""
        return self.diagnose_batch([incident], [decisions])[0]

    def diagnose_batch(
        self,
        incidents: Iterable[Incident] | pd.DataFrame,
        decisions: Sequence[HumanDecisions] | None = None,
        *,
        joining: bool = False,
    ) -> list[Diagnosis]:
        """Return a diagnosis for each incident, in order.

        Parameters
        ----------
        incidents : iterable of Incident, or DataFrame
            Only what was known when they were logged is looked at.
        decisions : sequence of HumanDecisions, optional
            One for each incident.
        joining : bool, default False
            Whether they join the history, as they are given, so that each finds those logged before it. Otherwise none
            finds another; how likely it is to come back is judged with those logged before it all the same.
        """
        rows = incidents if isinstance(incidents, pd.DataFrame) else list(incidents)
        batch = self.prepare(rows)
        risks = assess(
            self.parts.recurrence, self.parts.state, batch
        )  # looks at the earlier rows of the batch by itself
        if joining:
            self.upsert_incidents(rows)
        return self._say(batch, risks, decisions)

    def resolve(self, diagnosis: Diagnosis, incident: Incident) -> Diagnosis:
        """Return the diagnosis with the risk from the resolution on, if the incident is resolved."""
        if incident.resolved_at is None:
            return diagnosis
        masked = as_frame([mask_incident(incident, self.parts.redactor)])
        return with_resolution(
            diagnosis,
            assess_resolved(
                self.parts.recurrence, self.parts.state, masked, logged=incident.number in self.parts.history
            )[0],
        )

    def prepare(self, incidents: Iterable[Incident] | pd.DataFrame) -> PreparedIncidents:
        """Return incidents as the parts that learn see them: as logged, masked, cleaned, encoded."""
        redactor = self.parts.redactor
        rows: pd.DataFrame | list[Incident]
        if isinstance(incidents, pd.DataFrame):
            rows = frame = mask_incidents(frame_as_logged(as_frame(incidents)), redactor)
            words = frame["short_description"].tolist(), frame["description"].tolist()
        else:  # columns pay for themselves from some dozen incidents on
            rows = masked = [mask_incident(incident.as_logged(), redactor) for incident in incidents]
            words = [one.short_description for one in masked], [one.description for one in masked]
        text = self.parts.normaliser.transform(*words)
        retriever = self.parts.retriever
        return PreparedIncidents(rows, text, retriever.encoder.encode(text), retriever.general_vectors(text))

    def search(
        self, queries: Sequence[str], corpus: Corpus, k: int = 10, filters: Filters | None = None
    ) -> list[list[Hit]]:
        """Return the best ``k`` articles or past incidents for each query, best first.

        Of an article and its translations the one in the language of the query is the first.
        """
        found = self.parts.retriever.search(self.parts.clean(queries), corpus, k, filters)
        if corpus == "incidents":
            return found
        known = self.parts.knowledge.records({hit.number for hits in found for hit in hits}, _TRANSLATED)
        return [own_language_first(hits, known, language(query)) for query, hits in zip(queries, found, strict=True)]

    def search_for(self, incidents: Iterable[Incident] | pd.DataFrame, corpus: Corpus, k: int = 10) -> list[list[Hit]]:
        """Return the best ``k`` articles, or past incidents logged before it and not itself, for each incident."""
        batch = self.prepare(incidents)
        if corpus == "incidents":
            return [self._past(batch, row, k) for row in range(len(batch))]
        return self.parts.retriever.search(batch.text, corpus, k, None, batch.vectors, batch.general)

    def upsert_incidents(self, incidents: Iterable[Incident] | pd.DataFrame) -> None:
        """Add incidents to the history, or replace those of the same number; they are found at once."""
        redactor = self.parts.redactor
        rows = incidents if isinstance(incidents, pd.DataFrame) else list(incidents)
        if isinstance(rows, pd.DataFrame) or len(rows) > _FRAME_FROM:
            self.parts.upsert_incidents(mask_incidents(as_frame(rows), redactor))
        else:
            self.parts.upsert_incidents([mask_incident(incident, redactor) for incident in rows])

    def upsert_articles(self, articles: Iterable[KnowledgeArticle] | pd.DataFrame) -> None:
        """Add articles, or replace those of the same number; they are found at once."""
        self.parts.upsert_articles(mask_articles(as_knowledge_frame(articles), self.parts.redactor))

    def remove(self, corpus: Corpus, numbers: Sequence[str]) -> None:
        """Forget articles or incidents; unknown numbers are no error."""
        self.parts.remove(corpus, numbers)

    def _say(
        self,
        batch: PreparedIncidents,
        risks: Sequence[RecurrenceRisk | None],
        decisions: Sequence[HumanDecisions] | None = None,
    ) -> list[Diagnosis]:
        past = [self._past(batch, row) for row in range(len(batch))]
        articles = self._articles(batch)
        similar = [self._similar(hits) for hits in past]
        predictions = self._route(batch, decisions, similar)
        now = datetime.now(UTC)
        spoken = [language(text) for text in batch.text]
        told = [self._risk(batch, row, risks[row], predictions[row], spoken[row]) for row in range(len(batch))]
        warnings = [self._warnings(batch, row, *told[row]) for row in range(len(batch))]
        return [
            Diagnosis(
                id=str(ULID()),
                incident=batch.incident(row)["number"],
                release=self.release,
                created_at=now,
                language=spoken[row],
                predictions=predictions[row],
                recurrence=told[row][0],
                similar_incidents=similar[row],
                suggestions=self._suggest(articles[row], past[row], spoken[row], now),
                warnings=tuple(str(warning) for warning in warnings[row]),
                warning_phrases=warnings[row],
            )
            for row in range(len(batch))
        ]

    def _past(self, batch: PreparedIncidents, row: int, k: int = CANDIDATES) -> list[Hit]:
        """Return past incidents like this one: logged before it, and not it."""
        filters = Filters(opened_before=batch.opened_at(row), exclude=frozenset({batch.incident(row)["number"]}))
        one = slice(row, row + 1)
        asked = batch.vectors[one], batch.general[one]
        return self.parts.retriever.search(batch.text[one], "incidents", k, filters, *asked, passages=False)[0]

    def _articles(self, batch: PreparedIncidents) -> list[list[Hit]]:
        asked = batch.vectors, batch.general
        return self.parts.retriever.search(batch.text, "knowledge", CANDIDATES, None, *asked, passages=False)

    def _route(
        self,
        batch: PreparedIncidents,
        decisions: Sequence[HumanDecisions] | None,
        similar: Sequence[Sequence[SimilarIncident]],
    ) -> list[dict[str, Prediction]]:
        by_target = {t: r.predict(batch, decisions, similar) for t, r in self.parts.routers.items()}
        return [
            {t: _abstained(p[row]) if _is_empty(batch, row) else p[row] for t, p in by_target.items()}
            for row in range(len(batch))
        ]

    def _risk(
        self,
        batch: PreparedIncidents,
        row: int,
        risk: RecurrenceRisk | None,
        predictions: Mapping[str, Prediction],
        spoken: str,
    ) -> tuple[RecurrenceRisk | None, Sequence[str]]:
        predicted: Sequence[str] = ()
        if risk is None:
            risk, predicted = assess_as_predicted(self.parts.recurrence, self.parts.state, batch, row, predictions)
        return (None if risk is None else in_language(risk, spoken)), predicted

    def _similar(self, hits: Sequence[Hit]) -> tuple[SimilarIncident, ...]:
        numbers = [hit.number for hit in hits if hit.number in self.parts.history][:SIMILAR]
        known = self.parts.history.records(numbers, _SHOWN)
        # Descriptions are most of the history: to read one maps pages of it that nothing else needs.
        unnamed = [number for number, row in known.items() if not row["short_description"]]
        known |= {n: known[n] | row for n, row in self.parts.history.records(unnamed, _DESCRIBED).items()}
        return tuple(self.parts.suggester.similar_incidents(hits, known, SIMILAR))

    def _suggest(
        self, articles: Sequence[Hit], past: Sequence[Hit], spoken: str, now: datetime
    ) -> tuple[Suggestion, ...]:
        knowledge = self.parts.knowledge.records([hit.number for hit in articles], _ARTICLE)
        history = self.parts.history.records([hit.number for hit in past], _TOLD)
        return tuple(
            self.parts.suggester.suggest(articles, past, knowledge, history, language=spoken, now=now, k=SUGGESTIONS)
        )

    def _warnings(
        self, batch: PreparedIncidents, row: int, risk: RecurrenceRisk | None, predicted: Sequence[str]
    ) -> tuple[Phrase, ...]:
        warnings = list(self.parts.left_out.values())
        if self.parts.recurrence is not None and risk is None:
            fields = tuple(self.parts.recurrence.signature_.fields)
            warnings.append(Phrase("recurrence_needs_signature", {"fields": fields}))
        if predicted:
            warnings.append(Phrase("recurrence_by_prediction", {"fields": tuple(predicted)}))
        if _is_empty(batch, row):
            warnings.append(_NOTHING)
        elif not batch.text[row]:
            warnings.append(Phrase("no_text"))
        return tuple(warnings)


def _is_empty(batch: PreparedIncidents, row: int) -> bool:
    return not batch.text[row] and not any(batch.incident(row)[name] for name in CODED_FIELDS)


def with_resolution(diagnosis: Diagnosis, risk: RecurrenceRisk | None) -> Diagnosis:
    """Return the diagnosis with the risk from the resolution on, and what to make of it."""
    if risk is None:
        return diagnosis
    phrase = advice(risk)
    return replace(
        diagnosis,
        at_resolution=in_language(risk, diagnosis.language),
        warnings=(*diagnosis.warnings, in_words(phrase, diagnosis.language)),
        warning_phrases=(*diagnosis.warning_phrases, phrase),
    )


def _abstained(prediction: Prediction) -> Prediction:
    return replace(
        prediction,
        decision="abstained",
        value=None,
        probability=None,
        certified_precision=None,
        alternatives=(),
        evidence=(),
    ).because(_NOTHING)
