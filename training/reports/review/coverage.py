"""How probably an article answers the incidents of a review's quarters, as a release or the articles alone say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from diagnosis.diagnoser import Diagnoser
from diagnosis.knowledge_health import SearchedIncidents, assess_knowledge
from diagnosis.knowledge_health.gaps import Gap
from diagnosis.review import Quarter
from diagnosis.search import Filters
from training.fitting.article_search import MOST_STEPS, search_articles

MOST = 400  # incidents of each quarter, drawn by seed
MOST_TAUGHT = 20_000  # newest incidents from which search is learned where there is no release


@dataclass(frozen=True)
class JudgedKnowledge:
    """How probably an article answers each incident, by number, and what none answers; empty if it cannot be said."""

    covered: pd.Series
    gaps: tuple[Gap, ...]


def coverage_of(diagnoser: Diagnoser, frame: pd.DataFrame, quarter: Quarter, zone: str) -> pd.Series:
    """Return by number how probably an article answers an incident: of the quarter, the one before, a year before."""
    chosen = _chosen(frame, quarter, zone)
    if not len(chosen):
        return pd.Series(dtype="float64")
    answers = diagnoser.answers_for(chosen, "knowledge")
    return pd.Series([answer.covered for answer in answers], index=chosen["number"], dtype="float64")


def judged_knowledge(
    frame: pd.DataFrame,
    articles: pd.DataFrame,
    quarter: Quarter,
    zone: str,
    as_of: pd.Timestamp,
    *,
    max_steps: int = MOST_STEPS,
    progress: Callable[[int], object] = lambda _percent: None,
) -> JudgedKnowledge:
    """Judge articles as `faultwise knowledge` does, without a release: search learns from the newest incidents.

    Gaps are those of the quarter's incidents that were drawn.
    """
    chosen = _chosen(frame, quarter, zone)
    if not len(chosen) or not len(articles):
        return JudgedKnowledge(pd.Series(dtype="float64"), ())
    records = frame.drop_duplicates("number", keep="last")
    taught = records.sort_values("opened_at", kind="stable", na_position="first").tail(MOST_TAUGHT)
    search = search_articles(taught, articles, asked=chosen, max_steps=max_steps, progress=progress)
    valid = Filters(valid_at=as_of.to_pydatetime())
    searched = SearchedIncidents.of(search.retriever, search.texts, valid)
    covered = pd.Series(searched.covered, index=chosen["number"], dtype="float64")
    if np.isnan(searched.covered).any():  # too few articles or questions to calibrate by
        return JudgedKnowledge(covered.dropna(), ())
    start, stop = quarter.bounds(zone)
    inside = np.flatnonzero(((chosen["opened_at"] >= start) & (chosen["opened_at"] < stop)).to_numpy())
    of_quarter = SearchedIncidents(
        searched.covered[inside], [searched.nearest[row] for row in inside.tolist()], searched.vectors[inside]
    )
    health = assess_knowledge(
        search.incidents.iloc[inside].reset_index(drop=True),
        search.articles,
        [search.texts[row] for row in inside.tolist()],
        of_quarter,
        search.retriever,
        as_of=as_of,
    )
    return JudgedKnowledge(covered, health.gaps)


def _chosen(frame: pd.DataFrame, quarter: Quarter, zone: str) -> pd.DataFrame:
    parts = []
    for at in (quarter, quarter.previous, quarter.year_before):
        start, stop = at.bounds(zone)
        inside = (frame["opened_at"] >= start) & (frame["opened_at"] < stop) & (frame["type"] == "incident")
        rows = frame[inside].drop_duplicates("number", keep="last")
        parts.append(rows.sample(min(len(rows), MOST), random_state=0))
    return pd.concat(parts, ignore_index=True)
