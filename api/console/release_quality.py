"""How the release in service fares, for the manager: the figures of `GET /v1/quality`, worst first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from api.console.records import published_diagnoser
from api.service import Service
from diagnosis.monitoring.quality import ClassQuality, TargetQuality, live_quality
from diagnosis.monitoring.report import revoked_values
from diagnosis.store.revocations import Revocation

MAX_CLASSES = 8  # shown for each target

Verdict = Literal["met", "missed", "not_proven", ""]


@dataclass(frozen=True, slots=True)
class ReleaseQuality:
    """Live precision and coverage of a release, and its certificates that were revoked, newest first."""

    release: str
    targets: Sequence[TargetQuality]
    revocations: Sequence[Revocation]


def release_quality(service: Service) -> ReleaseQuality | None:
    """Return how the release in service fares; None where none is published."""
    diagnoser = published_diagnoser(service)
    if diagnoser is None:
        return None
    answers = service.store.observations.rows(diagnoser.release)
    revoked = service.store.revocations.of(diagnoser.release)
    qualities = live_quality(answers, diagnoser.parts.routers, revoked_values(revoked))
    targets = [worst_first(quality) for quality in qualities if quality.all.answers]
    return ReleaseQuality(diagnoser.release, targets, revoked[::-1])


def worst_first(quality: TargetQuality) -> TargetQuality:
    """Return a target with the classes of which automatic answers are known to be right or wrong, worst first.

    The worst is the one whose precision is most surely low: one error in one answer says less than ten in twenty.
    """
    with_outcome = [row for row in quality.classes if row.precision.n]
    return replace(quality, classes=tuple(sorted(with_outcome, key=_upper_end)[:MAX_CLASSES]))


def verdict(quality: TargetQuality) -> Verdict:
    """Tell whether live precision keeps what the certificate promised, as far as its interval proves it."""
    if quality.all.precision.share is None:
        return ""
    if quality.all.precision.upper < quality.promised:
        return "missed"
    return "met" if quality.all.precision.lower >= quality.promised else "not_proven"


def _upper_end(quality: ClassQuality) -> float:
    return quality.precision.upper
