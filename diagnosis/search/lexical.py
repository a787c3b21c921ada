"""LexicalIndex: rows by the words they share with a question, BM25, as rows come and go; how exact, `tally` says."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from diagnosis.errors import InputError
from diagnosis.search.ids import FILE, Ids
from diagnosis.search.postings import (
    MAX_FREQUENCY,
    MAX_LENGTH,
    Hashes,
    PostingSegment,
    from_tokens,
    merged,
    term_hashes,
)
from diagnosis.search.segments import SegmentedIndex
from diagnosis.search.tally import Tally
from diagnosis.search.views import (
    Allowed,
    Found,
    Hits,
    Rows,
    View,
    best,
    located,
    masks,
    named,
)
from diagnosis.text.tokens import tokenise


class AskedWords:
    """One question put to the rows of a `LexicalIndex` as they stand now.

    Parameters
    ----------
    views : sequence of View
    tallies : sequence of Tally
        One a view.
    """

    def __init__(self, views: Sequence[View[PostingSegment]], tallies: Sequence[Tally]) -> None:
        self._views = views
        self._tallies = tallies

    def nearest(self, k: int, allowed: Allowed | None = None) -> Found:
        """Return the places in `ids` of the ``k`` rows of highest score, and the scores, highest first."""
        # A mask that lets everything pass is none: to apply it costs as much as the half of all adding up.
        found = [
            tally.best(k, None if allowed is None and view.living is None else mask)
            for tally, view, mask in zip(self._tallies, self._views, masks(self._views, allowed), strict=True)
        ]
        return best(self._views, found, k)

    def scores_at(self, places: Rows) -> npt.NDArray[np.float64]:
        """Return the score of the rows at places in `ids`; 0 for the place -1."""
        scores = np.zeros(len(places))
        for (_, which, rows), tally in zip(located(self._views, places), self._tallies, strict=True):
            scores[which] = tally.scores_at(rows)
        return scores


class LexicalIndex(SegmentedIndex[PostingSegment]):
    """Rows by BM25; added, replaced and removed ones count at once, for any number of threads.

    Parameters
    ----------
    k1 : float, default 1.2
        How slowly repeating a term saturates.
    b : float, default 0.75
        How far long rows are held back.
    weighting : {"count", "tf-idf"}, default "count"
        What a term of the question counts: how often it is asked, as in BM25, or ``(1 + log(count)) * idf`` of TF-IDF
        (both times the idf of BM25), so that in a question of a hundred words the telling ones decide.
    most_terms : int, default 48
        Of a longer question, so many terms of highest weight are asked for; Lucene's "more like this" takes 25.

    Notes
    -----
    A removed row is found no more at once, but counts in document frequencies and average length until it is merged
    away, as in Lucene: at once in a segment of a few thousand rows, at an eighth of the rows in a larger one.
    """

    def __init__(
        self, k1: float = 1.2, b: float = 0.75, weighting: Literal["count", "tf-idf"] = "count", most_terms: int = 48
    ) -> None:
        super().__init__()
        self.k1 = k1
        self.b = b
        self.weighting = weighting
        self.most_terms = most_terms

    @property
    def nbytes(self) -> int:
        """Bytes of the postings."""
        return sum(view.segment.nbytes for view in self._views)

    def add(self, ids: Sequence[str], texts: Sequence[str]) -> None:
        """Add rows, or replace those whose id is here already; of an id given twice, the last text counts.

        Raises
        ------
        InputError
            If there are not as many texts as ids.
        """
        if len(ids) != len(texts):
            raise InputError(f"expected a text for each of {len(ids)} ids; found {len(texts)}")
        last = dict(zip(ids, texts, strict=True))
        self._insert(from_tokens(Ids(list(last)), [tokenise(text) for text in last.values()]))

    def search(
        self, texts: Sequence[str], k: int, allowed: Allowed | None = None, most_terms: int | None = None
    ) -> Hits:
        """Return the ``k`` rows of highest score for each text, highest first; a row without a shared term never.

        Parameters
        ----------
        texts : sequence of str
        k : int
        allowed : ndarray of bool, container of str or callable, optional
            What may be found: a mask over `ids`, a set of ids, or a function of one id. The mask is the quickest.
        most_terms : int, optional
            Instead of the index's own.

        Returns
        -------
        list of list of (str, float)
            Equal scores stand in order of insertion.
        """
        asked = [self.ask(text, most_terms) for text in texts]
        return [named(one._views, one.nearest(k, allowed)) for one in asked]

    def ask(self, text: str, most_terms: int | None = None) -> AskedWords:
        """Return one question put to the rows, for a caller that keeps what belongs to them in the same order."""
        views = self._views
        n_rows = sum(len(view.alive) for view in views)
        hashes, counts = _terms(text)
        places = [view.segment.find(hashes) for view in views]
        frequencies = np.zeros(len(hashes), dtype=np.int64)
        for view, place in zip(views, places, strict=True):
            frequencies += _frequencies(view.segment, place)
        known = np.flatnonzero(frequencies)
        held = frequencies[known]
        idf = np.log1p((n_rows - held + 0.5) / (held + 0.5))
        asked = counts[known].astype(np.float64)
        weights = asked * idf if self.weighting == "count" else (1 + np.log(asked)) * idf**2
        order = np.argsort(-weights, kind="stable")[: most_terms or self.most_terms]
        terms, weights = known[order], weights[order]
        average = sum(view.segment.n_tokens for view in views) / max(n_rows, 1)
        shares = _shares(self.k1, self.b, average)
        tallies = [
            Tally(view.segment, place[terms], weights, shares) for view, place in zip(views, places, strict=True)
        ]
        return AskedWords(views, tallies)

    def save(self, folder: Path) -> None:
        """Write the index into an empty folder, rebuilt into one segment."""
        self.rebuild()
        folder.mkdir(parents=True, exist_ok=True)
        settings = {name: getattr(self, name) for name in ("k1", "b", "weighting", "most_terms")}
        (folder / "index.json").write_text(json.dumps(settings), encoding="utf-8")
        for view in self._views:
            view.segment.save(folder)

    @classmethod
    def load(cls, folder: Path) -> LexicalIndex:
        """Read what `save` has written; postings stay on disk and are shared by the processes that read them."""
        index = cls(**json.loads((folder / "index.json").read_text(encoding="utf-8")))
        if (folder / FILE).exists():
            index._insert(PostingSegment.load(folder))
        return index

    def _merge(self, views: Sequence[View[PostingSegment]]) -> PostingSegment:
        return merged([(view.segment, view.alive) for view in views])


@lru_cache(maxsize=64)
def _terms(text: str) -> tuple[Hashes, npt.NDArray[np.intp]]:
    """Return the distinct terms of a question and how often each stands in it: every index of a corpus asks."""
    hashes, asked = np.unique(term_hashes(tokenise(text)), return_counts=True)
    hashes.flags.writeable = asked.flags.writeable = False
    return hashes, asked


@lru_cache(maxsize=8)
def _shares(k1: float, b: float, average: float) -> npt.NDArray[np.float64]:
    """Return the share of its weight that a term earns, for each code of a posting."""
    lengths = np.arange(MAX_LENGTH + 1)
    frequencies = np.arange(MAX_FREQUENCY + 1)[:, None]
    held_back = k1 * (1 - b + b * lengths / max(average, 1e-9))
    shares: npt.NDArray[np.float64] = (frequencies / (frequencies + held_back)).ravel()
    shares.flags.writeable = False
    return shares


def _frequencies(segment: PostingSegment, places: npt.NDArray[np.intp]) -> npt.NDArray[np.int64]:
    counts = segment.starts[places + 1] - segment.starts[places]
    found: npt.NDArray[np.int64] = np.where(places >= 0, counts, 0)
    return found
