"""The whole path through the command line, on real data: import, train, answer, and how good the answers are.

Each history is cut in two: a release is trained on the first part and answers for the second, which it never saw.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, brier_score_loss, f1_score, roc_auc_score

from benchmarks.data import shared
from training.fitting.splits import split_latest
from training.records import load_incidents

HELD_OUT = 0.15


def main() -> None:
    """Run every part that was asked for and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=PARTS, nargs="+", default=list(PARTS))
    args = parser.parse_args()
    print("| data | train | answer | figures |\n|---|---|---|---|")
    for name in args.only:
        with tempfile.TemporaryDirectory() as folder:
            trained, answered, figures = PARTS[name](Path(folder))
        said = ", ".join(f"{key} {value}" for key, value in figures.items())
        print(f"| {name} | {trained:.0f} s | {answered:.0f} s | {said} |", flush=True)


def routing_tickets(folder: Path) -> tuple[float, float, dict[str, str]]:
    """Answer the assignment group of tickets without dates, texts never on both sides."""
    raw = pd.read_csv(shared("routing-tickets") / "incidents.csv", dtype=str, keep_default_na=False)
    frame = load_incidents([shared("routing-tickets") / "incidents.csv"]).frame
    first, held = split_latest(frame, HELD_OUT, seed=7)
    rows = raw.set_index("number").loc
    rows[frame["number"].iloc[first]].reset_index().to_csv(folder / "first.csv", index=False)
    rows[frame["number"].iloc[held]].reset_index().to_csv(folder / "held.csv", index=False)
    trained = _faultwise("train", "--incidents", "first.csv", "--target", "assignment_group", "--out", "m", at=folder)
    answered, said = _diagnosed(folder, "held.csv")
    truth = frame.set_index("number")["assignment_group"]
    return trained, answered, _routing(said, truth)


def servicenow_incidents(folder: Path) -> tuple[float, float, dict[str, str]]:
    """Recurrence within 7 days by coded fields alone, the cut moved back inside the file."""
    frame = pd.read_csv(shared("servicenow-incidents") / "incidents.csv", dtype=str, keep_default_na=False)
    opened = pd.to_datetime(frame["opened_at"])
    cut, end = opened.min().normalize() + pd.Timedelta(days=28), opened.max()
    frame.to_csv(folder / "all.csv", index=False)
    later = (opened >= cut) & (opened < end - pd.Timedelta(days=7))
    frame[later].to_csv(folder / "held.csv", index=False)
    trained = _faultwise(
        "train",
        "--incidents",
        "all.csv",
        "--as-of",
        cut.date().isoformat(),
        "--signature",
        "caller,subcategory",
        "--target",
        "assignment_group",
        "--out",
        "m",
        at=folder,
    )
    answered, said = _diagnosed(folder, "held.csv")
    risk = {d["incident"]: d["recurrence"] for d in said}
    # What happened: the same caller and subcategory logged again within seven days.
    key = frame["caller"] + "\0" + frame["subcategory"]
    following = opened.groupby(key).shift(-1)
    came = ((following - opened) <= pd.Timedelta(days=7)).to_numpy()
    rows = [i for i in np.flatnonzero(later) if risk[frame["number"][i]] is not None]
    p = np.array([risk[frame["number"][i]]["horizons"][0]["probability"] for i in rows])
    y = came[rows]
    figures = {
        "AUC": f"{roc_auc_score(y, p):.3f}",
        "AP": f"{average_precision_score(y, p):.3f}",
        "Brier": f"{brier_score_loss(y, p):.3f}",
        "predicted": f"{p.mean():.3f}",
        "observed": f"{y.mean():.3f}",
    }
    return trained, answered, figures | _routing(said, frame.set_index("number")["assignment_group"])


def support_kb(folder: Path) -> tuple[float, float, dict[str, str]]:
    """Symptoms to the article; of the half that is asked for, the symptoms are left out of the knowledge base."""
    articles = pd.read_csv(shared("support-kb") / "knowledge.csv", dtype=str, keep_default_na=False)
    asked = (articles["symptoms"] != "") & (np.random.default_rng(7).random(len(articles)) < 0.5)
    queries = articles.loc[asked, ["number", "symptoms"]].rename(columns={"symptoms": "description"})
    articles.loc[asked, "symptoms"] = ""
    return _searched(folder, articles, queries)


def chinese_kb(folder: Path) -> tuple[float, float, dict[str, str]]:
    """Title to the article, the titles of the half that is asked for left out of it."""
    articles = pd.read_csv(shared("chinese-kb") / "knowledge.csv", dtype=str, keep_default_na=False)
    asked = np.random.default_rng(7).random(len(articles)) < 0.5
    queries = articles.loc[asked, ["number", "title"]].rename(columns={"title": "description"})
    articles.loc[asked, "title"] = ""
    return _searched(folder, articles, queries)


PARTS = {
    "routing-tickets": routing_tickets,
    "servicenow-incidents": servicenow_incidents,
    "support-kb": support_kb,
    "chinese-kb": chinese_kb,
}


def _searched(folder: Path, articles: pd.DataFrame, queries: pd.DataFrame) -> tuple[float, float, dict[str, str]]:
    articles.to_csv(folder / "knowledge.csv", index=False)
    queries.to_csv(folder / "queries.csv", index=False)
    trained = _faultwise("train", "--knowledge", "knowledge.csv", "--out", "m", at=folder)
    answered = _faultwise("search", "--release", "m", "--queries", "queries.csv", "--out", "hits.jsonl", at=folder)
    ranks = []
    for line in (folder / "hits.jsonl").read_text(encoding="utf-8").splitlines():
        found = json.loads(line)
        numbers = [hit["number"] for hit in found["hits"]]
        ranks.append(numbers.index(found["query"]) + 1 if found["query"] in numbers else np.inf)
    rank = np.array(ranks)
    figures = {"queries": f"{len(rank)}", "MRR@10": f"{(1 / rank).mean():.3f}", "R@1": f"{(rank <= 1).mean():.3f}"}
    return trained, answered, figures | {"R@10": f"{(rank <= 10).mean():.3f}"}


def _diagnosed(folder: Path, file: str) -> tuple[float, list[dict[str, Any]]]:
    seconds = _faultwise("diagnose", "--release", "m", "--incidents", file, "--out", "said.jsonl", at=folder)
    return seconds, [json.loads(line) for line in (folder / "said.jsonl").read_text(encoding="utf-8").splitlines()]


def _routing(said: list[dict[str, Any]], truth: pd.Series) -> dict[str, str]:
    """Return the figures of the assignment group, on the incidents that have one."""
    rows = [(d["predictions"]["assignment_group"], truth[d["incident"]]) for d in said if truth[d["incident"]]]
    top = [[a["value"] for a in p["alternatives"]] for p, _ in rows]
    first = [t[0] if t else "" for t in top]
    true = [t for _, t in rows]
    automatic = [p["value"] == t for p, t in rows if p["decision"] == "automatic"]
    return {
        "group accuracy": f"{np.mean([f == t for f, t in zip(first, true, strict=True)]):.3f}",
        "macro-F1": f"{f1_score(true, first, average='macro', zero_division=0):.3f}",
        "top-3": f"{np.mean([t in p[:3] for p, t in zip(top, true, strict=True)]):.3f}",
        "automatic": f"{len(automatic) / len(rows):.1%}",
        "right of these": f"{np.mean(automatic):.3f}" if automatic else "none",
    }


def _faultwise(*arguments: str, at: Path) -> float:
    """Run the command as a user would and return the seconds it took."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "api.cli", *arguments], cwd=at, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
