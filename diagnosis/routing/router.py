"""Router: one target of an incident, answered with a calibrated probability, and without a person where that is proven."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import joblib
import numpy as np
import numpy.typing as npt

from diagnosis.decisions import NO_DECISIONS, HumanDecisions
from diagnosis.errors import InputError, NotFittedError
from diagnosis.findings import Alternative, IncidentEvidence, Prediction, SimilarIncident
from diagnosis.prepared import PreparedIncidents
from diagnosis.routing.certainty import Answers, Certification, certify_classes
from diagnosis.routing.classifier import TargetClassifier
from diagnosis.routing.constraints import Constraints, constraints_for, renormalise
from diagnosis.routing.evidence import evidence_for
from diagnosis.routing.fields import fields_for
from diagnosis.routing.hierarchy import Hierarchy, hierarchy_of, learn_parents
from diagnosis.routing.labels import merge_spellings
from diagnosis.routing.scores import RoutingScores, score_routing

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.object_]
_FILE = "router.joblib"
_SHOWN_CLASSES = 5
_SHOWN_INCIDENTS = 3
_NEARLY_ALWAYS = 0.95


@dataclass
class Router:
    """Answers one target (category, assignment group, ...) of incidents.

    Parameters
    ----------
    target : str
        Column that is predicted.
    precision, risk : float
        Automatic answers are right in at least ``precision`` of all cases, with confidence ``1 - risk``.
    hierarchy : mapping of str to str, optional
        Class to parent; for the target ``subcategory`` it is learned from the category where it is not given.
    fields : sequence of str, optional
        Coded fields that may speak; by default all but the target and its descendants.
    seed : int
        Reaches every draw.

    Attributes
    ----------
    classes_ : ndarray of str
    certificates_ : Certification or None
        What calibration proved; None before it.
    """

    target: str
    precision: float = 0.95
    risk: float = 0.1
    hierarchy: Mapping[str, str] | None = None
    fields: Sequence[str] | None = None
    seed: int = 0

    @property
    def floor(self) -> float:
        """Least precision of a single class that is automatic: it may err four times as often as all together."""
        return 1 - 4 * (1 - self.precision)

    def fit(self, prepared: PreparedIncidents, y: Sequence[str]) -> Self:
        """Learn the classes; rows without a label are left out."""
        self._check()
        labels = merge_spellings(y)
        prepared, labels = _labelled(prepared, labels)
        fields = fields_for(self.target) if self.fields is None else tuple(self.fields)
        self.classifier_ = TargetClassifier(fields, seed=self.seed).fit(prepared, labels)
        self.classes_ = self.classifier_.classes_
        parents = dict(self.hierarchy or {})
        if not parents and self.target == "subcategory":
            parents = learn_parents(labels.tolist(), merge_spellings(prepared.frame["category"]).tolist())
        self.hierarchy_: Hierarchy | None = hierarchy_of(self.classes_.tolist(), parents)
        self.certificates_: Certification | None = None
        self.parent_certificates_: Certification | None = None
        seen = ~np.isnan(self.classifier_.unseen_[:, 0])
        self.tuning_ = _answers(self.classifier_.unseen_[seen], self.classes_, labels[seen])
        self.parent_tuning_ = self._parent_answers(self.classifier_.unseen_[seen], labels[seen])
        self.expected_fields_: tuple[str, ...] = ()
        return self

    def calibrate(self, prepared: PreparedIncidents, y: Sequence[str]) -> Self:
        """Prove what can be proven, from incidents that the fit never saw (later ones, where there are dates)."""
        self._must_be_fitted()
        prepared, labels = _labelled(prepared, self._known_spelling(merge_spellings(y)))
        probabilities = self.classifier_.predict_proba(prepared)
        self.certificates_ = self._certify(self.tuning_, _answers(probabilities, self.classes_, labels))
        parents = self._parent_answers(probabilities, labels)
        if parents is not None and self.parent_tuning_ is not None:
            self.parent_certificates_ = self._certify(self.parent_tuning_, parents)
        present = {name: (prepared.frame[name] != "").mean() for name in self.classifier_.fields}
        self.expected_fields_ = tuple(name for name, share in present.items() if share >= _NEARLY_ALWAYS)
        self.expects_text_ = bool(np.mean([bool(text) for text in prepared.text]) >= _NEARLY_ALWAYS)
        return self

    def predict(
        self,
        prepared: PreparedIncidents,
        decisions: Sequence[HumanDecisions] | None = None,
        similar: Sequence[Sequence[SimilarIncident]] | None = None,
    ) -> list[Prediction]:
        """Answer each incident, in order.

        Parameters
        ----------
        decisions : sequence of HumanDecisions, optional
            What people have decided that bears on each incident.
        similar : sequence of sequences of SimilarIncident, optional
            Past incidents like each incident; the nearest are shown as evidence.
        """
        self._must_be_fitted()
        if not len(prepared):
            return []
        probabilities = self.classifier_.predict_proba(prepared)
        incidents = prepared.frame.to_dict("records")
        constraints = [
            constraints_for(self.target, d, i)
            for d, i in zip(decisions or [NO_DECISIONS] * len(prepared), incidents, strict=True)
        ]
        shown = np.array(
            [renormalise(p, c.keep(self.classes_)) for p, c in zip(probabilities, constraints, strict=True)]
        )
        order = np.argsort(-shown, axis=1, kind="stable")
        rival = order[:, min(1, order.shape[1] - 1)]
        spoke = evidence_for(self.classifier_, prepared, order[:, 0], rival)
        near = similar if similar is not None else [()] * len(prepared)
        answers = []
        for row, constraint in enumerate(constraints):
            evidence = spoke[row] + tuple(
                IncidentEvidence(i.number, i.similarity) for i in near[row][:_SHOWN_INCIDENTS]
            )
            missing = self._missing(prepared, row)
            answers.append(self._answer(probabilities[row], shown[row], order[row], constraint, missing, evidence))
        return answers

    def evaluate(self, prepared: PreparedIncidents, y: Sequence[str]) -> RoutingScores:
        """Compare the answers with the truth on incidents that neither fit nor calibration saw."""
        self._must_be_fitted()
        prepared, labels = _labelled(prepared, self._known_spelling(merge_spellings(y)))
        predictions = self.predict(prepared)
        automatic = np.array([p.decision == "automatic" for p in predictions], dtype=bool)
        truth = np.array([self._or_parent(p.value, label) for p, label in zip(predictions, labels, strict=True)])
        right = np.array([p.value for p in predictions], dtype=object) == truth
        probabilities = self.classifier_.predict_proba(prepared)
        return score_routing(labels, self.classes_, probabilities, automatic, right, self.precision)

    def save(self, folder: Path) -> None:
        """Write the router into an empty folder."""
        joblib.dump(self, folder / _FILE)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a router that `save` wrote."""
        router = joblib.load(folder / _FILE)
        if not isinstance(router, cls):
            raise InputError(f"expected a {cls.__name__} in {folder / _FILE}; found {type(router).__name__}")
        return router

    def _answer(
        self,
        probability: Floats,
        shown: Floats,
        order: npt.NDArray[np.intp],
        constraint: Constraints,
        missing: str | None,
        evidence: tuple,  # type: ignore[type-arg]
    ) -> Prediction:
        alternatives = tuple(
            Alternative(str(self.classes_[i]), float(shown[i])) for i in order[:_SHOWN_CLASSES] if shown[i] > 0
        )
        best = alternatives[0] if alternatives else None
        if constraint.decided:
            reason = f"a person has set {self.target} to '{constraint.decided}'; it is not moved"
            known = {str(c): float(p) for c, p in zip(self.classes_, shown, strict=True)}.get(constraint.decided)
            return Prediction("abstained", constraint.decided, known, None, reason, alternatives, evidence)
        if best is None:
            reason = "; ".join(dict.fromkeys(constraint.removed.values()))
            return Prediction("abstained", None, None, None, reason, (), evidence)
        winner = int(order[0])
        why = self._why_not(constraint, winner, float(probability[winner]), missing)
        if why is None:
            return Prediction("automatic", best.value, best.probability, self.precision, None, alternatives, evidence)
        parent = None if (constraint.removed or constraint.manual or missing) else self._parent(probability)
        if parent is not None:
            reason = f"{why}; its parent '{parent.value}' is certified and answered instead"
            return Prediction(
                "automatic", parent.value, parent.probability, self.precision, reason, alternatives, evidence
            )
        return Prediction("suggested", best.value, best.probability, None, why, alternatives, evidence)

    def _why_not(self, constraint: Constraints, winner: int, probability: float, missing: str | None) -> str | None:
        value = str(self.classes_[winner])
        if constraint.removed:
            return "; ".join(dict.fromkeys(constraint.removed.values()))
        manual = constraint.why_manual(value)
        if manual or missing:
            return manual or missing
        if self.certificates_ is None:
            return "not calibrated: nothing is certified"
        return self.certificates_.why_not(value, probability)

    def _parent(self, probability: Floats) -> Alternative | None:
        if self.hierarchy_ is None or self.parent_certificates_ is None:
            return None
        rolled = self.hierarchy_.roll_up(probability[None])[0]
        best = int(rolled.argmax())
        name = self.hierarchy_.parents[best]
        if not self.hierarchy_.is_group(name) or self.parent_certificates_.why_not(name, float(rolled[best])):
            return None
        return Alternative(name, float(rolled[best]))

    def _missing(self, prepared: PreparedIncidents, row: int) -> str | None:
        absent = [name for name in self.expected_fields_ if prepared.frame[name].iloc[row] == ""]
        if self.certificates_ is not None and self.expects_text_ and not prepared.text[row]:
            absent = ["text", *absent]
        return f"{', '.join(absent)} missing, which calibration incidents nearly always had" if absent else None

    def _certify(self, tuning: Answers, calibration: Answers) -> Certification:
        return certify_classes(tuning, calibration, precision=self.precision, risk=self.risk, floor=self.floor)

    def _parent_answers(self, probabilities: Floats, labels: Labels) -> Answers | None:
        if self.hierarchy_ is None:
            return None
        parents = np.array(self.hierarchy_.parents, dtype=object)
        truth = np.array([self._or_parent(None, label) for label in labels], dtype=object)
        return _answers(self.hierarchy_.roll_up(probabilities), parents, truth)

    def _or_parent(self, answered: str | None, label: str) -> str:
        """Return a true label as its parent, where the parent was answered (or nothing is given)."""
        if (
            self.hierarchy_ is None
            or label not in self.classes_
            or (answered is not None and answered in self.classes_)
        ):
            return label
        return self.hierarchy_.parents[self.hierarchy_.parent_of[int(np.flatnonzero(self.classes_ == label)[0])]]

    def _known_spelling(self, labels: Labels) -> Labels:
        """Return labels in the spelling of the fit."""
        both = merge_spellings([*self.classes_] * (len(labels) + 1) + labels.tolist())
        return both[-len(labels) :] if len(labels) else labels

    def _must_be_fitted(self) -> None:
        if not hasattr(self, "classifier_"):
            raise NotFittedError(f"the router of '{self.target}' must be fitted first")

    def _check(self) -> None:
        if not 0 < self.precision < 1 or not 0 < self.risk < 1:
            raise InputError(
                f"expected precision and risk between 0 and 1; found precision {self.precision}, risk {self.risk}"
            )


def _labelled(prepared: PreparedIncidents, labels: Labels) -> tuple[PreparedIncidents, Labels]:
    if len(prepared) != len(labels):
        raise InputError(f"expected as many labels as incidents; found {len(labels)} and {len(prepared)}")
    rows = np.flatnonzero(labels != "")
    return (prepared, labels) if len(rows) == len(labels) else (prepared.take(rows), labels[rows])


def _answers(probabilities: Floats, classes: Labels, truth: Labels) -> Answers:
    best = probabilities.argmax(axis=1)
    value = classes[best]
    return Answers(value, probabilities[np.arange(len(truth)), best], value == truth)
