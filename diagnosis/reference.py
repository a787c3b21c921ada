"""Reference: the incidents that a release learned from, counted, so that drift can be told without them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from scipy import sparse

from diagnosis.text import language
from diagnosis.text.tokens import tokenise

FIELDS = ("location", "contact_type", "service", "cmdb_ci", "symptom", "category", "subcategory", "impact", "urgency",
          "priority")  # fmt: skip
_WORDS = 1000
_COUNTS, _DOCUMENTS = "counts.json", "documents.npz"


@dataclass(frozen=True)
class Reference:
    """What a release learned from.

    Attributes
    ----------
    fields : dict of str to Counter
        Of each of `FIELDS` and of the language, how many incidents have each value.
    words : Counter
        How many incidents hold each word.
    common : list of str
        The most frequent words.
    documents : csr_array, shape (n_incidents, len(common) + 1)
        Which of them each incident holds; last, how many others.
    """

    fields: dict[str, Counter[str]]
    words: Counter[str]
    common: list[str]
    documents: sparse.csr_array

    def __len__(self) -> int:
        return int(self.documents.shape[0])

    @classmethod
    def of(cls, frame: pd.DataFrame, most: int = 5000) -> Self:
        """Count a canonical frame, personal data masked; of a larger one its newest ``most`` incidents."""
        frame = frame.sort_values("opened_at", kind="stable", na_position="first").tail(most)
        words = words_of(frame)
        counted = Counter(word for one in words for word in sorted(one))
        common = [word for word, _ in counted.most_common(_WORDS)]
        fields = {name: Counter(values) for name, values in fields_of(frame).items()}
        return cls(fields, counted, common, _documents(words, common))

    def save(self, folder: Path) -> None:
        """Write into an empty folder."""
        counts = {"fields": self.fields, "words": self.words, "common": self.common}
        (folder / _COUNTS).write_text(json.dumps(counts, ensure_ascii=False), encoding="utf-8")
        sparse.save_npz(folder / _DOCUMENTS, self.documents)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        counts = json.loads((folder / _COUNTS).read_text(encoding="utf-8"))
        fields = {name: Counter(values) for name, values in counts["fields"].items()}
        return cls(fields, Counter(counts["words"]), counts["common"], sparse.load_npz(folder / _DOCUMENTS))


def words_of(frame: pd.DataFrame) -> list[frozenset[str]]:
    """Return the words of each incident."""
    return [frozenset(tokenise(text)) for text in _texts(frame)]


def fields_of(frame: pd.DataFrame) -> dict[str, list[str]]:
    """Return the values of `FIELDS` and the language, incident by incident."""
    return {**{name: frame[name].tolist() for name in FIELDS}, "language": [language(text) for text in _texts(frame)]}


def _texts(frame: pd.DataFrame) -> list[str]:
    return [f"{title}\n{body}" for title, body in zip(frame["short_description"], frame["description"], strict=True)]


def _documents(words: Sequence[frozenset[str]], common: Sequence[str]) -> sparse.csr_array:
    place = {word: i for i, word in enumerate(common)}
    rows = [sorted(place.get(word, len(common)) for word in one) for one in words]
    ends = np.cumsum([0, *map(len, rows)])
    places = np.array([one for row in rows for one in row], dtype=np.int32)
    documents = sparse.csr_array((np.ones(len(places)), places, ends), shape=(len(rows), len(common) + 1))
    documents.sum_duplicates()
    return documents
