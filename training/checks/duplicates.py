"""Repeated incidents: the same words on both sides of the split make a figure look better than it is."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.random_projection import SparseRandomProjection

from diagnosis.arrays import Rows
from diagnosis.phrases import Phrase
from training.checks.finding import Finding, finding
from training.fitting.splits import split_latest, text_groups

MOST_LATER = 2_000  # later incidents that are compared with every earlier one
ALIKE = 0.8  # share of character 5-grams that two texts have in common (Jaccard)
_MANY = 0.2  # share of the later incidents from which figures are worth a warning
_NEAREST = 3
_DIMENSIONS = 128
_SHORTEST = 20  # characters; shorter texts are alike by chance
_BLOCK = 256

Floats = npt.NDArray[np.float32]


def repeated_texts(frame: pd.DataFrame, share: float, seed: int = 0) -> Iterator[Finding]:
    """Yield exact and near-duplicates of earlier incidents among the later ones, and repeated numbers."""
    again = frame["number"].duplicated(keep="last")
    if again.any():
        title, reason = Phrase("audit_repeated_numbers"), Phrase("audit_repeated_numbers_why")
        yield finding("duplicates", "warning", title, reason, frame.loc[again, "number"])
    if len(frame) < 2:
        return
    earlier, later = split_latest(frame, share, seed)
    if not len(earlier) or not len(later):
        return
    groups = text_groups(frame)
    exact = later[np.isin(groups[later], groups[earlier])]
    if len(exact):
        yield _repeats("audit_repeated_words", exact, frame, len(later))
    unmatched = np.setdiff1d(later, exact)
    if len(unmatched) > MOST_LATER:
        unmatched = np.sort(np.random.default_rng(seed).choice(unmatched, MOST_LATER, replace=False))
    near = _near(frame, earlier, unmatched, seed)
    if len(near):
        yield _repeats("audit_near_words", near, frame, len(unmatched))


def _repeats(code: str, rows: Rows, frame: pd.DataFrame, of: int) -> Finding:
    share = len(rows) / of
    return finding(
        "duplicates",
        "warning" if share >= _MANY else "note",
        Phrase(code, {"n": len(rows)}),
        Phrase("audit_repeated_words_why", {"share": share, "of": of}),
        frame["number"].iloc[rows],
    )


def _near(frame: pd.DataFrame, earlier: Rows, later: Rows, seed: int) -> Rows:
    """Return the later rows that have an earlier one with ALIKE of its 5-grams.

    Candidates are the nearest by a random projection of the word counts (Johnson and Lindenstrauss, 1984), which is
    blurred; what counts is the exact likeness of these few.
    """
    words = (
        (frame["short_description"] + " " + frame["description"]).str.casefold().str.replace(r"\d+", "0", regex=True)
    )
    long = (words.str.len() >= _SHORTEST).to_numpy()
    earlier, later = earlier[long[earlier]], later[long[later]]
    if not len(earlier) or not len(later):
        return later[:0]
    vectors = HashingVectorizer(analyzer="char", ngram_range=(4, 4), n_features=2**16, dtype=np.float32)
    projection = SparseRandomProjection(_DIMENSIONS, random_state=seed, dense_output=True)
    old = _unit(projection.fit_transform(vectors.transform(words.iloc[earlier])))
    new = _unit(projection.transform(vectors.transform(words.iloc[later])))
    rows_found = []
    for start in range(0, len(later), _BLOCK):
        likeness = new[start : start + _BLOCK] @ old.T
        k = min(_NEAREST, len(earlier))
        for row, near in zip(later[start : start + _BLOCK], np.argpartition(-likeness, k - 1)[:, :k], strict=True):
            grams = _grams(words.iloc[row])
            if any(_jaccard(grams, _grams(words.iloc[earlier[i]])) >= ALIKE for i in near):
                rows_found.append(row)
    return np.array(rows_found, dtype=np.intp)


def _unit(rows: Floats) -> Floats:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9), dtype=np.float32)


def _grams(text: str) -> set[str]:
    return {text[i : i + 5] for i in range(max(len(text) - 4, 1))}


def _jaccard(a: set[str], b: set[str]) -> float:
    return len(a & b) / len(a | b)
