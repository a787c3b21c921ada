"""What the plain choices answer to the incidents that a release was judged on: one could have these without Faultwise.

They learn from what was known before: from the release's history without the held-out incidents and whatever was
opened after the first of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
import scipy.sparse as sp

from diagnosis.arrays import Bools
from diagnosis.diagnoser import Diagnoser
from diagnosis.routing.labels import known_spelling, merge_spellings
from diagnosis.text import tokenise
from training.evaluation.held_out import HeldOut
from training.evaluation.predictions import TargetPredictions

MOST_INCIDENTS = 5_000  # the latest incidents that it learns from
COMMONEST, LINEAR_SVM = "always the most common class", "linear SVM"
_MOST_TERMS = 30_000
_FIELD = 0.5  # length of a field's value beside a text's words and its n-grams, one each
_TOLERANCE = 0.1


@dataclass(frozen=True, slots=True)
class PlainAnswers:
    """Which labelled held-out incidents a plain choice answers right, shape (n_labelled,)."""

    name: str
    right: Bools


def plain_answers(diagnoser: Diagnoser, held_out: HeldOut, target: TargetPredictions) -> list[PlainAnswers]:
    """Return the most common class, and where there are words a linear support vector machine.

    It sees words and pairs of words, character n-grams and the coded fields that the router may see.
    """
    history = diagnoser.parts.history.frame()
    name = target.target
    if name not in history:
        return []
    began = held_out.incidents["opened_at"].min()
    past = history[~history["number"].isin(held_out.incidents["number"]) & ~(history["opened_at"] >= began)]
    labels = merge_spellings(past[name].astype("str").fillna(""))
    past, labels = past[labels != ""], labels[labels != ""]
    if len(set(labels)) < 2:
        return []
    truth = known_spelling(target.take(target.labelled).truth, set(labels))
    commonest = pd.Series(labels).value_counts().index[0]
    answers = [PlainAnswers(COMMONEST, np.asarray(truth == commonest, dtype=bool))]
    latest = np.argsort(past["opened_at"].to_numpy(), kind="stable")[-MOST_INCIDENTS:]
    texts = _texts(past.iloc[latest])
    if not any(tokenise(text) for text in texts):  # coded fields alone
        return answers
    router = diagnoser.parts.routers.get(name)
    fields = () if router is None or router.fields is None else tuple(router.fields)
    labelled = held_out.incidents[target.labelled]
    from sklearn.svm import LinearSVC  # noqa: PLC0415 - takes a second, and a service that publishes nothing needs none

    fitted_rows, features = _features(past.iloc[latest], labelled, [*fields])
    model = LinearSVC(tol=_TOLERANCE, random_state=0).fit(fitted_rows, labels[latest].astype(str))
    right = model.predict(features) == truth.astype(str)
    return [*answers, PlainAnswers(LINEAR_SVM, np.asarray(right, dtype=bool))]


def _features(past: pd.DataFrame, labelled: pd.DataFrame, fields: Sequence[str]) -> tuple[sp.csr_matrix, sp.csr_matrix]:
    from sklearn.feature_extraction.text import CountVectorizer  # noqa: PLC0415 - as above

    values = CountVectorizer(analyzer=lambda row: row, binary=True, dtype=np.float64)
    blocks = [*_text_features(tuple(_texts(past)), tuple(_texts(labelled)))]
    rows, later_rows = (
        [[f"{name}={value}" for name, value in zip(fields, row, strict=True)] for row in frame[list(fields)].to_numpy()]
        for frame in (past, labelled)
    )
    if fields:
        blocks.append((_FIELD * values.fit_transform(rows), _FIELD * values.transform(later_rows)))
    learned_blocks, later_blocks = zip(*blocks, strict=True)
    return sp.hstack(learned_blocks, format="csr"), sp.hstack(later_blocks, format="csr")


@lru_cache(maxsize=1)  # one target after another is asked of the same texts
def _text_features(texts: tuple[str, ...], later_texts: tuple[str, ...]) -> list[tuple[sp.csr_matrix, sp.csr_matrix]]:
    from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415 - as above

    words = TfidfVectorizer(tokenizer=tokenise, token_pattern=None, ngram_range=(1, 2), max_features=_MOST_TERMS)
    grams = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), max_features=_MOST_TERMS, sublinear_tf=True)
    return [(terms.fit_transform(texts), terms.transform(later_texts)) for terms in (words, grams)]


def _texts(frame: pd.DataFrame) -> list[str]:
    return (frame["short_description"] + " " + frame["description"]).tolist()
