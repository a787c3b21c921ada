"""Live quality: how often the answers of a release were right in service, and how many could be given, by class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from diagnosis.monitoring.answers import TargetAnswers, target_answers
from diagnosis.routing import Router
from diagnosis.statistics import proportion_interval
from diagnosis.store.observations import Observation


@dataclass(frozen=True, slots=True)
class LiveShare:
    """A share with its exact 95 % interval (Clopper and Pearson, 1934); None and 0 to 1 where nothing was counted."""

    share: float | None
    lower: float
    upper: float
    n: int

    @classmethod
    def of(cls, part: int, n: int) -> LiveShare:
        """Return ``part`` of ``n``."""
        if not n:
            return cls(None, 0.0, 1.0, 0)
        return cls(part / n, *proportion_interval(part, n), n)

    def __str__(self) -> str:
        return "-" if self.share is None else f"{self.share:.1%} ({self.lower:.1%}-{self.upper:.1%})"


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
    observations: Sequence[Observation], routers: Mapping[str, Router], revoked: Mapping[str, frozenset[str]]
) -> list[TargetQuality]:
    """Return how the answers of one release fared.

    Parameters
    ----------
    observations : sequence of Observation
    routers : mapping of str to Router
        Of the release, by target.
    revoked : mapping of str to frozenset of str
        By target, the values whose certificate was taken back; ``""`` is every value.
    """
    return [
        _target_quality(
            target_answers(observations, target, router),
            _truths(observations, target),
            router,
            revoked.get(target, frozenset()),
        )
        for target, router in routers.items()
    ]


def certified_values(router: Router) -> list[str]:
    """Return the classes and parents whose answers calibration allows to be automatic."""
    names: list[str] = []
    for certificates in (router.certificates_, router.parent_certificates_):
        if certificates is not None and certificates.overall.threshold is not None:
            names += [name for name, certificate in certificates.classes.items() if certificate.threshold is not None]
    return list(dict.fromkeys(names))


def _target_quality(
    answers: TargetAnswers, truths: Sequence[str], router: Router, revoked: frozenset[str]
) -> TargetQuality:
    certified = set(certified_values(router))
    overall = _class_quality("", answers, truths, bool(certified) and "" not in revoked, "" in revoked)
    classes = tuple(_class_qualities(answers, truths, certified, revoked))
    return TargetQuality(answers.target, router.precision, overall, classes)


def _class_qualities(
    answers: TargetAnswers, truths: Sequence[str], certified: set[str], revoked: frozenset[str]
) -> Iterator[ClassQuality]:
    names, counts = np.unique(answers.value[answers.value != ""].astype(str), return_counts=True)
    for name in names[np.argsort(-counts, kind="stable")].tolist():
        is_revoked = bool({"", name} & revoked)
        yield _class_quality(name, answers, truths, name in certified and not is_revoked, is_revoked)


def _class_quality(
    value: str, answers: TargetAnswers, truths: Sequence[str], certified: bool, revoked: bool
) -> ClassQuality:
    of_class = answers if not value else answers.take(np.asarray(answers.value == value, dtype=bool))
    automatic = of_class.take(of_class.automatic & of_class.settled)
    by_people = of_class.take(~of_class.automatic & of_class.settled)
    truly = answers.settled if not value else np.array([name == value for name in truths], dtype=bool)
    return ClassQuality(
        value=value,
        answers=len(of_class),
        settled=int(of_class.settled.sum()),
        automatic=LiveShare.of(int(of_class.automatic.sum()), len(of_class)),
        precision=LiveShare.of(int(automatic.right.sum()), len(automatic)),
        suggested=LiveShare.of(int(by_people.right.sum()), len(by_people)),
        recall=LiveShare.of(int((answers.right & truly).sum()), int(truly.sum())),
        certified=certified,
        revoked=revoked,
    )


def _truths(observations: Sequence[Observation], target: str) -> list[str]:
    return [observation.truth or "" for observation in observations if observation.target == target]
