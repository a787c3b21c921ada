"""How time and memory of search grow from 10,000 to 1,000,000 incidents, on one core.

Run with ``OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python -m benchmarks.search_scale --kept FOLDER``; ``--sizes``
chooses. Prints a Markdown table. A search is what a diagnosis asks of past incidents: a new report of forty to eighty
words, through `Retriever.search` with its filters, by every signal, fused, ten hits, of indexes that were saved and
loaded as a service loads them. Time is processor time of the searching thread, which a busy machine stretches less than
the clock's; both are printed. A second run takes the encoder and the indexes that the first has kept.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

import bm25s
import faiss
import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.recombined import clauses_by_topic, recombined
from diagnosis.incident import as_frame
from diagnosis.knowledge import as_knowledge_frame
from diagnosis.search import Filters, HistoryEncoder, LexicalIndex, Retriever, VectorIndex
from diagnosis.search.index.segments import SegmentedIndex
from diagnosis.text.tokens import tokenise
from training.fitting.search import fit_encoder_on

SIZES = (10_000, 50_000, 100_000, 300_000, 1_000_000)
QUESTIONS = 400
CHUNK = 20_000
HEADING = 60  # characters of a text that stand in its short description
NOTHING = as_knowledge_frame(pd.DataFrame({"number": []}))
HEADER = (
    "| incidents | structure | recall at 10, measured by the index | of new questions | lexical hits as exhaustive | "
    "search p50 ms | p99 ms | by the clock p50 | p99 | vectors p50 | words p50 | indexes MB | of it vectors | words | "
    "headings | names | texts MB | process MB | found after ms | loaded s |\n|" + "---:|" * 20
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--steps", type=int, default=1_000, help="to train the encoder in, on 20,000 incidents")
    parser.add_argument("--kept", type=Path, required=True, help="folder that keeps the encoder and the indexes")
    parser.add_argument("--peer", action="store_true", help="search words by bm25s too; it holds its index in memory")
    args = parser.parse_args()
    faiss.omp_set_num_threads(1)
    questions = recombined(QUESTIONS, clauses_by_topic(), seed=2)
    encoder = trained(args.steps, args.kept / "encoder")
    for size in args.sizes:
        fill(encoder, size, args.kept / f"{size}")
    print(HEADER)
    for size in args.sizes:
        print(row(encoder, size, args.kept / f"{size}", questions), flush=True)
    if args.peer:
        print("\n| incidents | words p50 ms | p99 ms | bm25s p50 ms | p99 ms | words over bm25s |\n|" + "---:|" * 6)
        for size in args.sizes:
            print(peer_row(size, args.kept / f"{size}", questions), flush=True)


def incidents(n: int) -> Iterator[pd.DataFrame]:
    """Yield incidents by the chunk."""
    topics, opened = clauses_by_topic(), pd.Timestamp("2024-01-01", tz="UTC")
    for start in range(0, n, CHUNK):
        texts = recombined(min(CHUNK, n - start), topics, seed=1_000 + start)
        seconds = np.arange(start, start + len(texts))
        yield as_frame(
            pd.DataFrame(
                {
                    "number": [f"INC{i:07d}" for i in seconds],
                    "opened_at": opened + pd.to_timedelta(seconds, unit="s"),
                    "short_description": [t[:HEADING] for t in texts],
                    "description": [t[HEADING:] for t in texts],
                }
            )
        )


def trained(steps: int, folder: Path) -> HistoryEncoder:
    if not folder.exists():
        fit_encoder_on(NOTHING, next(incidents(CHUNK)), max_steps=steps).save(folder)
    return HistoryEncoder.load(folder)


def fill(encoder: HistoryEncoder, size: int, folder: Path) -> None:
    """Index incidents and save the indexes, each built once at the end: to merge on the way is not measured here."""
    if folder.exists():
        return
    started = time.perf_counter()
    retriever = Retriever(encoder).fit(NOTHING, as_frame([]))
    with patch.object(SegmentedIndex, "_settle"):
        for chunk in incidents(size):
            retriever.upsert("incidents", chunk)
    filled = time.perf_counter()
    retriever.save(folder)
    print(
        f"{size:,} incidents: encoded in {filled - started:,.0f} s, built in {time.perf_counter() - filled:,.0f} s",
        file=sys.stderr,
    )


def row(encoder: HistoryEncoder, size: int, folder: Path, questions: list[str]) -> str:
    before, started = resident(), time.perf_counter()
    retriever = Retriever.load(folder)
    loaded = time.perf_counter() - started
    index = retriever.corpora_["incidents"]
    vectors, words, headings = index.vectors["history:whole"], index.lexical["whole"], index.bags["history:heading"]
    asked = encoder.encode(questions)
    filters = Filters(opened_before=datetime.now(UTC), exclude=frozenset({"INC0000000"}))
    both, clock = timed(lambda i: retriever.search([questions[i]], "incidents", 10, filters, asked[i : i + 1]))
    near, _ = timed(lambda i: vectors.search(asked[i : i + 1], 70))
    said, _ = timed(lambda i: [lexical.search([questions[i]], 70) for lexical in index.lexical.values()])
    names = sum(path.stat().st_size for path in folder.glob("incidents/**/ids.arrow"))
    texts = (folder / "incidents" / "records.arrow").stat().st_size / 1e6
    parts = [vectors.nbytes, sum(i.nbytes for i in index.lexical.values()), headings.nbytes, names]
    process = (resident() - before) / 1e6
    cells = [
        f"{size:,}",
        vectors.structure_,
        f"{vectors.recall_:.3f}",
        f"{recall(vectors, asked):.3f}",
        f"{agreement(words, questions):.3f}",
        *(f"{np.percentile(spent, p):.1f}" for spent in (both, clock) for p in (50, 99)),
        f"{np.median(near):.1f}",
        f"{np.median(said):.1f}",
        *(f"{part / 1e6:,.0f}" for part in (sum(parts), *parts)),
        f"{texts:,.0f}",
        f"{process:,.0f}",
        f"{found_after(retriever):.0f}",
        f"{loaded:.1f}",
    ]
    return f"| {' | '.join(cells)} |"


def peer_row(size: int, folder: Path, questions: list[str]) -> str:
    """Return the time of the same question by words here and by bm25s, in turn: seventy hits of the whole texts."""
    words = Retriever.load(folder).corpora_["incidents"].lexical["whole"]
    chunks = (chunk["short_description"] + "\n" + chunk["description"] for chunk in incidents(size))
    peer = bm25s.BM25(k1=words.k1, b=words.b, method="lucene")
    peer.index([tokenise(text) for chunk in chunks for text in chunk], show_progress=False)
    asked = [tokenise(question) for question in questions]
    ours, _ = timed(lambda i: words.search([questions[i]], 70))
    theirs, _ = timed(lambda i: peer.retrieve([asked[i]], k=70, show_progress=False))
    times = [np.percentile(spent, p) for spent in (ours, theirs) for p in (50, 99)]
    return f"| {size:,} | {' | '.join(f'{t:.2f}' for t in times)} | {times[0] / times[2]:.2f} |"


def timed(search: Callable[[int], object]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return milliseconds of each search, of the thread's processor time and by the clock."""
    for i in range(20):
        search(i)
    spent = []
    for i in range(QUESTIONS):
        thread, clock = time.thread_time(), time.perf_counter()
        search(i)
        spent.append((time.thread_time() - thread, time.perf_counter() - clock))
    of_thread, of_clock = 1e3 * np.array(spent).T
    return of_thread, of_clock


def recall(index: VectorIndex, asked: np.ndarray) -> float:
    """Return recall at 10 of questions that are not in the index; one as similar as the tenth is right."""
    vectors = index._views[0].segment.vectors
    best = np.full((len(asked), 10), -1.0, dtype=np.float32)
    for start in range(0, len(vectors), CHUNK):
        scores = asked @ vectors[start : start + CHUNK].astype(np.float32).T
        best = -np.sort(-np.concatenate([best, -np.partition(-scores, 9, axis=1)[:, :10]], axis=1), axis=1)[:, :10]
    found = index.search(asked, 10)
    right = [sum(s >= floor - 1e-3 for _, s in hits) for hits, floor in zip(found, best[:, -1], strict=True)]
    return float(np.mean(right)) / 10


def agreement(lexical: LexicalIndex, questions: list[str]) -> float:
    """Return the share of the true ten best that a search finds: it may stop reading postings of common words."""
    quick = lexical.search(questions[:100], 10)
    with patch("diagnosis.search.index.postings.BUDGET", sys.maxsize):
        true = lexical.search(questions[:100], 10)
    return float(np.mean([sum(s >= t[-1][1] - 1e-9 for _, s in q) / len(t) for q, t in zip(quick, true, strict=True)]))


def found_after(retriever: Retriever) -> float:
    """Return milliseconds until a new incident is found, from the call that brings it."""
    new = pd.DataFrame({"number": ["NEW"], "short_description": ["zyxwv-0815 does not start"]})
    started = time.perf_counter()
    retriever.upsert("incidents", new)
    found = retriever.search(["zyxwv-0815"], "incidents", 1)[0][0].number == "NEW"
    spent = time.perf_counter() - started
    retriever.remove("incidents", ["NEW"])
    if not found:
        sys.exit("an added incident was not found")
    return 1e3 * spent


def resident() -> int:
    """Return bytes of memory that the process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


if __name__ == "__main__":
    main()
