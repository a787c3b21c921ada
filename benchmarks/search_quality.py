"""How often search finds the fix, beside BM25, TF-IDF, a general encoder and fixed rank fusion.

``python -m benchmarks.search_quality --general minilm --cache FOLDER`` runs everything; ``--only NAME`` one data set.
The last column says by how much Faultwise is ahead of a row in MRR, with an interval that holds 95 of 100 resamplings
of the questions.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.feature_extraction.text import TfidfVectorizer

from benchmarks.search_tasks import TASKS, Task
from diagnosis.prepared import Vectors
from diagnosis.search import GeneralEncoder, HistoryEncoder, LexicalIndex, Retriever
from diagnosis.search.retriever import ARTICLE_FIELDS
from training.fitting.search import fit_encoder_on, learn_ranking

DEPTH = 100
RRF = 60  # Cormack et al., 2009
OURS = "Faultwise"
_SAVED_EVERY = 1_000  # texts
Ranks = dict[str, np.ndarray]


class Remembered:
    """A general encoder that computes each text once, in half precision where the processor has it (cosines: 5e-5).

    Parameters
    ----------
    name : str
    cache : Path, optional
        Folder that keeps the vectors from one run to the next.
    """

    def __init__(self, name: str, cache: Path | None) -> None:
        self._inner = GeneralEncoder(name)
        self._file = cache / f"{Path(name).name}.npz" if cache else None
        self._seen: dict[str, np.ndarray] = {}
        if self._file and self._file.exists():
            kept = np.load(self._file)
            self._seen = dict(zip(kept["texts"].tolist(), kept["vectors"], strict=True))
        self.dimensions = self._inner.dimensions

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return unit vectors; float32, shape (n, n_dimensions)."""
        keys = [hashlib.blake2b(text.encode(), digest_size=12).hexdigest() for text in texts]
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._seen}
        for start in range(0, len(new), _SAVED_EVERY):
            self._learn(dict(list(new.items())[start : start + _SAVED_EVERY]))
        return np.array([self._seen[key] for key in keys], dtype=np.float32).reshape(len(texts), self.dimensions)

    def _learn(self, new: dict[str, str]) -> None:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            vectors = self._inner.encode(list(new.values()))
        norms = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
        self._seen.update(zip(new, (vectors / norms).astype(np.float32), strict=True))
        if self._file:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            np.savez(self._file, texts=np.array(list(self._seen)), vectors=np.array(list(self._seen.values())))


def peers(task: Task, general: Remembered | None) -> Ranks:
    """Return each peer's ranks of the answers."""
    numbers, texts = task.documents()
    allowed = task.allowed(numbers)
    lexical = LexicalIndex()
    lexical.add(numbers, texts)
    row_of = {number: row for row, number in enumerate(numbers)}
    bm25 = np.zeros((len(task.questions), len(numbers)))
    for row, hits in enumerate(lexical.search(task.questions, len(numbers))):
        for number, score in hits:
            bm25[row, row_of[number]] = score
    scores = {"BM25": bm25}
    words = TfidfVectorizer(sublinear_tf=True)
    characters = TfidfVectorizer(sublinear_tf=True, analyzer="char", ngram_range=(1, 3), max_features=300_000)
    pairs = TfidfVectorizer(sublinear_tf=True, analyzer="char", ngram_range=(2, 2))
    for name, vectoriser in (
        ("TF-IDF, words", words),
        ("TF-IDF, character pairs", pairs),
        ("TF-IDF, characters", characters),
    ):
        matrix = vectoriser.fit_transform(texts)
        scores[name] = (vectoriser.transform(task.questions) @ matrix.T).toarray()
    if general is not None:
        scores["MiniLM"] = general.encode(task.questions) @ general.encode(texts).T
        order = [
            np.argsort(np.argsort(-np.where(allowed, scores[n], -np.inf), axis=1), axis=1) for n in ("BM25", "MiniLM")
        ]
        scores["BM25 and MiniLM, fixed rank fusion"] = sum(1 / (RRF + place) for place in order)
    answers = [row_of[answer] for answer in task.answers]
    return {name: _ranks(np.where(allowed, score, -np.inf), answers) for name, score in scores.items()}


def ours(task: Task, general: Remembered | None) -> Ranks:
    """Return the ranks of the encoder alone and of search as a whole, without and with the general encoder."""
    ranks = _of_one_start(task, None, {"": None} | ({} if general is None else {" with MiniLM": general}))
    if general is not None:
        distilled = _of_one_start(task, general, {"": None, " with MiniLM": general})
        ranks |= {f"{name}, distilled start": of_one for name, of_one in distilled.items()}
    return ranks


def _of_one_start(task: Task, start: Remembered | None, seconds: dict[str, Remembered | None]) -> Ranks:
    blind: list[HistoryEncoder] = []

    def fit(articles: pd.DataFrame, incidents: pd.DataFrame) -> HistoryEncoder:
        if not blind:
            blind.append(fit_encoder_on(articles, incidents, start=start))
        return blind[0]

    encoder = fit_encoder_on(task.articles, task.incidents, start=start)
    numbers, texts = task.documents()
    row_of = {number: row for row, number in enumerate(numbers)}
    cosines = np.where(task.allowed(numbers), encoder.encode(task.questions) @ encoder.encode(texts).T, -np.inf)
    ranks = {"history encoder alone": _ranks(cosines, [row_of[answer] for answer in task.answers])}
    for name, second in seconds.items():
        options = {"general": second, "fields": task.fields if task.corpus == "knowledge" else ARTICLE_FIELDS}
        weights = learn_ranking(task.articles, task.incidents, fit, **options)[0]
        found = Retriever(encoder, weights=weights, **options).fit(task.articles, task.incidents)
        found.upsert("incidents", task.late)
        filters = task.filters or [None] * len(task.questions)
        hits = [found.search([q], task.corpus, DEPTH, f)[0] for q, f in zip(task.questions, filters, strict=True)]
        ranks[OURS + name] = np.array(
            [
                next((place for place, hit in enumerate(answer, 1) if hit.number == wanted), np.inf)
                for answer, wanted in zip(hits, task.answers, strict=True)
            ]
        )
    return ranks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="data sets whose name holds this")
    parser.add_argument("--folds", type=int, default=2, choices=(1, 2), help="1: ask only the first half")
    parser.add_argument("--general", default="", help="'minilm' or the folder of a SentenceTransformer")
    parser.add_argument("--cache", type=Path, help="folder that keeps the general encoder's vectors between runs")
    args = parser.parse_args()
    general = Remembered(args.general, args.cache) if args.general else None
    print("| data | method | questions | MRR | R@1 | R@10 | Faultwise is ahead by |\n|---|---|---|---|---|---|---|")
    for name, tasks in TASKS.items():
        if args.only not in name:
            continue
        found: dict[str, list[np.ndarray]] = {}
        for task in tasks(args.folds):
            for method, ranks in {**peers(task, general), **ours(task, general)}.items():
                found.setdefault(method, []).append(ranks)
        joined = {method: np.concatenate(parts) for method, parts in found.items()}
        for method, ranks in joined.items():
            figures = [(1 / ranks).mean(), (ranks <= 1).mean(), (ranks <= 10).mean()]
            cells = [name, method, f"{len(ranks)}", *(f"{figure:.3f}" for figure in figures)]
            print(f"| {' | '.join([*cells, '' if method == OURS else _ahead(joined[OURS], ranks)])} |", flush=True)


def _ahead(ours: np.ndarray, theirs: np.ndarray) -> str:
    """Return the mean difference in reciprocal rank, and its bootstrap interval over the questions."""
    differences = 1 / ours - 1 / theirs
    draws = np.random.default_rng(0).integers(len(differences), size=(2_000, len(differences)))
    low, high = np.percentile(differences[draws].mean(axis=1), [2.5, 97.5])
    return f"{differences.mean():+.3f} ({low:+.3f} to {high:+.3f})"


def _ranks(scores: np.ndarray, answers: Sequence[int]) -> np.ndarray:
    """Return the rank of each answer, the middle one among equals."""
    right = scores[np.arange(len(scores)), answers][:, None]
    return 1 + (scores > right).sum(axis=1) + ((scores == right).sum(axis=1) - 1) / 2


if __name__ == "__main__":
    main()
