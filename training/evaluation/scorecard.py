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
from diagnosis.phrases import Phrase, percent
from diagnosis.recurrence.scores import HorizonScores, RecurrenceScores, score_horizon
from diagnosis.routing.scores import score_ranked
from training.command_line.output import as_json
from training.command_line.wording import ENGLISH, Wording
from training.evaluation.certificates import LiveCertificate
from training.evaluation.held_out import HeldOut
from training.evaluation.predictions import Predictions, recurrence_outcomes

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
    notes: tuple[Phrase, ...]
    certificates: Mapping[str, LiveCertificate] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as plain JSON values."""
        plain: dict[str, Any] = as_json(self)
        for certificate in plain["certificates"].values():
            certificate["why_not"] = certificate["why_not"] or ""
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
    notes = list(diagnoser.parts.left_out.values())
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


def _score_targets(diagnoser: Diagnoser, predictions: Predictions, notes: list[Phrase]) -> dict[str, Any]:
    scores = {}
    for name in diagnoser.parts.routers:
        target = predictions.targets.get(name)
        if target is None or not target.labelled.any():
            notes.append(Phrase("target_not_measured", {"target": name}))
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


def _score_recurrence(diagnoser: Diagnoser, held_out: HeldOut, notes: list[Phrase]) -> dict[str, Any] | None:
    model = diagnoser.parts.recurrence
    if model is None:
        return None
    horizons = recurrence_scores(held_out)
    if not horizons:
        values = {"date": f"{model.as_of_:%Y-%m-%d}", "days": min(model.horizons)}
        notes.append(Phrase("recurrence_not_measured", values))
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


def _score_search(predictions: Predictions, notes: list[Phrase]) -> dict[str, Any] | None:
    labelled = predictions.search.labelled
    if not labelled.any():
        notes.append(Phrase("search_not_measured"))
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


def headlines(card: Scorecard, t: Wording = ENGLISH, *, latency: bool = True) -> list[str]:
    """Return the figures that a person looks at first, a line each."""
    lines = [line for target, scores in card.routing.items() for line in _target_lines(card, target, scores, t)]
    if card.search is not None:
        recalls = (f"{card.search[name]:.3f}" for name in ("recall_at_1", "recall_at_10"))
        lines.append(t("search: R@1 {}, R@10 {}", *recalls))
    if latency:
        times = (f"{card.latency_ms[name]:.0f}" for name in ("p50", "p99"))
        lines.append(t("one diagnosis: {} ms (p99 {} ms)", *times))
    return [f"  {line}" for line in (*lines, *(t(note) for note in card.notes))]


def _target_lines(card: Scorecard, target: str, scores: Mapping[str, Any], t: Wording) -> list[str]:
    names = ("accuracy", "macro_f1", "top3", "calibration_error")
    line = t(
        "{}: accuracy {}, macro-F1 {}, top-3 {}, calibration error {}",
        t.field(target),
        *(f"{scores[name]:.3f}" for name in names),
    )
    certificate = card.certificates.get(target)
    if certificate is None:
        return [t("{}, automatic {}", line, percent(scores["certified_coverage"], 1))]
    # What is live, and not what a model did that had learned from less.
    return [line, certificate_in_words(certificate, t)]


def certificate_in_words(certificate: LiveCertificate, t: Wording = ENGLISH) -> str:
    """Return what a release decides of a target in service, and what proves it."""
    target = t.field(certificate.target)
    if certificate.why_not is not None:
        return t("{}: nothing is automatic in service: {}", target, t(certificate.why_not))
    return t(
        "{}: automatic in service {} of them; of its calibration incidents {} of {} decisions were right, which proves "
        "at least {}",
        target,
        percent(certificate.share, 1),
        f"{certificate.correct:,}",
        f"{certificate.accepted:,}",
        percent(certificate.proven, 1),
    )
