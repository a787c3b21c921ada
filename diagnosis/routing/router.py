"""Router: one target of an incident, answered with a probability, and without a person where that is proven."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from diagnosis.arrays import Floats, Labels, Rows
from diagnosis.decisions import NO_DECISIONS, HumanDecisions
from diagnosis.errors import InputError, NotFittedError
from diagnosis.findings import IncidentEvidence, Prediction, SimilarIncident
from diagnosis.phrases import Phrase
from diagnosis.prepared import PreparedIncidents
from diagnosis.routing.calibration import PowerLink
from diagnosis.routing.certification import (
    Certificate,
    Certification,
    ScoredPredictions,
    certify_classes,
    certify_parents,
)
from diagnosis.routing.classifier import TargetClassifier
from diagnosis.routing.decision import (
    Expectations,
    RoutingDecision,
    answer,
    best_parent,
    constraints_for,
    decide_for,
    renormalise,
)
from diagnosis.routing.evidence import evidence_for
from diagnosis.routing.features import DEFAULT_WEIGHTS, FeatureWeights, IncidentFeatures
from diagnosis.routing.fields import FieldFeatures, fields_for
from diagnosis.routing.labels import (
    Hierarchy,
    hierarchy_of,
    known_spelling,
    learn_parents,
    merge_spellings,
    retired_classes,
)
from diagnosis.routing.meaning import Meaning
from diagnosis.routing.ridge import Strength
from diagnosis.routing.scores import RoutingScores, score_routing
from diagnosis.routing.selection import ModelChoice
from diagnosis.routing.storage import read_object, write_object
from diagnosis.routing.terms import TermFeatures
from diagnosis.routing.topics import Topics
from diagnosis.routing.vocabulary import Vocabulary
from diagnosis.routing.word_vectors import WordEncoder, WordVectors

_SHOWN_INCIDENTS = 3


@dataclass
class Router:
    """ScoredPredictions one target (category, assignment group, ...) of incidents.

    What is automatic is decided by the certified fit alone, which never saw the calibration rows. After
    `fit_and_calibrate` a second set of weights, learned from all rows, gives the suggestions; it decides nothing.

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
    weights : FeatureWeights
        What each kind of feature brings.

    Attributes
    ----------
    classes_ : ndarray of str
    certificates_, parent_certificates_ : Certification or None
        What calibration proved of the classes, and of their parents; None before it.
    retired_ : frozenset of str
        Classes that are no longer given (`retired_classes`): not suggested, and never automatic.
    """

    target: str
    precision: float = 0.95
    risk: float = 0.1
    hierarchy: Mapping[str, str] | None = None
    fields: Sequence[str] | None = None
    seed: int = 0
    weights: FeatureWeights = DEFAULT_WEIGHTS

    @property
    def floor(self) -> float:
        """Least precision of a single class that is automatic: it may err four times as often as all together."""
        return max(1 - 4 * (1 - self.precision), 0.0)

    def fit(self, prepared: PreparedIncidents, y: Sequence[str], encode_words: WordEncoder | None = None) -> Self:
        """Learn the classes; rows without a label are left out.

        Parameters
        ----------
        encode_words : callable, optional
            A general model, asked for the words of these incidents: it is not needed afterwards.

        Raises
        ------
        InputError
            If ``precision`` or ``risk`` is not between 0 and 1, lengths differ or no row has a label.
        """
        if not 0 < self.precision < 1 or not 0 < self.risk < 1:
            raise InputError(
                f"expected precision and risk between 0 and 1; found precision {self.precision}, risk {self.risk}"
            )
        prepared, labels = _labelled(prepared, merge_spellings(y))
        fields = fields_for(self.target) if self.fields is None else tuple(self.fields)
        self.classifier_ = TargetClassifier(fields, self.seed, self.weights).fit(prepared, labels, encode_words)
        self.suggester_ = self.classifier_
        parents = dict(self.hierarchy or {})
        if not parents and self.target == "subcategory":
            parents = learn_parents(labels.tolist(), merge_spellings(prepared.frame["category"]).tolist())
        self.hierarchy_: Hierarchy | None = hierarchy_of(self.classifier_.classes_.tolist(), parents)
        held_out = ~np.isnan(self.classifier_.unseen_[:, 0])
        self.tuning_ = self._both_answers(self.classifier_.unseen_[held_out], labels[held_out])
        del self.classifier_.unseen_
        self.certificates_: Certification | None = None
        self.parent_certificates_: Certification | None = None
        self.expectations_ = Expectations()
        self.retired_: frozenset[str] = frozenset()
        return self

    def calibrate(self, prepared: PreparedIncidents, y: Sequence[str]) -> Self:
        """Prove what can be proven, from incidents that the fit never saw (later ones, where there are dates)."""
        self._must_be_fitted()
        prepared, labels = _labelled(prepared, known_spelling(y, self.classes_.tolist()))
        self.expectations_ = Expectations.of(prepared, self.classifier_.fields)
        # What lacks something is never automatic, so that it does not speak of what is.
        rows = np.flatnonzero([self.expectations_.missing(prepared, row) is None for row in range(len(prepared))])
        answers, parents = self._both_answers(self.classifier_.predict_proba(prepared.take(rows)), labels[rows])
        promise: dict[str, float] = {"precision": self.precision, "risk": self.risk, "floor": self.floor}
        self.certificates_ = certify_classes(self.tuning_[0], answers, **promise)
        tuned, tuned_parents = self.tuning_
        if parents is not None and tuned_parents is not None:
            tuning, calibration = self._of_groups(tuned, tuned_parents), self._of_groups(answers, parents)
            self.parent_certificates_ = certify_parents(self.certificates_, tuning, calibration, **promise)
        return self

    def fit_and_calibrate(
        self,
        prepared: PreparedIncidents,
        y: Sequence[str],
        learn: Rows,
        calibrate: Rows,
        encode_words: WordEncoder | None = None,
    ) -> Self:
        """Fit on some rows, calibrate on others, and learn the weights of the suggestions from both.

        Certificates hold for the first fit, which still decides alone what is automatic; nothing is wasted for the
        rest. Recommended over `fit` and `calibrate` by hand.
        """
        labels = merge_spellings(y)
        self.fit(prepared.take(learn), labels[learn].tolist(), encode_words)
        self.calibrate(prepared.take(calibrate), labels[calibrate].tolist())
        rows = np.append(learn, calibrate)
        opened = pd.to_datetime(prepared.frame["opened_at"].iloc[rows], utc=True)
        self.retired_ = retired_classes(labels[rows], opened)
        rows = rows[[label not in self.retired_ for label in labels[rows]]]
        new = np.isin(rows, calibrate)
        labelled, labels_of_rows = _labelled(prepared.take(rows), labels[rows])
        self.suggester_ = self.classifier_.refit(labelled, labels_of_rows, new[labels[rows] != ""], encode_words)
        return self

    @property
    def classes_(self) -> Labels:
        """Classes that may be answered, shape (n_classes,)."""
        self._must_be_fitted()
        return self.suggester_.classes_

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
        rows = self.suggester_.features_.rows(prepared)
        scores = self.suggester_.scores(rows)
        judgements, probabilities = self._judge(prepared, self.suggester_.probabilities(rows, scores))
        incidents = _records(prepared) if any(d.rules for d in decisions or ()) else [{}] * len(prepared)
        people = decisions if decisions is not None else [NO_DECISIONS] * len(prepared)
        near = similar if similar is not None else [()] * len(prepared)
        answers, classes = [], self.classes_.tolist()
        for row, (allowed, human, incident) in enumerate(zip(judgements, people, incidents, strict=True)):
            constraints = constraints_for(self.target, human, incident)
            chances = renormalise(probabilities[row], constraints.keep(classes))
            first, second = (*np.argsort(-chances, kind="stable")[:2], 0)[:2]
            evidence = (
                *evidence_for(self.suggester_, prepared, rows, row, (int(first), int(second)), scores[row]),
                *(IncidentEvidence(i.number, i.similarity) for i in near[row][:_SHOWN_INCIDENTS]),
            )
            answers.append(answer(self.target, classes, chances, allowed, constraints, self.precision, evidence))
        return answers

    def predict_proba(self, prepared: PreparedIncidents) -> Floats:
        """Return the calibrated probabilities that are shown, shape (n, n_classes)."""
        return self._judge_all(prepared)[1]

    def decide(self, prepared: PreparedIncidents) -> tuple[list[str | None], Floats]:
        """Return what would be done without a person, and the probabilities that are shown, without the evidence.

        Returns
        -------
        (list, ndarray of shape (n, n_classes))
            For each incident the class or the parent that would be automatic, None where a person decides.
        """
        judgements, probabilities = self._judge_all(prepared)
        best = self.classes_[probabilities.argmax(axis=1)] if len(prepared) else ()
        automatic_values = [
            str(value) if allowed.why_not is None else allowed.parent.value if allowed.parent is not None else None
            for allowed, value in zip(judgements, best, strict=True)
        ]
        return automatic_values, probabilities

    def evaluate(self, prepared: PreparedIncidents, y: Sequence[str]) -> RoutingScores:
        """Compare the answers with the truth on incidents that neither fit nor calibration saw."""
        self._must_be_fitted()
        prepared, labels = _labelled(prepared, known_spelling(y, self.classes_.tolist()))
        judgements, probabilities = self._judge_all(prepared)
        automatic = np.array([v.why_not is None or v.parent is not None for v in judgements], dtype=bool)
        best = self.classes_[probabilities.argmax(axis=1)]
        right = [
            b == label if v.why_not is None else v.parent is not None and v.parent.value == self._parent_of(label)
            for v, b, label in zip(judgements, best, labels, strict=True)
        ]
        return score_routing(labels, self.classes_, probabilities, automatic, np.array(right, bool), self.precision)

    def score(self, prepared: PreparedIncidents, y: Sequence[str]) -> float:
        """Return the share of labelled incidents whose most probable class is right, as scikit-learn's classifiers."""
        return self.evaluate(prepared, y).accuracy

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: ARG002, FBT - scikit-learn's signature
        """Return the parameters by name; no part of a router is an estimator of its own."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def set_params(self, **parameters: Any) -> Self:  # noqa: ANN401 - of any parameter
        """Set parameters by name.

        Raises
        ------
        InputError
            If one has no such name.
        """
        unknown = sorted(parameters.keys() - self.get_params().keys())
        if unknown:
            raise InputError(f"expected parameters of {', '.join(self.get_params())}; found {', '.join(unknown)}")
        for name, value in parameters.items():
            setattr(self, name, value)
        return self

    def save(self, folder: Path) -> None:
        """Write the router into an empty folder."""
        write_object(self, folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a router that `save` wrote; weights stay on disk and are shared by the processes that read them.

        Raises
        ------
        InputError
            If the folder holds another kind of object.
        """
        router = read_object(folder, {**_SAVED, cls.__name__: cls})
        if not isinstance(router, cls):
            raise InputError(f"expected a {cls.__name__} in {folder}; found {type(router).__name__}")
        return router

    def _judge_all(self, prepared: PreparedIncidents) -> tuple[list[RoutingDecision], Floats]:
        self._must_be_fitted()
        return self._judge(prepared, self.suggester_.predict_proba(prepared))

    def _judge(self, prepared: PreparedIncidents, shown: Floats) -> tuple[list[RoutingDecision], Floats]:
        """Return what the certified fit allows, and the probabilities to be shown: its own where it decides.

        ``shown`` are the suggester's; they are changed in place.
        """
        same = self.suggester_ is self.classifier_
        certified = shown if same else self.classifier_.predict_proba(prepared)
        judgements = []
        for row, probabilities in enumerate(certified):
            best = int(probabilities.argmax())
            missing = self.expectations_.missing(prepared, row)
            if missing:
                judgements.append(RoutingDecision(missing))
                continue
            parent = best_parent(self.hierarchy_, probabilities)
            value, top = str(self.classifier_.classes_[best]), float(probabilities[best])
            if value in self.retired_:
                judgements.append(RoutingDecision(Phrase("value_retired", {"value": value})))
                continue
            judgements.append(decide_for(value, top, self.certificates_, parent, self.parent_certificates_))
            if judgements[-1].why_not is None and not same:
                shown[row] = self._as_shown(probabilities)
        return judgements, shown

    def _as_shown(self, certified: Floats) -> Floats:
        """Return one row of the certified fit's probabilities by the classes that may be answered."""
        probability_of = dict(zip(self.classifier_.classes_, certified.tolist(), strict=True))
        chances: Floats = np.array([probability_of.get(name, 0.0) for name in self.classes_])
        chances /= chances.sum()
        return chances

    def _both_answers(
        self, probabilities: Floats, labels: Labels
    ) -> tuple[ScoredPredictions, ScoredPredictions | None]:
        """Return the most probable classes and parents with their probabilities, and whether they are right."""
        classes = _answers(probabilities, self.classifier_.classes_, labels)
        if self.hierarchy_ is None:
            return classes, None
        truth = np.array([self._parent_of(label) for label in labels], dtype=object)
        names = np.array(self.hierarchy_.parents, dtype=object)
        return classes, _answers(self.hierarchy_.roll_up(probabilities), names, truth)

    def _of_groups(
        self, children: ScoredPredictions, parents: ScoredPredictions
    ) -> tuple[ScoredPredictions, ScoredPredictions]:
        """Return the answers whose parent has more than one class: any other is a class, and not answered again."""
        hierarchy = self.hierarchy_
        groups = [name for name in hierarchy.parents if hierarchy.is_group(name)] if hierarchy else []
        rows = np.isin(parents.value.astype(str), groups)
        return children.of(rows), parents.of(rows)

    def _parent_of(self, label: str) -> str:
        return label if self.hierarchy_ is None else self.hierarchy_.parent(label)

    def _must_be_fitted(self) -> None:
        if not hasattr(self, "classifier_"):
            raise NotFittedError(f"the router of '{self.target}' must be fitted first")


_SAVED: Mapping[str, type] = {
    part.__name__: part
    for part in (
        TargetClassifier,
        ModelChoice,
        Strength,
        PowerLink,
        IncidentFeatures,
        FeatureWeights,
        TermFeatures,
        Vocabulary,
        FieldFeatures,
        Topics,
        Meaning,
        WordVectors,
        Hierarchy,
        Expectations,
        Certification,
        Certificate,
        ScoredPredictions,
    )
}


def _records(prepared: PreparedIncidents) -> list[dict[str, Any]]:
    return [{str(k): v for k, v in row.items()} for row in prepared.frame.to_dict("records")]


def _labelled(prepared: PreparedIncidents, labels: Labels) -> tuple[PreparedIncidents, Labels]:
    if len(prepared) != len(labels):
        raise InputError(f"expected as many labels as incidents; found {len(labels)} labels, {len(prepared)} incidents")
    rows = np.flatnonzero(labels != "")
    return (prepared, labels) if len(rows) == len(labels) else (prepared.take(rows), labels[rows])


def _answers(probabilities: Floats, classes: Labels, truth: Labels) -> ScoredPredictions:
    best = probabilities.argmax(axis=1) if len(truth) else np.zeros(0, dtype=np.intp)
    value = classes[best]
    return ScoredPredictions(value, probabilities[np.arange(len(truth)), best], np.asarray(value == truth, dtype=bool))
