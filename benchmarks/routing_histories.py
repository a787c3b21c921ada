"""Every history with classes beside every plain choice: ``python -m benchmarks.routing_histories [--sets NAME ...]``.

The latest quarter is answered where there are dates, folds of equal text where not. Plain choices see the same cleaned
text and coded fields: the majority, nearest neighbours, linear support vector machines (as they come, with balanced
classes, and over characters alone) and a logistic regression over words, pairs of words, character n-grams and field
values; XGBoost over words and field values; fastText over the text, and field values as words. The last columns are the
router's differences of accuracy and macro-F1 to each plain choice on the same rows, with paired 95 % intervals
(macro-F1: 500 bootstrap draws): "loss" where all of one lies below zero. The plain choice that is best in accuracy is
bold. A count of wins and losses ends it, and the time to fit as a share of XGBoost's. The router knows what words mean
where the extra ``faultwise[multilingual]`` is installed; ``--no-vectors`` leaves them out.

``--calibration-shares S ...`` prints instead what a router certifies, and how often what decides and what suggests are
right, with each share of the rows kept for calibration, split as training splits them.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

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
from benchmarks.routing_peers import PEERS
from diagnosis.incident import as_frame, frame_as_logged
from diagnosis.prepared import PreparedIncidents
from diagnosis.routing import Router
from diagnosis.routing.features import equal_text_groups
from diagnosis.routing.fields import fields_for
from diagnosis.routing.ridge import DUAL_ROWS
from diagnosis.text import joined, repair
from diagnosis.text.chinese import has_han
from training.fitting.initial_vectors import WordTable, multilingual_is_installed
from training.fitting.splits import split_latest

SETS = {
    "routing-tickets": "assignment_group",
    "helpdesk-topics": "category",
    "servicenow-incidents": "assignment_group",
    "bank-incidents": "close_code",
    "device-faults": "category",
    "status-page": "priority",
    "chinese-kb": "category",
    "sample in English": "assignment_group",
    "sample in Chinese": "assignment_group",
}
_SAMPLE = Path(__file__).resolve().parents[1] / "data" / "sample"
_DRAWS = 500
LATEST_SHARE = 0.25
OURS = "Faultwise"
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


def _file(name: str) -> Path:
    if name.startswith("sample"):
        return _SAMPLE / "incidents.csv"
    return shared(name) / ("knowledge.csv" if name == "chinese-kb" else "incidents.csv")


def load(name: str, rows: int, folds: int, seed: int) -> History:
    target = SETS[name]
    table = pd.read_csv(_file(name), dtype=str, keep_default_na=False)
    if name.startswith("sample"):
        is_chinese = [
            has_han(f"{a} {b}") for a, b in zip(table["short_description"], table["description"], strict=True)
        ]
        table = table[(table["type"] == "incident") & (np.array(is_chinese) == name.endswith("Chinese"))]
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


def routed(history: History, seed: int, vectors: bool) -> MethodAnswers:
    values, automatic, seconds = [], [], 0.0
    for fit, test in history.splits:
        part = history.prepared.take(fit)
        later = (
            np.arange(len(fit)) >= (1 - LATEST_SHARE) * len(fit) if history.dated else equal_text_groups(part) % 4 == 0
        )
        started = time.process_time()
        rows = np.flatnonzero(~later), np.flatnonzero(later)
        router = fitted(history.target, part, history.truth[fit], rows, seed, vectors=vectors)
        seconds += time.process_time() - started
        decided, probabilities = router.decide(history.prepared.take(test))
        values.append(router.classes_[probabilities.argmax(axis=1)])
        automatic.append(np.array([value is not None for value in decided]))
    return MethodAnswers(OURS, np.concatenate(values), seconds, np.concatenate(automatic))


def fitted(
    target: str, prepared: PreparedIncidents, truth: np.ndarray, rows: Split, seed: int, *, vectors: bool
) -> Router:
    """Return a router that learned from the first ``rows`` and calibrated on the second ones."""
    words = WordTable.of(prepared.text) if vectors and any(prepared.text) and len(rows[0]) <= DUAL_ROWS else None
    return Router(target, seed=seed).fit_and_calibrate(prepared, truth.tolist(), *rows, words)


def by_share(history: History, share: float, seed: int, *, vectors: bool) -> str:
    """Return a line: what is certified with this share, and how often what decides and what suggests are right."""
    calibrating, certified, deciding, suggesting, automatic_right = [], [], [], [], []
    for fit, test in history.splits:
        part, asked, truth = history.prepared.take(fit), history.prepared.take(test), history.truth[test]
        rows = split_latest(part.frame, share, seed)
        router = fitted(history.target, part, history.truth[fit], rows, seed, vectors=vectors)
        automatic = np.array([value is not None for value in router.decide(asked)[0]])
        models = router.classifier_, router.suggester_
        decides, suggests = (model.classes_[model.predict_proba(asked).argmax(axis=1)] == truth for model in models)
        calibrating.append(len(rows[1]))
        certified.append(automatic)
        deciding.append(decides)
        suggesting.append(suggests)
        automatic_right.append(decides[automatic])
    accepted, right = np.concatenate(certified), np.concatenate(automatic_right)
    precision = f"{right.sum()} of {len(right)}" if len(right) else "–"
    of_folds = ", ".join(f"{fold.mean():.3f}" for fold in certified)
    accuracies = " | ".join(
        f"{found.mean():.3f} ± {1.96 * found.std() / np.sqrt(len(found)):.3f}"
        for found in (np.concatenate(deciding), np.concatenate(suggesting))
    )
    rows_of_folds = ", ".join(str(n) for n in calibrating)
    return (
        f"| {history.name} | {len(accepted)} | {share:g} | {rows_of_folds} | {accepted.mean():.3f} ({of_folds}) "
        f"| {precision} | {accuracies} |"
    )


def field_values(history: History, rows: np.ndarray) -> list[list[str]]:
    frame = history.prepared.frame.iloc[rows]
    names = [name for name in fields_for(history.target) if (frame[name] != "").any()]
    return [
        [f"{name}={value}" for name, value in zip(names, values, strict=True)]
        for values in frame[names].itertuples(index=False)
    ]


def plain_features(
    history: History, fit: np.ndarray, test: np.ndarray, kind: str
) -> tuple[sp.csr_matrix, sp.csr_matrix]:
    """Return features of ``kind``: "terms" (words, pairs, n-grams), "characters", or "words"."""
    texts = np.array(history.prepared.text, dtype=object)
    blocks: list[tuple[sp.csr_matrix, sp.csr_matrix]] = []
    if any(texts[fit]):
        pairs = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
        grams = TfidfVectorizer(analyzer="char", ngram_range=(1, 4), sublinear_tf=True, min_df=2)
        words = TfidfVectorizer(min_df=2)
        chosen = {"terms": (pairs, grams), "characters": (grams,), "words": (words,)}[kind]
        blocks += [(terms.fit_transform(texts[fit]), terms.transform(texts[test])) for terms in chosen]
    if any(fields := field_values(history, fit)):
        values = CountVectorizer(analyzer=lambda found: found, binary=True)
        blocks.append((values.fit_transform(fields) * 0.5, values.transform(field_values(history, test)) * 0.5))
    return tuple(sp.hstack(block).tocsr() for block in zip(*blocks, strict=True))


def as_lines(history: History, rows: np.ndarray) -> list[str]:
    """Return texts with field values as words, for who reads nothing else."""
    fields = [" ".join("_".join(value.split()) for value in values) for values in field_values(history, rows)]
    return [f"{history.prepared.text[row]} {values}" for row, values in zip(rows, fields, strict=True)]


def boosted(seed: int) -> object:
    from xgboost import XGBClassifier

    return XGBClassifier(n_jobs=1, random_state=seed)


@dataclass(frozen=True)
class PlainChoice:
    """A method and the features that it sees."""

    features: str
    make: Callable[[int], object]


PLAIN = {
    "linear SVM": PlainChoice("terms", lambda seed: LinearSVC(C=1, random_state=seed)),
    "linear SVM, balanced": PlainChoice(
        "terms", lambda seed: LinearSVC(C=1, class_weight="balanced", random_state=seed)
    ),
    "linear SVM over characters": PlainChoice("characters", lambda seed: LinearSVC(C=1, random_state=seed)),
    "nearest neighbours": PlainChoice("terms", lambda _: KNeighborsClassifier(5, metric="cosine")),
    "logistic regression": PlainChoice("terms", lambda _: LogisticRegression(C=10, max_iter=100)),
    "XGBoost": PlainChoice("words", boosted),
}
MAJORITY, FASTTEXT, BOOSTED = "majority", "fastText", "XGBoost"


def plain(history: History, methods: list[str], seed: int) -> list[MethodAnswers]:
    """Return what the plain choices answer, in the order of ``methods``."""
    values: dict[str, list[np.ndarray]] = {name: [] for name in methods}
    seconds = dict.fromkeys(values, 0.0)
    for fit, test in history.splits:
        names, codes = np.unique(history.truth[fit].astype(str), return_inverse=True)
        features, spent = {}, {}
        for kind in {PLAIN[name].features for name in methods if name in PLAIN}:
            started = time.process_time()
            features[kind] = plain_features(history, fit, test, kind)
            spent[kind] = time.process_time() - started
        for name in methods:
            started = time.process_time()
            if name == MAJORITY:
                answers = np.full(len(test), np.bincount(codes).argmax())
            elif name == FASTTEXT:
                answers = PEERS["fasttext"](as_lines(history, fit), codes, seed)(as_lines(history, test)).argmax(axis=1)
            else:
                learn, ask = features[PLAIN[name].features]
                answers = PLAIN[name].make(seed).fit(learn, codes).predict(ask)
                seconds[name] += spent[PLAIN[name].features]
            seconds[name] += time.process_time() - started
            values[name].append(names[answers].astype(object))
    return [MethodAnswers(name, np.concatenate(parts), seconds[name]) for name, parts in values.items()]


def macro_f1(truth: np.ndarray, classes: np.ndarray) -> float:
    return float(f1_score(truth, classes.astype(str), average="macro", zero_division=0))


def accuracy_gain(truth: np.ndarray, ours: np.ndarray, plain: np.ndarray) -> tuple[float, float]:
    """Return the paired difference of accuracy and half its 95 % interval."""
    difference = (ours == truth).astype(float) - (plain == truth)
    return float(difference.mean()), float(1.96 * difference.std() / np.sqrt(len(difference)))


def macro_f1_gain(truth: np.ndarray, ours: np.ndarray, plain: np.ndarray) -> tuple[float, float]:
    """Return the difference of macro-F1 and half its 95 % interval, both answered from the same bootstrap rows."""
    rng = np.random.default_rng(0)
    draws = [rng.integers(0, len(truth), len(truth)) for _ in range(_DRAWS)]
    names, codes = np.unique(np.concatenate([truth, ours.astype(str), plain.astype(str)]), return_inverse=True)
    of_truth, of_ours, of_plain = np.split(codes, 3)
    gains = [quick_macro_f1(of_truth[d], of_ours[d], len(names)) for d in draws]
    losses = [quick_macro_f1(of_truth[d], of_plain[d], len(names)) for d in draws]
    return macro_f1(truth, ours) - macro_f1(truth, plain), float(1.96 * np.std(np.subtract(gains, losses)))


def quick_macro_f1(truth: np.ndarray, answers: np.ndarray, n_classes: int) -> float:
    right = np.bincount(truth[truth == answers], minlength=n_classes)
    support = np.bincount(truth, minlength=n_classes) + np.bincount(answers, minlength=n_classes)
    return float(np.mean(2 * right[support > 0] / support[support > 0]))


def verdict(gain: float, half: float) -> str:
    word = "loss" if gain + half < 0 else "win" if gain - half > 0 else "even"
    return f"{gain:+.3f} ± {half:.3f}: {word}"


def lines(history: History, ours: MethodAnswers, others: list[MethodAnswers]) -> list[str]:
    truth = np.concatenate([history.truth[test] for _, test in history.splits]).astype(str)
    best = max(others, key=lambda answers: (answers.classes == truth).mean())
    rows = []
    for answers in (ours, *others):
        right = answers.classes == truth
        certified, versus = "–", "– | –"
        if answers is ours:
            share = answers.automatic.mean()
            certified = f"{share:.3f} at {right[answers.automatic].mean():.3f}" if share else "0"
        else:
            gains = (measure(truth, ours.classes, answers.classes) for measure in (accuracy_gain, macro_f1_gain))
            versus = " | ".join(verdict(*gain) for gain in gains)
        name = f"**{answers.method}**" if answers is best else answers.method
        figures = f"{right.mean():.3f} | {macro_f1(truth, answers.classes):.3f} | {certified}"
        seconds = answers.seconds / len(history.splits)
        rows.append(f"| {history.name} | {len(truth)} | {name} | {figures} | {seconds:.1f} | {versus} |")
    return rows


def tally(rows: list[str]) -> str:
    """Count how often each figure won, lost and was even, beside the best plain choices and beside all."""
    counts = []
    for among, chosen in (("the best plain choice of each history", "| **"), ("every plain choice", "|")):
        for name, column in (("accuracy", -3), ("macro-F1", -2)):
            words = [row.split("|")[column].split()[-1] for row in rows if chosen in row and f"| {OURS} |" not in row]
            won, even, lost = (words.count(word) for word in ("win", "even", "loss"))
            counts.append(f"{name} beside {among}: {won} won, {even} even, {lost} lost")
    return "; ".join(counts)


def shares_of_boosting(history: History, ours: MethodAnswers, others: list[MethodAnswers]) -> str:
    """Return the router's time to fit as a share of XGBoost's."""
    seconds = {answers.method: answers.seconds for answers in others}
    return f"{history.name} {ours.seconds / seconds[BOOSTED]:.2f}" if seconds.get(BOOSTED) else ""


def print_shares(args: argparse.Namespace, *, vectors: bool) -> None:
    columns = "history | held-out rows | share | calibration rows | certified (by fold) | right of these"
    print(f"| {columns} | accuracy of what decides | accuracy of what suggests |\n|{' --- |' * 8}", flush=True)
    for name in args.sets:
        history = load(name, args.rows, args.folds, args.seed)
        for share in args.calibration_shares:
            print(by_share(history, share, args.seed, vectors=vectors), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    every = [MAJORITY, *PLAIN, FASTTEXT]
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--methods", nargs="+", default=every, choices=every)
    parser.add_argument("--rows", type=int, default=0, help="rows of each set, the latest where dated; 0 for all")
    parser.add_argument("--folds", type=int, default=5, help="folds that are run of five")
    parser.add_argument("--no-vectors", action="store_true", help="the router without word vectors")
    parser.add_argument("--calibration-shares", nargs="+", type=float, default=[])
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    vectors = multilingual_is_installed() and not args.no_vectors
    if args.calibration_shares:
        print_shares(args, vectors=vectors)
        return
    columns = "history | held-out rows | method | accuracy | macro-F1 | certified | seconds"
    print(f"| {columns} | accuracy of Faultwise | macro-F1 of Faultwise |\n|{' --- |' * 9}", flush=True)
    rows, shares = [], []
    for name in args.sets:
        history = load(name, args.rows, args.folds, args.seed)
        ours = routed(history, args.seed, vectors)
        others = plain(history, args.methods, args.seed)
        rows += (of_set := lines(history, ours, others))
        shares.append(shares_of_boosting(history, ours, others))
        print("\n".join(of_set), flush=True)
    print(f"\n{tally(rows)}")
    print(f"Time to fit as a share of {BOOSTED}'s: {', '.join(filter(None, shares))}")


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
