"""Shadow: a release that answers unseen beside the one in service, held against it on the same incidents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import bdtr

from diagnosis.live.answered import Answered, answered
from diagnosis.live.quality import LiveShare
from diagnosis.routing import Router
from diagnosis.routing.labels import label_key
from diagnosis.store.observations import Observation


@dataclass(frozen=True, slots=True)
class Side:
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
    in_service: Side
    shadow: Side
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
    targets = dict.fromkeys(given.target for given, _ in pairs)
    return [_target([p for p in pairs if p[0].target == t], t, in_service.get(t), shadow.get(t)) for t in targets]


def _target(
    pairs: Sequence[tuple[Observation, Observation]], target: str, router: Router | None, other: Router | None
) -> ShadowTarget:
    given = answered([one for one, _ in pairs], target, router)
    # What is right is kept with what was answered: it is the same incident.
    unseen = answered([_with_truth(one, truth) for truth, one in pairs], target, other)
    both = given.settled & unseen.settled
    lost, won = int((both & given.right & ~unseen.right).sum()), int((both & ~given.right & unseen.right).sum())
    same = sum(label_key(a) == label_key(b) for a, b in zip(given.value, unseen.value, strict=True))
    return ShadowTarget(
        target=target,
        in_service=_side(given, [one.seconds_in_service for _, one in pairs]),
        shadow=_side(unseen, [one.seconds for _, one in pairs]),
        agreement=LiveShare.of(same, len(pairs)),
        only_in_service=lost,
        only_shadow=won,
        p_value=min(1.0, 2 * float(bdtr(min(won, lost), won + lost, 0.5))) if won + lost else None,
    )


def _side(one: Answered, seconds: Sequence[float | None]) -> Side:
    known = [second for second in seconds if second is not None]
    told = one.of(one.automatic & one.settled)
    return Side(
        automatic=LiveShare.of(int(one.automatic.sum()), len(one)),
        precision=LiveShare.of(int(told.right.sum()), len(told)),
        accuracy=LiveShare.of(int(one.right.sum()), int(one.settled.sum())),
        milliseconds=float(np.median(known)) * 1e3 if known else None,
    )


def _with_truth(unseen: Observation, given: Observation) -> Observation:
    """Return the shadow's answer with what became known of the incident."""
    # A value that a person took back is wrong for both; of another value that says nothing.
    taken_back = given.taken_back and label_key(given.value) == label_key(unseen.value)
    values = {name: getattr(unseen, name) for name in Observation.__slots__}
    return Observation(**values | {"truth": given.truth, "taken_back": taken_back})
