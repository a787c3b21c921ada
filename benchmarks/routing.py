"""Routing by text beside what people use: ``python -m benchmarks.routing [--sets routing-tickets] [--methods ...]``.

Groups of equal text are never parted. Every method sees the same text and caller. Times are of one thread; fitting
is given as a share of the XGBoost peer's time where that runs too. "macro-F1" is of all held-out rows together,
"macro-F1 by fold" the mean of each fold's own, over the classes that occur in it. What MiniLM takes for a text stands
apart, as search has its vector anyway. A whole set takes long: ``--only``, ``--methods`` and ``--parts`` divide it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import f1_score
from sklearn.model_selection import GroupKFold
from threadpoolctl import threadpool_limits

from benchmarks.data import shared
from benchmarks.routing_peers import PEERS, Peer
from diagnosis.incident import as_frame, frame_as_logged, incidents_of
from diagnosis.prepared import PreparedIncidents
from diagnosis.routing import Router, RoutingScores
from diagnosis.routing.features import equal_text_groups
from diagnosis.routing.scores import score_routing
from diagnosis.search import GeneralEncoder
from diagnosis.text import joined, repair

TARGETS = {"routing-tickets": "assignment_group", "helpdesk-topics": "category"}
OURS, ENCODED, BOOSTED = "Faultwise", "Faultwise with MiniLM", "tfidf-xgboost"
BY_FOLD = "macro-F1 by fold"
ALONE = 200  # incidents that are answered one by one
Split = tuple[np.ndarray, np.ndarray]
Row = tuple[dict[str, float], RoutingScores]


def load(name: str, rows: int, seed: int) -> tuple[PreparedIncidents, np.ndarray]:
    """Return a set as repaired text and its classes."""
    table = pd.read_csv(shared(name) / "incidents.csv", dtype=str, keep_default_na=False)
    if rows and rows < len(table):
        table = table.sample(rows, random_state=seed).reset_index(drop=True)
    truth = table[TARGETS[name]].to_numpy(dtype=object)
    for column in {"short_description", "description"} & set(table):
        table[column] = [repair(text) for text in table[column]]
    frame = frame_as_logged(as_frame(table))
    text = [joined(a, b) for a, b in zip(frame["short_description"], frame["description"], strict=True)]
    return PreparedIncidents(frame, text, np.zeros((len(frame), 0), dtype=np.float32)), truth


def encoded(name: str, prepared: PreparedIncidents, kept: Path | None) -> tuple[PreparedIncidents, float]:
    """Return the incidents with MiniLM's vectors, and the milliseconds that it takes for one that comes alone.

    Vectors of a whole set take minutes: those in the folder ``kept`` are not made again.
    """
    encoder = GeneralEncoder("minilm")
    file = None if kept is None else kept / f"{name}-{len(prepared)}.npy"
    if file is not None and file.exists():
        vectors = np.load(file)
    else:
        vectors = encoder.encode(prepared.text)
        if file is not None:
            np.save(file, vectors)
    started = time.process_time()
    for text in prepared.text[:ALONE]:
        encoder.encode([text])
    each = 1000 * (time.process_time() - started) / len(prepared.text[:ALONE])
    return prepared.with_general(vectors), each


def fitted_router(target: str, prepared: PreparedIncidents, truth: np.ndarray, rows: np.ndarray, seed: int) -> Router:
    """Return the whole router: three quarters of the rows to learn from, a quarter to calibrate on."""
    later = equal_text_groups(prepared)[rows] % 4 == 0
    return Router(target, seed=seed).fit_and_calibrate(prepared, truth.tolist(), rows[~later], rows[later])


def our_row(target: str, prepared: PreparedIncidents, truth: np.ndarray, splits: list[Split], seed: int) -> Row:
    seconds, automatic, right, shown = 0.0, [], [], []
    for fit, test in splits:
        started = time.process_time()
        router = fitted_router(target, prepared, truth, fit, seed)
        seconds += time.process_time() - started
        done, probabilities = router.decide(asked := prepared.take(test))
        automatic.append(np.array([value is not None for value in done]))
        right.append(np.array(done, dtype=object) == truth[test])
        shown.append(in_columns(np.unique(truth), router.classes_, probabilities))
    alone = one_by_one(asked)
    started = time.process_time()
    for one in alone:
        router.predict(one)
    each = 1000 * (time.process_time() - started) / len(alone)
    scores = scored(truth, splits, shown, np.concatenate(automatic), np.concatenate(right))
    certified = {"certified coverage": scores.certified_coverage, "certified precision": scores.certified_precision}
    by_fold = {BY_FOLD: mean_macro_f1(truth, splits, shown)}
    return figures(scores) | by_fold | certified | {"seconds": seconds / len(splits), "ms each": each}, scores


def one_by_one(prepared: PreparedIncidents) -> list[PreparedIncidents]:
    """Return the first incidents each as a batch of one, as the service makes it."""
    incidents = incidents_of(prepared.frame.iloc[:ALONE])
    return [
        PreparedIncidents([one], [prepared.text[i]], prepared.vectors[[i]], prepared.general[[i]])
        for i, one in enumerate(incidents)
    ]


def peer_row(peer: Peer, prepared: PreparedIncidents, truth: np.ndarray, splits: list[Split], seed: int) -> Row:
    seconds, shown = 0.0, []
    # Who called, where that is in the data: the router knows it too.
    texts = [f"{text}\n{name}".strip() for text, name in zip(prepared.text, prepared.frame["caller"], strict=True)]
    for fit, test in splits:
        known, codes = np.unique(truth[fit].astype(str), return_inverse=True)
        started = time.process_time()
        predict = peer([texts[i] for i in fit], codes, seed)
        seconds += time.process_time() - started
        asked = [texts[i] for i in test]
        shown.append(in_columns(np.unique(truth), known, predict(asked)))
    started = time.process_time()
    for text in asked[:ALONE]:
        predict([text])
    each = 1000 * (time.process_time() - started) / len(asked[:ALONE])
    nothing = np.zeros(sum(len(test) for _, test in splits), dtype=bool)
    scores = scored(truth, splits, shown, nothing, nothing)
    by_fold = {BY_FOLD: mean_macro_f1(truth, splits, shown)}
    return figures(scores) | by_fold | {"seconds": seconds / len(splits), "ms each": each}, scores


def in_columns(classes: np.ndarray, known: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return probabilities with a column for every class, also for those that a fit did not meet."""
    wide = np.zeros((len(probabilities), len(classes)))
    wide[:, np.searchsorted(classes.astype(str), known.astype(str))] = probabilities
    return wide


def scored(
    truth: np.ndarray, splits: list[Split], shown: list[np.ndarray], automatic: np.ndarray, right: np.ndarray
) -> RoutingScores:
    rows = np.concatenate([test for _, test in splits])
    return score_routing(truth[rows], np.unique(truth), np.concatenate(shown), automatic, right, 0.95)


def mean_macro_f1(truth: np.ndarray, splits: list[Split], shown: list[np.ndarray]) -> float:
    """Return the mean of each fold's own macro-F1, as scikit-learn's ``cross_val_score`` has it.

    A fold's is over the classes that occur in it; rare ones are in few folds, and the macro-F1 of all rows counts each
    of them as one class of all.
    """
    names = np.unique(truth).astype(str)
    answers = [names[probabilities.argmax(axis=1)] for probabilities in shown]
    each = [
        f1_score(truth[test].astype(str), answer, average="macro", zero_division=0)
        for (_, test), answer in zip(splits, answers, strict=True)
    ]
    return float(np.mean(each))


def figures(scores: RoutingScores) -> dict[str, float]:
    return {
        "accuracy": scores.accuracy,
        "macro-F1": scores.macro_f1,
        "top-3": scores.top3,
        "ECE": scores.calibration_error,
        "accuracy without largest": scores.accuracy_without_largest,
        "macro-F1 without largest": scores.macro_f1_without_largest,
        "oracle coverage": scores.oracle_coverage,
    }


def learning_curve(
    target: str, prepared: PreparedIncidents, truth: np.ndarray, split: Split, seed: int
) -> Iterator[dict[str, float]]:
    """Yield figures of the whole router at 500, 2,000 and all rows of the fit, on one held-out part."""
    fit, test = split
    order = np.random.default_rng(seed).permutation(fit)
    for n in sorted({min(n, len(fit)) for n in (500, 2_000, len(fit))}):
        router = fitted_router(target, prepared, truth, order[:n], seed)
        scores = router.evaluate(prepared.take(test), truth[test].tolist())
        certified = {"certified coverage": scores.certified_coverage, "certified precision": scores.certified_precision}
        yield {"rows": n} | figures(scores) | certified


def class_rows(scores: RoutingScores) -> Iterator[dict[str, float | str]]:
    for one in scores.classes:
        row = {"class": one.name, "precision": one.precision, "recall": one.recall, "F1": one.f1}
        yield row | {"support": one.support, "automatic": one.automatic, "of these right": one.automatic_correct}


def cell(value: object) -> str:
    if isinstance(value, float):
        return "–" if np.isnan(value) else f"{value:.3f}"
    return str(value)


def print_rows(rows: Iterable[dict]) -> list[dict]:
    """Print each row as soon as it is known; return all of them."""
    printed: list[dict] = []
    for row in rows:
        if not printed:
            print(f"| {' | '.join(row)} |\n|{' --- |' * len(row)}")
        printed.append(row)
        print(f"| {' | '.join(map(cell, row.values()))} |", flush=True)
    return printed


def compared(
    methods: list[str],
    name_of_set: str,
    prepared: PreparedIncidents,
    truth: np.ndarray,
    splits: list[Split],
    kept: Path | None,
    seed: int,
) -> Iterator[tuple[dict, RoutingScores]]:
    target = TARGETS[name_of_set]
    for name in methods:
        encoding = float("nan")
        if name == OURS:
            row, scores = our_row(target, prepared, truth, splits, seed)
        elif name == ENCODED:
            told, encoding = encoded(name_of_set, prepared, kept)
            row, scores = our_row(target, told, truth, splits, seed)
        else:
            row, scores = peer_row(PEERS[name], prepared, truth, splits, seed)
        blank = {"certified coverage": float("nan"), "certified precision": float("nan")}
        order = {"method": name} | figures(scores) | {BY_FOLD: 0.0} | blank
        yield order | row | {"encoding ms": encoding}, scores


def shares_of_boosting(rows: list[dict]) -> str:
    """Return in words how long each method took to fit, as a share of XGBoost's time in this run."""
    seconds = {row["method"]: row["seconds"] for row in rows}
    others = [f"{name} {taken / seconds[BOOSTED]:.2f}" for name, taken in seconds.items() if name != BOOSTED]
    return f"Time to fit as a share of {BOOSTED}'s: {', '.join(others)}"


def noted(results: Iterable[tuple[dict, RoutingScores]], of_method: dict[str, RoutingScores]) -> Iterator[dict]:
    for row, scores in results:
        of_method[row["method"]] = scores
        yield row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", nargs="+", default=list(TARGETS), choices=list(TARGETS))
    parser.add_argument("--methods", nargs="+", default=[OURS, ENCODED, *PEERS], choices=[OURS, ENCODED, *PEERS])
    parser.add_argument("--vectors", type=Path, help="folder that keeps MiniLM's vectors of whole sets between runs")
    parser.add_argument("--parts", nargs="+", default=["methods", "rows"], choices=["methods", "rows"])
    parser.add_argument("--rows", type=int, default=0, help="rows drawn from each set, 0 for all")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--only", type=int, default=0, help="folds that are run, 0 for all")
    parser.add_argument("--classes", action="store_true", help="also print each method's figures by class")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    for name in asked.sets:
        prepared, truth = load(name, asked.rows, asked.seed)
        folds = GroupKFold(asked.folds, shuffle=True, random_state=asked.seed)
        splits = list(folds.split(truth, groups=equal_text_groups(prepared)))[: asked.only or None]
        print(f"\n### {name}: {len(truth)} rows, {len(splits)} of {asked.folds} folds of equal text\n", flush=True)
        if "methods" in asked.parts:
            results = compared(asked.methods, name, prepared, truth, splits, asked.vectors, asked.seed)
            of_method: dict[str, RoutingScores] = {}
            printed = print_rows(noted(results, of_method))
            if BOOSTED in of_method:
                print(f"\n{shares_of_boosting(printed)}")
            for method, scores in of_method.items() if asked.classes else ():
                print(f"\n{method}, by class\n")
                print_rows(class_rows(scores))
        if "rows" in asked.parts:
            print(f"\n{OURS}, by the number of rows that it learns from and calibrates on\n")
            print_rows(learning_curve(TARGETS[name], prepared, truth, splits[0], asked.seed))


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
