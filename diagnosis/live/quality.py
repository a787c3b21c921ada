"""Live quality: how often the answers of a release were right in service, and how many could be given, by class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv

from diagnosis.live.answered import Answered, answered
from diagnosis.routing import Router
from diagnosis.store.observations import Observation


@dataclass(frozen=True, slots=True)
class LiveShare:
    """A share with its exact 95 % interval (Clopper and Pearson, 1934); None and 0 to 1 where nothing was counted."""

    share: float | None
    lower: float
    upper: float
    n: int

    @classmethod
    def of(cls, part: int, whole: int) -> LiveShare:
        """Return ``part`` of ``whole``."""
        if not whole:
            return cls(None, 0.0, 1.0, 0)
        low = float(betaincinv(part, whole - part + 1, 0.025)) if part else 0.0
        high = float(betaincinv(part + 1, whole - part, 0.975)) if part < whole else 1.0
        return cls(part / whole, low, high, whole)  # Clopper and Pearson, 1934


@dataclass(frozen=True, slots=True)
class ClassQuality:
    """One class of a target (``""``: all of them) in service.

    Attributes
    ----------
    answers, settled : int
        First answers of this class, and those of them of which it is known whether they were right.
    automatic : LiveShare
        Share of the answers that was automatic: the live coverage.
    precision : LiveShare
        Share of the settled automatic answers that was right.
    suggested : LiveShare
        Share of the settled answers that people decided on, in which the first suggestion was right.
    recall : LiveShare
        Share of the incidents that truly were of this class which were answered so; all of them for ``""``.
    certified : bool
        Whether its answers may be automatic now; ``revoked`` says that live data took that back.
    """

    value: str
    answers: int
    settled: int
    automatic: LiveShare
    precision: LiveShare
    suggested: LiveShare
    recall: LiveShare
    certified: bool
    revoked: bool


@dataclass(frozen=True, slots=True)
class TargetQuality:
    """One target in service; ``promised`` is the certified precision of what is automatic."""

    target: str
    promised: float
    all: ClassQuality
    classes: tuple[ClassQuality, ...]


def live_quality(
    seen: Sequence[Observation], routers: Mapping[str, Router], revoked: Mapping[str, frozenset[str]]
) -> list[TargetQuality]:
    """Return how the answers of one release fared.

    Parameters
    ----------
    seen : sequence of Observation
    routers : mapping of str to Router
        Of the release, by target.
    revoked : mapping of str to frozenset of str
        By target, the values whose certificate was taken back; ``""`` is every value.
    """
    return [
        _target(answered(seen, target, router), _truths(seen, target), router, revoked.get(target, frozenset()))
        for target, router in routers.items()
    ]


def certified_values(router: Router) -> list[str]:
    """Return the classes and parents whose answers calibration allows to be automatic."""
    names: list[str] = []
    for proven in (router.certificates_, router.parent_certificates_):
        if proven is not None and proven.overall.threshold is not None:
            names += [name for name, one in proven.classes.items() if one.threshold is not None]
    return list(dict.fromkeys(names))


def _target(one: Answered, truth: Sequence[str], router: Router, revoked: frozenset[str]) -> TargetQuality:
    certified = set(certified_values(router))
    everything = _quality("", one, truth, bool(certified) and "" not in revoked, "" in revoked)
    return TargetQuality(one.target, router.precision, everything, tuple(_classes(one, truth, certified, revoked)))


def _classes(
    one: Answered, truth: Sequence[str], certified: set[str], revoked: frozenset[str]
) -> Iterator[ClassQuality]:
    names, counts = np.unique(one.value[one.value != ""].astype(str), return_counts=True)
    for name in names[np.argsort(-counts, kind="stable")].tolist():
        taken = bool({"", name} & revoked)
        yield _quality(name, one, truth, name in certified and not taken, taken)


def _quality(value: str, one: Answered, truth: Sequence[str], certified: bool, revoked: bool) -> ClassQuality:
    mine = one if not value else one.of(np.asarray(one.value == value, dtype=bool))
    automatic = mine.of(mine.automatic & mine.settled)
    by_people = mine.of(~mine.automatic & mine.settled)
    met = one.settled if not value else np.array([name == value for name in truth], dtype=bool)
    return ClassQuality(
        value=value,
        answers=len(mine),
        settled=int(mine.settled.sum()),
        automatic=LiveShare.of(int(mine.automatic.sum()), len(mine)),
        precision=LiveShare.of(int(automatic.right.sum()), len(automatic)),
        suggested=LiveShare.of(int(by_people.right.sum()), len(by_people)),
        recall=LiveShare.of(int((one.right & met).sum()), int(met.sum())),
        certified=certified,
        revoked=revoked,
    )


def _truths(seen: Sequence[Observation], target: str) -> list[str]:
    return [one.truth or "" for one in seen if one.target == target]
