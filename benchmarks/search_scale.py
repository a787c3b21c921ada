"""How time and memory of search grow from 10,000 to 1,000,000 incidents, on one core.

Run with ``OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python -m benchmarks.search_scale``. Prints a Markdown table.
Time is processor time of the searching thread, which a busy machine does not stretch as it does the clock's; both are
printed. Memory is what the process grew by, and what the arrays of the indexes take.
"""

from __future__ import annotations

import argparse
import gc
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt

from benchmarks.recombined import Model, Topics, clauses_by_topic, encode, fit_lsa, recombined
from diagnosis.prepared import Vectors
from diagnosis.search import LexicalIndex, VectorIndex

DIMENSIONS = 256
SIZES = (10_000, 50_000, 100_000, 300_000, 1_000_000)
QUERIES = 400
CHUNK = 20_000
FUSED = 50  # hits asked of each index before they are combined


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    sizes = sorted(parser.parse_args().sizes)
    faiss.omp_set_num_threads(1)
    topics = clauses_by_topic()
    model = fit_lsa(recombined(20_000, topics, seed=1), DIMENSIONS, seed=0)
    questions = recombined(QUERIES, topics, seed=2)
    asked = encode(model, questions)
    with tempfile.TemporaryDirectory() as folder:
        vectors = np.lib.format.open_memmap(f"{folder}/v.npy", "w+", np.float16, (sizes[-1], DIMENSIONS))
        lexical = LexicalIndex()
        print(HEADER)
        for start, size in zip([0, *sizes], sizes, strict=False):
            took = grow(lexical, vectors, model, topics, start, size)
            print(row(size, lexical, vectors[:size], questions, asked, took), flush=True)


HEADER = (
    "| incidents | structure | recall at 10, measured by the index | of new questions | lexical hits as exhaustive | "
    "search p50 ms | p99 ms | by the clock p50 | p99 | vectors p50 | words p50 | memory MB | of it vectors | words | "
    "ids | found after ms | vectors built s | words merged s |\n|" + "---:|" * 18
)


def grow(lexical: LexicalIndex, vectors: Vectors, model: Model, topics: Topics, start: int, size: int) -> float:
    """Add the incidents from ``start`` to ``size``; return how long merging the words into one segment took."""
    for first in range(start, size, CHUNK):
        texts = recombined(min(CHUNK, size - first), topics, seed=1_000 + first)
        vectors[first : first + len(texts)] = encode(model, texts)
        lexical.add(names(first, first + len(texts)), texts)
        lexical.wait()
        print(f"\r{first + len(texts):,} incidents", end="", file=sys.stderr)
    print(file=sys.stderr)
    before = time.perf_counter()
    lexical.rebuild()
    return time.perf_counter() - before


def row(size: int, lexical: LexicalIndex, vectors: Vectors, questions: list[str], asked: Vectors, merged: float) -> str:
    before = resident()
    index = VectorIndex(DIMENSIONS)
    started = time.perf_counter()
    index.add(names(0, size), vectors)
    index.wait()
    built = time.perf_counter() - started
    gc.collect()
    grown = resident() - before

    def search(i: int) -> None:
        fuse(index.search(asked[i : i + 1], FUSED)[0], lexical.search([questions[i]], FUSED)[0])

    both, clock = timed(search)
    near, _ = timed(lambda i: index.search(asked[i : i + 1], FUSED))
    words, _ = timed(lambda i: lexical.search([questions[i]], FUSED))
    ids = sum(map(sys.getsizeof, names(0, 1_000))) / 1_000 + 20
    parts = np.array([index.nbytes, lexical.nbytes, 2 * ids * size]) / 1e6
    cells = [
        f"{size:,}", index.structure_, f"{index.recall_:.3f}", f"{recall(index, vectors, asked):.3f}",
        f"{agreement(lexical, questions):.3f}",
        *(f"{np.percentile(spent, p):.1f}" for spent in (both, clock) for p in (50, 99)),
        f"{np.median(near):.1f}", f"{np.median(words):.1f}", f"{parts.sum():,.0f}", *(f"{part:,.0f}" for part in parts),
        f"{found_after(index, lexical):.0f}", f"{built:,.0f}", f"{merged:,.1f}",
    ]  # fmt: skip
    print(f"process grew by {grown / 1e6:,.0f} MB with the vectors", file=sys.stderr)
    return f"| {' | '.join(cells)} |"


def timed(search: Callable[[int], object]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return milliseconds of each search, of the thread's processor time and by the clock."""
    for i in range(20):
        search(i)
    spent = []
    for i in range(QUERIES):
        thread, clock = time.thread_time(), time.perf_counter()
        search(i)
        spent.append((time.thread_time() - thread, time.perf_counter() - clock))
    of_thread, of_clock = 1e3 * np.array(spent).T
    return of_thread, of_clock


def fuse(near: list[tuple[str, float]], words: list[tuple[str, float]]) -> list[tuple[str, float]]:
    """Combine two lists by weighted scores, as the fusion does."""
    top = max((score for _, score in words), default=1.0)
    scores = dict(near)
    for name, score in words:
        scores[name] = scores.get(name, 0.0) + score / top
    return sorted(scores.items(), key=lambda hit: -hit[1])[:10]


def recall(index: VectorIndex, vectors: Vectors, asked: Vectors) -> float:
    """Return recall at 10 of questions that are not in the index; one as similar as the tenth is right."""
    best = np.full((len(asked), 10), -1.0, dtype=np.float32)
    for start in range(0, len(vectors), CHUNK):
        scores = asked @ vectors[start : start + CHUNK].astype(np.float32).T
        best = -np.sort(-np.concatenate([best, -np.partition(-scores, 9, axis=1)[:, :10]], axis=1), axis=1)[:, :10]
    found = index.search(asked, 10)
    right = [sum(s >= floor - 1e-3 for _, s in hits) for hits, floor in zip(found, best[:, -1], strict=True)]
    return float(np.mean(right)) / 10


def agreement(lexical: LexicalIndex, questions: list[str]) -> float:
    """Return the share of the true ten best that a search finds: it may stop reading postings of common words."""
    from diagnosis.search import maxscore

    quick = lexical.search(questions[:100], 10)
    budget, maxscore.BUDGET = maxscore.BUDGET, sys.maxsize
    true = lexical.search(questions[:100], 10)
    maxscore.BUDGET = budget
    return float(np.mean([sum(s >= t[-1][1] - 1e-9 for _, s in q) / len(t) for q, t in zip(quick, true, strict=True)]))


def found_after(index: VectorIndex, lexical: LexicalIndex) -> float:
    """Return milliseconds until a new incident is found in both indexes, by its words and its vector."""
    vector = np.eye(1, DIMENSIONS, dtype=np.float32)
    started = time.perf_counter()
    index.add(["new"], vector)
    lexical.add(["new"], ["zyxwv-0815 does not start"])
    found = index.search(vector, 1)[0][0][0] == "new" == lexical.search(["zyxwv-0815"], 1)[0][0][0]
    spent = time.perf_counter() - started
    lexical.remove(["new"])
    if not found:
        sys.exit("an added incident was not found")
    return 1e3 * spent


def names(start: int, stop: int) -> list[str]:
    return [f"INC{i:07d}" for i in range(start, stop)]


def resident() -> int:
    """Return bytes of memory that the process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


if __name__ == "__main__":
    main()
