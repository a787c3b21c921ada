"""CorpusIndex: one corpus by every signal, and what each signal says of the candidates for a question."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from diagnosis.prepared import Vectors
from diagnosis.search.catalogue import Catalogue, Filters
from diagnosis.search.codes import codes_of, holds
from diagnosis.search.glossary import translated
from diagnosis.search.ids import Ids
from diagnosis.search.index import VectorIndex
from diagnosis.search.lexical import LexicalIndex
from diagnosis.search.passages import SearchText

EXACT = "exact"
_DEPTH = 100  # candidates that each signal names
_MOST_CODES = 16
_PASSAGE = "\x1f"  # between a number and the place of the passage in its record
_RECORDS = "records.parquet"


class Encoder(Protocol):
    """What turns texts into unit vectors."""

    @property
    def dimensions(self) -> int:
        """Length of a vector."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector a text."""


@dataclass(frozen=True)
class Question:
    """A question, and its vector by each encoder."""

    text: str
    vectors: dict[str, Vectors]


@dataclass(frozen=True)
class Measured:
    """The candidates for one question: shape (n_candidates, n_signals) in ``signals``, and the best passage of each."""

    numbers: list[str]
    signals: npt.NDArray[np.float64]
    passages: list[int]


class CorpusIndex:
    """Records of one corpus, searchable by words and by vectors of their heading, whole text and passages.

    Parameters
    ----------
    encoders : dict of str to Encoder
        ``"history"`` and, where there is one, ``"general"``.
    seed : int
    """

    def __init__(self, encoders: dict[str, Encoder], seed: int = 0) -> None:
        self.encoders = encoders
        self.seed = seed
        self.catalogue = Catalogue()
        self.texts: dict[str, SearchText] = {}
        self.lexical = {name: LexicalIndex(weighting="tf-idf") for name in ("whole", "heading")}
        self.vectors = {
            f"{name}:{part}": VectorIndex(encoder.dimensions, seed)
            for name, encoder in encoders.items()
            for part in ("heading", "passage", "whole")
            if (name, part) != ("general", "whole")  # reads no more than a passage at once
        }
        self.signals = ("lexical:whole", "lexical:heading", "lexical:glossary", *self.vectors, EXACT)

    def __len__(self) -> int:
        return len(self.texts)

    def encoded(self, texts: Sequence[SearchText]) -> dict[str, Vectors]:
        """Return the vectors that `add` takes, by signal; reads nothing that changes, so it needs no lock."""
        parts = _parts(texts)
        vectors: dict[str, Vectors] = {}
        for encoder, model in self.encoders.items():
            names = [part for part in parts if f"{encoder}:{part}" in self.vectors]
            # A record of one short field is its own heading, passage and whole: each distinct text is encoded once.
            rows = {text: row for row, text in enumerate(dict.fromkeys(t for part in names for t in parts[part]))}
            distinct = model.encode(list(rows))
            vectors |= {f"{encoder}:{part}": distinct[[rows[text] for text in parts[part]]] for part in names}
        return vectors

    def add(self, frame: pd.DataFrame, texts: Sequence[SearchText], vectors: Mapping[str, Vectors]) -> None:
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
            index.add(self._passage_ids(numbers) if name.endswith("passage") else numbers, vectors[name])

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
        allowed = self.catalogue.allowed(filters)
        if allowed is not None and not allowed.any():
            return Measured([], np.zeros((0, len(self.signals))), [])
        by_passage = None if allowed is None else self.catalogue.by_passage(allowed)
        found = {
            name: self._ask(name, question, by_passage if name.endswith("passage") else allowed)
            for name in self.signals[:-1]
        }
        codes = codes_of(question.text)[:_MOST_CODES]
        held = self._holders(codes, allowed)
        numbers = list(dict.fromkeys([*held, *(number for scores in found.values() for number in scores)]))
        columns, places = self._compared(question, numbers)
        for name, scores in found.items():
            if name not in columns:
                columns[name] = _relative([scores.get(number, 0.0) for number in numbers])
        columns[EXACT] = np.array([held.get(number, 0) / max(len(codes), 1) for number in numbers])
        return Measured(numbers, np.column_stack([columns[name] for name in self.signals]), places)

    def _ask(self, name: str, question: Question, allowed: Any) -> dict[str, float]:  # noqa: ANN401
        """Return the records that one signal names, best first, with what it says of them."""
        kind, part = name.split(":")
        if kind == "lexical":
            words = translated(question.text) if part == "glossary" else question.text
            index = self.lexical.get(part, self.lexical["whole"])
            return dict(index.search([words], _DEPTH, allowed)[0]) if words else {}
        hits = self.vectors[name].search(question.vectors[kind], _DEPTH, allowed)[0]
        return {identifier.partition(_PASSAGE)[0]: cosine for identifier, cosine in hits}

    def _compared(self, question: Question, numbers: list[str]) -> tuple[dict[str, npt.NDArray[np.float64]], list[int]]:
        """Return what every vector signal says of these records, and which passage of each is nearest."""
        records, passages = Ids(numbers), Ids(self._passage_ids(numbers))
        counts = [len(self.texts[number].passages) for number in numbers]
        of_record = np.repeat(np.arange(len(numbers)), counts)
        columns, places = {}, np.zeros(len(numbers), dtype=np.intp)
        for name, index in self.vectors.items():
            kind, part = name.split(":")
            if part != "passage":
                columns[name] = index.similarities(records, question.vectors[kind])
                continue
            cosines = index.similarities(passages, question.vectors[kind])
            order = np.lexsort((-cosines, of_record))  # record by record, the nearest first
            first = order[np.flatnonzero(np.diff(of_record[order], prepend=-1))]
            columns[name] = np.zeros(len(numbers))
            columns[name][of_record[first]] = cosines[first]
            if kind == "history":
                places[of_record[first]] = first - np.searchsorted(of_record, of_record[first])
        return columns, places.tolist()

    def _holders(self, codes: Sequence[str], allowed: npt.NDArray[np.bool_] | None) -> dict[str, int]:
        """Return how many of the codes each record holds, of the records that words name for them."""
        held: dict[str, int] = {}
        for code in codes:
            hits = self.lexical["whole"].search([code], _DEPTH // 4, allowed)[0]
            for number, _ in hits:
                if holds(self.texts[number].whole, code):
                    held[number] = held.get(number, 0) + 1
            for number in self.texts.keys() & {code, code.upper()}:
                if allowed is None or number in dict(hits) or self._passes(number, allowed):
                    held[number] = held.get(number, 0) + len(codes)
        return held

    def _passes(self, number: str, allowed: npt.NDArray[np.bool_]) -> bool:
        place = int(np.count_nonzero(self.catalogue.alive[: self.catalogue.row_of[number]]))
        return bool(allowed[place])

    def _passage_ids(self, numbers: Sequence[str]) -> list[str]:
        return [f"{number}{_PASSAGE}{i}" for number in numbers for i in range(len(self.texts[number].passages))]

    def _indexes(self) -> list[tuple[str, LexicalIndex | VectorIndex]]:
        return [*self.lexical.items(), *self.vectors.items()]

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
            index.save(folder / name.replace(":", "_"))

    @classmethod
    def load(cls, folder: Path, encoders: dict[str, Encoder], seed: int) -> CorpusIndex:
        """Read what `save` has written."""
        corpus = cls(encoders, seed)
        frame = pd.read_parquet(folder / _RECORDS)
        texts = [
            SearchText(heading, tuple(json.loads(passages)), template)
            for heading, passages, template in zip(*map(frame.pop, ("heading", "passages", "template")), strict=True)
        ]
        corpus.catalogue = Catalogue.of(frame)
        corpus.texts = dict(zip(frame["number"], texts, strict=True))
        corpus.lexical = {name: LexicalIndex.load(folder / name) for name in corpus.lexical}
        corpus.vectors = {name: VectorIndex.load(folder / name.replace(":", "_")) for name in corpus.vectors}
        return corpus


def _parts(texts: Sequence[SearchText]) -> dict[str, list[str]]:
    return {
        "heading": [text.heading for text in texts],
        "whole": [text.whole for text in texts],
        "passage": [passage for text in texts for passage in text.passages],
    }


def _relative(scores: Sequence[float]) -> npt.NDArray[np.float64]:
    """Divide BM25 scores, which have no common scale, by the best one that the question got."""
    column = np.array(scores, dtype=np.float64)
    relative: npt.NDArray[np.float64] = column / max(column.max(initial=0.0), 1e-9)
    return relative
