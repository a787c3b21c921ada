"""Every history with classes beside every plain choice: ``python -m benchmarks.routing_histories [--sets NAME ...]``.

The latest quarter is answered where there are dates, folds of equal text where not. Plain choices see the same cleaned
text and coded fields: the majority, nearest neighbours, a linear SVM and a logistic regression over words, pairs of
words, character n-grams and field values; with ``--boosting`` XGBoost too. The last column is the difference of
accuracy to the best plain choice on the same rows, with its paired 95 % interval: "loss" where it lies below zero.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import GroupKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import LinearSVC
from threadpoolctl import threadpool_limits

from benchmarks.data import shared
from diagnosis.incident import as_frame, frame_as_logged
from diagnosis.prepared import PreparedIncidents
from diagnosis.routing import Router
from diagnosis.routing.features import equal_text_groups
from diagnosis.routing.fields import fields_for
from diagnosis.text import joined, repair

SETS = {
    "routing-tickets": "assignment_group",
    "helpdesk-topics": "category",
    "servicenow-incidents": "assignment_group",
    "bank-incidents": "close_code",
    "device-faults": "category",
    "status-page": "priority",
    "chinese-kb": "category",
}
LATEST_SHARE = 0.25
Split = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class History:
    """A labelled history and how it is divided."""

    name: str
    target: str
    prepared: PreparedIncidents
    truth: np.ndarray
    splits: list[Split]
    dated: bool


@dataclass(frozen=True)
class MethodAnswers:
    """What one method answered to all held-out rows."""

    method: str
    classes: np.ndarray
    seconds: float
    automatic: np.ndarray | None = None


def load(name: str, rows: int, folds: int, seed: int) -> History:
    target = SETS[name]
    file = "knowledge.csv" if name == "chinese-kb" else "incidents.csv"
    table = pd.read_csv(shared(name) / file, dtype=str, keep_default_na=False)
    if name == "chinese-kb":
        table = table.rename(columns={"title": "short_description", "resolution": "description", "source": target})
    table = table[table[target] != ""].reset_index(drop=True)
    dated = "opened_at" in table
    if dated:
        table = table.iloc[np.argsort(pd.to_datetime(table["opened_at"], utc=True), kind="stable")]
        table = table.tail(rows or len(table))
    elif rows and rows < len(table):
        table = table.sample(rows, random_state=seed)
    table = table.reset_index(drop=True)
    truth = table[target].to_numpy(dtype=object)
    for column in {"short_description", "description"} & set(table):
        table[column] = [repair(text) for text in table[column]]
    frame = frame_as_logged(as_frame(table))
    text = [joined(a, b) for a, b in zip(frame["short_description"], frame["description"], strict=True)]
    prepared = PreparedIncidents(frame, text, np.zeros((len(frame), 0), dtype=np.float32))
    if dated:
        n = int((1 - LATEST_SHARE) * len(truth))
        splits = [(np.arange(n), np.arange(n, len(truth)))]
    else:
        of_folds = GroupKFold(5, shuffle=True, random_state=seed)
        splits = list(of_folds.split(truth, groups=equal_text_groups(prepared)))[:folds]
    return History(name, target, prepared, truth, splits, dated)


def routed(history: History, seed: int) -> MethodAnswers:
    values, automatic, seconds = [], [], 0.0
    for fit, test in history.splits:
        part = history.prepared.take(fit)
        later = (
            np.arange(len(fit)) >= (1 - LATEST_SHARE) * len(fit) if history.dated else equal_text_groups(part) % 4 == 0
        )
        router = Router(history.target, seed=seed)
        started = time.process_time()
        router.fit_and_calibrate(part, history.truth[fit].tolist(), np.flatnonzero(~later), np.flatnonzero(later))
        seconds += time.process_time() - started
        decided, probabilities = router.decide(history.prepared.take(test))
        values.append(router.classes_[probabilities.argmax(axis=1)])
        automatic.append(np.array([value is not None for value in decided]))
    return MethodAnswers("Faultwise", np.concatenate(values), seconds, np.concatenate(automatic))


def field_values(history: History, rows: np.ndarray) -> list[list[str]]:
    frame = history.prepared.frame.iloc[rows]
    names = [name for name in fields_for(history.target) if (frame[name] != "").any()]
    return [
        [f"{name}={value}" for name, value in zip(names, values, strict=True)]
        for values in frame[names].itertuples(index=False)
    ]


def plain_features(
    history: History, fit: np.ndarray, test: np.ndarray, characters_alone: bool
) -> tuple[sp.csr_matrix, sp.csr_matrix]:
    texts = np.array(history.prepared.text, dtype=object)
    blocks: list[tuple[sp.csr_matrix, sp.csr_matrix]] = []
    if any(texts[fit]):
        words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
        grams = TfidfVectorizer(analyzer="char", ngram_range=(1, 4), sublinear_tf=True, min_df=2)
        chosen = (grams,) if characters_alone else (words, grams)
        blocks += [(terms.fit_transform(texts[fit]), terms.transform(texts[test])) for terms in chosen]
    if any(fields := field_values(history, fit)):
        values = CountVectorizer(analyzer=lambda found: found, binary=True)
        blocks.append((values.fit_transform(fields) * 0.5, values.transform(field_values(history, test)) * 0.5))
    return tuple(sp.hstack(block).tocsr() for block in zip(*blocks, strict=True))


def boosted(seed: int) -> object:
    from xgboost import XGBClassifier

    return XGBClassifier(n_jobs=1, random_state=seed)


def plain(history: History, methods: dict[str, Callable[[], object]]) -> list[MethodAnswers]:
    values: dict[str, list[np.ndarray]] = {name: [] for name in ("majority", *methods)}
    seconds = dict.fromkeys(values, 0.0)
    for fit, test in history.splits:
        names, codes = np.unique(history.truth[fit].astype(str), return_inverse=True)
        values["majority"].append(np.full(len(test), names[np.bincount(codes).argmax()], dtype=object))
        started = time.process_time()
        features = {alone: plain_features(history, fit, test, alone) for alone in (False, True)}
        shared_seconds = (time.process_time() - started) / 2
        for name, make in methods.items():
            learn, ask = features["characters" in name]
            started = time.process_time()
            model = make().fit(learn, codes)
            seconds[name] += shared_seconds + time.process_time() - started
            values[name].append(names[model.predict(ask)].astype(object))
    return [MethodAnswers(name, np.concatenate(parts), seconds[name]) for name, parts in values.items()]


def lines(history: History, ours: MethodAnswers, others: list[MethodAnswers]) -> list[str]:
    truth = np.concatenate([history.truth[test] for _, test in history.splits]).astype(str)
    best = max(others, key=lambda answers: (answers.classes == truth).mean())
    rows = []
    for answers in (ours, *others):
        right = answers.classes == truth
        macro = f1_score(truth, answers.classes.astype(str), average="macro", zero_division=0)
        certified = versus = "–"
        if answers.automatic is not None:
            share = answers.automatic.mean()
            certified = f"{share:.3f} at {right[answers.automatic].mean():.3f}" if share else "0"
            difference = right.astype(float) - (best.classes == truth)
            half = 1.96 * difference.std() / np.sqrt(len(difference))
            verdict = "loss" if difference.mean() + half < 0 else "win" if difference.mean() - half > 0 else "even"
            versus = f"{difference.mean():+.3f} ± {half:.3f} to {best.method}: {verdict}"
        figures = f"{right.mean():.3f} | {macro:.3f} | {certified} | {answers.seconds / len(history.splits):.1f}"
        rows.append(f"| {history.name} | {len(truth)} | {answers.method} | {figures} | {versus} |")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--rows", type=int, default=0, help="rows of each set, the latest where dated; 0 for all")
    parser.add_argument("--folds", type=int, default=5, help="folds that are run of five")
    parser.add_argument("--boosting", action="store_true", help="XGBoost too, which takes long")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    methods: dict[str, Callable[[], object]] = {
        "linear SVM": lambda: LinearSVC(C=1, random_state=args.seed),
        "linear SVM over characters": lambda: LinearSVC(C=1, random_state=args.seed),
        "logistic regression": lambda: LogisticRegression(C=10, max_iter=100),
        "nearest neighbours": lambda: KNeighborsClassifier(5, metric="cosine"),
    }
    if args.boosting:
        methods["XGBoost"] = lambda: boosted(args.seed)
    print("| history | held-out rows | method | accuracy | macro-F1 | certified | seconds | to the best plain choice |")
    print("|" + " --- |" * 8, flush=True)
    for name in args.sets:
        history = load(name, args.rows, args.folds, args.seed)
        print("\n".join(lines(history, routed(history, args.seed), plain(history, methods))), flush=True)


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
