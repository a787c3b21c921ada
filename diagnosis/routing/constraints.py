"""What people have decided, brought to bear on one incident's probabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from diagnosis.decisions import ExclusionRule, HumanDecisions
from diagnosis.phrases import Phrase, joined
from diagnosis.routing.labels import label_key

Floats = npt.NDArray[np.float64]


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
    values = {"rule": rule.phrase or rule.name}
    return Phrase(f"{code}_value", {**values, "value": rule.value}) if rule.value else Phrase(f"{code}_all", values)


def renormalise(probabilities: Floats, keep: npt.NDArray[np.bool_]) -> Floats:
    """Return one row of probabilities with the classes not kept at zero and the rest summing to one."""
    kept = np.where(keep, probabilities, 0.0)
    total = kept.sum()
    return kept / total if total > 0 else kept
