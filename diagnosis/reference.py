"""Reference: the incidents that a release learned from, counted, so that drift can be measured without them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from scipy import sparse

from diagnosis.incident import CODED_FIELDS, IncidentBatch
from diagnosis.text import language
from diagnosis.text.tokens import tokenise

FIELDS = tuple(name for name in CODED_FIELDS if name not in ("caller", "opened_by"))
_WORDS = 1000
_NEVER = datetime.min.replace(tzinfo=UTC)  # of an incident without a time: before all others
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
    def of(cls, incidents: IncidentBatch | pd.DataFrame, most: int = 5000) -> Self:
        """Count incidents, personal data masked; of a larger batch its newest ``most``."""
        incidents = IncidentBatch.of(incidents)
        opened_at = incidents.column("opened_at")
        oldest_first = sorted(range(len(incidents)), key=lambda row: opened_at[row] or _NEVER)
        incidents = incidents.take(oldest_first[-most:])
        words = words_of(incidents)
        counts = Counter(word for words_of_one in words for word in sorted(words_of_one))
        common = [word for word, _ in counts.most_common(_WORDS)]
        fields = {name: Counter(values) for name, values in fields_of(incidents).items()}
        return cls(fields, counts, common, _documents(words, common))

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


def words_of(incidents: IncidentBatch) -> list[frozenset[str]]:
    """Return the words of each incident."""
    return [frozenset(tokenise(text)) for text in _texts(incidents)]


def fields_of(incidents: IncidentBatch) -> dict[str, list[str]]:
    """Return the values of `FIELDS` and the language, incident by incident."""
    values = {name: incidents.column(name) for name in FIELDS}
    return {**values, "language": [language(text) for text in _texts(incidents)]}


def _texts(incidents: IncidentBatch) -> list[str]:
    titles, bodies = incidents.column("short_description"), incidents.column("description")
    return [f"{title}\n{body}" for title, body in zip(titles, bodies, strict=True)]


def _documents(words: Sequence[frozenset[str]], common: Sequence[str]) -> sparse.csr_array:
    column_of = {word: column for column, word in enumerate(common)}
    rows = [sorted(column_of.get(word, len(common)) for word in words_of_one) for words_of_one in words]
    ends = np.cumsum([0, *map(len, rows)])
    columns = np.array([column for row in rows for column in row], dtype=np.int32)
    documents = sparse.csr_array((np.ones(len(columns)), columns, ends), shape=(len(rows), len(common) + 1))
    documents.sum_duplicates()
    return documents
