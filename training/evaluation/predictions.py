"""Answers: what a release said of incidents whose outcome is known, one row an incident.

Everything that is compared, plotted or judged later is read off these rows, so two releases can be compared pair by
pair and a report needs no model.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from diagnosis.diagnoser import Diagnoser
from diagnosis.errors import InputError
from diagnosis.prepared import PreparedIncidents
from diagnosis.recurrence import Signature
from diagnosis.recurrence.outcomes import CensoredOutcomes, censored_outcomes, cohort, utc
from diagnosis.routing import Router
from diagnosis.routing.labels import known_spelling
from diagnosis.text import language

LOOKED_AT = 10  # places of a search result that count
_AT_ONCE = 512  # incidents that are answered together, so that memory does not grow with their number


def answers_of(diagnoser: Diagnoser, incidents: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """Return what a release answers to incidents that it has not seen, beside the truth.

    Parameters
    ----------
    diagnoser : Diagnoser
        Its history must not hold these incidents.
    incidents : DataFrame
        Canonical frame with the later fields known.
    as_of : Timestamp
        Up to when their outcomes are known.

    Returns
    -------
    DataFrame, shape (n_incidents, ...)
        ``number``, ``language``; for each target ``<target>|truth``, ``|value``, ``|probability``, ``|rank`` (place of
        the truth among the classes, from 1; NaN if it is none of them), ``|automatic`` and ``|right`` (of the automatic
        answer, which may be a parent); ``recurrence|<days>``, the risk; ``search|article`` and ``search|rank``, the
        article that solved it and its place among the first ten (NaN: not among them). Unknown truths are ``""``.
    """
    if incidents.empty:
        raise InputError("at least one incident is needed to measure a release; found none")
    parts = [
        _answer(diagnoser, incidents.iloc[start : start + _AT_ONCE].reset_index(drop=True))
        for start in range(0, len(incidents), _AT_ONCE)
    ]
    found = pd.concat(parts, ignore_index=True)
    risks = _risks(diagnoser, incidents, as_of)
    return found if risks is None else pd.concat([found, risks], axis=1)


def targets_of(answers: pd.DataFrame) -> list[str]:
    """Return the targets that were answered."""
    return [name.removesuffix("|value") for name in answers.columns if name.endswith("|value")]


def horizons_of(answers: pd.DataFrame) -> list[int]:
    """Return the horizons, in days, of the risks."""
    return [int(name.removeprefix("recurrence|")) for name in answers.columns if name.startswith("recurrence|")]


def outcomes_of(
    incidents: pd.DataFrame, signature: tuple[str, ...], as_of: pd.Timestamp
) -> tuple[pd.Index, CensoredOutcomes]:
    """Return which rows can recur, and what became of them up to ``as_of``.

    Returns
    -------
    (Index of str, CensoredOutcomes)
        Numbers of the incidents that have a signature and a date, in order of opening, and their outcomes.
    """
    known = cohort(incidents, utc(as_of)).frame
    keys = Signature(signature).keys(known)
    seen = censored_outcomes(known, keys, utc(as_of), "opened")
    usable = (keys != "").to_numpy() & np.isfinite(seen.observed)
    return pd.Index(known["number"][usable]), seen.take(usable)


def _answer(diagnoser: Diagnoser, incidents: pd.DataFrame) -> pd.DataFrame:
    prepared = diagnoser.prepare(incidents)
    columns = {"number": incidents["number"], "language": pd.Series([language(t) for t in prepared.text], dtype="str")}
    for target, router in diagnoser.parts.routers.items():
        if target in incidents:
            columns |= _routed(target, router, prepared, incidents[target])
    columns |= _found(diagnoser, prepared, incidents["knowledge"])
    return pd.DataFrame(columns)


def _routed(target: str, router: Router, prepared: PreparedIncidents, labels: pd.Series) -> dict[str, pd.Series]:
    truth = known_spelling(labels.astype("str").fillna(""), router.classes_.tolist())
    done, probability = router.decide(prepared)
    order = np.argsort(-probability, axis=1, kind="stable")
    hit = router.classes_[order] == truth[:, None]
    rank = np.where(hit.any(axis=1), hit.argmax(axis=1) + 1.0, np.nan)
    automatic = np.array([value is not None for value in done], dtype=bool)
    tree = router.hierarchy_
    right = [value in ((t, tree.parent(t)) if tree is not None else (t,)) for value, t in zip(done, truth, strict=True)]
    return {
        f"{target}|truth": pd.Series(truth, dtype="str"),
        f"{target}|value": pd.Series(router.classes_[order[:, 0]], dtype="str"),
        f"{target}|probability": pd.Series(probability[np.arange(len(truth)), order[:, 0]]),
        f"{target}|rank": pd.Series(rank),
        f"{target}|automatic": pd.Series(automatic),
        f"{target}|right": pd.Series(np.array(right, dtype=bool)),
    }


def _found(diagnoser: Diagnoser, prepared: PreparedIncidents, solved_by: pd.Series) -> dict[str, pd.Series]:
    """Ask with each incident that an article solved, and see at which place that article is found."""
    asked = [
        row
        for row, (text, number) in enumerate(zip(prepared.text, solved_by, strict=True))
        if text and number in diagnoser.parts.knowledge
    ]
    article = np.full(len(prepared), "", dtype=object)
    rank = np.full(len(prepared), np.nan)
    if asked:
        article[asked] = solved_by.iloc[asked]
        texts = [prepared.text[row] for row in asked]
        hits = diagnoser.parts.retriever.search(texts, "knowledge", LOOKED_AT, None, prepared.vectors[asked])
        rank[asked] = [_place([hit.number for hit in one], article[row]) for one, row in zip(hits, asked, strict=True)]
    return {"search|article": pd.Series(article, dtype="str"), "search|rank": pd.Series(rank)}


def _place(numbers: list[str], wanted: str) -> float:
    return numbers.index(wanted) + 1.0 if wanted in numbers else np.nan


def _risks(diagnoser: Diagnoser, incidents: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame | None:
    """Return the risks, each incident seeing the release's history and the earlier ones; None without a model."""
    model = diagnoser.parts.recurrence
    if model is None or diagnoser.parts.state is None or pd.isna(as_of):
        return None
    try:
        known = cohort(incidents, utc(as_of))
    except InputError:
        return None
    prepared = diagnoser.prepare(known.frame)
    found = np.full((len(incidents), len(model.horizons)), np.nan)
    vectors = prepared.vectors if model.text_ is not None else None
    found[known.rows] = model.probabilities(prepared.frame, diagnoser.parts.state, vectors=vectors)
    return pd.DataFrame(found, columns=[f"recurrence|{days}" for days in model.horizons])
