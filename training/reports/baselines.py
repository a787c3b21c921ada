"""Baselines in the report: what one gets without Faultwise, on the same incidents."""

from __future__ import annotations

from dataclasses import dataclass

from diagnosis.diagnoser import Diagnoser
from training.evaluation.baselines import plain_answers
from training.evaluation.bootstrap import Interval, bootstrap_mean
from training.evaluation.held_out import HeldOut
from training.evaluation.predictions import TargetPredictions
from training.reports.tables import Share, share


@dataclass(frozen=True, slots=True)
class Baseline:
    """A baseline's accuracy, and the release's advantage over it on the same incidents."""

    name: str
    accuracy: Share
    advantage: Interval


def baselines(diagnoser: Diagnoser, held_out: HeldOut, target: TargetPredictions) -> list[Baseline]:
    """Return each plain choice (`plain_answers`) beside the release."""
    correct = target.take(target.labelled).correct.astype(float)
    return [
        Baseline(plain.name, share(plain.right), bootstrap_mean(correct - plain.right.astype(float)))
        for plain in plain_answers(diagnoser, held_out, target)
    ]
