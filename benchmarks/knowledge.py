"""Which questions have lost their article: how well `covered` tells, beside the best cosine of TF-IDF.

Of the support articles that questions name, a random half is removed; then `faultwise knowledge` says of each question
how likely an article answers it. The questions are the symptoms of their articles, so these are taken out of the
articles that are asked for, and two folds ask in turn. Once the other articles keep their symptoms, once no article
has any. Area under the curve with its 95 % interval (bootstrap over the questions), Brier score, and the mean
probability of those with and without their article.

    python -m benchmarks.knowledge --scale 100000    # time and memory of the command, with 5,000 articles
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import brier_score_loss, roc_auc_score

from benchmarks.data import shared
from benchmarks.large_release import incidents
from benchmarks.recombined import clauses_by_topic, labelled
from training import knowledge
from training.command_line.verb import main as run_verb

HEADER = "| known of the other articles | lost | method | questions | AUC | Brier |\n|---|---:|---|---:|---|---:|"
FIELDS = ["title", "symptoms", "cause", "resolution"]
ARTICLES = 5_000  # whose state is judged where time and memory are measured
CHARACTERS = {"analyzer": "char_wb", "ngram_range": (2, 4)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lost", type=float, nargs="+", default=[0.5], help="shares of the articles that are removed")
    parser.add_argument("--folds", type=int, default=2, choices=(1, 2), help="1: ask only the first half")
    parser.add_argument("--scale", type=int, default=0, metavar="N", help="time and memory for so many incidents")
    args = parser.parse_args()
    if args.scale:
        scale(args.scale)
        return
    print(HEADER)
    for share in args.lost:
        for known in ("every field", "no symptoms"):
            rows(known, share, args.folds)


def rows(known: str, share: float, folds: int) -> None:
    articles = pd.read_csv(shared("support-kb") / "knowledge.csv", dtype=str).fillna("")
    questions = pd.read_csv(shared("support-kb") / "queries.csv", dtype=str)
    order = np.random.default_rng(0).permutation(len(questions))
    truths: list[np.ndarray] = []
    scores: dict[str, list[np.ndarray]] = {}
    for fold in range(folds):
        asked = questions.iloc[order[fold::2]]
        removed = np.random.default_rng(fold).permutation(asked["article"].to_numpy())[: round(share * len(asked))]
        base = articles[~articles["number"].isin(removed)].copy()
        hidden = base["number"].isin(asked["article"]) | (known == "no symptoms")
        base["symptoms"] = base["symptoms"].mask(hidden, "")
        truths.append((~asked["article"].isin(removed)).to_numpy())
        for method, values in {**tfidf(base, asked), "Faultwise": covered(base, asked)}.items():
            scores.setdefault(method, []).append(values)
    truth = np.concatenate(truths)
    for method, parts in scores.items():
        values = np.concatenate(parts)
        brier = f"{brier_score_loss(truth, values):.3f}" if method == "Faultwise" else ""
        print(
            f"| {known} | {share:.0%} | {method} | {len(truth)} | {with_interval(truth, values)} | {brier} |",
            flush=True,
        )


def scale(size: int) -> None:
    """Judge articles by so many incidents, a fifth of which name one of their topic; texts are recombined."""
    rng, topics = np.random.default_rng(0), clauses_by_topic()
    frame = incidents(size, topics, seed=0)
    topic = frame["assignment_group"].str.removeprefix("group ").astype(int).to_numpy()
    texts, of = zip(*labelled(ARTICLES, topics, seed=1), strict=True)
    of_topic = {name: np.flatnonzero(np.array(of) == name) for name in set(of)}
    numbers = [f"KB{rng.choice(of_topic[name])}" if rng.random() < 0.2 and name in of_topic else "" for name in topic]
    answers, _ = zip(*labelled(ARTICLES, topics, seed=2), strict=True)
    base = pd.DataFrame(
        {
            "number": [f"KB{place}" for place in range(ARTICLES)],
            "title": [text[:60] for text in texts],
            "symptoms": texts,
            "resolution": answers,
        }
    )
    with tempfile.TemporaryDirectory() as name:
        files = [f"{name}/incidents.csv", f"{name}/knowledge.csv"]
        frame.assign(knowledge=numbers).to_csv(files[0], index=False)
        base.to_csv(files[1], index=False)
        options = ["--incidents", files[0], "--knowledge", files[1], "--out", f"{name}/covered.jsonl", "--quiet"]
        began = time.monotonic()
        subprocess.run([sys.executable, "-m", "training.knowledge", *options], check=True, stdout=subprocess.DEVNULL)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        f"{size:,} incidents, {ARTICLES:,} articles: {time.monotonic() - began:.0f} s, "
        f"{used.ru_utime + used.ru_stime:.0f} s of processor time, {used.ru_maxrss / 2**20:.2f} GiB at most"
    )


def tfidf(base: pd.DataFrame, asked: pd.DataFrame) -> dict[str, np.ndarray]:
    texts = base[FIELDS].agg("\n".join, axis=1)
    best = {}
    for name, options in {"TF-IDF, words": {}, "TF-IDF, characters": CHARACTERS}.items():
        vectoriser = TfidfVectorizer(sublinear_tf=True, **options)
        matrix = vectoriser.fit_transform(texts)
        cosines = vectoriser.transform(asked["description"]) @ matrix.T
        best[f"{name}: best cosine"] = cosines.max(axis=1).toarray().ravel()
    return best


def covered(base: pd.DataFrame, asked: pd.DataFrame) -> np.ndarray:
    """Return what the command says, from texts alone: the questions name no article."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        base.to_csv(folder / "knowledge.csv", index=False)
        numbered = asked.assign(number=[f"Q{i}" for i in range(len(asked))])
        numbered[["number", "description"]].to_csv(folder / "incidents.csv", index=False)
        files = ["--incidents", f"{folder}/incidents.csv", "--knowledge", f"{folder}/knowledge.csv"]
        with contextlib.redirect_stdout(io.StringIO()):  # the table is what is printed here
            status = run_verb(
                knowledge, [*files, "--out", f"{folder}/covered.jsonl", "--html", f"{folder}/k.html", "--quiet"]
            )
        if status:
            raise SystemExit(status)
        lines = (folder / "covered.jsonl").read_text(encoding="utf-8").splitlines()
    return np.array([json.loads(line)["covered"] for line in lines])


def with_interval(truth: np.ndarray, values: np.ndarray) -> str:
    draws = np.random.default_rng(0).integers(len(truth), size=(1_000, len(truth)))
    low, high = np.percentile([roc_auc_score(truth[rows], values[rows]) for rows in draws], [2.5, 97.5])
    return f"{roc_auc_score(truth, values):.3f} ({low:.3f} to {high:.3f})"


if __name__ == "__main__":
    main()
