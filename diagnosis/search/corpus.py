"""CorpusIndex: one corpus by every signal, and what each signal says of the candidates for a question."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from diagnosis.errors import InputError
from diagnosis.prepared import Vectors
from diagnosis.search.bags import TokenBags
from diagnosis.search.catalogue import Catalogue, Filters
from diagnosis.search.codes import codes_of, holds
from diagnosis.search.encoder import HistoryEncoder
from diagnosis.search.glossary import translated
from diagnosis.search.ids import Ids
from diagnosis.search.index import VectorIndex
from diagnosis.search.lexical import LexicalIndex
from diagnosis.search.measured import Corpus, Encoded, Encoder, Measured, Question, VectorSearch
from diagnosis.search.passages import SearchText
from diagnosis.search.views import Found, Mask, Rows, distinct, values_at

EXACT = "exact"
_LEXICAL = ("lexical:whole", "lexical:heading", "lexical:glossary")
_DEPTH = 100  # candidates that each signal names
_MOST_CODES = 16
_MOST_TERMS = 24  # of a question: 48 found no better (MRR on held-out halves of reports .615, .389; with 24 .623, .392)
_PASSAGE = "\x1f"  # between a number and the place of the passage in its record
_RECORDS = "records.parquet"
_MOST_EXCLUDED = 32  # numbers that are struck out of what was found; more are a filter of their own

# Parts of a record by whose vector each encoder finds it, and those by which it is only compared once found. The whole
# is too long for a general encoder. Of two histories, passages of incidents added nothing to headings and wholes.
_FOUND_BY = {
    "knowledge": {"history": ("heading", "passage", "whole"), "general": ("heading", "passage")},
    "incidents": {"history": ("whole",), "general": ("heading", "passage")},
}
_COMPARED_BY: dict[Corpus, tuple[str, ...]] = {"knowledge": (), "incidents": ("heading",)}


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
        self.catalogue = Catalogue()
        self.texts: dict[str, SearchText] = {}
        self.lexical = {name: LexicalIndex(weighting="tf-idf", most_terms=_MOST_TERMS) for name in ("whole", "heading")}
        self.vectors: dict[str, VectorSearch] = {
            f"{name}:{part}": VectorIndex(encoder.dimensions, seed)
            for name, encoder in self.encoders.items()
            for part in _FOUND_BY[corpus][name]
        }
        self.bags = {f"history:{part}": TokenBags(history) for part in self.compared}
        self.signals = (*_LEXICAL, *self.vectors, *self.bags, EXACT)

    def __len__(self) -> int:
        return len(self.texts)

    def encoded(self, texts: Sequence[SearchText]) -> Encoded:
        """Return what `add` takes beside the texts; reads nothing that changes, so it needs no lock."""
        parts = _parts(texts)
        vectors: dict[str, Vectors] = {}
        for encoder, model in self.encoders.items():
            names = [part for part in parts if f"{encoder}:{part}" in self.vectors]
            # A record of one short field is its own heading, passage and whole: each distinct text is encoded once.
            rows = {text: row for row, text in enumerate(dict.fromkeys(t for part in names for t in parts[part]))}
            distinct = model.encode(list(rows))
            vectors |= {f"{encoder}:{part}": distinct[[rows[text] for text in parts[part]]] for part in names}
        return Encoded(vectors, {name: self.history.bags(parts[name.split(":")[1]]) for name in self.bags})

    def add(self, frame: pd.DataFrame, texts: Sequence[SearchText], encoded: Encoded) -> None:
        """Add records with what `encoded` says of them, or replace those of the same number; numbers are distinct."""
        numbers = frame["number"].tolist()
        if not numbers:
            return
        self.remove(numbers)
        parts = _parts(texts)
        for name, lexical in self.lexical.items():
            lexical.add(numbers, parts[name])
        self.catalogue.add(frame, [len(text.passages) for text in texts])
        self.texts.update(zip(numbers, texts, strict=True))
        for name, index in self.vectors.items():
            index.add(self._passage_ids(numbers) if name.endswith("passage") else numbers, encoded.vectors[name])
        for name, bags in self.bags.items():
            bags.add(numbers, encoded.bags[name])

    def remove(self, numbers: Sequence[str]) -> None:
        """Remove records; an unknown number is passed over."""
        known = [number for number in numbers if number in self.texts]
        if not known:
            return
        passages = self._passage_ids(known)
        for name, index in self._indexes():
            index.remove(passages if name.endswith("passage") else known)
        self.catalogue.remove(known)
        for number in known:
            del self.texts[number]

    def measure(self, question: Question, filters: Filters | None) -> Measured:
        """Return the candidates that some signal names, and what every signal says of each."""
        allowed = self._allowed(filters)
        if allowed.mask is not None and not allowed.mask.any():
            return Measured([], np.zeros((0, len(self.signals))), [])
        compared = [f"lexical:{part}" for part in self.compared]
        finding = [name for name in (*_LEXICAL, *self.vectors) if name not in compared]
        found = {name: self._ask(name, question, allowed) for name in finding}
        codes = codes_of(question.text)[:_MOST_CODES]
        held = self._holders(codes, allowed)
        places = distinct([held[0], *(places for places, _ in found.values())])
        places = places[~np.isin(places, list(allowed.excluded))]
        numbers = self.lexical["whole"].names_at(places)
        columns, passages = self._compared(question, places, numbers)
        for name in _LEXICAL:
            columns[name] = _relative(
                values_at(places, found[name])
                if name in found
                else self.lexical[name.split(":")[1]].scores_at(places, question.text)
            )
        columns[EXACT] = values_at(places, held) / max(len(codes), 1)
        return Measured(numbers, np.column_stack([columns[name] for name in self.signals]), passages)

    def _allowed(self, filters: Filters | None) -> _Allowed:
        # To strike one number out of what was found is quicker than to ask every row of a million for it.
        excluded = filters.exclude if filters and len(filters.exclude) <= _MOST_EXCLUDED else frozenset[str]()
        rest = replace(filters, exclude=filters.exclude - excluded) if filters else None
        mask = self.catalogue.allowed(rest)
        by_passage = None if mask is None or "history:passage" not in self.vectors else self.catalogue.by_passage(mask)
        return _Allowed(mask, by_passage, frozenset(map(self.catalogue.place_of, excluded)))

    def _ask(self, name: str, question: Question, allowed: _Allowed) -> Found:
        """Return the places of the records that one signal names, best first, with what it says of them."""
        kind, part = name.split(":")
        k = _DEPTH + len(allowed.excluded)
        if kind == "lexical":
            words = translated(question.text) if part == "glossary" else question.text
            index = self.lexical.get(part, self.lexical["whole"])
            return index.nearest(words, k, allowed.mask)
        vectors = self.vectors[name]
        if isinstance(vectors, VectorIndex):  # its rows are the catalogue's: a mask of them is quickest
            mask = allowed.by_passage if part == "passage" else allowed.mask
            places, cosines = vectors.nearest(question.vectors[kind], k, mask)
            if part == "passage":
                places = np.searchsorted(self.catalogue.passage_starts, places, side="right") - 1
            return places, cosines
        # Others may have added what is not here yet.
        hits = vectors.search(question.vectors[kind], k, lambda one: self._found(one, allowed))[0]
        numbers = (identifier.partition(_PASSAGE)[0] for identifier, _ in hits)
        return np.array([*map(self.catalogue.place_of, numbers)], dtype=np.intp), np.array([c for _, c in hits])

    def _compared(
        self, question: Question, places: Rows, numbers: list[str]
    ) -> tuple[dict[str, npt.NDArray[np.float64]], list[int]]:
        """Return what every vector signal says of these records, and which passage of each is nearest."""
        columns = dict[str, npt.NDArray[np.float64]]()
        passages = np.zeros(len(numbers), dtype=np.intp)
        stored: dict[str, VectorSearch | TokenBags] = {**self.vectors, **self.bags}
        for name, index in stored.items():
            kind, part = name.split(":")
            if part == "passage":
                columns[name], nearest = self._nearest_passage(index, question.vectors[kind], places, numbers)
                passages = nearest if kind == "history" else passages
            elif isinstance(index, VectorIndex | TokenBags):
                columns[name] = index.similarities_at(places, question.vectors[kind])
            else:
                columns[name] = index.similarities(Ids(numbers), question.vectors[kind])
        return columns, passages.tolist()

    def _nearest_passage(
        self, index: VectorSearch | TokenBags, vector: Vectors, places: Rows, numbers: list[str]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.intp]]:
        """Return the cosine of each record's nearest passage, and its place in the record."""
        starts = self.catalogue.passage_starts
        counts = starts[places + 1] - starts[places]
        first = np.cumsum(counts) - counts  # where the passages of each record begin among those compared here
        of_record = np.repeat(np.arange(len(places)), counts)
        if isinstance(index, VectorIndex | TokenBags):
            cosines = index.similarities_at(np.arange(counts.sum()) + (starts[places] - first)[of_record], vector)
        else:
            cosines = index.similarities(Ids(self._passage_ids(numbers)), vector)
        best, nearest = np.zeros(len(places)), np.zeros(len(places), dtype=np.intp)
        some = np.flatnonzero(counts)
        best[some] = np.maximum.reduceat(cosines, first[some]) if len(some) else 0.0
        equal = np.flatnonzero(cosines == best[of_record])[::-1]  # backwards, so that the first of them stays
        nearest[of_record[equal]] = equal - first[of_record[equal]]
        return best, nearest

    def _holders(self, codes: Sequence[str], allowed: _Allowed) -> Found:
        """Return the places of records that words name for the codes, and how many of them each really holds."""
        held: dict[int, int] = {}
        whole = self.lexical["whole"]
        for code in codes:
            # By itself and its rarest part: the others (the "srv" of srv-0815) may stand in every row.
            places, _ = whole.nearest(code, _DEPTH // 4, allowed.mask, most_terms=2)
            for place, number in zip(places.tolist(), whole.names_at(places), strict=True):
                if holds(self.texts[number].whole, code):
                    held[place] = held.get(place, 0) + 1
            for number in self.texts.keys() & {code, code.upper()}:
                place = self.catalogue.place_of(number)
                if _passes(place, allowed):
                    held[place] = held.get(place, 0) + len(codes)
        return np.array([*held], dtype=np.intp), np.array([*held.values()], dtype=np.float64)

    def _found(self, identifier: str, allowed: _Allowed) -> bool:
        number, _, place = identifier.partition(_PASSAGE)
        text = self.texts.get(number)
        return (
            text is not None
            and int(place or 0) < max(1, len(text.passages))
            and (_passes(self.catalogue.place_of(number), allowed))
        )

    def _passage_ids(self, numbers: Sequence[str]) -> list[str]:
        return [f"{number}{_PASSAGE}{i}" for number in numbers for i in range(len(self.texts[number].passages))]

    def _indexes(self) -> list[tuple[str, LexicalIndex | VectorSearch | TokenBags]]:
        return [*self.lexical.items(), *self.vectors.items(), *self.bags.items()]

    def save(self, folder: Path) -> None:
        """Write the records and every index into an empty folder."""
        folder.mkdir(parents=True, exist_ok=True)
        frame = self.catalogue.frame[self.catalogue.alive].reset_index(drop=True)
        texts = [self.texts[number] for number in frame["number"]]
        frame.assign(
            heading=[text.heading for text in texts],
            passages=[json.dumps(text.passages) for text in texts],
            template=[text.template for text in texts],
        ).to_parquet(folder / _RECORDS, index=False)
        for name, index in self._indexes():
            if not isinstance(index, LexicalIndex | VectorIndex | TokenBags):
                raise InputError(f"expected the vectors of {name} in this process to save them; found them elsewhere")
            index.save(folder / name.replace(":", "_"))

    @classmethod
    def load(cls, folder: Path, corpus: Corpus, history: HistoryEncoder, general: Encoder | None, seed: int) -> Self:
        """Read what `save` has written."""
        index = cls(corpus, history, general, seed)
        frame = pd.read_parquet(folder / _RECORDS)
        texts = [
            SearchText(heading, tuple(json.loads(passages)), template)
            for heading, passages, template in zip(*map(frame.pop, ("heading", "passages", "template")), strict=True)
        ]
        index.catalogue = Catalogue.of(frame)
        index.texts = dict(zip(frame["number"], texts, strict=True))
        index.lexical = {name: LexicalIndex.load(folder / name) for name in index.lexical}
        index.vectors = {name: VectorIndex.load(folder / name.replace(":", "_")) for name in index.vectors}
        index.bags = {name: TokenBags.load(folder / name.replace(":", "_"), history) for name in index.bags}
        return index


def _parts(texts: Sequence[SearchText]) -> dict[str, list[str]]:
    return {
        "heading": [text.heading for text in texts],
        "whole": [text.whole for text in texts],
        "passage": [passage for text in texts for passage in text.passages],
    }


def _passes(place: int, allowed: _Allowed) -> bool:
    return place not in allowed.excluded and (allowed.mask is None or bool(allowed.mask[place]))


def _relative(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Divide BM25 scores, which have no common scale, by the best one that the question got."""
    relative: npt.NDArray[np.float64] = scores / max(scores.max(initial=0.0), 1e-9)
    return relative
