"""From probabilities, certificates and people's decisions to the answer for one incident, with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from diagnosis.findings import Alternative, Evidence, Prediction
from diagnosis.routing.certification import Certification
from diagnosis.routing.constraints import Constraints
from diagnosis.routing.hierarchy import Hierarchy
from diagnosis.routing.labels import label_key

Floats = npt.NDArray[np.float64]
SHOWN_CLASSES = 5


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the certified fit says of one incident.

    Attributes
    ----------
    why_not : str or None
        Why its answer may not be automatic; None if it may.
    parent : Alternative or None
        The parent that may be answered instead.
    """

    why_not: str | None
    parent: Alternative | None = None


def verdict_for(
    value: str,
    probability: float,
    certificates: Certification | None,
    parent: Alternative | None,
    parents: Certification | None,
) -> Verdict:
    """Judge the most probable class, and where it is not certified its most probable parent."""
    if certificates is None:
        return Verdict("nothing is certified: the release was not calibrated")
    why_not = certificates.why_not(value, probability)
    if why_not and parent and parents and parents.why_not(parent.value, parent.probability) is None:
        return Verdict(why_not, parent)
    return Verdict(why_not)


def best_parent(hierarchy: Hierarchy | None, probabilities: Floats) -> Alternative | None:
    """Return the most probable parent of more than one class; None if the most probable one is a class itself."""
    if hierarchy is None:
        return None
    summed = hierarchy.roll_up(probabilities[None])[0]
    best = int(summed.argmax())
    name = hierarchy.parents[best]
    return Alternative(name, float(summed[best])) if hierarchy.is_group(name) else None


def answer(
    target: str,
    classes: Sequence[str],
    probabilities: Floats,
    verdict: Verdict,
    constraints: Constraints,
    precision: float,
    evidence: tuple[Evidence, ...],
) -> Prediction:
    """Return the prediction; ``probabilities`` are those to be shown, already without what people excluded."""
    order = np.argsort(-probabilities, kind="stable")[:SHOWN_CLASSES]
    alternatives = tuple(Alternative(str(classes[i]), float(probabilities[i])) for i in order if probabilities[i] > 0)
    if constraints.decided:
        reason = f"a person has already set {target} to '{constraints.decided}': it is not moved"
        key = label_key(constraints.decided)
        known = next((float(p) for c, p in zip(classes, probabilities, strict=True) if label_key(str(c)) == key), None)
        return Prediction("abstained", constraints.decided, known, None, reason, alternatives, evidence)
    if not alternatives:
        return Prediction("abstained", None, None, None, constraints.why_removed() or "no class is left", (), evidence)
    best = alternatives[0]
    by_people = constraints.why_removed() or constraints.why_manual(best.value)
    parent = verdict.parent if verdict.why_not and not by_people else None
    if parent:
        by_people = constraints.why_manual(parent.value)
    if by_people or (verdict.why_not and not parent):
        why = by_people or verdict.why_not
        return Prediction("suggested", best.value, best.probability, None, why, alternatives, evidence)
    if not parent:
        return Prediction("automatic", best.value, best.probability, precision, None, alternatives, evidence)
    reason = f"{verdict.why_not}; answered with its parent '{parent.value}', which is certified"
    return Prediction("automatic", parent.value, parent.probability, precision, reason, alternatives, evidence)
