"""Scorecard: what a release is worth, measured on incidents that it has not seen."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from diagnosis.diagnoser import Diagnoser
from diagnosis.errors import InputError
from diagnosis.incident import incidents_of
from diagnosis.prepared import PreparedIncidents
from training.fitting.as_of import last_moment
from training.output import without_nan

SCORECARD = "scorecard.json"

_LOOKED_AT = 10  # places of a search result that count
_TIMED = 50  # incidents diagnosed one by one for the latency


@dataclass(frozen=True, slots=True)
class SearchScores:
    """How often the article that solved an incident stood among the first found for it."""

    n: int
    recall_at_1: float
    recall_at_5: float
    recall_at_10: float
    mean_reciprocal_rank: float


@dataclass(frozen=True, slots=True)
class Scorecard:
    """Figures on unseen incidents; a part that could not be measured is missing, and ``notes`` says why."""

    incidents: int
    opened_from: str | None
    opened_to: str | None
    routing: Mapping[str, Any]
    recurrence: Mapping[str, Any] | None
    search: Mapping[str, Any] | None
    latency_ms: Mapping[str, float]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as plain JSON values."""
        plain: dict[str, Any] = without_nan(asdict(self))
        return plain

    def to_file(self) -> dict[str, Any]:
        """Return what a release keeps: all but the latency, which is the machine's and differs from run to run."""
        return {name: value for name, value in self.to_dict().items() if name != "latency_ms"}


def measure(diagnoser: Diagnoser, incidents: pd.DataFrame, as_of: str = "") -> Scorecard:
    """Measure a release on incidents whose later fields are known.

    Parameters
    ----------
    diagnoser : Diagnoser
        Must not have been fitted on these incidents.
    incidents : DataFrame
        Canonical frame, as known at ``as_of``.
    as_of : str
        Up to when their outcomes are known; ``""`` is the latest time in them.

    Raises
    ------
    InputError
        If there is no incident.
    """
    if incidents.empty:
        raise InputError("at least one incident is needed to measure a release; found none")
    prepared = diagnoser.prepare(incidents)
    notes: list[str] = [str(reason) for reason in diagnoser.parts.left_out.values()]
    return Scorecard(
        incidents=len(incidents),
        opened_from=_day(incidents["opened_at"].min()),
        opened_to=_day(incidents["opened_at"].max()),
        routing=_measure_routing(diagnoser, prepared, incidents, notes),
        recurrence=_measure_recurrence(diagnoser, incidents, as_of, notes),
        search=_measure_search(diagnoser, prepared, incidents, notes),
        latency_ms=_measure_latency(diagnoser, incidents),
        notes=tuple(notes),
    )


def _measure_routing(
    diagnoser: Diagnoser, prepared: PreparedIncidents, incidents: pd.DataFrame, notes: list[str]
) -> dict[str, Any]:
    scores = {}
    for target, router in diagnoser.parts.routers.items():
        labels = incidents[target].astype("str").fillna("") if target in incidents else pd.Series(dtype="str")
        if not (labels != "").any():
            notes.append(f"{target} was not measured: no incident has it")
            continue
        scores[target] = router.evaluate(prepared, labels.tolist()).to_dict()
    return scores


def _measure_recurrence(
    diagnoser: Diagnoser, incidents: pd.DataFrame, as_of: str, notes: list[str]
) -> dict[str, Any] | None:
    model = diagnoser.parts.recurrence
    if model is None:
        return None
    try:
        scores = model.evaluate(incidents, diagnoser.parts.history.frame(), as_of=last_moment(incidents, as_of))
    except InputError as error:
        notes.append(f"recurrence was not measured: {error}")
        return None
    return scores.to_dict()


def _measure_search(
    diagnoser: Diagnoser, prepared: PreparedIncidents, incidents: pd.DataFrame, notes: list[str]
) -> dict[str, Any] | None:
    """Ask with each incident that an article solved, and see at which place that article is found."""
    asked = [
        (text, number)
        for text, number in zip(prepared.text, incidents["knowledge"], strict=True)
        if text and number in diagnoser.parts.knowledge
    ]
    if not asked:
        notes.append("search was not measured: no incident names the article that solved it")
        return None
    found = diagnoser.parts.retriever.search([text for text, _ in asked], "knowledge", _LOOKED_AT)
    ranks = np.array(
        [_rank([hit.number for hit in hits], number) for hits, (_, number) in zip(found, asked, strict=True)]
    )
    recall_at_1, recall_at_5, recall_at_10 = (float((ranks <= k).mean()) for k in (1, 5, 10))
    scores = SearchScores(len(asked), recall_at_1, recall_at_5, recall_at_10, float((1 / ranks).mean()))
    return asdict(scores)


def _rank(numbers: list[str], wanted: str) -> float:
    return numbers.index(wanted) + 1.0 if wanted in numbers else np.inf


def _measure_latency(diagnoser: Diagnoser, incidents: pd.DataFrame) -> dict[str, float]:
    seconds = []
    for incident in incidents_of(incidents.head(_TIMED)):
        began = time.perf_counter()
        diagnoser.diagnose(incident)
        seconds.append(time.perf_counter() - began)
    return {f"p{q}": round(float(np.percentile(seconds, q)) * 1e3, 2) for q in (50, 99)}


def _day(moment: Any) -> str | None:  # noqa: ANN401 - a timestamp or NaT
    return None if pd.isna(moment) else str(moment.date())


def headlines(card: Scorecard, *, latency: bool = True) -> list[str]:
    """Return the figures that a person looks at first, a line each."""
    lines = [
        f"  {target}: accuracy {s['accuracy']:.3f}, macro-F1 {s['macro_f1']:.3f}, top-3 {s['top3']:.3f}, "
        f"calibration error {s['calibration_error']:.3f}, automatic {s['certified_coverage']:.1%}"
        for target, s in card.routing.items()
    ]
    if card.search is not None:
        lines.append(f"  search: R@1 {card.search['recall_at_1']:.3f}, R@10 {card.search['recall_at_10']:.3f}")
    if latency:
        lines.append(f"  one diagnosis: {card.latency_ms['p50']:.0f} ms (p99 {card.latency_ms['p99']:.0f} ms)")
    return lines + [f"  {note}" for note in card.notes]
