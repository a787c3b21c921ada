"""The model that suits a history is chosen by rows held out of the fit, the usual one unless another surely wins."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import minimize

from diagnosis.routing import Router, classifier, hinge
from diagnosis.routing.hinge import HingeModel, fit_hinge, hinge_dual, intercepts, scores_by_folds
from diagnosis.routing.matrix import FeatureMatrix
from diagnosis.routing.selection import OF_FEW, choose_half_life, choose_model, held_out_quality
from diagnosis.routing.views import TERMS, FeatureView, ViewedRows

CONSTANT = 0.2


def matrix_of(rows: np.ndarray) -> FeatureMatrix:
    sparse = sp.csr_matrix(np.hstack([rows, np.full((len(rows), 1), CONSTANT)]).astype(np.float32))
    return FeatureMatrix(sparse, np.zeros((len(rows), 0), dtype=np.float32))


def one_hot(words: np.ndarray, n_words: int) -> np.ndarray:
    return np.eye(n_words, dtype=np.float32)[words]


def test_scores_of_the_hinge_loss_estimate_probabilities() -> None:
    rng = np.random.default_rng(0)
    words = rng.integers(0, 2, 4000)
    codes = np.where(rng.random(4000) < np.where(words == 0, 0.7, 0.1), 0, 1)
    weights = fit_hinge(matrix_of(one_hot(words, 2)), codes, 2, 10.0, np.ones(4000, dtype=np.float32))
    scores = matrix_of(one_hot(np.array([0, 1]), 2)) @ weights
    assert scores == pytest.approx(np.array([[0.7, 0.3], [0.1, 0.9]]), abs=0.04)


def test_a_class_without_a_row_scores_nothing_and_a_single_class_one() -> None:
    matrix = matrix_of(one_hot(np.array([0, 1, 0, 1]), 2))
    ones = np.ones(4, dtype=np.float32)
    assert not fit_hinge(matrix, np.array([0, 2, 0, 2]), 4, 1.0, ones)[:, [1, 3]].any()
    assert matrix @ fit_hinge(matrix, np.zeros(4, dtype=np.intp), 2, 1.0, ones) == pytest.approx(np.eye(2)[[0] * 4])


def drawn_problem(n: int = 150, n_classes: int = 4) -> tuple[FeatureMatrix, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    matrix = matrix_of(rng.normal(size=(n, 8)).astype(np.float32) * 0.4)
    return matrix, rng.integers(0, n_classes, n), rng.uniform(0.5, 1.5, n).astype(np.float32)


def test_the_dual_of_all_classes_reaches_the_least_squared_hinge_loss(monkeypatch) -> None:
    matrix, codes, row_weights = drawn_problem()
    monkeypatch.setattr(hinge, "_DUAL_TOLERANCE", 1e-4)
    monkeypatch.setattr(hinge, "_MAX_PASSES", 1_000)
    gram = matrix.inner_products()
    scores = gram @ hinge_dual(gram, codes, 5, 0.5, row_weights) + intercepts(codes, 5)
    rows = matrix.sparse.toarray().astype(np.float64)
    for column in range(4):
        sign = np.where(codes == column, 1.0, -1.0)

        def loss(weights: np.ndarray, sign: np.ndarray = sign) -> float:
            return weights @ weights / 2 + 0.5 * row_weights @ np.maximum(1 - sign * (rows @ weights), 0) ** 2

        exact = minimize(loss, np.zeros(9), method="L-BFGS-B", options={"ftol": 1e-15, "gtol": 1e-9}).x
        assert scores[:, column] == pytest.approx((rows @ exact + 1) / 2, abs=2e-3)
    assert not scores[:, 4].any()


@pytest.mark.parametrize("dense", [True, False])
def test_rows_of_equal_text_are_held_out_together(dense) -> None:
    words = np.arange(30) % 10
    codes = words % 2
    rows = ViewedRows(matrix_of(one_hot(words, 10)), lambda _: np.ones(11, dtype=np.float32), dense=dense)
    scores = scores_by_folds(rows, HingeModel(TERMS, 10.0, 0.0), codes, 2, words, None)
    assert len(np.unique(scores.round(2), axis=0)) <= 3  # a word that no fold knows says only what its fold's prior is


def test_products_and_weights_of_views_are_those_of_scaled_features() -> None:
    matrix, codes, _ = drawn_problem()
    dense = np.random.default_rng(4).normal(size=(150, 3)).astype(np.float32)
    matrix = FeatureMatrix(matrix.sparse, dense)
    dual = np.eye(4, dtype=np.float32)[codes]

    def scales(view: FeatureView) -> np.ndarray:
        return np.sqrt(np.array([view.terms] * 5 + [view.fields] * 3 + [1] + [view.topics] * 2 + [view.words])).astype(
            "f"
        )

    rows, views = ViewedRows(matrix, scales), (TERMS, FeatureView(1, 3, 1, 0), FeatureView(4, 3, 0, 1))
    for view in views:
        scaled = matrix.scaled(scales(view))
        assert rows.gram(view) == pytest.approx(scaled.inner_products(), abs=1e-4)
        assert rows.take(np.arange(9)).gram(view) == pytest.approx(rows.gram(view)[:9, :9], abs=1e-6)
    expected = sum(scales(view)[:, None] * (matrix.scaled(scales(view)).T @ dual) for view in views)
    assert rows.weights([(view, dual) for view in views]) == pytest.approx(expected, abs=1e-3)


def test_inner_products_of_long_rows_lead_to_the_same_answers(drawn, monkeypatch) -> None:
    """Of many long rows the products are multiplied; both ways lead to one model."""
    monkeypatch.setattr(hinge, "_TOLERANCE", 0.01)
    monkeypatch.setattr(hinge, "_DUAL_TOLERANCE", 0.01)
    prepared, labels = drawn(700, seed=3, noise=0.1)
    asked = drawn(100, seed=4)[0]
    learn, later = np.arange(500), np.arange(500, 700)
    probabilities = []
    for many in (10_000, 0):
        monkeypatch.setattr(classifier, "_MANY_ROWS", many)
        monkeypatch.setattr(classifier, "_LONG_ROW", 0)
        router = Router("assignment_group").fit_and_calibrate(prepared, labels, learn, later)
        probabilities += [router.predict_proba(asked), router.classifier_.predict_proba(asked)]
    assert probabilities[2] == pytest.approx(probabilities[0], abs=0.02)
    assert probabilities[3] == pytest.approx(probabilities[1], abs=0.02)


def test_quality_is_accuracy_and_half_of_macro_f1_and_of_top_3_accuracy() -> None:
    scores = np.eye(4)[[0, 0, 1, 1]] + np.array([0, 0, 0, 0.1])
    quality = held_out_quality(scores.astype(np.float32), np.array([0, 0, 1, 2]))
    assert quality == pytest.approx(0.75 + ((1 + 2 / 3 + 0) / 3 + 0.75) / 2)


def test_a_model_that_surely_wins_is_taken_and_few_rows_keep_the_usual_one() -> None:
    """Here only least squares sees the columns that tell classes apart."""
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 3, 600)
    matrix, groups = matrix_of(one_hot(codes, 3)), np.arange(600)

    def scales(view: FeatureView) -> np.ndarray:
        return np.array([float(view.terms == 1 and view.fields == 1)] * 3 + [1.0], dtype=np.float32)

    assert choose_model(ViewedRows(matrix, scales), codes, groups, None, 0).ridge > 0
    assert choose_model(ViewedRows(matrix, scales), codes[:20], groups[:20], None, 0) == OF_FEW


def test_word_vectors_are_taken_where_they_surely_help_and_only_there() -> None:
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 3, 200)
    groups, tell, nothing = np.arange(200), one_hot(codes, 3), one_hot(rng.integers(0, 3, 200), 3)
    for terms, vectors, taken in ((nothing, tell, True), (tell, nothing, False)):
        matrix = matrix_of(np.hstack([terms, vectors]))

        def scales(view: FeatureView) -> np.ndarray:
            return np.array([1.0] * 3 + [view.words] * 3 + [1.0], dtype=np.float32)

        assert choose_model(ViewedRows(matrix, scales), codes, groups, None, 0, has_words=True).words == taken
        assert not choose_model(ViewedRows(matrix, scales), codes, groups, None, 0).words


def test_a_dated_history_is_asked_by_its_later_rows() -> None:
    """A word changed its class for good: who lets old rows fade answers the later ones."""
    words = np.random.default_rng(2).integers(0, 3, 900)
    age = np.linspace(1, 0, 900)
    codes = np.where((age < 0.45) & (words == 0), 3, words)
    matrix = matrix_of(one_hot(words, 3))

    def scales(_: FeatureView) -> np.ndarray:
        return np.ones(4, dtype=np.float32)

    assert choose_model(ViewedRows(matrix, scales), codes, np.arange(900), age, 0).half_life is not None
    assert choose_model(ViewedRows(matrix, scales), codes, np.arange(900), None, 0).half_life is None


@pytest.mark.parametrize(("moved", "fades"), [(True, True), (False, False)])
def test_old_incidents_fade_only_where_duties_moved(moved, fades) -> None:
    rng = np.random.default_rng(2)
    words = rng.integers(0, 4, 600)
    age = np.linspace(1, 0, 600)
    codes = np.where(moved & (age < 0.4) & (words == 0), 4, words)
    matrix = matrix_of(one_hot(words, 4))
    assert (choose_half_life(matrix, codes, age, 0) is not None) == fades
    assert choose_half_life(matrix, codes, None, 0) is None
