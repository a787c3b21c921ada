"""From probabilities, certificates and people's decisions to the answer for one incident, with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from diagnosis.findings import Alternative, Evidence, Prediction
from diagnosis.phrases import Phrase
from diagnosis.routing.certification import Certification
from diagnosis.routing.constraints import Constraints
from diagnosis.routing.hierarchy import Hierarchy
from diagnosis.routing.labels import label_key

Floats = npt.NDArray[np.float64]
SHOWN_CLASSES = 5


@dataclass(frozen=True, slots=True)
class RoutingDecision:
    """What the certified fit allows for one incident.

    Attributes
    ----------
    why_not : Phrase or None
        Why its answer may not be automatic; None if it may.
    parent : Alternative or None
        The parent that may be answered instead.
    """

    why_not: Phrase | None
    parent: Alternative | None = None


def decide_for(
    value: str,
    probability: float,
    certificates: Certification | None,
    parent: Alternative | None,
    parents: Certification | None,
) -> RoutingDecision:
    """Judge the most probable class, and where it is not certified its most probable parent."""
    if certificates is None:
        return RoutingDecision(Phrase("not_calibrated"))
    why_not = certificates.why_not(value, probability)
    if why_not and parent and parents and parents.why_not(parent.value, parent.probability) is None:
        return RoutingDecision(why_not, parent)
    return RoutingDecision(why_not)


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
    decision: RoutingDecision,
    constraints: Constraints,
    precision: float,
    evidence: tuple[Evidence, ...],
) -> Prediction:
    """Return the prediction; ``probabilities`` are those to be shown, already without what people excluded."""
    order = np.argsort(-probabilities, kind="stable")[:SHOWN_CLASSES]
    alternatives = tuple(Alternative(str(classes[i]), float(probabilities[i])) for i in order if probabilities[i] > 0)
    blank = Prediction("abstained", None, None, None, None, alternatives, evidence)
    if constraints.decided:
        probability = _probability_of(constraints.decided, classes, probabilities)
        reason = Phrase("already_decided", {"field": target, "value": constraints.decided})
        return replace(blank, value=constraints.decided, probability=probability).because(reason)
    if not alternatives:
        return blank.because(constraints.why_removed() or Phrase("no_class_left"))
    best = alternatives[0]
    by_people = constraints.why_removed() or constraints.why_manual(best.value)
    parent = decision.parent if decision.why_not and not by_people else None
    if parent:
        by_people = constraints.why_manual(parent.value)
    why = by_people or (None if parent else decision.why_not)
    if why:
        return replace(blank, decision="suggested", value=best.value, probability=best.probability).because(why)
    shown = parent or best
    automatic = replace(
        blank, decision="automatic", value=shown.value, probability=shown.probability, certified_precision=precision
    )
    if not parent:
        return automatic
    return automatic.because(Phrase("answered_with_parent", {"reason": decision.why_not, "value": parent.value}))


def _probability_of(label: str, classes: Sequence[str], probabilities: Floats) -> float | None:
    key = label_key(label)
    places = (place for place, name in enumerate(classes) if label_key(str(name)) == key)
    place = next(places, None)
    return None if place is None else float(probabilities[place])
