"""The content of a report: what is said of each target, of recurrence, search and the data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from diagnosis.diagnoser import Diagnoser
from diagnosis.errors import InputError
from diagnosis.recurrence import recurrence_rate
from diagnosis.recurrence.rates import TARGET
from diagnosis.recurrence.scores import HorizonScores, score_horizon
from diagnosis.release import STORE
from diagnosis.routing.calibration import expected_calibration_error
from training.evaluation.held_out import HeldOut
from training.evaluation.predictions import horizons_of, outcomes_of, targets_of
from training.fitting.as_of import last_moment
from training.reports import plots, recurrence_plots
from training.reports.baselines import Baseline, baselines
from training.reports.leaning import leaning
from training.reports.tables import (
    Answered,
    ClassRow,
    Confusion,
    GroupRow,
    Share,
    answered,
    class_table,
    confusion,
    group_table,
    groupings,
    search_table,
    share,
)


@dataclass(frozen=True)
class TargetSection:
    """What is said of one target."""

    name: str
    promised: float
    accuracy: Share
    top3: Share
    automatic: Share
    certified: Share
    calibration_error: float
    baselines: list[Baseline]
    classes: list[ClassRow]
    confusion: Confusion
    groups: dict[str, list[GroupRow]]
    leaning: list[tuple[str, list[tuple[str, float]]]]
    plots: list[str]


@dataclass(frozen=True)
class RecurrenceSection:
    """What is said of recurrence."""

    definition: str
    scores: list[HorizonScores] = field(default_factory=list)
    plots: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def target_sections(diagnoser: Diagnoser, held: HeldOut) -> list[TargetSection]:
    """Return a section for each target of which some truth is known."""
    sections = []
    for target in targets_of(held.answers):
        one = answered(held, target)
        if len(one.truth) and target in diagnoser.parts.routers:
            sections.append(_target(diagnoser, held, one))
    return sections


def _target(diagnoser: Diagnoser, held: HeldOut, one: Answered) -> TargetSection:
    promised = held.targets[one.target]
    curve = [point for point in held.learning if point["target"] == one.target]
    groups = {
        name: rows
        for name, (column, ordered) in groupings(held).items()
        if (rows := group_table(one, column, by_name=ordered))
    }
    return TargetSection(
        name=one.target,
        promised=promised,
        accuracy=share(one.hit),
        top3=share(one.rank <= 3),
        automatic=share(one.automatic),
        certified=share(one.right[one.automatic]),
        calibration_error=expected_calibration_error(one.probability, one.hit),
        baselines=baselines(diagnoser, held, one),
        classes=class_table(one),
        confusion=confusion(one),
        groups=groups,
        leaning=leaning(diagnoser, held, one.target),
        plots=[
            plots.reliability(one),
            plots.precision_coverage(one, promised),
            *([plots.learning_curve(curve, len(one.truth))] if len(curve) > 1 else []),
        ],
    )


def recurrence_section(diagnoser: Diagnoser, held: HeldOut | None) -> RecurrenceSection | None:
    """Return how good the risks were and how often faults came back; None without a model of recurrence."""
    model = diagnoser.parts.recurrence
    if model is None:
        return None
    scores = [] if held is None else recurrence_scores(held)
    drawn = [recurrence_plots.calibration(scores), recurrence_plots.discrimination(scores)] if scores else []
    notes = [] if scores else ["no held-out incident was watched for a whole horizon, so the risks were not judged"]
    history = diagnoser.parts.history.frame()
    try:
        rates = recurrence_rate(
            history, model.signature_, model.horizons, as_of=last_moment(history), by="month", target=TARGET
        )
        drawn.append(recurrence_plots.rate_by_month(rates, model.usual_horizon_, TARGET))
    except InputError as error:
        notes.append(f"no recurrence rate: {error}")
    return RecurrenceSection(model.describe()["definition"], scores, drawn, notes)


def recurrence_scores(held: HeldOut) -> list[HorizonScores]:
    """Return the scores of each horizon for which some held-out incident was watched."""
    if not held.signature or not horizons_of(held.answers) or pd.isna(held.as_of):
        return []
    numbers, seen = outcomes_of(held.incidents, held.signature, held.as_of)
    risks = held.answers.set_index("number")
    scores = []
    for days in horizons_of(held.answers):
        risk = risks[f"recurrence|{days}"].reindex(numbers).to_numpy(dtype=float)
        told = np.isfinite(risk)
        if (seen.observed[told] >= days).any():
            scores.append(score_horizon(risk[told], seen.take(told), days))
    return scores


def search_section(held: HeldOut) -> list[tuple[str, list[Share]]]:
    """Return recall of the article that solved an incident; empty where no incident names one."""
    return search_table(held)


def overview(diagnoser: Diagnoser, manifest: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what the release is made of, as names and values."""
    data = manifest["data"]
    rows = [("Release", diagnoser.release), ("Made", manifest["created_at"]), ("Seed", str(manifest["seed"]))]
    inputs = {kind: part for kind, part in data.items() if kind != STORE}
    rows += [(f"Rows of {kind}", f"{part['rows']:,} (sha256 {part['sha256'][:16]}…)") for kind, part in inputs.items()]
    return [*rows, ("Content", manifest["content"][:16] + "…")]
