"""How the release in service fares, for the manager: the figures of `GET /v1/quality`, worst first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from api.errors import NothingPublishedError
from api.service import Service
from diagnosis.monitoring.quality import ClassQuality, TargetQuality, live_quality
from diagnosis.monitoring.report import revoked_values
from diagnosis.store.revocations import Revocation

CLASSES = 8  # of each target that are shown

Verdict = Literal["met", "missed", "not_proven", ""]


@dataclass(frozen=True, slots=True)
class ReleaseQuality:
    """Live precision and coverage for what a release has answered, and what live data took back, newest first."""

    release: str
    targets: Sequence[TargetQuality]
    revocations: Sequence[Revocation]


def release_quality(service: Service) -> ReleaseQuality | None:
    """Return how the release in service fares; None where none is published."""
    try:
        diagnoser = service.serving.current.diagnoser
    except NothingPublishedError:
        return None
    seen = service.store.observations.rows(diagnoser.release)
    revoked = service.store.revocations.of(diagnoser.release)
    found = live_quality(seen, diagnoser.parts.routers, revoked_values(revoked))
    return ReleaseQuality(diagnoser.release, [worst_first(one) for one in found if one.all.answers], revoked[::-1])


def worst_first(one: TargetQuality) -> TargetQuality:
    """Return a target with the classes of which automatic answers are known to be right or wrong, worst first.

    The worst is the one whose precision is most surely low: one error in one answer says less than ten in twenty.
    """
    told = [each for each in one.classes if each.precision.n]
    return replace(one, classes=tuple(sorted(told, key=_at_best)[:CLASSES]))


def verdict(one: TargetQuality) -> Verdict:
    """Tell whether live precision keeps what the certificate promised, as far as its interval proves it."""
    if one.all.precision.share is None:
        return ""
    if one.all.precision.upper < one.promised:
        return "missed"
    return "met" if one.all.precision.lower >= one.promised else "not_proven"


def _at_best(one: ClassQuality) -> float:
    return one.precision.upper
