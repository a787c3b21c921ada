"""The content of a report: what is said of each target, of recurrence, search and the data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from diagnosis.diagnoser import Diagnoser
from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.recurrence import recurrence_rate
from diagnosis.recurrence.outcomes import definition
from diagnosis.recurrence.rates import TARGET
from diagnosis.recurrence.scores import HorizonScores
from diagnosis.release import STORE
from diagnosis.routing.calibration import expected_calibration_error
from training.command_line.wording import Wording
from training.evaluation.certificates import LiveCertificate, live_certificates
from training.evaluation.held_out import HeldOut
from training.evaluation.predictions import TargetPredictions
from training.evaluation.scorecard import recurrence_scores
from training.fitting.as_of import last_moment
from training.reports import plots, recurrence_plots
from training.reports.baselines import Baseline, baselines
from training.reports.clock_scores import ClockScores, clock_scores
from training.reports.leaning import leaning
from training.reports.tables import (
    ClassRow,
    Confusion,
    GroupRow,
    Share,
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
    live: LiveCertificate | None
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

    definition: Phrase
    scores: list[HorizonScores] = field(default_factory=list)
    plots: list[str] = field(default_factory=list)
    notes: list[Phrase] = field(default_factory=list)


def target_sections(diagnoser: Diagnoser, held_out: HeldOut, t: Wording) -> list[TargetSection]:
    """Return a section for each target of which some truth is known."""
    live = live_certificates(diagnoser.parts, held_out)
    return [
        _target_section(diagnoser, held_out, target, live.get(name), t)
        for name, target in held_out.predictions.targets.items()
        if target.labelled.any() and name in diagnoser.parts.routers
    ]


def _target_section(
    diagnoser: Diagnoser, held_out: HeldOut, target: TargetPredictions, live: LiveCertificate | None, t: Wording
) -> TargetSection:
    labelled = target.take(target.labelled)
    curve = [point for point in held_out.learning_curve if point["target"] == target.target]
    groups = {
        name: rows
        for name, (column, ordered) in groupings(held_out).items()
        if (rows := group_table(labelled, column[target.labelled], by_name=ordered, none=t("(none)")))
    }
    return TargetSection(
        name=target.target,
        promised=labelled.precision,
        accuracy=share(labelled.correct),
        top3=share(labelled.rank <= 3),
        automatic=share(labelled.automatic),
        certified=share(labelled.decision_correct[labelled.automatic]),
        live=live,
        calibration_error=expected_calibration_error(labelled.probability, labelled.correct),
        baselines=baselines(diagnoser, held_out, target),
        classes=class_table(labelled),
        confusion=confusion(labelled, remainder=t("(others)")),
        groups=groups,
        leaning=leaning(diagnoser, held_out, target.target, t),
        plots=[
            plots.reliability(labelled, t),
            plots.precision_coverage(labelled, t),
            *([plots.learning_curve(curve, len(labelled), t)] if len(curve) > 1 else []),
        ],
    )


def recurrence_section(diagnoser: Diagnoser, held_out: HeldOut | None, t: Wording) -> RecurrenceSection | None:
    """Return how good the risks were and how often faults came back; None without a model of recurrence."""
    model = diagnoser.parts.recurrence
    if model is None:
        return None
    scores = [] if held_out is None else recurrence_scores(held_out)
    drawings = [recurrence_plots.calibration(scores, t), recurrence_plots.discrimination(scores, t)] if scores else []
    notes = [] if scores else [Phrase("risks_not_judged")]
    history = diagnoser.parts.history.frame()
    try:
        rates = recurrence_rate(
            history, model.signature_, model.horizons, as_of=last_moment(history), by="month", target=TARGET
        )
        drawings.append(recurrence_plots.rate_by_month(rates, model.usual_horizon_, TARGET, t))
    except InputError as error:
        notes.append(Phrase("no_recurrence_rate", {"reason": error.phrase}))
    return RecurrenceSection(definition(model.signature_.fields, model.origin), scores, drawings, notes)


def clock_section(diagnoser: Diagnoser, held_out: HeldOut | None, t: Wording) -> list[ClockScores]:
    """Return how true the risks of the clocks were; empty where none was judged."""
    model = diagnoser.parts.service_levels
    return [] if model is None or held_out is None else clock_scores(held_out, model.rules_, t)


def search_section(held_out: HeldOut) -> list[tuple[str, list[Share]]]:
    """Return recall of the article that solved an incident; empty where no incident names one."""
    return search_table(held_out.predictions)


def overview(diagnoser: Diagnoser, manifest: dict[str, Any], t: Wording) -> list[tuple[str, str]]:
    """Return what the release is made of, as names and values."""
    data = manifest["data"]
    rows = [
        (t("Release"), diagnoser.release),
        (t("Made"), manifest["created_at"]),
        (t("Seed"), str(manifest["seed"])),
    ]
    inputs = {kind: part for kind, part in data.items() if kind != STORE}
    rows += [
        (t("Rows of {}", t.name_of("records", kind)), f"{part['rows']:,} (sha256 {part['sha256'][:16]}…)")
        for kind, part in inputs.items()
    ]
    return [*rows, (t("Content"), manifest["content"][:16] + "…")]
