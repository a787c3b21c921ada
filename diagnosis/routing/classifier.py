"""TargetClassifier: calibrated probabilities of the classes of one target, from text, title and fields.

Linear scores over `IncidentFeatures` that estimate class probabilities, by least squares, squared hinge loss or a mean
of several such models, whatever suits the history (`diagnosis.routing.selection`); a `PowerLink`, fitted on scores of
rows held out of their own fit, turns them to probabilities. ``docs/decisions/classifier.md`` says what was measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from diagnosis.arrays import Bools, Floats, Labels, Rows
from diagnosis.errors import InputError, NotFittedError
from diagnosis.prepared import PreparedIncidents
from diagnosis.routing.calibration import fit_link
from diagnosis.routing.features import CONSTANT, DEFAULT_WEIGHTS, FeatureWeights, IncidentFeatures, equal_text_groups
from diagnosis.routing.hinge import fit_hinge, hinge_dual, intercepts, scores_by_folds
from diagnosis.routing.matrix import FeatureRows, Matrix
from diagnosis.routing.ridge import DUAL_ROWS, RidgeFit, Strength, fit_dual, fit_ridge, held_rows
from diagnosis.routing.selection import (
    LEAST_SQUARES,
    ModelChoice,
    ages,
    choose_half_life,
    choose_model,
    fading,
)
from diagnosis.routing.views import SMOOTH, FeatureView, ViewedRows
from diagnosis.routing.word_vectors import WordEncoder

_CHOSEN_AGAIN = 2_000  # rows up to which a second fit chooses anew: a third more of so few ask for another
# Rows, and features in each, from which machines learn sooner from the inner products of the rows than from the rows.
_MANY_ROWS, _LONG_ROW = 2_000, 300
_LINK_ROWS = 100  # new incidents that are enough to learn the link from
_WIDE_CLASSES = 300  # up to here every term has a weight for every class


@dataclass
class TargetClassifier:
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
    shares_ : ndarray of float, shape (n_classes,)
        Of the rows of the fit.
    weights_ : ndarray of float16, shape (n_features, n_classes)
    link_ : PowerLink
    choice_ : ModelChoice
    strength_ : Strength or None
        Of the least squares, where they have a part.
    unseen_ : ndarray, shape (n, n_classes)
        Probabilities of the rows of the fit, each from weights that owe nothing to it nor to a row of equal text; NaN
        in rows that were not held out.
    """

    fields: Sequence[str] = ()
    seed: int = 0
    weights: FeatureWeights = DEFAULT_WEIGHTS

    def fit(
        self, prepared: PreparedIncidents, y: Sequence[str] | Labels, encode_words: WordEncoder | None = None
    ) -> Self:
        """Learn features, weights and link; which model suits the history is chosen by held-out rows.

        Parameters
        ----------
        encode_words : callable, optional
            A general model for the words of these incidents.
        """
        labels = _checked(prepared, y)
        groups, age = equal_text_groups(prepared), ages(prepared)
        names, codes = np.unique(labels.astype(str), return_inverse=True)
        self.classes_, self.shares_ = names.astype(object), np.bincount(codes) / len(codes)
        # What is held out of the weights must not teach the features either.
        class_codes = np.where(held_rows(groups, self.seed), -1, codes)
        features = IncidentFeatures(self.fields, len(names) <= _WIDE_CLASSES, self.seed, self.weights)
        self.features_ = features.fit(prepared, class_codes, encode_words)
        rows = self._viewed(prepared)
        self.choice_ = self._choose(rows, codes, groups, age)
        scores = self._fit_weights(rows, codes, groups, age)
        held_out = ~np.isnan(scores[:, 0])
        self.link_ = fit_link(scores[held_out], codes[held_out])
        self.unseen_ = np.full(scores.shape, np.nan)
        self.unseen_[held_out] = self.link_.probabilities(scores[held_out])
        return self

    def refit(
        self,
        prepared: PreparedIncidents,
        y: Sequence[str] | Labels,
        new: Bools,
        encode_words: WordEncoder | None = None,
    ) -> TargetClassifier:
        """Return another classifier, of the same choice, that has learned from all of these incidents.

        In a history of ordinary size its terms are learned from them too, so that it knows the words of the latest.

        Parameters
        ----------
        new : ndarray of bool, shape (n,)
            Incidents that this classifier never saw. Its scores of them teach the link, where they are enough; a small
            history is asked anew which model suits it, and for the scores that rows get from a fit without them.
        encode_words : callable, optional
            A general model for the words of these incidents.
        """
        self._must_be_fitted()
        labels, groups = _checked(prepared, y), equal_text_groups(prepared)
        refitted = replace(self)
        names, codes = np.unique(labels.astype(str), return_inverse=True)
        refitted.classes_, refitted.shares_ = names.astype(object), np.bincount(codes) / len(codes)
        refitted.features_, refitted.choice_ = self.features_, self.choice_
        age, small = ages(prepared), len(labels) <= _CHOSEN_AGAIN
        if len(labels) <= DUAL_ROWS:
            features = IncidentFeatures(self.fields, len(names) <= _WIDE_CLASSES, self.seed, self.weights)
            refitted.features_ = features.fit(prepared, None, encode_words if small or self.choice_.words else None)
        viewed = refitted._viewed(prepared)
        if small:
            choice = refitted._choose(viewed, codes, groups, age)
            refitted.choice_ = replace(choice, half_life=self.choice_.half_life)
        scores = refitted._fit_weights(viewed, codes, groups, age, None if small else self)
        rows = np.flatnonzero(new)
        if small:
            rows = rows if len(rows) >= _LINK_ROWS else np.arange(len(codes))
            refitted.link_ = fit_link(scores[rows], codes[rows])
        elif len(rows) >= _LINK_ROWS:
            refitted.link_ = fit_link(self.scores(self.features_.rows(prepared.take(rows))), self._codes(labels[rows]))
        else:
            refitted.link_ = self.link_
        return refitted

    def predict_proba(self, prepared: PreparedIncidents) -> Floats:
        """Return calibrated probabilities, shape (n, n_classes); rows sum to one."""
        self._must_be_fitted()
        return self.probabilities(self.features_.rows(prepared))

    def probabilities(self, rows: FeatureRows, scores: Floats | None = None) -> Floats:
        """Return calibrated probabilities of incidents given by their features.

        The less of an incident the history knows, the nearer they are to the classes' shares.

        Parameters
        ----------
        scores : ndarray, shape (n, n_classes), optional
            Of these incidents, where they are known already.
        """
        probabilities = self.link_.probabilities(self.scores(rows) if scores is None else scores)
        known = self.features_.known_share(rows)[:, None]
        return known * probabilities + (1 - known) * self.shares_

    def scores(self, rows: FeatureRows) -> Floats:
        """Return the estimates of the class indicators, shape (n, n_classes)."""
        return rows.scores(self.weights_, self.features_.first_weighted)

    def _viewed(self, prepared: PreparedIncidents) -> ViewedRows:
        """Return the features of rows; many long rows are compared with one another, unless they are too many."""
        matrix = self.features_.transform(prepared)
        many_and_long = len(prepared) >= _MANY_ROWS and matrix.sparse.nnz >= _LONG_ROW * len(prepared)
        return ViewedRows(matrix, self._scales, dense=many_and_long and len(prepared) <= DUAL_ROWS)

    def _choose(self, rows: ViewedRows, codes: Rows, groups: Rows, age: Floats | None) -> ModelChoice:
        """Return the model that suits the history; a large one keeps the model that is quick to learn."""
        has_text, has_words = len(self.features_.text_) > 0, self.features_.word_vectors_.n_dimensions > 0
        if not self.features_.wide or len(codes) > DUAL_ROWS:
            return replace(LEAST_SQUARES, half_life=choose_half_life(rows.matrix, codes, age, self.seed))
        return choose_model(rows, codes, groups, age, self.seed, has_text=has_text, has_words=has_words)

    def _scales(self, view: FeatureView) -> npt.NDArray[np.float32]:
        return self.features_.scales(**view._asdict())

    def _fit_weights(
        self, rows: ViewedRows, codes: Rows, groups: Rows, age: Floats | None, previous: TargetClassifier | None = None
    ) -> Floats:
        """Learn the weights; return the scores of rows held out of their own fit, NaN where there are none.

        A second fit, with a ``previous`` one, needs no held-out scores: it begins where that ended, and keeps its
        strength unless it is small. Each model's weights are brought back to the features as they are: the models cost
        no more to answer than one.
        """
        n_classes, faded = len(self.classes_), fading(age, self.choice_.half_life)
        weights = np.zeros((rows.matrix.shape[1], n_classes), dtype=np.float32)
        scores = np.zeros((len(codes), n_classes), dtype=np.float32)
        duals: list[tuple[FeatureView, Matrix]] = []
        self.strength_: Strength | None = None
        if share := np.float32(self.choice_.ridge):
            ridge = self._least_squares(rows, codes, groups, faded, previous)
            self.strength_ = ridge.strength
            scores += share * ridge.held_out
            if rows.dense:
                duals.append((SMOOTH, share * ridge.weights))
            else:
                by_row = len(codes) <= DUAL_ROWS
                weights += share * (rows.seen(SMOOTH).T @ ridge.weights if by_row else ridge.weights)
        for model, of_model in self.choice_.hinges.items():
            share, row_weights = np.float32(of_model), model.row_weights(codes, n_classes, faded)
            if previous is None:
                scores += share * scores_by_folds(rows, model, codes, n_classes, groups, faded)
            if rows.dense:
                dual = hinge_dual(rows.gram(model.view), codes, n_classes, model.strength, row_weights)
                duals.append((model.view, share * dual))
                weights[self.features_.constant] += share * intercepts(codes, n_classes) / np.float32(CONSTANT**0.5)
            else:
                fitted_weights = fit_hinge(rows.seen(model.view), codes, n_classes, model.strength, row_weights)
                weights += share * self._scales(model.view)[:, None] * fitted_weights
        if duals:
            weights += rows.weights(duals)
        self.weights_ = weights.astype(np.float16)
        return scores.astype(np.float64)

    def _least_squares(
        self, rows: ViewedRows, codes: Rows, groups: Rows, faded: Matrix | None, previous: TargetClassifier | None
    ) -> RidgeFit:
        """Return the part of least squares: weights of rows, or in a large history of features."""
        n_classes = len(self.classes_)
        strength = previous.strength_ if previous and len(codes) > _CHOSEN_AGAIN else None
        if len(codes) <= DUAL_ROWS:
            return fit_dual(rows.gram(SMOOTH), codes, n_classes, groups, self.seed, faded, strength)
        start = previous._weights_of(self.classes_) if previous else None
        return fit_ridge(rows.matrix, codes, n_classes, groups, self.seed, faded, start, strength)

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
