"""The promotion gate: nothing worse than the release in service reaches the agents."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from diagnosis.releases import Releases
from training.scorecard import SCORECARD

# What may be lost before a release counts as worse: about the noise of a slice of a thousand incidents.
MARGIN = 0.02
WORST_CALIBRATION = 0.08


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the gate's table: a figure of the candidate, what was required of it, and whether it held."""

    name: str
    candidate: float
    required: float
    passed: bool


def judge(releases: Releases, candidate: str) -> list[Check]:
    """Hold a release against the one in service, each measured on later incidents that it had not seen.

    The first release to be published is only asked to be calibrated. A release without a scorecard has no checks.
    """
    new = _scorecard(releases, candidate)
    published = releases.published()
    old = _scorecard(releases, published) if published else {}
    checks = []
    for target, scores in new.get("routing", {}).items():
        error = scores["calibration_error"]
        checks.append(Check(f"{target}: calibration error", error, WORST_CALIBRATION, error <= WORST_CALIBRATION))
        before = old.get("routing", {}).get(target)
        for figure in ("accuracy", "macro_f1") if before else ():
            least = before[figure] - MARGIN
            checks.append(Check(f"{target}: {figure}", scores[figure], least, scores[figure] >= least))
    before, after = old.get("search"), new.get("search")
    if before and after:
        least = before["recall_at_10"] - MARGIN
        checks.append(Check("search: recall at 10", after["recall_at_10"], least, after["recall_at_10"] >= least))
    return checks


def table(checks: list[Check]) -> str:
    """Return the checks as lines for a person."""
    return "\n".join(
        f"  {'held   ' if c.passed else 'REFUSED'}  {c.name}: {c.candidate:.3f}, required {c.required:.3f}"
        for c in checks
    )


def _scorecard(releases: Releases, release: str) -> dict[str, Any]:
    path = releases.path(release) / SCORECARD
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return found
