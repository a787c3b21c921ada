"""From probabilities, certificates and people's decisions to the prediction for one incident, with its reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from diagnosis.arrays import Floats
from diagnosis.decisions import ExclusionRule, HumanDecisions
from diagnosis.findings import Alternative, Evidence, Prediction
from diagnosis.phrases import Phrase, joined
from diagnosis.prepared import PreparedIncidents
from diagnosis.routing.certification import Certification
from diagnosis.routing.labels import Hierarchy, label_key

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


@dataclass(frozen=True, slots=True)
class Constraints:
    """What may not be answered for one incident and target, and what may not be automatic, each with its reason.

    Attributes
    ----------
    removed : mapping of str to Phrase
        Key of a value (`label_key`) to why it may not be predicted.
    manual : tuple of (str, Phrase)
        Key of a value, ``""`` for every value, and why it may not be automatic.
    decided : str
        The value that a person has given already, ``""`` if none has.
    """

    removed: Mapping[str, Phrase]
    manual: tuple[tuple[str, Phrase], ...]
    decided: str = ""

    def keep(self, classes: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Tell which classes may be predicted."""
        if not self.removed:
            return np.ones(len(classes), dtype=bool)
        return np.array(
            [label_key(name) not in self.removed and "" not in self.removed for name in classes], dtype=bool
        )

    def why_removed(self) -> Phrase | None:
        """Return why something was taken out of the answer, None if nothing was."""
        reasons = list(self.removed.values())
        return joined([reason for place, reason in enumerate(reasons) if reason not in reasons[:place]])

    def why_manual(self, value: str) -> Phrase | None:
        """Return why a value may not be automatic, None if nothing forbids it."""
        return next((reason for key, reason in self.manual if key in ("", label_key(value))), None)


def constraints_for(target: str, decisions: HumanDecisions, incident: Mapping[str, object]) -> Constraints:
    """Return what people's decisions mean for one target of one incident."""
    reverted = decisions.reverted.get(target, ())
    removed = {label_key(value): Phrase("value_reverted", {"value": value}) for value in reverted}
    manual: list[tuple[str, Phrase]] = []
    for rule in decisions.rules:
        if not rule.matches(target, incident):
            continue
        if rule.action == "never_predict":
            removed.setdefault(label_key(rule.value), _of_rule("rule_excludes", rule))
        else:
            manual.append((label_key(rule.value), _of_rule("rule_leaves", rule)))
    return Constraints(removed, tuple(manual), decisions.decided.get(target, ""))


def _of_rule(code: str, rule: ExclusionRule) -> Phrase:
    if rule.phrase is not None:  # nobody wrote it: it says for itself why it is there
        return rule.phrase
    values = {"rule": rule.name}
    return Phrase(f"{code}_value", {**values, "value": rule.value}) if rule.value else Phrase(f"{code}_all", values)


def renormalise(probabilities: Floats, keep: npt.NDArray[np.bool_]) -> Floats:
    """Return one row of probabilities with the classes not kept at zero and the rest summing to one."""
    remaining = np.where(keep, probabilities, 0.0)
    total = remaining.sum()
    return remaining / total if total > 0 else remaining


NEARLY_ALWAYS = 0.95


@dataclass(frozen=True, slots=True)
class Expectations:
    """Fields, and perhaps a text and its general vector, that at least 95 % of the calibration incidents had."""

    fields: tuple[str, ...] = ()
    text: bool = False
    vector: bool = False

    @classmethod
    def of(cls, prepared: PreparedIncidents, fields: Sequence[str]) -> Self:
        """Learn them from calibration incidents."""
        if not len(prepared):
            return cls()
        usual = tuple(name for name in fields if (prepared.frame[name] != "").mean() >= NEARLY_ALWAYS)
        has_text = np.array([bool(text.strip()) for text in prepared.text])
        return cls(usual, bool(has_text.mean() >= NEARLY_ALWAYS), prepared.general.shape[1] > 0)

    def missing(self, prepared: PreparedIncidents, row: int) -> Phrase | None:
        """Return what one incident lacks, as a reason; None if nothing."""
        absent = ["text"] if self.text and not prepared.text[row].strip() else []
        absent += ["the general encoder's vector"] if self.vector and not prepared.general.shape[1] else []
        absent += [name for name in self.fields if prepared.column(name)[row] == ""]
        if not absent:
            return None
        return Phrase("lacks_expected_fields", {"fields": tuple(absent)})
