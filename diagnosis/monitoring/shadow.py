"""Shadow: a release that answers unseen beside the one in service, held against it on the same incidents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import bdtr

from diagnosis.monitoring.answers import TargetAnswers, target_answers
from diagnosis.monitoring.quality import LiveShare
from diagnosis.routing import Router
from diagnosis.routing.labels import label_key
from diagnosis.store.observations import Observation


@dataclass(frozen=True, slots=True)
class ReleaseFigures:
    """One of the two releases on the same incidents.

    Attributes
    ----------
    automatic : LiveShare
        Share of all answers.
    precision : LiveShare
        Of the automatic answers of which it is known whether they were right.
    accuracy : LiveShare
        Of all answers of which that is known, automatic or not.
    milliseconds : float or None
        Median of one diagnosis.
    """

    automatic: LiveShare
    precision: LiveShare
    accuracy: LiveShare
    milliseconds: float | None


@dataclass(frozen=True, slots=True)
class ShadowTarget:
    """Both releases on one target.

    Attributes
    ----------
    agreement : LiveShare
        Share of the incidents to which both gave the same value.
    only_in_service, only_shadow : int
        Incidents of which one of the two alone was right.
    p_value : float or None
        Of the exact McNemar test that neither is right more often; None while they never differed.
    """

    target: str
    in_service: ReleaseFigures
    shadow: ReleaseFigures
    agreement: LiveShare
    only_in_service: int
    only_shadow: int
    p_value: float | None


def compare_shadow(
    pairs: Sequence[tuple[Observation, Observation]],
    in_service: Mapping[str, Router],
    shadow: Mapping[str, Router],
) -> list[ShadowTarget]:
    """Return the comparison for each target that both answer.

    Parameters
    ----------
    pairs : sequence of (Observation, Observation)
        What was answered, and what the shadow answered to the same incident.
    in_service, shadow : mapping of str to Router
        By target; they know which parent a class has.
    """
    targets = dict.fromkeys(answer.target for answer, _ in pairs)
    return [
        _compare_target(
            [pair for pair in pairs if pair[0].target == target], target, in_service.get(target), shadow.get(target)
        )
        for target in targets
    ]


def _compare_target(
    pairs: Sequence[tuple[Observation, Observation]],
    target: str,
    router: Router | None,
    shadow_router: Router | None,
) -> ShadowTarget:
    in_service = target_answers([answer for answer, _ in pairs], target, router)
    # The truth is kept with the answer of the release in service: it is the same incident.
    with_truth = [_with_truth(shadow, answer) for answer, shadow in pairs]
    in_shadow = target_answers(with_truth, target, shadow_router)
    settled = in_service.settled & in_shadow.settled
    only_in_service = int((settled & in_service.right & ~in_shadow.right).sum())
    only_shadow = int((settled & ~in_service.right & in_shadow.right).sum())
    same = sum(label_key(a) == label_key(b) for a, b in zip(in_service.value, in_shadow.value, strict=True))
    return ShadowTarget(
        target=target,
        in_service=_side(in_service, [shadow.seconds_in_service for _, shadow in pairs]),
        shadow=_side(in_shadow, [shadow.seconds for _, shadow in pairs]),
        agreement=LiveShare.of(same, len(pairs)),
        only_in_service=only_in_service,
        only_shadow=only_shadow,
        p_value=_mcnemar(only_in_service, only_shadow),
    )


def _mcnemar(only_first: int, only_second: int) -> float | None:
    """Return the two-sided p-value of the exact McNemar test; None where the two never differed."""
    differing = only_first + only_second
    return min(1.0, 2 * float(bdtr(min(only_first, only_second), differing, 0.5))) if differing else None


def _side(answers: TargetAnswers, seconds: Sequence[float | None]) -> ReleaseFigures:
    measured = [duration for duration in seconds if duration is not None]
    automatic = answers.take(answers.automatic & answers.settled)
    return ReleaseFigures(
        automatic=LiveShare.of(int(answers.automatic.sum()), len(answers)),
        precision=LiveShare.of(int(automatic.right.sum()), len(automatic)),
        accuracy=LiveShare.of(int(answers.right.sum()), int(answers.settled.sum())),
        milliseconds=float(np.median(measured)) * 1e3 if measured else None,
    )


def _with_truth(shadow: Observation, answer: Observation) -> Observation:
    """Return the shadow's answer with what became known of the incident."""
    # A value that a person took back is wrong for both; of another value that says nothing.
    taken_back = answer.taken_back and label_key(answer.value) == label_key(shadow.value)
    return replace(shadow, truth=answer.truth, taken_back=taken_back)
