"""What an incident counts for its age: groups, their names and their duties change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from diagnosis.errors import InputError, NotFittedError
from diagnosis.prepared import PreparedIncidents
from diagnosis.routing.calibration import fit_link
from diagnosis.routing.features import DEFAULT_WEIGHTS, FeatureWeights, IncidentFeatures, equal_text_groups
from diagnosis.routing.matrix import FeatureMatrix, FeatureRows, Mapped
from diagnosis.routing.ridge import Strength, fit_ridge, held_rows

HALF_LIFE = 0.5  # in spans of the history: the oldest incident counts a quarter of the newest
_MIDDLE = 0.5


def recency(prepared: PreparedIncidents) -> npt.NDArray[np.float32] | None:
    """Return what each incident counts in a fit, shape (n,), one on average; None if most have no time.

    An incident without a time counts as one from the middle of the history.
    """
    opened = pd.to_datetime(prepared.frame["opened_at"], utc=True)
    dated = opened.notna().to_numpy()
    if 2 * dated.sum() < len(opened) or opened.nunique() < 2:
        return None
    age = np.where(dated, (opened.max() - opened) / (opened.max() - opened.min()), _MIDDLE).astype(np.float64)
    weights = 0.5 ** (age / HALF_LIFE)
    return np.asarray(weights / weights.mean(), dtype=np.float32)


Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.object_]
Rows = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]
_CHOSEN_AGAIN = 2_000  # rows up to which a second fit chooses its strength anew: a third more of so few ask for another
_LINK_ROWS = 100  # new incidents that are enough to learn the link from
_WIDE_CLASSES = 300  # up to here every term has a weight for every class


@dataclass
class TargetClassifier(Mapped):
    """Probabilities of the classes of one target.

    Parameters
    ----------
    fields : sequence of str
        Coded fields that may speak.
    seed : int
        Reaches every draw.
    weights : FeatureWeights

    Attributes
    ----------
    classes_ : ndarray of str, shape (n_classes,)
    weights_ : ndarray of float16, shape (n_features, n_classes)
    link_ : PowerLink
    strength_ : Strength
    unseen_ : ndarray, shape (n, n_classes)
        Probabilities of the rows of the fit, each from weights that owe nothing to it nor to a row of equal text; NaN
        in rows that were not held out.
    """

    fields: Sequence[str] = ()
    seed: int = 0
    weights: FeatureWeights = DEFAULT_WEIGHTS

    def fit(self, prepared: PreparedIncidents, y: Sequence[str] | Labels) -> Self:
        """Learn features, weights and link."""
        labels = _checked(prepared, y)
        wide = len(set(labels)) <= _WIDE_CLASSES
        groups = equal_text_groups(prepared)
        codes = np.unique(labels.astype(str), return_inverse=True)[1]
        # What is held out of the weights must not teach the features either.
        codes[held_rows(groups, self.seed)] = -1
        self.features_ = IncidentFeatures(self.fields, wide, self.seed, self.weights).fit(prepared, codes)
        scores, codes = self._fit_weights(prepared, groups, self.features_.transform(prepared), labels)
        held_out = ~np.isnan(scores[:, 0])
        self.link_ = fit_link(scores[held_out], codes[held_out])
        self.unseen_ = np.full(scores.shape, np.nan)
        self.unseen_[held_out] = self.link_.probabilities(scores[held_out])
        return self

    def refit(self, prepared: PreparedIncidents, y: Sequence[str] | Labels, new: Bools) -> TargetClassifier:
        """Return another classifier over the same features, its weights learned from these incidents.

        Parameters
        ----------
        new : ndarray of bool, shape (n,)
            Incidents that this classifier never saw. They alone teach the link: terms and topics were not learned from
            them, as they will not be from those to come.
        """
        self._must_be_fitted()
        labels, rows = _checked(prepared, y), self.features_.rows(prepared)
        refitted = replace(self)
        refitted.features_ = self.features_
        scores, codes = refitted._fit_weights(
            prepared, equal_text_groups(prepared), rows.matrix(self.features_.first_weighted), labels, self
        )
        if np.isnan(scores[new]).any():  # of a large history no row is held out of a second fit
            scores, codes = self.scores(rows), self._codes(labels)
        telling = new if new.sum() >= _LINK_ROWS else ~np.isnan(scores[:, 0])
        refitted.link_ = fit_link(scores[telling], codes[telling])
        return refitted

    def predict_proba(self, prepared: PreparedIncidents) -> Floats:
        """Return calibrated probabilities, shape (n, n_classes); rows sum to one."""
        self._must_be_fitted()
        return self.probabilities(self.features_.rows(prepared))

    def probabilities(self, rows: FeatureRows) -> Floats:
        """Return calibrated probabilities of incidents given by their features."""
        return self.link_.probabilities(self.scores(rows))

    def scores(self, rows: FeatureRows) -> Floats:
        """Return the regression's estimates of the class indicators, shape (n, n_classes)."""
        return rows.scores(self.weights_, self.features_.first_weighted)

    def _fit_weights(
        self,
        prepared: PreparedIncidents,
        groups: Rows,
        matrix: FeatureMatrix,
        labels: Labels,
        previous: TargetClassifier | None = None,
    ) -> tuple[Floats, Rows]:
        """Learn classes and weights; return the scores of rows held out of their own fit, and the codes of all."""
        names, codes = np.unique(labels.astype(str), return_inverse=True)
        self.classes_ = names.astype(object)
        start = previous._weights_of(self.classes_) if previous else None
        strength = previous.strength_ if previous and len(codes) > _CHOSEN_AGAIN else None
        fit = fit_ridge(matrix, codes, len(names), groups, self.seed, recency(prepared), start, strength)
        self.weights_ = fit.weights.astype(np.float16)
        self.strength_: Strength = fit.strength
        return fit.held_out.astype(np.float64), codes

    def _weights_of(self, classes: Labels) -> npt.NDArray[np.float32]:
        """Return the weights in the order of other classes, zero for those that are not known."""
        columns = self._codes(classes)
        return np.where(columns >= 0, self.weights_[:, columns].astype(np.float32), np.float32(0))

    def _codes(self, labels: Labels) -> npt.NDArray[np.intp]:
        column = {name: i for i, name in enumerate(self.classes_)}
        return np.array([column.get(name, -1) for name in labels], dtype=np.intp)

    def _must_be_fitted(self) -> None:
        if not hasattr(self, "features_"):
            raise NotFittedError("TargetClassifier must be fitted before it predicts or is fitted again")


def _checked(prepared: PreparedIncidents, y: Sequence[str] | Labels) -> Labels:
    if len(prepared) != len(y):
        raise InputError(f"expected as many labels as incidents; found {len(y)} labels, {len(prepared)} incidents")
    if not len(y):
        raise InputError("expected at least one labelled incident; found none")
    return np.asarray(y, dtype=object)
