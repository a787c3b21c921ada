"""Scorecard: what a release is worth, measured on incidents that it has not seen."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from diagnosis.diagnoser import Diagnoser
from diagnosis.incident import incidents_of
from diagnosis.recurrence.scores import HorizonScores, RecurrenceScores, score_horizon
from diagnosis.routing.scores import score_ranked
from training.evaluation.certificates import LiveCertificate
from training.evaluation.held_out import HeldOut
from training.evaluation.predictions import Predictions, recurrence_outcomes
from training.output import without_nan

SCORECARD = "scorecard.json"

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
    """Figures on unseen incidents; a part that could not be measured is missing, and ``notes`` says why.

    ``routing`` is of the evaluation model, ``certificates`` say what the release itself decides.
    """

    incidents: int
    opened_from: str | None
    opened_to: str | None
    routing: Mapping[str, Any]
    recurrence: Mapping[str, Any] | None
    search: Mapping[str, Any] | None
    latency_ms: Mapping[str, float]
    notes: tuple[str, ...]
    certificates: Mapping[str, LiveCertificate] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as plain JSON values."""
        plain: dict[str, Any] = without_nan(asdict(self))
        return plain

    def to_file(self) -> dict[str, Any]:
        """Return what a release keeps: all but the latency, which is the machine's and differs from run to run."""
        return {name: value for name, value in self.to_dict().items() if name != "latency_ms"}


def measure(diagnoser: Diagnoser, held_out: HeldOut) -> Scorecard:
    """Return what the predictions of held-out incidents are worth, and the time of a diagnosis.

    Parameters
    ----------
    diagnoser : Diagnoser
        The release that made the predictions; it must not have been fitted on these incidents.
    held_out : HeldOut
    """
    notes: list[str] = [str(reason) for reason in diagnoser.parts.left_out.values()]
    opened = held_out.incidents["opened_at"]
    return Scorecard(
        incidents=len(held_out),
        opened_from=_day(opened.min()),
        opened_to=_day(opened.max()),
        routing=_score_targets(diagnoser, held_out.predictions, notes),
        recurrence=_score_recurrence(diagnoser, held_out, notes),
        search=_score_search(held_out.predictions, notes),
        latency_ms=_measure_latency(diagnoser, held_out.incidents),
        notes=tuple(notes),
    )


def _score_targets(diagnoser: Diagnoser, predictions: Predictions, notes: list[str]) -> dict[str, Any]:
    scores = {}
    for name in diagnoser.parts.routers:
        target = predictions.targets.get(name)
        if target is None or not target.labelled.any():
            notes.append(f"{name} was not measured: no incident has it")
            continue
        labelled = target.take(target.labelled)
        scores[name] = score_ranked(
            labelled.truth,
            labelled.value,
            labelled.probability,
            labelled.rank,
            labelled.automatic,
            labelled.decision_correct,
            precision=labelled.precision,
            n_classes=labelled.n_classes,
        ).to_dict()
    return scores


def _score_recurrence(diagnoser: Diagnoser, held_out: HeldOut, notes: list[str]) -> dict[str, Any] | None:
    model = diagnoser.parts.recurrence
    if model is None:
        return None
    horizons = recurrence_scores(held_out)
    if not horizons:
        notes.append(
            f"recurrence was not measured: no incident was opened after {model.as_of_:%Y-%m-%d} and watched for "
            f"{min(model.horizons)} days"
        )
        return None
    return RecurrenceScores(tuple(horizons)).to_dict()


def recurrence_scores(held_out: HeldOut) -> list[HorizonScores]:
    """Return the scores of each horizon for which some held-out incident was watched."""
    risks = held_out.predictions.recurrence
    watched = recurrence_outcomes(held_out.predictions, held_out.incidents, held_out.as_of)
    if risks is None or watched is None:
        return []
    rows, outcomes = watched
    return [
        score_horizon(risks.within(days)[rows], outcomes, days)
        for days in risks.horizons
        if (outcomes.observed >= days).any()
    ]


def _score_search(predictions: Predictions, notes: list[str]) -> dict[str, Any] | None:
    labelled = predictions.search.labelled
    if not labelled.any():
        notes.append("search was not measured: no incident names the article that solved it")
        return None
    rank = predictions.search.rank[labelled]
    recall_at_1, recall_at_5, recall_at_10 = (float((rank <= k).mean()) for k in (1, 5, 10))
    reciprocal = np.nan_to_num(1 / rank)  # 0 where the article is not among the hits
    return asdict(SearchScores(len(rank), recall_at_1, recall_at_5, recall_at_10, float(reciprocal.mean())))


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
    lines = []
    for target, s in card.routing.items():
        figures = f"accuracy {s['accuracy']:.3f}, macro-F1 {s['macro_f1']:.3f}, top-3 {s['top3']:.3f}"
        line = f"  {target}: {figures}, calibration error {s['calibration_error']:.3f}"
        certificate = card.certificates.get(target)
        if certificate is None:
            lines.append(f"{line}, automatic {s['certified_coverage']:.1%}")
        else:  # what is live, and not what a model did that had learned from less
            lines += [line, f"  {certificate.sentence}"]
    if card.search is not None:
        lines.append(f"  search: R@1 {card.search['recall_at_1']:.3f}, R@10 {card.search['recall_at_10']:.3f}")
    if latency:
        lines.append(f"  one diagnosis: {card.latency_ms['p50']:.0f} ms (p99 {card.latency_ms['p99']:.0f} ms)")
    return lines + [f"  {note}" for note in card.notes]
