"""Baselines: what one gets without Faultwise, on the same incidents."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from diagnosis.diagnoser import Diagnoser
from diagnosis.routing.labels import known_spelling, merge_spellings
from diagnosis.text import tokenise
from training.evaluation.bootstrap import Interval, bootstrap_mean
from training.evaluation.held_out import HeldOut
from training.reports.tables import Answered, Share, share

MOST = 5_000  # incidents, the latest, that logistic regression learns from: it is slow on many classes
_WORDS = 20_000
_ROUNDS = 60


@dataclass(frozen=True, slots=True)
class Baseline:
    """A baseline's accuracy, and the release's advantage over it on the same incidents."""

    name: str
    accuracy: Share
    advantage: Interval


def baselines(diagnoser: Diagnoser, held: HeldOut, one: Answered) -> list[Baseline]:
    """Return the most common class, and where there are words TF-IDF with logistic regression over them.

    Both learned from what was known before: from the release's history without the held-out incidents and whatever was
    opened after the first of them.
    """
    history = diagnoser.parts.history.frame()
    if one.target not in history:
        return []
    began = held.incidents["opened_at"].min()
    past = history[~history["number"].isin(held.incidents["number"]) & ~(history["opened_at"] >= began)]
    labels = merge_spellings(past[one.target].astype("str").fillna(""))
    past, labels = past[labels != ""], labels[labels != ""]
    if len(set(labels)) < 2:
        return []
    truth = known_spelling(one.truth, set(labels))
    usual = pd.Series(labels).value_counts().index[0]
    found = [_measured("always the most common class", truth == usual, one)]
    latest = np.argsort(past["opened_at"].to_numpy(), kind="stable")[-MOST:]
    words = _texts(past.iloc[latest])
    if not any(tokenise(text) for text in words):  # coded fields alone
        return found
    model = make_pipeline(
        TfidfVectorizer(analyzer=tokenise, max_features=_WORDS, sublinear_tf=True),
        LogisticRegression(max_iter=_ROUNDS, C=10.0),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a baseline may stop early
        model.fit(words, labels[latest])
    said = model.predict(_texts(held.incidents[one.rows]))
    return [*found, _measured("TF-IDF with logistic regression", said == truth, one)]


def _measured(name: str, hit: np.ndarray, one: Answered) -> Baseline:
    right = np.asarray(hit, dtype=bool)
    return Baseline(name, share(right), bootstrap_mean(one.hit.astype(float) - right.astype(float)))


def _texts(frame: pd.DataFrame) -> list[str]:
    return (frame["short_description"] + " " + frame["description"]).tolist()
