"""TargetClassifier: calibrated probabilities of the classes of one target, from text, fields and vectors.

A linear support vector machine over everything side by side; a temperature turns its decision values to probabilities.
See ``docs/decisions/classifier.md`` for what it was measured against.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.special import softmax
from sklearn.model_selection import GroupKFold
from sklearn.svm import LinearSVC

from diagnosis.errors import InputError, NotFittedError
from diagnosis.prepared import PreparedIncidents
from diagnosis.routing.calibration import fit_temperature
from diagnosis.routing.features import IncidentFeatures, equal_text_groups

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.object_]


@dataclass
class TargetClassifier:
    """Probabilities of the classes of one target.

    Parameters
    ----------
    fields : sequence of str
        Coded fields that may speak.
    C : float
        Inverse strength of the regularisation.
    folds : int
        Parts of the cross-fitting from which the temperature is learned.
    seed : int
        Reaches every draw.

    Attributes
    ----------
    classes_ : ndarray of str, shape (n_classes,)
    temperature_ : float
    unseen_ : ndarray, shape (n, n_classes)
        Probabilities of the rows of the fit, each by a fit that did not see it nor a text equal to its own.
    """

    fields: Sequence[str] = ()
    C: float = 0.5
    folds: int = 3
    seed: int = 0

    def fit(self, prepared: PreparedIncidents, y: Labels) -> Self:
        """Learn features, weights and temperature."""
        if len(prepared) != len(y):
            raise InputError(f"expected as many labels as incidents; found {len(y)} labels, {len(prepared)} incidents")
        if not len(y):
            raise InputError("expected at least one labelled incident; found none")
        self.classes_, codes = np.unique(y.astype(str), return_inverse=True)
        self.classes_ = self.classes_.astype(object)
        self.features_ = IncidentFeatures(self.fields).fit(prepared)
        matrix = self.features_.transform(prepared)
        scores, seen = self._unseen_scores(matrix, codes, equal_text_groups(prepared))
        self.temperature_ = fit_temperature(scores[seen], codes[seen]) if seen.any() else 1.0
        self.unseen_ = np.where(seen[:, None], softmax(scores / self.temperature_, axis=1), np.nan)
        self.weights_, self.intercept_ = self._solve(matrix, codes)
        return self

    def calibrate(self, prepared: PreparedIncidents, y: Labels) -> Self:
        """Learn the temperature anew, from incidents that the fit never saw."""
        codes = self._codes(y)
        known = codes >= 0
        if known.any() and len(self.classes_) > 1:
            self.temperature_ = fit_temperature(self.decision_function(prepared)[known], codes[known])
        return self

    def decision_function(self, prepared: PreparedIncidents) -> Floats:
        """Return the decision values, shape (n, n_classes)."""
        if not hasattr(self, "weights_"):
            raise NotFittedError("TargetClassifier must be fitted before it predicts or is calibrated")
        return np.asarray(self.features_.transform(prepared) @ self.weights_ + self.intercept_, dtype=np.float64)

    def predict_proba(self, prepared: PreparedIncidents) -> Floats:
        """Return calibrated probabilities, shape (n, n_classes); rows sum to one."""
        return np.asarray(softmax(self.decision_function(prepared) / self.temperature_, axis=1))

    def _codes(self, y: Labels) -> npt.NDArray[np.intp]:
        column = {name: i for i, name in enumerate(self.classes_)}
        return np.array([column.get(name, -1) for name in y], dtype=np.intp)

    def _unseen_scores(
        self, matrix: sp.csr_matrix, codes: npt.NDArray[np.intp], groups: npt.NDArray[np.intp]
    ) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """Return decision values by cross-fitting, and which rows have them (their class was known to their fit)."""
        scores = np.zeros((len(codes), len(self.classes_)))
        seen = np.zeros(len(codes), dtype=bool)
        folds = min(self.folds, len(np.unique(groups)))
        if folds < 2 or len(self.classes_) < 2:
            return scores, seen
        splits = GroupKFold(folds, shuffle=True, random_state=self.seed).split(matrix, groups=groups)
        for fit_rows, held_rows in splits:
            weights, intercept = self._solve(matrix[fit_rows], codes[fit_rows])
            scores[held_rows] = matrix[held_rows] @ weights + intercept
            seen[held_rows] = np.isin(codes[held_rows], codes[fit_rows])
        return scores, seen

    def _solve(self, matrix: sp.csr_matrix, codes: npt.NDArray[np.intp]) -> tuple[npt.NDArray[np.float32], Floats]:
        """Return weights (n_features, n_classes) and intercepts; a class without a row is never predicted."""
        present = np.unique(codes)
        weights = np.zeros((matrix.shape[1], len(self.classes_)), dtype=np.float32)
        intercept = np.full(len(self.classes_), -2.0)
        if len(present) == 1:
            intercept[present] = 2.0
            return weights, intercept
        machine = LinearSVC(C=self.C, tol=1e-2, random_state=self.seed).fit(matrix, codes)
        coefficients, offsets = machine.coef_, machine.intercept_
        if len(present) == 2:
            coefficients, offsets = np.vstack([-coefficients, coefficients]), np.append(-offsets, offsets)
        weights[:, present] = coefficients.T
        intercept[present] = offsets
        return weights, intercept
