"""Baselines: what one gets without Faultwise, on the same incidents."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
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
from training.evaluation.predictions import TargetPredictions
from training.reports.tables import Share, share

MOST_INCIDENTS = 5_000  # incidents, the latest, that logistic regression learns from: it is slow on many classes
_WORDS = 20_000
_ROUNDS = 60


@dataclass(frozen=True, slots=True)
class Baseline:
    """A baseline's accuracy, and the release's advantage over it on the same incidents."""

    name: str
    accuracy: Share
    advantage: Interval


def baselines(diagnoser: Diagnoser, held_out: HeldOut, target: TargetPredictions) -> list[Baseline]:
    """Return the most common class, and where there are words TF-IDF with logistic regression over them.

    Both learn from what was known before: from the release's history without the held-out incidents and whatever was
    opened after the first of them.
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
    labelled = target.take(target.labelled)
    truth = known_spelling(labelled.truth, set(labels))
    commonest = pd.Series(labels).value_counts().index[0]
    results = [_baseline("always the most common class", truth == commonest, labelled)]
    latest = np.argsort(past["opened_at"].to_numpy(), kind="stable")[-MOST_INCIDENTS:]
    words = _texts(past.iloc[latest])
    if not any(tokenise(text) for text in words):  # coded fields alone
        return results
    model = make_pipeline(
        TfidfVectorizer(analyzer=tokenise, max_features=_WORDS, sublinear_tf=True),
        LogisticRegression(max_iter=_ROUNDS, C=10.0),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a baseline may stop early
        model.fit(words, labels[latest])
    predicted = model.predict(_texts(held_out.incidents[target.labelled]))
    return [*results, _baseline("TF-IDF with logistic regression", predicted == truth, labelled)]


def _baseline(name: str, hits: npt.ArrayLike, labelled: TargetPredictions) -> Baseline:
    correct = np.asarray(hits, dtype=bool)
    return Baseline(name, share(correct), bootstrap_mean(labelled.correct.astype(float) - correct.astype(float)))


def _texts(frame: pd.DataFrame) -> list[str]:
    return (frame["short_description"] + " " + frame["description"]).tolist()
