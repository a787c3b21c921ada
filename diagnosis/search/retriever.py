"""Retriever: the whole of search over articles and past incidents, best first."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from diagnosis.arrays import Bools, Floats, Rows, Vectors
from diagnosis.errors import InputError
from diagnosis.incident import Incident, IncidentBatch
from diagnosis.knowledge import as_knowledge_frame
from diagnosis.memory import keep_freed_memory
from diagnosis.phrases import Phrase
from diagnosis.search.corpus import EXACT, CorpusIndex
from diagnosis.search.coverage import GUESS, Coverage, measured
from diagnosis.search.encoder import GeneralEncoder, HistoryEncoder
from diagnosis.search.fusion import Fusion
from diagnosis.search.glossary import translated
from diagnosis.search.index.metadata import Filters, RecordMetadata
from diagnosis.search.index.vectors import VectorIndex
from diagnosis.search.passages import SearchRecords, search_text
from diagnosis.search.signals import Candidates, Corpus, Encoder, Question, VectorSearch
from diagnosis.text.courtesies import without_courtesies
from diagnosis.text.stop_words import STOP_WORDS, without_grammar
from diagnosis.text.tokens import tokenise

FindResolved = Callable[[Sequence[str]], Collection[str]]

CORPORA: tuple[Corpus, ...] = ("knowledge", "incidents")
ARTICLE_FIELDS = ("title", "symptoms", "cause", "keywords", "resolution")
INCIDENT_FIELDS = ("short_description", "description")

LARGE = 200_000  # rows from which a search makes arrays so large that the allocator gives them back each time
_SHORT = 200  # characters of a question that may hold nothing but small words
_MOST_OF_ONE_TEXT = 30  # candidates that differ in numbers alone, from which on others of them may be no candidates
_NEWEST = 500  # of those others that are looked at
_MAX_QUERY = 20_000  # characters: what follows is a log, and its words are in there already


@dataclass(frozen=True, slots=True)
class Hit:
    """A record that was found.

    Attributes
    ----------
    number : str
    score : float
        Only ranks, and only within one answer.
    similarity : float
        Cosine between the question and the record by the history encoder.
    passage : str
        The part of an article that answers; of an incident the first. ``""`` where it was not asked for.
    count : int
        How many records of the same words this one stands for.
    """

    number: str
    score: float
    similarity: float
    passage: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found for one question.

    Attributes
    ----------
    hits : list of Hit
        Best first.
    covered : float or None
        The probability that an article answers the question, or that a past incident was solved as it will be; None
        where too few questions with known answers calibrated it.
    """

    hits: list[Hit]
    covered: float | None

    @property
    def is_guess(self) -> bool:
        """Whether it is more likely that nothing here answers the question."""
        return self.covered is not None and self.covered < GUESS


class Retriever:
    """Search over two corpora by words and by vectors, put together with learned weights.

    Parameters
    ----------
    encoder : HistoryEncoder
    general : GeneralEncoder, optional
        A second signal.
    fields : sequence of str
        Fields of an article that are searched.
    weights : mapping of corpus to Fusion, optional
        See `training.fitting.search`; where absent, assumed ones.
    coverage : mapping of corpus to Coverage, optional
        See `training.fitting.search`; where absent, no probability is said.
    seed : int, default 0

    Attributes
    ----------
    find_resolved : callable of numbers to those of them that were resolved, or None
        Of past incidents that say the same, one that was resolved then stands for all: its fix is what is looked for.
        It is not saved; `diagnosis.parts` asks the history.
    """

    find_resolved: FindResolved | None = None

    def __init__(
        self,
        encoder: HistoryEncoder,
        *,
        general: GeneralEncoder | None = None,
        fields: Sequence[str] = ARTICLE_FIELDS,
        weights: Mapping[Corpus, Fusion] | None = None,
        coverage: Mapping[Corpus, Coverage] | None = None,
        seed: int = 0,
    ) -> None:
        self.encoder = encoder
        self.general = general
        self.fields = tuple(fields)
        self.weights = weights
        self.coverage = coverage
        self.seed = seed

    def fit(self, articles: pd.DataFrame, incidents: pd.DataFrame) -> Retriever:
        """Index articles and incidents, cleaned and masked; of a number that occurs twice the last row counts.

        Raises
        ------
        InputError
            If a searched field is none of an article's.
        """
        unknown = [name for name in self.fields if name not in ARTICLE_FIELDS]
        if unknown or not self.fields:
            found = tuple(unknown) or Phrase("none_found")
            raise InputError(Phrase("searched_fields_unknown", {"names": tuple(ARTICLE_FIELDS), "found": found}))
        self.corpora_ = {c: CorpusIndex(c, self.encoder, self.general, self.seed) for c in CORPORA}
        self._lock = threading.RLock()
        self.upsert("knowledge", articles)
        self.upsert("incidents", incidents)
        return self

    def upsert(self, corpus: Corpus, records: pd.DataFrame | Sequence[Incident] | IncidentBatch) -> None:
        """Add articles or incidents, or replace those of the same number; they are found from here on."""
        searched = self._searched(corpus)
        unsearched = [name for name in ARTICLE_FIELDS if name not in searched] if corpus == "knowledge" else []
        fields = [name for name in (*searched, *unsearched) if name]
        canonical = (
            as_knowledge_frame(records)
            if corpus == "knowledge" and isinstance(records, pd.DataFrame)
            else IncidentBatch.of(records)
        )
        entries = SearchRecords.of(canonical, fields)
        columns = (entries.texts[name] if name else [""] * len(entries.numbers) for name in (*searched, *unsearched))
        n_searched = len(searched)
        texts = [search_text(row[0], row[1:n_searched], row[n_searched:]) for row in zip(*columns, strict=True)]
        index = self.corpora_[corpus]
        encoded = index.encoded(texts)  # what takes longest, while others search
        with self._lock:
            index.add(entries, texts, encoded)

    def remove(self, corpus: Corpus, numbers: Sequence[str]) -> None:
        """Remove records; they are found no more from here on. An unknown number is passed over."""
        with self._lock:
            self.corpora_[corpus].remove(numbers)

    def move_vectors(self, move: Callable[[str, VectorIndex], VectorSearch]) -> None:
        """Let vectors be compared elsewhere: `move` takes the name of an index and its rows, and stands in for it."""
        with self._lock:
            for corpus, index in self.corpora_.items():
                for signal, vectors in index.vectors.items():
                    if isinstance(vectors, VectorIndex):
                        index.vectors[signal] = move(f"{corpus}/{signal}", vectors)

    def search(
        self,
        queries: Sequence[str],
        corpus: Corpus,
        k: int = 10,
        filters: Filters | None = None,
        vectors: Vectors | None = None,
        general: Vectors | None = None,
        *,
        passages: bool = True,
    ) -> list[list[Hit]]:
        """Return the best ``k`` records for each query, best first.

        Parameters
        ----------
        queries : sequence of str, length n
        corpus : {"knowledge", "incidents"}
        k : int
        filters : Filters, optional
        vectors : ndarray of float32, shape (n, n_dimensions), optional
            The queries by the history encoder, where the caller has them.
        general : ndarray of float32, optional
            The same by the general encoder; without a dimension where there is none.
        passages : bool, default True
            Whether to read the passages that answer: pages of a mapped file that nothing else may need.

        Returns
        -------
        list of list of Hit
            Empty for a query that shares neither word nor meaning with any record, such as an empty one, one of words
            that nobody has written, or a short one of small words alone.
        """
        return [
            answer.hits for answer in self.answers(queries, corpus, k, filters, vectors, general, passages=passages)
        ]

    def answers(
        self,
        queries: Sequence[str],
        corpus: Corpus,
        k: int = 10,
        filters: Filters | None = None,
        vectors: Vectors | None = None,
        general: Vectors | None = None,
        *,
        passages: bool = True,
    ) -> list[Answer]:
        """Return what `search` returns, and with it the probability that something in the corpus answers each query."""
        index, questions = self.corpora_[corpus], self._questions(queries, corpus, vectors, general)
        with self._lock:
            return [
                self._answer(question, index.measure(question, filters), corpus, k, filters, passages)
                for question in questions
            ]

    def _answer(
        self,
        question: Question,
        found: Candidates,
        corpus: Corpus,
        k: int,
        filters: Filters | None,
        passages: bool,
    ) -> Answer:
        is_covered = (self.coverage or {}).get(corpus)
        if not self._has_evidence(question, found):
            return Answer([], None if is_covered is None else 0.0)
        scores = self._fusion(corpus).score(found.signals, self.signals(corpus))
        covered = None
        if is_covered is not None:
            row, is_long = measured(found, scores)[None], np.array([_is_long(question)])
            covered = float(is_covered.probabilities(row, is_long)[0]) if len(scores) else 0.0
            covered = 1.0 if found.is_number else covered
        return Answer(self._ranked(found, scores, corpus, k, filters, passages), covered)

    def coverage_features(
        self, queries: Sequence[str], corpus: Corpus, filters: Iterable[Filters | None]
    ) -> tuple[Floats, Bools]:
        """Return what `Coverage` learns from: a row for each query, asked among the records that its filters allow.

        Returns
        -------
        ndarray of float, shape (n_queries, n_features)
        ndarray of bool, shape (n_queries,)
            Which queries are long.
        """
        index = self.corpora_[corpus]
        fusion, questions = self._fusion(corpus), self._questions(queries, corpus)
        rows = []
        with self._lock:
            for question, allowed in zip(questions, filters, strict=True):
                found = index.measure(question, allowed)
                rows.append(measured(found, fusion.score(found.signals, index.signals)))
        is_long = np.array([_is_long(question) for question in questions], dtype=bool)
        return np.array(rows).reshape(len(rows), len(index.absolute_signals) + 3), is_long

    def _fusion(self, corpus: Corpus) -> Fusion:
        return (self.weights or {}).get(corpus) or Fusion.untaught(self.corpora_[corpus].signals)

    def _has_evidence(self, question: Question, candidates: Candidates) -> bool:
        """Return whether any word of a question that tells something is known; small words stand in every record."""
        if len(question.text) > _SHORT:
            return candidates.has_evidence or self._knows(question.text)
        tokens = tokenise(f"{question.text}\n{translated(question.sentence)}")
        telling = " ".join(token for token in tokens if token not in STOP_WORDS)
        return len(candidates.identified) > 0 or (bool(telling) and self._knows(telling))

    def _knows(self, text: str) -> bool:
        """Return whether any word of a text is known; of others, the letters would be like those of some record."""
        by_words = any(index.knows(text) for index in self.corpora_.values())
        return by_words or self.general is not None or self.encoder.knows(text)

    def measure(
        self, queries: Sequence[str], corpus: Corpus, filters: Filters | None = None, vectors: Vectors | None = None
    ) -> list[tuple[list[str], Floats]]:
        """Return the candidates for each query and what every signal says of each: what weights learn from.

        Returns
        -------
        list of (list of str, ndarray of shape (n_candidates, n_signals))
        """
        index = self.corpora_[corpus]
        questions = self._questions(queries, corpus, vectors)
        with self._lock:
            found = [index.measure(question, filters) for question in questions]
            return [(index.metadata.names_at(candidates.places), candidates.signals) for candidates in found]

    def general_vectors(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of texts by the general encoder; without a dimension where there is none."""
        if self.general is None:
            return np.zeros((len(texts), 0), dtype=np.float32)
        return self.general.encode([text[:_MAX_QUERY] for text in texts])

    def _questions(
        self, queries: Sequence[str], corpus: Corpus, vectors: Vectors | None = None, general: Vectors | None = None
    ) -> list[Question]:
        full_texts = [query[:_MAX_QUERY] for query in queries]
        sentences = [without_courtesies(text) for text in full_texts]
        # In a short question words of grammar count as much as the fault, and one that nobody wrote in that form is
        # missed; a general encoder reads whole sentences.
        in_written_forms = self.corpora_[corpus].in_written_forms
        words = [in_written_forms(without_grammar(text)) if len(text) <= _SHORT else text for text in sentences]
        texts_for = {"history": words, "general": sentences}
        by_encoder = {} if vectors is None else {"history": vectors}
        by_encoder |= {} if general is None or not general.shape[1] else {"general": general}
        for name, encoder in self._encoders().items():
            texts = texts_for[name]
            shorter = [row for row, text in enumerate(texts) if text != full_texts[row]]
            if name not in by_encoder:
                by_encoder[name] = encoder.encode(texts)
            elif shorter:  # what was given is of the whole text
                by_encoder[name] = by_encoder[name].copy()
                by_encoder[name][shorter] = encoder.encode([texts[row] for row in shorter])
        return [
            Question(text, {name: rows[i : i + 1] for name, rows in by_encoder.items()}, sentence)
            for i, (text, sentence) in enumerate(zip(words, sentences, strict=True))
        ]

    def signals(self, corpus: Corpus) -> tuple[str, ...]:
        """Return the names of the signals, in the order of a measured row."""
        return self.corpora_[corpus].signals

    def absolute_signals(self, corpus: Corpus) -> tuple[str, ...]:
        """Return the names of what coverage learns from, in the order of `Candidates.absolute`."""
        return self.corpora_[corpus].absolute_signals

    def _ranked(
        self, found: Candidates, scores: Floats, corpus: Corpus, k: int, filters: Filters | None, passages: bool
    ) -> list[Hit]:
        index = self.corpora_[corpus]
        order = np.argsort(-scores, kind="stable")
        first = found.identified
        if len(first):
            order = order[np.argsort(~np.isin(order, first), kind="stable")]
            order = order[: len(first)] if found.is_number else order
        # Of records that say the same, one stands for all; those of no score are counted, not shown.
        templates = index.metadata.templates_at(found.places[order])
        _, best, counts = np.unique(templates, return_index=True, return_counts=True)
        by_rank = np.argsort(best)
        best_first, counts = best[by_rank], counts[by_rank]
        rows = order[best_first]
        worth = scores[rows] > 0
        places_shown = np.flatnonzero(worth | np.isin(rows, first) if len(first) else worth)[:k]
        rows, counts = rows[places_shown], counts[places_shown]
        places, standing = found.places[rows], rows
        if corpus == "incidents" and self.find_resolved is not None and (counts > 1).any():
            groups = [order[templates == template] for template in templates[best_first[places_shown]]]
            places, standing = self._resolved_first(found, groups, index, self.find_resolved, filters)
        by_history = [name.startswith("history:") for name in index.signals]
        cosines = found.signals[standing][:, by_history].max(axis=1, initial=0.0)
        texts = index.metadata.passage_at(places, found.passages[standing]) if passages else [""] * len(rows)
        columns = (index.metadata.names_at(places), scores[rows].tolist(), cosines.tolist(), texts)
        return [Hit(*values) for values in zip(*columns, counts.tolist(), strict=True)]

    def _resolved_first(
        self,
        found: Candidates,
        groups: Sequence[Rows],
        index: CorpusIndex,
        find_resolved: FindResolved,
        filters: Filters | None,
    ) -> tuple[Rows, Rows]:
        """Return the place of the record that stands for each group, and the candidate that is as like the question.

        It is the best of those that were resolved and hold as many of the question's codes as the best of all: a fix of
        another error is none of this one. A record that is asked for stands for itself.
        """
        metadata, codes = index.metadata, found.signals[:, index.signals.index(EXACT)]
        rows = np.array([group[0] for group in groups], dtype=np.intp)
        places = found.places[rows]
        with_fix = set(find_resolved(metadata.names_at(places)))
        groups_without = [
            i
            for i, name in enumerate(metadata.names_at(places))
            if len(groups[i]) > 1 and name not in with_fix and rows[i] not in found.identified
        ]
        for i in groups_without:
            others = groups[i][codes[groups[i]] >= codes[rows[i]]]
            names = metadata.names_at(found.places[others])
            with_fix = set(find_resolved(names))
            best = next((row for row, name in zip(others, names, strict=True) if name in with_fix), None)
            if best is not None:
                rows[i], places[i] = best, found.places[best]
            elif len(groups[i]) >= _MOST_OF_ONE_TEXT and codes[rows[i]] == 0:
                places[i] = _newest_resolved(metadata, int(places[i]), find_resolved, filters)
        return places, rows

    def _searched(self, corpus: Corpus) -> tuple[str, ...]:
        if corpus == "incidents":
            return INCIDENT_FIELDS
        bodies = tuple(name for name in ARTICLE_FIELDS[1:] if name in self.fields)
        return ("title" if "title" in self.fields else "", *bodies)

    def _encoders(self) -> dict[str, Encoder]:
        return {"history": self.encoder} | ({} if self.general is None else {"general": self.general})

    def save(self, folder: Path) -> None:
        """Write the retriever with its encoder into an empty folder; a general encoder is named, not copied."""
        general = None if self.general is None else [self.general.name, self.general.allow_download]
        weights = {name: [dict(f.weights), f.n_questions] for name, f in (self.weights or {}).items()}
        coverage = {name: coverage.to_dict() for name, coverage in (self.coverage or {}).items()}
        settings = {"fields": self.fields, "seed": self.seed, "general": general, "weights": weights}
        settings |= {"covered": coverage}
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "search.json").write_text(json.dumps(settings, indent=1), encoding="utf-8")
        self.encoder.save(folder / "encoder")
        with self._lock:
            for name, corpus in self.corpora_.items():
                corpus.save(folder / name)

    @classmethod
    def load(cls, folder: Path) -> Retriever:
        """Read what `save` has written.

        Raises
        ------
        InputError
            If it names a general encoder that is not here.
        """
        settings = json.loads((folder / "search.json").read_text(encoding="utf-8"))
        retriever = cls(
            HistoryEncoder.load(folder / "encoder"),
            general=GeneralEncoder(*settings["general"]) if settings["general"] else None,
            fields=settings["fields"],
            weights={name: Fusion(*fusion) for name, fusion in settings["weights"].items()},
            coverage={name: Coverage.from_dict(values) for name, values in settings.get("covered", {}).items()},
            seed=settings["seed"],
        )
        retriever._lock = threading.RLock()
        retriever.corpora_ = {
            c: CorpusIndex.load(folder / c, c, retriever.encoder, retriever.general, retriever.seed) for c in CORPORA
        }
        if any(len(index) > LARGE for index in retriever.corpora_.values()):
            keep_freed_memory()
        return retriever


def _is_long(question: Question) -> bool:
    """Return whether a question is asked whole, and judged by what long ones have taught."""
    return len(question.sentence) > _SHORT


def _newest_resolved(
    metadata: RecordMetadata,
    place: int,
    find_resolved: FindResolved,
    filters: Filters | None,
) -> int:
    """Return the place of the newest record that says the same and was resolved; the given one if there is none.

    Of records that many others equal, those added first are the candidates.
    """
    places = metadata.places_of_template(int(metadata.templates_at(np.array([place]))[0]))
    allowed = metadata.allowed(filters)
    places = (places if allowed is None else places[allowed[places]])[: -_NEWEST - 1 : -1]
    names = metadata.names_at(places)
    with_fix = set(find_resolved(names))
    return next((int(at) for at, name in zip(places, names, strict=True) if name in with_fix), place)


def own_language_first(hits: Sequence[Hit], articles: Mapping[str, Mapping[str, Any]], language: str) -> list[Hit]:
    """Return hits with the translations of one article put in order among themselves, those in the language first.

    A translation that was found trades place and score with the one that was found before it; nothing else moves.

    Parameters
    ----------
    hits : sequence of Hit
        Best first.
    known : mapping of str to mapping
        ``language`` and ``translation_of`` of each article by its number.
    """
    places: dict[str, list[int]] = defaultdict(list)
    for place, hit in enumerate(hits):
        article = articles.get(hit.number, {})
        places[str(article.get("translation_of") or hit.number)].append(place)
    ordered = list(hits)
    for family in places.values():
        foreign_last = sorted(
            family, key=lambda place: articles.get(hits[place].number, {}).get("language") != language
        )
        for place, chosen in zip(family, foreign_last, strict=True):
            ordered[place] = replace(hits[chosen], score=hits[place].score)
    return ordered
