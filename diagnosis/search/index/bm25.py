"""LexicalIndex: rows by the words they share with a question, BM25, as rows come and go; how exact, `tally` says."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from diagnosis.arrays import Floats, Rows
from diagnosis.errors import InputError
from diagnosis.search.index.ids import FILE, Ids
from diagnosis.search.index.postings import (
    MAX_FREQUENCY,
    MAX_LENGTH,
    NORM_STEPS,
    Hashes,
    PostingSegment,
    TermScores,
    from_tokens,
    merged,
    term_hashes,
    with_norms,
)
from diagnosis.search.index.segments import (
    Allowed,
    Hits,
    Ranking,
    SegmentedIndex,
    SegmentView,
    dead_rows,
    masks,
    ranks,
    rows_at,
    with_names,
)
from diagnosis.text.tokens import tokenise

Weighting = Literal["count", "tf-idf", "cosine"]
# What others write otherwise: a hexadecimal number without 0x, h, l or zeros before it (80070005, 7b for 0x0000007B),
# letters before digits without a joint and the number without the zeros before it (ORA 00942, HTTP 502, ORA-942).
_CODE_PARTS = re.compile(r"0x0*([0-9a-f]{2,}?)l?|0*([0-9][0-9a-f]{3,})h|([a-z]+)([0-9]{3,})|0+([1-9][0-9]{2,})")
_ZEROS = re.compile(r"0+(?=[1-9][0-9]{2})")
# Letters and digits with joints (vpn-gw-2, E-1234) without these: vpngw2, E1234.
_JOINTS = re.compile(r"[-_]+")
_MIXED = re.compile(r"(?=.*[a-z])(?=.*[0-9])[a-z0-9_-]*[-_][a-z0-9_-]*")
_NONE = np.empty(0, dtype=bool)

Terms = tuple[Hashes, npt.NDArray[np.intp]]  # distinct ones, and how often each stands in a text


class WordQuery:
    """One question put to the rows of a `LexicalIndex` as they stand now.

    Parameters
    ----------
    views : sequence of SegmentView
    tally : TermScores
        Of all their segments.
    n_unknown : int
        How many terms of the question stand in no row.
    weight : float
        Of all its terms, those that stand in no row too: a row's score beside it is the share that the row holds.
    """

    def __init__(
        self, views: Sequence[SegmentView[PostingSegment]], tally: TermScores, n_unknown: int, weight: float
    ) -> None:
        self._views = views
        self._tally = tally
        self.n_unknown = n_unknown
        self.weight = weight

    @property
    def has_known_terms(self) -> bool:
        """Whether any term of the question stands in any row."""
        return len(self._tally.weights) > 0

    def nearest(self, k: int, allowed: Allowed | None = None) -> Ranking:
        """Return the places in `ids` of the ``k`` rows of highest score, and the scores, highest first."""
        mask = None if allowed is None else np.concatenate([*masks(self._views, allowed), _NONE])
        rows, scores = self._tally.best(k, mask)
        return ranks(self._tally.dead, rows), scores

    def scores_at(self, places: Rows) -> npt.NDArray[np.float64]:
        """Return the score of the rows at distinct places in `ids`; 0 for the place -1."""
        present = places >= 0
        if not present.all():
            scores = np.zeros(len(places))
            scores[present] = self.scores_at(places[present])
            return scores
        return self._tally.scores_at(rows_at(self._tally.dead, places))


class LexicalIndex(SegmentedIndex[PostingSegment]):
    """Rows by BM25; added, replaced and removed ones count at once, for any number of threads.

    Parameters
    ----------
    k1 : float, default 1.2
        How slowly repeating a term saturates.
    b : float, default 0.75
        How far long rows are held back.
    weighting : {"count", "tf-idf", "cosine"}, default "count"
        What a term of the question counts: how often it is asked, as in BM25, or ``(1 + log(count)) * idf`` of TF-IDF
        (both times the idf of BM25), so that in a question of a hundred words the telling ones decide. ``"cosine"``
        is no BM25: the score is the cosine of TF-IDF vectors with sublinear counts, as in scikit-learn, each row's
        length taken when it was added.
    most_terms : int, default 48
        Of a longer question, so many terms of highest weight are asked for; Lucene's "more like this" takes 25.
    word_grams : {1, 2}, default 1
        Words, or pairs of neighbours too.
    cjk_characters : bool, default True
        Whether single CJK characters are terms beside their pairs.

    Notes
    -----
    A removed row is found no more at once, but counts in document frequencies and average length until it is merged
    away, as in Lucene: at once in a segment of a few thousand rows, at an eighth of the rows in a larger one.
    """

    def __init__(
        self,
        k1: float = 1.2,
        b: float = 0.75,
        weighting: Weighting = "count",
        most_terms: int = 48,
        *,
        word_grams: int = 1,
        cjk_characters: bool = True,
    ) -> None:
        super().__init__()
        self.k1 = k1
        self.b = b
        self.weighting = weighting
        self.most_terms = most_terms
        self.word_grams = word_grams
        self.cjk_characters = cjk_characters

    @property
    def _grams(self) -> tuple[int, bool]:
        return self.word_grams, self.cjk_characters

    @property
    def nbytes(self) -> int:
        """Bytes of the postings."""
        return sum(view.segment.nbytes for view in self._views)

    def add(self, ids: Ids | Sequence[str], texts: Sequence[str]) -> None:
        """Add rows, or replace those whose id is here already; of an id given twice, the last text counts.

        `Ids` are for a caller who knows that none is here already.

        Raises
        ------
        InputError
            If there are not as many texts as ids.
        """
        if len(ids) != len(texts):
            raise InputError(f"expected a text for each of {len(ids)} ids; found {len(texts)}")
        new = isinstance(ids, Ids)
        if not isinstance(ids, Ids):
            last = dict(zip(ids, texts, strict=True))
            ids, texts = Ids(list(last)), list(last.values())
        segment = from_tokens(ids, [index_tokens(text, *self._grams) for text in texts])
        if self.weighting == "cosine" and len(ids):
            with self._changed:
                views = self._views
                spans = (view.segment.spans(segment.terms) for view in views)
                earlier = sum((ends - begins for begins, ends in spans), np.zeros(len(segment.terms), dtype=np.int64))
                segment = with_norms(segment, _smooth_idf(len(self) + len(ids), earlier + np.diff(segment.starts)))
        self._insert(segment, new=new)

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
        queries = self.query_all(texts, [most_terms or self.most_terms] * len(texts))
        return [with_names(query._views, query.nearest(k, allowed)) for query in queries]

    def query(self, text: str, most_terms: int | None = None) -> WordQuery:
        """Return one question put to the rows, for a caller that keeps what belongs to them in the same order."""
        return self.query_all([text], [most_terms or self.most_terms])[0]

    def query_all(self, texts: Sequence[str], most_terms: Sequence[int]) -> list[WordQuery]:
        """Return questions put to the rows, with so many terms each; those of all are looked up in one go."""
        views = self._views
        offsets = np.cumsum([0, *(len(view.alive) for view in views)], dtype=np.int32)
        n_rows = max(int(offsets[-1]), 1)
        hashes, counts, ends_of = _joined([_terms(text, *self._grams) for text in texts])
        spans = np.array([view.segment.spans(hashes) for view in views], dtype=np.int64)
        begins, ends = spans.reshape(len(views), 2, len(hashes)).swapaxes(0, 1)
        document_frequency = (ends - begins).sum(axis=0)
        weights = self._weights(counts, document_frequency, n_rows, ends_of)
        total = np.cumsum(np.concatenate([[0.0], weights]))
        weights[document_frequency == 0] = 0.0
        if self.weighting == "cosine":
            shares = _cosine_shares()
        else:
            shares = _shares(self.k1, self.b, sum(view.segment.n_tokens for view in views) / n_rows)
        segments, dead, queries = [view.segment for view in views], dead_rows(views), []
        for (start, stop), limit in zip(pairwise([0, *ends_of]), most_terms, strict=True):
            matching = start + np.flatnonzero(weights[start:stop])
            order = matching[np.argsort(-weights[matching], kind="stable")[:limit]]
            tally = TermScores(segments, offsets, begins[:, order], ends[:, order], weights[order], shares, dead)
            weight = float(total[stop] - total[start])
            queries.append(WordQuery(views, tally, stop - start - len(matching), weight))
        return queries

    def _weights(
        self, counts: npt.NDArray[np.intp], document_frequency: npt.NDArray[np.int64], n_rows: int, ends_of: list[int]
    ) -> Floats:
        """Return what each term of some questions, which end at these places, counts."""
        if self.weighting == "cosine":
            idf = _smooth_idf(n_rows, document_frequency)
            asked = (1 + np.log(counts)) * idf
            for start, stop in pairwise([0, *ends_of]):
                part = asked[start:stop]
                length = np.linalg.norm(part[document_frequency[start:stop] > 0])
                asked[start:stop] = part / max(float(length), 1e-9)
            return asked * idf
        idf = np.log1p((n_rows - document_frequency + 0.5) / (document_frequency + 0.5))
        return counts * idf if self.weighting == "count" else (1 + np.log(counts)) * idf**2

    def counts_of(self, terms: Sequence[str]) -> npt.NDArray[np.int64]:
        """Return how many rows hold each term; removed rows count until they are merged away."""
        hashes = term_hashes(terms)
        spans = (view.segment.spans(hashes) for view in self._views)
        return sum((ends - begins for begins, ends in spans), np.zeros(len(terms), dtype=np.int64))

    def places_with(self, term: str) -> Rows:
        """Return the places in `ids` of the rows that hold a term, in order."""
        views = self._views
        starts = accumulate((len(view.alive) for view in views), initial=0)
        parts = [np.empty(0, dtype=np.intp)]
        for start, view in zip(starts, views, strict=False):
            (begin,), (end,) = view.segment.spans(term_hashes([term]))
            parts.append(start + view.segment.rows[begin:end].astype(np.intp))
        rows, dead = np.concatenate(parts), dead_rows(views)
        return ranks(dead, rows[~np.isin(rows, dead)] if len(dead) else rows)

    def save(self, folder: Path) -> None:
        """Write the index into an empty folder, rebuilt into one segment."""
        folder.mkdir(parents=True, exist_ok=True)
        settings = {
            name: getattr(self, name) for name in ("k1", "b", "weighting", "most_terms", "word_grams", "cjk_characters")
        }
        (folder / "index.json").write_text(json.dumps(settings), encoding="utf-8")
        with self._at_rest() as views:
            for view in views:
                view.segment.save(folder)

    @classmethod
    def load(cls, folder: Path) -> LexicalIndex:
        """Read what `save` has written; postings stay on disk and are shared by the processes that read them."""
        index = cls(**json.loads((folder / "index.json").read_text(encoding="utf-8")))
        if (folder / FILE).exists():
            index._insert(PostingSegment.load(folder))
        return index

    def _merge(self, views: Sequence[SegmentView[PostingSegment]]) -> PostingSegment:
        return merged([(view.segment, view.alive) for view in views])


def index_tokens(text: str, word_grams: int = 1, cjk_characters: bool = True) -> list[str]:
    """Return the tokens of a text, the parts of its codes that others write apart, and pairs of words if asked.

    Examples
    --------
    >>> index_tokens("ORA00942 0x80070005", word_grams=2)
    ['ora00942', '0x80070005', 'ora', '00942', '942', '80070005', 'ora00942 0x80070005']
    """
    tokens = tokenise(text)
    if not cjk_characters:
        tokens = [token for token in tokens if len(token) > 1 or token.isascii()]
    parts = [part for token in tokens if not token.isalpha() for part in _code_parts(token)]
    pairs = [f"{a} {b}" for a, b in pairwise(tokens) if a.isascii() and b.isascii()] if word_grams > 1 else []
    return [*tokens, *parts, *pairs]


def _code_parts(token: str) -> list[str]:
    """Return what a token with a digit in it may be written as by others, or what is left of it."""
    if token.isdigit() and token[0] != "0":  # most are plain numbers
        return []
    if match := _CODE_PARTS.fullmatch(token):
        parts = [part for part in match.groups() if part]
        return [*parts, *(part[zeros.end() :] for part in parts if (zeros := _ZEROS.match(part)))]
    labels = token.split(".") if "-" in token or "_" in token else ()  # of a host name, the host
    return [_JOINTS.sub("", label) for label in labels if _MIXED.fullmatch(label)]


@lru_cache(maxsize=64)
def _terms(text: str, word_grams: int, cjk_characters: bool) -> Terms:
    """Return the distinct terms of a question and how often each stands in it: every index of a corpus asks."""
    counter = Counter(index_tokens(text, word_grams, cjk_characters))
    hashes = term_hashes(list(counter))
    order = np.argsort(hashes)
    hashes, counts = hashes[order], np.array([*counter.values()], dtype=np.intp)[order]
    hashes.flags.writeable = counts.flags.writeable = False
    return hashes, counts


def _joined(terms: Sequence[Terms]) -> tuple[Hashes, npt.NDArray[np.intp], list[int]]:
    """Return the terms of several questions one after another, and where those of each end."""
    hashes = np.concatenate([np.empty(0, dtype=np.uint64), *(hashes_of_text for hashes_of_text, _ in terms)])
    counts = np.concatenate([np.empty(0, dtype=np.intp), *(count for _, count in terms)])
    return hashes, counts, list(accumulate(len(hashes_of_text) for hashes_of_text, _ in terms))


def _smooth_idf(n_rows: int, document_frequency: npt.NDArray[np.int64]) -> Floats:
    idf: Floats = np.log((1 + n_rows) / (1 + document_frequency)) + 1
    return idf


@lru_cache(maxsize=1)
def _cosine_shares() -> Floats:
    """Return the sublinear count of a term divided by the length of its row, for each code of a posting."""
    frequencies = np.arange(MAX_FREQUENCY + 1)[:, None]
    norms = 2 ** (np.arange(MAX_LENGTH + 1) / NORM_STEPS)
    shares: Floats = (np.where(frequencies > 0, 1 + np.log(np.maximum(frequencies, 1)), 0.0) / norms).ravel()
    shares.flags.writeable = False
    return shares


@lru_cache(maxsize=8)
def _shares(k1: float, b: float, average: float) -> npt.NDArray[np.float64]:
    """Return the share of its weight that a term earns, for each code of a posting."""
    lengths = np.arange(MAX_LENGTH + 1)
    frequencies = np.arange(MAX_FREQUENCY + 1)[:, None]
    held_back = k1 * (1 - b + b * lengths / max(average, 1e-9))
    shares: npt.NDArray[np.float64] = (frequencies / (frequencies + held_back)).ravel()
    shares.flags.writeable = False
    return shares
