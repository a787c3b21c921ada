"""Diagnoser: an incident goes in, a diagnosis comes out. One incident is a batch of one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import pandas as pd

from diagnosis.decisions import NO_DECISIONS, HumanDecisions
from diagnosis.findings import (
    Diagnoses,
    Diagnosis,
    Prediction,
    ProblemMatch,
    RecurrenceRisk,
    ServiceLevelRisk,
    SimilarIncident,
    Suggestion,
    with_warning,
)
from diagnosis.ids import new_id
from diagnosis.incident import CODED_FIELDS, Incident, IncidentBatch, Record
from diagnosis.knowledge import KnowledgeArticle, as_knowledge_frame
from diagnosis.parts import Parts
from diagnosis.phrases import Phrase
from diagnosis.prepared import PreparedIncidents
from diagnosis.problems.index import MatchedProblem
from diagnosis.recurrence.assessment import Assessment, assess, assess_resolved
from diagnosis.recurrence.factors import advice, in_language
from diagnosis.redact.records import mask_articles, mask_incidents
from diagnosis.release import check_release
from diagnosis.releases import find_release
from diagnosis.search import Answer, Corpus, Filters, Hit
from diagnosis.search.retriever import own_language_first
from diagnosis.text import language

Incidents = Iterable[Incident | Record] | pd.DataFrame | IncidentBatch | PreparedIncidents

SIMILAR = 5
SUGGESTIONS = 5
CANDIDATES = 30  # what search hands to suggestion, before outcomes reorder it
# What is read of a past incident and of an article to make a suggestion, and of a past incident to show it beside.
_SOLUTION_FIELDS = ("number", "short_description", "close_notes", "knowledge")
_ARTICLE_FIELDS = ("number", "title", "resolution", "audience", "language", "translation_of", "valid_to")
_TRANSLATION_FIELDS = ("number", "language", "translation_of")
_SIMILAR_FIELDS = (
    "number",
    "short_description",
    "close_notes",
    "opened_at",
    "resolved_at",
    "closed_at",
    "reopened_at",
    "reopen_count",
)
_DESCRIPTION_FIELDS = ("number", "description")  # of one without a short description

# What is read when it is first needed, such as the model of languages, is read before a person waits for it.
_WARM_UP = Incident("", short_description="the printer on the second floor does not print", description="打印机 卡纸")

_NOTHING_TO_JUDGE_BY = Phrase("nothing_to_judge_by")


@dataclass(repr=False)
class Diagnoser:
    """The parts of a release, and an incident's way through them.

    Several threads may diagnose and search while another adds or removes records.
    """

    release: str
    parts: Parts

    @classmethod
    def load(cls, folder: Path | str) -> Self:
        """Check a release file by file, then load it.

        Parameters
        ----------
        folder : Path or str
            A release, or a folder of releases, of which the one in service is meant.

        Raises
        ------
        ReleaseError
            If it is missing, altered or of a foreign version.
        """
        release = find_release(Path(folder))
        manifest = check_release(release)
        diagnoser = cls(manifest.release, Parts.load(release))
        diagnoser.diagnose(_WARM_UP)
        return diagnoser

    def __repr__(self) -> str:
        targets = ", ".join(self.parts.routers) or "no target"
        counts = f"{len(self.parts.history):,} incidents, {len(self.parts.knowledge):,} articles"
        return f"<Diagnoser {self.release}: {targets}; {counts}>"

    def diagnose(self, incident: Incident | Record, decisions: HumanDecisions = NO_DECISIONS) -> Diagnosis:
        """Return the diagnosis of one incident.

        Parameters
        ----------
        incident : Incident or mapping
            A mapping has fields by name; see `IncidentBatch.of`.
        """
        return self.diagnose_batch([incident], [decisions])[0]

    def diagnose_batch(
        self, incidents: Incidents, decisions: Sequence[HumanDecisions] | None = None, *, joining: bool = False
    ) -> Diagnoses:
        """Return a diagnosis for each incident, in order; `Diagnoses.to_frame` makes a table of them.

        Parameters
        ----------
        incidents : iterable of Incident or mapping, DataFrame, IncidentBatch or PreparedIncidents
            Only what was known when they were logged is looked at.
        decisions : sequence of HumanDecisions, optional
            One for each incident.
        joining : bool, default False
            Whether they join the history, as they are given, so that each finds those logged before it. Otherwise none
            finds another; how likely it is to come back is judged with those logged before it all the same.
        """
        batch = self.prepare(incidents)
        new = self.parts.index_incidents(batch) if joining else []
        past = [self._past_answer(batch, row) for row in range(len(batch))]
        similar = [self._similar(answer.hits) for answer in past]
        predictions = self._route(batch, decisions, similar)
        problems = [None] * len(batch) if self.parts.problems is None else self.parts.problems.match(batch.incidents)
        faults = [None if problem is None else problem.fault for problem in problems]
        assessments = assess(self.parts.recurrence, self.parts.state, batch, predictions, faults)
        self.parts.count_incidents(batch, new)  # after they were assessed: each is judged by those before it
        risks = self._service_levels(batch, joining=joining)
        if joining:
            self.parts.time_incidents(batch, new)
        articles = self._article_answers(batch)
        now = datetime.now(UTC)
        diagnoses = Diagnoses()
        for row, number in enumerate(batch.column("number")):
            written_in, problem = language(batch.text[row]), problems[row]
            suggestions = self._suggest(articles[row].hits, past[row].hits, written_in, now)
            warnings = (
                *self._warnings(batch, row, assessments[row], problem),
                *_guesses(articles[row], past[row], suggestions, similar[row]),
            )
            risk = assessments[row].risk
            diagnoses.append(
                Diagnosis(
                    id=new_id(),
                    incident=number,
                    release=self.release,
                    created_at=now,
                    language=written_in,
                    predictions=predictions[row],
                    recurrence=None if risk is None else in_language(risk, written_in),
                    similar_incidents=similar[row],
                    suggestions=suggestions,
                    warnings=tuple(str(warning) for warning in warnings),
                    warning_phrases=warnings,
                    problem=_named(problem),
                    service_levels=risks[row],
                )
            )
        return diagnoses

    def resolve(self, diagnosis: Diagnosis, incident: Incident) -> Diagnosis:
        """Return the diagnosis of an incident with the risk from the resolution on, if it is resolved."""
        return self.resolve_batch([diagnosis], self.prepare([incident]))[0]

    def resolve_batch(self, diagnoses: Sequence[Diagnosis], batch: PreparedIncidents) -> list[Diagnosis]:
        """Return the diagnoses of a batch with the risk from the resolution on, where an incident is resolved.

        Each is judged for itself, by the history as it stands.
        """
        resolved = list(diagnoses)
        for row, (number, resolved_at) in enumerate(
            zip(batch.column("number"), batch.reported.column("resolved_at"), strict=True)
        ):
            if resolved_at is not None:
                (risk,) = assess_resolved(
                    self.parts.recurrence,
                    self.parts.state,
                    batch.reported[row : row + 1],
                    logged=number in self.parts.history,
                )
                resolved[row] = with_resolution(resolved[row], risk)
        return resolved

    def prepare(self, incidents: Incidents, *, masked: Collection[str] = ()) -> PreparedIncidents:
        """Return incidents as the parts that learn see them: masked, as logged, cleaned, encoded.

        Parameters
        ----------
        incidents : iterable of Incident, DataFrame, IncidentBatch or PreparedIncidents
            A prepared batch is returned as it is.
        masked : collection of str
            Kinds of personal data that were masked in them before.
        """
        if isinstance(incidents, PreparedIncidents):
            return incidents
        batch = IncidentBatch.of(incidents)
        if not self.parts.redactor.kinds <= set(masked):
            batch = mask_incidents(batch, self.parts.redactor)
        return self.parts.prepare(batch)

    def search(
        self, queries: Sequence[str], corpus: Corpus, k: int = 10, filters: Filters | None = None
    ) -> list[list[Hit]]:
        """Return the best ``k`` articles or past incidents for each query, best first.

        Of an article and its translations the one in the language of the query is the first.
        """
        return [answer.hits for answer in self.answers(queries, corpus, k, filters)]

    def answers(
        self, queries: Sequence[str], corpus: Corpus, k: int = 10, filters: Filters | None = None
    ) -> list[Answer]:
        """Return what `search` returns, and with it the probability that something there answers each query."""
        results = self.parts.retriever.answers(self.parts.clean(queries), corpus, k, filters)
        if corpus == "incidents":
            return results
        found = {hit.number for answer in results for hit in answer.hits}
        articles = self.parts.knowledge.records(found, _TRANSLATION_FIELDS)
        return [
            replace(answer, hits=own_language_first(answer.hits, articles, language(query)))
            for query, answer in zip(queries, results, strict=True)
        ]

    def answers_for(self, incidents: Incidents, corpus: Corpus, k: int = 10) -> list[Answer]:
        """Return the best ``k`` articles, or past incidents logged before it and not itself, for each incident."""
        batch = self.prepare(incidents)
        if corpus == "incidents":
            return [self._past_answer(batch, row, k) for row in range(len(batch))]
        return self.parts.retriever.answers(batch.text, corpus, k, None, batch.vectors, batch.general)

    def upsert_incidents(self, incidents: Incidents) -> None:
        """Add incidents to the history, or replace those of the same number; they are found at once."""
        self.parts.upsert_incidents(self.prepare(incidents))

    def upsert_articles(
        self, articles: Iterable[KnowledgeArticle] | pd.DataFrame, *, masked: Collection[str] = ()
    ) -> None:
        """Add articles, or replace those of the same number; they are found at once.

        Parameters
        ----------
        masked : collection of str
            Kinds of personal data that were masked in them before.
        """
        frame = as_knowledge_frame(articles)
        if not self.parts.redactor.kinds <= set(masked):
            frame = mask_articles(frame, self.parts.redactor)
        self.parts.upsert_articles(frame)

    def remove(self, corpus: Corpus, numbers: Sequence[str]) -> None:
        """Forget articles or incidents; unknown numbers are no error."""
        self.parts.remove(corpus, numbers)

    def _past_answer(self, batch: PreparedIncidents, row: int, k: int = CANDIDATES) -> Answer:
        """Return past incidents like this one, logged before it and not it, and how likely one was solved likewise."""
        filters = Filters(opened_before=batch.opened_at(row), exclude=frozenset({batch.column("number")[row]}))
        rows = slice(row, row + 1)
        vectors = batch.vectors[rows], batch.general[rows]
        return self.parts.retriever.answers(batch.text[rows], "incidents", k, filters, *vectors, passages=False)[0]

    def _article_answers(self, batch: PreparedIncidents) -> list[Answer]:
        vectors = batch.vectors, batch.general
        return self.parts.retriever.answers(batch.text, "knowledge", CANDIDATES, None, *vectors, passages=False)

    def _route(
        self,
        batch: PreparedIncidents,
        decisions: Sequence[HumanDecisions] | None,
        similar: Sequence[Sequence[SimilarIncident]],
    ) -> list[dict[str, Prediction]]:
        by_target = {target: router.predict(batch, decisions, similar) for target, router in self.parts.routers.items()}
        empty = [_is_empty(batch, row) for row in range(len(batch))]
        return [
            {target: _abstained(of_rows[row]) if empty[row] else of_rows[row] for target, of_rows in by_target.items()}
            for row in range(len(batch))
        ]

    def _service_levels(self, batch: PreparedIncidents, *, joining: bool) -> Sequence[ServiceLevelRisk | None]:
        model = self.parts.service_levels
        if model is None:
            return [None] * len(batch)
        return model.assess(batch.incidents, batch.vectors, joining=joining)

    def _similar(self, hits: Sequence[Hit]) -> tuple[SimilarIncident, ...]:
        numbers = [hit.number for hit in hits if hit.number in self.parts.history][:SIMILAR]
        incidents = self.parts.history.records(numbers, _SIMILAR_FIELDS)
        # Descriptions are most of the history: to read one maps pages of it that nothing else needs.
        untitled = [number for number, row in incidents.items() if not row["short_description"]]
        described = self.parts.history.records(untitled, _DESCRIPTION_FIELDS)
        incidents |= {number: incidents[number] | row for number, row in described.items()}
        return tuple(self.parts.suggester.similar_incidents(hits, incidents, SIMILAR))

    def _suggest(
        self, articles: Sequence[Hit], past: Sequence[Hit], written_in: str, now: datetime
    ) -> tuple[Suggestion, ...]:
        articles = self._with_translations(articles, written_in)
        knowledge = self.parts.knowledge.records([hit.number for hit in articles], _ARTICLE_FIELDS)
        history = self.parts.history.records([hit.number for hit in past], _SOLUTION_FIELDS)
        return tuple(
            self.parts.suggester.suggest(
                articles, past, knowledge, history, language=written_in, now=now, k=SUGGESTIONS
            )
        )

    def _with_translations(self, hits: Sequence[Hit], written_in: str) -> list[Hit]:
        """Return article hits and, as relevant as each, what it says in the language of the report."""
        numbers = {hit.number for hit in hits}
        extended = list(hits)
        for hit in hits:
            translation = self.parts.knowledge.in_language(hit.number, written_in)
            if translation not in numbers:
                numbers.add(translation)
                extended.append(replace(hit, number=translation))
        return extended

    def _warnings(
        self, batch: PreparedIncidents, row: int, assessment: Assessment, problem: MatchedProblem | None
    ) -> tuple[Phrase, ...]:
        warnings = list(self.parts.left_out.values())
        if self.parts.recurrence is not None and assessment.risk is None:
            fields = tuple(self.parts.recurrence.signature_.fields)
            warnings.append(Phrase("recurrence_needs_signature", {"fields": fields}))
        if assessment.predicted_fields:
            warnings.append(Phrase("recurrence_by_prediction", {"fields": assessment.predicted_fields}))
        if assessment.by_problem and problem is not None:
            is_named = _named(problem) is not None
            by_problem = Phrase("recurrence_by_problem", {"title": problem.title})
            warnings.append(by_problem if is_named else Phrase("recurrence_by_like_incidents"))
        if _is_empty(batch, row):
            warnings.append(_NOTHING_TO_JUDGE_BY)
        elif not batch.text[row]:
            warnings.append(Phrase("no_text"))
        return tuple(warnings)


def _named(problem: MatchedProblem | None) -> ProblemMatch | None:
    """Return the problem that a diagnosis names: none that people dismissed."""
    return None if problem is None or problem.is_dismissed else ProblemMatch(problem.id, problem.title)


def _guesses(
    articles: Answer, past: Answer, suggestions: Sequence[Suggestion], similar: Sequence[SimilarIncident]
) -> Iterator[Phrase]:
    """Yield the warnings that articles, or past incidents, are guesses: if some are shown and none is likely right."""
    sources = {suggestion.source for suggestion in suggestions}
    if "knowledge" in sources and articles.is_guess:
        yield Phrase("articles_are_guesses", {"covered": articles.covered})
    if ("incident" in sources or similar) and past.is_guess:
        yield Phrase("incidents_are_guesses", {"covered": past.covered})


def _is_empty(batch: PreparedIncidents, row: int) -> bool:
    return not batch.text[row] and not any(batch.column(name)[row] for name in CODED_FIELDS)


def with_resolution(diagnosis: Diagnosis, risk: RecurrenceRisk | None) -> Diagnosis:
    """Return the diagnosis with the risk from the resolution on, and what to make of it."""
    if risk is None:
        return diagnosis
    return replace(with_warning(diagnosis, advice(risk)), at_resolution=in_language(risk, diagnosis.language))


def _abstained(prediction: Prediction) -> Prediction:
    return replace(
        prediction,
        decision="abstained",
        value=None,
        probability=None,
        certified_precision=None,
        alternatives=(),
        evidence=(),
    ).because(_NOTHING_TO_JUDGE_BY)
