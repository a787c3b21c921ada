"""CorpusIndex: one corpus by every signal, and what each signal says of the candidates for a question."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from diagnosis.arrays import Rows, Vectors
from diagnosis.errors import InputError
from diagnosis.search.encoder import Bags, HistoryEncoder
from diagnosis.search.glossary import translated
from diagnosis.search.identifiers import CODE_TERMS, codes_asked, identifier_matches
from diagnosis.search.index.bm25 import LexicalIndex, WordQuery
from diagnosis.search.index.ids import Ids
from diagnosis.search.index.metadata import Filters, RecordMetadata, passage_names
from diagnosis.search.index.segments import Mask, distinct
from diagnosis.search.index.token_bags import TokenBags
from diagnosis.search.index.vectors import VectorIndex
from diagnosis.search.passages import SearchRecords, SearchText
from diagnosis.search.remote_vectors import RemoteQuery, RowQuery
from diagnosis.search.signals import Candidates, Corpus, Encoded, Encoder, Question, VectorSearch
from diagnosis.text.inflections import inflections

EXACT = "exact"
_COSINE = "lexical:cosine"
_SCORED = ("lexical:whole", "lexical:heading", "lexical:glossary")
_LEXICAL = (*_SCORED, _COSINE)
_ENGLISH_WORD = re.compile(r"(?<![\w./\\-])[A-Za-z]{4,}(?![\w/\\-]|\.\w)")  # no part of a code or path
_DEPTH = 70  # candidates that each signal names, all of them then compared by every signal: 100 found no better
_MOST_EXCLUDED = 32  # numbers that are struck out of what was found; more are a filter of their own

# Parts of a record by whose vector each encoder finds it, and those by which it is only compared once found. The whole
# is too long for a general encoder. Of two histories, passages of incidents added nothing to headings and wholes.
_FOUND_BY = {
    "knowledge": {"history": ("heading", "passage", "whole"), "general": ("heading", "passage")},
    "incidents": {"history": ("whole",), "general": ("heading", "passage")},
}
_COMPARED_BY: dict[Corpus, tuple[str, ...]] = {"knowledge": (), "incidents": ("heading",)}

# Of a question. Among incidents 48 found no better (MRR on held-out halves of reports .615, .389; with 24 .623, .392),
# among articles they do, and these are few.
_MOST_TERMS: dict[Corpus, int] = {"knowledge": 48, "incidents": 24}
_WORD_GRAMS: dict[Corpus, int] = {"knowledge": 2, "incidents": 1}  # pairs of words: fewer agree in short reports
_MOST_COSINE_TERMS: dict[Corpus, int] = {"knowledge": 192, "incidents": 48}  # nearly all: half of a cosine is none


@dataclass(frozen=True)
class _Allowed:
    """Which records may be found: a mask (None: all), the same by passage, and places struck out afterwards."""

    mask: Mask | None
    by_passage: Mask | None
    excluded: frozenset[int]


class CorpusIndex:
    """Records of one corpus, searchable by words and by vectors of their heading, whole text and passages.

    Parameters
    ----------
    corpus : {"knowledge", "incidents"}
    history : HistoryEncoder
    general : Encoder, optional
    seed : int
    """

    def __init__(self, corpus: Corpus, history: HistoryEncoder, general: Encoder | None = None, seed: int = 0) -> None:
        self.history = history
        self.encoders: dict[str, Encoder] = {"history": history} | ({} if general is None else {"general": general})
        self.seed = seed
        self.compared = _COMPARED_BY[corpus]
        self.most_terms = _MOST_TERMS[corpus]
        self.most_cosine_terms = _MOST_COSINE_TERMS[corpus]
        self.metadata = RecordMetadata()
        self.lexical = {name: LexicalIndex(weighting="tf-idf") for name in ("whole", "heading")}
        self.lexical["cosine"] = LexicalIndex(weighting="cosine", word_grams=_WORD_GRAMS[corpus], cjk_characters=False)
        self.vectors: dict[str, VectorSearch] = {
            f"{name}:{part}": VectorIndex(encoder.dimensions, seed)
            for name, encoder in self.encoders.items()
            for part in _FOUND_BY[corpus][name]
        }
        self.bags = {f"history:{part}": TokenBags(history) for part in self.compared}
        self.signals = (*_LEXICAL, *self.vectors, *self.bags, EXACT)
        self.absolute_signals = (*self.signals, *(f"{name}:score" for name in _SCORED))

    def __len__(self) -> int:
        return len(self.metadata)

    def encoded(self, texts: Sequence[SearchText]) -> Encoded:
        """Return what `add` takes beside the texts; reads nothing that changes, so it needs no lock."""
        parts = _parts(texts)
        vectors, bags = dict[str, Vectors](), dict[str, Bags]()
        for encoder, model in self.encoders.items():
            names = [part for part in parts if f"{encoder}:{part}" in {**self.vectors, **self.bags}]
            # A record of one short field is its own heading, passage and whole: each distinct text is read once.
            rows = {text: row for row, text in enumerate(dict.fromkeys(t for part in names for t in parts[part]))}
            places = {f"{encoder}:{part}": np.array([rows[t] for t in parts[part]], dtype=np.intp) for part in names}
            if model is self.history:
                distinct, tokens = self.history.read(list(rows))
                bags = {name: tokens.take(places[name]) for name in self.bags}
            else:
                distinct = model.encode(list(rows))
            vectors |= {name: distinct[at] for name, at in places.items() if name in self.vectors}
        return Encoded(vectors, bags)

    def add(self, entries: SearchRecords, texts: Sequence[SearchText], encoded: Encoded) -> None:
        """Add records with what `encoded` says of them, or replace those of the same number.

        Where vectors that are kept elsewhere cannot be reached, what is here stays one whole, without the records.
        """
        if not entries.numbers:
            return
        self.remove(entries.numbers)  # so that no index has to look for them again
        ids, parts = Ids(entries.numbers), _parts(texts)
        names = passage_names(entries.numbers, [len(text.passages) for text in texts])
        for name, index in self._indexes():
            part = name.rpartition(":")[2]
            if isinstance(index, LexicalIndex):
                index.add(ids, parts[part])
            elif isinstance(index, TokenBags):
                index.add(ids, encoded.bags[name])
            elif isinstance(index, VectorIndex) and part != "passage":
                index.add(ids, encoded.vectors[name])
            else:
                index.add(names if part == "passage" else entries.numbers, encoded.vectors[name])
        self.metadata.add(ids, entries, texts)

    def remove(self, numbers: Sequence[str]) -> None:
        """Remove records; an unknown number is passed over."""
        present = [n for n, place in zip(numbers, self.metadata.places_of(Ids(numbers)), strict=True) if place >= 0]
        if not present:
            return
        passages = self.metadata.passage_names(present)
        for name, index in self._indexes():
            index.remove(passages if name.endswith("passage") else present)
        self.metadata.remove(present)

    def measure(self, question: Question, filters: Filters | None) -> Candidates:
        """Return the candidates that some signal names, and what every signal says of each."""
        allowed, no_rows = self._allowed(filters), np.empty(0, dtype=np.intp)
        if allowed.mask is not None and not allowed.mask.any():
            signals, absolute = (np.zeros((0, len(names))) for names in (self.signals, self.absolute_signals))
            return Candidates(no_rows, signals, absolute, no_rows, no_rows, is_number=False, has_evidence=True)
        words, by_code = self._words(question.text, question.sentence)
        vectors = {name: self._vectors(name, question) for name in self.vectors}
        matches = identifier_matches(
            question.text, by_code, self.lexical["whole"], self.metadata, allowed.mask, allowed.excluded
        )
        places = self._candidates([matches.holders[0]], words, vectors, allowed)
        columns, passages = {EXACT: matches.shares(places)}, np.zeros(len(places), dtype=np.intp)
        scores = {name: query.scores_at(places) for name, query in words.items()}
        columns |= {name: _relative(of_words) for name, of_words in scores.items()}
        columns |= {name: bags.similarities_at(places, question.vectors["history"]) for name, bags in self.bags.items()}
        for name, query in vectors.items():
            if name.endswith("passage"):
                columns[name], nearest = self._nearest_passage(query, places)
                passages = nearest if name == "history:passage" else passages
            else:
                columns[name] = query.similarities_at(places)
        signals = np.column_stack([columns[name] for name in self.signals])
        shares = {name: scores[name] / max(words[name].weight, 1e-9) for name in _SCORED}
        by_share = [(columns | scores | shares)[name] for name in self.signals]
        absolute = np.column_stack([*by_share, *(scores[name] for name in _SCORED)])
        by_identifier = matches.identified(places, self.lexical["whole"], self.metadata) if matches.codes else no_rows
        return Candidates(
            places,
            signals,
            absolute,
            passages,
            by_identifier,
            is_number=matches.is_number,
            has_evidence=_has_known_terms(words) or len(by_identifier) > 0,
        )

    def knows(self, text: str) -> bool:
        """Return whether any word of a text, or of its translation, stands anywhere in the corpus."""
        return _has_known_terms(self._words(text, text)[0])

    def in_written_forms(self, text: str) -> str:
        """Return a text with each English word that no record holds in the inflection that most records hold.

        A word of no known form stays, and so does one in capitals.
        """
        words = [word for word in dict.fromkeys(_ENGLISH_WORD.findall(text)) if not word.isupper()]
        forms = {word: [word.lower(), *others] for word in words if (others := inflections(word))}
        counts = iter(self.lexical["whole"].counts_of([form for group in forms.values() for form in group]).tolist())
        replacements = dict[str, str]()
        for word, group in forms.items():
            count, *counts_of_others = [next(counts) for _ in group]
            if count == 0 and max(counts_of_others) > 0:
                replacements[word] = group[1 + counts_of_others.index(max(counts_of_others))]
        return _ENGLISH_WORD.sub(lambda match: replacements.get(match[0], match[0]), text) if replacements else text

    def _candidates(
        self, by_signal: list[Rows], words: dict[str, WordQuery], vectors: dict[str, RowQuery], allowed: _Allowed
    ) -> Rows:
        """Return the places of all records that some signal names."""
        k = _DEPTH + len(allowed.excluded)
        for name, query in words.items():
            if name.partition(":")[2] not in self.compared:
                by_signal.append(query.nearest(k, allowed.mask)[0])
        for name, near in vectors.items():
            if name.endswith("passage"):
                passages, _ = near.nearest(k, allowed.by_passage)
                by_signal.append(np.searchsorted(self.metadata.passage_starts, passages, side="right") - 1)
            else:
                by_signal.append(near.nearest(k, allowed.mask)[0])
        places = distinct(by_signal)
        return places[~np.isin(places, list(allowed.excluded))] if allowed.excluded else places

    def _allowed(self, filters: Filters | None) -> _Allowed:
        # To strike one number out of what was found is quicker than to ask every row of a million for it.
        excluded = filters.exclude if filters and len(filters.exclude) <= _MOST_EXCLUDED else frozenset[str]()
        other_filters = replace(filters, exclude=filters.exclude - excluded) if filters else None
        mask = self.metadata.allowed(other_filters)
        passages = any(name.endswith("passage") for name in self.vectors)
        by_passage = self.metadata.by_passage(mask) if mask is not None and passages else None
        struck = self.metadata.places_of(Ids(list(excluded))).tolist() if excluded else ()
        return _Allowed(mask, by_passage, frozenset(struck) - {-1})

    def _words(self, text: str, sentence: str) -> tuple[dict[str, WordQuery], list[WordQuery]]:
        """Return the question as each lexical signal asks it, and each of its codes."""
        codes, n_terms = codes_asked(text), self.most_terms
        terms = [n_terms, n_terms, *[CODE_TERMS] * len(codes)]
        by_text, by_glossary, *by_code = self.lexical["whole"].query_all([text, translated(sentence), *codes], terms)
        heading = self.lexical["heading"].query(text, n_terms)
        cosine = self.lexical["cosine"].query(text, self.most_cosine_terms)
        return dict(zip(_LEXICAL, (by_text, heading, by_glossary, cosine), strict=True)), by_code

    def _vectors(self, name: str, question: Question) -> RowQuery:
        encoder, _, part = name.partition(":")
        index, vector = self.vectors[name], question.vectors[encoder]
        if isinstance(index, VectorIndex):
            return index.query(vector)
        return RemoteQuery(index, vector, self.metadata, by_passage=part == "passage")

    def _nearest_passage(self, query: RowQuery, places: Rows) -> tuple[npt.NDArray[np.float64], Rows]:
        """Return the cosine of each record's nearest passage, and its place in the record."""
        starts = self.metadata.passage_starts
        counts = starts[places + 1] - starts[places]
        first = np.cumsum(counts) - counts  # where the passages of each record begin among those compared here
        of_record = np.repeat(np.arange(len(places)), counts)
        cosines = query.similarities_at(np.arange(counts.sum()) + (starts[places] - first)[of_record])
        best, nearest = np.zeros(len(places)), np.zeros(len(places), dtype=np.intp)
        with_passages = np.flatnonzero(counts)
        best[with_passages] = np.maximum.reduceat(cosines, first[with_passages]) if len(with_passages) else 0.0
        equal = np.flatnonzero(cosines == best[of_record])[::-1]  # backwards, so that the first of them stays
        nearest[of_record[equal]] = equal - first[of_record[equal]]
        return best, nearest

    def _indexes(self) -> list[tuple[str, LexicalIndex | VectorSearch | TokenBags]]:
        """Return every index by its name, first those that may be out of reach: then nothing here has changed yet."""
        remote = [item for item in self.vectors.items() if not isinstance(item[1], VectorIndex)]
        local = [item for item in self.vectors.items() if isinstance(item[1], VectorIndex)]
        return [*remote, *local, *self.lexical.items(), *self.bags.items()]

    def save(self, folder: Path) -> None:
        """Write the records and every index into an empty folder.

        Raises
        ------
        InputError
            If its vectors are in a database.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.metadata.save(folder)
        for name, index in self._indexes():
            if not isinstance(index, LexicalIndex | VectorIndex | TokenBags):
                raise InputError(f"expected the vectors of {name} in this process to save them; found them elsewhere")
            index.save(folder / name.replace(":", "_"))

    @classmethod
    def load(cls, folder: Path, corpus: Corpus, history: HistoryEncoder, general: Encoder | None, seed: int) -> Self:
        """Read what `save` has written."""
        index = cls(corpus, history, general, seed)
        index.metadata = RecordMetadata.load(folder)
        index.lexical = {name: LexicalIndex.load(folder / name) for name in index.lexical}
        index.vectors = {name: VectorIndex.load(folder / name.replace(":", "_")) for name in index.vectors}
        index.bags = {name: TokenBags.load(folder / name.replace(":", "_"), history) for name in index.bags}
        return index


def _parts(texts: Sequence[SearchText]) -> dict[str, list[str]]:
    full_texts = [text.full_text for text in texts]
    return {
        "heading": [text.heading for text in texts],
        "whole": full_texts,
        "cosine": full_texts,
        "passage": [passage for text in texts for passage in text.passages],
    }


def _has_known_terms(words: Mapping[str, WordQuery]) -> bool:
    return words["lexical:whole"].has_known_terms or words["lexical:glossary"].has_known_terms


def _relative(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Divide scores of words, which have no common scale, by the best one that the question got."""
    relative: npt.NDArray[np.float64] = scores / max(scores.max(initial=0.0), 1e-9)
    return relative
