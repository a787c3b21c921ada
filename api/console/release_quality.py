"""Live quality as the manager reads it: the classes with the lowest precision first, and whether promises are kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from api.monitoring.service import ReleaseQuality
from api.service import Service
from diagnosis.monitoring.quality import ClassQuality, TargetQuality

MAX_CLASSES = 8  # shown for each target

Verdict = Literal["met", "missed", "not_proven", ""]


def release_quality(service: Service) -> ReleaseQuality | None:
    """Return how the published release fares, worst classes first; None where none is published."""
    quality = service.monitoring.release_quality()
    if quality is None:
        return None
    return replace(quality, targets=[worst_first(target) for target in quality.targets if target.all.answers])


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
