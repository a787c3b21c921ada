"""Nearest neighbours by inner product: exact ones, and quick candidates at a measured recall.

Inverted lists with product codes of four bits (Jégou et al., 2011), two numbers of a vector a code, compared 32 rows at
a time in the processor's registers (André et al., 2015): a sixteenth of the vectors' memory in float32, and a hundred
thousand rows in a quarter of a millisecond. Codes only choose candidates: similarities are then computed from the
stored vectors, so they are true at any compression.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import faiss as _faiss
import numpy as np
import numpy.typing as npt

from diagnosis.arrays import Vectors
from diagnosis.search.index.segments import Ranking

faiss: Any = _faiss  # its own types leave out half of what it has

_SCORES_AT_ONCE = 1 << 24  # scores held at once: 64 MB
_GATHERED = 4  # as many products cost as much as copying one row out: where a quarter may be found, all are compared
_SIGN_AND_REST, _SCALE = np.uint32(0x8FFFE000).view(np.int32), np.float32(2.0**112)
_NOISE = 4e-6  # what float32 sums of a few hundred products may differ by


def exact_search(vectors: Vectors, queries: Vectors, k: int, mask: npt.NDArray[np.bool_]) -> list[Ranking]:
    """Return the rows of the ``k`` largest inner products and the products, query by query.

    Parameters
    ----------
    vectors : ndarray of float16 or float32, shape (n, dimensions)
    queries : ndarray of float32, shape (n_queries, dimensions)
    k : int
    mask : ndarray of bool, shape (n,)
        Which rows may be found.
    """
    rows = np.flatnonzero(mask)
    if len(rows) == len(vectors) or len(rows) * _GATHERED > len(vectors):
        rows = np.arange(len(vectors))
    else:
        vectors, mask = vectors.take(rows, axis=0), mask[rows]
    step = max(1, _SCORES_AT_ONCE // max(1, len(rows)))
    rankings: list[Ranking] = []
    for start in range(0, len(queries), step):
        block = queries[start : start + step]
        scores = _products(block, widened(vectors))
        scores[:, ~mask] = -np.inf
        rankings += [_first(vectors, query, row_scores, k) for query, row_scores in zip(block, scores, strict=True)]
    return [(rows[places], similarities) for places, similarities in rankings]


def _products(queries: Vectors, vectors: Vectors) -> Vectors:
    """Return inner products, shape (n_queries, n)."""
    if len(queries) > 4:
        return queries @ vectors.T
    return np.array([inner_products(vectors, query) for query in queries], dtype=np.float32).reshape(len(queries), -1)


def inner_products(vectors: Vectors, query: Vectors) -> Vectors:
    """Return the inner product of each row with one query, equal rows' equal to the bit, shape (n,), float32.

    FAISS goes row by row, so that a product does not depend on where a row stands as that of BLAS does, and reads the
    rows as quickly.
    """
    rows, unit_query = widened(vectors), np.ascontiguousarray(query, dtype=np.float32)
    products = np.empty(len(rows), dtype=np.float32)
    faiss.fvec_inner_products_ny(*map(faiss.swig_ptr, (products, unit_query, rows)), rows.shape[1], len(rows))
    return products


def widened(vectors: Vectors) -> Vectors:
    """Return vectors as float32, in a row; float16 by its bits, at a quarter of the time that NumPy takes.

    Eight exponents of float32 are for one of float16, and its zero lies 112 higher: what is shifted to the place of
    mantissa and exponent is 2**112 times too small, numbers too small for an exponent included.
    """
    if vectors.dtype != np.float16:
        return np.ascontiguousarray(vectors, dtype=np.float32)
    bits = np.ascontiguousarray(vectors).view(np.int16).astype(np.int32)  # the sign stays in front
    bits <<= 13
    bits &= _SIGN_AND_REST
    wide: Vectors = bits.view(np.float32)
    wide *= _SCALE
    return wide


def rescore(vectors: Vectors, query: Vectors) -> npt.NDArray[np.float64]:
    """Return the cosine of unit rows with a unit query, equal rows' equal to the bit, shape (n,)."""
    return np.clip(inner_products(vectors, query).astype(np.float64), -1.0, 1.0)


def _first(vectors: Vectors, query: Vectors, scores: Vectors, k: int) -> Ranking:
    """Cut generously by the quick scores, then order by exact ones: a matrix product depends on a row's place."""
    if 0 < k < len(scores):
        least = np.partition(scores, len(scores) - k)[len(scores) - k]
        places = np.flatnonzero((scores >= least - _NOISE) & (scores > -np.inf))
    else:
        places = np.flatnonzero(scores > -np.inf)
    similarities = rescore(vectors.take(places, axis=0), query)
    order = np.argsort(-similarities, kind="stable")[:k]
    return places[order], similarities[order]


logger = logging.getLogger(__name__)

# At 10, against exact search. Own rows are found more easily than new questions: .985 on them holds .98 on those.
RECALL = 0.985
_SAMPLE = 500  # queries that the recall is measured on: its standard error is then about .005
_DEPTHS = (64, 1_600)  # candidates for ten hits: what is tried first and at most
_READ = 30_000  # rows whose codes are read at least, where there are so many: a tenth of a millisecond
_SAME = 2e-6  # similarities this close are equal: whichever of two equal rows is found is right
_TRAINED = 40_000  # rows, at least, that the codes are learned from
_BLOCK = 1 << 14


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard a search tries: lists visited, candidates compared for ten hits, and the recall this gives."""

    visits: int
    depth: int
    recall: float = 0.0


class Approximate:
    """A built structure over the rows of an array, and the effort that it needs.

    Parameters
    ----------
    index : faiss.IndexIVFPQFastScan
    effort : Effort
    """

    def __init__(self, index: Any, effort: Effort) -> None:  # noqa: ANN401 - faiss has no types
        self.index = index
        self.effort = effort

    @classmethod
    def build(cls, vectors: Vectors, seed: int, recall: float = RECALL) -> Approximate:
        """Build over unit rows and raise the effort until the recall on a sample of them is met.

        Runs in one thread, to leave the other cores to the searches that go on beside.
        """
        with _one_thread():
            index = _lists(vectors, seed)
            built = cls(index, Effort(-(-index.nlist * min(_READ, len(vectors)) // len(vectors)), _DEPTHS[0]))
            built._tune(vectors, seed, recall)
        return built

    def search(self, vectors: Vectors, queries: Vectors, k: int, mask: npt.NDArray[np.bool_]) -> list[Ranking]:
        """Return rows and similarities of the ``k`` nearest of each query among the rows of the mask."""
        share = np.count_nonzero(mask) / len(mask)
        rows = self._candidates(queries, self._for(k, share), None if share == 1 else mask)
        return [
            _reranked(vectors, query, candidates[candidates >= 0], k)
            for query, candidates in zip(queries, rows, strict=True)
        ]

    def save(self, folder: Path) -> None:
        """Write structure and effort."""
        faiss.write_index(self.index, str(folder / "structure.faiss"))
        (folder / "structure.json").write_text(json.dumps(asdict(self.effort)))

    @classmethod
    def load(cls, folder: Path) -> Approximate:
        """Read what `save` has written; it stays on disk and is shared by the processes that read it."""
        effort = json.loads((folder / "structure.json").read_text())
        return cls(faiss.read_index(str(folder / "structure.faiss"), faiss.IO_FLAG_MMAP_IFC), Effort(**effort))

    @property
    def nbytes(self) -> int:
        """Bytes that the structure takes, but for the vectors."""
        return len(faiss.serialize_index(self.index))

    def _for(self, k: int, share: float) -> Effort:
        """Scale the effort with the hits wanted and with the rows that a filter leaves out on the way."""
        share = max(share, 1e-3)
        depth = max(k, self.effort.depth * np.sqrt(max(1.0, k / 10) / share))
        return replace(self.effort, visits=int(self.effort.visits / share), depth=int(depth))

    def _candidates(
        self, queries: Vectors, effort: Effort, mask: npt.NDArray[np.bool_] | None
    ) -> npt.NDArray[np.int64]:
        chosen: dict[str, Any] = {}
        if mask is not None:
            chosen["sel"] = faiss.IDSelectorBitmap(np.packbits(mask, bitorder="little"))
        parameters = faiss.IVFSearchParameters(nprobe=min(effort.visits, self.index.nlist), **chosen)
        depth = min(effort.depth, self.index.ntotal)
        rows: npt.NDArray[np.int64] = self.index.search(queries, depth, params=parameters)[1]
        return rows

    def _tune(self, vectors: Vectors, seed: int, target: float) -> None:
        rows = np.random.default_rng(seed).permutation(len(vectors))[:_SAMPLE]
        queries = widened(vectors[rows])
        least, n_lists = _eleventh_best(vectors, queries), self.index.nlist

        def measured(visits: int, depth: int) -> Effort:
            effort = Effort(min(visits, n_lists), min(depth, _DEPTHS[1]))
            return replace(effort, recall=self._recall(vectors, queries, least, effort))

        best = first = measured(self.effort.visits, self.effort.depth)
        while best.recall < target and (best.visits < n_lists or best.depth < _DEPTHS[1]):
            # Only what is more than before: where neither helps, the same effort would be chosen for ever.
            further = [measured(best.visits * 2, best.depth)] if best.visits < n_lists else []
            further += [measured(best.visits, best.depth * 2)] if best.depth < _DEPTHS[1] else []
            best = max(further, key=lambda effort: effort.recall)
        # Twice as many was more than needed, on average: go back half of the way while the recall holds.
        fewer = max(first.visits, best.visits // 2)
        while best.recall >= target and best.visits - fewer > best.visits // 8:
            cheaper = measured((fewer + best.visits) // 2, best.depth)
            best, fewer = (cheaper, fewer) if cheaper.recall >= target else (best, cheaper.visits)
        if best.recall < target:
            logger.warning("recall at 10 is %.3f; expected at least %.3f, at any effort", best.recall, target)
        self.effort = best

    def _recall(self, vectors: Vectors, queries: Vectors, least: Vectors, effort: Effort) -> float:
        """Return the share found of the ten nearest but for the row itself, which is found too easily."""
        candidates = self._candidates(queries, effort, None)
        hits = 0
        for query, rows, floor in zip(queries, candidates, least, strict=True):
            similarities = rescore(vectors.take(rows[rows >= 0], axis=0), query)
            hits += min(11, int(np.count_nonzero(similarities >= floor - _SAME))) - 1
        return max(0, hits) / (10 * len(queries))


def _lists(vectors: Vectors, seed: int) -> Any:  # noqa: ANN401 - faiss has no types
    n, d = vectors.shape
    # Few and large lists: the codes of one are read in a breath, and more is missed by lists that are not visited.
    lists = max(1, 1 << round(np.log2(np.sqrt(n) / 4)))
    index = faiss.index_factory(d, f"IVF{lists},PQ{d // 2 if d % 2 == 0 else d}x4fs", faiss.METRIC_INNER_PRODUCT)
    index.cp.seed, index.cp.niter = seed + 1, 10
    rows = np.random.default_rng(seed).permutation(n)[: max(_TRAINED, 40 * lists)]
    index.train(widened(vectors[np.sort(rows)]))
    for start in range(0, n, _BLOCK):
        index.add(widened(vectors[start : start + _BLOCK]))
    return index


def _eleventh_best(vectors: Vectors, queries: Vectors) -> Vectors:
    """Return the similarity of each query's eleventh nearest row, itself being the first."""
    best = np.full((len(queries), 0), -1.0)
    for start in range(0, len(vectors), _BLOCK):
        block = vectors[start : start + _BLOCK]
        rankings = exact_search(block, queries, 11, np.ones(len(block), dtype=bool))
        best = np.concatenate([best, np.array([similarities for _, similarities in rankings])], axis=1)
        best = -np.sort(-best, axis=1)[:, :11]
    return best[:, -1]


def _reranked(vectors: Vectors, query: Vectors, rows: npt.NDArray[np.int64], k: int) -> Ranking:
    rows = np.sort(rows)
    similarities = rescore(vectors.take(rows, axis=0), query)
    order = np.argsort(-similarities, kind="stable")[:k]
    return rows[order], similarities[order]


@contextmanager
def _one_thread() -> Iterator[None]:
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(threads)
