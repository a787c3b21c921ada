"""Incidents for measuring scale: clauses of real ones, recombined within their topic, in English and Chinese.

Each text takes clauses of two reports of one topic, so that it is new yet has neighbours; one in eight repeats an
earlier text but for a word, as monitoring and copied templates do; a third carries a code of its own, as real ones
carry hosts, numbers and ids.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from benchmarks.data import shared

Topics = list[list[list[str]]]  # topics, each a list of texts, each a list of clauses

_CJK_CLAUSE = re.compile(r"[^，。；！？\n]{4,60}")


def clauses_by_topic() -> Topics:
    """Return the topics of the shared data sets, Chinese last."""
    mail = pd.read_csv(shared("helpdesk-topics") / "incidents.csv")
    routed = pd.read_csv(shared("routing-tickets") / "incidents.csv")
    chinese = pd.read_csv(shared("chinese-kb") / "knowledge.csv")
    topics = [_english(texts) for _, texts in mail.groupby("category")["description"]]
    topics += [_english(texts) for _, texts in routed.groupby("assignment_group")["description"] if len(texts) >= 20]
    topics = [texts for texts in topics if len(texts) >= 5]
    answers = [_CJK_CLAUSE.findall(text) for text in chinese["resolution"].dropna()]
    return [*topics, [clauses for clauses in answers if len(clauses) > 1]]


def recombined(n: int, topics: Topics, seed: int) -> list[str]:
    """Return ``n`` texts of about forty words."""
    return [text for text, _ in labelled(n, topics, seed)]


def labelled(n: int, topics: Topics, seed: int) -> list[tuple[str, int]]:
    """Return ``n`` texts of about forty words, each with the place of its topic."""
    rng = np.random.default_rng(seed)
    # One incident in ten is Chinese; the other topics come up as often as the square root of what was written of them.
    sizes = np.sqrt([len(texts) for texts in topics])
    sizes[-1] = sizes[:-1].sum() / 9
    texts: list[tuple[str, int]] = []
    for topic in rng.choice(len(topics), size=n, p=sizes / sizes.sum()).tolist():
        if texts and rng.random() < 1 / 8:
            text, of = texts[rng.integers(len(texts))]
            texts.append((f"{text} {rng.integers(100)}", of))
            continue
        texts.append((_one(topics[topic], rng), topic))
    return texts


def _english(texts: pd.Series) -> list[list[str]]:
    cut = []
    for text in texts.dropna().astype(str):
        words = text.split()
        if len(words) >= 10:
            cut.append([" ".join(words[i : i + 9]) for i in range(0, len(words), 9)][:14])
    return cut


def _one(texts: list[list[str]], rng: np.random.Generator) -> str:
    chosen = []
    for _ in range(2):
        clauses = texts[rng.integers(len(texts))]
        keep = rng.random(len(clauses)) < 0.6
        chosen += [clause for clause, kept in zip(clauses, keep, strict=True) if kept] or clauses[:1]
    if rng.random() < 1 / 3:
        chosen.append(f"srv-{rng.integers(20_000):05d} err-{rng.integers(1 << 24):06x}")
    return " ".join(chosen)
