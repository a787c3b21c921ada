"""FaultLikeness: which fault an incident that lacks a field belongs to, by its words and its other fields."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from diagnosis.arrays import Floats, Ints
from diagnosis.incident import IncidentBatch
from diagnosis.placeholders import is_placeholder
from diagnosis.recurrence.like_texts import LIKE
from diagnosis.text import tokenise

if TYPE_CHECKING:
    from scipy.sparse import csr_array


FIELDS = ("caller", "location", "service", "subcategory", "symptom")  # that speak for a fault beside the words
LONGEST = 300  # characters of a text that are looked at
PRECISION = 0.8  # share of incidents with a hidden field that have to be joined rightly
FEWEST_TRIALS = 30  # joined incidents from which a threshold is learned
MOST_TRIALS = 2000  # newest incidents whose field is hidden
LATER = 0.25  # share of the incidents, the newest, whose field is hidden
ROWS = 2000  # that are compared at once
NEVER = 2.0  # a threshold that no cosine reaches


class FaultLikeness:
    """Cosine of an incident's words and fields with the mean of each fault's, learned from incidents with all fields.

    Parameters
    ----------
    columns : sequence of str
        Fields of the signature: a fault whose value differs from one that the incident has is no candidate.

    Attributes
    ----------
    threshold_ : float
        Cosine from which an incident joins: the lowest at which, on the newest incidents with one field hidden,
        `PRECISION` of those that would join belong where they would; `NEVER` where no threshold reaches it, and `LIKE`
        where there is one fault alone.
    precision_ : float or None
        Share that was joined rightly at the threshold.
    coverage_ : float
        Share of those incidents that were joined.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = tuple(columns)

    def fit(self, incidents: IncidentBatch, texts: Sequence[str], faults: Ints, hidden: str) -> FaultLikeness:
        """Learn faults and threshold.

        Parameters
        ----------
        incidents : IncidentBatch
            With all fields, in order of time.
        texts : sequence of str
            The cleaned text of each.
        faults : ndarray of int, shape (n,)
            The fault of each, from 0 without gaps.
        hidden : str
            The field that incidents lack most often: what is hidden to learn the threshold.
        """
        self._fields: tuple[str, ...] = FIELDS
        self.precision_: float | None = None
        self.coverage_ = 0.0
        if len(np.unique(faults)) == 1:  # nothing can be confused: what is said alone decides
            self._fields, self.threshold_ = (), LIKE
            self._learn(incidents, _words(incidents, texts, ()), faults)
            return self
        words = _words(incidents, texts, FIELDS)
        self._learn_threshold(incidents, words, faults, hidden)
        if self.threshold_ < NEVER:
            self._learn(incidents, words, faults)
        return self

    def nearest(self, incidents: IncidentBatch, texts: Sequence[str]) -> tuple[Ints, Floats]:
        """Return the most like fault of each incident, -1 where none is like enough, and the cosine."""
        if self.threshold_ == NEVER:
            return np.full(len(incidents), -1, dtype=np.intp), np.zeros(len(incidents))
        places, cosines = self._nearest(incidents, _words(incidents, texts, self._fields))
        return np.where(cosines >= self.threshold_, places, -1), cosines

    def _learn_threshold(self, incidents: IncidentBatch, words: list[Counter[str]], faults: Ints, hidden: str) -> None:
        self.threshold_ = NEVER
        n_earlier = len(faults) - min(int(LATER * len(faults)), MOST_TRIALS)
        earlier, later = np.arange(n_earlier), np.arange(n_earlier, len(faults))
        if len(later) < FEWEST_TRIALS or len(np.unique(faults[earlier])) < 2:
            return
        names, codes = np.unique(faults[earlier], return_inverse=True)
        self._learn(incidents.take(earlier), words[:n_earlier], codes.astype(np.intp))
        trial = incidents.take(later).with_columns({hidden: [""] * len(later)})
        places, cosines = self._nearest(trial, words[n_earlier:])
        is_right = (names[np.maximum(places, 0)] == faults[later]) & (places >= 0)
        order = np.argsort(-cosines, kind="stable")
        joined = np.arange(1, len(order) + 1)
        precision = np.cumsum(is_right[order]) / joined
        good = np.flatnonzero((precision >= PRECISION) & (joined >= FEWEST_TRIALS) & (cosines[order] > 0))
        if len(good):
            last = int(good[-1])
            self.threshold_, self.precision_ = float(cosines[order[last]]), float(precision[last])
            self.coverage_ = float(joined[last] / len(order))

    def _learn(self, incidents: IncidentBatch, words: list[Counter[str]], faults: Ints) -> None:
        from scipy.sparse import csr_array  # noqa: PLC0415 - a start does without

        self._vocabulary = {token: place for place, token in enumerate(sorted(set().union(*words)))}
        counts = Counter(token for of_incident in words for token in of_incident)
        self._weights = np.array([np.log1p(len(words) / counts[token]) for token in self._vocabulary])
        rows = self._matrix(words)
        n_faults = int(faults.max()) + 1
        members = csr_array((np.ones(len(faults)), (faults, np.arange(len(faults)))), shape=(n_faults, len(faults)))
        self._faults = _normalised(csr_array(members @ rows)).T.tocsr()
        self._first = first = np.full(n_faults, -1)
        first[faults[::-1]] = np.arange(len(faults))[::-1]
        self._codes: dict[str, dict[str, int]] = {}
        self._fault_codes: dict[str, Ints] = {}
        for name in self.columns:
            column, codes = incidents.column(name), dict[str, int]()
            of_fault = [codes.setdefault(column[row], len(codes)) for row in first.tolist()]
            self._codes[name], self._fault_codes[name] = codes, np.array(of_fault, dtype=np.intp)

    def _matrix(self, words: Sequence[Counter[str]]) -> csr_array:
        from scipy.sparse import csr_array  # noqa: PLC0415

        starts, places = [0], []
        for of_incident in words:
            places += [place for token in of_incident if (place := self._vocabulary.get(token)) is not None]
            starts.append(len(places))
        columns = np.array(places, dtype=np.intp)
        matrix = csr_array((self._weights[columns], columns, starts), shape=(len(words), len(self._vocabulary)))
        return _normalised(matrix)

    def _nearest(self, incidents: IncidentBatch, words: list[Counter[str]]) -> tuple[Ints, Floats]:
        best, highest = np.full(len(words), -1, dtype=np.intp), np.zeros(len(words))
        for start in range(0, len(words), ROWS):
            part = slice(start, min(start + ROWS, len(words)))
            cosines = (self._matrix(words[part]) @ self._faults).tocsr()
            counts = np.diff(cosines.indptr)
            rows = np.repeat(np.arange(len(counts)), counts)
            values = np.where(self._agree(incidents[part], rows, cosines.indices), cosines.data, 0.0)
            occupied = np.flatnonzero(counts)
            if not len(occupied):
                continue
            starts = cosines.indptr[:-1][occupied]
            most = np.maximum.reduceat(values, starts)
            is_most = values == np.repeat(most, counts[occupied])
            # Of equal ones the first, whatever the order in which a product holds them.
            faults = np.minimum.reduceat(np.where(is_most, cosines.indices, len(self._first)), starts)
            best[start + occupied] = np.where(most > 0, faults, -1)
            highest[start + occupied] = most
        return best, highest

    def _agree(self, incidents: IncidentBatch, rows: Ints, faults: Ints) -> npt.NDArray[np.bool_]:
        agrees = np.ones(len(rows), dtype=bool)
        for name, of_fault in self._fault_codes.items():
            codes = self._codes[name]
            values = incidents.column(name)
            of_row = np.array([-1 if is_placeholder(value) else codes.get(value, -2) for value in values])
            if (of_row != -1).any():
                agrees &= (of_row[rows] == -1) | (of_row[rows] == of_fault[faults])
        return agrees


def _words(incidents: IncidentBatch, texts: Sequence[str], fields: Sequence[str]) -> list[Counter[str]]:
    columns = {name: incidents.column(name) for name in fields}
    words = []
    for row, text in enumerate(texts):
        tokens = Counter(tokenise(text[:LONGEST]))
        for name, column in columns.items():
            if not is_placeholder(column[row]):
                tokens[f"{name}={column[row]}"] = 1
        words.append(tokens)
    return words


def _normalised(matrix: csr_array) -> csr_array:
    from scipy.sparse import diags_array  # noqa: PLC0415

    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return (diags_array(1.0 / np.maximum(lengths, 1e-12)) @ matrix).tocsr()
